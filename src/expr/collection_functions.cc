// SPDX-License-Identifier: Apache-2.0
// ARRAY, MAP and ROW: made, taken apart, and looked into. Elements are counted from 1.
#include <arrow/array/util.h>
#include <fmt/format.h>

#include "expr/function_groups_internal.h"
#include "expr/list_view_internal.h"
#include "expr/map_maker_internal.h"
#include "expr/signatures_internal.h"

namespace firn::expr {

namespace {

using types::DataType;
using types::TypeKind;

// --- constructors ---

Result<Signature> BindArray(const CallSite& call) {
  if (call.types.empty()) return ArgumentError(call, "ARRAY[value, ...] with at least one value; CAST(NULL AS ARRAY<INT>) makes an array without any");
  FIRN_TRY(DataType common, CommonType(call.types));
  if (common.kind() == TypeKind::kNull) return ArgumentError(call, "at least one value with a type");
  for (const DataType& type : call.types) common = common.WithNullable(common.nullable() || type.nullable());
  return Signature{std::vector<DataType>(call.types.size(), common), DataType::Array(common).NotNull()};
}

// Row r of `width` arguments that lie one behind the other in a pool of `rows` each: elements r, rows + r, ...
Result<Column> MakeArray(const KernelInput& input) {
  std::vector<types::ArrayPtr> arrays;
  for (const Column& argument : input.arguments) {
    FIRN_TRY(types::ArrayPtr array, ExpandColumn(argument, input.row_count, input.context.limits));
    arrays.push_back(std::move(array));
  }
  FIRN_TRY(const ElementPool pool, ElementPool::Make(arrays, input.context.limits));
  ListMaker maker(input.context.limits);
  for (int64_t row = 0; row < input.row_count; ++row) {
    for (size_t i = 0; i < arrays.size(); ++i) maker.Add(pool.Base(i) + row);
    maker.EndRow();
  }
  FIRN_TRY(types::ArrayPtr values, pool.Take(maker.elements()));
  return maker.FinishList(input.result_type, values);
}

Result<Signature> BindMap(const CallSite& call) {
  if (call.types.empty() || call.types.size() % 2 != 0) return ArgumentError(call, "MAP[key, value, ...] with at least one pair");
  std::vector<DataType> keys, values;
  for (size_t i = 0; i < call.types.size(); i += 2) {
    keys.push_back(call.types[i]);
    values.push_back(call.types[i + 1]);
  }
  FIRN_TRY(DataType key, CommonType(keys));
  FIRN_TRY(DataType value, CommonType(values));
  if (key.kind() == TypeKind::kNull || value.kind() == TypeKind::kNull) return ArgumentError(call, "at least one key and one value with a type");
  key = key.WithNullable(AnyNullable(keys));
  value = value.WithNullable(AnyNullable(values));
  Signature signature{{}, DataType::Map(key, value).NotNull()};
  for (size_t i = 0; i < call.types.size(); ++i) signature.arguments.push_back(i % 2 == 0 ? key : value);
  return signature;
}

Result<Column> MakeMap(const KernelInput& input) {
  std::vector<types::ArrayPtr> keys, items;
  for (size_t i = 0; i < input.arguments.size(); ++i) {
    FIRN_TRY(types::ArrayPtr array, ExpandColumn(input.arguments[i], input.row_count, input.context.limits));
    (i % 2 == 0 ? keys : items).push_back(std::move(array));
  }
  FIRN_TRY(MapMaker maker, MapMaker::Make(input.result_type.key(), std::move(keys), std::move(items), input.context.limits));
  for (int64_t row = 0; row < input.row_count; ++row) {
    for (size_t i = 0; i < input.arguments.size() / 2; ++i) maker.Add(i, row, row);
    maker.EndRow();
  }
  return maker.Finish(input.result_type);
}

Result<Signature> BindRow(const CallSite& call) {
  if (call.types.empty() || HasUntypedNull(call)) return ArgumentError(call, "ROW(value, ...)");
  std::vector<types::Field> fields;
  for (const DataType& type : call.types) fields.push_back({fmt::format("EXPR${}", fields.size()), type.WithTimeAttribute(types::TimeAttribute::kNone)});
  return Signature{call.types, DataType::Row(std::move(fields)).NotNull()};
}

Result<Column> MakeRow(const KernelInput& input) {
  std::vector<std::shared_ptr<arrow::ArrayData>> children;
  for (const Column& argument : input.arguments) {
    FIRN_TRY(types::ArrayPtr array, ExpandColumn(argument, input.row_count, input.context.limits));
    children.push_back(array->data());
  }
  FIRN_ASSERT(children.size() == input.result_type.fields().size(), "{} values make a {}", children.size(), input.result_type.ToString());
  return Column{arrow::MakeArray(arrow::ArrayData::Make(input.result_type.ToArrow(), input.row_count, {nullptr}, std::move(children), 0)), false};
}

// --- access ---

// row . 'field'
Result<Signature> BindField(const CallSite& call) {
  if (call.types.size() != 2 || call.types[0].kind() != TypeKind::kRow || call.literals[1] == nullptr || !call.types[1].IsCharacter() || call.literals[1]->IsNull(0)) return ArgumentError(call, "a ROW and the name of one of its fields");
  const std::string name(static_cast<const arrow::BinaryArray&>(*call.literals[1]).GetView(0));
  std::vector<std::string> names;
  for (const types::Field& field : call.types[0].fields()) {
    if (field.name == name) return Signature{call.types, field.type.WithNullable(field.type.nullable() || call.types[0].nullable())};
    names.push_back(field.name);
  }
  auto near = base::NearNames(name, names);
  return Error(ErrorCode::kColumnNotFound, fmt::format("{} has no field {}", call.types[0].ToString(), name)).At(call.span).Hint(fmt::format("it has {}", fmt::join(names, ", "))).Candidates(std::move(near));
}

Result<Column> Field(const KernelInput& input) {
  const std::string_view name = StringView(input.arguments[1])[0];
  const auto& rows = static_cast<const arrow::StructArray&>(*input.arguments[0].array);
  const std::vector<types::Field>& fields = input.argument_types[0].fields();
  const auto at = std::find_if(fields.begin(), fields.end(), [&](const types::Field& field) { return field.name == name; }) - fields.begin();
  FIRN_ASSERT(at < static_cast<std::ptrdiff_t>(fields.size()) && rows.num_fields() == static_cast<int>(fields.size()), "field {} of {}, which is a row of {} in memory", name,
              input.argument_types[0].ToString(), rows.num_fields());
  FIRN_TRY(types::ArrayPtr array, types::FromArrowResult(rows.Flatten(arrow::default_memory_pool()).Map([&](const arrow::ArrayVector& all) { return all[static_cast<size_t>(at)]; })));
  return Column{std::move(array), input.arguments[0].is_constant};
}

Result<Signature> BindElement(const CallSite& call) {
  if (call.types.size() == 2 && call.types[0].kind() == TypeKind::kArray && call.types[1].IsInteger()) {
    if (call.literals[1] != nullptr && !call.literals[1]->IsNull(0) && call.types[1].kind() == TypeKind::kInt && static_cast<const arrow::Int32Array&>(*call.literals[1]).Value(0) < 1) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("elements of an array are counted from 1, not {}", static_cast<const arrow::Int32Array&>(*call.literals[1]).Value(0))).At(call.span).Hint("the first is [1], the last [CARDINALITY(array)]");
    }
    return Signature{{call.types[0], DataType::BigInt().WithNullable(call.types[1].nullable())}, call.types[0].element().WithNullable(true)};
  }
  if (call.types.size() == 2 && call.types[0].kind() == TypeKind::kMap) return Signature{{call.types[0], call.types[0].key().WithNullable(call.types[1].nullable())}, call.types[0].value().WithNullable(true)};
  return ArgumentError(call, "an array and a number, or a map and a key");
}

