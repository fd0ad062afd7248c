// SPDX-License-Identifier: Apache-2.0
// A rendered error (base/error_render.h) as a terminal shows it best.
#pragma once

#include <string>

namespace firn::cli {

/// Its message and notes in lines of at most so many columns, broken at spaces, each note under its own beginning; the excerpt stays. 0 columns: as it is.
std::string WrapError(const std::string& rendered, int columns);
/// With colours: the code, the carets, the words before each note.
std::string ColourError(const std::string& rendered);

}  // namespace firn::cli
