// SPDX-License-Identifier: Apache-2.0
// Record batches, format version 2: the bytes that a producer makes, the log keeps and a consumer reads. Big-endian:
//
//   0   int64  base offset             \ outside the checksum: the broker sets both,
//   8   int32  length of all that follows  | the length is the producer's
//   12  int32  partition leader epoch  /
//   16  int8   magic (2)
//   17  uint32 CRC-32C of all that follows
//   21  int16  attributes: codec (bits 0-2), log append time (3), transactional (4), control (5)
//   23  int32  last offset delta       = record count - 1 as a producer makes it
//   27  int64  base timestamp
//   35  int64  largest timestamp
//   43  int64  producer id, or -1      51 int16 producer epoch      53 int32 base sequence
//   57  int32  record count
//   61  records, compressed as a whole: each a varint length, int8 attributes, varint timestamp delta, varint offset delta, varint
//       key length (-1: null) and key, the same of the value, varint header count, headers (varint key length, key, varint value length, value)
//
// Source: Kafka documentation, "Message Format"; KIP-98.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/endian.h"
#include "base/result.h"
#include "kafka/compression.h"

namespace firn::kafka {

inline constexpr size_t kBatchHeaderBytes = 61;
inline constexpr size_t kBatchLengthEnd = 12;  // base offset and length
inline constexpr size_t kBatchCrcBegin = 21;
/// What one batch may hold when decompressed.
inline constexpr size_t kBatchPlainBytesMax = 256 << 20;

/// A look at one batch. Does not own the bytes.
class RecordBatchView {
 public:
  RecordBatchView() = default;
  /// The first batch of `bytes`: length, magic and record count are checked, the checksum is not. kCorruption if it is cut off or its length
  /// is impossible; kInvalidRecordBatch for another magic or a negative count.
  static Result<RecordBatchView> Parse(std::string_view bytes);
  /// The whole size of the batch that `bytes` begins with, or 0 if fewer than 12 bytes are there or the length is impossible. May be larger than `bytes`.
  static size_t PeekSize(std::string_view bytes);

  std::string_view bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  int64_t base_offset() const { return Load<int64_t>(0); }
  int32_t leader_epoch() const { return Load<int32_t>(12); }
  int8_t magic() const { return Load<int8_t>(16); }
  uint32_t crc() const { return Load<uint32_t>(17); }
  int16_t attributes() const { return Load<int16_t>(21); }
  int32_t last_offset_delta() const { return Load<int32_t>(23); }
  int64_t base_timestamp() const { return Load<int64_t>(27); }
  int64_t max_timestamp() const { return Load<int64_t>(35); }
  int64_t producer_id() const { return Load<int64_t>(43); }
  int16_t producer_epoch() const { return Load<int16_t>(51); }
  int32_t base_sequence() const { return Load<int32_t>(53); }
  int32_t record_count() const { return Load<int32_t>(57); }

  int64_t last_offset() const { return base_offset() + last_offset_delta(); }
  /// May be a number that no Codec has; Decompress refuses it.
  Codec codec() const { return static_cast<Codec>(attributes() & 7); }
  bool has_log_append_time() const { return (attributes() & 8) != 0; }
  bool is_transactional() const { return (attributes() & 16) != 0; }
  bool is_control() const { return (attributes() & 32) != 0; }
  /// Behind the header, compressed as codec() says.
  std::string_view body() const { return bytes_.substr(kBatchHeaderBytes); }

  /// What the checksum should be, from the bytes that it covers.
  uint32_t ComputeCrc() const;
  /// kCorruption if the checksum differs from the one that was computed.
  Status CheckCrc(uint32_t computed) const;
  Status CheckCrc() const { return CheckCrc(ComputeCrc()); }
  /// What a broker asks of the header of a producer's batch: checksum, base offset 0, record count = last offset delta + 1 > 0, a codec that there is.
  /// kCorruption for the checksum, else kInvalidRecordBatch.
  Status CheckProduced(uint32_t computed_crc) const;
  Status CheckProduced() const { return CheckProduced(ComputeCrc()); }
  /// Reads all records: they are whole, as many as the header says, with offsets in a row. kCorruption if they cannot be decompressed, kLimitExceeded if that makes more
  /// than `max_plain_bytes`, else kInvalidRecordBatch. `scratch` takes decompressed bytes.
  Status CheckRecords(size_t max_plain_bytes, std::string* scratch) const;

