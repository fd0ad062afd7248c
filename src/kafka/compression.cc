// SPDX-License-Identifier: Apache-2.0
#include "kafka/compression.h"

#include <fmt/format.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "base/endian.h"

namespace firn::kafka {

namespace {

constexpr int kGzipWindow = 15 + 16;  // 15 bits, with gzip's header
constexpr size_t kFirstOutputBytes = 64 << 10;
constexpr size_t kXerialBlockBytes = 32 << 10;
// snappy-java's stream header: magic, version 1, compatible with version 1.
constexpr std::string_view kXerialMagic("\x82SNAPPY\0", 8);
constexpr std::string_view kXerialHeader("\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);

Error Broken(Codec codec, std::string_view reason) {
  return Error(ErrorCode::kCorruption, fmt::format("{} data in a record batch is broken: {}", CodecName(codec), reason));
}

/// Makes room behind `filled` bytes; fails when more than `max_bytes` are wanted.
Status Grow(Codec codec, size_t filled, size_t max_bytes, std::string* out) {
  if (filled > max_bytes) {
    return Error(ErrorCode::kLimitExceeded,
                 fmt::format("{} data in a record batch is larger than {} bytes when decompressed", CodecName(codec), max_bytes));
  }
  if (filled < out->size()) return Ok();
  const size_t wanted = std::max({kFirstOutputBytes, out->capacity(), out->size() * 2});
  out->resize(std::max(std::min(wanted, max_bytes + 1), filled + 1));
  return Ok();
}

void CompressGzip(std::string_view bytes, std::string* out) {
  z_stream stream{};
  FIRN_ASSERT(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  const size_t begin = out->size();
  out->resize(begin + deflateBound(&stream, bytes.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out->data() + begin);
  stream.avail_out = static_cast<uInt>(out->size() - begin);
  const int code = deflate(&stream, Z_FINISH);
  FIRN_ASSERT(code == Z_STREAM_END, "deflate gave {}", code);
  out->resize(begin + stream.total_out);
  deflateEnd(&stream);
}

Status DecompressGzip(std::string_view bytes, size_t max_bytes, std::string* out) {
  z_stream stream{};
  FIRN_ASSERT(inflateInit2(&stream, kGzipWindow) == Z_OK);
  std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  size_t filled = 0;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  while (true) {
    FIRN_RETURN_IF_ERROR(Grow(Codec::kGzip, filled, max_bytes, out));
    stream.next_out = reinterpret_cast<Bytef*>(out->data() + filled);
    stream.avail_out = static_cast<uInt>(out->size() - filled);
    const int code = inflate(&stream, Z_NO_FLUSH);
    filled = out->size() - stream.avail_out;
    if (code == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      if (inflateReset(&stream) != Z_OK) return Broken(Codec::kGzip, "a further member");
      continue;
    }
    if (code != Z_OK && code != Z_BUF_ERROR) return Broken(Codec::kGzip, stream.msg != nullptr ? stream.msg : "unknown");
    if (stream.avail_in == 0 && stream.avail_out != 0) return Broken(Codec::kGzip, "it ends early");
  }
  out->resize(filled);
  return filled > max_bytes ? Grow(Codec::kGzip, filled, max_bytes, out) : Ok();
}

void CompressSnappy(std::string_view bytes, std::string* out) {
  out->append(kXerialHeader);
  std::string block;
  for (size_t begin = 0; begin < bytes.size(); begin += kXerialBlockBytes) {
    const std::string_view plain = bytes.substr(begin, kXerialBlockBytes);
    snappy::Compress(plain.data(), plain.size(), &block);
    char size[4];
    base::StoreBig(size, static_cast<int32_t>(block.size()));
    out->append(size, sizeof(size));
    out->append(block);
  }
}

Status AppendSnappyBlock(std::string_view block, size_t max_bytes, std::string* out) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(block.data(), block.size(), &size)) return Broken(Codec::kSnappy, "a block has no length");
  // A byte of snappy data makes at most 64 bytes (a copy of three bytes makes 64), so a larger claim is a lie.
  if (size / 64 > block.size()) return Broken(Codec::kSnappy, "a block claims more than it can hold");
  const size_t begin = out->size();
  if (size > max_bytes || begin > max_bytes - size) return Grow(Codec::kSnappy, max_bytes + 1, max_bytes, out);
  out->resize(begin + size);
  if (!snappy::RawUncompress(block.data(), block.size(), out->data() + begin)) return Broken(Codec::kSnappy, "a block");
  return Ok();
}

Status DecompressSnappy(std::string_view bytes, size_t max_bytes, std::string* out) {
  out->clear();
  if (!bytes.starts_with(kXerialMagic)) return AppendSnappyBlock(bytes, max_bytes, out);
  if (bytes.size() < kXerialHeader.size()) return Broken(Codec::kSnappy, "its header ends early");
  bytes.remove_prefix(kXerialHeader.size());
  while (!bytes.empty()) {
    if (bytes.size() < 4) return Broken(Codec::kSnappy, "a block's size ends early");
    const uint32_t size = base::LoadBig<uint32_t>(bytes.data());
    bytes.remove_prefix(4);
    if (size > bytes.size()) return Broken(Codec::kSnappy, "a block ends early");
    FIRN_RETURN_IF_ERROR(AppendSnappyBlock(bytes.substr(0, size), max_bytes, out));
    bytes.remove_prefix(size);
  }
  return Ok();
}

void CompressLz4(std::string_view bytes, std::string* out) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // what Kafka's Java clients can read
  const size_t begin = out->size();
  out->resize(begin + LZ4F_compressFrameBound(bytes.size(), &preferences));
  const size_t size = LZ4F_compressFrame(out->data() + begin, out->size() - begin, bytes.data(), bytes.size(), &preferences);
  FIRN_ASSERT(!LZ4F_isError(size), "lz4: {}", LZ4F_getErrorName(size));
  out->resize(begin + size);
}

Status DecompressLz4(std::string_view bytes, size_t max_bytes, std::string* out) {
  LZ4F_dctx* made = nullptr;
  FIRN_ASSERT(!LZ4F_isError(LZ4F_createDecompressionContext(&made, LZ4F_VERSION)));
  std::unique_ptr<LZ4F_dctx, size_t (*)(LZ4F_dctx*)> context(made, LZ4F_freeDecompressionContext);
  size_t filled = 0;
  size_t hint = 1;
  while (hint != 0) {
    FIRN_RETURN_IF_ERROR(Grow(Codec::kLz4, filled, max_bytes, out));
    size_t in_size = bytes.size();
    size_t out_size = out->size() - filled;
    hint = LZ4F_decompress(context.get(), out->data() + filled, &out_size, bytes.data(), &in_size, nullptr);
    if (LZ4F_isError(hint)) return Broken(Codec::kLz4, LZ4F_getErrorName(hint));
    bytes.remove_prefix(in_size);
    filled += out_size;
    if (hint != 0 && in_size == 0 && out_size == 0 && filled < out->size()) return Broken(Codec::kLz4, "it ends early");
  }
  FIRN_RETURN_IF_ERROR(Grow(Codec::kLz4, filled, max_bytes, out));
  out->resize(filled);
  return Ok();
}

void CompressZstd(std::string_view bytes, std::string* out) {
  const size_t begin = out->size();
  out->resize(begin + ZSTD_compressBound(bytes.size()));
  const size_t size = ZSTD_compress(out->data() + begin, out->size() - begin, bytes.data(), bytes.size(), ZSTD_CLEVEL_DEFAULT);
  FIRN_ASSERT(!ZSTD_isError(size), "zstd: {}", ZSTD_getErrorName(size));
  out->resize(begin + size);
}

Status DecompressZstd(std::string_view bytes, size_t max_bytes, std::string* out) {
  std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  size_t filled = 0;
  while (true) {
    FIRN_RETURN_IF_ERROR(Grow(Codec::kZstd, filled, max_bytes, out));
    ZSTD_outBuffer buffer{out->data(), out->size(), filled};
    const size_t code = ZSTD_decompressStream(stream.get(), &buffer, &in);
    if (ZSTD_isError(code)) return Broken(Codec::kZstd, ZSTD_getErrorName(code));
    filled = buffer.pos;
    if (in.pos == in.size && code == 0) break;
    if (in.pos == in.size && buffer.pos < buffer.size) return Broken(Codec::kZstd, "it ends early");
  }
  FIRN_RETURN_IF_ERROR(Grow(Codec::kZstd, filled, max_bytes, out));
  out->resize(filled);
  return Ok();
}

}  // namespace

std::string_view CodecName(Codec codec) {
  switch (codec) {
    case Codec::kNone: return "none";
    case Codec::kGzip: return "gzip";
    case Codec::kSnappy: return "snappy";
    case Codec::kLz4: return "lz4";
    case Codec::kZstd: return "zstd";
  }
  return "unknown";
}

void Compress(Codec codec, std::string_view bytes, std::string* out) {
  switch (codec) {
    case Codec::kNone: out->append(bytes); return;
    case Codec::kGzip: return CompressGzip(bytes, out);
    case Codec::kSnappy: return CompressSnappy(bytes, out);
    case Codec::kLz4: return CompressLz4(bytes, out);
    case Codec::kZstd: return CompressZstd(bytes, out);
  }
  FIRN_UNREACHABLE("codec {}", static_cast<int>(codec));
}

Status Decompress(Codec codec, std::string_view bytes, size_t max_bytes, std::string* out) {
  switch (codec) {
    case Codec::kNone:
      if (bytes.size() > max_bytes) return Grow(codec, bytes.size(), max_bytes, out);
      out->assign(bytes);
      return Ok();
    case Codec::kGzip: return DecompressGzip(bytes, max_bytes, out);
    case Codec::kSnappy: return DecompressSnappy(bytes, max_bytes, out);
    case Codec::kLz4: return DecompressLz4(bytes, max_bytes, out);
    case Codec::kZstd: return DecompressZstd(bytes, max_bytes, out);
  }
  return Error(ErrorCode::kCorruption, fmt::format("compression codec {} is unknown", static_cast<int>(codec)));
}

}  // namespace firn::kafka
