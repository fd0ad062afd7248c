// SPDX-License-Identifier: Apache-2.0
// Conversions follow Flink's JsonToRowDataConverters: numbers from text are trimmed, a fraction going to an integer is cut off, any
// scalar becomes text, an unknown word is FALSE.
#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/compute/api_vector.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/ascii.h"
#include "base/assert.h"
#include "base/base64.h"
#include "formats/json_reader_internal.h"
#include "formats/record_format.h"
#include "formats/text_value.h"
#include "types/arrow_result.h"

namespace firn::formats {

namespace {

using simdjson::ondemand::json_type;
using simdjson::ondemand::value;

// The validity of a column, as bytes until it is finished: cheap to append and to cut.
class Validity {
 public:
  void Append(bool valid) {
    flags_.push_back(valid ? 1 : 0);
    nulls_ += valid ? 0 : 1;
  }
  int64_t size() const { return static_cast<int64_t>(flags_.size()); }
  void CutTo(int64_t size) {
    FIRN_ASSERT(size >= 0 && size <= this->size(), "{} rows are cut to {}", this->size(), size);
    for (int64_t i = size; i < this->size(); ++i) nulls_ -= flags_[static_cast<size_t>(i)] ? 0 : 1;
    flags_.resize(static_cast<size_t>(size));
  }
  void Reserve(int64_t rows) { flags_.reserve(static_cast<size_t>(rows)); }
  int64_t null_count() const { return nulls_; }
  // Null when there are no NULLs. Empties this.
  std::shared_ptr<arrow::Buffer> Finish() {
    std::shared_ptr<arrow::Buffer> bitmap;
    if (nulls_ > 0) {
      std::vector<uint8_t> bits((flags_.size() + 7) / 8, 0);
      for (size_t i = 0; i < flags_.size(); ++i) bits[i / 8] |= static_cast<uint8_t>(flags_[i] << (i % 8));
      bitmap = arrow::Buffer::FromVector(std::move(bits));
    }
    flags_.clear();
    nulls_ = 0;
    return bitmap;
  }

 private:
  std::vector<uint8_t> flags_;
  int64_t nulls_ = 0;
};

// The text of a scalar as Jackson's asText gives it: strings unescaped, numbers and words as written. NULL and containers have none.
ReadOutcome TextOf(value& from, std::string_view* text) {
  json_type type{};
  if (from.type().get(type) != simdjson::SUCCESS) return ReadOutcome::kBadJson;
  switch (type) {
    case json_type::string: return from.get_string().get(*text) == simdjson::SUCCESS ? ReadOutcome::kOk : ReadOutcome::kBadJson;
    case json_type::object:
    case json_type::array: return ReadOutcome::kBadValue;
    case json_type::number: *text = TrimBlanks(from.raw_json_token()); return ReadOutcome::kOk;
    case json_type::boolean:
      *text = TrimBlanks(from.raw_json_token());
      return *text == "true" || *text == "false" ? ReadOutcome::kOk : ReadOutcome::kBadJson;
    case json_type::null: return TrimBlanks(from.raw_json_token()) == "null" ? ReadOutcome::kBadValue : ReadOutcome::kBadJson;
  }
  return ReadOutcome::kBadJson;
}

// A value that is written as text: `parse` gives an optional.
template <typename T, typename Parse>
ReadOutcome ConvertText(value& from, T* out, const Parse& parse) {
  std::string_view text;
  if (ReadOutcome outcome = TextOf(from, &text); outcome != ReadOutcome::kOk) return outcome;
  const auto parsed = parse(text);
  if (!parsed) return ReadOutcome::kBadValue;
  *out = *parsed;
  return ReadOutcome::kOk;
}

// digits / 10^scale, negative or not.
struct PlainNumber {
  uint64_t digits = 0;
  int scale = 0;
  bool is_negative = false;
};

constexpr int kPlainDigitsMax = 18;
constexpr double kPowersOfTen[kPlainDigitsMax + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};


// A JSON number without exponent of up to kPlainDigitsMax digits; its end, nullptr: it is another kind of value. kRecordPadding bytes may be read.
const char* ReadPlainNumber(const char* at, PlainNumber* number) {
  static_assert(kRecordPadding > kPlainDigitsMax + 3);
  number->is_negative = *at == '-';
  const char* const begin = at += number->is_negative ? 1 : 0;
  uint64_t digits = 0;
  for (; base::IsDigit(*at) && at - begin <= kPlainDigitsMax; ++at) digits = digits * 10 + static_cast<uint64_t>(*at - '0');
  const std::ptrdiff_t whole = at - begin;
  if (whole == 0 || (*begin == '0' && whole > 1)) return nullptr;
  std::ptrdiff_t count = whole;
  if (*at == '.') {
    const char* const fraction = ++at;
    for (; base::IsDigit(*at) && count + (at - fraction) <= kPlainDigitsMax; ++at) digits = digits * 10 + static_cast<uint64_t>(*at - '0');
    number->scale = static_cast<int>(at - fraction);
    if (number->scale == 0) return nullptr;
    count += number->scale;
  }
  number->digits = digits;
  return count > kPlainDigitsMax || *at == 'e' || *at == 'E' ? nullptr : at;
}

// A column of fixed-width values; Derived::Convert turns one value into T.
template <typename Derived, typename T>
class FixedReader : public JsonReader {
 public:
  explicit FixedReader(const types::DataType& type) : arrow_type_(type.ToArrow()) {}

