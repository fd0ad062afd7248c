// SPDX-License-Identifier: Apache-2.0
// Any bytes as record batches, with and without compression: faults or records, never a crash or memory without bound.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kafka/record_batch.h"

using namespace firn;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string scratch;
  (void)kafka::ForEachBatch(bytes, [&](const kafka::RecordBatchView& batch) {
    (void)batch.CheckProduced().ok();
    std::string checked;
    (void)batch.CheckRecords(1 << 20, &checked).ok();
    kafka::RecordReader reader(&scratch);
    if (!reader.Open(batch, 1 << 20).ok()) return true;
    kafka::RecordView record;
    size_t read = 0;
    while (reader.Next(&record)) {
      kafka::HeaderReader headers(record);
      kafka::RecordHeader header;
      while (headers.Next(&header)) read += header.key.size();
      read += record.key.size() + record.value.size();
    }
    (void)reader.status().ok();
    (void)kafka::Recompress(batch, kafka::Codec::kLz4, 1 << 20).ok();
    return read < (16 << 20);
  }).ok();
  if (size > 1) (void)kafka::Decompress(static_cast<kafka::Codec>(data[0] % 6), bytes.substr(1), 1 << 20, &scratch).ok();
  return 0;
}
