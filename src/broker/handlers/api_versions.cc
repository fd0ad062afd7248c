// SPDX-License-Identifier: Apache-2.0
// ApiVersions: what this broker serves. Connections do not depend on it: many clients begin with something else.
#include "kafka/messages/api_versions.h"

#include <algorithm>
#include <cctype>

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"
#include "kafka/error_code.h"

namespace firn::broker {

using kafka::ApiVersionsResponse;

namespace {

/// KIP-511: [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?
bool IsSoftwareName(const std::string& text) {
  auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  return !text.empty() && is_word(text.front()) && is_word(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_word(c) || c == '-' || c == '.'; });
}

}  // namespace

void HandleApiVersions(Core&, CallPtr call, kafka::ApiVersionsRequest request) {
  ApiVersionsResponse response;
  const bool has_client = call->version() >= 3;
  if (has_client && !(IsSoftwareName(request.client_software_name) && IsSoftwareName(request.client_software_version))) {
    response.error_code = static_cast<int16_t>(kafka::KafkaCode::kInvalidRequest);
    return call->Respond(response);
  }
  for (const kafka::ApiInfo& api : kafka::AllApis()) {
    // librdkafka (at least to 2.8) sends without compression if Produce does not begin at 0. 0 to 2 are refused like any unknown version.
    const int16_t lowest = api.key == kafka::ApiKey::kProduce ? int16_t{0} : api.min_version;
    response.api_keys.push_back({static_cast<int16_t>(api.key), lowest, api.max_version});
  }
  call->Respond(response);
}

void AnswerUnknownApiVersions(const CallPtr& call) {
  ApiVersionsResponse response;
  response.error_code = static_cast<int16_t>(kafka::KafkaCode::kUnsupportedVersion);
  const kafka::ApiInfo* api = kafka::FindApi(static_cast<int16_t>(kafka::ApiKey::kApiVersions));
  response.api_keys.push_back({static_cast<int16_t>(api->key), api->min_version, api->max_version});
  call->RespondInVersion(0, response);
}

}  // namespace firn::broker
