// SPDX-License-Identifier: Apache-2.0
// What is written is read, however a column's texts are encoded and whatever the batches' size.
#include "formats/parquet_reader.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/io/memory.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <gmock/gmock.h>
#include <parquet/arrow/writer.h>

#include <cstring>
#include <numeric>
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

// The only row group's columns, whole.
Result<std::shared_ptr<arrow::RecordBatch>> ReadAll(std::shared_ptr<Memory> memory) {
  FIRN_TRY(auto reader, ParquetReader::Open(std::move(memory)));
  std::vector<int> leaves(reader->row_groups().at(0).columns.size());
  std::iota(leaves.begin(), leaves.end(), 0);
  FIRN_TRY(auto rows, reader->Read({0}, leaves, 100'000));
  return rows->Next();
}

std::shared_ptr<Memory> Written(const std::shared_ptr<arrow::Field>& field, const std::shared_ptr<arrow::Array>& array) {
  auto memory = std::make_shared<Memory>();
  auto writer = ParquetWriter::Make(arrow::schema({field}), {.codec = "uncompressed"}, *memory).value();
  EXPECT_TRUE(writer->Write(*arrow::RecordBatch::Make(arrow::schema({field}), array->length(), {array})).ok());
  EXPECT_TRUE(writer->Finish().ok());
  return memory;
}

TEST(ParquetReader, ANumberBeyondItsDictionaryIsRefused) {
  Cells cells;
  for (int i = 0; i < 64; ++i) cells.push_back(i % 2 == 0 ? "zero" : "one");
  for (const bool is_nullable : {false, true}) {
    const auto array = ArrayOf<arrow::StringBuilder>(cells);
    const auto memory = Written(arrow::field("c", arrow::utf8(), is_nullable), array);
    EXPECT_TRUE((*ReadAll(memory))->column(0)->Equals(*array));
    // The numbers 0, 1, 0, 1 ... of one bit as 64 times one number of 32 bits.
    const size_t at = memory->bytes.find(std::string("\x01\x11") + std::string(8, '\xaa'));
    ASSERT_NE(at, std::string::npos);
    for (const std::string& number : {std::string("\xff\xff\xff\xff"), std::string("\x02\x00\x00\x00", 4), std::string("\xff\xff\xff\x7f")}) {
      memory->bytes.replace(at, 7, "\x20\x80\x01" + number);
      const auto read = ReadAll(memory);
      ASSERT_FALSE(read.ok());
      EXPECT_EQ(read.error().code(), ErrorCode::kDecodeError) << read.error().ToString();
    }
  }
}

// Thrift's compact protocol, as much as a footer needs.
class Footer {
 public:
  Footer& I32(int id, int64_t value) { return Number(id, 5, value); }
  Footer& I64(int id, int64_t value) { return Number(id, 6, value); }
  Footer& Text(int id, const std::string& value) {
    Head(id, 8).Varint(value.size());
    bytes_ += value;
    return *this;
  }
  Footer& Structs(int id, const std::vector<Footer>& items) {
    Head(id, 9);
    bytes_ += static_cast<char>((items.size() << 4) | 12);
    for (const Footer& item : items) bytes_ += item.bytes();
    return *this;
  }
  Footer& Struct(int id, const Footer& item) {
    Head(id, 12).bytes_ += item.bytes();
    return *this;
  }
  Footer& NoItems(int id, int type) {
    Head(id, 9).bytes_ += static_cast<char>(type);
    return *this;
  }
  std::string bytes() const { return bytes_ + '\0'; }

 private:
  Footer& Head(int id, int type) {
    bytes_ += static_cast<char>(((id - std::exchange(last_id_, id)) << 4) | type);
    return *this;
  }
  Footer& Number(int id, int type, int64_t value) { return Head(id, type).Varint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63)); }
  Footer& Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
    return *this;
  }
  std::string bytes_;
  int last_id_ = 0;
};

