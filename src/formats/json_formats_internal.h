// SPDX-License-Identifier: Apache-2.0
// What record_format.cc dispatches to.
#pragma once

#include <memory>

#include "formats/record_format.h"

namespace firn::formats {

/// kInvalidOption names the key or value that the json format does not know.
Status CheckJsonOptions(const FormatSpec& spec);
Result<std::unique_ptr<RecordDecoder>> MakeJsonDecoder(const FormatSpec& spec, types::SchemaPtr schema);
Result<std::unique_ptr<RecordEncoder>> MakeJsonEncoder(const FormatSpec& spec, types::SchemaPtr schema);

}  // namespace firn::formats