  ReadOutcome Read(value from) final {
    T converted{};
    const ReadOutcome outcome = static_cast<Derived*>(this)->Convert(from, &converted);
    if (outcome == ReadOutcome::kOk) {
      values_.push_back(converted);
      validity_.Append(true);
      return outcome;
    }
    bool is_null = false;
    if (from.is_null().get(is_null) != simdjson::SUCCESS) return ReadOutcome::kBadJson;
    if (is_null) {
      AppendNull();
      return ReadOutcome::kOk;
    }
    return outcome;
  }
  const char* ReadPlain(const char* at) final {
    T converted{};
    const char* end = static_cast<Derived*>(this)->ConvertPlain(at, &converted);
    if (end == nullptr) return nullptr;
    values_.push_back(converted);
    validity_.Append(true);
    return end;
  }
  const char* ConvertPlain(const char* /*at*/, T* /*out*/) { return nullptr; }
  void AppendNull() final {
    values_.push_back(T{});
    validity_.Append(false);
  }
  int64_t row_count() const final { return validity_.size(); }
  void CutTo(int64_t rows) final {
    values_.resize(static_cast<size_t>(rows));
    validity_.CutTo(rows);
  }
  void Reserve(int64_t rows) final {
    values_.reserve(static_cast<size_t>(rows));
    validity_.Reserve(rows);
  }
  Result<types::ArrayPtr> Finish() final {
    const int64_t rows = row_count();
    const int64_t nulls = validity_.null_count();
    FIRN_ASSERT(static_cast<int64_t>(values_.size()) == rows, "{} values of {} rows", values_.size(), rows);
    auto data = arrow::ArrayData::Make(arrow_type_, rows, {validity_.Finish(), arrow::Buffer::FromVector(std::move(values_))}, nulls);
    values_ = {};
    return arrow::MakeArray(std::move(data));
  }

