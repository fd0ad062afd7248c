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
};

}  // namespace firn::log