// These elements of an array, -1: NULL, a row each.
Result<Column> Taken(const types::ArrayPtr& array, const std::vector<int64_t>& elements, const Limits& limits) {
  FIRN_TRY(const ElementPool pool, ElementPool::Make({array}, limits));
  FIRN_TRY(types::ArrayPtr taken, pool.Take(elements));
  return Column{std::move(taken), false};
}

Result<Column> Element(const KernelInput& input) {
  std::vector<int64_t> elements(static_cast<size_t>(input.row_count), -1);
  if (input.argument_types[0].kind() == TypeKind::kArray) {
    const ListView lists(input.arguments[0]);
    const FixedView<int64_t> indices(input.arguments[1]);
    for (int64_t row = 0; row < input.row_count; ++row) {
      if (!lists.IsValid(row) || !indices.IsValid(row)) continue;
      if (indices[row] >= 1 && indices[row] <= lists.end(row) - lists.begin(row)) elements[static_cast<size_t>(row)] = lists.begin(row) + indices[row] - 1;
    }
    return Taken(lists.values(), elements, input.context.limits);
  }
  const MapView maps(input.arguments[0]);
  FIRN_TRY(const ElementPool keys, ElementPool::Make({maps.keys(), input.arguments[1].array}, input.context.limits));
  for (int64_t row = 0; row < input.row_count; ++row) {
    if (!maps.IsValid(row)) continue;
    const int64_t wanted = keys.Base(1) + (input.arguments[1].is_constant ? 0 : row);
    for (int64_t entry = maps.begin(row); entry < maps.end(row); ++entry) {
      if (keys.AreEqual(entry, wanted)) elements[static_cast<size_t>(row)] = entry;
    }
  }
  return Taken(maps.items(), elements, input.context.limits);
}

