// SPDX-License-Identifier: Apache-2.0
#include "kafka/frame.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace firn::kafka {

const ApiInfo* FindApi(int16_t key) {
  const auto& apis = AllApis();
  auto found = std::lower_bound(apis.begin(), apis.end(), key,
                                [](const ApiInfo& info, int16_t wanted) { return static_cast<int16_t>(info.key) < wanted; });
  return found != apis.end() && static_cast<int16_t>(found->key) == key ? &*found : nullptr;
}

Result<RequestHeader> DecodeRequestHeader(Decoder& in) {
  RequestHeader header;
  in.Int16(&header.api_key);
  in.Int16(&header.api_version);
  in.Int32(&header.correlation_id);
  in.String(/*flexible=*/false, &header.client_id, /*may_be_null=*/true);
  const ApiInfo* api = FindApi(header.api_key);
  const bool is_known = api != nullptr && header.api_version <= api->max_version;
  if (is_known && header.api_version >= api->flexible_from) in.SkipTags();
  FIRN_RETURN_IF_ERROR(in.status());
  return header;
}

bool HasFlexibleResponseHeader(ApiKey key, int version) {
  if (key == ApiKey::kApiVersions) return false;
  const ApiInfo* api = FindApi(static_cast<int16_t>(key));
  FIRN_ASSERT(api != nullptr);
  return version >= api->flexible_from;
}

void BeginRequest(Encoder& out, const RequestHeader& header) {
  const ApiInfo* api = FindApi(header.api_key);
  FIRN_ASSERT(api != nullptr, "api key {}", header.api_key);
  FIRN_ASSERT(header.api_version >= api->min_version && header.api_version <= api->max_version, "{} version {}", api->name,
              header.api_version);
  out.Int16(header.api_key);
  out.Int16(header.api_version);
  out.Int32(header.correlation_id);
  out.String(/*flexible=*/false, header.client_id, /*may_be_null=*/true);
  if (header.api_version >= api->flexible_from) out.UnsignedVarint(0);
}

void BeginResponse(Encoder& out, ApiKey key, int version, int32_t correlation_id) {
  out.Int32(correlation_id);
  if (HasFlexibleResponseHeader(key, version)) out.UnsignedVarint(0);
}

std::vector<base::SharedBytes> FinishFrame(Encoder& out) {
  FIRN_ASSERT(out.size() <= static_cast<size_t>(std::numeric_limits<int32_t>::max()), "frame of {} bytes", out.size());
  std::string size(kFrameSizeBytes, '\0');
  base::StoreBig(size.data(), static_cast<int32_t>(out.size()));
  std::vector<base::SharedBytes> parts = out.TakeParts();
  FIRN_ASSERT(!parts.empty() && !parts.front().empty(), "a frame of {} parts begins with nothing", parts.size());
  size.append(parts.front().view());
  parts.front() = base::SharedBytes::FromString(std::move(size));
  return parts;
}

}  // namespace firn::kafka
