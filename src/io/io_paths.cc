// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "io/file_system.h"
#include "io/random.h"

namespace firn::io {

std::string JoinPath(std::string_view left, std::string_view right) {
  while (left.size() > 1 && left.ends_with('/')) left.remove_suffix(1);
  while (right.starts_with('/')) right.remove_prefix(1);
  if (left.empty()) return std::string(right);
  return left == "/" ? "/" + std::string(right) : fmt::format("{}/{}", left, right);
}

std::string ParentPath(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

Result<std::string> FileSystem::ReadAll(const std::string& path) {
  FIRN_TRY(auto file, Open(path, OpenMode::kRead));
  FIRN_TRY(uint64_t size, file->Size());
  return file->ReadAt(0, size);
}

Status FileSystem::WriteAtomically(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  {
    FIRN_TRY(auto file, Open(temporary, OpenMode::kTruncate));
    FIRN_RETURN_IF_ERROR(file->WriteAt(0, bytes));
    FIRN_RETURN_IF_ERROR(file->Sync());
  }
  FIRN_RETURN_IF_ERROR(Rename(temporary, path));
  return SyncDirectory(ParentPath(path));
}

uint64_t Random::Below(uint64_t bound) {
  FIRN_ASSERT(bound > 0);
  // Lemire's multiply-and-shift; the bias of at most bound / 2^64 is of no consequence here.
  return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
}

std::string Random::UuidBytes() {
  std::string bytes(16, '\0');
  for (size_t i = 0; i < 16; i += 8) {
    const uint64_t word = Next();
    for (size_t j = 0; j < 8; ++j) bytes[i + j] = static_cast<char>(word >> (8 * j));
  }
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  return bytes;
}

std::string Random::UuidText() { return FormatUuid(UuidBytes()); }

std::string FormatUuid(const std::string& bytes) {
  FIRN_ASSERT(bytes.size() == 16, "a UUID has 16 bytes, not {}", bytes.size());
  std::string text;
  for (size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", static_cast<unsigned>(static_cast<uint8_t>(bytes[i])));
  }
  return text;
}

}  // namespace firn::io
