// SPDX-License-Identifier: Apache-2.0
// Changes gathered as encoded rows, handed out as one batch: what operators emit that keep rows as bytes.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "exec/operator.h"
#include "exec/row_codec.h"

namespace firn::exec {

/// Thread-compatible.
class EncodedChanges {
 public:
  /// `codec` of the rows' columns; outlives this.
  explicit EncodedChanges(const RowCodec& codec) : codec_(codec) {}

  /// `row` must live until Emit.
  void Add(types::RowKind kind, std::string_view row) {
    kinds_.push_back(static_cast<int8_t>(kind));
    rows_.push_back(row);
  }
  /// Keeps the bytes itself.
  void AddOwned(types::RowKind kind, std::string row) {
    owned_.push_back(std::move(row));
    Add(kind, owned_.back());
  }
  size_t size() const { return rows_.size(); }
  /// Emits what has been added, if anything, and is empty again.
  Status Emit(const types::SchemaPtr& schema, Output& output);
  void Clear() {
    kinds_.clear();
    rows_.clear();
    owned_.clear();
  }

 private:
  const RowCodec& codec_;
  std::vector<int8_t> kinds_;
  std::vector<std::string_view> rows_;
  std::deque<std::string> owned_;
};

}  // namespace firn::exec
