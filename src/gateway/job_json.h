// SPDX-License-Identifier: Apache-2.0
// Jobs as Flink's REST shows them. Meaning is in exec/engine.h; here is only the shape.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "exec/engine.h"

namespace firn::gateway {

/// 32 hexadecimal digits, as Flink's vertex ids are; the same for the same operator in every run.
std::string VertexId(const exec::VertexStatus& vertex);

boost::json::object OverviewJson(const std::vector<exec::JobStatus>& jobs);
/// An entry of /jobs/overview.
boost::json::object JobSummaryJson(const exec::JobStatus& job, int64_t now_ms);
boost::json::object JobJson(const exec::JobStatus& job, int64_t now_ms);
boost::json::object PlanJson(const exec::JobStatus& job);
boost::json::object ConfigJson(const exec::JobStatus& job);
boost::json::object ExceptionsJson(const exec::JobStatus& job);
/// What a dashboard asks for first.
boost::json::object DashboardJson();
/// The watermark of each subtask; firn keeps the operator's, which is the smallest of them.
boost::json::array WatermarksJson(const exec::VertexStatus& vertex);
boost::json::object BackpressureJson(const exec::VertexStatus& vertex, int64_t now_ms);
boost::json::object CheckpointsJson(const exec::JobStatus& job);

}  // namespace firn::gateway
