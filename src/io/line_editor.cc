// SPDX-License-Identifier: Apache-2.0
#include "io/line_editor.h"

#include <histedit.h>

#include <clocale>
#include <cstdio>

namespace firn::io {

namespace {

class LibeditEditor final : public LineEditor {
 public:
  explicit LibeditEditor(const Options& options) : options_(options), history_(::history_init()) {
    // Without a UTF-8 locale every byte beyond ASCII would be typed as an escape.
    if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
    HistEvent event;
    ::history(history_, &event, H_SETSIZE, options_.history_entries);
    ::history(history_, &event, H_SETUNIQUE, 1);
    if (!options_.history_file.empty()) ::history(history_, &event, H_LOAD, options_.history_file.c_str());
    edit_ = ::el_init(options_.program.c_str(), stdin, stdout, stderr);
    ::el_set(edit_, EL_CLIENTDATA, this);
    ::el_set(edit_, EL_PROMPT, &LibeditEditor::Prompt);
    ::el_set(edit_, EL_EDITOR, "emacs");
    ::el_set(edit_, EL_SIGNAL, 0);
    ::el_set(edit_, EL_HIST, ::history, history_);
    // Ctrl-C arrives as a key: signals stay for what runs between two lines.
    ::el_set(edit_, EL_SETTY, "-d", "-isig", nullptr);
    ::el_set(edit_, EL_ADDFN, "firn-interrupt", "forgets the statement", &LibeditEditor::Interrupt);
    ::el_set(edit_, EL_BIND, "^C", "firn-interrupt", nullptr);
    ::el_set(edit_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    ::el_source(edit_, nullptr);
  }
  ~LibeditEditor() override {
    HistEvent event;
    if (!options_.history_file.empty()) ::history(history_, &event, H_SAVE, options_.history_file.c_str());
    ::el_end(edit_);
    ::history_end(history_);
  }

  TypedLine Read(const std::string& prompt) override {
    prompt_ = prompt;
    was_interrupted_ = false;
    int size = 0;
    const char* line = ::el_gets(edit_, &size);
    if (was_interrupted_) return {LineOutcome::kInterrupt, {}};
    if (line == nullptr || size <= 0) return {LineOutcome::kEnd, {}};
    std::string text(line, static_cast<size_t>(size));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return {LineOutcome::kLine, std::move(text)};
  }

  void AddHistory(const std::string& entry) override {
    HistEvent event;
    ::history(history_, &event, H_ENTER, entry.c_str());
  }

 private:
  static LibeditEditor* Self(EditLine* edit) {
    void* self = nullptr;
    ::el_get(edit, EL_CLIENTDATA, &self);
    return static_cast<LibeditEditor*>(self);
  }
  static char* Prompt(EditLine* edit) { return Self(edit)->prompt_.data(); }
  static unsigned char Interrupt(EditLine* edit, int) {
    Self(edit)->was_interrupted_ = true;
    std::fputs("^C\n", stdout);
    return CC_NEWLINE;
  }

  const Options options_;
  History* const history_;
  EditLine* edit_ = nullptr;
  std::string prompt_;
  bool was_interrupted_ = false;
};

}  // namespace

std::unique_ptr<LineEditor> LineEditor::Make(const Options& options) { return std::make_unique<LibeditEditor>(options); }

}  // namespace firn::io
