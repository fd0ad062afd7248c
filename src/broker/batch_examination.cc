// SPDX-License-Identifier: Apache-2.0
#include "broker/batch_examination.h"

#include <utility>

namespace firn::broker {

std::optional<Status> ExamineQuickly(const kafka::RecordBatchView& batch, std::string* scratch) {
  const bool is_plain = batch.codec() == kafka::Codec::kNone;
  if (!is_plain && batch.body().size() > kQuickBodyBytes) return std::nullopt;
  Status status = batch.CheckRecords(is_plain ? batch.body().size() : kQuickPlainBytes, scratch);
  if (!status.ok() && status.error().code() == ErrorCode::kLimitExceeded) return std::nullopt;
  return status;
}

Result<base::SharedBytes> Examine(const base::SharedBytes& batch, std::optional<kafka::Codec> codec, size_t max_plain_bytes) {
  FIRN_TRY(kafka::RecordBatchView view, kafka::RecordBatchView::Parse(batch.view()));
  {
    std::string scratch;
    FIRN_RETURN_IF_ERROR(view.CheckRecords(max_plain_bytes, &scratch));
  }
  if (!codec.has_value()) return batch;
  FIRN_TRY(std::string made, kafka::Recompress(view, *codec, max_plain_bytes));
  return base::SharedBytes::FromString(std::move(made));
}

}  // namespace firn::broker
