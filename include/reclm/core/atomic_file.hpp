#pragma once
/// @file atomic_file.hpp
/// Writing a file so that readers see the old content or the new, never a half: temporary file, fsync, rename.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"

namespace reclm {

/// A file under construction. Nothing appears under `path` until `commit()`; without it the temporary is removed.
class AtomicFile {
 public:
  /// @throws IoError when the temporary beside `path` cannot be made.
  explicit AtomicFile(std::filesystem::path path)
      : path_(std::move(path)), temporary_(path_.string() + ".tmp." + std::to_string(::getpid())) {
    file_ = std::fopen(temporary_.c_str(), "wb");
    if (file_ == nullptr) fail("create", temporary_);
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (file_ != nullptr) {
      std::fclose(file_);
      std::error_code ignored;
      std::filesystem::remove(temporary_, ignored);
    }
  }

  /// @throws IoError, e.g. when the disk is full.
  void write(const void* data, std::size_t bytes) {
    if (bytes != 0 && std::fwrite(data, 1, bytes, file_) != bytes) fail("write", temporary_);
  }
  void write(std::string_view text) { write(text.data(), text.size()); }

  /// Flushes to the disk and puts the file in place. @throws IoError; the old file is then still there.
  void commit() {
    if (std::fflush(file_) != 0 || ::fsync(::fileno(file_)) != 0) fail("flush", temporary_);
    const int closed = std::fclose(file_);
    file_ = nullptr;
    if (closed != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
      const int reason = errno;
      std::error_code ignored;
      std::filesystem::remove(temporary_, ignored);
      errno = reason;
      fail("replace", path_);
    }
    sync_directory();
  }

 private:
  [[noreturn]] static void fail(const char* verb, const std::filesystem::path& path) {
    throw IoError("cannot " + std::string(verb) + " " + path.string() + ": " + std::strerror(errno) +
                  ". Remedy: check that the folder exists, is writable and has space");
  }

  // The rename itself must survive a power cut; failure here loses durability, not atomicity.
  void sync_directory() const {
    const auto parent = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
    const int handle = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY);
    if (handle < 0) return;
    ::fsync(handle);
    ::close(handle);
  }

  std::filesystem::path path_, temporary_;
  std::FILE* file_ = nullptr;
};

/// Removes the temporaries that killed processes left beside `path`. For the one owner of `path`, before its first
/// write.
inline void remove_abandoned(const std::filesystem::path& path) {
  const std::string prefix = path.filename().string() + ".tmp.";
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::error_code ignored;
  std::vector<std::filesystem::path> abandoned;
  for (std::filesystem::directory_iterator entry(folder, ignored), end; !ignored && entry != end;
       entry.increment(ignored))
    if (entry->path().filename().string().starts_with(prefix)) abandoned.push_back(entry->path());
  for (const auto& file : abandoned) std::filesystem::remove(file, ignored);
}

/// Replaces the content of `path` by `text`, atomically.
inline void write_file(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace reclm
