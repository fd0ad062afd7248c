// SPDX-License-Identifier: Apache-2.0
#include "iceberg/transform.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>

#include "base/endian.h"
#include "types/temporal.h"

namespace firn::iceberg {

namespace {

constexpr std::string_view kTransformNames[] = {"identity", "bucket", "truncate", "year", "month", "day", "hour", "void"};
constexpr int64_t kMicrosPerHour = 3'600'000'000;


bool IsTimestamp(TypeId id) { return id >= TypeId::kTimestamp && id <= TypeId::kTimestampTzNs; }
bool IsNanos(TypeId id) { return id == TypeId::kTimestampNs || id == TypeId::kTimestampTzNs; }

int64_t HoursOf(const Type& source, int64_t value) { return types::FloorDivide(value, IsNanos(source.id) ? kMicrosPerHour * 1000 : kMicrosPerHour); }

int64_t DaysOf(const Type& source, const Literal& value) {
  if (const int32_t* days = value.get_if<int32_t>()) return *days;
  return types::FloorDivide(HoursOf(source, *value.get_if<int64_t>()), 24);
}

bool TakesType(const Transform& transform, TypeId id) {
  switch (transform.kind) {
    case TransformKind::kIdentity: return id < TypeId::kUnknown;
    case TransformKind::kBucket:
      return id < TypeId::kUnknown && id != TypeId::kBoolean && id != TypeId::kFloat && id != TypeId::kDouble;
    case TransformKind::kTruncate:
      return id == TypeId::kInt || id == TypeId::kLong || id == TypeId::kDecimal || id == TypeId::kString || id == TypeId::kBinary;
    case TransformKind::kYear:
    case TransformKind::kMonth:
    case TransformKind::kDay: return id == TypeId::kDate || IsTimestamp(id);
    case TransformKind::kHour: return IsTimestamp(id);
    case TransformKind::kVoid:
    case TransformKind::kUnknown: return true;
  }
  return false;
}

uint32_t Scramble(uint32_t k) { return std::rotl(k * 0xcc9e2d51u, 15) * 0x1b873593u; }

int32_t HashLong(int64_t value) {
  char bytes[8];
  base::StoreLittle(bytes, value);
  return Murmur3({bytes, 8});
}

Literal Truncate(const Transform& transform, const Type& source, const Literal& value) {
  if (const int32_t* number = value.get_if<int32_t>()) return Literal(static_cast<int32_t>(TruncateInteger(*number, transform.parameter)));
  if (const int64_t* number = value.get_if<int64_t>()) return Literal(TruncateInteger(*number, transform.parameter));
  if (const Int128* number = value.get_if<Int128>()) {
    const Int128 width = transform.parameter;
    return Literal(static_cast<Int128>(*number - ((*number % width) + width) % width));
  }
  const std::string& bytes = *value.get_if<std::string>();
  if (source.id == TypeId::kString) return Literal(std::string(TruncateText(bytes, transform.parameter)));
  return Literal(bytes.substr(0, static_cast<size_t>(transform.parameter)));
}

std::string MonthText(int64_t months) {
  const int64_t year = 1970 + types::FloorDivide(months, 12);
  return fmt::format("{:04}-{:02}", year, months - types::FloorDivide(months, 12) * 12 + 1);
}

}  // namespace

std::string Transform::ToString() const {
  if (kind == TransformKind::kUnknown) return text;
  const std::string_view name = kTransformNames[static_cast<int>(kind)];
  if (kind == TransformKind::kBucket || kind == TransformKind::kTruncate) return fmt::format("{}[{}]", name, parameter);
  return std::string(name);
}

Result<Transform> ParseTransform(std::string_view text) {
  for (int kind = 0; kind <= static_cast<int>(TransformKind::kVoid); ++kind) {
    Transform transform = Transform::Of(static_cast<TransformKind>(kind));
    const bool takes_parameter = transform.kind == TransformKind::kBucket || transform.kind == TransformKind::kTruncate;
    if (!takes_parameter && text == kTransformNames[kind]) return transform;
    if (!takes_parameter || !text.starts_with(kTransformNames[kind])) continue;
    std::string_view rest = text.substr(kTransformNames[kind].size());
    if (!rest.starts_with('[') || !rest.ends_with(']')) continue;
    rest = rest.substr(1, rest.size() - 2);
    auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), transform.parameter);
    if (code != std::errc() || end != rest.data() + rest.size() || transform.parameter <= 0) {
      return Error(ErrorCode::kInvalidMetadata, fmt::format("the transform `{}` needs a positive number in brackets", text));
    }
    return transform;
  }
  return Transform{TransformKind::kUnknown, 0, std::string(text)};
}

Result<Type> TransformResultType(const Transform& transform, const Type& source) {
  if (!TakesType(transform, source.id)) {
    return Error(ErrorCode::kInvalidDefinition, fmt::format("the transform {} does not take a column of type {}", transform.ToString(), source.ToString()));
  }
  switch (transform.kind) {
    case TransformKind::kBucket:
    case TransformKind::kYear:
    case TransformKind::kMonth:
    case TransformKind::kHour: return Type::Of(TypeId::kInt);
    case TransformKind::kDay: return Type::Of(TypeId::kDate);
    case TransformKind::kUnknown: return Type::Of(TypeId::kString);
    default: return source;
  }
}