 private:
  std::shared_ptr<arrow::DataType> arrow_type_;
  std::vector<T> values_;
  Validity validity_;
};

template <typename T>
class IntegerReader final : public FixedReader<IntegerReader<T>, T> {
 public:
  using FixedReader<IntegerReader<T>, T>::FixedReader;
  const char* ConvertPlain(const char* at, T* out) {
    PlainNumber number;
    const char* end = ReadPlainNumber(at, &number);
    if (end == nullptr || number.scale != 0) return nullptr;
    const int64_t value = number.is_negative ? -static_cast<int64_t>(number.digits) : static_cast<int64_t>(number.digits);
    *out = static_cast<T>(value);
    return *out == value ? end : nullptr;
  }
  ReadOutcome Convert(value& from, T* out) {
    int64_t number = 0;
    if (from.get_int64().get(number) == simdjson::SUCCESS) {
      *out = static_cast<T>(number);
      return *out == number ? ReadOutcome::kOk : ReadOutcome::kBadValue;
    }
    std::string_view text;
    if (ReadOutcome outcome = TextOf(from, &text); outcome != ReadOutcome::kOk) return outcome;
    if (ParseIntegerText(text, out)) return ReadOutcome::kOk;
    json_type type{};
    double fraction = 0;  // 3.9 -> 3, only for a JSON number
    if (from.type().get(type) == simdjson::SUCCESS && type == json_type::number && ParseDoubleText(text, &fraction)) {
      if (!(fraction > static_cast<double>(std::numeric_limits<T>::min()) - 1 &&
            fraction < static_cast<double>(std::numeric_limits<T>::max()) + 1)) {
        return ReadOutcome::kBadValue;
      }
      *out = static_cast<T>(fraction);
      return ReadOutcome::kOk;
    }
    return ReadOutcome::kBadValue;
  }
};

template <typename T>
class FloatReader final : public FixedReader<FloatReader<T>, T> {
 public:
  using FixedReader<FloatReader<T>, T>::FixedReader;
  // Digits up to 2^53 and powers of ten up to 10^22 are doubles without rounding, so that their quotient is rounded once, as it must be.
  const char* ConvertPlain(const char* at, T* out) {
    PlainNumber number;
    const char* end = ReadPlainNumber(at, &number);
    if (end == nullptr || number.digits > (uint64_t{1} << 53)) return nullptr;
    const double value = static_cast<double>(number.digits) / kPowersOfTen[number.scale];
    *out = static_cast<T>(number.is_negative ? -value : value);
    return end;
  }
  ReadOutcome Convert(value& from, T* out) {
    double number = 0;
    if (from.get_double().get(number) != simdjson::SUCCESS) {
      std::string_view text;
      if (ReadOutcome outcome = TextOf(from, &text); outcome != ReadOutcome::kOk) return outcome;
      if (!ParseDoubleText(text, &number)) return ReadOutcome::kBadValue;
    }
    *out = static_cast<T>(number);
    return ReadOutcome::kOk;
  }
};

// A decimal as Arrow stores it.
using DecimalBytes = std::array<uint8_t, 16>;

class DecimalReader final : public FixedReader<DecimalReader, DecimalBytes> {
 public:
  explicit DecimalReader(const types::DataType& type) : FixedReader(type), type_(type) {}
  // From the number's text, so that no digit is lost on the way through a double.
  ReadOutcome Convert(value& from, DecimalBytes* out) {
    std::string_view text;
    if (ReadOutcome outcome = TextOf(from, &text); outcome != ReadOutcome::kOk) return outcome;
    arrow::Decimal128 number;
    if (!ParseDecimalText(text, type_, &number)) return ReadOutcome::kBadValue;
    *out = number.ToBytes();
    return ReadOutcome::kOk;
  }

 private:
  const types::DataType type_;
};

class DateReader final : public FixedReader<DateReader, int32_t> {
 public:
  using FixedReader::FixedReader;
  ReadOutcome Convert(value& from, int32_t* out) { return ConvertText(from, out, ParseIsoDate); }
};

class TimeReader final : public FixedReader<TimeReader, int32_t> {
 public:
  using FixedReader::FixedReader;
  ReadOutcome Convert(value& from, int32_t* out) {
    int64_t nanos = 0;
    const ReadOutcome outcome = ConvertText(from, &nanos, ParseIsoTime);
    *out = static_cast<int32_t>(nanos / 1'000'000'000 * 1000);  // TIME has whole seconds in Flink's formats
    return outcome;
  }
};

class TimestampReader final : public FixedReader<TimestampReader, int64_t> {
 public:
  TimestampReader(const types::DataType& type, TimestampStyle style)
      : FixedReader(type), type_(type), style_(style) {}
  ReadOutcome Convert(value& from, int64_t* out) {
    return ConvertText(from, out, [this](std::string_view text) { return ParseTimestampText(text, type_, style_); });
  }

