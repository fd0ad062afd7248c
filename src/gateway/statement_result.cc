// SPDX-License-Identifier: Apache-2.0
#include "gateway/statement_result.h"

#include <arrow/array.h>
#include <arrow/builder.h>

namespace firn::gateway {

namespace {

types::ArrayPtr TextColumn(const std::vector<std::vector<std::string>>& rows, size_t column, Empty empty) {
  arrow::StringBuilder builder;
  for (const auto& row : rows) {
    FIRN_ASSERT(column < row.size(), "column {} of {}", column, row.size());
    const bool is_null = row[column].empty() && empty == Empty::kNull;
    FIRN_ASSERT((is_null ? builder.AppendNull() : builder.Append(row[column])).ok(), "out of memory for {} rows of text", rows.size());
  }
  return builder.Finish().ValueOrDie();
}

}  // namespace

StatementResult TextResult(const std::vector<std::string>& columns, const std::vector<std::vector<std::string>>& rows, Empty empty) {
  StatementResult result;
  result.kind = ResultKind::kSuccessWithContent;
  std::vector<types::Field> fields;
  for (const std::string& column : columns) fields.push_back({column, types::DataType::String()});
  result.schema = types::MakeSchema(std::move(fields));
  types::Batch batch{result.schema, {}, static_cast<int64_t>(rows.size()), nullptr, nullptr};
  for (size_t i = 0; i < columns.size(); ++i) batch.columns.push_back(TextColumn(rows, i, empty));
  result.rows.push_back(std::move(batch));
  return result;
}

void AddInstants(const std::string& column, const std::vector<int64_t>& times_ms, StatementResult* result) {
  const types::DataType type = types::DataType::TimestampLtz(3);
  arrow::TimestampBuilder builder(type.ToArrow(), arrow::default_memory_pool());
  for (int64_t time_ms : times_ms) FIRN_ASSERT(builder.Append(time_ms * 1000).ok(), "out of memory for {} times", times_ms.size());
  std::vector<types::Field> fields = result->schema->fields();
  fields.push_back({column, type});
  types::Batch& batch = result->rows.at(0);
  FIRN_ASSERT(batch.row_count == static_cast<int64_t>(times_ms.size()), "{} rows and {} times", batch.row_count, times_ms.size());
  batch.schema = result->schema = types::MakeSchema(std::move(fields));
  batch.columns.push_back(builder.Finish().ValueOrDie());
}

StatementResult OkResult() {
  StatementResult result = TextResult({"result"}, {{"OK"}});
  result.kind = ResultKind::kSuccess;
  return result;
}

StatementResult JobResult(const std::string& job_id) {
  StatementResult result = TextResult({"job id"}, {{job_id}});
  result.job_id = job_id;
  return result;
}

}  // namespace firn::gateway