Literal ApplyTransform(const Transform& transform, const Type& source, const Literal& value) {
  FIRN_ASSERT(transform.kind == TransformKind::kVoid || TakesType(transform, source.id), "{} of {}", transform.ToString(), source.ToString());
  FIRN_ASSERT((transform.kind != TransformKind::kBucket && transform.kind != TransformKind::kTruncate) || transform.parameter > 0, "{}", transform.ToString());
  if (value.is_null()) return Literal();
  switch (transform.kind) {
    case TransformKind::kIdentity: return value;
    case TransformKind::kBucket: return Literal(static_cast<int32_t>((BucketHash(source, value) & 0x7fffffff) % transform.parameter));
    case TransformKind::kTruncate: return Truncate(transform, source, value);
    case TransformKind::kYear: return Literal(static_cast<int32_t>(CivilFromDays(DaysOf(source, value)).year - 1970));
    case TransformKind::kMonth: {
      const CivilDate date = CivilFromDays(DaysOf(source, value));
      return Literal(static_cast<int32_t>((date.year - 1970) * 12 + date.month - 1));
    }
    case TransformKind::kDay: return Literal(static_cast<int32_t>(DaysOf(source, value)));
    case TransformKind::kHour: return Literal(static_cast<int32_t>(HoursOf(source, *value.get_if<int64_t>())));
    case TransformKind::kVoid:
    case TransformKind::kUnknown: return Literal();
  }
  FIRN_UNREACHABLE("transform {}", static_cast<int>(transform.kind));
}

std::string TransformValueText(const Transform& transform, const Type& source, const Literal& value) {
  const int32_t* number = value.get_if<int32_t>();
  switch (transform.kind) {
    case TransformKind::kYear:
      if (number != nullptr) return fmt::format("{:04}", 1970 + int64_t{*number});
      break;
    case TransformKind::kMonth:
      if (number != nullptr) return MonthText(*number);
      break;
    case TransformKind::kHour:
      if (number != nullptr) {
        const int64_t days = types::FloorDivide(*number, 24);
        return fmt::format("{}-{:02}", LiteralText(Type::Of(TypeId::kDate), Literal(static_cast<int32_t>(days))), *number - days * 24);
      }
      break;
    default: break;
  }
  if (value.is_null()) return "null";
  Result<Type> type = TransformResultType(transform, source);
  return type.ok() && LiteralFits(*type, value) ? LiteralText(*type, value) : "?";
}

int32_t Murmur3(std::string_view bytes) {
  uint32_t hash = 0;
  size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    hash = std::rotl(hash ^ Scramble(base::LoadLittle<uint32_t>(bytes.data() + at)), 13) * 5 + 0xe6546b64u;
  }
  uint32_t tail = 0;
  for (size_t i = bytes.size(); i > at; --i) tail = (tail << 8) | static_cast<uint8_t>(bytes[i - 1]);
  hash ^= Scramble(tail);
  hash ^= static_cast<uint32_t>(bytes.size());
  hash = (hash ^ (hash >> 16)) * 0x85ebca6bu;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35u;
  return static_cast<int32_t>(hash ^ (hash >> 16));
}

int32_t BucketHash(const Type& source, const Literal& value) {
  return std::visit(
      [&](const auto& content) -> int32_t {
        using T = std::decay_t<decltype(content)>;
        if constexpr (std::is_same_v<T, bool>) return HashLong(content ? 1 : 0);
        else if constexpr (std::is_same_v<T, int32_t>) return HashLong(content);
        else if constexpr (std::is_same_v<T, int64_t>) return HashLong(IsNanos(source.id) ? types::FloorDivide(content, 1000) : content);
        else if constexpr (std::is_same_v<T, Int128>) return Murmur3(EncodeDecimal(content));
        else if constexpr (std::is_same_v<T, std::string>) return Murmur3(content);
        else if constexpr (std::is_same_v<T, std::monostate>) return 0;
        else return HashLong(std::bit_cast<int64_t>(content == 0 ? 0.0 : static_cast<double>(content)));
      },
      value.content);
}

std::string_view TruncateText(std::string_view text, int64_t width) {
  size_t at = 0;
  for (int64_t points = 0; at < text.size(); ++at) {
    const bool is_start = (static_cast<uint8_t>(text[at]) & 0xc0) != 0x80;
    if (is_start && points++ == width) break;
  }
  return text.substr(0, at);
}

int64_t TruncateInteger(int64_t value, int32_t width) {
  FIRN_ASSERT(width > 0, "a width of {}", width);
  const int64_t remainder = (value % width + width) % width;
  return static_cast<int64_t>(static_cast<uint64_t>(value) - static_cast<uint64_t>(remainder));
}

}  // namespace firn::iceberg
