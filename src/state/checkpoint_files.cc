// SPDX-License-Identifier: Apache-2.0
#include "state/checkpoint_files.h"

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "base/assert.h"
#include "base/crc32c.h"
#include "types/arrow_result.h"

namespace firn::state {

namespace {

constexpr std::string_view kMagic = "FIRNSTA1";
constexpr std::string_view kSuffix = ".state";
constexpr int64_t kCarryOverFloorBytes = 16 << 20;  // below it thinning out is not worth a copy

std::string_view ViewOf(const arrow::Buffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), static_cast<size_t>(buffer.size())};
}

// An optional with the number of "17.state".
int64_t FileNumber(std::string_view name) {
  if (!name.ends_with(kSuffix)) return -1;
  name.remove_suffix(kSuffix.size());
  int64_t number = -1;
  auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), number);
  return status == std::errc() && end == name.data() + name.size() ? number : -1;
}

// The rows with their key groups as the last column.
Result<std::shared_ptr<arrow::RecordBatch>> WithKeyGroups(const KeyedRows& keyed) {
  const auto rows = types::ToRecordBatch(keyed.rows);
  auto groups = std::make_shared<arrow::Int8Array>(rows->num_rows(), arrow::Buffer::FromVector(keyed.groups));
  return types::FromArrowResult(rows->AddColumn(rows->num_columns(), std::string(kKeyGroupColumn), std::move(groups)));
}

Result<std::shared_ptr<arrow::RecordBatch>> Concatenate(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches) {
  if (batches.size() == 1) return batches[0];
  return types::FromArrowResult(arrow::ConcatenateRecordBatches(batches));
}

// The rows of a run's blocks that are of the wanted key groups, in their order.
Result<std::shared_ptr<arrow::RecordBatch>> DecodeRun(const Run& run, std::string schema_bytes, std::string row_bytes, const KeyGroupSet& wanted) {
  arrow::ipc::DictionaryMemo memo;
  arrow::io::BufferReader schema_stream(arrow::Buffer::FromString(std::move(schema_bytes)));
  arrow::io::BufferReader row_stream(arrow::Buffer::FromString(std::move(row_bytes)));
  FIRN_TRY(auto schema, types::FromArrowResult(arrow::ipc::ReadSchema(&schema_stream, &memo)));
  FIRN_TRY(auto rows, types::FromArrowResult(arrow::ipc::ReadRecordBatch(schema, &memo, arrow::ipc::IpcReadOptions::Defaults(), &row_stream)));
  if (!run.is_keyed() || static_cast<int>(wanted.count()) == run.group_count) return rows;
  const auto column = rows->GetColumnByName(std::string(kKeyGroupColumn));
  if (!column || column->type_id() != arrow::Type::INT8) {
    return Error(ErrorCode::kCorruption, fmt::format("a run of {} state rows in {} key groups has no key group column", run.row_count, run.group_count));
  }
  const int8_t* groups = static_cast<const arrow::Int8Array&>(*column).raw_values();
  arrow::BooleanBuilder mask;
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(mask.Reserve(rows->num_rows())));
  for (int64_t row = 0; row < rows->num_rows(); ++row) mask.UnsafeAppend(groups[row] >= 0 && wanted.test(static_cast<size_t>(groups[row])));
  FIRN_TRY(auto selection, types::FromArrowResult(mask.Finish()));
  FIRN_TRY(arrow::Datum kept, types::FromArrowResult(arrow::compute::Filter(rows, selection)));
  return kept.record_batch();
}

}  // namespace

// The new file, grown in memory: blocks one after the other, each at a multiple of eight bytes.
struct CheckpointFiles::FileBuilder {
  int64_t file = 0;
  std::string bytes{kMagic};
  std::map<std::pair<std::string, std::string>, std::pair<ByteRange, std::shared_ptr<arrow::Schema>>> schemas;  // by operator and table

