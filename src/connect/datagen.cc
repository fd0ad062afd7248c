// SPDX-License-Identifier: Apache-2.0
#include "connect/datagen.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/assert.h"
#include "base/hash.h"
#include "connect/options.h"
#include "connect/stateless_sink_internal.h"
#include "io/clock.h"
#include "io/executor.h"
#include "io/random.h"
#include "types/arrow_result.h"

namespace firn::connect {

namespace {

using types::DataType;
using types::TypeKind;

constexpr int64_t kDefaultRowsPerSecond = 10'000;
constexpr int kDefaultTextLength = 100;
constexpr int kMaxTextLength = 1 << 20;
constexpr int kDefaultElements = 3;            // of an ARRAY or a MAP
constexpr int64_t kMaxRowBytes = 32 << 20;     // of one row, by the rules of its columns
constexpr int64_t kBatchTextBytes = 32 << 20;  // texts of one batch of rows
constexpr double kLastExact = 9e15;  // whole numbers up to here are doubles

const std::vector<OptionRule>& DatagenOptions() {
  static const std::vector<OptionRule>* const rules = new std::vector<OptionRule>{
      {"rows-per-second", OptionKind::kInteger, false, {}, "how many rows come a second (10000)"},
      {"number-of-rows", OptionKind::kInteger, false, {}, "how many rows there are; without it the table never ends"},
      {"scan.parallelism", OptionKind::kInteger, false, {}, "accepted; the rows are made by one task"},
      {"seed", OptionKind::kInteger, false, {}, "makes the random values repeatable"},
      {"fields.*", OptionKind::kText, false, {}, "fields.NAME.kind, .min, .max, .max-past, .length, .start, .end, .null-rate; NAME is a.element in an ARRAY a, m.key and m.value in a MAP m, r.f of a ROW r"},
  };
  return *rules;
}

// The rule of one column, or of a part of one.
struct ColumnRule {
  DataType type;
  bool is_sequence = false;
  double min = 0, max = 0;
  int64_t start = 0, end = std::numeric_limits<int64_t>::max();
  int length = kDefaultTextLength;
  int64_t max_past_ms = 0;
  double null_rate = 0;
  uint64_t seed = 0;
  std::vector<ColumnRule> parts = {};  // what an ARRAY, a MAP or a ROW holds
};

/// By name, as options name them.
std::vector<types::Field> PartsOf(const types::Field& field) {
  const DataType& type = field.type;
  std::vector<types::Field> parts;
  if (type.kind() == TypeKind::kArray) parts.push_back({field.name + ".element", type.element()});
  if (type.kind() == TypeKind::kMap) parts = {{field.name + ".key", type.key()}, {field.name + ".value", type.value()}};
  if (type.kind() == TypeKind::kRow) {
    for (const types::Field& part : type.fields()) parts.push_back({field.name + "." + part.name, part.type});
  }
  return parts;
}
bool IsCollection(const DataType& type) { return type.kind() == TypeKind::kArray || type.kind() == TypeKind::kMap; }

/// About.
int64_t BytesOf(const ColumnRule& rule) {
  int64_t parts = rule.parts.empty() ? 1 : 0;
  for (const ColumnRule& part : rule.parts) parts = std::min(parts + BytesOf(part), 2 * kMaxRowBytes);
  const bool is_long = rule.type.IsCharacter() || rule.type.IsBytes() || IsCollection(rule.type);
  return std::min(is_long ? 16 + parts * rule.length : 8 * parts, 2 * kMaxRowBytes);
}

double DefaultMin(TypeKind kind) {
  switch (kind) {
    case TypeKind::kTinyInt: return -128;
    case TypeKind::kSmallInt: return -32768;
    case TypeKind::kInt: return -2147483648.0;
    case TypeKind::kBigInt: return -9223372036854775808.0;
    default: return 0;
  }
}
double DefaultMax(const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kTinyInt: return 127;
    case TypeKind::kSmallInt: return 32767;
    case TypeKind::kInt: return 2147483647.0;
    case TypeKind::kBigInt: return 9223372036854774784.0;  // the largest double below 2^63
    case TypeKind::kDecimal: return std::pow(10.0, std::min(type.precision() - type.scale(), 15)) - 1;
    case TypeKind::kIntervalYearMonth: return 10'000 * 12;
    case TypeKind::kIntervalDayTime: return 10'000.0 * 365 * 86'400'000;
    default: return 1;
  }
}

Result<double> NumberOption(const plan::TableDefinition& table, const std::string& key, double otherwise) {
  auto found = table.options.find(key);
  if (found == table.options.end()) return otherwise;
  double value = 0;
  const std::string& text = found->second;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return Error(ErrorCode::kInvalidOption, fmt::format("'{}' is '{}'; it takes a number", key, text));
  }
  return value;
}

