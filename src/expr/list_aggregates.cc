// SPDX-License-Identifier: Apache-2.0
// LISTAGG and ARRAY_AGG: the values of a group in the order in which they arrive.
#include <string>

#include "expr/aggregate_groups_internal.h"
#include "expr/arrival_list_internal.h"
#include "expr/cell_codec_internal.h"
#include "expr/kernel_internal.h"

namespace firn::expr {

namespace {

using types::ArrayPtr;
using types::DataType;
using types::TypeKind;

constexpr char kNullMark = 0;   // in front of a value's bytes
constexpr char kValueMark = 1;

class TextList final : public ArrivalAccumulator {
 public:
  explicit TextList(const Limits& limits) : limits_(limits) {}
  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    CheckColumns(groups, arguments, arguments.size());
    FIRN_ASSERT(arrow::is_base_binary_like(arguments[0]->type_id()), "LISTAGG of {}", arguments[0]->type()->ToString());
    const auto& texts = static_cast<const arrow::BinaryArray&>(*arguments[0]);
    if (arguments.size() == 2 && arguments[1]->length() > 0) separator_ = static_cast<const arrow::BinaryArray&>(*arguments[1]).GetView(0);
    std::string value;
    ForEachRow(groups, kinds, filter, [&](int64_t row, uint32_t group, bool retracts) {
      if (texts.IsNull(row)) return;
      value = texts.GetView(row);
      Change(group, value, retracts);
    });
    return Ok();
  }
  Status Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) override {
    separator_ = static_cast<const TextList&>(other).separator_;
    return ArrivalAccumulator::Merge(other, groups);
  }
  Result<ArrayPtr> Finish(std::span<const uint32_t> groups) const override {
    const DataType type = DataType::String();
    ColumnMaker<std::string> maker(type, 0, limits_);
    std::string text;
    for (size_t i = 0; i < groups.size() && !maker.is_full(); ++i) {
      const ArrivalList& values = ListOf(groups[i]);
      if (values.empty()) {
        maker.SetNull(static_cast<int64_t>(i));
        continue;
      }
      text.clear();
      FIRN_RETURN_IF_ERROR(values.ForEach([&](const std::string& value) -> Status {
        if (&value != &values.front()) text.append(separator_);
        text.append(value);
        if (static_cast<int64_t>(text.size()) > limits_.text_bytes) return TextTooLong("LISTAGG", limits_);
        return Ok();
      }));
      maker.Set(static_cast<int64_t>(i), text);
    }
    FIRN_TRY(Column column, maker.Finish(false));
    return std::move(column.array);
  }
  Result<std::vector<ArrayPtr>> Save(std::span<const uint32_t> groups) const override {
    FIRN_TRY(ArrayPtr values, SaveValues(groups));
    arrow::StringBuilder separators;
    for (size_t i = 0; i < groups.size(); ++i) FIRN_RETURN_IF_ERROR(types::FromArrowStatus(separators.Append(separator_)));
    FIRN_TRY(ArrayPtr separator, types::FromArrowResult(separators.Finish()));
    return std::vector<ArrayPtr>{std::move(values), std::move(separator)};
  }
  Status Load(std::span<const uint32_t> groups, std::span<const ArrayPtr> state) override {
    CheckState(groups, state, 2);
    LoadValues(groups, state[0]);
    if (!groups.empty() && !state[1]->IsNull(0)) separator_ = static_cast<const arrow::BinaryArray&>(*state[1]).GetView(0);
    return Ok();
  }

 private:
  const Limits limits_;
  std::string separator_ = ",";  // a literal of the query
};