  bool is_empty() const { return bytes.size() == kMagic.size(); }
  ByteRange Add(std::string_view block) {
    bytes.resize((bytes.size() + 7) / 8 * 8, '\0');
    ByteRange range{bytes.size(), block.size(), base::Crc32c(block)};
    bytes.append(block);
    return range;
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Read(const Run& run) const {
    return DecodeRun(run, bytes.substr(run.schema.offset, run.schema.size), bytes.substr(run.rows.offset, run.rows.size), run.live);
  }

  // The rows as a run, which says where its blocks are; the caller says which key groups it has.
  Result<Run> AddRows(const std::string& uid, const std::string& table, const arrow::RecordBatch& rows) {
    auto& [range, schema] = schemas[{uid, table}];
    if (!schema || !schema->Equals(*rows.schema())) {
      FIRN_TRY(auto message, types::FromArrowResult(arrow::ipc::SerializeSchema(*rows.schema())));
      range = Add(ViewOf(*message));
      schema = rows.schema();
    }
    FIRN_TRY(auto message, types::FromArrowResult(arrow::ipc::SerializeRecordBatch(rows, arrow::ipc::IpcWriteOptions::Defaults())));
    return Run{.file = file, .schema = range, .rows = Add(ViewOf(*message)), .row_count = rows.num_rows()};
  }
};

std::string CheckpointFiles::PathOf(int64_t file) const {
  return io::JoinPath(directory_, fmt::format("{}{}", file, kSuffix));
}

// One run a table of what all lanes wrote of it.
Status CheckpointFiles::AddSnapshots(const std::vector<LaneSnapshot>& snapshots, FileBuilder* file, Manifest* manifest) const {
  std::map<std::pair<std::string, std::string>, std::vector<const KeyedRows*>> keyed;
  for (const LaneSnapshot& snapshot : snapshots) {
    auto& tables = manifest->operators[snapshot.operator_uid];
    for (const TableRows& written : snapshot.tables) {
      if (written.is_keyed) {
        keyed[{snapshot.operator_uid, written.table}].push_back(&written.keyed);
      } else if (written.keyed.rows.row_count > 0) {
        FIRN_TRY(Run run, file->AddRows(snapshot.operator_uid, written.table, *types::ToRecordBatch(written.keyed.rows)));
        tables[written.table].push_back(run);
      }
    }
  }
  for (const auto& [name, parts] : keyed) {
    std::vector<Run>& runs = manifest->operators[name.first][name.second];
    FIRN_ASSERT(runs.empty() || runs.back().is_keyed(), "{} of {} was written without keys and is now written with them", name.second, name.first);
    std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
    KeyGroupSet groups;
    for (const KeyedRows* part : parts) {
      for (Run& run : runs) run.live &= ~part->replaced;
      if (part->rows.row_count == 0) continue;
      KeyGroupSet of_lane;
      for (uint8_t group : part->groups) of_lane.set(group);
      FIRN_ASSERT((groups & of_lane).none(), "two lanes write the same key group of {} of {}", name.second, name.first);
      groups |= of_lane;
      FIRN_TRY(auto batch, WithKeyGroups(*part));
      batches.push_back(std::move(batch));
    }
    if (batches.empty()) continue;
    FIRN_TRY(auto rows, Concatenate(batches));
    FIRN_TRY(Run run, file->AddRows(name.first, name.second, *rows));
    run.group_count = static_cast<int>(groups.count());
    run.live = groups;
    runs.push_back(run);
  }
  return Ok();
}

// Sizes are told apart by powers of kRunsMerged. From the youngest run on: as many of one size or smaller as are merged become one of the next size.
Status CheckpointFiles::MergeRuns(FileBuilder* file, Manifest* manifest) const {
  const auto size_of = [](const Run& run) { return static_cast<int>(std::bit_width(static_cast<uint64_t>(run.live_rows()))) / 3; };
  static_assert(kRunsMerged == 1 << 3);
  for (auto& [uid, tables] : manifest->operators) {
    for (auto& [table, runs] : tables) {
      if (runs.empty() || !runs.back().is_keyed()) continue;
      for (int size = size_of(runs.back());;) {
        size_t first = runs.size();
        while (first > 0 && size_of(runs[first - 1]) <= size) --first;
        if (runs.size() - first < kRunsMerged) break;
        std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
        for (size_t i = first; i < runs.size(); ++i) {
          FIRN_TRY(auto batch, file->file == runs[i].file ? file->Read(runs[i]) : ReadRun(runs[i], runs[i].live));
          batches.push_back(std::move(batch));
        }
        size_t unlike = batches.size();  // those before a column was added stay as they are
        while (unlike > 0 && batches[unlike - 1]->schema()->Equals(*batches.back()->schema())) --unlike;
        batches.erase(batches.begin(), batches.begin() + static_cast<std::ptrdiff_t>(unlike));
        first += unlike;
        if (batches.size() < 2) break;
        FIRN_ASSERT(first + batches.size() == runs.size(), "{} of {} runs of {} are merged from run {} on", batches.size(), runs.size(), table, first);
        KeyGroupSet groups;
        for (size_t i = first; i < runs.size(); ++i) groups |= runs[i].live;
        FIRN_TRY(auto rows, Concatenate(batches));
        FIRN_TRY(Run merged, file->AddRows(uid, table, *rows));
        merged.group_count = static_cast<int>(groups.count());
        merged.live = groups;
        runs.resize(first);
        runs.push_back(merged);
        size = std::max(size + 1, size_of(merged));
      }
    }
  }
  return Ok();
}

Status CheckpointFiles::CarryOver(int64_t live_file, FileBuilder* file, Manifest* manifest) const {
  for (auto& [uid, tables] : manifest->operators) {
    for (auto& [table, runs] : tables) {
      for (Run& run : runs) {
        if (run.file != live_file) continue;
        FIRN_ASSERT(!run.is_keyed() || run.live.any(), "a run of {} of which nothing counts is still named", table);
        FIRN_TRY(auto rows, ReadRun(run, run.live));
        FIRN_TRY(Run carried, file->AddRows(uid, table, *rows));
        carried.group_count = static_cast<int>(run.live.count());
        carried.live = run.live;
        run = carried;
      }
    }
  }
  return Ok();
}

Status CheckpointFiles::StayWithinTwiceTheState(FileBuilder* file, Manifest* manifest) {
  int64_t on_disk = static_cast<int64_t>(file->bytes.size());
  const std::set<int64_t> referenced = manifest->Files();
  for (int64_t number : referenced) {
    if (number == file->file) continue;
    if (!file_bytes_.contains(number)) {
      FIRN_TRY(io::FileEntry entry, files_.Stat(PathOf(number)));
      file_bytes_[number] = static_cast<int64_t>(entry.size_bytes);
    }
    on_disk += file_bytes_[number];
  }
  const int64_t alive = manifest->TotalBytes();
  for (int64_t number : referenced) {  // oldest first
    if (number == file->file || on_disk <= 2 * alive + kCarryOverFloorBytes) break;
    FIRN_RETURN_IF_ERROR(CarryOver(number, file, manifest));
    on_disk -= file_bytes_[number];
  }
  return Ok();
}

Result<WrittenState> CheckpointFiles::Write(int64_t checkpoint_id, const Manifest& previous, const std::vector<LaneSnapshot>& snapshots) {
  WrittenState result{previous, 0};
  Manifest& manifest = result.manifest;
  FileBuilder file{.file = checkpoint_id};
  const std::set<int64_t> before = previous.Files();
  FIRN_ASSERT(before.empty() || *before.rbegin() < checkpoint_id, "checkpoint {} is written behind {}", checkpoint_id, *before.rbegin());
  for (const LaneSnapshot& snapshot : snapshots) {  // rows without a key are replaced whole: what nobody writes again is gone
    for (auto& [table, runs] : manifest.operators[snapshot.operator_uid]) std::erase_if(runs, [](const Run& run) { return !run.is_keyed(); });
  }
  FIRN_RETURN_IF_ERROR(AddSnapshots(snapshots, &file, &manifest));
  for (auto& [uid, tables] : manifest.operators) {
    for (auto& [table, runs] : tables) std::erase_if(runs, [](const Run& run) { return run.is_keyed() && run.live.none(); });
    std::erase_if(tables, [](const auto& entry) { return entry.second.empty(); });
  }
  std::erase_if(manifest.operators, [](const auto& entry) { return entry.second.empty(); });
  FIRN_RETURN_IF_ERROR(MergeRuns(&file, &manifest));
  FIRN_RETURN_IF_ERROR(StayWithinTwiceTheState(&file, &manifest));
  if (file.is_empty()) return result;

  FIRN_RETURN_IF_ERROR(files_.CreateDirectories(directory_));
  FIRN_TRY(auto out, files_.Open(PathOf(checkpoint_id), io::OpenMode::kTruncate));
  FIRN_RETURN_IF_ERROR(out->WriteAt(0, file.bytes));
  FIRN_RETURN_IF_ERROR(out->Sync());
  FIRN_RETURN_IF_ERROR(files_.SyncDirectory(directory_));
  file_bytes_[checkpoint_id] = result.bytes = static_cast<int64_t>(file.bytes.size());
  return result;
}

Status CheckpointFiles::RemoveUnreferenced(const Manifest& manifest) {
  const std::set<int64_t> referenced = manifest.Files();
  std::erase_if(file_bytes_, [&](const auto& entry) { return !referenced.contains(entry.first); });
  auto entries = files_.List(directory_);
  if (!entries.ok()) {
    if (entries.error().code() == ErrorCode::kNotFound) return Ok();
    return std::move(entries).error();
  }
  for (const io::FileEntry& entry : *entries) {
    const int64_t number = FileNumber(entry.name);
    if (number < 0 || referenced.contains(number)) continue;
    FIRN_RETURN_IF_ERROR(files_.Remove(PathOf(number)));
  }
  return Ok();
}

Result<std::string> CheckpointFiles::ReadRange(int64_t file, const ByteRange& range) const {
  const std::string path = PathOf(file);
  FIRN_TRY(auto opened, files_.Open(path, io::OpenMode::kRead));
  FIRN_TRY(uint64_t file_size, opened->Size());
  if (range.offset > file_size || range.size > file_size - range.offset) {
    return Error(ErrorCode::kCorruption, fmt::format("state file {} has {} bytes and no block at {} + {}", path, file_size, range.offset, range.size));
  }
  FIRN_TRY(std::string bytes, opened->ReadAt(range.offset, range.size));
  if (bytes.size() != range.size || base::Crc32c(bytes) != range.crc) {
    return Error(ErrorCode::kCorruption, fmt::format("state file {}: checksum of the block at {} is wrong", path, range.offset));
  }
  return bytes;
}

Result<std::shared_ptr<arrow::RecordBatch>> CheckpointFiles::ReadRun(const Run& run, const KeyGroupSet& wanted) const {
  FIRN_TRY(std::string schema_bytes, ReadRange(run.file, run.schema));
  FIRN_TRY(std::string row_bytes, ReadRange(run.file, run.rows));
  return DecodeRun(run, std::move(schema_bytes), std::move(row_bytes), wanted);
}

// Reads the rows of one lane, run by run.
class FileStateReader final : public StateReader {
 public:
  FileStateReader(const CheckpointFiles& files, const std::map<std::string, std::vector<Run>>* tables, int lane, int parallelism)
      : files_(files), tables_(tables) {
    for (int group = 0; group < kKeyGroups; ++group) owned_.set(static_cast<size_t>(group), LaneOfKeyGroup(group, parallelism) == lane);
  }

