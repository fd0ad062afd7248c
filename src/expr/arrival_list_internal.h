// SPDX-License-Identifier: Apache-2.0
// The values of a group in the order of their arrival, of which any may be taken back: what FIRST_VALUE, LAST_VALUE, LISTAGG and ARRAY_AGG keep.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/assert.h"
#include "expr/aggregate_function.h"

namespace firn::expr {

/// Of equal values the one that came first is taken back, as in Flink. Adding, taking back, the first and the last take constant time (spread over all calls),
/// however many values there are. A list of a few values, or from which nothing is taken back, has no index beside it. Thread-compatible.
class ArrivalList {
 public:
  void Add(std::string value);
  /// Whether it was there.
  bool Remove(std::string_view value);
  void Clear();

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const std::string& front() const {
    FIRN_ASSERT(size_ > 0 && slots_[begin_].is_there, "the first of {} values, at {} of {}", size_, begin_, slots_.size());
    return slots_[begin_].value;
  }
  const std::string& back() const {
    FIRN_ASSERT(size_ > 0 && slots_.back().is_there, "the last of {} values in {} places", size_, slots_.size());
    return slots_.back().value;
  }
  /// Calls `visit(value)` in order of arrival, until it gives an error.
  template <typename Visit>
  Status ForEach(const Visit& visit) const {
    for (size_t at = begin_; at < slots_.size(); ++at) {
      if (slots_[at].is_there) FIRN_RETURN_IF_ERROR(visit(slots_[at].value));
    }
    return Ok();
  }

 private:
  static constexpr uint32_t kNowhere = 0xffffffff;
  struct Slot {
    std::string value;
    uint32_t next = kNowhere;  // of the values of one hash
    bool is_there = true;
  };
  struct Chain {
    uint32_t first;
    uint32_t last;
  };
  using Index = std::unordered_map<uint64_t, Chain>;  // by hash: where its values stand, in order of arrival

  uint32_t Scan(std::string_view value) const;
  uint32_t TakeOutOfIndex(std::string_view value);
  void AddToIndex(uint32_t at);
  void BuildIndex();
  void Compact();

  // The first and the last slot hold values, those between may be empty; slots before begin_ are done with.
  std::vector<Slot> slots_;
  uint32_t begin_ = 0;
  uint32_t size_ = 0;
  std::unique_ptr<Index> index_;  // null: values are looked for one by one
};

/// What accumulators over such lists have in common: a list a group, its values as bytes.
class ArrivalAccumulator : public GroupedAccumulator {
 public:
  void Resize(int64_t count) override {
    FIRN_ASSERT(static_cast<size_t>(count) >= groups_.size(), "{} lists become {}", groups_.size(), count);
    groups_.resize(static_cast<size_t>(count));
  }
  Status Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) override;
  void Reset(std::span<const uint32_t> groups) override;
  int64_t bytes() const override { return bytes_; }

 protected:
  /// A value that is taken back and is not there changes nothing.
  void Change(uint32_t group, const std::string& value, bool retracts);
  const ArrivalList& ListOf(uint32_t group) const {
    FIRN_ASSERT(group < groups_.size(), "group {} of {}", group, groups_.size());
    return groups_[group];
  }
  /// An array of lists of bytes, a list a group; and back.
  Result<types::ArrayPtr> SaveValues(std::span<const uint32_t> groups) const;
  void LoadValues(std::span<const uint32_t> groups, const types::ArrayPtr& state);

 private:
  void Add(uint32_t group, const std::string& value);

  std::vector<ArrivalList> groups_;
  int64_t bytes_ = 0;
};

}  // namespace firn::expr
