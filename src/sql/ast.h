// SPDX-License-Identifier: Apache-2.0
// What the parser makes of SQL text. Plain data with source spans (bytes of the text that was parsed); nothing is looked up or checked.
#pragma once

#include "sql/ast_expression.h"
#include "sql/ast_query.h"
#include "sql/ast_statement.h"
