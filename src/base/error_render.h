// SPDX-License-Identifier: Apache-2.0
// Errors as people read them: the one renderer for shell, gateway and command line.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace firn::base {

struct RenderOptions {
  std::string_view source_name = "query";  // what stands before :line:column
  std::string_view source;                 // the text that spans point into; empty: no excerpt
};

/// error[E2102]: ...
///   --> query:2:8
///    |
///  2 | SELECT prise FROM trades
///    |        ^^^^^ label
///    = why:  ...
///    = help: ...
///    = near: `price`
///    = more: firn explain E2102
/// Ends in a newline. Columns count code points from 1. Tabs in the excerpt are shown as one space.
std::string RenderError(const Error& error, const RenderOptions& options = {});

}  // namespace firn::base
