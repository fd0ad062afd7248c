// SPDX-License-Identifier: Apache-2.0
// One decoded Avro datum as a tree, and its binary encoding. Meant for metadata files (thousands of records), not for rows of tables.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "formats/avro_schema.h"

namespace firn::formats {

/// A value type. int, long, enum (index) are int64; float, double are double; bytes, string, fixed are std::string; a record is its fields in
/// the schema's order, an array its items, a map its entries as two-item arrays {key, value}. A union is the value of its branch.
struct AvroValue {
  using Items = std::vector<AvroValue>;
  std::variant<std::monostate, bool, int64_t, double, std::string, Items> content;

  AvroValue() = default;
  AvroValue(bool value) : content(value) {}                         // NOLINT: implicit by design
  AvroValue(int64_t value) : content(value) {}                      // NOLINT
  AvroValue(double value) : content(value) {}                       // NOLINT
  AvroValue(std::string value) : content(std::move(value)) {}       // NOLINT
  AvroValue(Items value) : content(std::move(value)) {}             // NOLINT
  AvroValue(int32_t value) : content(static_cast<int64_t>(value)) {}  // NOLINT
  AvroValue(const char*) = delete;

  bool is_null() const { return content.index() == 0; }
  // nullptr if the value is of another sort.
  const bool* if_boolean() const { return std::get_if<bool>(&content); }
  const int64_t* if_integer() const { return std::get_if<int64_t>(&content); }
  const double* if_double() const { return std::get_if<double>(&content); }
  const std::string* if_bytes() const { return std::get_if<std::string>(&content); }
  const Items* if_items() const { return std::get_if<Items>(&content); }
  bool operator==(const AvroValue& other) const = default;
};

/// Values in one datum; more is refused, which bounds what a few hostile bytes can allocate.
inline constexpr int64_t kMaxAvroValuesPerDatum = 4'000'000;

/// How to read data of a writer's schema as a reader's: fields are matched by field id, by name where the writer has none. Immutable.
class AvroResolution {
 public:
  /// kDecodeError if a field of the reader is neither optional nor in the writer's schema, or the types do not fit.
  static Result<AvroResolution> Make(const AvroSchemaPtr& writer, const AvroSchemaPtr& reader);

  /// Takes one datum off the front of `*in`. kCorruption if the bytes end early or cannot be.
  Result<AvroValue> Decode(std::string_view* in) const;

 private:
  struct Node;
  std::shared_ptr<const Node> root_;
  friend class AvroResolver;
  friend class AvroDecoder;
};

/// Appends the encoding of `value`. kInvalidArgument names the field whose value does not fit the schema.
Status EncodeAvro(const AvroSchema& schema, const AvroValue& value, std::string* out);

}  // namespace firn::formats
