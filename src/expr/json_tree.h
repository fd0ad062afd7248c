// SPDX-License-Identifier: Apache-2.0
// A JSON text as a tree that keeps numbers as they were written, and SQL/JSON paths over it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace firn::expr {

struct Json {
  enum class Kind : uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool truth = false;                                // kBoolean
  std::string text;                                  // kNumber: as written; kString: decoded
  std::vector<Json> items;                           // kArray, kObject: values
  std::vector<std::string> keys;                     // kObject: parallel to items

  bool IsScalar() const { return kind != Kind::kArray && kind != Kind::kObject; }
};

/// Reuses its buffers from text to text. Thread-compatible.
class JsonParser {
 public:
  JsonParser();
  ~JsonParser();
  /// nullopt for what is no JSON: one value and nothing behind it.
  std::optional<Json> Parse(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Appends the text without blanks; the keys of objects in ascending order, if `sorts_keys`.
void AppendJson(const Json& json, bool sorts_keys, std::string* out);
/// A string with its quotes and escapes.
void AppendJsonString(std::string_view text, std::string* out);

/// "$.a.b", "$['a'][0]", "lax $.items[*].name". Immutable once parsed.
class JsonPath {
 public:
  /// kInvalidArgument for what is no path, kNotSupported for filters, slices and `..`.
  static Result<JsonPath> Parse(std::string_view text);
  /// In lax mode what is missing is empty, else an error of the query.
  bool is_lax() const { return is_lax_; }
  /// The value; with [*] or .* an array of all that match. nullopt if a step leads nowhere.
  std::optional<Json> Find(const Json& root) const;

 private:
  struct Step {
    enum class Kind : uint8_t { kKey, kIndex, kAll } kind = Kind::kKey;
    std::string key;
    int64_t index = 0;  // negative: from the end
  };
  static void FindFrom(const Json& json, const std::vector<Step>& steps, size_t at, std::vector<const Json*>* found);

  bool is_lax_ = false;
  bool has_all_ = false;
  std::vector<Step> steps_;
};

}  // namespace firn::expr