 private:
  const types::DataType type_;
  const TimestampStyle style_;
};

class BooleanReader final : public JsonReader {
 public:
  ReadOutcome Read(value from) final {
    bool flag = false;
    if (from.get_bool().get(flag) != simdjson::SUCCESS) {
      bool is_null = false;
      if (from.is_null().get(is_null) != simdjson::SUCCESS) return ReadOutcome::kBadJson;
      if (is_null) return AppendNull(), ReadOutcome::kOk;
      std::string_view text;
      if (ReadOutcome outcome = TextOf(from, &text); outcome != ReadOutcome::kOk) return outcome;
      text = TrimBlanks(text);
      flag = text.size() == 4 && (text[0] | 32) == 't' && (text[1] | 32) == 'r' && (text[2] | 32) == 'u' && (text[3] | 32) == 'e';
    }
    values_.push_back(flag ? 1 : 0);
    validity_.Append(true);
    return ReadOutcome::kOk;
  }
  void AppendNull() final {
    values_.push_back(0);
    validity_.Append(false);
  }
  int64_t row_count() const final { return validity_.size(); }
  void CutTo(int64_t rows) final {
    values_.resize(static_cast<size_t>(rows));
    validity_.CutTo(rows);
  }
  void Reserve(int64_t rows) final {
    values_.reserve(static_cast<size_t>(rows));
    validity_.Reserve(rows);
  }
  Result<types::ArrayPtr> Finish() final {
    const int64_t rows = row_count();
    const int64_t nulls = validity_.null_count();
    FIRN_ASSERT(static_cast<int64_t>(values_.size()) == rows, "{} values of {} rows", values_.size(), rows);
    std::vector<uint8_t> bits((values_.size() + 7) / 8, 0);
    for (size_t i = 0; i < values_.size(); ++i) bits[i / 8] |= static_cast<uint8_t>(values_[i] << (i % 8));
    values_.clear();
    return arrow::MakeArray(arrow::ArrayData::Make(arrow::boolean(), rows,
                                                   {validity_.Finish(), arrow::Buffer::FromVector(std::move(bits))}, nulls));
  }

 private:
  std::vector<uint8_t> values_;
  Validity validity_;
};

constexpr size_t kPlainTextMax = kRecordPadding - 2;  // between the quotes

// ASCII that stands for itself in a JSON string.
bool IsPlainText(char c) { return static_cast<int8_t>(c) >= 0x20 && c != '"' && c != '\\'; }

// Text and bytes: offsets and data as Arrow wants them.
class StringReader final : public JsonReader {
 public:
  explicit StringReader(const types::DataType& type) : arrow_type_(type.ToArrow()), is_bytes_(type.IsBytes()) {}

  ReadOutcome Read(value from) final {
    std::string_view text;
    if (from.get_string().get(text) == simdjson::SUCCESS) return is_bytes_ ? AppendBase64(text) : Append(text);
    json_type type{};
    if (from.type().get(type) != simdjson::SUCCESS) return ReadOutcome::kBadJson;
    if (type == json_type::string) return ReadOutcome::kBadJson;  // broken escape or UTF-8
    if (type == json_type::null) {
      bool is_null = false;
      if (from.is_null().get(is_null) != simdjson::SUCCESS || !is_null) return ReadOutcome::kBadJson;
      return AppendNull(), ReadOutcome::kOk;
    }
    if (is_bytes_) return ReadOutcome::kBadValue;
    if (type == json_type::object || type == json_type::array) return AppendContainer(from);
    if (ReadOutcome outcome = TextOf(from, &text); outcome != ReadOutcome::kOk) return outcome;
    return Append(text);
  }
  // ASCII without escapes, of less than kRecordPadding bytes.
  const char* ReadPlain(const char* at) final {
    if (is_bytes_ || *at != '"') return nullptr;
    const char* const begin = at + 1;
    const char* end = begin;
    while (IsPlainText(*end) && end - begin < static_cast<std::ptrdiff_t>(kPlainTextMax)) ++end;
    if (*end != '"') return nullptr;
    return Append({begin, static_cast<size_t>(end - begin)}) == ReadOutcome::kOk ? end + 1 : nullptr;
  }
  void AppendNull() final {
    ends_.push_back(static_cast<int32_t>(data_.size()));
    validity_.Append(false);
  }
  int64_t row_count() const final { return validity_.size(); }
  void CutTo(int64_t rows) final {
    ends_.resize(static_cast<size_t>(rows) + 1);
    data_.resize(static_cast<size_t>(ends_.back()));
    validity_.CutTo(rows);
  }
  void Reserve(int64_t rows) final {
    ends_.reserve(static_cast<size_t>(rows) + 1);
    validity_.Reserve(rows);
  }
  Result<types::ArrayPtr> Finish() final {
    const int64_t rows = row_count();
    const int64_t nulls = validity_.null_count();
    FIRN_ASSERT(static_cast<int64_t>(ends_.size()) == rows + 1 && static_cast<size_t>(ends_.back()) == data_.size(), "{} texts that end at {} of {} bytes", rows, ends_.back(), data_.size());
    auto data = arrow::ArrayData::Make(arrow_type_, rows,
                                       {validity_.Finish(), arrow::Buffer::FromVector(std::move(ends_)), arrow::Buffer::FromString(std::move(data_))},
                                       nulls);
    ends_ = {0};
    data_ = {};
    return arrow::MakeArray(std::move(data));
  }

