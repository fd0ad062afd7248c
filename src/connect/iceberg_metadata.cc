// SPDX-License-Identifier: Apache-2.0
#include "connect/iceberg_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace firn::connect {

namespace {

class MetadataSource final : public exec::Source {
 public:
  explicit MetadataSource(types::Batch rows) : rows_(std::move(rows)) {}

  int partition_count() const override { return 1; }
  void SetWaker(std::function<void()>) override {}

  Result<exec::PollResult> Poll(int, int64_t max_rows) override {
    exec::PollResult result;
    const int64_t count = std::min(max_rows, rows_.row_count - next_);
    result.rows = types::SliceBatch(rows_, next_, count);
    next_ += count;
    if (next_ == rows_.row_count) result.state = exec::PollState::kEnded;
    return result;
  }

  Result<std::string> Positions() const override { return std::to_string(next_); }
  Status Seek(const std::string& positions) override {
    int64_t next = 0;
    auto [end, status] = std::from_chars(positions.data(), positions.data() + positions.size(), next);
    if (status != std::errc() || end != positions.data() + positions.size() || next < 0) {
      return Error(ErrorCode::kCorruption, fmt::format("a stored position in a metadata table cannot be read: '{}'", positions)).Hint("cancel the job and submit its statement again; it reads from the beginning");
    }
    next_ = std::min(next, rows_.row_count);
    return Ok();
  }
  std::vector<exec::PartitionStatus> Describe() const override { return {{.name = "metadata", .position = next_, .end_position = rows_.row_count}}; }

 private:
  const types::Batch rows_;
  int64_t next_ = 0;
};

}  // namespace

Result<std::unique_ptr<exec::Source>> MakeMetadataSource(types::Batch rows, const std::vector<types::Field>& columns) {
  types::Batch wanted{types::MakeSchema(columns), {}, rows.row_count, nullptr, nullptr};
  for (const types::Field& column : columns) {
    size_t place = 0;
    while (place < rows.schema->size() && rows.schema->field(place).name != column.name) ++place;
    if (place == rows.schema->size()) return Error(ErrorCode::kColumnNotFound, fmt::format("the metadata table has no column `{}`", column.name));
    wanted.columns.push_back(rows.columns[place]);
  }
  return std::unique_ptr<exec::Source>(std::make_unique<MetadataSource>(std::move(wanted)));
}

}  // namespace firn::connect
