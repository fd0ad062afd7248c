// SPDX-License-Identifier: Apache-2.0
#include <arrow/builder.h>

#include "base/assert.h"
#include "connect/kafka_metadata_internal.h"
#include "types/arrow_result.h"
#include "types/data_type.h"

namespace firn::connect {

namespace {

template <typename Builder, typename Append>
Result<types::ArrayPtr> Build(Builder builder, int64_t rows, Append&& append) {
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.Reserve(rows)));
  for (int64_t row = 0; row < rows; ++row) FIRN_RETURN_IF_ERROR(types::FromArrowStatus(append(builder, row)));
  return types::FromArrowResult(builder.Finish());
}

Result<types::ArrayPtr> BuildHeaders(const KafkaRecords& records, const std::vector<int32_t>& rows) {
  auto keys = std::make_shared<arrow::StringBuilder>();
  auto values = std::make_shared<arrow::BinaryBuilder>();
  arrow::MapBuilder builder(arrow::default_memory_pool(), keys, values);
  for (int32_t record : rows) {
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.Append()));
    kafka::HeaderReader reader(records.view(static_cast<size_t>(record)));
    kafka::RecordHeader header;
    while (reader.Next(&header)) {
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(keys->Append(header.key)));
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(header.value ? values->Append(*header.value) : values->AppendNull()));
    }
  }
  return types::FromArrowResult(builder.Finish());
}

}  // namespace

Result<types::ArrayPtr> BuildMetadataColumn(const std::string& key, const TopicPartitionName& from, const KafkaRecords& records, const std::vector<int32_t>& rows) {
  const auto count = static_cast<int64_t>(rows.size());
  auto view = [&](int64_t row) -> const kafka::RecordView& { return records.view(static_cast<size_t>(rows[static_cast<size_t>(row)])); };
  if (key == "topic") return Build(arrow::StringBuilder(), count, [&](auto& builder, int64_t) { return builder.Append(from.topic); });
  if (key == "partition") return Build(arrow::Int32Builder(), count, [&](auto& builder, int64_t) { return builder.Append(from.partition); });
  if (key == "leader-epoch") return Build(arrow::Int32Builder(), count, [&](auto& builder, int64_t) { return builder.Append(0); });
  if (key == "offset") return Build(arrow::Int64Builder(), count, [&](auto& builder, int64_t row) { return builder.Append(view(row).offset); });
  if (key == "timestamp") {
    return Build(arrow::TimestampBuilder(types::DataType::TimestampLtz(3).ToArrow(), arrow::default_memory_pool()), count,
                 [&](auto& builder, int64_t row) { return builder.Append(view(row).timestamp_ms * 1000); });
  }
  if (key == "timestamp-type") {
    return Build(arrow::StringBuilder(), count, [&](auto& builder, int64_t row) {
      return builder.Append(records.has_append_time(static_cast<size_t>(rows[static_cast<size_t>(row)])) ? "LogAppendTime" : "CreateTime");
    });
  }
  FIRN_ASSERT(key == "headers", "kafka metadata '{}'", key);
  return BuildHeaders(records, rows);
}

}  // namespace firn::connect
