// SPDX-License-Identifier: Apache-2.0
// A bound, typed scalar expression over the columns of one input: what the binder makes of SQL text and the evaluator runs.
// Immutable and shared freely.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "types/batch.h"
#include "types/data_type.h"

namespace firn::expr {

struct ScalarFunction;

enum class ExpressionKind : uint8_t {
  kColumn,   // column `index` of the input
  kLiteral,  // `literal`: an array of length 1
  kCall,     // `function` applied to `arguments`; AND, OR, CASE, COALESCE, CAST ... are functions too (see ScalarFunction::lazy)
};

struct Expression;
using ExpressionPtr = std::shared_ptr<const Expression>;

struct Expression {
  ExpressionKind kind = ExpressionKind::kLiteral;
  types::DataType type;
  base::SourceSpan span;                    // in the statement, for errors
  int index = -1;                           // kColumn
  std::string name;                         // kColumn: for EXPLAIN
  types::ArrayPtr literal;                  // kLiteral
  const ScalarFunction* function = nullptr; // kCall; lives as long as the registry
  std::vector<ExpressionPtr> arguments;     // kCall
};

ExpressionPtr MakeColumn(int index, std::string name, types::DataType type, base::SourceSpan span = {});
/// `value`: an array of length 1 of the type's Arrow type.
ExpressionPtr MakeLiteral(types::ArrayPtr value, types::DataType type, base::SourceSpan span = {});
ExpressionPtr MakeNullLiteral(types::DataType type);
ExpressionPtr MakeBooleanLiteral(bool value);
ExpressionPtr MakeIntLiteral(int32_t value);
ExpressionPtr MakeBigIntLiteral(int64_t value);
ExpressionPtr MakeStringLiteral(std::string_view value);

/// Same kind, type, function and arguments (spans and names do not count).
bool Equal(const Expression& left, const Expression& right);
uint64_t Hash(const Expression& expression);
/// The columns it reads, ascending, each once.
std::vector<int> ColumnsOf(const Expression& expression);
/// Adds to uses[i] how often it reads column i; every column it reads has a place.
void CountUses(const Expression& expression, std::vector<int>* uses);
/// Column i becomes column mapping[i]; every used column must be mapped (not -1).
ExpressionPtr RemapColumns(const ExpressionPtr& expression, const std::vector<int>& mapping);
/// Column i becomes replacements[i]: an expression over a projection rewritten over the projection's input.
ExpressionPtr SubstituteColumns(const ExpressionPtr& expression, const std::vector<ExpressionPtr>& replacements);
/// Whether its value depends on nothing but its columns: no RAND, UUID, CURRENT_ROW_TIMESTAMP, PROCTIME.
bool IsDeterministic(const Expression& expression);
/// "(price * 2) > CAST(x AS INT)": for EXPLAIN and column names.
std::string ToString(const Expression& expression);

}  // namespace firn::expr
