// SPDX-License-Identifier: Apache-2.0
#include <arrow/array.h>
#include <arrow/builder.h>

#include <algorithm>

#include "base/hash.h"
#include "expr/arrival_list_internal.h"
#include "types/arrow_result.h"

namespace firn::expr {

namespace {

constexpr size_t kScannedSlots = 16;     // up to so many are looked through one by one: cheaper than an index
constexpr int64_t kSlotOverhead = 48;    // of a value beside its bytes

}  // namespace

void ArrivalList::Add(std::string value) {
  FIRN_ASSERT(slots_.size() < kNowhere, "{} values of one group", slots_.size());
  slots_.push_back({std::move(value), kNowhere, true});
  ++size_;
  if (index_) AddToIndex(static_cast<uint32_t>(slots_.size() - 1));
}

bool ArrivalList::Remove(std::string_view value) {
  if (!index_ && slots_.size() - begin_ > kScannedSlots) BuildIndex();
  const uint32_t at = index_ ? TakeOutOfIndex(value) : Scan(value);
  if (at == kNowhere) return false;
  slots_[at].is_there = false;
  slots_[at].value = std::string();  // its memory goes too
  if (--size_ == 0) {
    Clear();
    return true;
  }
  while (!slots_.back().is_there) slots_.pop_back();
  while (!slots_[begin_].is_there) ++begin_;
  if (slots_.size() > kScannedSlots && slots_.size() > 2 * size_t{size_}) Compact();
  return true;
}

void ArrivalList::Clear() {
  *this = ArrivalList();
}

uint32_t ArrivalList::Scan(std::string_view value) const {
  for (uint32_t at = begin_; at < slots_.size(); ++at) {
    if (slots_[at].is_there && slots_[at].value == value) return at;
  }
  return kNowhere;
}

// Values of one hash are nearly always equal, so that the first of the chain is the one.
uint32_t ArrivalList::TakeOutOfIndex(std::string_view value) {
  const auto found = index_->find(base::HashBytes(value));
  if (found == index_->end()) return kNowhere;
  Chain& chain = found->second;
  uint32_t before = kNowhere;
  uint32_t at = chain.first;
  while (at != kNowhere && slots_[at].value != value) {
    before = at;
    at = slots_[at].next;
  }
  if (at == kNowhere) return kNowhere;
  FIRN_ASSERT(slots_[at].is_there, "the index names an empty place, {} of {}", at, slots_.size());
  const uint32_t next = slots_[at].next;
  (before == kNowhere ? chain.first : slots_[before].next) = next;
  if (next == kNowhere) chain.last = before;
  if (chain.first == kNowhere) index_->erase(found);
  return at;
}

void ArrivalList::AddToIndex(uint32_t at) {
  const auto [entry, is_new] = index_->try_emplace(base::HashBytes(slots_[at].value), Chain{at, at});
  if (is_new) return;
  slots_[entry->second.last].next = at;
  entry->second.last = at;
}

void ArrivalList::BuildIndex() {
  index_ = std::make_unique<Index>();
  index_->reserve(size_);
  for (uint32_t at = begin_; at < slots_.size(); ++at) {
    slots_[at].next = kNowhere;
    if (slots_[at].is_there) AddToIndex(at);
  }
  FIRN_ASSERT(index_->size() <= size_ && !index_->empty(), "{} hashes of {} values", index_->size(), size_);
}

void ArrivalList::Compact() {
  std::erase_if(slots_, [](const Slot& slot) { return !slot.is_there; });
  FIRN_ASSERT(slots_.size() == size_, "{} values are left of {}", slots_.size(), size_);
  begin_ = 0;
  if (index_ && size_ > kScannedSlots) {
    BuildIndex();
  } else {
    index_.reset();
  }
}

void ArrivalAccumulator::Add(uint32_t group, const std::string& value) {
  groups_[group].Add(value);
  bytes_ += static_cast<int64_t>(value.size()) + kSlotOverhead;
}

void ArrivalAccumulator::Change(uint32_t group, const std::string& value, bool retracts) {
  if (!retracts) return Add(group, value);
  if (!groups_[group].Remove(value)) return;
  bytes_ -= static_cast<int64_t>(value.size()) + kSlotOverhead;
  FIRN_ASSERT(bytes_ >= 0, "lists of {} bytes", bytes_);
}

Status ArrivalAccumulator::Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) {
  const auto& from = static_cast<const ArrivalAccumulator&>(other);
  FIRN_ASSERT(groups.size() <= from.groups_.size() && &from != this, "{} groups of {} are merged", groups.size(), from.groups_.size());
  for (size_t i = 0; i < groups.size(); ++i) {
    FIRN_RETURN_IF_ERROR(from.groups_[i].ForEach([&](const std::string& value) {
      Add(groups[i], value);
      return Ok();
    }));
  }
  return Ok();
}

void ArrivalAccumulator::Reset(std::span<const uint32_t> groups) {
  for (uint32_t group : groups) {
    (void)groups_[group].ForEach([&](const std::string& value) {
      bytes_ -= static_cast<int64_t>(value.size()) + kSlotOverhead;
      return Ok();
    });
    groups_[group].Clear();
  }
  FIRN_ASSERT(bytes_ >= 0, "lists of {} bytes", bytes_);
}

Result<types::ArrayPtr> ArrivalAccumulator::SaveValues(std::span<const uint32_t> groups) const {
  auto values = std::make_shared<arrow::BinaryBuilder>();
  arrow::ListBuilder lists(arrow::default_memory_pool(), values);
  for (uint32_t group : groups) {
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(lists.Append()));
    FIRN_RETURN_IF_ERROR(groups_[group].ForEach([&](const std::string& value) { return types::FromArrowStatus(values->Append(value)); }));
  }
  FIRN_ASSERT(lists.length() == static_cast<int64_t>(groups.size()), "{} lists of {} groups are saved", lists.length(), groups.size());
  return types::FromArrowResult(lists.Finish());
}

void ArrivalAccumulator::LoadValues(std::span<const uint32_t> groups, const types::ArrayPtr& state) {
  FIRN_ASSERT(state->type_id() == arrow::Type::LIST && static_cast<const arrow::ListArray&>(*state).values()->type_id() == arrow::Type::BINARY, "values are stored as {}", state->type()->ToString());
  const auto& lists = static_cast<const arrow::ListArray&>(*state);
  const auto& values = static_cast<const arrow::BinaryArray&>(*lists.values());
  FIRN_ASSERT(lists.length() == static_cast<int64_t>(groups.size()), "{} lists for {} groups", lists.length(), groups.size());
  Reset(groups);
  for (size_t i = 0; i < groups.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    for (int64_t at = lists.value_offset(row); at < lists.value_offset(row + 1); ++at) Add(groups[i], std::string(values.GetView(at)));
  }
}

}  // namespace firn::expr