// A file without a page: its footer says how many columns it has, how many chunks its row group, and how many rows.
std::shared_ptr<Memory> FooterOnly(int columns, int chunks, int64_t rows, int64_t chunk_bytes = 10) {
  std::vector<Footer> schema = {Footer().Text(4, "root").I32(5, columns)};
  for (int i = 0; i < columns; ++i) schema.push_back(Footer().I32(1, 2).I32(3, 0).Text(4, "c" + std::to_string(i)));
  std::vector<Footer> group;
  for (int i = 0; i < chunks; ++i) {
    const Footer chunk = Footer().I32(1, 2).NoItems(2, 5).NoItems(3, 8).I32(4, 0).I64(5, rows).I64(6, chunk_bytes).I64(7, chunk_bytes).I64(9, 4);
    group.push_back(Footer().I64(2, 4).Struct(3, chunk));
  }
  const std::string footer = Footer().I32(1, 1).Structs(2, schema).I64(3, rows).Structs(4, {Footer().Structs(1, group).I64(2, chunk_bytes).I64(3, rows)}).bytes();
  auto memory = std::make_shared<Memory>();
  memory->bytes = "PAR1" + footer;
  for (int shift = 0; shift < 32; shift += 8) memory->bytes += static_cast<char>(footer.size() >> shift);
  memory->bytes += "PAR1";
  return memory;
}

TEST(ParquetReader, AFooterThatCannotBeIsRefused) {
  const auto message = [](const std::shared_ptr<Memory>& file) {
    const auto reader = ParquetReader::Open(file);
    return reader.ok() ? std::string("accepted") : reader.error().message();
  };
  EXPECT_EQ(message(FooterOnly(1, 1, 5)), "accepted");
  EXPECT_EQ(message(FooterOnly(2, 2, 0)), "accepted");
  EXPECT_THAT(message(FooterOnly(1, 9, 5)), testing::HasSubstr("row group 0 has 9 columns, and the file has 1"));
  EXPECT_THAT(message(FooterOnly(3, 1, 5)), testing::HasSubstr("row group 0 has 1 columns, and the file has 3"));
  EXPECT_THAT(message(FooterOnly(1, 1, -5)), testing::HasSubstr("row group 0 is said to have -5 rows"));
  EXPECT_THAT(message(FooterOnly(1, 1, int64_t{1} << 60)), testing::HasSubstr("row group 0 is said to have 1152921504606846976 rows"));
  EXPECT_THAT(message(FooterOnly(1, 1, 5, -1)), testing::HasSubstr("column 0 of row group 0 is said to have -1 bytes"));
}

// As Hive and Spark write them, unless told otherwise.
TEST(ParquetReader, TimesOfTwelveBytesReachAsFarAsTimestampsDo) {
  arrow::TimestampBuilder builder(arrow::timestamp(arrow::TimeUnit::MICRO), arrow::default_memory_pool());
  const std::vector<int64_t> micros = {253'402'300'799'999'999, -62'135'596'800'000'000, 1'700'000'000'123'456};  // 9999, 1, 2023
  EXPECT_TRUE(builder.AppendValues(micros).ok());
  const auto array = builder.Finish().ValueOrDie();
  const auto table = arrow::Table::Make(arrow::schema({arrow::field("t", array->type())}), {array});
  auto stream = arrow::io::BufferOutputStream::Create().ValueOrDie();
  ASSERT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), stream, 1024, parquet::default_writer_properties(),
                                         parquet::ArrowWriterProperties::Builder().enable_deprecated_int96_timestamps()->build())
                  .ok());
  auto memory = std::make_shared<Memory>();
  memory->bytes = stream->Finish().ValueOrDie()->ToString();
  const auto read = ReadAll(memory);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_TRUE((*read)->column(0)->Equals(*array)) << (*read)->ToString();
}

}  // namespace
}  // namespace firn::formats