Result<Signature> BindCardinality(const CallSite& call) {
  if (call.types.size() != 1 || (call.types[0].kind() != TypeKind::kArray && call.types[0].kind() != TypeKind::kMap)) return ArgumentError(call, "an array or a map");
  return Signature{call.types, Strict(DataType::Int(), call)};
}

template <typename View>
Result<Column> CountElements(const KernelInput& input) {
  const View view(input.arguments[0]);
  ColumnMaker<int32_t> maker(input.result_type, input.row_count);
  for (int64_t row = 0; row < input.row_count; ++row) {
    if (view.IsValid(row)) {
      maker.Set(row, static_cast<int32_t>(view.end(row) - view.begin(row)));
    } else {
      maker.SetNull(row);
    }
  }
  return maker.Finish(false);
}

Result<Column> Cardinality(const KernelInput& input) {
  return input.argument_types[0].kind() == TypeKind::kArray ? CountElements<ListView>(input) : CountElements<MapView>(input);
}

// ELEMENT(array): its only one.
Result<Signature> BindOnly(const CallSite& call) {
  if (call.types.size() != 1 || call.types[0].kind() != TypeKind::kArray) return ArgumentError(call, "an array");
  return Signature{call.types, call.types[0].element().WithNullable(true)};
}

Result<Column> Only(const KernelInput& input) {
  const ListView lists(input.arguments[0]);
  std::vector<int64_t> elements(static_cast<size_t>(input.row_count), -1);
  for (int64_t row = 0; row < input.row_count; ++row) {
    const int64_t count = lists.IsValid(row) ? lists.end(row) - lists.begin(row) : 0;
    if (count > 1) return Error(ErrorCode::kEvaluationError, fmt::format("ELEMENT of an array of {} elements; it takes one of at most one", count)).Hint("array[1] is the first of several");
    if (count == 1) elements[static_cast<size_t>(row)] = lists.begin(row);
  }
  return Taken(lists.values(), elements, input.context.limits);
}

// --- maps ---

// Rows of the numbers of a map's entries.
ListMaker EveryEntry(const MapView& maps, const KernelInput& input) {
  ListMaker maker(input.context.limits);
  for (int64_t row = 0; row < input.row_count; ++row) {
    if (!maps.IsValid(row)) {
      maker.EndNull();
      continue;
    }
    for (int64_t entry = maps.begin(row); entry < maps.end(row); ++entry) maker.Add(entry);
    maker.EndRow();
  }
  return maker;
}

