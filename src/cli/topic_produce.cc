// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/record_producer.h"
#include "cli/topic_commands.h"
#include "io/process.h"
#include "io/real_environment.h"

namespace firn::cli {

namespace {

constexpr size_t kLineBytesMax = 16 << 20;
constexpr size_t kFlushBytes = 512 << 10;

Result<kafka::Codec> ParseCodec(const std::string& text) {
  for (auto codec : {kafka::Codec::kNone, kafka::Codec::kGzip, kafka::Codec::kSnappy, kafka::Codec::kLz4, kafka::Codec::kZstd}) {
    if (text == kafka::CodecName(codec)) return codec;
  }
  return Error(ErrorCode::kUsageError, fmt::format("there is no codec '{}'", text)).Candidates(base::NearNames(text, {"none", "gzip", "snappy", "lz4", "zstd"})).Hint("--codec takes none, gzip, snappy, lz4 or zstd");
}

void AddLine(RecordProducer& producer, const ProduceOptions& options, std::string_view line) {
  if (!options.key.empty()) return producer.Add(options.key, line);
  const size_t end = options.key_separator.empty() ? std::string_view::npos : line.find(options.key_separator);
  if (end == std::string_view::npos) return producer.Add(std::nullopt, line);
  producer.Add(line.substr(0, end), line.substr(end + options.key_separator.size()));
}

// Lines go out as they come: a batch is what one read of standard input gave, so that typed lines are sent at once and files in large pieces.
Status ProduceInput(RecordProducer& producer, const ProduceOptions& options) {
  std::string input;
  bool has_more = true;
  while (has_more) {
    has_more = io::ReadInputPart(&input);
    if (!has_more && !input.empty() && input.back() != '\n') input += '\n';
    size_t begin = 0;
    for (size_t end = input.find('\n'); end != std::string::npos; end = input.find('\n', begin)) {
      AddLine(producer, options, std::string_view(input).substr(begin, end - begin));
      begin = end + 1;
      if (producer.pending_bytes() > kFlushBytes) FIRN_RETURN_IF_ERROR(producer.Flush());
    }
    input.erase(0, begin);
    if (input.size() > kLineBytesMax) return Error(ErrorCode::kLimitExceeded, fmt::format("a line of standard input is longer than {} bytes", kLineBytesMax));
    FIRN_RETURN_IF_ERROR(producer.Flush());
  }
  return Ok();
}

}  // namespace

Status ProduceLines(const ProduceOptions& options) {
  FIRN_TRY(const kafka::Codec codec, ParseCodec(options.codec));
  FIRN_TRY(io::RealEnvironment real, io::RealEnvironment::Make());
  const io::Environment environment = real.environment();
  FIRN_TRY(auto client, KafkaClient::Connect(environment, options.bootstrap_server));
  FIRN_TRY(auto producer, RecordProducer::Make(*client, environment.clock, {.topic = options.topic, .codec = codec, .partition = options.partition}));
  Status status = ProduceInput(*producer, options);
  io::WriteError(fmt::format("produced {} record{} to {}\n", producer->acknowledged(), producer->acknowledged() == 1 ? "" : "s", options.topic));
  return status;
}

}  // namespace firn::cli