 private:
  ReadOutcome Append(std::string_view text) {
    if (data_.size() + text.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) return ReadOutcome::kBadValue;
    data_.append(text);
    ends_.push_back(static_cast<int32_t>(data_.size()));
    validity_.Append(true);
    return ReadOutcome::kOk;
  }
  ReadOutcome AppendBase64(std::string_view text) {
    const auto bytes = base::DecodeBase64(text);
    return bytes ? Append(*bytes) : ReadOutcome::kBadValue;
  }
  // Objects and arrays as text, without the white space between tokens.
  ReadOutcome AppendContainer(value& from) {
    std::string_view raw;
    if (simdjson::to_json_string(from).get(raw) != simdjson::SUCCESS) return ReadOutcome::kBadJson;
    std::string text(raw.size(), '\0');
    size_t size = 0;
    if (simdjson::minify(raw.data(), raw.size(), text.data(), size) != simdjson::SUCCESS) return ReadOutcome::kBadJson;
    return Append(std::string_view(text).substr(0, size));
  }

  std::shared_ptr<arrow::DataType> arrow_type_;
  bool is_bytes_;
  std::vector<int32_t> ends_ = {0};
  std::string data_;
  Validity validity_;
};

class ArrayReader final : public JsonReader {
 public:
  ArrayReader(const types::DataType& type, std::unique_ptr<JsonReader> element)
      : arrow_type_(type.ToArrow()), element_(std::move(element)) {}

  ReadOutcome Read(value from) final {
    simdjson::ondemand::array items;
    if (from.get_array().get(items) != simdjson::SUCCESS) {
      bool is_null = false;
      if (from.is_null().get(is_null) != simdjson::SUCCESS) return ReadOutcome::kBadJson;
      return is_null ? (AppendNull(), ReadOutcome::kOk) : ReadOutcome::kBadValue;
    }
    const int64_t begin = element_->row_count();
    for (auto item : items) {
      value inner;
      if (item.get(inner) != simdjson::SUCCESS) return element_->CutTo(begin), ReadOutcome::kBadJson;
      const ReadOutcome outcome = element_->Read(inner);
      if (outcome == ReadOutcome::kBadValue) element_->AppendNull();
      if (outcome == ReadOutcome::kBadJson) return element_->CutTo(begin), outcome;
    }
    ends_.push_back(static_cast<int32_t>(element_->row_count()));
    validity_.Append(true);
    return ReadOutcome::kOk;
  }
  void AppendNull() final {
    ends_.push_back(ends_.back());
    validity_.Append(false);
  }
  int64_t row_count() const final { return validity_.size(); }
  void CutTo(int64_t rows) final {
    ends_.resize(static_cast<size_t>(rows) + 1);
    element_->CutTo(ends_.back());
    validity_.CutTo(rows);
  }
  void Reserve(int64_t rows) final { validity_.Reserve(rows); }
  Result<types::ArrayPtr> Finish() final {
    const int64_t rows = row_count();
    const int64_t nulls = validity_.null_count();
    FIRN_TRY(types::ArrayPtr items, element_->Finish());
    FIRN_ASSERT(static_cast<int64_t>(ends_.size()) == rows + 1 && ends_.back() == items->length(), "{} arrays that end at {} of {} elements", rows, ends_.back(), items->length());
    auto data = arrow::ArrayData::Make(arrow_type_, rows, {validity_.Finish(), arrow::Buffer::FromVector(std::move(ends_))},
                                       {items->data()}, nulls);
    ends_ = {0};
    return arrow::MakeArray(std::move(data));
  }

 private:
  std::shared_ptr<arrow::DataType> arrow_type_;
  std::unique_ptr<JsonReader> element_;
  std::vector<int32_t> ends_ = {0};
  Validity validity_;
};

class MapReader final : public JsonReader {
 public:
  MapReader(const types::DataType& type, std::unique_ptr<JsonReader> item)
      : arrow_type_(type.ToArrow()), keys_(type.key()), items_(std::move(item)) {}

