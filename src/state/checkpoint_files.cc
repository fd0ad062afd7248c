// SPDX-License-Identifier: Apache-2.0
#include "state/checkpoint_files.h"

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <charconv>

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

}  // namespace

// The new file, grown in memory: blocks one after the other, each at a multiple of eight bytes.
struct CheckpointFiles::FileBuilder {
  int64_t file = 0;
  std::string bytes{kMagic};
  std::map<std::pair<std::string, std::string>, ByteRange> schemas;  // by operator and table

  ByteRange Add(std::string_view block) {
    bytes.resize((bytes.size() + 7) / 8 * 8, '\0');
    ByteRange range{bytes.size(), block.size(), base::Crc32c(block)};
    bytes.append(block);
    return range;
  }
};

std::string CheckpointFiles::PathOf(int64_t file) const {
  return io::JoinPath(directory_, fmt::format("{}{}", file, kSuffix));
}

Status CheckpointFiles::AddSnapshot(const LaneSnapshot& snapshot, FileBuilder* file, Manifest* manifest) {
  auto& tables = manifest->operators[snapshot.operator_uid];
  for (const std::string& table : snapshot.dropped) {
    auto found = tables.find(table);
    if (found == tables.end()) continue;
    std::erase_if(found->second, [&](const auto& entry) {
      return entry.first != kNoKeyGroup && LaneOfKeyGroup(entry.first, snapshot.parallelism) == snapshot.lane;
    });
  }
  for (const TableRows& written : snapshot.tables) {
    std::vector<Block>& blocks = tables[written.table][written.group];
    if (written.group != kNoKeyGroup) blocks.clear();
    if (written.rows.row_count == 0) continue;
    ByteRange& schema = file->schemas[{snapshot.operator_uid, written.table}];
    if (schema.size == 0) {
      FIRN_TRY(auto message, types::FromArrowResult(arrow::ipc::SerializeSchema(*written.rows.schema->ToArrow())));
      schema = file->Add(ViewOf(*message));
    }
    FIRN_TRY(auto message, types::FromArrowResult(arrow::ipc::SerializeRecordBatch(*types::ToRecordBatch(written.rows),
                                                                                   arrow::ipc::IpcWriteOptions::Defaults())));
    blocks.push_back({file->file, schema, file->Add(ViewOf(*message)), written.rows.row_count});
  }
  return Ok();
}

Status CheckpointFiles::CarryOver(int64_t live_file, FileBuilder* file, Manifest* manifest) {
  FIRN_TRY(std::string old, files_.ReadAll(PathOf(live_file)));
  const auto copy = [&](ByteRange* range) -> Status {
    if (range->offset + range->size > old.size()) {
      return Error(ErrorCode::kCorruption, fmt::format("state file {} has {} bytes and no block at {} + {}", PathOf(live_file), old.size(),
                                                       range->offset, range->size));
    }
    const std::string_view bytes = std::string_view(old).substr(range->offset, range->size);
    if (base::Crc32c(bytes) != range->crc) {
      return Error(ErrorCode::kCorruption, fmt::format("state file {}: checksum of the block at {} is wrong", PathOf(live_file), range->offset));
    }
    *range = file->Add(bytes);
    return Ok();
  };
  for (auto& [uid, tables] : manifest->operators) {
    for (auto& [table, groups] : tables) {
      for (auto& [group, blocks] : groups) {
        for (Block& block : blocks) {
          if (block.file != live_file) continue;
          FIRN_RETURN_IF_ERROR(copy(&block.schema));
          FIRN_RETURN_IF_ERROR(copy(&block.rows));
          block.file = file->file;
        }
      }
    }
  }
  return Ok();
}

