// SPDX-License-Identifier: Apache-2.0
#include "broker/meta_walk.h"

#include <memory>

#include "base/assert.h"

namespace firn::broker {

namespace {

struct Walk {
  BrokerQueue& queue;
  const log::MetaStore& meta;
  std::vector<std::string> prefixes;
  std::function<void(PairSlice)> take;
  std::function<void()> done;
  size_t prefix = 0;   // its place in prefixes
  std::string from;    // of that one
};

void TakeSlice(const std::shared_ptr<Walk>& walk) {
  PairSlice slice;
  size_t pairs = 0;
  size_t bytes = 0;
  const auto is_full = [&] { return pairs >= kSlicePairsMax || bytes >= kSliceBytesMax; };
  while (walk->prefix < walk->prefixes.size() && !is_full()) {
    walk->meta.Visit(walk->prefixes[walk->prefix], walk->from, [&](std::string_view key, std::string_view value) {
      FIRN_ASSERT(key >= walk->from, "key `{}` stands behind `{}`", key, walk->from);
      slice.emplace_back(key, value);
      ++pairs;
      bytes += key.size() + value.size();
      return !is_full();
    });
    if (is_full()) {
      walk->from = slice.back().first + '\0';
      break;
    }
    ++pairs;
    ++walk->prefix;
    walk->from.clear();
  }
  const bool is_last = walk->prefix == walk->prefixes.size();
  if (!slice.empty()) walk->take(std::move(slice));
  if (is_last) walk->done();
  else walk->queue.Post([walk] { TakeSlice(walk); });
}

}  // namespace

void WalkMeta(BrokerQueue& queue, const log::MetaStore& meta, std::vector<std::string> prefixes, std::function<void(PairSlice)> take, std::function<void()> done) {
  TakeSlice(std::make_shared<Walk>(Walk{queue, meta, std::move(prefixes), std::move(take), std::move(done)}));
}

std::string KeyBehind(std::string prefix) {
  FIRN_ASSERT(!prefix.empty() && static_cast<unsigned char>(prefix.back()) < 0xff, "no key is behind all of `{}`", prefix);
  ++prefix.back();
  return prefix;
}

}  // namespace firn::broker
