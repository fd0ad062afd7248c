// SPDX-License-Identifier: Apache-2.0
#include "exec/job_record.h"

#include <fmt/format.h>

#include "base/varint.h"

namespace firn::exec {

namespace {

constexpr uint64_t kVersion = 1;

class Writer {
 public:
  Writer() { Number(kVersion); }
  void Number(uint64_t value) { base::AppendUnsignedVarint(&out_, value); }
  void Signed(int64_t value) { base::AppendVarint(&out_, value); }
  void Text(std::string_view text) {
    Number(text.size());
    out_.append(text);
  }
  void Map(const std::map<std::string, std::string>& map) {
    Number(map.size());
    for (const auto& [key, value] : map) {
      Text(key);
      Text(value);
    }
  }
  std::string Take() && { return std::move(out_); }

 private:
  std::string out_;
};

// After a failure everything reads as empty; Check tells.
class Reader {
 public:
  Reader(std::string_view what, std::string_view in) : what_(what), size_(in.size()), in_(in), version_(Number()) {}

  uint64_t Number() {
    uint64_t value = 0;
    failed_ |= !base::ReadUnsignedVarint(&in_, &value);
    return failed_ ? 0 : value;
  }
  int64_t Signed() {
    int64_t value = 0;
    failed_ |= !base::ReadVarint(&in_, &value);
    return failed_ ? 0 : value;
  }
  std::string Text() {
    const uint64_t size = Number();
    failed_ |= size > in_.size();
    if (failed_) return {};
    std::string text(in_.substr(0, size));
    in_.remove_prefix(size);
    return text;
  }
  std::map<std::string, std::string> Map() {
    std::map<std::string, std::string> map;
    for (uint64_t count = Number(); count > 0 && !failed_; --count) {
      std::string key = Text();
      map[std::move(key)] = Text();
    }
    return map;
  }
  bool at_end() const { return failed_ || in_.empty(); }
  Status Check() const {
    if (!failed_ && version_ != kVersion) {
      return Error(ErrorCode::kStateIncompatible, fmt::format("a stored {} has version {}, this program reads {}", what_, version_, kVersion));
    }
    if (!failed_ && in_.empty()) return Ok();
    return Error(ErrorCode::kCorruption, fmt::format("a stored {} of {} bytes cannot be read", what_, size_));
  }

 private:
  std::string_view what_;
  size_t size_;
  std::string_view in_;
  bool failed_ = false;
  uint64_t version_;
};

}  // namespace

std::string DefinitionKey(const std::string& job_id) { return fmt::format("{}{}/definition", kJobPrefix, job_id); }
std::string StateKey(const std::string& job_id) { return fmt::format("{}{}/state", kJobPrefix, job_id); }
std::string CheckpointKey(const std::string& job_id) { return fmt::format("{}{}/checkpoint", kJobPrefix, job_id); }

std::string EncodeDefinition(const JobDefinition& definition) {
  Writer writer;
  writer.Text(definition.name);
  writer.Text(definition.statement);
  writer.Text(definition.catalog);
  writer.Text(definition.database);
  writer.Map(definition.config);
  writer.Number(definition.is_durable ? 1 : 0);
  writer.Number(definition.tables.size());
  for (const std::string& table : definition.tables) writer.Text(table);
  return std::move(writer).Take();
}

Result<JobDefinition> DecodeDefinition(std::string_view bytes) {
  Reader reader("job definition", bytes);
  JobDefinition definition;
  definition.name = reader.Text();
  definition.statement = reader.Text();
  definition.catalog = reader.Text();
  definition.database = reader.Text();
  definition.config = reader.Map();
  definition.is_durable = reader.Number() != 0;
  // A definition of an earlier version ends here.
  for (uint64_t count = reader.at_end() ? 0 : reader.Number(); count > 0 && !reader.at_end(); --count) definition.tables.push_back(reader.Text());
  FIRN_RETURN_IF_ERROR(reader.Check());
  return definition;
}

std::string EncodeState(const StateRecord& record) {
  Writer writer;
  writer.Number(static_cast<uint64_t>(record.state));
  writer.Signed(record.start_ms);
  writer.Signed(record.end_ms);
  writer.Number(static_cast<uint64_t>(record.restarts));
  writer.Number(record.failure ? static_cast<uint64_t>(record.failure->code()) : 0);
  writer.Text(record.failure ? record.failure->message() : "");
  writer.Text(record.failure ? record.failure->hint() : "");
  return std::move(writer).Take();
}

Result<StateRecord> DecodeState(std::string_view bytes) {
  Reader reader("job state", bytes);
  StateRecord record;
  const uint64_t state = reader.Number();
  record.start_ms = reader.Signed();
  record.end_ms = reader.Signed();
  record.restarts = static_cast<int>(reader.Number());
  const uint64_t code = reader.Number();
  std::string message = reader.Text();
  std::string hint = reader.Text();
  FIRN_RETURN_IF_ERROR(reader.Check());
  if (state > static_cast<uint64_t>(JobState::kSuspended)) {
    return Error(ErrorCode::kCorruption, fmt::format("a stored job state is {}", state));
  }
  record.state = static_cast<JobState>(state);
  const base::ErrorInfo* info = code == 0 ? nullptr : base::FindErrorInfo(std::to_string(code));
  if (code != 0) {
    record.failure = Error(info ? info->code : ErrorCode::kUnavailable, std::move(message)).Hint(std::move(hint));
  }
  return record;
}

std::string EncodeCheckpoint(const CheckpointRecord& record) {
  Writer writer;
  writer.Signed(record.id);
  writer.Signed(record.timestamp_ms);
  writer.Map(record.positions);
  writer.Map(record.outside);
  writer.Text(state::EncodeManifest(record.manifest));
  if (record.operators) {
    writer.Number(record.operators->size());
    for (const std::string& uid : *record.operators) writer.Text(uid);
  }
  return std::move(writer).Take();
}

Result<CheckpointRecord> DecodeCheckpoint(std::string_view bytes) {
  Reader reader("checkpoint", bytes);
  CheckpointRecord record;
  record.id = reader.Signed();
  record.timestamp_ms = reader.Signed();
  record.positions = reader.Map();
  record.outside = reader.Map();
  const std::string manifest = reader.Text();
  if (!reader.at_end()) {  // a checkpoint of an earlier version ends here
    record.operators.emplace();
    for (uint64_t count = reader.Number(); count > 0 && !reader.at_end(); --count) record.operators->push_back(reader.Text());
  }
  FIRN_RETURN_IF_ERROR(reader.Check());
  FIRN_TRY(record.manifest, state::DecodeManifest(manifest));
  return record;
}

}  // namespace firn::exec
