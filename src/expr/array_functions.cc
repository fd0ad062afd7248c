// SPDX-License-Identifier: Apache-2.0
// Functions of whole arrays. NULL elements are equal to each other.
#include <fmt/format.h>

#include "expr/function_groups_internal.h"
#include "expr/list_view_internal.h"
#include "expr/map_maker_internal.h"
#include "expr/signatures_internal.h"
#include "expr/utf8_internal.h"
#include "types/value_text.h"

namespace firn::expr {

namespace {

using types::DataType;
using types::TypeKind;

bool IsArray(const DataType& type) { return type.kind() == TypeKind::kArray; }

// The element type that holds those of an array and a value besides.
Result<DataType> WidenedElement(const CallSite& call, const DataType& value) {
  const DataType& element = call.types[0].element();
  if (value.kind() == TypeKind::kNull) return element.WithNullable(true);
  const DataType both[] = {element, value};
  FIRN_TRY(DataType common, CommonType(both));
  return common.WithNullable(element.nullable() || value.nullable());
}

// --- looking for a value ---

template <DataType (*kResult)()>
Result<Signature> BindSearch(const CallSite& call) {
  if (call.types.size() != 2 || !IsArray(call.types[0])) return ArgumentError(call, "an array and a value");
  const DataType& element = call.types[0].element();
  return Signature{{call.types[0], element.WithNullable(true)}, kResult().WithNullable(call.types[0].nullable())};
}

// Calls `visit(row, place)` with the 0-based place of the value in the row's array, -1 for none, or `null(row)`.
template <typename Visit, typename Null>
Status SearchRows(const KernelInput& input, const Visit& visit, const Null& null) {
  const ListView lists(input.arguments[0]);
  FIRN_TRY(const ElementPool pool, ElementPool::Make({lists.values(), input.arguments[1].array}, input.context.limits));
  for (int64_t row = 0; row < input.row_count; ++row) {
    if (!lists.IsValid(row)) {
      null(row);
      continue;
    }
    const int64_t wanted = pool.Base(1) + (input.arguments[1].is_constant ? 0 : row);
    int64_t at = lists.begin(row);
    while (at < lists.end(row) && !pool.AreEqual(at, wanted)) ++at;
    visit(row, at < lists.end(row) ? at - lists.begin(row) : -1);
  }
  return Ok();
}

Result<Column> Contains(const KernelInput& input) {
  ColumnMaker<bool> maker(input.result_type, input.row_count);
  FIRN_RETURN_IF_ERROR(SearchRows(input, [&](int64_t row, int64_t place) { maker.Set(row, place >= 0); }, [&](int64_t row) { maker.SetNull(row); }));
  return maker.Finish(false);
}

Result<Column> ArrayPosition(const KernelInput& input) {
  ColumnMaker<int32_t> maker(input.result_type, input.row_count);
  FIRN_RETURN_IF_ERROR(SearchRows(input, [&](int64_t row, int64_t place) { maker.Set(row, static_cast<int32_t>(place + 1)); }, [&](int64_t row) { maker.SetNull(row); }));
  return maker.Finish(false);
}

// --- arrays made of arrays ---

// `build(row)` adds the elements of one row, whose arrays are all there.
template <typename Build>
Result<Column> MapLists(const KernelInput& input, const std::vector<ListView>& lists, const ElementPool& pool, const Build& build) {
  for (const Column& argument : input.arguments) CheckLength(argument, input.row_count);
  ListMaker maker(input.context.limits);
  for (int64_t row = 0; row < input.row_count && !maker.is_full(); ++row) {
    if (!std::all_of(lists.begin(), lists.end(), [&](const ListView& list) { return list.IsValid(row); })) {
      maker.EndNull();
      continue;
    }
    build(row, &maker);
    maker.EndRow();
  }
  FIRN_TRY(types::ArrayPtr values, pool.Take(maker.elements()));
  return maker.FinishList(input.result_type, values);
}

Result<Signature> BindWithElement(const CallSite& call) {
  if (call.types.size() != 2 || !IsArray(call.types[0])) return ArgumentError(call, "an array and a value");
  FIRN_TRY(DataType element, WidenedElement(call, call.types[1]));
  const DataType array = DataType::Array(element).WithNullable(call.types[0].nullable() || call.types[1].kind() == TypeKind::kNull);
  return Signature{{array, element}, array};
}

template <bool kFront>
Result<Column> AddElement(const KernelInput& input) {
  const std::vector<ListView> lists = {ListView(input.arguments[0])};
  FIRN_TRY(const ElementPool pool, ElementPool::Make({lists[0].values(), input.arguments[1].array}, input.context.limits));
  return MapLists(input, lists, pool, [&](int64_t row, ListMaker* maker) {
    const int64_t added = pool.Base(1) + (input.arguments[1].is_constant ? 0 : row);
    if (kFront) maker->Add(added);
    for (int64_t at = lists[0].begin(row); at < lists[0].end(row); ++at) maker->Add(at);
    if (!kFront) maker->Add(added);
  });
}

Result<Signature> BindRemove(const CallSite& call) {
  if (call.types.size() != 2 || !IsArray(call.types[0])) return ArgumentError(call, "an array and a value");
  return Signature{{call.types[0], call.types[0].element().WithNullable(true)}, call.types[0]};
}

Result<Column> Remove(const KernelInput& input) {
  const std::vector<ListView> lists = {ListView(input.arguments[0])};
  FIRN_TRY(const ElementPool pool, ElementPool::Make({lists[0].values(), input.arguments[1].array}, input.context.limits));
  return MapLists(input, lists, pool, [&](int64_t row, ListMaker* maker) {
    const int64_t removed = pool.Base(1) + (input.arguments[1].is_constant ? 0 : row);
    for (int64_t at = lists[0].begin(row); at < lists[0].end(row); ++at) {
      if (!pool.AreEqual(at, removed)) maker->Add(at);
    }
  });
}

Result<Signature> BindOne(const CallSite& call) {
  if (call.types.size() != 1 || !IsArray(call.types[0])) return ArgumentError(call, "an array");
  return Signature{call.types, call.types[0]};
}

Result<Column> ArrayReverse(const KernelInput& input) {
  const std::vector<ListView> lists = {ListView(input.arguments[0])};
  FIRN_TRY(const ElementPool pool, ElementPool::Make({lists[0].values()}, input.context.limits));
  return MapLists(input, lists, pool, [&](int64_t row, ListMaker* maker) {
    for (int64_t at = lists[0].end(row); at-- > lists[0].begin(row);) maker->Add(at);
  });
}

Result<Column> Distinct(const KernelInput& input) {
  const std::vector<ListView> lists = {ListView(input.arguments[0])};
  FIRN_TRY(const ElementPool pool, ElementPool::Make({lists[0].values()}, input.context.limits));
  FIRN_TRY(ElementIndex distinct, ElementIndex::Make(input.result_type.element(), pool));
  return MapLists(input, lists, pool, [&](int64_t row, ListMaker* maker) {
    distinct.Clear();
    for (int64_t at = lists[0].begin(row); at < lists[0].end(row); ++at) {
      if (distinct.Insert(at).is_new) maker->Add(at);
    }
  });
}

Result<Signature> BindSet(const CallSite& call) {
  if (call.types.empty()) return ArgumentError(call, "arrays");
  for (const DataType& type : call.types) {
    if (!IsArray(type)) return ArgumentError(call, "arrays");
  }
  FIRN_TRY(DataType common, CommonType(call.types));
  DataType element = common.element();
  for (const DataType& type : call.types) element = element.WithNullable(element.nullable() || type.element().nullable());
  common = DataType::Array(element);
  return Signature{std::vector<DataType>(call.types.size(), common), Strict(common, call)};
}

Result<Signature> BindTwoArrays(const CallSite& call) {
  if (call.types.size() != 2) return ArgumentError(call, "two arrays");
  return BindSet(call);
}

Result<ElementPool> PoolOf(const std::vector<ListView>& lists, const Limits& limits) {
  std::vector<types::ArrayPtr> values;
  for (const ListView& list : lists) values.push_back(list.values());
  return ElementPool::Make(std::move(values), limits);
}

template <bool kDistinct>
Result<Column> ArrayConcat(const KernelInput& input) {
  const std::vector<ListView> lists(input.arguments.begin(), input.arguments.end());
  FIRN_TRY(const ElementPool pool, PoolOf(lists, input.context.limits));
  FIRN_TRY(ElementIndex distinct, ElementIndex::Make(input.result_type.element(), pool));
  return MapLists(input, lists, pool, [&](int64_t row, ListMaker* maker) {
    distinct.Clear();
    for (size_t i = 0; i < lists.size(); ++i) {
      for (int64_t at = lists[i].begin(row); at < lists[i].end(row); ++at) {
        const int64_t element = pool.Base(i) + at;
        if (!kDistinct || distinct.Insert(element).is_new) maker->Add(element);
      }
    }
  });
}

// INTERSECT: distinct elements that are in both. EXCEPT: distinct elements of the first that are not in the second.
template <bool kIn>
Result<Column> Compare(const KernelInput& input) {
  const std::vector<ListView> lists(input.arguments.begin(), input.arguments.end());
  FIRN_TRY(const ElementPool pool, PoolOf(lists, input.context.limits));
  FIRN_TRY(ElementIndex others, ElementIndex::Make(input.result_type.element(), pool));
  FIRN_TRY(ElementIndex distinct, ElementIndex::Make(input.result_type.element(), pool));
  return MapLists(input, lists, pool, [&](int64_t row, ListMaker* maker) {
    others.Clear();
    distinct.Clear();
    for (int64_t at = lists[1].begin(row); at < lists[1].end(row); ++at) others.Insert(pool.Base(1) + at);
    for (int64_t at = lists[0].begin(row); at < lists[0].end(row); ++at) {
      if (others.Contains(at) == kIn && distinct.Insert(at).is_new) maker->Add(at);
    }
  });
}

Result<Signature> BindSlice(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kArray, Want::kBigInt, Want::kBigInt}, 2, "ARRAY_SLICE(array, first[, last])"));
  DataType result = Strict(types[0], call);
  return Signature{std::move(types), std::move(result)};
}

