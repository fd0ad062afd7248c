// SPDX-License-Identifier: Apache-2.0
// Results in the exact shapes of Flink's SQL gateway (REST endpoint, V1 and V2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "types/batch.h"
#include "types/data_type.h"

namespace firn::gateway {

/// kJson and kPlainText are Flink's. kPlainTextJson is ours, for scripts: plain text, but ARRAY, MAP and ROW as texts of JSON.
enum class RowFormat { kJson, kPlainText, kPlainTextJson };

/// "JSON", "PLAIN_TEXT", "PLAIN_TEXT_JSON": the value of ?rowFormat=; others mean JSON, as in Flink.
RowFormat ParseRowFormat(std::string_view name);
std::string_view RowFormatName(RowFormat format);

/// {"type":"DECIMAL","nullable":true,"precision":10,"scale":2}
std::string LogicalTypeJson(const types::DataType& type);
/// [{"name":"id","logicalType":{...},"comment":null}, ...]
std::string ColumnsJson(const types::Schema& schema);
/// Appends {"kind":"INSERT","fields":[...]} for each row, separated by commas; `out` may already hold rows.
/// PLAIN_TEXT casts every field to text as the shell prints it, in the session's time zone.
Status AppendRowsJson(std::string* out, const types::Batch& batch, RowFormat format, const std::string& time_zone);

}  // namespace firn::gateway
