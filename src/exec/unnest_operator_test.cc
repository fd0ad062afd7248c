// SPDX-License-Identifier: Apache-2.0
// UNNEST of ARRAY[c0, c1] by itself: what comes out of each kind of row, and how its batches are cut.
#include <gtest/gtest.h>

#include "exec/operator_test_rig.h"
#include "expr/scalar_function.h"

namespace firn::exec {
namespace {

using types::RowKind;

/// Where c0 is NULL there is no array. `passed`: c0, c1.
plan::PhysicalNode MakeUnnest(bool keeps_empty) {
  const auto column = [](int index) { return expr::MakeColumn(index, "c", types::DataType::Int()); };
  const expr::ExpressionPtr array = expr::BindCall("ARRAY", {column(0), column(1)}, {}, {}).value();
  const expr::ExpressionPtr has_none = expr::BindCall("IS NULL", {column(0)}, {}, {}).value();
  plan::UnnestNode unnest;
  unnest.collection = expr::BindCall("IF", {has_none, expr::MakeNullLiteral(array->type), array}, {}, {}).value();
  unnest.passed = {0, 1};
  unnest.names = {"element", "place"};
  unnest.keeps_empty = keeps_empty;
  unnest.with_ordinality = true;
  plan::PhysicalNode node;
  node.schema = IntSchema(4);
  node.spec = std::move(unnest);
  return node;
}

std::vector<std::string> TextsOf(const std::vector<Change>& changes) {
  std::vector<std::string> texts;
  for (const Change& change : changes) {
    std::string text = types::RowKindText(change.kind);
    for (const auto& value : change.row) text += value ? " " + std::to_string(*value) : " NULL";
    texts.push_back(text);
  }
  return texts;
}

TEST(UnnestOperator, KeepsTheOrderOfChangesAndElements) {
  const plan::PhysicalNode node = MakeUnnest(false);
  OperatorRig rig([&] { return MakeUnnestOperator(node); });
  rig.Process(0, MakeBatch(IntSchema(2), {{RowKind::kInsert, {1, 2}}, {RowKind::kInsert, {std::nullopt, 3}}, {RowKind::kUpdateBefore, {1, 2}}, {RowKind::kUpdateAfter, {4, std::nullopt}}}));
  EXPECT_EQ(TextsOf(rig.TakeChanges()), (std::vector<std::string>{"+I 1 2 1 1", "+I 1 2 2 2", "-U 1 2 1 1", "-U 1 2 2 2", "+U 4 NULL 4 1", "+U 4 NULL NULL 2"}));
}

TEST(UnnestOperator, PadsRowsWithoutElements) {
  const plan::PhysicalNode node = MakeUnnest(true);
  OperatorRig rig([&] { return MakeUnnestOperator(node); });
  rig.Process(0, MakeBatch(IntSchema(2), {{RowKind::kInsert, {std::nullopt, 3}}, {RowKind::kDelete, {std::nullopt, 3}}, {RowKind::kInsert, {5, 6}}}));
  EXPECT_EQ(TextsOf(rig.TakeChanges()), (std::vector<std::string>{"+I NULL 3 NULL NULL", "-D NULL 3 NULL NULL", "+I 5 6 5 1", "+I 5 6 6 2"}));
}

class Sizes final : public Output {
 public:
  void Emit(types::Batch batch) override { rows.push_back(batch.row_count); }
  void EmitWatermark(types::Watermark) override {}
  std::vector<int64_t> rows;
};

TEST(UnnestOperator, CutsItsBatches) {
  const plan::PhysicalNode node = MakeUnnest(false);
  OperatorContext context;
  const OperatorPtr unnest = MakeUnnestOperator(node).value();
  ASSERT_TRUE(unnest->Open(context).ok());
  const std::vector<Change> rows(static_cast<size_t>(types::kPreferredBatchRows), Change{RowKind::kInsert, {1, 2}});
  Sizes sizes;
  ASSERT_TRUE(unnest->Process(0, MakeBatch(IntSchema(2), rows), sizes).ok());
  EXPECT_EQ(sizes.rows, (std::vector<int64_t>{types::kPreferredBatchRows, types::kPreferredBatchRows}));
}

}  // namespace
}  // namespace firn::exec
