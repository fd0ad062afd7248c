// SPDX-License-Identifier: Apache-2.0
#include "exec/join_matcher.h"

#include <arrow/array.h>

#include <algorithm>

#include "base/assert.h"
#include "exec/columns.h"

namespace firn::exec {

namespace {

// Candidates whose condition is evaluated at once; one row's may be more.
constexpr size_t kCandidatesMax = 32 << 10;


bool IsIdentity(const std::vector<int64_t>& rows, int64_t row_count) {
  if (static_cast<int64_t>(rows.size()) != row_count) return false;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<JoinMatcher>> JoinMatcher::Make(const plan::PhysicalNode& node) {
  auto matcher = std::unique_ptr<JoinMatcher>(new JoinMatcher(node));
  std::vector<types::Field> fields;
  for (const auto& input : node.inputs) {
    for (size_t i = 0; i < input->schema->size(); ++i) fields.push_back(input->schema->field(i));
  }
  matcher->both_ = types::MakeSchema(std::move(fields));
  FIRN_RETURN_IF_ERROR(matcher->CompileCondition());
  return matcher;
}

// NOT IN is TRUE only where every comparison is FALSE: a pair whose comparison is unknown counts as a match. Its keys are therefore part of the condition.
Status JoinMatcher::CompileCondition() {
  std::vector<expr::ExpressionPtr> conjuncts;
  if (spec_.condition) conjuncts.push_back(spec_.condition);
  const auto left_count = static_cast<int>(node_.inputs[0]->schema->size());
  const expr::EvaluationContext context;
  for (size_t i = 0; spec_.is_null_aware_anti && i < spec_.left_keys.size(); ++i) {
    const auto column = [&](int at) { return expr::MakeColumn(at, both_->field(static_cast<size_t>(at)).name, both_->field(static_cast<size_t>(at)).type.WithNullable(true)); };
    const expr::ExpressionPtr left = column(spec_.left_keys[i]);
    const expr::ExpressionPtr right = column(left_count + spec_.right_keys[i]);
    FIRN_TRY(expr::ExpressionPtr equal, expr::BindCall("=", {left, right}, {}, context));
    FIRN_TRY(expr::ExpressionPtr left_null, expr::BindCall("IS NULL", {left}, {}, context));
    FIRN_TRY(expr::ExpressionPtr right_null, expr::BindCall("IS NULL", {right}, {}, context));
    FIRN_TRY(expr::ExpressionPtr may_equal, expr::BindCall("OR", {equal, left_null, right_null}, {}, context));
    conjuncts.push_back(std::move(may_equal));
  }
  if (conjuncts.empty()) return Ok();
  expr::ExpressionPtr all = conjuncts[0];
  if (conjuncts.size() > 1) {
    FIRN_TRY(all, expr::BindCall("AND", conjuncts, {}, context));
  }
  FIRN_TRY(condition_, expr::Program::Compile({all}));
  return Ok();
}

std::vector<uint8_t> JoinMatcher::Matchless(int input, const types::Batch& batch) const {
  std::vector<int> keys;
  for (size_t i = 0; i < spec_.null_safe.size(); ++i) {
    if (!spec_.null_safe[i] && !spec_.is_null_aware_anti) keys.push_back((input == 0 ? spec_.left_keys : spec_.right_keys)[i]);
  }
  return RowsWithNull(batch, keys);
}

void JoinMatcher::AddCandidates(const JoinSide& other, uint32_t group, bool has_null_key, int64_t now_ms, JoinMatches* matches) const {
  auto add = [&](uint32_t entry) {
    if (!other.IsExpired(entry, now_ms)) matches->entries.push_back(entry);
  };
  auto add_chain = [&](uint32_t chain) {
    for (uint32_t entry = other.First(chain); entry != kNoEntry; entry = other.Next(entry)) add(entry);
  };
  if (spec_.is_null_aware_anti && has_null_key) {
    for (uint32_t entry : other.LiveEntries()) add(entry);
    return;
  }
  if (group != kNoGroup) add_chain(group);
  if (!spec_.is_null_aware_anti) return;
  for (uint32_t with_null : other.null_groups()) {
    if (with_null != group) add_chain(with_null);
  }
}

Result<JoinMatches> JoinMatcher::Match(int input, const types::Batch& batch, const BatchKeys& keys, const std::vector<uint8_t>& matchless, const JoinSide& other,
                                       int64_t begin, int64_t now_ms, const expr::EvaluationContext& context) {
  JoinMatches matches;
  matches.begin = begin;
  std::vector<uint32_t> groups;
  other.FindGroups(keys, &groups);
  const std::vector<uint8_t> null_keys = spec_.is_null_aware_anti ? RowsWithNull(batch, input == 0 ? spec_.left_keys : spec_.right_keys) : std::vector<uint8_t>();
  for (int64_t row = begin; row < batch.row_count && (row == begin || matches.entries.size() < kCandidatesMax); ++row) {
    const auto at = static_cast<size_t>(row);
    if (matchless.empty() || !matchless[at]) AddCandidates(other, groups[at], !null_keys.empty() && null_keys[at], now_ms, &matches);
    matches.ends.push_back(matches.entries.size());
  }
  if (condition_ && !matches.entries.empty()) FIRN_RETURN_IF_ERROR(KeepMatching(input, batch, other, context, &matches));
  FIRN_ASSERT(matches.end() > begin && matches.ends.back() == matches.entries.size(), "rows {} to {} have {} matches of {}", begin, matches.end(),
              matches.ends.empty() ? 0 : matches.ends.back(), matches.entries.size());
  return matches;
}

Status JoinMatcher::KeepMatching(int input, const types::Batch& batch, const JoinSide& other, const expr::EvaluationContext& context, JoinMatches* matches) {
  std::vector<int64_t> rows(matches->entries.size());
  size_t at = 0;
  for (size_t i = 0; i < matches->ends.size(); ++i) {
    for (; at < matches->ends[i]; ++at) rows[at] = matches->begin + static_cast<int64_t>(i);
  }
  size_t kept = 0;
  size_t next_row = 0;
  for (size_t from = 0; from < rows.size(); from += kCandidatesMax) {
    const size_t to = std::min(from + kCandidatesMax, rows.size());
    const std::vector<int64_t> slice(rows.begin() + static_cast<std::ptrdiff_t>(from), rows.begin() + static_cast<std::ptrdiff_t>(to));
    FIRN_TRY(types::ArrayPtr mask, Evaluate(input, batch, other, slice, std::span(matches->entries).subspan(from, to - from), context));
    const auto& holds = static_cast<const arrow::BooleanArray&>(*mask);
    for (size_t i = from; i < to; ++i) {
      while (next_row < matches->ends.size() && i >= matches->ends[next_row]) matches->ends[next_row++] = kept;
      const auto place = static_cast<int64_t>(i - from);
      if (holds.IsValid(place) && holds.Value(place)) matches->entries[kept++] = matches->entries[i];
    }
  }
  while (next_row < matches->ends.size()) matches->ends[next_row++] = kept;
  matches->entries.resize(kept);
  return Ok();
}

Result<types::ArrayPtr> JoinMatcher::Evaluate(int input, const types::Batch& batch, const JoinSide& other, const std::vector<int64_t>& rows,
                                              std::span<const uint32_t> entries, const expr::EvaluationContext& context) {
  FIRN_TRY(types::Batch mine, types::TakeRows({batch.schema, batch.columns, batch.row_count, nullptr, nullptr}, LongArray(rows)));
  FIRN_TRY(std::vector<types::ArrayPtr> theirs, other.Columns(entries));
  types::Batch both{both_, input == 0 ? mine.columns : theirs, static_cast<int64_t>(rows.size()), nullptr, nullptr};
  const std::vector<types::ArrayPtr>& second = input == 0 ? theirs : mine.columns;
  both.columns.insert(both.columns.end(), second.begin(), second.end());
  expr::EvaluationContext evaluation = context;
  evaluation.batch = &both;
  return expr::EvaluateFilter(*condition_, both, evaluation);
}

Result<types::Batch> JoinMatcher::Materialize(int input, const types::Batch& batch, const JoinSide& other, const JoinedRows& joined, size_t from, size_t to) const {
  FIRN_ASSERT(joined.rows.size() == joined.entries.size() && joined.kinds.size() == joined.entries.size() && from <= to && to <= joined.size(),
              "rows {} to {} of {} rows, {} entries, {} kinds", from, to, joined.rows.size(), joined.entries.size(), joined.kinds.size());
  const bool is_left_only = spec_.kind == plan::JoinKind::kSemi || spec_.kind == plan::JoinKind::kAnti;
  types::Batch result{node_.schema, {}, static_cast<int64_t>(to - from), nullptr, nullptr};
  std::vector<types::ArrayPtr> mine, theirs;
  if (!is_left_only || input == 0) {
    const std::vector<int64_t> rows(joined.rows.begin() + static_cast<std::ptrdiff_t>(from), joined.rows.begin() + static_cast<std::ptrdiff_t>(to));
    types::Batch taken{batch.schema, batch.columns, batch.row_count, nullptr, nullptr};
    if (!IsIdentity(rows, batch.row_count)) {
      FIRN_TRY(taken, types::TakeRows(taken, IndexArray(rows)));
    }
    mine = std::move(taken.columns);
  }
  if (!is_left_only || input == 1) {
    std::vector<uint32_t> entries;
    std::vector<int64_t> places;
    for (size_t i = from; i < to; ++i) {
      const bool is_there = joined.entries[i] != kNoEntry;
      places.push_back(is_there ? static_cast<int64_t>(entries.size()) : -1);
      if (is_there) entries.push_back(joined.entries[i]);
    }
    types::Batch taken{other.schema(), {}, static_cast<int64_t>(entries.size()), nullptr, nullptr};
    FIRN_TRY(taken.columns, other.Columns(entries));
    if (entries.size() < places.size()) {
      FIRN_TRY(taken, types::TakeRows(taken, IndexArray(places)));
    }
    theirs = std::move(taken.columns);
  }
  std::vector<types::ArrayPtr>& left = input == 0 ? mine : theirs;
  std::vector<types::ArrayPtr>& right = input == 0 ? theirs : mine;
  result.columns = std::move(left);
  if (!is_left_only) result.columns.insert(result.columns.end(), right.begin(), right.end());
  std::vector<int8_t> kinds(joined.kinds.begin() + static_cast<std::ptrdiff_t>(from), joined.kinds.begin() + static_cast<std::ptrdiff_t>(to));
  if (std::any_of(kinds.begin(), kinds.end(), [](int8_t kind) { return kind != 0; })) result.kinds = KindArray(std::move(kinds));
  return result;
}

}  // namespace firn::exec
