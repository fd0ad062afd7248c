// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/assert.h"
#include "connect/file_rows_internal.h"
#include "formats/csv_records.h"

namespace firn::connect {

namespace {

constexpr size_t kFileReadBytes = 4 << 20;
constexpr size_t kLineBytesMax = 256 << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // of UTF-8, which Excel and others begin their files with

class TextFileRows final : public FileRows {
 public:
  TextFileRows(io::FileSystem& files, std::unique_ptr<formats::RecordDecoder> decoder, formats::CsvRecordEnds ends, const std::string& format)
      : files_(files), decoder_(std::move(decoder)), takes_empty_lines_(format == "raw" || format == "csv"), skips_mark_(format != "raw"), ends_(ends) {}

  Status Open(const std::string& path, int64_t position) override {
    FIRN_ASSERT(position >= 0, "byte {} of {}", position, path);
    path_ = path;
    FIRN_TRY(file_, files_.Open(path, io::OpenMode::kRead));
    buffer_.clear();
    begin_ = scanned_ = 0;
    ends_.Reset();
    read_ = static_cast<uint64_t>(position);
    has_all_ = false;
    return Ok();
  }

  int64_t position() const override { return static_cast<int64_t>(read_ - (buffer_.size() - begin_)); }

  Result<std::optional<formats::DecodedRecords>> Next(int64_t max_rows) override {
    std::vector<formats::RawRecord> records;
    const int64_t before = position();
    while (records.empty()) {
      if (begin_ == buffer_.size() && has_all_) return std::optional<formats::DecodedRecords>();
      CutLines(max_rows, &records);
      if (records.empty() && begin_ < buffer_.size() && has_all_) TakeLast(&records);
      if (records.empty() && !has_all_) FIRN_RETURN_IF_ERROR(ReadMore());
    }
    FIRN_ASSERT(position() > before, "{} records of {} end at byte {}, where they begin", records.size(), path_, before);
    auto decoded = decoder_->Decode(records);
    if (!decoded.ok()) return std::move(decoded).error().Context(fmt::format("reading {} at byte {}", path_, PlaceOf(records[decoder_->failed_record()])));
    return std::optional<formats::DecodedRecords>(std::move(decoded).value());
  }

 private:
  // Of a record in the buffer, in the file.
  int64_t PlaceOf(const formats::RawRecord& record) const { return static_cast<int64_t>(read_ - buffer_.size()) + (record.bytes.data() - buffer_.data()); }

  // The rest of the buffer moves to the front.
  Status ReadMore() {
    FIRN_ASSERT(begin_ <= scanned_ && scanned_ <= buffer_.size(), "a record from {}, looked at to {}, of {} bytes", begin_, scanned_, buffer_.size());
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
    if (buffer_.size() > kLineBytesMax) {
      Error error(ErrorCode::kLimitExceeded, fmt::format("{} has a record of more than {} bytes at byte {}", path_, kLineBytesMax, position()));
      return ends_.quote() == '\0' ? std::move(error) : std::move(error).Hint(fmt::format("a quote ({}) without its end makes one record of all that follows", ends_.quote()));
    }
    const size_t size = std::max(kFileReadBytes, buffer_.size());
    FIRN_TRY(std::string more, file_->ReadAt(read_, size));
    has_all_ = more.size() < size;
    const bool has_mark = skips_mark_ && read_ == 0 && more.starts_with(kByteOrderMark);
    read_ += more.size();
    buffer_ += more;
    if (has_mark) begin_ = scanned_ = kByteOrderMark.size();
    return Ok();
  }

  void CutLines(int64_t max_rows, std::vector<formats::RawRecord>* records) {
    while (static_cast<int64_t>(records->size()) < max_rows) {
      const size_t end = ends_.Find(buffer_, &scanned_);  // goes on where it stopped: a record of many lines is looked at once
      if (end == std::string::npos) return;
      Add(std::string_view(buffer_).substr(begin_, end - begin_), records);
      FIRN_ASSERT(scanned_ > end && end >= begin_, "a record from {} ends at {}, and the next one begins at {}", begin_, end, scanned_);
      begin_ = scanned_;
    }
  }

  void TakeLast(std::vector<formats::RawRecord>* records) {
    Add(std::string_view(buffer_).substr(begin_), records);
    begin_ = scanned_ = buffer_.size();
  }

  void Add(std::string_view line, std::vector<formats::RawRecord>* records) const {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty() || takes_empty_lines_) records->push_back({line, false, line.data() + line.size() + formats::kRecordPadding <= buffer_.data() + buffer_.size()});
  }

  io::FileSystem& files_;
  const std::unique_ptr<formats::RecordDecoder> decoder_;
  const bool takes_empty_lines_;   // to raw an empty text, to csv an empty field
  const bool skips_mark_;
  formats::CsvRecordEnds ends_;
  std::string path_;
  std::unique_ptr<io::File> file_;
  std::string buffer_;      // [begin_, size) has not been given
  size_t begin_ = 0;
  size_t scanned_ = 0;      // where the search for the end of the record at begin_ goes on
  uint64_t read_ = 0;       // bytes of the file that have gone into the buffer
  bool has_all_ = false;
};

}  // namespace

Result<std::unique_ptr<FileRows>> MakeTextFileRows(io::FileSystem& files, const formats::FormatSpec& format, const types::SchemaPtr& schema) {
  FIRN_TRY(auto decoder, formats::MakeDecoder(format, schema));
  FIRN_TRY(const formats::CsvRecordEnds ends, formats::CsvRecordEnds::Make(format));
  return std::unique_ptr<FileRows>(std::make_unique<TextFileRows>(files, std::move(decoder), ends, format.name));
}

}  // namespace firn::connect
