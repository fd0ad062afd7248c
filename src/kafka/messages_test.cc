// SPDX-License-Identifier: Apache-2.0
// Messages against a second implementation: every API at its lowest, first flexible and highest version, as kafka-python encodes it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "base/error_render.h"
#include "kafka/frame.h"
#include "kafka/message_table.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/metadata.h"
#include "kafka/messages/produce.h"

namespace firn::kafka {
namespace {

using base::SharedBytes;
using ::testing::HasSubstr;

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string ToHex(std::string_view bytes) {
  std::string hex;
  for (char c : bytes) hex += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return hex;
}

/// {acks=1 topics=[]} to {1 []}: the goldens know values and their order, not our names.
std::string WithoutNames(const std::string& text) {
  std::string out, word;
  for (char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {
      word.push_back(c);
      continue;
    }
    if (c != '=') out += word + c;
    word.clear();
  }
  return out + word;
}

struct Golden {
  std::string name, bytes, text;
  int version = 0;
};

std::vector<Golden> LoadGoldens() {
  std::vector<Golden> goldens;
  std::ifstream file("src/kafka/golden_messages.txt");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream in(line);
    Golden golden;
    std::string hex;
    in >> golden.name >> golden.version >> hex;
    in.get();
    std::getline(in, golden.text);
    golden.bytes = FromHex(hex);
    goldens.push_back(std::move(golden));
  }
  return goldens;
}

const MessageCodec& CodecOf(const std::string& name) {
  for (const auto& codec : AllMessages()) {
    if (codec.name == name) return codec;
  }
  ADD_FAILURE() << "no message " << name;
  return AllMessages().front();
}

/// Skips the header; returns the codec.
void SkipHeader(const MessageCodec& codec, int version, Decoder& in) {
  if (codec.is_request) {
    auto header = DecodeRequestHeader(in);
    ASSERT_TRUE(header.ok());
    EXPECT_EQ(header->client_id, "golden");
    EXPECT_EQ(header->api_version, version);
    EXPECT_EQ(header->correlation_id, 77);
    return;
  }
  int32_t correlation_id = 0;
  in.Int32(&correlation_id);
  EXPECT_EQ(correlation_id, 77);
  if (HasFlexibleResponseHeader(codec.key, version)) in.SkipTags();
}

TEST(Messages, AreDecodedAndEncodedAsTheSecondImplementationDoes) {
  const auto goldens = LoadGoldens();
  std::map<std::string, int> seen;
  for (const auto& golden : goldens) {
    SCOPED_TRACE(fmt::format("{} version {}", golden.name, golden.version));
    const MessageCodec& codec = CodecOf(golden.name);
    Decoder in(SharedBytes::FromString(golden.bytes));
    SkipHeader(codec, golden.version, in);
    const size_t header_size = golden.bytes.size() - in.remaining();
    std::string text;
    Encoder out;
    codec.pass_through(in, golden.version, &text, &out);
    ASSERT_TRUE(in.ok()) << in.status().error().ToString();
    EXPECT_EQ(in.remaining(), 0u);
    EXPECT_EQ(WithoutNames(text), golden.text) << text;
    EXPECT_EQ(ToHex(out.TakeString()), ToHex(std::string_view(golden.bytes).substr(header_size)));
    ++seen[golden.name];
  }
  EXPECT_EQ(seen.size(), AllMessages().size()) << "every message has goldens";
}

// Every prefix of every golden is malformed, never read past its end, and never decoded as if it were whole.
TEST(Messages, TruncationIsMalformed) {
  for (const auto& golden : LoadGoldens()) {
    const MessageCodec& codec = CodecOf(golden.name);
    Decoder header(SharedBytes::FromString(golden.bytes));
    SkipHeader(codec, golden.version, header);
    const std::string body = golden.bytes.substr(golden.bytes.size() - header.remaining());
    for (size_t size = 0; size < body.size(); ++size) {
      Decoder in(SharedBytes::FromString(body.substr(0, size)));
      std::string text;
      Encoder out;
      codec.pass_through(in, golden.version, &text, &out);
      ASSERT_FALSE(in.ok()) << golden.name << " version " << golden.version << " cut at " << size << " of " << body.size();
      EXPECT_EQ(in.status().error().code(), ErrorCode::kMalformedRequest);
    }
  }
}

TEST(Messages, WhatIsMalformedIsToldWithItsPlace) {
  Decoder in(SharedBytes::FromString(std::string("\x00\x05 abc", 6)));
  std::string text;
  in.String(/*flexible=*/false, &text);
  EXPECT_EQ(base::RenderError(in.status().error()),
            "error[E4001]: Kafka message of 6 bytes is malformed at byte 2: a length is larger than what remains, or negative\n   = more: firn explain E4001\n");
}

// As in Kafka: names are told to other clients, whose decoders fail over them.
TEST(Messages, WhatIsNoUtf8IsReplacedInStrings) {
  for (bool flexible : {false, true}) {
    const std::string bytes = (flexible ? std::string("\x08") : std::string("\x00\x07", 2)) + "bad\xff\xfe\xc3\xa9";
    std::string text;
    std::optional<std::string> nullable;
    Decoder(SharedBytes::FromString(bytes)).String(flexible, &text);
    Decoder(SharedBytes::FromString(bytes)).String(flexible, &nullable, /*may_be_null=*/true);
    EXPECT_EQ(text, "bad\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9");
    EXPECT_EQ(nullable, text);
  }
}

TEST(Messages, UnknownTagsAreSkipped) {
  MetadataRequest request;
  request.topics.emplace().emplace_back().name = "trades";
  Encoder out;
  request.Encode(out, 9);
  std::string bytes = out.TakeString();
  ASSERT_EQ(bytes.back(), '\0');  // no tags
  bytes.pop_back();
  bytes += std::string("\x02\x05\x03xyz\x63\x01q", 9);  // tag 5 with three bytes, tag 99 with one
  Decoder in(SharedBytes::FromString(bytes));
  MetadataRequest back;
  back.Decode(in, 9);
  ASSERT_TRUE(in.ok());
  EXPECT_EQ(in.remaining(), 0u);
  EXPECT_EQ(back.topics->at(0).name, "trades");
}

std::string MetadataWithTags(const std::string& tags) {
  return std::string("\0\1\0\0", 4) + tags;  // null topics, three flags in version 9
}

TEST(Decoder, RefusesTagsThatDoNotAscendOrAreTooMany) {
  for (const std::string& tags : {std::string("\x02\x05\x00\x05\x00", 5), std::string("\xff\xff\x03", 3), std::string("\x01\x05\x7f", 3)}) {
    Decoder in(SharedBytes::FromString(MetadataWithTags(tags)));
    MetadataRequest request;
    request.Decode(in, 9);
    EXPECT_FALSE(in.ok()) << ToHex(tags);
  }
}

TEST(Decoder, BoundsArraysBeforeAllocating) {
  // A count of two thousand million in a frame of eight bytes.
  Decoder in(SharedBytes::FromString(FromHex("7fffffff00000000")));
  MetadataRequest request;
  request.Decode(in, 1);
  ASSERT_FALSE(in.ok());
  EXPECT_THAT(in.status().error().message(), HasSubstr("malformed at byte 4"));
  EXPECT_TRUE(!request.topics || request.topics->capacity() == 0);

  // A million empty names would be legal bytes; more are refused.
  std::string many(2'000'000, '\1');
  many.insert(0, FromHex("81897a"));  // 2,000,000 as an unsigned varint
  Decoder crowd(SharedBytes::FromString(many));
  request.Decode(crowd, 9);
  EXPECT_FALSE(crowd.ok());
}

TEST(Decoder, RecordsAreSlicesOfTheFrame) {
  ProduceRequest request;
  request.acks = -1;
  auto& topic = request.topics.emplace_back();
  topic.name = "trades";
  const std::string payload(5'000, 'x');
  topic.partitions.emplace_back().records = Records{SharedBytes::FromString(payload)};
  Encoder encoder;
  request.Encode(encoder, 9);
  const SharedBytes frame = SharedBytes::FromString(encoder.TakeString());
  Decoder in(frame);
  ProduceRequest back;
  back.Decode(in, 9);
  ASSERT_TRUE(in.ok());
  const SharedBytes& slice = back.topics[0].partitions[0].records->front();
  EXPECT_EQ(slice.view(), payload);
  EXPECT_GE(slice.data(), frame.data());
  EXPECT_LE(slice.data() + slice.size(), frame.data() + frame.size());
}

TEST(Encoder, DoesNotCopyLargeRecords) {
  FetchResponse response;
  auto& partition = response.topics.emplace_back().partitions.emplace_back();
  const SharedBytes batches = SharedBytes::FromString(std::string(100'000, 'b'));
  partition.records = Records{batches, SharedBytes::FromString("tail")};
  const auto parts = EncodeResponse(12, 9, response);
  size_t total = 0;
  bool is_shared = false;
  for (const auto& part : parts) {
    total += part.size();
    is_shared |= part.data() == batches.data();
  }
  EXPECT_TRUE(is_shared);
  EXPECT_EQ(base::LoadBig<int32_t>(parts.front().data()), static_cast<int32_t>(total - kFrameSizeBytes));
  std::string whole;
  for (const auto& part : parts) whole.append(part.view());
  auto back = DecodeResponse<FetchResponse>(SharedBytes::FromString(whole.substr(kFrameSizeBytes)), 12, 9);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->topics[0].partitions[0].records->front().size(), 100'004u);
  EXPECT_FALSE(DecodeResponse<FetchResponse>(SharedBytes::FromString(whole.substr(kFrameSizeBytes)), 12, 10).ok());
}

TEST(Frame, ApiVersionsResponseNeverHasTagsInItsHeader) {
  EXPECT_FALSE(HasFlexibleResponseHeader(ApiKey::kApiVersions, 3));
  EXPECT_TRUE(HasFlexibleResponseHeader(ApiKey::kMetadata, 9));
  EXPECT_FALSE(HasFlexibleResponseHeader(ApiKey::kMetadata, 8));
  EXPECT_EQ(FindApi(4), nullptr);
  EXPECT_EQ(FindApi(18)->max_version, 4);
}

}  // namespace
}  // namespace firn::kafka
