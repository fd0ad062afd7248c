// SPDX-License-Identifier: Apache-2.0
// DeleteTopics: by name, or by id from version 6 on.
#include "kafka/messages/delete_topics.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"
#include "broker/handlers/repeated_internal.h"

namespace firn::broker {

using kafka::DeleteTopicsRequest;
using kafka::DeleteTopicsResponse;
using kafka::KafkaCode;

namespace {

DeleteTopicsResponse::Topic Identify(Core& core, const DeleteTopicsRequest::Topic& wanted, bool is_repeated) {
  constexpr kafka::Uuid kNoId{};
  DeleteTopicsResponse::Topic out;
  out.name = wanted.name;
  out.topic_id = wanted.topic_id;
  const bool is_by_id = wanted.topic_id != kNoId;
  if (is_repeated || is_by_id == wanted.name.has_value()) {
    out.error_code = static_cast<int16_t>(KafkaCode::kInvalidRequest);
    out.error_message = is_repeated ? "the request names this topic more than once" : "a topic must be named by its name or by its id, not by both";
    return out;
  }
  const Topic* topic = is_by_id ? core.topics.FindById(wanted.topic_id) : core.topics.Find(*wanted.name);
  if (topic == nullptr) {
    out.error_code = static_cast<int16_t>(is_by_id ? KafkaCode::kUnknownTopicId : KafkaCode::kUnknownTopicOrPartition);
    out.error_message = "this topic does not exist";
    return out;
  }
  out.name = topic->info.name;
  out.topic_id = topic->info.id;
  return out;
}

}  // namespace

void HandleDeleteTopics(Core& core, CallPtr call, DeleteTopicsRequest request) {
  for (std::string& name : request.topic_names) request.topics.push_back({std::move(name), {}});
  auto response = std::make_shared<DeleteTopicsResponse>();
  auto outstanding = std::make_shared<int>(1);
  auto finish_one = [call, response, outstanding] {
    if (--*outstanding == 0) call->Respond(*response);
  };
  const auto repeated = LeaveOneOfEach(&request.topics, [](const auto& topic) { return std::make_pair(topic.name, topic.topic_id); });
  response->responses.reserve(request.topics.size());
  for (const auto& wanted : request.topics) {
    const size_t index = response->responses.size();
    response->responses.push_back(Identify(core, wanted, repeated.contains({wanted.name, wanted.topic_id})));
    if (response->responses.back().error_code != 0) continue;
    ++*outstanding;
    core.topics.Delete(*response->responses.back().name, [response, finish_one, index](Outcome outcome) {
      response->responses[index].error_code = static_cast<int16_t>(outcome.code);
      if (!outcome.ok()) response->responses[index].error_message = outcome.message;
      finish_one();
    });
  }
  finish_one();
}

}  // namespace firn::broker
