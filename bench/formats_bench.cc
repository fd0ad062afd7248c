// SPDX-License-Identifier: Apache-2.0
// What one core can do without a broker, an engine or a disk: trades as JSON into columns, and columns into Parquet. The upper bounds of topic -> table.
#include <arrow/record_batch.h>
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <random>
#include <string>
#include <vector>

#include "formats/byte_stream.h"
#include "formats/parquet_writer.h"
#include "formats/record_format.h"

namespace {

using firn::types::DataType;

constexpr int64_t kBatchRows = firn::types::kPreferredBatchRows;

firn::types::SchemaPtr Trades() {
  return firn::types::MakeSchema({{"symbol", DataType::String()}, {"price", DataType::Double()}, {"qty", DataType::Double()}, {"ts", DataType::BigInt()}, {"side", DataType::String()}});
}

/// Records one behind the other, as a slab of the log holds them, with room behind the last.
struct TradeRecords {
  explicit TradeRecords(uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<size_t> begins;
    for (int64_t i = 0; i < kBatchRows; ++i) {
      begins.push_back(bytes.size());
      const uint64_t bits = random();
      fmt::format_to(std::back_inserter(bytes), R"({{"symbol":"SYM{:03}","price":{}.{:02},"qty":{}.{:03},"ts":{},"side":"{}"}})", bits % 100, 100 + (bits >> 8) % 900, (bits >> 20) % 100,
                     (bits >> 28) % 10, (bits >> 36) % 1000, 1'700'000'000'000 + i, (bits >> 60) % 2 == 0 ? "buy" : "sell");
    }
    begins.push_back(bytes.size());
    bytes.append(firn::formats::kRecordPadding, '\0');
    for (int64_t i = 0; i < kBatchRows; ++i) {
      records.push_back({std::string_view(bytes).substr(begins[i], begins[i + 1] - begins[i]), false, true});
    }
  }
  std::string bytes;
  std::vector<firn::formats::RawRecord> records;
};

void DecodeTrades(benchmark::State& state) {
  const TradeRecords trades(42);
  auto decoder = firn::formats::MakeDecoder({"json", {{"ignore-parse-errors", "true"}}, "UTC"}, Trades()).value();
  for (auto _ : state) {
    auto decoded = decoder->Decode(trades.records);
    if (!decoded.ok() || decoded->rows.row_count != kBatchRows) state.SkipWithError("the trades did not decode");
    benchmark::DoNotOptimize(decoded);
  }
  state.SetItemsProcessed(state.iterations() * kBatchRows);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(trades.bytes.size()));
}
BENCHMARK(DecodeTrades)->Name("json_decode");

/// Counts what would be written.
class CountingSink final : public firn::formats::ByteSink {
 public:
  firn::Status Append(std::string_view bytes) override {
    size_bytes += bytes.size();
    return {};
  }
  uint64_t size_bytes = 0;
};

void WriteTrades(benchmark::State& state) {
  constexpr int kBatchesPerFile = 64;
  auto decoder = firn::formats::MakeDecoder({"json", {}, "UTC"}, Trades()).value();
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  for (uint64_t seed = 0; seed < kBatchesPerFile; ++seed) {
    batches.push_back(firn::types::ToRecordBatch(decoder->Decode(TradeRecords(seed).records).value().rows));
  }
  for (auto _ : state) {
    CountingSink sink;
    auto writer = firn::formats::ParquetWriter::Make(batches.front()->schema(), {}, sink).value();
    for (const auto& rows : batches) {
      if (!writer->Write(*rows).ok()) state.SkipWithError("the rows could not be written");
    }
    if (!writer->Finish().ok()) state.SkipWithError("the file could not be finished");
    benchmark::DoNotOptimize(sink.size_bytes);
  }
  state.SetItemsProcessed(state.iterations() * kBatchRows * kBatchesPerFile);
}
BENCHMARK(WriteTrades)->Name("parquet_write");

}  // namespace

BENCHMARK_MAIN();
