// SPDX-License-Identifier: Apache-2.0
// What is written is read, however a column's texts are encoded and whatever the batches' size.
#include "formats/parquet_reader.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <gmock/gmock.h>

#include <cstring>
#include <random>

#include "formats/parquet_writer.h"

namespace firn::formats {
namespace {

class Memory final : public ByteSink, public RandomReader {
 public:
  Status Append(std::string_view more) override {
    bytes.append(more);
    return Ok();
  }
  uint64_t size_bytes() const override { return bytes.size(); }
  Result<size_t> ReadInto(uint64_t offset, std::span<char> out) const override {
    const size_t size = offset >= bytes.size() ? 0 : std::min(out.size(), bytes.size() - offset);
    std::memcpy(out.data(), bytes.data() + offset, size);
    return size;
  }
  std::string bytes;
};

using Cells = std::vector<std::optional<std::string>>;

template <typename Builder>
std::shared_ptr<arrow::Array> ArrayOf(const Cells& cells) {
  Builder builder;
  for (const auto& cell : cells) EXPECT_TRUE((cell ? builder.Append(*cell) : builder.AppendNull()).ok());
  return builder.Finish().ValueOrDie();
}

void AppendCells(const arrow::Array& array, Cells* cells) {
  ASSERT_TRUE(array.type_id() == arrow::Type::STRING || array.type_id() == arrow::Type::BINARY) << array.type()->ToString();
  EXPECT_TRUE(array.ValidateFull().ok());
  const auto& texts = static_cast<const arrow::BinaryArray&>(array);
  for (int64_t row = 0; row < array.length(); ++row) cells->push_back(array.IsNull(row) ? std::nullopt : std::optional<std::string>(texts.GetView(row)));
}

// Few short ones, few with NULLs, few that are long and empty, many, all NULL, bytes that are no text.
std::vector<Cells> Columns(int64_t rows) {
  std::mt19937_64 random(11);
  const std::vector<std::string> lengths = {"", "sixteen bytes ok", "seventeen bytes !", std::string(300, 'x'), "ß"};
  std::vector<Cells> columns(6);
  for (int64_t row = 0; row < rows; ++row) {
    columns[0].push_back("SYM" + std::to_string(random() % 100));
    columns[1].push_back(random() % 3 == 0 ? std::nullopt : std::optional<std::string>(random() % 2 == 0 ? "buy" : "sell"));
    columns[2].push_back(lengths[random() % lengths.size()]);
    columns[3].push_back("key-" + std::to_string(random()));
    columns[4].push_back(std::nullopt);
    columns[5].push_back(std::string("\xff\x00", 2) + static_cast<char>(random() % 4));
  }
  return columns;
}

TEST(ParquetReader, TextsAreReadHoweverTheyAreEncoded) {
  constexpr int64_t kRows = 30'000;
  const std::vector<Cells> columns = Columns(kRows);
  arrow::ArrayVector arrays;
  arrow::FieldVector fields;
  for (size_t i = 0; i < columns.size(); ++i) {
    arrays.push_back(i == 5 ? ArrayOf<arrow::BinaryBuilder>(columns[i]) : ArrayOf<arrow::StringBuilder>(columns[i]));
    fields.push_back(arrow::field("c" + std::to_string(i), arrays.back()->type()));
  }
  const auto rows = arrow::RecordBatch::Make(arrow::schema(fields), kRows, arrays);
  for (int64_t dictionary_bytes : {int64_t{2} << 20, int64_t{64}}) {  // the second: all but the shortest give up on theirs
    auto memory = std::make_shared<Memory>();
    auto writer = ParquetWriter::Make(rows->schema(), {.row_group_bytes = 1 << 20, .page_rows = 1000, .dictionary_bytes = dictionary_bytes}, *memory).value();
    for (int64_t at = 0; at < kRows; at += 1000) ASSERT_TRUE(writer->Write(*rows->Slice(at, 1000)).ok());
    ASSERT_TRUE(writer->Finish().ok());
    for (int64_t batch_rows : {int64_t{8192}, int64_t{999}, int64_t{100'000}}) {
      auto reader = ParquetReader::Open(memory).value();
      ASSERT_GT(reader->row_groups().size(), 2u);
      EXPECT_TRUE(reader->schema()->field(0)->type()->Equals(arrow::utf8())) << reader->schema()->ToString();
      std::vector<int> groups(reader->row_groups().size());
      for (size_t i = 0; i < groups.size(); ++i) groups[i] = static_cast<int>(i);
      auto read = reader->Read(groups, {0, 1, 2, 3, 4, 5}, batch_rows).value();
      std::vector<Cells> found(columns.size());
      while (true) {
        auto batch = read->Next();
        ASSERT_TRUE(batch.ok()) << batch.error().ToString();
        if (*batch == nullptr) break;
        EXPECT_LE((*batch)->num_rows(), batch_rows);
        for (size_t i = 0; i < found.size(); ++i) AppendCells(*(*batch)->column(static_cast<int>(i)), &found[i]);
      }
      for (size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(found[i] == columns[i]) << "column " << i << ", batches of " << batch_rows << ", dictionaries of " << dictionary_bytes;
    }
  }
}

}  // namespace
}  // namespace firn::formats
