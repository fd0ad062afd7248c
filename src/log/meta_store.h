// SPDX-License-Identifier: Apache-2.0
// The ordered key-value map rebuilt from the journal: topics, groups, catalog, jobs, checkpoints. It shows what is durable, and
// nothing else. Changed only by journal entries (Put, Delete). Keys are bytes; each owner takes a prefix of its own:
//
//   broker/  topic/  group/  producer/   the broker        partition/   the log itself
//   catalog/                             the catalog       job/         the engine
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace firn::log {

/// Thread-safe; readers see whole entries only.
class MetaStore {
 public:
  virtual ~MetaStore() = default;
  virtual std::optional<std::string> Get(std::string_view key) const = 0;
  /// All pairs whose key starts with `prefix`, ascending.
  virtual std::vector<std::pair<std::string, std::string>> Scan(std::string_view prefix) const = 0;

  /// Returns false to see no more. Writers wait meanwhile: it is short, and does not call the store.
  using Visitor = std::function<bool(std::string_view key, std::string_view value)>;
  /// Shows pairs whose key starts with `prefix`, ascending, from the first key on that is not less than `from`. Copies nothing.
  virtual void Visit(std::string_view prefix, std::string_view from, const Visitor& visit) const = 0;
};

}  // namespace firn::log