  Status Read(std::string_view table, const types::SchemaPtr& schema, const std::function<Status(const types::Batch&)>& visit) override {
    if (!tables_) return Ok();
    auto found = tables_->find(std::string(table));
    if (found == tables_->end()) return Ok();
    for (const Run& run : found->second) {
      const KeyGroupSet wanted = run.live & owned_;
      if (run.is_keyed() && wanted.none()) continue;
      FIRN_TRY(auto stored, files_.ReadRun(run, wanted));
      FIRN_TRY(types::Batch rows, AsAsked(table, schema, *stored));
      FIRN_RETURN_IF_ERROR(visit(rows));
    }
    return Ok();
  }

 private:
  static Result<types::Batch> AsAsked(std::string_view table, const types::SchemaPtr& schema, const arrow::RecordBatch& stored) {
    types::Batch rows{schema, {}, stored.num_rows(), nullptr, nullptr};
    for (const types::Field& field : schema->fields()) {
      const auto type = field.type.ToArrow();
      auto column = stored.GetColumnByName(field.name);
      if (!column) {
        FIRN_TRY(column, types::FromArrowResult(arrow::MakeArrayOfNull(type, rows.row_count)));
      } else if (!column->type()->Equals(*type)) {
        return Error(ErrorCode::kStateIncompatible, fmt::format("column `{}` of the stored state `{}` is {}; the query now needs {}", field.name,
                                                                table, column->type()->ToString(), type->ToString()));
      }
      rows.columns.push_back(std::move(column));
    }
    return rows;
  }

  const CheckpointFiles& files_;
  const std::map<std::string, std::vector<Run>>* tables_;  // null: the operator has none
  KeyGroupSet owned_;
};

std::unique_ptr<StateReader> CheckpointFiles::Read(const Manifest& manifest, const std::string& operator_uid, int lane, int parallelism) {
  auto found = manifest.operators.find(operator_uid);
  return std::make_unique<FileStateReader>(*this, found == manifest.operators.end() ? nullptr : &found->second, lane, parallelism);
}

}  // namespace firn::state
