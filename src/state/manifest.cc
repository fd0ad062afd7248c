// SPDX-License-Identifier: Apache-2.0
#include "state/manifest.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "base/varint.h"
#include "state/state_io.h"

namespace firn::state {

namespace {

constexpr uint64_t kVersion = 2;

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

void AppendRuns(std::string* out, const std::vector<Run>& runs) {
  base::AppendUnsignedVarint(out, runs.size());
  for (const Run& run : runs) {
    FIRN_ASSERT(run.file >= 0 && run.row_count >= 0 && static_cast<int>(run.live.count()) <= run.group_count, "a run of {} rows in file {} has {} key groups of {}", run.row_count, run.file,
                run.live.count(), run.group_count);
    base::AppendUnsignedVarint(out, static_cast<uint64_t>(run.file));
    AppendRange(out, run.schema);
    AppendRange(out, run.rows);
    base::AppendUnsignedVarint(out, static_cast<uint64_t>(run.row_count));
    base::AppendUnsignedVarint(out, static_cast<uint64_t>(run.group_count));
    for (int group = 0; run.is_keyed() && group < kKeyGroups; group += 8) {
      uint8_t bits = 0;
      for (int bit = 0; bit < 8; ++bit) bits |= static_cast<uint8_t>(run.live.test(static_cast<size_t>(group + bit)) << bit);
      out->push_back(static_cast<char>(bits));
    }
  }
}

std::vector<Run> ReadRuns(Cursor* cursor) {
  std::vector<Run> runs;
  const uint64_t count = cursor->Count();
  for (uint64_t i = 0; i < count && !cursor->failed; ++i) {
    Run run;
    run.file = static_cast<int64_t>(cursor->Number());
    run.schema = cursor->Range();
    run.rows = cursor->Range();
    run.row_count = static_cast<int64_t>(cursor->Number());
    const uint64_t groups = cursor->Number();
    if (groups > kKeyGroups || cursor->in.size() < (groups > 0 ? kKeyGroups / 8 : 0)) cursor->failed = true;
    if (cursor->failed) break;
    run.group_count = static_cast<int>(groups);
    if (run.is_keyed()) {
      for (int group = 0; group < kKeyGroups; ++group) run.live.set(static_cast<size_t>(group), (static_cast<uint8_t>(cursor->in[static_cast<size_t>(group / 8)]) >> (group % 8)) & 1);
      cursor->in.remove_prefix(kKeyGroups / 8);
      if (run.live.count() > groups) cursor->failed = true;
    }
    runs.push_back(run);
  }
  return runs;
}

template <typename Function>
void ForEachRun(const Manifest& manifest, Function&& function) {
  for (const auto& [uid, tables] : manifest.operators) {
    for (const auto& [table, runs] : tables) {
      for (const Run& run : runs) function(run);
    }
  }
}

}  // namespace

int64_t Manifest::TotalBytes() const {
  int64_t bytes = 0;
  ForEachRun(*this, [&](const Run& run) { bytes += run.live_bytes(); });
  return bytes;
}

std::set<int64_t> Manifest::Files() const {
  std::set<int64_t> files;
  ForEachRun(*this, [&](const Run& run) { files.insert(run.file); });
  return files;
}

std::string EncodeManifest(const Manifest& manifest) {
  std::string out;
  base::AppendUnsignedVarint(&out, kVersion);
  base::AppendUnsignedVarint(&out, manifest.operators.size());
  for (const auto& [uid, tables] : manifest.operators) {
    AppendText(&out, uid);
    base::AppendUnsignedVarint(&out, tables.size());
    for (const auto& [table, runs] : tables) {
      AppendText(&out, table);
      AppendRuns(&out, runs);
    }
  }
  return out;
}

Result<Manifest> DecodeManifest(std::string_view bytes) {
  Cursor cursor{bytes};
  const uint64_t version = cursor.Number();
  if (!cursor.failed && version != kVersion) {
    return Error(ErrorCode::kStateIncompatible, fmt::format("the job's state was written in layout {}, this program reads {}", version, kVersion))
        .Hint("finish the job with the program that wrote it, or submit its statement again; it starts without the old state");
  }
  Manifest manifest;
  const uint64_t operator_count = cursor.Count();
  for (uint64_t i = 0; i < operator_count && !cursor.failed; ++i) {
    auto& tables = manifest.operators[cursor.Text()];
    const uint64_t table_count = cursor.Count();
    for (uint64_t j = 0; j < table_count && !cursor.failed; ++j) {
      std::string table = cursor.Text();
      tables[std::move(table)] = ReadRuns(&cursor);
    }
  }
  if (cursor.failed || !cursor.in.empty()) {
    return Error(ErrorCode::kCorruption, fmt::format("state manifest of {} bytes cannot be read: {}", bytes.size(),
                                                     cursor.failed ? "it ends early or holds an impossible length" : "bytes follow its end"));
  }
  return manifest;
}

}  // namespace firn::state
