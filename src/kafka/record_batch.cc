// SPDX-License-Identifier: Apache-2.0
#include "kafka/record_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/varint.h"

namespace firn::kafka {

namespace {

constexpr int8_t kMagic = 2;
constexpr size_t kRecordBytesMin = 7;  // length, attributes, two deltas, key and value length, header count: a byte each

/// Takes a zig-zag varint off the front; the one-byte case inline, since nearly every length and delta is one.
inline bool TakeVarint(const char** at, const char* end, int64_t* value) {
  if (*at < end && (static_cast<uint8_t>(**at) & 0x80) == 0) [[likely]] {
    *value = base::UnZigZag(static_cast<uint8_t>(**at));
    ++*at;
    return true;
  }
  std::string_view in(*at, static_cast<size_t>(end - *at));
  if (!base::ReadVarint(&in, value)) return false;
  *at = in.data();
  return true;
}

/// Takes a length (-1: null) and as many bytes off the front.
inline bool TakeBytes(const char** at, const char* end, bool* has_value, std::string_view* value) {
  int64_t length = 0;
  if (!TakeVarint(at, end, &length) || length > end - *at) return false;
  *has_value = length >= 0;
  if (length < 0) {
    *value = {};
    return true;
  }
  *value = std::string_view(*at, static_cast<size_t>(length));
  *at += length;
  return true;
}

bool SkipHeaders(const char** at, const char* end, int64_t count) {
  std::string_view part;
  bool has_part = false;
  for (int64_t i = 0; i < count; ++i) {
    if (!TakeBytes(at, end, &has_part, &part) || !has_part) return false;
    if (!TakeBytes(at, end, &has_part, &part)) return false;
  }
  return true;
}

void StoreCrc(char* batch, size_t size) {
  base::StoreBig(batch + 17, base::Crc32c(std::string_view(batch + kBatchCrcBegin, size - kBatchCrcBegin)));
}

Error Invalid(std::string text) { return Error(ErrorCode::kInvalidRecordBatch, std::move(text)); }

}  // namespace

size_t RecordBatchView::PeekSize(std::string_view bytes) {
  if (bytes.size() < kBatchLengthEnd) return 0;
  const int32_t length = base::LoadBig<int32_t>(bytes.data() + 8);
  if (length < static_cast<int32_t>(kBatchHeaderBytes - kBatchLengthEnd)) return 0;
  return kBatchLengthEnd + static_cast<size_t>(length);
}

Result<RecordBatchView> RecordBatchView::Parse(std::string_view bytes) {
  // Magic stands at the same place in all formats, so an old message set is told apart from a broken batch.
  if (bytes.size() > 16 && bytes[16] != kMagic) {
    return Invalid(fmt::format("record batch has magic {}; only 2 is supported", static_cast<int>(bytes[16])));
  }
  const size_t size = PeekSize(bytes);
  if (size == 0 || size > bytes.size()) {
    return Error(ErrorCode::kCorruption, fmt::format("record batch says it has {} bytes, {} are there", size, bytes.size()));
  }
  RecordBatchView batch(bytes.substr(0, size));
  if (batch.record_count() < 0 || batch.last_offset_delta() < 0) {
    return Invalid(fmt::format("record batch has {} records and last offset delta {}", batch.record_count(), batch.last_offset_delta()));
  }
  return batch;
}

uint32_t RecordBatchView::ComputeCrc() const { return base::Crc32c(bytes_.substr(kBatchCrcBegin)); }

Status RecordBatchView::CheckCrc(uint32_t computed) const {
  if (computed == crc()) return Ok();
  return Error(ErrorCode::kCorruption, fmt::format("record batch has checksum {:08x}, its bytes have {:08x}", crc(), computed));
}

Status RecordBatchView::CheckProduced(uint32_t computed_crc) const {
  FIRN_RETURN_IF_ERROR(CheckCrc(computed_crc));
  if (base_offset() != 0) return Invalid(fmt::format("record batch has base offset {}; a producer's has 0", base_offset()));
  if (record_count() == 0 || last_offset_delta() != record_count() - 1) {
    return Invalid(fmt::format("record batch has {} records and last offset delta {}", record_count(), last_offset_delta()));
  }
  if (codec() > Codec::kZstd) return Invalid(fmt::format("record batch is compressed with codec {}, which is unknown", static_cast<int>(codec())));
  // No batch holds more than what may come out of it.
  if (static_cast<size_t>(record_count()) > kBatchPlainBytesMax / kRecordBytesMin) {
    return Invalid(fmt::format("record batch says it has {} records; at most {} fit", record_count(), kBatchPlainBytesMax / kRecordBytesMin));
  }
  return Ok();
}

Status RecordBatchView::CheckRecords(size_t max_plain_bytes, std::string* scratch) const {
  RecordReader reader(scratch);
  FIRN_RETURN_IF_ERROR(reader.Open(*this, max_plain_bytes));
  RecordView record;
  for (uint64_t index = 0; reader.Next(&record); ++index) {
    // Unsigned arithmetic, as in Next: who checks has not looked at the base offset yet.
    const uint64_t delta = static_cast<uint64_t>(record.offset) - static_cast<uint64_t>(base_offset());
    if (delta != index) return Invalid(fmt::format("record {} of a batch has offset delta {}", index, static_cast<int64_t>(delta)));
  }
  return reader.status();
}

Status RecordReader::Open(const RecordBatchView& batch, size_t max_bytes) {
  std::string_view body = batch.body();
  left_ = 0;
  is_faulty_ = false;
  if (batch.codec() != Codec::kNone) {
    FIRN_RETURN_IF_ERROR(Decompress(batch.codec(), body, max_bytes, scratch_));
    body = *scratch_;
  }
  at_ = body.data();
  end_ = at_ + body.size();
  left_ = batch.record_count();
  base_offset_ = batch.base_offset();
  base_timestamp_ms_ = batch.base_timestamp();
  append_time_ms_ = batch.max_timestamp();
  has_append_time_ = batch.has_log_append_time();
  return Ok();
}

bool RecordReader::Next(RecordView* record) {
  if (left_ == 0) return at_ == end_ || is_faulty_ ? false : Fail();
  int64_t length = 0, timestamp_delta = 0, offset_delta = 0, header_count = 0;
  if (!TakeVarint(&at_, end_, &length) || length < 1 || length > end_ - at_) return left_ = 0, Fail();
  const char* const record_end = at_ + length;
  ++at_;  // attributes, unused
  const bool is_whole = TakeVarint(&at_, record_end, &timestamp_delta) && TakeVarint(&at_, record_end, &offset_delta) &&
                        TakeBytes(&at_, record_end, &record->has_key, &record->key) &&
                        TakeBytes(&at_, record_end, &record->has_value, &record->value) &&
                        TakeVarint(&at_, record_end, &header_count) && header_count >= 0;
  if (!is_whole) return left_ = 0, Fail();
  const char* const headers = at_;
  if (header_count > 0 && !SkipHeaders(&at_, record_end, header_count)) return left_ = 0, Fail();
  if (at_ != record_end) return left_ = 0, Fail();
  record->headers = std::string_view(headers, static_cast<size_t>(at_ - headers));
  record->header_count = static_cast<int32_t>(header_count);
  // Unsigned arithmetic: a hostile delta must not overflow.
  record->offset = static_cast<int64_t>(static_cast<uint64_t>(base_offset_) + static_cast<uint64_t>(offset_delta));
  record->timestamp_ms = has_append_time_ ? append_time_ms_
                                          : static_cast<int64_t>(static_cast<uint64_t>(base_timestamp_ms_) + static_cast<uint64_t>(timestamp_delta));
  --left_;
  return true;
}

Status RecordReader::status() const {
  if (!is_faulty_) return Ok();
  return Invalid(fmt::format("the records of the batch at offset {} are not as its header says", base_offset_));
}

bool HeaderReader::Next(RecordHeader* header) {
  if (left_ == 0) return false;
  --left_;
  const char* at = at_.data();
  const char* const end = at + at_.size();
  bool has_key = false, has_value = false;
  std::string_view value;
  if (!TakeBytes(&at, end, &has_key, &header->key) || !TakeBytes(&at, end, &has_value, &value)) return false;
  header->value = has_value ? std::optional(value) : std::nullopt;
  at_ = std::string_view(at, static_cast<size_t>(end - at));
  return true;
}

RecordBatchBuilder::RecordBatchBuilder(const Options& options) : options_(options), bytes_(kBatchHeaderBytes, '\0') {}

namespace {

size_t VarintSize(int64_t value) { return base::UnsignedVarintSize(base::ZigZag(value)); }
size_t BytesSize(const std::optional<std::string_view>& bytes) {
  return bytes.has_value() ? VarintSize(static_cast<int64_t>(bytes->size())) + bytes->size() : 1;
}
void AppendBytes(const std::optional<std::string_view>& bytes, std::string* out) {
  base::AppendVarint(out, bytes.has_value() ? static_cast<int64_t>(bytes->size()) : -1);
  if (bytes.has_value()) out->append(*bytes);
}

}  // namespace

void RecordBatchBuilder::Append(int64_t timestamp_ms, std::optional<std::string_view> key, std::optional<std::string_view> value,
                                const std::vector<Header>& headers) {
  if (count_ == 0) base_timestamp_ms_ = max_timestamp_ms_ = timestamp_ms;
  max_timestamp_ms_ = std::max(max_timestamp_ms_, timestamp_ms);
  const int64_t delta = timestamp_ms - base_timestamp_ms_;
  size_t size = 1 + VarintSize(delta) + VarintSize(count_) + BytesSize(key) + BytesSize(value) +
                VarintSize(static_cast<int64_t>(headers.size()));
  for (const auto& [name, content] : headers) size += BytesSize(name) + BytesSize(content);
  base::AppendVarint(&bytes_, static_cast<int64_t>(size));
  const size_t begin = bytes_.size();
  bytes_.push_back('\0');
  base::AppendVarint(&bytes_, delta);
  base::AppendVarint(&bytes_, count_);
  AppendBytes(key, &bytes_);
  AppendBytes(value, &bytes_);
  base::AppendVarint(&bytes_, static_cast<int64_t>(headers.size()));
  for (const auto& [name, content] : headers) {
    AppendBytes(name, &bytes_);
    AppendBytes(content, &bytes_);
  }
  FIRN_ASSERT(bytes_.size() - begin == size, "a record of {} bytes says {}", bytes_.size() - begin, size);
  ++count_;
}

std::string RecordBatchBuilder::Build() {
  FIRN_ASSERT(count_ > 0 && max_timestamp_ms_ >= base_timestamp_ms_, "a batch of {} records from {} to {}", count_, base_timestamp_ms_, max_timestamp_ms_);
  std::string batch = std::exchange(bytes_, std::string(kBatchHeaderBytes, '\0'));
  if (options_.codec != Codec::kNone) {
    std::string compressed(kBatchHeaderBytes, '\0');
    Compress(options_.codec, std::string_view(batch).substr(kBatchHeaderBytes), &compressed);
    batch = std::move(compressed);
  }
  FIRN_ASSERT(batch.size() <= static_cast<size_t>(std::numeric_limits<int32_t>::max()), "batch of {} bytes", batch.size());
  char* const out = batch.data();
  base::StoreBig(out + 8, static_cast<int32_t>(batch.size() - kBatchLengthEnd));
  out[16] = kMagic;
  base::StoreBig(out + 21, static_cast<int16_t>(options_.codec));
  base::StoreBig(out + 23, count_ - 1);
  base::StoreBig(out + 27, base_timestamp_ms_);
  base::StoreBig(out + 35, max_timestamp_ms_);
  base::StoreBig(out + 43, options_.producer_id);
  base::StoreBig(out + 51, options_.producer_epoch);
  base::StoreBig(out + 53, options_.base_sequence);
  base::StoreBig(out + 57, count_);
  StoreCrc(out, batch.size());
  count_ = 0;
  return batch;
}

void SetLogAppendTime(int64_t timestamp_ms, char* batch, size_t size) {
  FIRN_ASSERT(size >= kBatchHeaderBytes, "batch of {} bytes", size);
  base::StoreBig(batch + 21, static_cast<int16_t>(base::LoadBig<int16_t>(batch + 21) | 8));
  base::StoreBig(batch + 35, timestamp_ms);
  StoreCrc(batch, size);
}

Result<std::string> Recompress(const RecordBatchView& batch, Codec codec, size_t max_bytes) {
  std::string plain;
  FIRN_RETURN_IF_ERROR(Decompress(batch.codec(), batch.body(), max_bytes, &plain));
  std::string made(batch.bytes().substr(0, kBatchHeaderBytes));
  Compress(codec, plain, &made);
  FIRN_ASSERT(made.size() >= kBatchHeaderBytes && made.size() <= static_cast<size_t>(std::numeric_limits<int32_t>::max()), "batch of {} bytes", made.size());
  base::StoreBig(made.data() + 8, static_cast<int32_t>(made.size() - kBatchLengthEnd));
  base::StoreBig(made.data() + 21, static_cast<int16_t>((batch.attributes() & ~7) | static_cast<int>(codec)));
  StoreCrc(made.data(), made.size());
  return made;
}

}  // namespace firn::kafka
