// SPDX-License-Identifier: Apache-2.0
// Everything about a scalar function or operator in one place: names, how arguments are checked and coerced, result type,
// kernel, a line of documentation, and examples that are run as tests. A new function is one entry in one file
// (docs/recipes/add-a-function.md).
#pragma once

#include <any>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "expr/expression.h"
#include "expr/limits.h"
#include "types/batch.h"
#include "types/data_type.h"

namespace firn::io {
class Random;
}

namespace firn::expr {

/// What evaluation depends on besides its columns. Constant during a call.
struct EvaluationContext {
  int64_t query_start_us = 0;      // CURRENT_TIMESTAMP in batch mode: microseconds since the epoch
  int64_t row_time_us = 0;         // CURRENT_ROW_TIMESTAMP, NOW, PROCTIME of the batch at hand
  bool is_batch = false;
  std::string time_zone = "UTC";   // 'table.local-time-zone'
  bool legacy_cast = false;        // 'table.exec.legacy-cast-behaviour'
  io::Random* random = nullptr;    // RAND, UUID; may be null where the expression is deterministic
  const types::Batch* batch = nullptr;  // CURRENT_WATERMARK reads its watermarks
  std::string current_catalog;
  std::string current_database;
  Limits limits;
};

/// A column during evaluation: one value a row, or one value for all rows (`array` of length 1).
struct Column {
  types::ArrayPtr array;
  bool is_constant = false;
};

/// Where a function is called, as seen when the query is bound.
struct CallSite {
  std::vector<types::DataType> types;         // of the arguments
  std::vector<types::ArrayPtr> literals;      // the argument's value if it is a literal, else null
  std::string name;                           // as written
  base::SourceSpan span;
  const EvaluationContext* context = nullptr; // session settings
};

/// What binding a call gives: the types the arguments must be cast to (implicitly) and the type of the result.
struct Signature {
  std::vector<types::DataType> arguments;
  types::DataType result;
};

/// Fails with kTypeMismatch (or kInvalidArgument, kInvalidLiteral) naming the function, the given and the supported types.
using BindFunction = Result<Signature> (*)(const CallSite& call);

struct KernelInput {
  const EvaluationContext& context;
  std::span<const Column> arguments;
  std::span<const types::DataType> argument_types;
  const types::DataType& result_type;
  int64_t row_count;
  std::any* memory = nullptr;  // what this call keeps from batch to batch; null where a constant is computed
};
/// Computes all rows. Every argument has the type that BindFunction asked for. A constant result may be returned as one.
using Kernel = Result<Column> (*)(const KernelInput& input);

struct FunctionExample {
  std::string_view expression;  // "UPPER('abc')"
  std::string_view result;      // "ABC", as the shell prints it; "NULL"
};

struct ScalarFunction {
  std::vector<std::string_view> names;  // upper case; the first is the canonical one; operators by sign: "+", "=", "IS NULL"
  std::string_view category;            // "string", "temporal", ...
  std::string_view syntax;              // "SUBSTRING(string, start[, length])"
  std::string_view doc;                 // one sentence
  std::vector<FunctionExample> examples;
  BindFunction bind = nullptr;
  Kernel kernel = nullptr;              // none: is_lazy
  bool is_deterministic = true;
  /// NULL in, NULL out: the evaluator may skip rows where any argument is NULL.
  bool is_strict = true;
  /// Arguments are evaluated only for the rows that need them (CASE, COALESCE, IF, AND, OR): the evaluator has a rule for each by name.
  bool is_lazy = false;
  /// Whether a row can fail the call (division by zero, CAST): such arguments of lazy functions are evaluated only where they are needed.
  bool can_fail = false;
};

// Special syntax is bound as calls by these conventions: EXTRACT(unit FROM t) is EXTRACT('UNIT', t); FLOOR(t TO unit) is FLOOR(t, 'UNIT');
// TRIM(mode x FROM s) is TRIM('MODE', x, s); POSITION(a IN b) is POSITION(a, b); TIMESTAMPADD(unit, n, t) has the unit as text first; x [NOT] IN (a, b) is IN(x, a, b);
// a LIKE b ESCAPE c is LIKE(a, b, c); CASE is CASE(when, then, ..., else); a[i] is "[]"(a, i); a field of a ROW is "."(row, 'name');
// IS NULL, IS NOT NULL, IS TRUE, ..., IS JSON OBJECT are functions of those names; JSON_VALUE, JSON_QUERY and JSON_EXISTS get their clauses as
// further literal arguments, see json_functions.cc.

/// Immutable after construction; thread-safe.
class FunctionRegistry {
 public:
  /// All built-in functions and operators.
  static const FunctionRegistry& BuiltIn();
  /// By name, any case; nullptr if there is none.
  const ScalarFunction* Find(std::string_view name) const;
  const std::vector<const ScalarFunction*>& all() const { return all_; }
  /// Upper-case names, sorted, each once: SHOW FUNCTIONS and "did you mean".
  std::vector<std::string> Names() const;

 protected:
  std::vector<const ScalarFunction*> all_;
};

/// Binds a call: checks and coerces arguments (adding casts), folds nothing. kFunctionNotFound carries candidates.
Result<ExpressionPtr> BindCall(std::string_view name, std::vector<ExpressionPtr> arguments, base::SourceSpan span,
                               const EvaluationContext& context);
/// An explicit CAST (`is_try`: TRY_CAST). kTypeMismatch if no such cast exists.
Result<ExpressionPtr> BindCast(ExpressionPtr value, const types::DataType& target, bool is_try, base::SourceSpan span,
                               const EvaluationContext& context);
/// The implicit cast that assignments and set operations use; returns `value` itself if the type is right already.
Result<ExpressionPtr> BindImplicitCast(ExpressionPtr value, const types::DataType& target, base::SourceSpan span,
                                       const EvaluationContext& context);
/// The type that all can be implicitly cast to (CASE branches, UNION columns, IN lists, VALUES); kTypeMismatch if none.
Result<types::DataType> CommonType(std::span<const types::DataType> types);

}  // namespace firn::expr
