// SPDX-License-Identifier: Apache-2.0
// Names of the files in a data directory. Numbers are written with 20 digits, so that names sort as numbers do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/file_system.h"
#include "log/ids.h"

namespace firn::log {

inline constexpr std::string_view kJournalSuffix = ".journal";
inline constexpr std::string_view kUnfinishedSuffix = ".tmp";  // behind the name that a file gets once it is whole
inline constexpr std::string_view kSnapshotSuffix = ".snapshot";
inline constexpr std::string_view kSegmentSuffix = ".log";
inline constexpr std::string_view kIndexSuffix = ".index";

/// "00000000000000000042.journal".
std::string NumberedName(uint64_t number, std::string_view suffix);
/// The number of such a name; nullopt if it has another form.
std::optional<uint64_t> ParseNumberedName(std::string_view name, std::string_view suffix);
/// The number of a name without leading zeros ("17"), as folders of partitions have; nullopt for another form or above 32 bits.
std::optional<uint32_t> ParseFolderNumber(std::string_view name);

/// Where the parts of a data directory are.
struct Layout {
  std::string root;

  std::string lock() const { return io::JoinPath(root, "LOCK"); }
  std::string journal() const { return io::JoinPath(root, "journal"); }
  std::string meta() const { return io::JoinPath(root, "meta"); }
  std::string partitions() const { return io::JoinPath(root, "partitions"); }
  std::string journal_file(uint64_t number) const { return io::JoinPath(journal(), NumberedName(number, kJournalSuffix)); }
  std::string unfinished_journal_file(uint64_t number) const { return journal_file(number).append(kUnfinishedSuffix); }
  std::string snapshot_file(uint64_t sequence) const { return io::JoinPath(meta(), NumberedName(sequence, kSnapshotSuffix)); }
  std::string partition(TopicPartitionId id) const { return io::JoinPath(partitions(), std::to_string(id.value())); }
  std::string segment_file(TopicPartitionId id, Offset base) const { return io::JoinPath(partition(id), NumberedName(base.value(), kSegmentSuffix)); }
  std::string index_file(TopicPartitionId id, Offset base) const { return io::JoinPath(partition(id), NumberedName(base.value(), kIndexSuffix)); }
};

}  // namespace firn::log
