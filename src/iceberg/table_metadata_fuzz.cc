// SPDX-License-Identifier: Apache-2.0
// Any bytes as metadata.json: an error, or metadata that is written and read back equal.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "iceberg/table_metadata_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto metadata = firn::iceberg::ParseTableMetadata({reinterpret_cast<const char*>(data), size});
  if (!metadata.ok()) return 0;
  auto again = firn::iceberg::ParseTableMetadata(firn::iceberg::TableMetadataJson(*metadata));
  FIRN_ASSERT(again.ok(), "{}", again.error().ToString());
  return 0;
}
