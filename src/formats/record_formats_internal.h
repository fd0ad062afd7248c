// SPDX-License-Identifier: Apache-2.0
// The formats besides json that record_format.cc dispatches to. Options have been checked.
#pragma once

#include <memory>
#include <string>

#include "formats/record_format.h"

namespace firn::formats {

/// The option's value, or `otherwise`.
std::string OptionOr(const FormatSpec& spec, const std::string& key, const std::string& otherwise);
bool OptionIsTrue(const FormatSpec& spec, const std::string& key);

/// kInvalidOption for a delimiter or quote that is not one character.
Status CheckCsvOptions(const FormatSpec& spec);
Result<std::unique_ptr<RecordDecoder>> MakeCsvDecoder(const FormatSpec& spec, types::SchemaPtr schema);
Result<std::unique_ptr<RecordEncoder>> MakeCsvEncoder(const FormatSpec& spec, types::SchemaPtr schema);

Result<std::unique_ptr<RecordDecoder>> MakeRawDecoder(const FormatSpec& spec, types::SchemaPtr schema);
Result<std::unique_ptr<RecordEncoder>> MakeRawEncoder(const FormatSpec& spec, types::SchemaPtr schema);

Result<std::unique_ptr<RecordDecoder>> MakeDebeziumDecoder(const FormatSpec& spec, types::SchemaPtr schema);
Result<std::unique_ptr<RecordEncoder>> MakeDebeziumEncoder(const FormatSpec& spec, types::SchemaPtr schema);

/// At most 100 bytes of a record, for errors.
std::string RecordExcerpt(std::string_view bytes);

}  // namespace firn::formats
