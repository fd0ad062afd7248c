// SPDX-License-Identifier: Apache-2.0
#include "io/line_editor.h"

#include <histedit.h>

#include <algorithm>
#include <cctype>
#include <clocale>
#include <cstdio>

#include "io/process.h"

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
    ::el_set(edit_, EL_ADDFN, "firn-complete", "completes the word", &LibeditEditor::Complete);
    ::el_set(edit_, EL_BIND, "^I", "firn-complete", nullptr);
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

  void SetCompleter(Completer completer) override { completer_ = std::move(completer); }

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

  // Inserts what all candidates have in common; when that is nothing new, shows them.
  static unsigned char Complete(EditLine* edit, int) {
    LibeditEditor* self = Self(edit);
    const LineInfo* line = ::el_line(edit);
    const std::string before(line->buffer, static_cast<size_t>(line->cursor - line->buffer));
    const std::vector<std::string> candidates = self->completer_ ? self->completer_(before) : std::vector<std::string>();
    if (candidates.empty()) return CC_REFRESH_BEEP;
    const std::string word = LastWord(before);
    std::string common = CommonStart(candidates);
    if (candidates.size() == 1 && common.back() != '(') common += ' ';
    if (common.size() > word.size() || (candidates.size() == 1 && common != word)) {
      ::el_deletestr(edit, static_cast<int>(std::count_if(word.begin(), word.end(), [](char c) { return (c & 0xc0) != 0x80; })));
      ::el_insertstr(edit, common.c_str());
      return CC_REFRESH;
    }
    std::fputs(("\n" + InColumns(candidates, TerminalColumns())).c_str(), stdout);
    return CC_REDISPLAY;
  }

  static std::string LastWord(const std::string& text) {
    size_t begin = text.size();
    while (begin > 0 && (std::isalnum(static_cast<unsigned char>(text[begin - 1])) || text[begin - 1] == '_' || text[begin - 1] == '$' || (text[begin - 1] & 0x80) != 0)) --begin;
    return text.substr(begin);
  }

  static std::string CommonStart(const std::vector<std::string>& texts) {
    std::string common = texts[0];
    for (const std::string& text : texts) {
      size_t size = 0;
      while (size < common.size() && size < text.size() && common[size] == text[size]) ++size;
      common.resize(size);
    }
    while (!common.empty() && (static_cast<unsigned char>(common.back()) & 0x80) != 0) common.pop_back();  // whole characters only
    return common;
  }

  static std::string InColumns(const std::vector<std::string>& texts, int terminal_columns) {
    size_t width = 0;
    for (const std::string& text : texts) width = std::max(width, text.size() + 2);
    const size_t per_line = std::max<size_t>(1, static_cast<size_t>(std::max(terminal_columns, 20)) / width);
    std::string out;
    for (size_t i = 0; i < texts.size(); ++i) {
      const bool ends_line = (i + 1) % per_line == 0 || i + 1 == texts.size();
      out += texts[i] + (ends_line ? "\n" : std::string(width - texts[i].size(), ' '));
    }
    return out;
  }

  const Options options_;
  History* const history_;
  EditLine* edit_ = nullptr;
  std::string prompt_;
  bool was_interrupted_ = false;
  Completer completer_;
};

}  // namespace

std::unique_ptr<LineEditor> LineEditor::Make(const Options& options) { return std::make_unique<LibeditEditor>(options); }

}  // namespace firn::io
