// SPDX-License-Identifier: Apache-2.0
// What went wrong, in the one form that parser, planner, runtime, HTTP and Kafka answers share: a stable code, a message that
// names the thing and the value, and where they exist a source span, a reason, a next step and near candidates.
// Codes live in error_registry.def. Rendering for people is in error_render.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace firn::base {

enum class ErrorCode : uint16_t {
#define FIRN_ERROR(number, name, http, kafka, title, text) k##name = number,
#include "base/error_registry.def"
#undef FIRN_ERROR
};

/// One row of the registry.
struct ErrorInfo {
  ErrorCode code;
  std::string_view name;      // "ColumnNotFound"
  int http_status;
  int kafka_code;             // -1: UNKNOWN_SERVER_ERROR
  std::string_view title;     // "column not found"
  std::string_view text;      // what it means and what to do next
};

/// The registry's row of a code. Every code has one.
const ErrorInfo& InfoOf(ErrorCode code);
/// The row of "E2102" or "2102"; nullptr if there is none.
const ErrorInfo* FindErrorInfo(std::string_view text);
/// All rows, in ascending order of code.
const std::vector<ErrorInfo>& AllErrors();
/// "E2102".
std::string ErrorCodeText(ErrorCode code);

/// Bytes [begin, end) of a statement's text.
struct SourceSpan {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool operator==(const SourceSpan&) const = default;
};

/// A value type, one pointer wide so that Result stays small. Not thread-safe; move it between threads.
class Error {
 public:
  Error(ErrorCode code, std::string message);
  Error(const Error& other);
  Error& operator=(const Error& other);
  Error(Error&&) noexcept;
  Error& operator=(Error&&) noexcept;
  ~Error();

  ErrorCode code() const;
  const std::string& message() const;
  const std::optional<SourceSpan>& span() const;
  const std::string& label() const;                  // beneath the carets; may be empty
  const std::string& why() const;                    // the reason, a full sentence; may be empty
  const std::string& hint() const;                   // the next step; may be empty
  const std::vector<std::string>& candidates() const;  // near names, best first
  const std::vector<std::string>& context() const;   // what was being done, innermost first

  // Setters chain: return Error(...).At(span).Hint("...").
  Error&& At(SourceSpan span, std::string label = {}) &&;
  Error&& Why(std::string text) &&;
  Error&& Hint(std::string text) &&;
  Error&& Candidates(std::vector<std::string> names) &&;
  /// Adds what was being done; one line a layer, where it is known.
  Error&& Context(std::string text) &&;

  /// "E2102 column not found: `prise` ... (while ...)": one line for logs.
  std::string ToString() const;

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

/// The names within a small edit distance (transpositions count one) of `name`, nearest first, at most three.
std::vector<std::string> NearNames(std::string_view name, const std::vector<std::string>& known);

}  // namespace firn::base
