// SPDX-License-Identifier: Apache-2.0
// Typed access to the members of a JSON object, with errors that name the member. For the *_json.cc files of this module only.
#pragma once

#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/result.h"

namespace firn::iceberg {

inline constexpr size_t kMaxJsonDepth = 256;

/// kInvalidMetadata names `what`, the position and the reason.
inline Result<boost::json::value> ParseJson(std::string_view text, std::string_view what) {
  boost::system::error_code code;
  boost::json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  boost::json::value value = boost::json::parse({text.data(), text.size()}, code, {}, options);
  if (code) return Error(ErrorCode::kInvalidMetadata, fmt::format("{} is not JSON: {}", what, code.message()));
  return value;
}

/// Looks at an object; it must outlive this. Remembers which members were asked for, so that Others() gives what this version does not know.
class JsonObject {
 public:
  static Result<JsonObject> Of(const boost::json::value& value, std::string what) {
    const boost::json::object* object = value.if_object();
    if (object == nullptr) return Error(ErrorCode::kInvalidMetadata, fmt::format("{} is no JSON object", what));
    return JsonObject(*object, std::move(what));
  }

  /// nullptr if absent or null.
  const boost::json::value* Find(std::string_view name) const {
    asked_.insert(std::string(name));
    const boost::json::value* value = object_->if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  }

  Result<std::optional<int64_t>> OptionalInteger(std::string_view name) const {
    const boost::json::value* value = Find(name);
    if (value == nullptr) return std::optional<int64_t>();
    if (value->is_int64()) return std::optional<int64_t>(value->get_int64());
    return Wrong(name, "an integer");
  }
  Result<int64_t> Integer(std::string_view name) const { return Required(OptionalInteger(name), name); }
  Result<int64_t> Integer(std::string_view name, int64_t otherwise) const {
    FIRN_TRY(std::optional<int64_t> value, OptionalInteger(name));
    return value.value_or(otherwise);
  }
  Result<std::optional<int32_t>> OptionalInt32(std::string_view name) const {
    FIRN_TRY(std::optional<int64_t> value, OptionalInteger(name));
    if (value && *value != static_cast<int32_t>(*value)) return Wrong(name, "a 32-bit integer");
    return value ? std::optional<int32_t>(static_cast<int32_t>(*value)) : std::nullopt;
  }
  Result<int32_t> Int32(std::string_view name) const { return Required(OptionalInt32(name), name); }
  Result<int32_t> Int32(std::string_view name, int32_t otherwise) const {
    FIRN_TRY(std::optional<int32_t> value, OptionalInt32(name));
    return value.value_or(otherwise);
  }
  Result<std::optional<std::string>> OptionalText(std::string_view name) const {
    const boost::json::value* value = Find(name);
    if (value == nullptr) return std::optional<std::string>();
    if (value->is_string()) return std::optional<std::string>(std::string(value->get_string()));
    return Wrong(name, "text");
  }
  Result<std::string> Text(std::string_view name) const { return Required(OptionalText(name), name); }
  Result<bool> Boolean(std::string_view name, bool otherwise) const {
    const boost::json::value* value = Find(name);
    if (value == nullptr) return otherwise;
    if (value->is_bool()) return value->get_bool();
    return Wrong(name, "true or false");
  }
  /// Empty if absent.
  Result<const boost::json::array*> Array(std::string_view name) const {
    static const boost::json::array kEmpty;
    const boost::json::value* value = Find(name);
    if (value == nullptr) return &kEmpty;
    if (const boost::json::array* array = value->if_array()) return array;
    return Wrong(name, "an array");
  }
  /// Empty if absent.
  Result<std::vector<int32_t>> Int32s(std::string_view name) const {
    FIRN_TRY(const boost::json::array* items, Array(name));
    std::vector<int32_t> numbers;
    for (const boost::json::value& item : *items) {
      if (!item.is_int64() || item.get_int64() != static_cast<int32_t>(item.get_int64())) return Wrong(name, "an array of 32-bit integers");
      numbers.push_back(static_cast<int32_t>(item.get_int64()));
    }
    return numbers;
  }
  /// Empty if absent; values must be text.
  Result<std::map<std::string, std::string>> Texts(std::string_view name) const {
    std::map<std::string, std::string> texts;
    const boost::json::value* value = Find(name);
    if (value == nullptr) return texts;
    const boost::json::object* object = value->if_object();
    if (object == nullptr) return Wrong(name, "an object");
    for (const auto& [key, item] : *object) {
      if (!item.is_string()) return Wrong(name, "an object of texts");
      texts.emplace(std::string(key), std::string(item.get_string()));
    }
    return texts;
  }

  /// Members that were never asked for, as JSON texts: kept when the object is written again.
  std::map<std::string, std::string> Others() const {
    std::map<std::string, std::string> others;
    for (const auto& [key, value] : *object_) {
      if (!asked_.contains(std::string(key))) others.emplace(std::string(key), boost::json::serialize(value));
    }
    return others;
  }

  Error Wrong(std::string_view name, std::string_view expected) const {
    return Error(ErrorCode::kInvalidMetadata, fmt::format("`{}` of {} is not {}", name, what_, expected));
  }
  Error Missing(std::string_view name) const {
    return Error(ErrorCode::kInvalidMetadata, fmt::format("{} has no `{}`", what_, name));
  }

 private:
  JsonObject(const boost::json::object& object, std::string what) : object_(&object), what_(std::move(what)) {}

  template <typename T>
  Result<T> Required(Result<std::optional<T>> value, std::string_view name) const {
    if (!value.ok()) return std::move(value).error();
    if (!value->has_value()) return Missing(name);
    return **std::move(value);
  }

  const boost::json::object* object_;
  std::string what_;
  mutable std::set<std::string> asked_;
};

/// Adds members kept by Others(); what is already there wins.
inline void AddOthers(const std::map<std::string, std::string>& others, boost::json::object* object) {
  for (const auto& [name, text] : others) {
    if (object->contains(name)) continue;
    Result<boost::json::value> value = ParseJson(text, name);
    FIRN_ASSERT(value.ok(), "{} was JSON when it was read", name);
    object->emplace(name, std::move(value).value());
  }
}

}  // namespace firn::iceberg
