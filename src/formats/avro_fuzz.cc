// SPDX-License-Identifier: Apache-2.0
// Any bytes as an Avro file: an error or records, never a crash, a sanitizer's report or memory without bound.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "formats/avro_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto reader = firn::formats::AvroFileReader::Open({reinterpret_cast<const char*>(data), size});
  if (!reader.ok()) return 0;
  for (int records = 0; records < 10'000; ++records) {
    auto record = reader->Next();
    if (!record.ok() || !record->has_value()) break;
    std::string encoded;
    (void)firn::formats::EncodeAvro(*reader->schema(), **record, &encoded).ok();
  }
  return 0;
}
