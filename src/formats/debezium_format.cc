// SPDX-License-Identifier: Apache-2.0
// Debezium's change events as JSON: {"before": row, "after": row, "op": "c|r|u|d"}, alone or as the "payload" beside a "schema". The envelope is decoded
// as a row of rows by the json format; the rows are then picked out of `before` and `after` in the order of the events: an update gives -U and +U.
#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/builder.h>
#include <fmt/format.h>

#include "base/assert.h"
#include "formats/json_formats_internal.h"
#include "formats/record_formats_internal.h"
#include "types/arrow_result.h"

namespace firn::formats {

using types::DataType;
using types::RowKind;

namespace {

FormatSpec JsonSpec(const FormatSpec& spec) {
  FormatSpec json = spec;
  json.name = "json";
  json.options.erase("schema-include");
  return json;
}

class DebeziumDecoder final : public RecordDecoder {
 public:
  DebeziumDecoder(types::SchemaPtr schema, std::unique_ptr<RecordDecoder> envelopes, bool has_payload, bool ignore_errors)
      : schema_(std::move(schema)), envelopes_(std::move(envelopes)), has_payload_(has_payload), ignore_errors_(ignore_errors) {}

  Result<DecodedRecords> Decode(std::span<const RawRecord> records) override {
    auto envelopes = envelopes_->Decode(records);
    if (!envelopes.ok()) {
      failed_record_ = envelopes_->failed_record();
      Error error = std::move(envelopes).error();
      return error.code() == ErrorCode::kDecodeError ? std::move(error).Hint("'debezium-json.ignore-parse-errors'='true' drops broken events") : std::move(error);
    }
    DecodedRecords decoded;
    decoded.errors = envelopes->errors;
    decoded.first_error = envelopes->first_error;
    FIRN_TRY(Parts parts, PartsOf(envelopes->rows));
    FIRN_ASSERT(parts.before->length() == envelopes->rows.row_count && parts.after->length() == envelopes->rows.row_count && parts.op->length() == envelopes->rows.row_count,
                "parts of {} events are missing", envelopes->rows.row_count);
    Picked picked;
    for (int64_t row = 0; row < envelopes->rows.row_count; ++row) {
      const auto record = static_cast<size_t>(envelopes->record_of_row.empty() ? row : envelopes->record_of_row[static_cast<size_t>(row)]);
      const std::string problem = Pick(parts, row, envelopes->rows.row_count, static_cast<int32_t>(record), &picked);
      if (problem.empty()) continue;
      const std::string text = fmt::format("{}: {}", problem, RecordExcerpt(records[record].bytes));
      if (!ignore_errors_) {
        failed_record_ = record;
        return Error(ErrorCode::kDecodeError, text).Hint("'debezium-json.ignore-parse-errors'='true' drops broken events");
      }
      if (decoded.errors++ == 0) decoded.first_error = text;
    }
    FIRN_RETURN_IF_ERROR(Gather(parts, &picked, &decoded));
    return decoded;
  }

 private:
  struct Parts {
    std::shared_ptr<arrow::StructArray> before;
    std::shared_ptr<arrow::StructArray> after;
    std::shared_ptr<arrow::StringArray> op;
  };
  struct Picked {
    arrow::Int64Builder rows;  // of `before`, then of `after`
    arrow::Int8Builder kinds;
    std::vector<int32_t> records;
  };

  Result<Parts> PartsOf(const types::Batch& envelopes) const {
    std::vector<types::ArrayPtr> columns = envelopes.columns;
    if (has_payload_) {
      // Flattened, so that the event's fields are NULL where the payload is.
      FIRN_TRY(columns, types::FromArrowResult(static_cast<const arrow::StructArray&>(*envelopes.columns[0]).Flatten()));
    }
    return Parts{std::static_pointer_cast<arrow::StructArray>(columns[0]), std::static_pointer_cast<arrow::StructArray>(columns[1]), std::static_pointer_cast<arrow::StringArray>(columns[2])};
  }

  // Returns what is wrong with the event; empty: nothing.
  static std::string Pick(const Parts& parts, int64_t row, int64_t rows, int32_t record, Picked* picked) {
    auto add = [&](const arrow::StructArray& from, int64_t place, RowKind kind) {
      if (from.IsNull(row)) return false;
      const bool added = picked->rows.Append(place).ok() && picked->kinds.Append(static_cast<int8_t>(kind)).ok();
      picked->records.push_back(record);
      return added;
    };
    if (parts.op->IsNull(row)) return "the event has no \"op\"";
    const std::string_view op = parts.op->GetView(row);
    if (op == "c" || op == "r") return add(*parts.after, rows + row, RowKind::kInsert) ? "" : "a new row has no \"after\"";
    if (op == "d") return add(*parts.before, row, RowKind::kDelete) ? "" : "a deleted row has no \"before\" (a Postgres table needs REPLICA IDENTITY FULL)";
    if (op != "u") return fmt::format("the \"op\" is \"{}\", none of c, r, u, d", op);
    if (parts.before->IsNull(row)) return "an updated row has no \"before\" (a Postgres table needs REPLICA IDENTITY FULL)";
    if (parts.after->IsNull(row)) return "an updated row has no \"after\"";
    add(*parts.before, row, RowKind::kUpdateBefore);
    add(*parts.after, rows + row, RowKind::kUpdateAfter);
    return "";
  }