void Seed(ColumnRule& rule, uint64_t seed, const std::string& column) {
  rule.seed = base::CombineHashes(seed, base::HashBytes(column));
  for (size_t i = 0; i < rule.parts.size(); ++i) Seed(rule.parts[i], rule.seed, std::to_string(i));
}

Result<ColumnRule> MakePlainRule(const plan::TableDefinition& table, const types::Field& field) {
  ColumnRule rule;
  rule.type = field.type;
  const std::string prefix = "fields." + field.name + ".";
  const std::string kind = table.Option(prefix + "kind", "random");
  if (field.type.kind() == TypeKind::kNull) {
    return Error(ErrorCode::kNotSupported, fmt::format("datagen makes no values of type {} (column `{}`)", field.type.ToString(), field.name)).Hint("declare the column with a type, or leave it out");
  }
  if (kind != "random" && kind != "sequence") {
    return Error(ErrorCode::kInvalidOption, fmt::format("'{}kind' is '{}'; it takes 'random' or 'sequence'", prefix, kind));
  }
  rule.is_sequence = kind == "sequence";
  FIRN_TRY(rule.min, NumberOption(table, prefix + "min", DefaultMin(field.type.kind())));
  FIRN_TRY(rule.max, NumberOption(table, prefix + "max", DefaultMax(field.type)));
  FIRN_TRY(rule.null_rate, NumberOption(table, prefix + "null-rate", 0));
  FIRN_TRY(double length, NumberOption(table, prefix + "length", IsCollection(field.type) ? kDefaultElements : std::min(field.type.length() > 0 ? field.type.length() : kDefaultTextLength, kDefaultTextLength)));
  FIRN_TRY(double start, NumberOption(table, prefix + "start", 0));
  FIRN_TRY(double end, NumberOption(table, prefix + "end", kLastExact));
  if (rule.min > rule.max) {
    return Error(ErrorCode::kInvalidOption, fmt::format("'{0}min' is {1} and '{0}max' is {2}: no value lies between", prefix, rule.min, rule.max));
  }
  if (field.type.IsInteger() && (rule.min < DefaultMin(field.type.kind()) || rule.max > DefaultMax(field.type))) {
    return Error(ErrorCode::kInvalidOption, fmt::format("'{0}min' is {1} and '{0}max' is {2}: values of {3} do not go so far", prefix, rule.min, rule.max, field.type.ToString()));
  }
  if (std::abs(start) > kLastExact || end < -kLastExact) {
    return Error(ErrorCode::kInvalidOption, fmt::format("'{0}start' is {1} and '{0}end' is {2}: a sequence goes from -{3} to {3} at most", prefix, start, end, kLastExact));
  }
  if (rule.null_rate < 0 || rule.null_rate > 1) {
    return Error(ErrorCode::kInvalidOption, fmt::format("'{}null-rate' is {}; it takes 0 to 1", prefix, rule.null_rate));
  }
  if (length < 0 || length > kMaxTextLength) {
    return Error(ErrorCode::kInvalidOption, fmt::format("'{}length' is {}; it takes 0 to {}", prefix, length, kMaxTextLength));
  }
  if (rule.is_sequence && !(field.type.IsNumeric() || field.type.IsCharacter())) {
    return Error(ErrorCode::kInvalidOption, fmt::format("'{}kind' is 'sequence', and `{}` is a {}: only numbers and text count up", prefix, field.name, field.type.ToString()));
  }
  rule.length = static_cast<int>(length);
  rule.start = static_cast<int64_t>(start);
  rule.end = static_cast<int64_t>(std::min(end, kLastExact));
  auto past = table.options.find(prefix + "max-past");
  if (past != table.options.end()) {
    FIRN_TRY(rule.max_past_ms, ParseDurationMs(past->second));
  }
  return rule;
}

