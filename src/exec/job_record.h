// SPDX-License-Identifier: Apache-2.0
// What the meta store keeps of a job, and its byte forms (docs/formats/job-keys.md):
//
//   job/ID/definition   what to plan again
//   job/ID/state        where the job stands
//   job/ID/checkpoint   its last checkpoint; gone once the job has ended and all it did outside is done
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "exec/engine.h"
#include "state/manifest.h"

namespace firn::exec {

inline constexpr std::string_view kJobPrefix = "job/";
std::string DefinitionKey(const std::string& job_id);
std::string StateKey(const std::string& job_id);
std::string CheckpointKey(const std::string& job_id);

struct StateRecord {
  JobState state = JobState::kCreated;
  int64_t start_ms = 0;
  int64_t end_ms = -1;
  int restarts = 0;
  std::optional<Error> failure;
};

struct CheckpointRecord {
  int64_t id = 0;
  int64_t timestamp_ms = 0;
  std::map<std::string, std::string> positions;  // by scan uid
  std::map<std::string, std::string> outside;    // by sink uid: for CommitOutside
  state::Manifest manifest;
  std::optional<std::vector<std::string>> operators = {};  // uids of all that keep state, also those that had none to write; not of an earlier program's
};

std::string EncodeDefinition(const JobDefinition& definition);
std::string EncodeState(const StateRecord& record);
std::string EncodeCheckpoint(const CheckpointRecord& record);
/// kCorruption for bytes that the encoder did not make.
Result<JobDefinition> DecodeDefinition(std::string_view bytes);
Result<StateRecord> DecodeState(std::string_view bytes);
Result<CheckpointRecord> DecodeCheckpoint(std::string_view bytes);

}  // namespace firn::exec
