#pragma once
/// @file input_file.hpp
/// Reading a file, with errors that say which.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>

#include "reclm/core/error.hpp"

namespace reclm {

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

}  // namespace reclm
