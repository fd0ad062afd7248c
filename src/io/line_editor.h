// SPDX-License-Identifier: Apache-2.0
// Lines typed at a terminal, with editing and a history that is kept in a file (libedit).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace firn::io {

enum class LineOutcome {
  kLine,
  kInterrupt,  // Ctrl-C: what was typed is to be forgotten
  kEnd,        // Ctrl-D on an empty line
};

struct TypedLine {
  LineOutcome outcome = LineOutcome::kLine;
  std::string text;  // without its end
};

/// One a process: it owns the terminal while it reads. Thread-compatible.
class LineEditor {
 public:
  struct Options {
    std::string program;       // its section of ~/.editrc
    std::string history_file;  // empty: none is kept
    int history_entries = 2000;
  };
  static std::unique_ptr<LineEditor> Make(const Options& options);
  /// Writes the history.
  virtual ~LineEditor() = default;
  virtual TypedLine Read(const std::string& prompt) = 0;
  virtual void AddHistory(const std::string& entry) = 0;
  /// Called at Tab with what stands before the cursor; gives what may replace the word that ends there, best first.
  using Completer = std::function<std::vector<std::string>(const std::string& before)>;
  virtual void SetCompleter(Completer completer) = 0;
};

}  // namespace firn::io