template <bool kKeys>
Result<Signature> BindHalf(const CallSite& call) {
  if (call.types.size() != 1 || call.types[0].kind() != TypeKind::kMap) return ArgumentError(call, "a map");
  return Signature{call.types, Strict(DataType::Array(kKeys ? call.types[0].key() : call.types[0].value()), call)};
}

template <bool kKeys>
Result<Column> Half(const KernelInput& input) {
  const MapView maps(input.arguments[0]);
  const ListMaker maker = EveryEntry(maps, input);
  FIRN_TRY(const ElementPool pool, ElementPool::Make({kKeys ? maps.keys() : maps.items()}, input.context.limits));
  FIRN_TRY(types::ArrayPtr values, pool.Take(maker.elements()));
  return maker.FinishList(input.result_type, values);
}

Result<Signature> BindMapEntries(const CallSite& call) {
  if (call.types.size() != 1 || call.types[0].kind() != TypeKind::kMap) return ArgumentError(call, "a map");
  const DataType entry = DataType::Row({{"key", call.types[0].key()}, {"value", call.types[0].value()}}).NotNull();
  return Signature{call.types, Strict(DataType::Array(entry), call)};
}

Result<Column> MapEntries(const KernelInput& input) {
  const MapView maps(input.arguments[0]);
  const ListMaker maker = EveryEntry(maps, input);
  FIRN_TRY(const ElementPool key_pool, ElementPool::Make({maps.keys()}, input.context.limits));
  FIRN_TRY(const ElementPool item_pool, ElementPool::Make({maps.items()}, input.context.limits));
  FIRN_TRY(types::ArrayPtr keys, key_pool.Take(maker.elements()));
  FIRN_TRY(types::ArrayPtr items, item_pool.Take(maker.elements()));
  const types::ArrayPtr rows = arrow::MakeArray(arrow::ArrayData::Make(input.result_type.element().ToArrow(), keys->length(), {nullptr}, {keys->data(), items->data()}, 0));
  return maker.FinishList(input.result_type, rows);
}

Result<Signature> BindMapFromArrays(const CallSite& call) {
  if (call.types.size() != 2 || call.types[0].kind() != TypeKind::kArray || call.types[1].kind() != TypeKind::kArray) return ArgumentError(call, "an array of keys and an array of values");
  return Signature{call.types, Strict(DataType::Map(call.types[0].element(), call.types[1].element()), call)};
}

Result<Column> MapFromArrays(const KernelInput& input) {
  const ListView keys(input.arguments[0]);
  const ListView items(input.arguments[1]);
  FIRN_TRY(MapMaker maker, MapMaker::Make(input.result_type.key(), {keys.values()}, {items.values()}, input.context.limits));
  for (int64_t row = 0; row < input.row_count && !maker.is_full(); ++row) {
    if (!keys.IsValid(row) || !items.IsValid(row)) {
      maker.EndNull();
      continue;
    }
    const int64_t count = keys.end(row) - keys.begin(row);
    if (count != items.end(row) - items.begin(row)) {
      return Error(ErrorCode::kEvaluationError, fmt::format("MAP_FROM_ARRAYS of {} keys and {} values", count, items.end(row) - items.begin(row))).Hint("both arrays must be as long");
    }
    for (int64_t i = 0; i < count; ++i) maker.Add(0, keys.begin(row) + i, items.begin(row) + i);
    maker.EndRow();
  }
  return maker.Finish(input.result_type);
}

Result<Signature> BindMapUnion(const CallSite& call) {
  if (call.types.empty()) return ArgumentError(call, "maps");
  for (const DataType& type : call.types) {
    if (type.kind() != TypeKind::kMap) return ArgumentError(call, "maps");
  }
  FIRN_TRY(DataType common, CommonType(call.types));
  return Signature{std::vector<DataType>(call.types.size(), common), Strict(common, call)};
}