  ReadOutcome Read(value from) final {
    simdjson::ondemand::object entries;
    if (from.get_object().get(entries) != simdjson::SUCCESS) {
      bool is_null = false;
      if (from.is_null().get(is_null) != simdjson::SUCCESS) return ReadOutcome::kBadJson;
      return is_null ? (AppendNull(), ReadOutcome::kOk) : ReadOutcome::kBadValue;
    }
    const size_t begin = key_ends_.size();
    for (auto entry : entries) {
      std::string_view key;
      value inner;
      if (entry.unescaped_key().get(key) != simdjson::SUCCESS || entry.value().get(inner) != simdjson::SUCCESS) return CutEntries(begin);
      key_data_.append(key);
      key_ends_.push_back(static_cast<int32_t>(key_data_.size()));
      const ReadOutcome outcome = items_->Read(inner);
      if (outcome == ReadOutcome::kBadValue) items_->AppendNull();
      if (outcome == ReadOutcome::kBadJson) return CutEntries(begin);
    }
    ends_.push_back(static_cast<int32_t>(key_ends_.size() - 1));
    validity_.Append(true);
    has_repeated_keys_ = has_repeated_keys_ || HasRepeatedKey(begin - 1, key_ends_.size() - 1);
    return ReadOutcome::kOk;
  }
  void AppendNull() final {
    ends_.push_back(ends_.back());
    validity_.Append(false);
  }
  int64_t row_count() const final { return validity_.size(); }
  void CutTo(int64_t rows) final {
    ends_.resize(static_cast<size_t>(rows) + 1);
    CutEntries(static_cast<size_t>(ends_.back()) + 1);
    validity_.CutTo(rows);
  }
  void Reserve(int64_t rows) final { validity_.Reserve(rows); }
  Result<types::ArrayPtr> Finish() final {
    const int64_t rows = row_count();
    const int64_t nulls = validity_.null_count();
    const auto entry_count = static_cast<int64_t>(key_ends_.size()) - 1;
    FIRN_ASSERT(static_cast<int64_t>(ends_.size()) == rows + 1 && static_cast<size_t>(key_ends_.back()) == key_data_.size(), "{} objects whose keys end at {} of {} bytes", rows, key_ends_.back(),
                key_data_.size());
    FIRN_TRY(types::ArrayPtr items, items_->Finish());
    types::ArrayPtr keys;
    if (has_repeated_keys_) {
      FIRN_TRY(keys, Kept(&items));
    } else {
      keys = arrow::MakeArray(arrow::ArrayData::Make(keys_.ToArrow(), entry_count, {nullptr, arrow::Buffer::FromVector(std::move(key_ends_)), arrow::Buffer::FromString(std::move(key_data_))}, 0));
    }
    FIRN_ASSERT(keys->length() == items->length() && keys->length() == ends_.back(), "{} keys, {} values, {} entries", keys->length(), items->length(), ends_.back());
    const auto& map_type = static_cast<const arrow::MapType&>(*arrow_type_);
    auto entries = arrow::ArrayData::Make(map_type.value_type(), keys->length(), {nullptr}, {keys->data(), items->data()}, 0);
    auto data = arrow::ArrayData::Make(arrow_type_, rows, {validity_.Finish(), arrow::Buffer::FromVector(std::move(ends_))}, {entries}, nulls);
    ends_ = {0};
    key_ends_ = {0};
    key_data_ = {};
    has_repeated_keys_ = false;
    return arrow::MakeArray(std::move(data));
  }

 private:
  std::string_view KeyAt(size_t entry) const {
    return std::string_view(key_data_).substr(static_cast<size_t>(key_ends_[entry]), static_cast<size_t>(key_ends_[entry + 1] - key_ends_[entry]));
  }

  bool HasRepeatedKey(size_t begin, size_t end) const {
    constexpr size_t kFew = 8;  // compared pair by pair, without memory of their own
    if (end - begin > kFew) {
      std::unordered_set<std::string_view> keys;
      for (size_t entry = begin; entry < end; ++entry) keys.insert(KeyAt(entry));
      return keys.size() < end - begin;
    }
    for (size_t entry = begin; entry < end; ++entry) {
      for (size_t before = begin; before < entry; ++before) {
        if (KeyAt(before) == KeyAt(entry)) return true;
      }
    }
    return false;
  }

