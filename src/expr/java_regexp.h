// SPDX-License-Identifier: Apache-2.0
// Java's regular expressions in RE2's words.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace firn::expr {

/// What Java says otherwise is said as RE2 says it: named groups, \h \R \uXXXX \e \cX, \p{Alpha}, \p{IsLatin}; a point leaves out Java's line ends. What Java alone
/// has is refused (kNotSupported): look-around, back-references, possessive quantifiers, classes in classes. A pattern that is none comes out as one that is none.
/// Known to differ: $ does not match before a last line end.
Result<std::string> RegexpOfJava(std::string_view pattern);

}  // namespace firn::expr
