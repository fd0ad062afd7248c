// SPDX-License-Identifier: Apache-2.0
// A rendered error (base/error_render.h) as a terminal shows it best.
#pragma once

#include <optional>
#include <string>

namespace firn::cli {

/// Where a statement begins in a script; line and column count from 1, columns in code points.
struct ScriptPlace {
  std::string script;
  size_t line = 1;
  size_t column = 1;
};

/// An error whose place is in its statement, with that place in the script, where an editor can jump to. None if it names no place.
std::optional<std::string> PlaceInScript(const std::string& rendered, const ScriptPlace& statement);

/// Its message and notes in lines of at most so many columns, broken at spaces, each note under its own beginning; the excerpt stays. 0 columns: as it is.
std::string WrapError(const std::string& rendered, int columns);
/// With colours: the code, the carets, the words before each note.
std::string ColourError(const std::string& rendered);

}  // namespace firn::cli
