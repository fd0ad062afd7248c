// SPDX-License-Identifier: Apache-2.0
// Schemas and types as JSON (specification, appendix C).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "iceberg/schema.h"

namespace boost::json {
class value;
class object;
}  // namespace boost::json

namespace firn::iceberg {

Result<Schema> ParseSchemaJson(const boost::json::value& json);
Result<Schema> ParseSchemaText(std::string_view text);
/// With "schema-id" and, where there are such, "identifier-field-ids".
boost::json::object SchemaToJson(const Schema& schema);
std::string SchemaText(const Schema& schema);

/// "long", "decimal(9,2)", "decimal(9, 2)", "fixed[16]", ...
Result<Type> ParsePrimitiveType(std::string_view text);

}  // namespace firn::iceberg
