#pragma once
/// @file line_reader.hpp
/// Text files in large blocks, line by line, without a string per line.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"

namespace reclm::detail {

/// A file open for reading, closed with the object.
class InputFile {
 public:
  /// @throws IoError when the file is missing, a folder, or may not be read
  explicit InputFile(const std::filesystem::path& path) : path_(path.string()) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) refuse("it is a folder");
    handle_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (handle_ < 0) refuse(std::strerror(errno));
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() {
    if (handle_ >= 0) ::close(handle_);
  }

  /// Reads up to `bytes` bytes; 0 at the end. @throws IoError
  std::size_t read(void* into, std::size_t bytes) {
    for (;;) {
      const ssize_t got = ::read(handle_, into, bytes);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) refuse(std::strerror(errno));
    }
  }

  /// Reads exactly `bytes` bytes unless the file ends before; returns how many.
  std::size_t read_fully(void* into, std::size_t bytes) {
    std::size_t have = 0;
    while (have < bytes) {
      const std::size_t got = read(static_cast<char*>(into) + have, bytes - have);
      if (got == 0) break;
      have += got;
    }
    return have;
  }

  [[nodiscard]] int handle() const { return handle_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[noreturn]] void refuse(const char* reason) const {
    throw IoError("cannot read " + path_ + ": " + reason +
                  ". Remedy: check the path and that this user may read the file");
  }

  std::string path_;
  int handle_ = -1;
};

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