 private:
  explicit RecordBatchView(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  T Load(size_t at) const {
    return base::LoadBig<T>(bytes_.data() + at);
  }

  std::string_view bytes_;
};

/// Calls `visit(RecordBatchView)` for each batch of `bytes`, in order, until it returns false.
template <typename Visit>
Status ForEachBatch(std::string_view bytes, const Visit& visit) {
  while (!bytes.empty()) {
    FIRN_TRY(RecordBatchView batch, RecordBatchView::Parse(bytes));
    if (!visit(batch)) break;
    bytes.remove_prefix(batch.size());
  }
  return Ok();
}

/// One record, as slices of the batch or of the reader's scratch.
struct RecordView {
  int64_t offset = 0;
  int64_t timestamp_ms = 0;
  bool has_key = false;
  bool has_value = false;
  int32_t header_count = 0;
  std::string_view key;
  std::string_view value;
  std::string_view headers;  // encoded; HeaderReader
};

/// Walks the records of a batch without an allocation a record.
///
///   RecordReader reader(&scratch);
///   FIRN_RETURN_IF_ERROR(reader.Open(batch));
///   while (reader.Next(&record)) ...
///   FIRN_RETURN_IF_ERROR(reader.status());
///
/// Views are valid until the next Open and as long as batch and scratch live.
class RecordReader {
 public:
  /// `scratch` takes decompressed bytes; reuse it from batch to batch.
  explicit RecordReader(std::string* scratch) : scratch_(scratch) {}
  /// kCorruption, or kLimitExceeded if more than `max_bytes` come out of decompression.
  Status Open(const RecordBatchView& batch, size_t max_bytes = kBatchPlainBytesMax);
  /// False at the end or at a fault.
  bool Next(RecordView* record);
  /// kInvalidRecordBatch if the records were not as the header says.
  Status status() const;

 private:
  bool Fail() {
    is_faulty_ = true;
    return false;
  }

  std::string* scratch_;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  int64_t base_offset_ = 0;
  int64_t base_timestamp_ms_ = 0;
  int64_t append_time_ms_ = 0;
  bool has_append_time_ = false;
  bool is_faulty_ = false;
  int32_t left_ = 0;
};

struct RecordHeader {
  std::string_view key;
  std::optional<std::string_view> value;
};

/// The headers of a record; RecordReader has checked their shape.
class HeaderReader {
 public:
  explicit HeaderReader(const RecordView& record) : at_(record.headers), left_(record.header_count) {}
  bool Next(RecordHeader* header);

 private:
  std::string_view at_;
  int32_t left_;
};

/// Builds one batch. Append records, then Build. Thread-compatible; reusable after Build.
class RecordBatchBuilder {
 public:
  struct Options {
    Codec codec = Codec::kNone;
    int64_t producer_id = -1;
    int16_t producer_epoch = -1;
    int32_t base_sequence = -1;
  };
  using Header = std::pair<std::string_view, std::optional<std::string_view>>;

  RecordBatchBuilder() : RecordBatchBuilder(Options{}) {}
  explicit RecordBatchBuilder(const Options& options);
  void Append(int64_t timestamp_ms, std::optional<std::string_view> key, std::optional<std::string_view> value,
              const std::vector<Header>& headers = {});
  int32_t record_count() const { return count_; }
  /// Of the batch without compression, so far.
  size_t size_bytes() const { return bytes_.size(); }
  /// The batch, with base offset 0, leader epoch 0 and its checksum. There must be a record. The builder is empty afterwards.
  std::string Build();
  void set_base_sequence(int32_t sequence) { options_.base_sequence = sequence; }

 private:
  Options options_;
  std::string bytes_;
  int32_t count_ = 0;
  int64_t base_timestamp_ms_ = 0;
  int64_t max_timestamp_ms_ = 0;
};

/// Changes of a batch inside the checksum, done in place by the broker; `batch` must be a whole, parsed batch.
void SetLogAppendTime(int64_t timestamp_ms, char* batch, size_t size);
/// The same batch with its records compressed by `codec`; kCorruption or kLimitExceeded of the decompression.
Result<std::string> Recompress(const RecordBatchView& batch, Codec codec, size_t max_bytes = kBatchPlainBytesMax);

}  // namespace firn::kafka