Result<ColumnRule> MakeNestedRule(const plan::TableDefinition& table, const types::Field& field) {
  FIRN_TRY(ColumnRule rule, MakePlainRule(table, field));
  for (const types::Field& part : PartsOf(field)) {
    FIRN_TRY(ColumnRule made, MakeNestedRule(table, part));
    if (made.is_sequence) return Error(ErrorCode::kInvalidOption, fmt::format("'fields.{}.kind' is 'sequence': only whole columns count up", part.name)).Hint("leave it out: parts of a column are random");
    rule.parts.push_back(std::move(made));
  }
  return rule;
}

Result<ColumnRule> MakeRule(const plan::TableDefinition& table, const types::Field& field, uint64_t seed) {
  FIRN_TRY(ColumnRule rule, MakeNestedRule(table, field));
  Seed(rule, seed, field.name);
  if (!rule.parts.empty() && BytesOf(rule) > kMaxRowBytes) {
    return Error(ErrorCode::kInvalidOption, fmt::format("a row of `{}` would take more than {} bytes: give its parts a shorter 'fields.{}...length'", field.name, kMaxRowBytes, field.name));
  }
  return rule;
}

// Uniform in [0, 1), a function of the column's seed and the row's number.
double Uniform(const ColumnRule& rule, int64_t row) {
  return static_cast<double>(base::CombineHashes(rule.seed, static_cast<uint64_t>(row)) >> 11) * 0x1.0p-53;
}

bool IsNull(const ColumnRule& rule, int64_t row) { return rule.null_rate > 0 && Uniform({.seed = rule.seed ^ 0x6e756c6cu}, row) < rule.null_rate; }

template <typename Builder, typename Function>
Result<types::ArrayPtr> Fill(Builder& builder, const ColumnRule& rule, int64_t first, int64_t count, Function&& value) {
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.Reserve(count)));
  for (int64_t row = first; row < first + count; ++row) {
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(IsNull(rule, row) ? builder.AppendNull() : builder.Append(value(row))));
  }
  return types::FromArrowResult(builder.Finish());
}

template <typename Builder>
Result<types::ArrayPtr> FillNumbers(const ColumnRule& rule, int64_t first, int64_t count) {
  using Number = typename Builder::value_type;
  Builder builder;
  return Fill(builder, rule, first, count, [&](int64_t row) -> Number {
    if (rule.is_sequence) return static_cast<Number>(rule.start + row);
    if constexpr (std::is_floating_point_v<Number>) return static_cast<Number>(rule.min + Uniform(rule, row) * (rule.max - rule.min));
    return static_cast<Number>(std::floor(rule.min + Uniform(rule, row) * (rule.max - rule.min + 1)));
  });
}

std::string RandomHex(const ColumnRule& rule, int64_t row) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(static_cast<size_t>(rule.length), '0');
  uint64_t bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i % 16 == 0) bits = base::CombineHashes(rule.seed + i, static_cast<uint64_t>(row));
    text[i] = kDigits[bits & 15];
    bits >>= 4;
  }
  return text;
}

Result<types::ArrayPtr> FillColumn(const ColumnRule& rule, int64_t first, int64_t count, int64_t now_ms);

/// The parts of the rows are columns of their own, of which each row takes the next `length` (an ARRAY or MAP) or one (a ROW).
Result<types::ArrayPtr> FillNested(const ColumnRule& rule, int64_t first, int64_t count, int64_t now_ms) {
  const int64_t each = IsCollection(rule.type) ? rule.length : 1;
  std::vector<types::ArrayPtr> parts;
  for (const ColumnRule& part : rule.parts) {
    FIRN_TRY(types::ArrayPtr values, FillColumn(part, first * each, count * each, now_ms));
    parts.push_back(std::move(values));
  }
  FIRN_TRY(std::unique_ptr<arrow::ArrayBuilder> builder, types::FromArrowResult(arrow::MakeBuilder(rule.type.ToArrow())));
  for (int64_t row = 0; row < count; ++row) {
    if (IsNull(rule, first + row)) {
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder->AppendNull()));
      continue;
    }
    std::vector<arrow::ArrayBuilder*> into;
    if (auto* list = dynamic_cast<arrow::ListBuilder*>(builder.get())) {
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(list->Append()));
      into = {list->value_builder()};
    } else if (auto* map = dynamic_cast<arrow::MapBuilder*>(builder.get())) {
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(map->Append()));
      into = {map->key_builder(), map->item_builder()};
    } else {
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(static_cast<arrow::StructBuilder&>(*builder).Append()));
      for (size_t i = 0; i < parts.size(); ++i) into.push_back(builder->child(static_cast<int>(i)));
    }
    for (size_t i = 0; i < parts.size(); ++i) FIRN_RETURN_IF_ERROR(types::FromArrowStatus(into[i]->AppendArraySlice(arrow::ArraySpan(*parts[i]->data()), row * each, each)));
  }
  return types::FromArrowResult(builder->Finish());
}

