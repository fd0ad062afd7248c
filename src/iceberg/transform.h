// SPDX-License-Identifier: Apache-2.0
// Partition transforms: what a partition value is of a column's value. Source: Iceberg specification, "Partition Transforms" and appendix B.
// Over whole columns in transform_column.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "iceberg/literal.h"
#include "iceberg/schema.h"

namespace firn::iceberg {

enum class TransformKind : uint8_t {
  kIdentity,
  kBucket,
  kTruncate,
  kYear,
  kMonth,
  kDay,
  kHour,
  kVoid,
  kUnknown,  // of a later version: cannot prune, cannot be written to
};

/// A value type.
struct Transform {
  TransformKind kind = TransformKind::kIdentity;
  int32_t parameter = 0;  // bucket: how many; truncate: width
  std::string text;       // kUnknown: as written

  static Transform Of(TransformKind kind) { return {kind, 0, {}}; }
  static Transform Bucket(int32_t count) { return {TransformKind::kBucket, count, {}}; }
  static Transform Truncate(int32_t width) { return {TransformKind::kTruncate, width, {}}; }

  /// "bucket[16]", "day", ...
  std::string ToString() const;
  bool operator==(const Transform&) const = default;
};

/// Unknown names give kUnknown; kInvalidMetadata for a bad parameter.
Result<Transform> ParseTransform(std::string_view text);

/// The type of the partition field; kInvalidDefinition if the transform does not take the source's type.
Result<Type> TransformResultType(const Transform& transform, const Type& source);

/// NULL gives NULL. The transform takes the source's type.
Literal ApplyTransform(const Transform& transform, const Type& source, const Literal& value);

/// For paths and people: "2024-05", "2024-05-01-13", else LiteralText.
std::string TransformValueText(const Transform& transform, const Type& source, const Literal& value);

/// Murmur3, 32 bit, x86 variant, seed 0.
int32_t Murmur3(std::string_view bytes);
/// The hash that bucket takes the remainder of.
int32_t BucketHash(const Type& source, const Literal& value);

/// Cuts to at most `width` code points; `text` is UTF-8.
std::string_view TruncateText(std::string_view text, int64_t width);

/// The remainder-free floor to a multiple of `width`, as truncate does it to numbers; wraps at the type's ends.
int64_t TruncateInteger(int64_t value, int32_t width);

}  // namespace firn::iceberg
