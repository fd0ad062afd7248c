// SPDX-License-Identifier: Apache-2.0
#include "state/manifest.h"

#include <fmt/format.h>

#include "base/varint.h"
#include "state/state_io.h"

namespace firn::state {

namespace {

constexpr uint64_t kVersion = 1;

void AppendText(std::string* out, std::string_view text) {
  base::AppendUnsignedVarint(out, text.size());
  out->append(text);
}

void AppendRange(std::string* out, const ByteRange& range) {
  base::AppendUnsignedVarint(out, range.offset);
  base::AppendUnsignedVarint(out, range.size);
  base::AppendUnsignedVarint(out, range.crc);
}

// Takes values off the front; after a failure everything reads as zero and `failed` is set.
struct Cursor {
  std::string_view in;
  bool failed = false;

  uint64_t Number() {
    uint64_t value = 0;
    if (failed || !base::ReadUnsignedVarint(&in, &value)) failed = true;
    return failed ? 0 : value;
  }
  std::string Text() {
    const uint64_t size = Number();
    if (failed || size > in.size()) {
      failed = true;
      return {};
    }
    std::string text(in.substr(0, size));
    in.remove_prefix(size);
    return text;
  }
  // A count of things that take at least one byte each.
  uint64_t Count() {
    const uint64_t count = Number();
    if (count > in.size()) failed = true;
    return failed ? 0 : count;
  }
  ByteRange Range() {
    ByteRange range;
    range.offset = Number();
    range.size = Number();
    range.crc = static_cast<uint32_t>(Number());
    return range;
  }
};

void AppendTable(std::string* out, const TableBlocks& groups) {
  base::AppendUnsignedVarint(out, groups.size());
  for (const auto& [group, blocks] : groups) {
    base::AppendUnsignedVarint(out, static_cast<uint64_t>(group + 1));
    base::AppendUnsignedVarint(out, blocks.size());
    for (const Block& block : blocks) {
      base::AppendUnsignedVarint(out, static_cast<uint64_t>(block.file));
      AppendRange(out, block.schema);
      AppendRange(out, block.rows);
      base::AppendUnsignedVarint(out, static_cast<uint64_t>(block.row_count));
    }
  }
}

TableBlocks ReadTable(Cursor* cursor) {
  TableBlocks groups;
  const uint64_t group_count = cursor->Count();
  for (uint64_t i = 0; i < group_count && !cursor->failed; ++i) {
    const uint64_t group = cursor->Number();
    if (group > kKeyGroups) cursor->failed = true;
    std::vector<Block>& blocks = groups[static_cast<int>(group) - 1];
    const uint64_t block_count = cursor->Count();
    for (uint64_t j = 0; j < block_count && !cursor->failed; ++j) {
      Block block;
      block.file = static_cast<int64_t>(cursor->Number());
      block.schema = cursor->Range();
      block.rows = cursor->Range();
      block.row_count = static_cast<int64_t>(cursor->Number());
      blocks.push_back(block);
    }
  }
  return groups;
}

template <typename Function>
void ForEachBlock(const Manifest& manifest, Function&& function) {
  for (const auto& [uid, tables] : manifest.operators) {
    for (const auto& [table, groups] : tables) {
      for (const auto& [group, blocks] : groups) {
        for (const Block& block : blocks) function(block);
      }
    }
  }
}

}  // namespace

int64_t Manifest::TotalBytes() const {
  int64_t bytes = 0;
  ForEachBlock(*this, [&](const Block& block) { bytes += static_cast<int64_t>(block.rows.size); });
  return bytes;
}

std::set<int64_t> Manifest::Files() const {
  std::set<int64_t> files;
  ForEachBlock(*this, [&](const Block& block) { files.insert(block.file); });
  return files;
}

std::string EncodeManifest(const Manifest& manifest) {
  std::string out;
  base::AppendUnsignedVarint(&out, kVersion);
  base::AppendUnsignedVarint(&out, manifest.operators.size());
  for (const auto& [uid, tables] : manifest.operators) {
    AppendText(&out, uid);
    base::AppendUnsignedVarint(&out, tables.size());
    for (const auto& [table, groups] : tables) {
      AppendText(&out, table);
      AppendTable(&out, groups);
    }
  }
  return out;
}

Result<Manifest> DecodeManifest(std::string_view bytes) {
  Cursor cursor{bytes};
  const uint64_t version = cursor.Number();
  if (!cursor.failed && version != kVersion) {
    return Error(ErrorCode::kStateIncompatible, fmt::format("state manifest has version {}, this program reads {}", version, kVersion));
  }
  Manifest manifest;
  const uint64_t operator_count = cursor.Count();
  for (uint64_t i = 0; i < operator_count && !cursor.failed; ++i) {
    auto& tables = manifest.operators[cursor.Text()];
    const uint64_t table_count = cursor.Count();
    for (uint64_t j = 0; j < table_count && !cursor.failed; ++j) {
      std::string table = cursor.Text();
      tables[std::move(table)] = ReadTable(&cursor);
    }
  }
  if (cursor.failed || !cursor.in.empty()) {
    return Error(ErrorCode::kCorruption, fmt::format("state manifest of {} bytes cannot be read: {}", bytes.size(),
                                                     cursor.failed ? "it ends early or holds an impossible length" : "bytes follow its end"));
  }
  return manifest;
}

}  // namespace firn::state
