// SPDX-License-Identifier: Apache-2.0
// What a statement gives back, whoever asked: rows at hand, or a stream of rows from a running job.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "exec/engine.h"
#include "types/batch.h"

namespace firn::gateway {

enum class ResultKind {
  kSuccess,             // "OK": DDL, SET, USE
  kSuccessWithContent,  // rows
};

struct StatementResult {
  ResultKind kind = ResultKind::kSuccess;
  bool is_query = false;                         // SELECT: rows carry kinds
  bool is_streaming = false;                     // SELECT in streaming mode
  std::string job_id;                            // a job was started; else empty
  std::string awaited_job;                       // the result is ready once this job has ended ('table.dml-sync'); else empty
  types::SchemaPtr schema;
  std::vector<types::Batch> rows;                // what is known at once
  std::unique_ptr<exec::ResultStream> stream;    // a SELECT's rows; null otherwise
};

/// One column "result" with one row "OK": what Flink answers to statements without content.
StatementResult OkResult();
/// What an empty text stands for.
enum class Empty { kText, kNull };
/// One row a vector of texts; all columns are STRING.
StatementResult TextResult(const std::vector<std::string>& columns, const std::vector<std::vector<std::string>>& rows, Empty empty = Empty::kText);
/// Adds a column of instants, in milliseconds, to a TextResult of as many rows.
void AddInstants(const std::string& column, const std::vector<int64_t>& times_ms, StatementResult* result);
/// One column "job id".
StatementResult JobResult(const std::string& job_id);

}  // namespace firn::gateway