Result<types::ArrayPtr> FillColumn(const ColumnRule& rule, int64_t first, int64_t count, int64_t now_ms) {
  switch (rule.type.kind()) {
    case TypeKind::kBoolean: {
      arrow::BooleanBuilder builder;
      return Fill(builder, rule, first, count, [&](int64_t row) { return Uniform(rule, row) < 0.5; });
    }
    case TypeKind::kTinyInt: return FillNumbers<arrow::Int8Builder>(rule, first, count);
    case TypeKind::kSmallInt: return FillNumbers<arrow::Int16Builder>(rule, first, count);
    case TypeKind::kIntervalYearMonth:
    case TypeKind::kInt: return FillNumbers<arrow::Int32Builder>(rule, first, count);
    case TypeKind::kIntervalDayTime:
    case TypeKind::kBigInt: return FillNumbers<arrow::Int64Builder>(rule, first, count);
    case TypeKind::kFloat: return FillNumbers<arrow::FloatBuilder>(rule, first, count);
    case TypeKind::kDouble: return FillNumbers<arrow::DoubleBuilder>(rule, first, count);
    case TypeKind::kDecimal: {
      arrow::Decimal128Builder builder(rule.type.ToArrow());
      return Fill(builder, rule, first, count, [&](int64_t row) {
        const double value = rule.is_sequence ? static_cast<double>(rule.start + row) : rule.min + Uniform(rule, row) * (rule.max - rule.min);
        return arrow::Decimal128::FromReal(value, rule.type.precision(), rule.type.scale()).ValueOr(arrow::Decimal128(0));
      });
    }
    case TypeKind::kChar:
    case TypeKind::kVarchar: {
      arrow::StringBuilder builder;
      return Fill(builder, rule, first, count, [&](int64_t row) { return rule.is_sequence ? std::to_string(rule.start + row) : RandomHex(rule, row); });
    }
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: {
      arrow::BinaryBuilder builder;
      return Fill(builder, rule, first, count, [&](int64_t row) { return RandomHex(rule, row); });
    }
    case TypeKind::kDate: {
      arrow::Date32Builder builder;
      return Fill(builder, rule, first, count, [&](int64_t) { return static_cast<int32_t>(now_ms / 86'400'000); });
    }
    case TypeKind::kTime: {
      arrow::Time32Builder builder(rule.type.ToArrow(), arrow::default_memory_pool());
      return Fill(builder, rule, first, count, [&](int64_t) { return static_cast<int32_t>(now_ms % 86'400'000); });
    }
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: {
      arrow::TimestampBuilder builder(rule.type.ToArrow(), arrow::default_memory_pool());
      const int64_t units = rule.type.precision() <= 6 ? 1000 : 1'000'000;
      return Fill(builder, rule, first, count, [&](int64_t row) {
        return (now_ms - static_cast<int64_t>(Uniform(rule, row) * static_cast<double>(rule.max_past_ms))) * units;
      });
    }
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kRow: return FillNested(rule, first, count, now_ms);
    default: FIRN_UNREACHABLE("datagen column of type {}", rule.type.ToString());
  }
}

class DatagenSource final : public exec::Source {
 public:
  DatagenSource(const io::Environment& environment, types::SchemaPtr schema, std::vector<ColumnRule> rules, uint64_t seed, int64_t rows_per_second,
                int64_t row_limit, std::unique_ptr<io::TaskQueue> timer_queue)
      : environment_(environment),
        schema_(std::move(schema)),
        rules_(std::move(rules)),
        seed_(seed),
        rows_per_second_(rows_per_second),
        row_limit_(row_limit),
        batch_rows_(BatchRows(rules_)),
        timer_queue_(std::move(timer_queue)) {}

  int partition_count() const override { return 1; }
  void SetWaker(std::function<void()> waker) override { waker_ = std::move(waker); }