// From `first` to `last`, both included; negative ones count from the end; 0 is 1.
Result<Column> Slice(const KernelInput& input) {
  const std::vector<ListView> lists = {ListView(input.arguments[0])};
  const FixedView<int64_t> firsts(input.arguments[1]);
  const bool has_last = input.arguments.size() == 3;
  const FixedView<int64_t> lasts(input.arguments[has_last ? 2 : 1]);
  FIRN_TRY(const ElementPool pool, ElementPool::Make({lists[0].values()}, input.context.limits));
  ListMaker maker(input.context.limits);
  for (int64_t row = 0; row < input.row_count && !maker.is_full(); ++row) {
    if (!lists[0].IsValid(row) || !firsts.IsValid(row) || !lasts.IsValid(row)) {
      maker.EndNull();
      continue;
    }
    const int64_t count = lists[0].end(row) - lists[0].begin(row);
    const auto place = [&](int64_t at) { return at > 0 ? at : at == 0 ? 1 : count + at + 1; };
    const int64_t first = std::max<int64_t>(place(firsts[row]), 1);
    const int64_t last = std::min(has_last ? place(lasts[row]) : count, count);
    for (int64_t at = first; at <= last; ++at) maker.Add(lists[0].begin(row) + at - 1);
    maker.EndRow();
  }
  FIRN_TRY(types::ArrayPtr values, pool.Take(maker.elements()));
  return maker.FinishList(input.result_type, values);
}

