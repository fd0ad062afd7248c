// SPDX-License-Identifier: Apache-2.0
#include "exec/result_buffer.h"

#include <arrow/api.h>
#include <gmock/gmock.h>

namespace firn::exec {
namespace {

types::Batch Numbers(int64_t rows) {
  arrow::Int64Builder builder;
  for (int64_t i = 0; i < rows; ++i) EXPECT_TRUE(builder.Append(i).ok());
  const auto schema = types::MakeSchema({{"n", types::DataType::BigInt()}});
  return types::Batch{schema, {builder.Finish().ValueOrDie()}, rows, nullptr, nullptr};
}

int64_t RowCountOf(const ResultStream::Chunk& chunk) {
  int64_t rows = 0;
  for (const types::Batch& batch : chunk.batches) rows += batch.row_count;
  return rows;
}

TEST(ResultBuffer, AChunkIsSmallHoweverMuchHasGathered) {
  ResultBuffer buffer(int64_t{1} << 30);
  constexpr int kBatches = 40;
  for (int i = 0; i < kBatches; ++i) buffer.Push(Numbers(8192));
  buffer.End();
  int64_t rows = 0;
  int chunks = 0;
  for (bool is_end = false; !is_end; ++chunks) {
    const auto chunk = buffer.Next(0);
    ASSERT_TRUE(chunk.ok());
    EXPECT_LE(RowCountOf(*chunk), 65'536);
    rows += RowCountOf(*chunk);
    is_end = chunk->is_end;
    EXPECT_EQ(is_end, rows == kBatches * 8192);
  }
  EXPECT_EQ(rows, kBatches * 8192);
  EXPECT_EQ(chunks, 5);
}

TEST(ResultBuffer, RowsBeforeAFailureAreGivenFirst) {
  ResultBuffer buffer(1 << 20);
  buffer.Push(Numbers(3));
  buffer.Fail(Error(ErrorCode::kEvaluationError, "no"));
  const auto first = buffer.Next(0);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(RowCountOf(*first), 3);
  EXPECT_FALSE(first->is_end);
  EXPECT_EQ(buffer.Next(0).error().message(), "no");
}

TEST(ResultBuffer, NothingIsHeldForAReaderWhoHasGone) {
  ResultBuffer buffer(1 << 20);
  const types::Batch batch = Numbers(1000);
  const auto column = batch.columns[0];
  const auto users = column.use_count();
  buffer.Push(batch);
  EXPECT_EQ(column.use_count(), users + 1);
  buffer.Close();
  EXPECT_EQ(column.use_count(), users);
  buffer.Push(batch);
  EXPECT_EQ(column.use_count(), users);
  EXPECT_FALSE(buffer.IsFull());
  const auto next = buffer.Next(0);
  ASSERT_FALSE(next.ok());
  EXPECT_EQ(next.error().code(), ErrorCode::kCancelled);
}

}  // namespace
}  // namespace firn::exec
