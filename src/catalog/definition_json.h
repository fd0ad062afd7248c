// SPDX-License-Identifier: Apache-2.0
// Table and view definitions as the JSON text that the meta store keeps (docs/formats/catalog-keys.md). Types are written out in
// parts rather than as SQL text, so that reading them back needs no parser and no dialect.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "plan/catalog_view.h"

namespace firn::catalog {

std::string EncodeDefinition(const plan::TableDefinition& table);
/// kCorruption names what is missing or of the wrong kind.
Result<plan::TableDefinition> DecodeDefinition(std::string_view text);

}  // namespace firn::catalog
