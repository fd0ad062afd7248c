// SPDX-License-Identifier: Apache-2.0
#include "broker/broker.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/base64.h"
#include "broker/call_internal.h"
#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"
#include "broker/meta_records.h"
#include "broker/node_topics_internal.h"
#include "broker/sweeper_internal.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/create_partitions.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_groups.h"
#include "kafka/messages/delete_records.h"
#include "kafka/messages/delete_topics.h"
#include "kafka/messages/describe_cluster.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/describe_groups.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/find_coordinator.h"
#include "kafka/messages/incremental_alter_configs.h"
#include "kafka/messages/init_producer_id.h"
#include "kafka/messages/list_groups.h"
#include "kafka/messages/list_offsets.h"
#include "kafka/messages/metadata.h"
#include "kafka/messages/offset_fetch.h"
#include "kafka/messages/produce.h"

namespace firn::broker {

namespace {

using kafka::ApiKey;

/// 16 bytes as Kafka shows a cluster id: URL-safe base64 without padding.
std::string ClusterIdText(const std::string& bytes) {
  std::string text = base::EncodeBase64(bytes);
  while (text.ends_with('=')) text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

void LoadClusterId(Core& core) {
  auto id = core.store.meta().Get(kClusterIdKey);
  if (!id.has_value()) {
    id = core.environment.random.UuidBytes();
    std::vector<log::Operation> operations;
    operations.emplace_back(log::Put{std::string(kClusterIdKey), *id});
    core.queue.Append(std::move(operations), [](Result<log::Committed>) {});  // every later entry fails with it if it fails
  }
  core.cluster_id = ClusterIdText(*id);
}

/// What is on the disk, before anything relies on it: a value that cannot be read is met here, and not when a client asks for it.
Status CheckStored(const log::MetaStore& meta) {
  Status checked = Ok();
  for (std::string_view prefix : {kTopicPrefix, kGroupPrefix, kProducerPrefix}) {
    if (!checked.ok()) break;
    meta.Visit(prefix, {}, [&](std::string_view key, std::string_view value) {
      checked = CheckMetaRecord(key, value);
      return checked.ok();
    });
  }
  return checked;
}

template <typename Request>
void Run(void (*handler)(Core&, CallPtr, Request), Core& core, CallPtr call, kafka::Decoder& in) {
  auto request = kafka::DecodeBody<Request>(in, call->version());
  if (!request.ok()) return call->Close(request.error().ToString());
  handler(core, std::move(call), std::move(*request));
}

void Dispatch(ApiKey key, Core& core, CallPtr call, kafka::Decoder& in) {
  switch (key) {
    case ApiKey::kProduce: return Run(&HandleProduce, core, std::move(call), in);
    case ApiKey::kFetch: return Run(&HandleFetch, core, std::move(call), in);
    case ApiKey::kListOffsets: return Run(&HandleListOffsets, core, std::move(call), in);
    case ApiKey::kMetadata: return Run(&HandleMetadata, core, std::move(call), in);
    case ApiKey::kOffsetCommit: return Run(&HandleOffsetCommit, core, std::move(call), in);
    case ApiKey::kOffsetFetch: return Run(&HandleOffsetFetch, core, std::move(call), in);
    case ApiKey::kFindCoordinator: return Run(&HandleFindCoordinator, core, std::move(call), in);
    case ApiKey::kJoinGroup: return Run(&HandleJoinGroup, core, std::move(call), in);
    case ApiKey::kHeartbeat: return Run(&HandleHeartbeat, core, std::move(call), in);
    case ApiKey::kLeaveGroup: return Run(&HandleLeaveGroup, core, std::move(call), in);
    case ApiKey::kSyncGroup: return Run(&HandleSyncGroup, core, std::move(call), in);
    case ApiKey::kDescribeGroups: return Run(&HandleDescribeGroups, core, std::move(call), in);
    case ApiKey::kListGroups: return Run(&HandleListGroups, core, std::move(call), in);
    case ApiKey::kApiVersions: return Run(&HandleApiVersions, core, std::move(call), in);
    case ApiKey::kCreateTopics: return Run(&HandleCreateTopics, core, std::move(call), in);
    case ApiKey::kDeleteTopics: return Run(&HandleDeleteTopics, core, std::move(call), in);
    case ApiKey::kDeleteRecords: return Run(&HandleDeleteRecords, core, std::move(call), in);
    case ApiKey::kInitProducerId: return Run(&HandleInitProducerId, core, std::move(call), in);
    case ApiKey::kDescribeConfigs: return Run(&HandleDescribeConfigs, core, std::move(call), in);
    case ApiKey::kCreatePartitions: return Run(&HandleCreatePartitions, core, std::move(call), in);
    case ApiKey::kDeleteGroups: return Run(&HandleDeleteGroups, core, std::move(call), in);
    case ApiKey::kIncrementalAlterConfigs: return Run(&HandleIncrementalAlterConfigs, core, std::move(call), in);
    case ApiKey::kDescribeCluster: return Run(&HandleDescribeCluster, core, std::move(call), in);
  }
  FIRN_UNREACHABLE("api {}", static_cast<int>(key));
}

}  // namespace

Result<std::unique_ptr<Broker>> Broker::Open(const io::Environment& environment, log::Store& store, io::TaskQueue& queue,
                                             const BrokerOptions& options) {
  auto core = std::make_unique<Core>(environment, store, queue, options);
  core->node_topics = std::make_unique<NodeTopics>(*core, store, environment.clock);
  FIRN_RETURN_IF_ERROR(CheckStored(store.meta()));
  FIRN_RETURN_IF_ERROR(core->topics.Load());
  FIRN_RETURN_IF_ERROR(core->groups.Load());
  LoadClusterId(*core);
  StartSweeping(*core);
  return std::unique_ptr<Broker>(new Broker(std::move(core)));
}

Broker::Broker(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Broker::~Broker() = default;

void Broker::Handle(Frame frame, const ClientContext& client, ReplyCallback reply) {
  const std::string_view bytes = frame.bytes.view();
  kafka::Decoder in(std::move(frame.bytes));
  auto header = kafka::DecodeRequestHeader(in);
  if (!header.ok()) return reply({.kind = Reply::Kind::kClose, .frame = {}, .reason = header.error().ToString()});
  auto call = std::make_shared<Call>(*header, bytes, std::move(frame.sums), client, std::move(reply));
  const kafka::ApiInfo* api = kafka::FindApi(header->api_key);
  const bool is_served = api != nullptr && header->api_version >= api->min_version && header->api_version <= api->max_version;
  if (is_served) return Dispatch(api->key, *core_, std::move(call), in);
  if (api != nullptr && api->key == ApiKey::kApiVersions) return AnswerUnknownApiVersions(call);
  call->Close(fmt::format("api key {} version {} is not supported; ApiVersions lists what is", header->api_key, header->api_version));
}

bool Broker::IsProduce(std::string_view frame) {
  return frame.size() >= 2 && base::LoadBig<int16_t>(frame.data()) == static_cast<int16_t>(ApiKey::kProduce);
}

void Broker::Forget(uint64_t connection) { core_->parked_fetches.Forget(connection); }
int64_t Broker::waiting_produce_bytes(uint64_t connection) const { return core_->produce_lanes.waiting_bytes(connection); }
ResponseBudget& Broker::responses() { return core_->responses; }
Topics& Broker::topics() { return *core_->node_topics; }
const BrokerOptions& Broker::options() const { return core_->options; }

}  // namespace firn::broker