Result<Column> MapUnion(const KernelInput& input) {
  std::vector<MapView> maps(input.arguments.begin(), input.arguments.end());
  std::vector<types::ArrayPtr> keys, items;
  for (const MapView& map : maps) {
    keys.push_back(map.keys());
    items.push_back(map.items());
  }
  FIRN_TRY(MapMaker maker, MapMaker::Make(input.result_type.key(), std::move(keys), std::move(items), input.context.limits));
  for (int64_t row = 0; row < input.row_count && !maker.is_full(); ++row) {
    if (!std::all_of(maps.begin(), maps.end(), [&](const MapView& map) { return map.IsValid(row); })) {
      maker.EndNull();
      continue;
    }
    for (size_t i = 0; i < maps.size(); ++i) {
      for (int64_t entry = maps[i].begin(row); entry < maps[i].end(row); ++entry) maker.Add(i, entry, entry);
    }
    maker.EndRow();
  }
  return maker.Finish(input.result_type);
}

}  // namespace

std::vector<ScalarFunction> CollectionFunctions() {
  std::vector<ScalarFunction> functions = {
      {{"ARRAY"}, "value construction", "ARRAY[value, ...]", "An array of these values.", {{"ARRAY[1, 2]", "[1, 2]"}}, BindArray, MakeArray, true, false},
      {{"MAP"}, "value construction", "MAP[key, value, ...]", "A map of these keys to these values.", {{"MAP['a', 1]", "{a=1}"}}, BindMap, MakeMap, true, false},
      {{"ROW"}, "value construction", "ROW(value, ...)", "A row of these values.", {{"ROW(1, 'a')", "(1, a)"}}, BindRow, MakeRow, true, false},
      {{"."}, "value access", "row.field", "A field of a row.", {}, BindField, Field},
      {{"[]"}, "collection", "array[index], map[key]", "An element, counted from 1, or the value of a key; NULL if there is none.", {{"ARRAY[7, 8][2]", "8"}, {"MAP['a', 1]['a']", "1"}}, BindElement, Element},
      {{"CARDINALITY"}, "collection", "CARDINALITY(array or map)", "The number of elements.", {{"CARDINALITY(ARRAY[1, 2])", "2"}}, BindCardinality, Cardinality},
      {{"ELEMENT"}, "collection", "ELEMENT(array)", "The only element; NULL if there is none.", {{"ELEMENT(ARRAY[7])", "7"}}, BindOnly, Only},
      {{"MAP_KEYS"}, "collection", "MAP_KEYS(map)", "The keys, as an array.", {{"MAP_KEYS(MAP['a', 1])", "[a]"}}, BindHalf<true>, Half<true>},
      {{"MAP_VALUES"}, "collection", "MAP_VALUES(map)", "The values, as an array.", {{"MAP_VALUES(MAP['a', 1])", "[1]"}}, BindHalf<false>, Half<false>},
      {{"MAP_ENTRIES"}, "collection", "MAP_ENTRIES(map)", "The entries, as an array of rows.", {{"MAP_ENTRIES(MAP['a', 1])", "[(a, 1)]"}}, BindMapEntries, MapEntries},
      {{"MAP_FROM_ARRAYS"}, "collection", "MAP_FROM_ARRAYS(keys, values)", "A map of two arrays.", {{"MAP_FROM_ARRAYS(ARRAY['a'], ARRAY[1])", "{a=1}"}}, BindMapFromArrays, MapFromArrays},
      {{"MAP_UNION"}, "collection", "MAP_UNION(map, ...)", "All entries; of equal keys the last counts.", {{"MAP_UNION(MAP['a', 1], MAP['a', 2])", "{a=2}"}}, BindMapUnion, MapUnion},
  };
  for (ScalarFunction& function : functions) function.can_fail = function.names[0] == "ELEMENT" || function.names[0] == "MAP" || function.names[0] == "MAP_FROM_ARRAYS";
  return functions;
}

}  // namespace firn::expr
