// SPDX-License-Identifier: Apache-2.0
// Field ids for files that were written without them (specification, "Column Projection"): the table property schema.name-mapping.default.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "iceberg/schema.h"

namespace firn::iceberg {

/// Field ids by dotted name in the file.
using NameMapping = std::map<std::string, int32_t>;

/// kInvalidMetadata.
Result<NameMapping> ParseNameMapping(std::string_view json);
/// The mapping that a schema's own names give: for files of tables without the property.
NameMapping NameMappingOf(const Schema& schema);

}  // namespace firn::iceberg