// --- order ---

Result<Signature> BindSort(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kArray, Want::kBoolean, Want::kBoolean}, 1, "ARRAY_SORT(array[, ascending[, nulls first]])"));
  if (types[0].element().IsNested()) return ArgumentError(call, "an array of values that have an order");
  DataType result = Strict(types[0], call);
  return Signature{std::move(types), std::move(result)};
}

// NULLs stand first in ascending and last in descending order, unless told.
Result<Column> Sort(const KernelInput& input) {
  const std::vector<ListView> lists = {ListView(input.arguments[0])};
  FIRN_TRY(const ElementPool pool, ElementPool::Make({lists[0].values()}, input.context.limits));
  FIRN_TRY(const std::vector<int64_t> ranks, pool.Ranks());
  FIRN_ASSERT(input.arguments.size() <= 3, "ARRAY_SORT of {} arguments", input.arguments.size());
  std::vector<BooleanView> options;
  for (size_t i = 1; i < input.arguments.size(); ++i) options.emplace_back(input.arguments[i]);
  ListMaker maker(input.context.limits);
  std::vector<int64_t> elements;
  for (int64_t row = 0; row < input.row_count && !maker.is_full(); ++row) {
    if (!lists[0].IsValid(row) || !std::all_of(options.begin(), options.end(), [&](const BooleanView& option) { return option.IsValid(row); })) {
      maker.EndNull();
      continue;
    }
    const bool is_ascending = options.empty() || options[0][row];
    const bool nulls_first = options.size() > 1 ? options[1][row] : is_ascending;
    elements.clear();
    for (int64_t at = lists[0].begin(row); at < lists[0].end(row); ++at) elements.push_back(at);
    std::stable_sort(elements.begin(), elements.end(), [&](int64_t left, int64_t right) {
      if (pool.IsNull(left) != pool.IsNull(right)) return pool.IsNull(left) == nulls_first;
      return is_ascending ? ranks[static_cast<size_t>(left)] < ranks[static_cast<size_t>(right)] : ranks[static_cast<size_t>(left)] > ranks[static_cast<size_t>(right)];
    });
    for (int64_t element : elements) maker.Add(element);
    maker.EndRow();
  }
  FIRN_TRY(types::ArrayPtr values, pool.Take(maker.elements()));
  return maker.FinishList(input.result_type, values);
}

