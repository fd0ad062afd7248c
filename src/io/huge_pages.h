// SPDX-License-Identifier: Apache-2.0
// Memory in huge pages: what the system does for each page (a fault at the first touch, an entry of the processor's TLB, a reference while a direct write is under way)
// is done once for 2 MiB and not for each 4 KiB.
#pragma once

#include <cstddef>
#include <memory>

namespace firn::io {

inline constexpr size_t kHugePageBytes = 2 << 20;

struct FreeHugePage {
  void operator()(char* page) const;
};
using HugePage = std::unique_ptr<char[], FreeHugePage>;

/// kHugePageBytes at a multiple of as many, with anything in them. Small pages stand behind them where the system has no huge ones. Throws std::bad_alloc as `new` does.
HugePage AllocateHugePage();

}  // namespace firn::io
