// SPDX-License-Identifier: Apache-2.0
#include "io/huge_pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

#include "base/assert.h"

namespace firn::io {

void FreeHugePage::operator()(char* page) const { FIRN_ASSERT(::munmap(page, kHugePageBytes) == 0, "a huge page at {} cannot be given back", static_cast<void*>(page)); }

// The system aligns to small pages: twice as much has a whole huge page in it, the rest goes back.
HugePage AllocateHugePage() {
  void* const mapped = ::mmap(nullptr, 2 * kHugePageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  char* const begin = static_cast<char*>(mapped);
  const size_t before = (kHugePageBytes - reinterpret_cast<uintptr_t>(begin) % kHugePageBytes) % kHugePageBytes;
  char* const page = begin + before;
  if (before > 0) ::munmap(begin, before);
  ::munmap(page + kHugePageBytes, kHugePageBytes - before);
  ::madvise(page, kHugePageBytes, MADV_HUGEPAGE);  // where that is not heard, nothing is lost
  return HugePage(page);
}

}  // namespace firn::io
