// SPDX-License-Identifier: Apache-2.0
// The catalog's keys in the meta store (docs/formats/catalog-keys.md). Parts of names are separated by the byte 0x1f, which no name may hold.
#pragma once

#include <string>
#include <string_view>

namespace firn::catalog {

inline constexpr char kKeySeparator = '\x1f';

inline std::string CatalogKey(const std::string& catalog) { return "catalog/definition/" + catalog; }
inline std::string DatabasePrefix(const std::string& catalog) { return "catalog/database/" + catalog + kKeySeparator; }
inline std::string DatabaseKey(const std::string& catalog, const std::string& database) { return DatabasePrefix(catalog) + database; }
inline std::string TablePrefix(const std::string& catalog, const std::string& database) {
  return "catalog/table/" + catalog + kKeySeparator + database + kKeySeparator;
}
inline std::string TableKey(const std::string& catalog, const std::string& database, const std::string& name) { return TablePrefix(catalog, database) + name; }
/// Each folder that has been the node's warehouse: tables name their files by the one that it was then.
inline constexpr std::string_view kWarehousePrefix = "catalog/warehouse/";
inline std::string WarehouseKey(const std::string& path) { return std::string(kWarehousePrefix) + path; }
/// Where the current metadata of an embedded Iceberg table is.
inline std::string PointerPrefix(const std::string& catalog, const std::string& database) {
  return "catalog/pointer/" + catalog + kKeySeparator + database + kKeySeparator;
}
inline std::string PointerKey(const std::string& catalog, const std::string& database, const std::string& name) { return PointerPrefix(catalog, database) + name; }

/// Whether a catalog, database or table may be called so: not empty, at most 255 bytes, no control characters.
inline bool IsName(std::string_view name) {
  if (name.empty() || name.size() > 255) return false;
  for (char c : name) {
    if (static_cast<unsigned char>(c) < ' ') return false;
  }
  return true;
}

}  // namespace firn::catalog
