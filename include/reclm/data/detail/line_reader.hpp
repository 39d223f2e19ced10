#pragma once
/// @file line_reader.hpp
/// Text files in large blocks, line by line, without a string per line.

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/core/input_file.hpp"

namespace reclm::detail {

/// The lines of a text file: ends in \n or \r\n, a byte order mark at the start is dropped.
class LineReader {
 public:
  explicit LineReader(const std::filesystem::path& path) : file_(path), buffer_(kBlock) {}

  /// Moves to the next line; false at the end of the file. `line` is valid until the next call.
  /// @throws DataError on a line beyond 256 MiB, IoError
  bool next(std::string_view& line) {
    std::size_t scanned = begin_;
    for (;;) {
      if (const void* found = std::memchr(buffer_.data() + scanned, '\n', end_ - scanned)) {
        const auto stop = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data());
        take(line, stop);
        begin_ = stop + 1;
        return true;
      }
      const std::size_t pending = end_ - begin_;
      if (!refill()) {
        if (pending == 0) return false;
        take(line, end_);
        begin_ = end_;
        return true;
      }
      scanned = begin_ + pending;
    }
  }

  /// 1-based number of the line that `next` gave last.
  [[nodiscard]] long long line() const { return line_; }
  [[nodiscard]] const std::string& path() const { return file_.path(); }

 private:
  static constexpr std::size_t kBlock = std::size_t{1} << 18;
  static constexpr std::size_t kLongestLine = std::size_t{1} << 28;

  void take(std::string_view& line, std::size_t stop) {
    line = {buffer_.data() + begin_, stop - begin_};
    if (line_++ == 0 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    if (line.ends_with('\r')) line.remove_suffix(1);
  }

  // Keeps the unfinished line, moved to the front, and appends a block.
  bool refill() {
    const std::size_t pending = end_ - begin_;
    if (pending > kLongestLine)
      throw DataError(path(), line_ + 1, "a line is longer than 256 MiB", "check that this is a text file");
    if (begin_ > 0 && pending > 0) std::memmove(buffer_.data(), buffer_.data() + begin_, pending);
    begin_ = 0;
    end_ = pending;
    if (buffer_.size() - end_ < kBlock / 2) buffer_.resize(2 * buffer_.size());
    const std::size_t got = file_.read(buffer_.data() + end_, buffer_.size() - end_);
    end_ += got;
    return got > 0;
  }

  InputFile file_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // what of the buffer is not yet given out
  long long line_ = 0;
};

}  // namespace reclm::detail
