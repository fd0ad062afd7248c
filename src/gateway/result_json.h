// SPDX-License-Identifier: Apache-2.0
// Results in the exact shapes of Flink's SQL gateway (REST endpoint, V1 and V2).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "types/batch.h"
#include "types/data_type.h"

namespace firn::gateway {

enum class RowFormat { kJson, kPlainText };

/// {"type":"DECIMAL","nullable":true,"precision":10,"scale":2}
std::string LogicalTypeJson(const types::DataType& type);
/// [{"name":"id","logicalType":{...},"comment":null}, ...]
std::string ColumnsJson(const types::Schema& schema);
/// Appends {"kind":"INSERT","fields":[...]} for each row, separated by commas; `out` may already hold rows.
/// PLAIN_TEXT casts every field to text as the shell prints it, in the session's time zone.
Status AppendRowsJson(std::string* out, const types::Batch& batch, RowFormat format, const std::string& time_zone);

}  // namespace firn::gateway
