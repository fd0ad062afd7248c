// SPDX-License-Identifier: Apache-2.0
#include "formats/block_codec.h"

#include <fmt/format.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "base/assert.h"
#include "base/endian.h"

namespace firn::formats {

namespace {

constexpr int kRawWindow = -15;
constexpr int kGzipWindow = 15 + 16;
constexpr size_t kFirstOutputBytes = 16 << 10;

Error Broken(const char* codec, const char* reason) {
  return Error(ErrorCode::kCorruption, fmt::format("{} data is broken: {}", codec, reason));
}

Error TooLarge(const char* codec, size_t max_bytes) {
  return Error(ErrorCode::kLimitExceeded, fmt::format("{} data is larger than {} bytes when decompressed", codec, max_bytes));
}

Result<std::string> Deflate(std::string_view bytes, int window) {
  FIRN_ASSERT(bytes.size() <= std::numeric_limits<uInt>::max(), "zlib counts {} bytes in 32 bits", bytes.size());
  z_stream stream{};
  FIRN_ASSERT(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = deflate(&stream, Z_FINISH);
  FIRN_ASSERT(code == Z_STREAM_END, "deflate gave {}", code);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Result<std::string> Inflate(std::string_view bytes, int window, size_t max_bytes, const char* codec) {
  FIRN_ASSERT(bytes.size() <= std::numeric_limits<uInt>::max(), "zlib counts {} bytes in 32 bits", bytes.size());
  z_stream stream{};
  FIRN_ASSERT(inflateInit2(&stream, window) == Z_OK);
  std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  std::string out;
  size_t filled = 0;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  while (true) {
    if (filled == out.size()) {
      if (filled > max_bytes) return TooLarge(codec, max_bytes);
      out.resize(std::min(std::max(kFirstOutputBytes, out.size() * 2), max_bytes + 1));
    }
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
    stream.avail_out = static_cast<uInt>(out.size() - filled);
    const int code = inflate(&stream, Z_NO_FLUSH);
    filled = out.size() - stream.avail_out;
    if (filled > max_bytes) return TooLarge(codec, max_bytes);
    if (code == Z_STREAM_END) {
      if (stream.avail_in == 0 || window == kRawWindow) break;
      if (inflateReset(&stream) != Z_OK) return Broken(codec, "a further member");
      continue;
    }
    if (code != Z_OK && code != Z_BUF_ERROR) return Broken(codec, stream.msg != nullptr ? stream.msg : "unknown");
    if (stream.avail_in == 0 && stream.avail_out != 0) return Broken(codec, "it ends early");
  }
  out.resize(filled);
  return out;
}

}  // namespace

Result<std::string> DeflateRaw(std::string_view bytes) { return Deflate(bytes, kRawWindow); }
Result<std::string> InflateRaw(std::string_view bytes, size_t max_bytes) { return Inflate(bytes, kRawWindow, max_bytes, "deflate"); }
Result<std::string> CompressGzip(std::string_view bytes) { return Deflate(bytes, kGzipWindow); }
Result<std::string> DecompressGzip(std::string_view bytes, size_t max_bytes) { return Inflate(bytes, kGzipWindow, max_bytes, "gzip"); }

Result<std::string> CompressZstd(std::string_view bytes, int level) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), level);
  FIRN_ASSERT(!ZSTD_isError(size), "zstd: {}", ZSTD_getErrorName(size));
  out.resize(size);
  return out;
}

Result<std::string> DecompressZstd(std::string_view bytes, size_t max_bytes) {
  std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
  std::string out;
  size_t filled = 0;
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  while (true) {
    if (filled == out.size()) {
      if (filled > max_bytes) return TooLarge("zstd", max_bytes);
      out.resize(std::min(std::max(kFirstOutputBytes, out.size() * 2), max_bytes + 1));
    }
    ZSTD_outBuffer buffer{out.data(), out.size(), filled};
    const size_t code = ZSTD_decompressStream(stream.get(), &buffer, &in);
    if (ZSTD_isError(code)) return Broken("zstd", ZSTD_getErrorName(code));
    filled = buffer.pos;
    if (filled > max_bytes) return TooLarge("zstd", max_bytes);
    if (in.pos == in.size && code == 0) break;
    if (in.pos == in.size && buffer.pos < buffer.size) return Broken("zstd", "it ends early");
  }
  out.resize(filled);
  return out;
}

uint32_t Crc32(std::string_view bytes) {
  return static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

Result<std::string> CompressSnappyWithCrc(std::string_view bytes) {
  std::string out;
  snappy::Compress(bytes.data(), bytes.size(), &out);
  char crc[4];
  base::StoreBig(crc, Crc32(bytes));
  out.append(crc, sizeof(crc));
  return out;
}

Result<std::string> DecompressSnappyWithCrc(std::string_view bytes, size_t max_bytes) {
  if (bytes.size() < 4) return Broken("snappy", "it ends early");
  const std::string_view body = bytes.substr(0, bytes.size() - 4);
  size_t size = 0;
  if (!snappy::GetUncompressedLength(body.data(), body.size(), &size)) return Broken("snappy", "no length");
  if (size > max_bytes) return TooLarge("snappy", max_bytes);
  std::string out;
  if (!snappy::Uncompress(body.data(), body.size(), &out)) return Broken("snappy", "it cannot be decompressed");
  if (Crc32(out) != base::LoadBig<uint32_t>(bytes.data() + body.size())) return Broken("snappy", "the checksum differs");
  return out;
}

}  // namespace firn::formats