Result<WrittenState> CheckpointFiles::Write(int64_t checkpoint_id, const Manifest& previous, const std::vector<LaneSnapshot>& snapshots) {
  WrittenState result{previous, 0};
  Manifest& manifest = result.manifest;
  FileBuilder file{.file = checkpoint_id};
  for (const LaneSnapshot& snapshot : snapshots) {  // keyless rows are replaced whole: what nobody writes again is gone
    for (auto& [table, groups] : manifest.operators[snapshot.operator_uid]) groups.erase(kNoKeyGroup);
  }
  for (const LaneSnapshot& snapshot : snapshots) FIRN_RETURN_IF_ERROR(AddSnapshot(snapshot, &file, &manifest));
  for (auto& [uid, tables] : manifest.operators) {
    for (auto& [table, groups] : tables) std::erase_if(groups, [](const auto& entry) { return entry.second.empty(); });
    std::erase_if(tables, [](const auto& entry) { return entry.second.empty(); });
  }
  std::erase_if(manifest.operators, [](const auto& entry) { return entry.second.empty(); });

  int64_t on_disk = static_cast<int64_t>(file.bytes.size());
  const std::set<int64_t> referenced = manifest.Files();
  for (int64_t number : referenced) {
    if (number != checkpoint_id && !file_bytes_.contains(number)) {
      FIRN_TRY(io::FileEntry entry, files_.Stat(PathOf(number)));
      file_bytes_[number] = static_cast<int64_t>(entry.size_bytes);
    }
    if (number != checkpoint_id) on_disk += file_bytes_[number];
  }
  const int64_t alive = manifest.TotalBytes();
  for (int64_t number : referenced) {  // oldest first
    if (number == checkpoint_id || on_disk <= 2 * alive + kCarryOverFloorBytes) break;
    FIRN_RETURN_IF_ERROR(CarryOver(number, &file, &manifest));
    on_disk -= file_bytes_[number];
  }
  if (file.bytes.size() == kMagic.size()) return result;

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

// Reads the groups of one lane, block by block.
class FileStateReader final : public StateReader {
 public:
  FileStateReader(const CheckpointFiles& files, const std::map<std::string, TableBlocks>* tables, int lane, int parallelism)
      : files_(files), tables_(tables), lane_(lane), parallelism_(parallelism) {}

  std::vector<std::string> Tables(std::string_view prefix) const override {
    std::vector<std::string> names;
    if (!tables_) return names;
    for (const auto& [table, groups] : *tables_) {
      if (table.starts_with(prefix)) names.push_back(table);
    }
    return names;
  }

  Status Read(std::string_view table, const types::SchemaPtr& schema,
              const std::function<Status(int, const types::Batch&)>& visit) override {
    if (!tables_) return Ok();
    auto found = tables_->find(std::string(table));
    if (found == tables_->end()) return Ok();
    for (const auto& [group, blocks] : found->second) {
      if (group != kNoKeyGroup && LaneOfKeyGroup(group, parallelism_) != lane_) continue;
      for (const Block& block : blocks) {
        FIRN_TRY(types::Batch rows, ReadBlock(table, block, schema));
        FIRN_RETURN_IF_ERROR(visit(group, rows));
      }
    }
    return Ok();
  }

 private:
  Result<types::Batch> ReadBlock(std::string_view table, const Block& block, const types::SchemaPtr& schema) const {
    FIRN_TRY(std::string schema_bytes, files_.ReadRange(block.file, block.schema));
    FIRN_TRY(std::string row_bytes, files_.ReadRange(block.file, block.rows));
    arrow::ipc::DictionaryMemo memo;
    arrow::io::BufferReader schema_stream(arrow::Buffer::FromString(std::move(schema_bytes)));
    arrow::io::BufferReader row_stream(arrow::Buffer::FromString(std::move(row_bytes)));
    FIRN_TRY(auto stored_schema, types::FromArrowResult(arrow::ipc::ReadSchema(&schema_stream, &memo)));
    FIRN_TRY(auto stored, types::FromArrowResult(arrow::ipc::ReadRecordBatch(stored_schema, &memo, arrow::ipc::IpcReadOptions::Defaults(), &row_stream)));
    types::Batch rows{schema, {}, stored->num_rows(), nullptr, nullptr};
    for (const types::Field& field : schema->fields()) {
      const auto type = field.type.ToArrow();
      auto column = stored->GetColumnByName(field.name);
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
  const std::map<std::string, TableBlocks>* tables_;  // null: the operator has none
  const int lane_;
  const int parallelism_;
};

std::unique_ptr<StateReader> CheckpointFiles::Read(const Manifest& manifest, const std::string& operator_uid, int lane, int parallelism) {
  auto found = manifest.operators.find(operator_uid);
  return std::make_unique<FileStateReader>(*this, found == manifest.operators.end() ? nullptr : &found->second, lane, parallelism);
}

}  // namespace firn::state