  Result<exec::PollResult> Poll(int, int64_t max_rows) override {
    exec::PollResult result;
    result.rows.schema = schema_;
    const int64_t now_us = environment_.clock.MonotonicUs();
    if (started_us_ < 0) {
      started_us_ = now_us;
      started_row_ = next_row_;
    }
    const double elapsed_rows = static_cast<double>(now_us - started_us_) * 1e-6 * static_cast<double>(rows_per_second_);
    const int64_t due = started_row_ + 1 + static_cast<int64_t>(std::min(elapsed_rows, 4e18));
    const int64_t count = std::min({max_rows, batch_rows_, due - next_row_, row_limit_ - next_row_});
    if (count > 0) {
      for (const ColumnRule& rule : rules_) {
        FIRN_TRY(types::ArrayPtr column, FillColumn(rule, next_row_, count, environment_.clock.WallTimeMs()));
        result.rows.columns.push_back(std::move(column));
      }
      result.rows.row_count = count;
      next_row_ += count;
      FIRN_ASSERT(next_row_ <= row_limit_, "row {} of {}", next_row_, row_limit_);
    }
    if (next_row_ >= row_limit_) {
      result.state = exec::PollState::kEnded;
    } else if (next_row_ >= due) {
      result.state = exec::PollState::kBlocked;
      // Wakes for a tenth of a second's worth of rows at once, or for the next single row of a slow table.
      const int64_t wait_us = std::max<int64_t>(1'000'000 / rows_per_second_, std::min<int64_t>(100'000, int64_t{8192} * 1'000'000 / rows_per_second_));
      timer_queue_->PostAfter(wait_us, waker_);
    }
    return result;
  }

  // With the seed: a job that comes back goes on with the same sequence of values.
  Result<std::string> Positions() const override { return fmt::format("{} {}", next_row_, seed_); }
  Status Seek(const std::string& positions) override {
    const char* const end = positions.data() + positions.size();
    auto [blank, status] = std::from_chars(positions.data(), end, next_row_);
    bool is_good = status == std::errc() && next_row_ >= 0;
    if (is_good && blank != end) {
      auto [last, seed_status] = std::from_chars(blank + 1, end, seed_);
      is_good = *blank == ' ' && seed_status == std::errc() && last == end;
    }
    if (!is_good) return Error(ErrorCode::kCorruption, fmt::format("datagen position '{}' is no row number and seed", positions)).Hint("cancel the job and submit its statement again; it reads from the beginning");
    for (size_t i = 0; i < rules_.size(); ++i) Seed(rules_[i], seed_, schema_->field(i).name);
    return Ok();
  }
  std::vector<exec::PartitionStatus> Describe() const override {
    return {{.name = "datagen", .position = next_row_, .end_position = row_limit_ == std::numeric_limits<int64_t>::max() ? -1 : row_limit_}};
  }

 private:
  static int64_t BatchRows(const std::vector<ColumnRule>& rules) {
    int64_t row_bytes = 1;
    for (const ColumnRule& rule : rules) row_bytes += BytesOf(rule);
    return std::max<int64_t>(kBatchTextBytes / row_bytes, 1);
  }

  const io::Environment environment_;
  const types::SchemaPtr schema_;
  std::vector<ColumnRule> rules_;
  uint64_t seed_;
  const int64_t rows_per_second_;
  const int64_t row_limit_;
  const int64_t batch_rows_;
  int64_t next_row_ = 0;
  int64_t started_row_ = 0;
  int64_t started_us_ = -1;
  std::function<void()> waker_;
  std::unique_ptr<io::TaskQueue> timer_queue_;
};

class DatagenConnector final : public exec::Connector {
 public:
  explicit DatagenConnector(const io::Environment& environment) : environment_(environment) {}
  std::string name() const override { return "datagen"; }

  Result<plan::SourceTraits> DescribeSource(const plan::TableDefinition& table, bool) const override {
    FIRN_RETURN_IF_ERROR(CheckOptions(table, DatagenOptions()));
    FIRN_RETURN_IF_ERROR(CheckFieldNames(table));
    for (const plan::TableColumn& column : table.columns) {
      if (column.kind != plan::ColumnKind::kPhysical) continue;
      FIRN_RETURN_IF_ERROR(MakeRule(table, {column.name, column.type}, 0));
    }
    if (IntegerOption(table, "rows-per-second", 1) < 1) {
      return Error(ErrorCode::kInvalidOption, fmt::format("'rows-per-second' is {}; it takes 1 or more", table.Option("rows-per-second")));
    }
    plan::SourceTraits traits;
    traits.is_bounded = table.options.contains("number-of-rows") || HasSequence(table);
    traits.takes_projection = true;
    if (table.options.contains("number-of-rows")) traits.row_count = IntegerOption(table, "number-of-rows", 0);
    return traits;
  }
  Result<plan::SinkTraits> DescribeSink(const plan::TableDefinition& table, bool) const override { return RefuseSink(table); }

  Result<std::unique_ptr<exec::Source>> MakeSource(const plan::ScanNode& scan, const exec::JobIdentity&) override {
    const plan::TableDefinition& table = *scan.table;
    const uint64_t seed = table.options.contains("seed") ? static_cast<uint64_t>(IntegerOption(table, "seed", 0)) : environment_.random.Next();
    std::vector<ColumnRule> rules;
    for (const types::Field& field : scan.read_columns) {
      FIRN_TRY(ColumnRule rule, MakeRule(table, field, seed));
      rules.push_back(std::move(rule));
    }
    int64_t limit = IntegerOption(table, "number-of-rows", std::numeric_limits<int64_t>::max());
    for (const plan::TableColumn& column : table.columns) {  // the shortest sequence ends the table
      if (column.kind != plan::ColumnKind::kPhysical) continue;
      FIRN_TRY(ColumnRule rule, MakeRule(table, {column.name, column.type}, seed));
      if (rule.is_sequence) limit = std::min(limit, rule.end - rule.start + 1);
    }
    FIRN_TRY(auto timer_queue, environment_.executor.NewQueue("datagen"));
    return std::unique_ptr<exec::Source>(std::make_unique<DatagenSource>(environment_, types::MakeSchema(scan.read_columns), std::move(rules), seed,
                                                                         IntegerOption(table, "rows-per-second", kDefaultRowsPerSecond), std::max<int64_t>(0, limit), std::move(timer_queue)));
  }
  Result<exec::Sink> MakeSink(const plan::SinkNode& sink, const types::SchemaPtr&, int, const exec::JobIdentity&) override {
    return RefuseSink(*sink.table);
  }

 private:
  static bool HasSequence(const plan::TableDefinition& table) {
    return std::any_of(table.columns.begin(), table.columns.end(), [&](const plan::TableColumn& column) {
      return table.Option("fields." + column.name + ".kind") == "sequence";
    });
  }
  // 'fields.NAME.x' must name a column and a property.
  static Status CheckFieldNames(const plan::TableDefinition& table) {
    static const std::vector<std::string> kProperties = {"kind", "min", "max", "max-past", "length", "start", "end", "null-rate", "var-len"};
    std::vector<std::string> names;
    std::vector<types::Field> fields;
    for (const plan::TableColumn& column : table.columns) fields.push_back({column.name, column.type});
    for (size_t i = 0; i < fields.size(); ++i) {  // their parts come behind them
      names.push_back(fields[i].name);
      for (types::Field& part : PartsOf(fields[i])) fields.push_back(std::move(part));
    }
    for (const auto& [key, value] : table.options) {
      if (!key.starts_with("fields.")) continue;
      const size_t dot = key.rfind('.');
      const std::string name = dot > 7 ? key.substr(7, dot - 7) : std::string();
      const std::string property = key.substr(dot + 1);
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        return Error(ErrorCode::kInvalidOption, fmt::format("'{}' names no column of {}", key, table.path.ToString())).Hint(fmt::format("there are {}", fmt::join(names, ", "))).Candidates(base::NearNames(name, names));
      }
      if (std::find(kProperties.begin(), kProperties.end(), property) == kProperties.end()) {
        return Error(ErrorCode::kInvalidOption, fmt::format("'{}': datagen knows no '{}'", key, property)).Hint(fmt::format("it knows {}", fmt::join(kProperties, ", "))).Candidates(base::NearNames(property, kProperties));
      }
    }
    return Ok();
  }

  io::Environment environment_;
};

}  // namespace

std::unique_ptr<exec::Connector> MakeDatagenConnector(const io::Environment& environment) {
  return std::make_unique<DatagenConnector>(environment);
}

}  // namespace firn::connect
