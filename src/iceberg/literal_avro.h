// SPDX-License-Identifier: Apache-2.0
// Single values in Avro, as manifests hold partition values (specification, appendix A).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "formats/avro_value.h"
#include "iceberg/literal.h"

namespace firn::iceberg {

/// The Avro schema of a primitive type; `name` names fixed types and must be unique in the file. kUnknown gives null.
formats::AvroSchemaPtr AvroSchemaOf(const Type& type, const std::string& name);
formats::AvroValue LiteralToAvro(const Type& type, const Literal& value);
/// kInvalidMetadata if the value has another form.
Result<Literal> LiteralFromAvro(const Type& type, const formats::AvroValue& value);

/// A name that Avro takes: other characters become "_x" and their hexadecimal code, as Iceberg does it.
std::string AvroName(std::string_view name);

}  // namespace firn::iceberg
