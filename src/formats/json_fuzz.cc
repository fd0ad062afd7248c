// SPDX-License-Identifier: Apache-2.0
// Any lines as JSON records of every column type: rows or errors, never a crash, a sanitizer's report or memory without bound. Rows that were decoded are encoded,
// and what comes out must decode again to as many rows.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "formats/record_format.h"

using namespace firn;

namespace {

types::SchemaPtr Columns() {
  using types::DataType;
  const DataType row = DataType::Row({{"p", DataType::Int()}, {"q", DataType::String()}});
  return types::MakeSchema({{"b", DataType::Boolean()},
                            {"i", DataType::Int()},
                            {"l", DataType::BigInt()},
                            {"d", DataType::Double()},
                            {"s", DataType::String()},
                            {"n", DataType::Decimal(10, 2)},
                            {"t", DataType::Timestamp(3)},
                            {"z", DataType::TimestampLtz(3)},
                            {"y", DataType::Date()},
                            {"a", DataType::Array(DataType::Int())},
                            {"r", row},
                            {"m", DataType::Map(DataType::String(), DataType::Double())}});
}

// Each line in memory of its own size, so that the sanitizer sees a read behind it; every second one with the padding that spares the decoder a copy.
struct Lines {
  explicit Lines(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t end = std::min(bytes.find('\n'), bytes.size());
      const bool is_padded = records.size() % 2 == 1;
      blocks.push_back(std::make_unique<char[]>(end + (is_padded ? formats::kRecordPadding : 0)));
      bytes.substr(0, end).copy(blocks.back().get(), end);
      records.push_back({.bytes = {blocks.back().get(), end}, .is_null = false, .is_padded = is_padded});
      bytes.remove_prefix(std::min(end + 1, bytes.size()));
    }
  }
  std::vector<std::unique_ptr<char[]>> blocks;
  std::vector<formats::RawRecord> records;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const types::SchemaPtr schema = Columns();
  static auto strict = formats::MakeDecoder({"json", {}, "UTC"}, schema);
  static auto lenient = formats::MakeDecoder({"json", {{"ignore-parse-errors", "true"}}, "UTC"}, schema);
  static auto encoder = formats::MakeEncoder({"json", {}, "UTC"}, schema);
  const Lines lines({reinterpret_cast<const char*>(data), size});
  (void)(*strict)->Decode(lines.records).ok();
  auto decoded = (*lenient)->Decode(lines.records);
  FIRN_ASSERT(decoded.ok(), "{}", decoded.error().ToString());
  auto encoded = (*encoder)->Encode(decoded->rows);
  if (!encoded.ok()) return 0;
  std::string text;
  for (size_t i = 0; i < encoded->ends.size(); ++i) text.append(encoded->record(i)) += '\n';
  auto again = (*strict)->Decode(Lines(text).records);
  FIRN_ASSERT(again.ok() && again->rows.row_count == decoded->rows.row_count, "{} of {} rows came back from {}: {}", again.ok() ? again->rows.row_count : -1, decoded->rows.row_count, text,
              again.ok() ? "" : again.error().ToString());
  return 0;
}