Result<Signature> BindArrayExtreme(const CallSite& call) {
  if (call.types.size() != 1 || !IsArray(call.types[0]) || call.types[0].element().IsNested()) return ArgumentError(call, "an array of values that have an order");
  return Signature{call.types, call.types[0].element().WithNullable(true)};
}

template <bool kLargest>
Result<Column> ArrayExtreme(const KernelInput& input) {
  const ListView lists(input.arguments[0]);
  FIRN_TRY(const ElementPool pool, ElementPool::Make({lists.values()}, input.context.limits));
  FIRN_TRY(const std::vector<int64_t> ranks, pool.Ranks());
  std::vector<int64_t> elements(static_cast<size_t>(input.row_count), -1);
  for (int64_t row = 0; row < input.row_count; ++row) {
    if (!lists.IsValid(row)) continue;
    int64_t& best = elements[static_cast<size_t>(row)];
    for (int64_t at = lists.begin(row); at < lists.end(row); ++at) {
      if (pool.IsNull(at)) continue;
      if (best < 0 || (ranks[static_cast<size_t>(at)] > ranks[static_cast<size_t>(best)]) == kLargest) best = at;
    }
  }
  FIRN_TRY(types::ArrayPtr array, pool.Take(elements));
  return Column{std::move(array), false};
}

// --- arrays and texts ---

Result<Signature> BindJoin(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kArray, Want::kText, Want::kText}, 2, "ARRAY_JOIN(array of strings, separator[, text for NULL])"));
  if (!types[0].element().IsCharacter()) return ArgumentError(call, "an array of strings");
  return Signature{std::move(types), Strict(DataType::String(), call)};
}

Result<Column> Join(const KernelInput& input) {
  const ListView lists(input.arguments[0]);
  const auto& texts = static_cast<const arrow::BinaryArray&>(*lists.values());
  const StringView separators(input.arguments[1]);
  const bool has_null_text = input.arguments.size() == 3;
  const StringView null_texts(input.arguments[has_null_text ? 2 : 1]);
  const Limits& limits = input.context.limits;
  auto maker = MakerOf<std::string>(input);
  std::string out;
  for (int64_t row = 0; row < input.row_count && !maker.is_full(); ++row) {
    if (!lists.IsValid(row) || !separators.IsValid(row) || !null_texts.IsValid(row)) {
      maker.SetNull(row);
      continue;
    }
    out.clear();
    bool is_first = true;
    for (int64_t at = lists.begin(row); at < lists.end(row); ++at) {
      if (texts.IsNull(at) && !has_null_text) continue;
      if (!is_first) out.append(separators[row]);
      out.append(texts.IsNull(at) ? null_texts[row] : texts.GetView(at));
      is_first = false;
      if (static_cast<int64_t>(out.size()) > limits.text_bytes) return TextTooLong("ARRAY_JOIN", limits);
    }
    maker.Set(row, out);
  }
  return maker.Finish(false);
}

Result<Signature> BindSplit(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kText, Want::kText}, 2, "SPLIT(string, separator)"));
  return Signature{std::move(types), Strict(DataType::Array(DataType::String()), call)};
}