  // Of a key that an object has more than once the last value counts, at the place of the first. Gives the keys, and brings values and ends_ into line.
  Result<types::ArrayPtr> Kept(types::ArrayPtr* items) {
    arrow::StringBuilder keys;
    arrow::Int64Builder taken;
    std::vector<int32_t> ends = {0};
    std::vector<std::pair<std::string_view, int64_t>> entries;
    for (size_t row = 0; row + 1 < ends_.size(); ++row) {
      entries.clear();
      std::unordered_map<std::string_view, size_t> places;
      for (auto entry = static_cast<size_t>(ends_[row]); entry < static_cast<size_t>(ends_[row + 1]); ++entry) {
        const auto [place, is_new] = places.try_emplace(KeyAt(entry), entries.size());
        if (is_new) entries.emplace_back(KeyAt(entry), 0);
        entries[place->second].second = static_cast<int64_t>(entry);
      }
      for (const auto& [key, entry] : entries) {
        FIRN_RETURN_IF_ERROR(types::FromArrowStatus(keys.Append(key)));
        FIRN_RETURN_IF_ERROR(types::FromArrowStatus(taken.Append(entry)));
      }
      ends.push_back(static_cast<int32_t>(keys.length()));
    }
    FIRN_TRY(const auto indices, types::FromArrowResult(taken.Finish()));
    FIRN_TRY(*items, types::FromArrowResult(arrow::compute::Take(**items, *indices, arrow::compute::TakeOptions::NoBoundsCheck())));
    FIRN_TRY(const auto texts, types::FromArrowResult(keys.Finish()));
    ends_ = std::move(ends);
    auto data = texts->data()->Copy();
    data->type = keys_.ToArrow();
    return arrow::MakeArray(std::move(data));
  }

  ReadOutcome CutEntries(size_t key_end_count) {
    key_ends_.resize(key_end_count);
    key_data_.resize(static_cast<size_t>(key_ends_.back()));
    items_->CutTo(static_cast<int64_t>(key_end_count) - 1);
    return ReadOutcome::kBadJson;
  }

  std::shared_ptr<arrow::DataType> arrow_type_;
  types::DataType keys_;
  std::unique_ptr<JsonReader> items_;
  std::vector<int32_t> ends_ = {0};
  std::vector<int32_t> key_ends_ = {0};
  std::string key_data_;
  bool has_repeated_keys_ = false;
  Validity validity_;
};

class RowReader final : public JsonReader {
 public:
  RowReader(const types::DataType& type, std::vector<std::unique_ptr<JsonReader>> fields)
      : type_(type), fields_(std::move(fields)) {}

  ReadOutcome Read(value from) final {
    simdjson::ondemand::object entries;
    if (from.get_object().get(entries) != simdjson::SUCCESS) {
      bool is_null = false;
      if (from.is_null().get(is_null) != simdjson::SUCCESS) return ReadOutcome::kBadJson;
      return is_null ? (AppendNull(), ReadOutcome::kOk) : ReadOutcome::kBadValue;
    }
    const int64_t row = row_count();
    for (auto entry : entries) {
      std::string_view key;
      value inner;
      if (entry.unescaped_key().get(key) != simdjson::SUCCESS || entry.value().get(inner) != simdjson::SUCCESS) return Undo(row);
      JsonReader* field = Find(key);
      if (field == nullptr) {
        if (!SkipValue(inner)) return Undo(row);
        continue;
      }
      field->CutTo(row);
      const ReadOutcome outcome = field->Read(inner);
      if (outcome == ReadOutcome::kBadValue) field->AppendNull();
      if (outcome == ReadOutcome::kBadJson) return Undo(row);
    }
    for (auto& field : fields_) {
      if (field->row_count() == row) field->AppendNull();
    }
    validity_.Append(true);
    return ReadOutcome::kOk;
  }
  void AppendNull() final {
    for (auto& field : fields_) field->AppendNull();
    validity_.Append(false);
  }
  int64_t row_count() const final { return validity_.size(); }
  void CutTo(int64_t rows) final {
    for (auto& field : fields_) field->CutTo(rows);
    validity_.CutTo(rows);
  }
  void Reserve(int64_t rows) final {
    for (auto& field : fields_) field->Reserve(rows);
    validity_.Reserve(rows);
  }
  Result<types::ArrayPtr> Finish() final {
    const int64_t rows = row_count();
    const int64_t nulls = validity_.null_count();
    std::vector<std::shared_ptr<arrow::ArrayData>> children;
    for (auto& field : fields_) {
      FIRN_TRY(types::ArrayPtr child, field->Finish());
      FIRN_ASSERT(child->length() == rows, "a field of {} values in {} rows", child->length(), rows);
      children.push_back(child->data());
    }
    return arrow::MakeArray(arrow::ArrayData::Make(type_.ToArrow(), rows, {validity_.Finish()}, std::move(children), nulls));
  }