  Status Gather(const Parts& parts, Picked* picked, DecodedRecords* decoded) const {
    FIRN_TRY(types::ArrayPtr rows, types::FromArrowResult(picked->rows.Finish()));
    types::Batch both{schema_, {}, parts.before->length() * 2, nullptr, nullptr};
    for (size_t i = 0; i < schema_->size(); ++i) {
      const int place = static_cast<int>(i);
      FIRN_TRY(types::ArrayPtr column, types::FromArrowResult(arrow::Concatenate({parts.before->field(place), parts.after->field(place)})));
      both.columns.push_back(std::move(column));
    }
    const int64_t count = rows->length();
    if (schema_->size() == 0) {
      decoded->rows = types::Batch{schema_, {}, count, nullptr, nullptr};
    } else {
      FIRN_TRY(decoded->rows, types::TakeRows(both, rows));
    }
    FIRN_TRY(decoded->rows.kinds, types::FromArrowResult(picked->kinds.Finish()));
    decoded->record_of_row = std::move(picked->records);
    FIRN_ASSERT(decoded->rows.kinds->length() == count && static_cast<int64_t>(decoded->record_of_row.size()) == count, "{} kinds and {} records of {} rows", decoded->rows.kinds->length(),
                decoded->record_of_row.size(), count);
    return Ok();
  }

  const types::SchemaPtr schema_;
  const std::unique_ptr<RecordDecoder> envelopes_;
  const bool has_payload_;
  const bool ignore_errors_;
};

class DebeziumEncoder final : public RecordEncoder {
 public:
  explicit DebeziumEncoder(std::unique_ptr<RecordEncoder> rows) : rows_(std::move(rows)) {}

  Result<EncodedRecords> Encode(const types::Batch& batch) override {
    FIRN_TRY(EncodedRecords rows, rows_->Encode(batch));
    EncodedRecords events;
    events.bytes.reserve(rows.bytes.size() + rows.ends.size() * 40);
    for (size_t i = 0; i < rows.ends.size(); ++i) {
      const RowKind kind = batch.kind(static_cast<int64_t>(i));
      const bool is_gone = kind == RowKind::kDelete || kind == RowKind::kUpdateBefore;
      events.bytes += is_gone ? "{\"before\":" : "{\"before\":null,\"after\":";
      events.bytes += rows.record(i);
      events.bytes += is_gone ? ",\"after\":null,\"op\":\"d\"}" : ",\"op\":\"c\"}";
      if (events.bytes.size() > UINT32_MAX) return Error(ErrorCode::kLimitExceeded, fmt::format("a batch of {} rows is larger than 4 GiB as JSON", batch.row_count)).Hint("write shorter texts");
      events.ends.push_back(static_cast<uint32_t>(events.bytes.size()));
    }
    return events;
  }

 private:
  const std::unique_ptr<RecordEncoder> rows_;
};

}  // namespace

Result<std::unique_ptr<RecordDecoder>> MakeDebeziumDecoder(const FormatSpec& spec, types::SchemaPtr schema) {
  const DataType row = DataType::Row(schema->fields());
  std::vector<types::Field> event = {{"before", row}, {"after", row}, {"op", DataType::String()}};
  const bool has_payload = OptionIsTrue(spec, "schema-include");
  if (has_payload) event = {{"payload", DataType::Row(std::move(event))}};
  FIRN_TRY(auto envelopes, MakeJsonDecoder(JsonSpec(spec), types::MakeSchema(std::move(event))));
  return std::unique_ptr<RecordDecoder>(std::make_unique<DebeziumDecoder>(std::move(schema), std::move(envelopes), has_payload, OptionIsTrue(spec, "ignore-parse-errors")));
}

Result<std::unique_ptr<RecordEncoder>> MakeDebeziumEncoder(const FormatSpec& spec, types::SchemaPtr schema) {
  if (OptionIsTrue(spec, "schema-include")) {
    return Error(ErrorCode::kNotSupported, "'debezium-json.schema-include'='true' is for reading only").Hint("leave it out of the table that is written");
  }
  FIRN_TRY(auto rows, MakeJsonEncoder(JsonSpec(spec), std::move(schema)));
  return std::unique_ptr<RecordEncoder>(std::make_unique<DebeziumEncoder>(std::move(rows)));
}

}  // namespace firn::formats