// Calls `visit` with each part; an empty separator stands between any two characters.
template <typename Visit>
void ForEachPart(std::string_view text, std::string_view separator, const Visit& visit) {
  if (separator.empty()) {
    while (!text.empty()) {
      const std::string_view c = CodePoints(text.substr(0, 4), 0, 1);
      visit(c);
      text.remove_prefix(c.size());
    }
    return;
  }
  for (size_t end = text.find(separator); end != std::string_view::npos; end = text.find(separator)) {
    visit(text.substr(0, end));
    text.remove_prefix(end + separator.size());
  }
  visit(text);
}

Result<Column> Split(const KernelInput& input) {
  const StringView texts(input.arguments[0]);
  const StringView separators(input.arguments[1]);
  TextElements values(input.context.limits);
  ListMaker maker(input.context.limits);
  for (int64_t row = 0; row < input.row_count && !values.is_full(); ++row) {
    if (!texts.IsValid(row) || !separators.IsValid(row)) {
      maker.EndNull();
      continue;
    }
    ForEachPart(texts[row], separators[row], [&](std::string_view part) {
      maker.Add(values.count());
      values.Append(part);
    });
    maker.EndRow();
  }
  FIRN_TRY(types::ArrayPtr array, values.Finish());
  return maker.FinishList(input.result_type, array);
}

Result<Signature> BindStrToMap(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kText, Want::kText, Want::kText}, 1, "STR_TO_MAP(string[, list separator, key separator])"));
  if (types.size() == 2) return ArgumentError(call, "both separators or none");
  return Signature{std::move(types), DataType::Map(DataType::String(), DataType::String())};
}

// "a=1", or "b": a pair without a separator has no value.
void AppendPair(std::string_view pair, std::string_view separator, TextElements* keys, TextElements* items) {
  const size_t at = separator.empty() ? std::string_view::npos : pair.find(separator);
  keys->Append(pair.substr(0, at));
  at == std::string_view::npos ? items->AppendNull() : items->Append(pair.substr(at + separator.size()));
}

Result<Column> StrToMap(const KernelInput& input) {
  const StringView texts(input.arguments[0]);
  const bool has_separators = input.arguments.size() == 3;
  TextElements keys(input.context.limits), items(input.context.limits);
  std::vector<int64_t> ends;  // of the rows, in keys and items; -1: NULL
  for (int64_t row = 0; row < input.row_count && !keys.is_full() && !items.is_full(); ++row) {
    const bool is_valid = texts.IsValid(row) && (!has_separators || (StringView(input.arguments[1]).IsValid(row) && StringView(input.arguments[2]).IsValid(row)));
    if (!is_valid) {
      ends.push_back(-1);
      continue;
    }
    const std::string_view between = has_separators ? StringView(input.arguments[1])[row] : std::string_view(",");
    const std::string_view within = has_separators ? StringView(input.arguments[2])[row] : std::string_view("=");
    std::string_view text = texts[row];
    while (!between.empty() && text.ends_with(between)) text.remove_suffix(between.size());  // empty parts at the end are none, as in Java
    if (!text.empty()) ForEachPart(text, between, [&](std::string_view part) { AppendPair(part, within, &keys, &items); });
    ends.push_back(keys.count());
  }
  FIRN_ASSERT(keys.count() == items.count() || keys.is_full() || items.is_full(), "{} keys, {} values", keys.count(), items.count());
  FIRN_TRY(types::ArrayPtr key_array, keys.Finish());
  FIRN_TRY(types::ArrayPtr item_array, items.Finish());
  FIRN_TRY(MapMaker maker, MapMaker::Make(input.result_type.key(), {key_array}, {item_array}, input.context.limits));
  int64_t entry = 0;
  for (const int64_t end : ends) {
    if (end < 0) {
      maker.EndNull();
      continue;
    }
    for (; entry < end; ++entry) maker.Add(0, entry, entry);
    maker.EndRow();
  }
  return maker.Finish(input.result_type);
}

}  // namespace