 private:
  JsonReader* Find(std::string_view key) const {
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (type_.fields()[i].name == key) return fields_[i].get();
    }
    return nullptr;
  }
  ReadOutcome Undo(int64_t row) {
    for (auto& field : fields_) {
      if (field->row_count() > row) field->CutTo(row);
    }
    return ReadOutcome::kBadJson;
  }

  types::DataType type_;
  std::vector<std::unique_ptr<JsonReader>> fields_;
  Validity validity_;
};

Result<std::unique_ptr<JsonReader>> MakeNestedReader(const types::DataType& type, const JsonReadOptions& options) {
  if (type.kind() == types::TypeKind::kArray) {
    FIRN_TRY(auto element, MakeJsonReader(type.element(), options));
    return std::unique_ptr<JsonReader>(std::make_unique<ArrayReader>(type, std::move(element)));
  }
  if (type.kind() == types::TypeKind::kMap) {
    if (!type.key().IsCharacter()) {
      return Error(ErrorCode::kNotSupported, fmt::format("JSON cannot hold a {}: its keys are not text", type.ToString())).Hint("declare the keys STRING");
    }
    FIRN_TRY(auto item, MakeJsonReader(type.value(), options));
    return std::unique_ptr<JsonReader>(std::make_unique<MapReader>(type, std::move(item)));
  }
  std::vector<std::unique_ptr<JsonReader>> fields;
  for (const types::Field& field : type.fields()) {
    FIRN_TRY(auto reader, MakeJsonReader(field.type, options));
    fields.push_back(std::move(reader));
  }
  return std::unique_ptr<JsonReader>(std::make_unique<RowReader>(type, std::move(fields)));
}

}  // namespace

bool SkipValue(value from) {
  json_type type{};
  if (from.type().get(type) != simdjson::SUCCESS) return false;
  switch (type) {
    case json_type::number: {
      simdjson::ondemand::number number;
      if (from.get_number().get(number) == simdjson::SUCCESS) return true;
      double large = 0;  // an integer beyond 64 bits is still JSON
      return ParseDoubleText(from.raw_json_token(), &large);
    }
    case json_type::boolean: {
      bool flag = false;
      return from.get_bool().get(flag) == simdjson::SUCCESS;
    }
    case json_type::null: {
      bool is_null = false;
      return from.is_null().get(is_null) == simdjson::SUCCESS && is_null;
    }
    default: return true;
  }
}

Result<std::unique_ptr<JsonReader>> MakeJsonReader(const types::DataType& type, const JsonReadOptions& options) {
  using types::TypeKind;
  std::unique_ptr<JsonReader> reader;
  switch (type.kind()) {
    case TypeKind::kBoolean: reader = std::make_unique<BooleanReader>(); break;
    case TypeKind::kTinyInt: reader = std::make_unique<IntegerReader<int8_t>>(type); break;
    case TypeKind::kSmallInt: reader = std::make_unique<IntegerReader<int16_t>>(type); break;
    case TypeKind::kInt: reader = std::make_unique<IntegerReader<int32_t>>(type); break;
    case TypeKind::kBigInt: reader = std::make_unique<IntegerReader<int64_t>>(type); break;
    case TypeKind::kFloat: reader = std::make_unique<FloatReader<float>>(type); break;
    case TypeKind::kDouble: reader = std::make_unique<FloatReader<double>>(type); break;
    case TypeKind::kDecimal: reader = std::make_unique<DecimalReader>(type); break;
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kBinary:
    case TypeKind::kVarbinary: reader = std::make_unique<StringReader>(type); break;
    case TypeKind::kDate: reader = std::make_unique<DateReader>(type); break;
    case TypeKind::kTime: reader = std::make_unique<TimeReader>(type); break;
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: reader = std::make_unique<TimestampReader>(type, options.timestamps); break;
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kRow: return MakeNestedReader(type, options);
    case TypeKind::kNull:
    case TypeKind::kIntervalYearMonth:
    case TypeKind::kIntervalDayTime:
      return Error(ErrorCode::kNotSupported, fmt::format("the json format has no values of type {}", type.ToString())).Hint("declare a STRING, or a number of months or milliseconds");
  }
  return reader;
}

}  // namespace firn::formats