class ValueList final : public ArrivalAccumulator {
 public:
  ValueList(const Signature& signature, const AggregateOptions& options, std::unique_ptr<CellCodec> codec)
      : result_(signature.result), ignores_nulls_(options.ignore_nulls), codec_(std::move(codec)) {}
  Status Update(std::span<const uint32_t> groups, std::span<const ArrayPtr> arguments, const ArrayPtr& kinds, const ArrayPtr& filter) override {
    CheckColumns(groups, arguments, result_.element());
    std::string cell;
    ForEachRow(groups, kinds, filter, [&](int64_t row, uint32_t group, bool retracts) {
      const bool is_null = arguments[0]->IsNull(row);
      if (is_null && ignores_nulls_) return;
      cell.assign(1, is_null ? kNullMark : kValueMark);
      if (!is_null) codec_->Encode(*arguments[0], row, &cell);
      Change(group, cell, retracts);
    });
    return Ok();
  }
  Result<ArrayPtr> Finish(std::span<const uint32_t> groups) const override {
    std::vector<int32_t> offsets{0};
    std::vector<uint8_t> valid;
    FIRN_TRY(ArrayPtr values, BuildArray(result_.element(), [&](arrow::ArrayBuilder* builder) -> Status {
               for (uint32_t group : groups) {
                 const ArrivalList& list = ListOf(group);
                 FIRN_RETURN_IF_ERROR(list.ForEach([&](const std::string& cell) {
                   return cell[0] == kNullMark ? types::FromArrowStatus(builder->AppendNull()) : codec_->Decode(std::string_view(cell).substr(1), builder);
                 }));
                 offsets.push_back(static_cast<int32_t>(builder->length()));
                 valid.push_back(list.empty() ? 0 : 1);
               }
               return Ok();
             }));
    FIRN_ASSERT(offsets.size() == groups.size() + 1 && offsets.back() == values->length(), "{} offsets of {} lists, the last at {} of {} values", offsets.size(), groups.size(), offsets.back(), values->length());
    auto data = arrow::ArrayData::Make(result_.ToArrow(), static_cast<int64_t>(groups.size()), {PackBits(valid), arrow::Buffer::FromVector(std::move(offsets))}, {values->data()});
    return arrow::MakeArray(std::move(data));
  }
  Result<std::vector<ArrayPtr>> Save(std::span<const uint32_t> groups) const override {
    FIRN_TRY(ArrayPtr values, SaveValues(groups));
    return std::vector<ArrayPtr>{std::move(values)};
  }
  Status Load(std::span<const uint32_t> groups, std::span<const ArrayPtr> state) override {
    CheckState(groups, state, 1);
    LoadValues(groups, state[0]);
    return Ok();
  }

 private:
  const DataType result_;
  const bool ignores_nulls_;
  std::unique_ptr<CellCodec> codec_;
};

Result<Signature> BindTextList(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kText, Want::kText}, 1, "LISTAGG(string[, separator])"));
  if (types.size() == 2 && call.literals[1] == nullptr) return ArgumentError(call, "a literal separator");
  return Signature{types, DataType::String()};
}

Result<Signature> BindValueList(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kAny}, 1, "one value"));
  if (types[0].kind() == TypeKind::kNull) return ArgumentError(call, "a value of a type");
  types[0] = types[0].WithTimeAttribute(types::TimeAttribute::kNone);
  return Signature{types, DataType::Array(types[0])};
}

}  // namespace

std::vector<AggregateFunction> ListAggregates() {
  const auto text_state = [](const Signature&, const AggregateOptions&) { return std::vector<types::Field>{{"values", DataType::Array(DataType::Bytes())}, {"separator", DataType::String()}}; };
  const auto value_state = [](const Signature&, const AggregateOptions&) { return std::vector<types::Field>{{"values", DataType::Array(DataType::Bytes())}}; };
  const auto make_text = [](const Signature&, const AggregateOptions& options) -> Result<std::unique_ptr<GroupedAccumulator>> {
    return std::unique_ptr<GroupedAccumulator>(std::make_unique<TextList>(options.limits));
  };
  const auto make_values = [](const Signature& signature, const AggregateOptions& options) -> Result<std::unique_ptr<GroupedAccumulator>> {
    FIRN_TRY(std::unique_ptr<CellCodec> codec, CellCodec::Make(signature.arguments[0]));
    return std::unique_ptr<GroupedAccumulator>(std::make_unique<ValueList>(signature, options, std::move(codec)));
  };
  return {
      {{"LISTAGG"}, "LISTAGG([DISTINCT] string[, separator])", "The texts in the order of their arrival, with separators.", BindTextList, text_state, make_text, true},
      {{"ARRAY_AGG"}, "ARRAY_AGG([DISTINCT] value) [RESPECT|IGNORE NULLS]", "The values in the order of their arrival, as an array.", BindValueList, value_state, make_values, true},
  };
}

}  // namespace firn::expr