std::vector<ScalarFunction> ArrayFunctions() {
  std::vector<ScalarFunction> functions = {
      {{"ARRAY_CONTAINS"}, "collection", "ARRAY_CONTAINS(array, value)", "Whether the value is an element.", {{"ARRAY_CONTAINS(ARRAY[1, 2], 2)", "TRUE"}}, BindSearch<BooleanType>, Contains, true, false},
      {{"ARRAY_POSITION"}, "collection", "ARRAY_POSITION(array, value)", "Where the value first stands, from 1; 0 if nowhere.", {{"ARRAY_POSITION(ARRAY[7, 8], 8)", "2"}}, BindSearch<IntType>, ArrayPosition, true, false},
      {{"ARRAY_APPEND"}, "collection", "ARRAY_APPEND(array, value)", "With the value behind.", {{"ARRAY_APPEND(ARRAY[1], 2)", "[1, 2]"}}, BindWithElement, AddElement<false>, true, false},
      {{"ARRAY_PREPEND"}, "collection", "ARRAY_PREPEND(array, value)", "With the value in front.", {{"ARRAY_PREPEND(ARRAY[1], 0)", "[0, 1]"}}, BindWithElement, AddElement<true>, true, false},
      {{"ARRAY_REMOVE"}, "collection", "ARRAY_REMOVE(array, value)", "Without the elements that equal the value.", {{"ARRAY_REMOVE(ARRAY[1, 2, 1], 1)", "[2]"}}, BindRemove, Remove, true, false},
      {{"ARRAY_REVERSE"}, "collection", "ARRAY_REVERSE(array)", "In reverse order.", {{"ARRAY_REVERSE(ARRAY[1, 2])", "[2, 1]"}}, BindOne, ArrayReverse},
      {{"ARRAY_DISTINCT"}, "collection", "ARRAY_DISTINCT(array)", "Each element once.", {{"ARRAY_DISTINCT(ARRAY[1, 2, 1])", "[1, 2]"}}, BindOne, Distinct},
      {{"ARRAY_UNION"}, "collection", "ARRAY_UNION(array, array)", "Each element of both once.", {{"ARRAY_UNION(ARRAY[1, 2], ARRAY[2, 3])", "[1, 2, 3]"}}, BindTwoArrays, ArrayConcat<true>},
      {{"ARRAY_CONCAT"}, "collection", "ARRAY_CONCAT(array, ...)", "All elements in a row.", {{"ARRAY_CONCAT(ARRAY[1, 2], ARRAY[2])", "[1, 2, 2]"}}, BindSet, ArrayConcat<false>},
      {{"ARRAY_INTERSECT"}, "collection", "ARRAY_INTERSECT(array, array)", "Each element of the first that is in the second, once.", {{"ARRAY_INTERSECT(ARRAY[1, 2], ARRAY[2])", "[2]"}}, BindTwoArrays, Compare<true>},
      {{"ARRAY_EXCEPT"}, "collection", "ARRAY_EXCEPT(array, array)", "Each element of the first that is not in the second, once.", {{"ARRAY_EXCEPT(ARRAY[1, 2], ARRAY[2])", "[1]"}}, BindTwoArrays, Compare<false>},
      {{"ARRAY_SLICE"}, "collection", "ARRAY_SLICE(array, first[, last])", "The elements from one place to another.", {{"ARRAY_SLICE(ARRAY[1, 2, 3], 2, 3)", "[2, 3]"}}, BindSlice, Slice},
      {{"ARRAY_SORT"}, "collection", "ARRAY_SORT(array[, ascending[, nulls first]])", "In order.", {{"ARRAY_SORT(ARRAY[3, 1, 2])", "[1, 2, 3]"}}, BindSort, Sort},
      {{"ARRAY_MAX"}, "collection", "ARRAY_MAX(array)", "The largest element.", {{"ARRAY_MAX(ARRAY[3, 1, 2])", "3"}}, BindArrayExtreme, ArrayExtreme<true>},
      {{"ARRAY_MIN"}, "collection", "ARRAY_MIN(array)", "The smallest element.", {{"ARRAY_MIN(ARRAY[3, 1, 2])", "1"}}, BindArrayExtreme, ArrayExtreme<false>},
      {{"ARRAY_JOIN"}, "collection", "ARRAY_JOIN(array, separator[, text for NULL])", "The texts in a row with separators.", {{"ARRAY_JOIN(ARRAY['a', 'b'], '-')", "a-b"}}, BindJoin, Join},
      {{"SPLIT"}, "collection", "SPLIT(string, separator)", "The parts of a separated text.", {{"SPLIT('a,b', ',')", "[a, b]"}}, BindSplit, Split},
      {{"STR_TO_MAP"}, "string", "STR_TO_MAP(string[, list separator, key separator])", "A map of keys and values in a text.", {{"STR_TO_MAP('k1=v1,k2=v2')", "{k1=v1, k2=v2}"}}, BindStrToMap, StrToMap},
  };
  return functions;
}

}  // namespace firn::expr
