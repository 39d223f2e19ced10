#pragma once
/// @file atomic_file.hpp
/// Writing a file so that readers see the old content or the new, never a half: temporary file, fsync, rename.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
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

namespace detail {

/// The file that `path` names: what a symbolic link leads to, also where that is not there yet.
inline std::filesystem::path behind_links(std::filesystem::path path) {
  std::error_code failure;
  for (int step = 0; step < 40 && std::filesystem::is_symlink(path, failure); ++step) {
    const auto target = std::filesystem::read_symlink(path, failure);
    if (failure) break;
    path = target.is_absolute() ? target : path.parent_path() / target;
  }
  return path;
}

}  // namespace detail

/// A file under construction. Nothing appears under `path` until `commit()`; without it the temporary is removed. A
/// file that is replaced leaves its permissions to the new one; a symbolic link stays, and what it leads to is
/// replaced. Of several that write the same path at a time the last to commit stays, whole. A device or a pipe, such as
/// /dev/null and /dev/stdout, is no file to replace: it is written to as one goes.
class AtomicFile {
 public:
  /// @throws IoError when the temporary beside `path` cannot be made, or `path` is a folder.
  explicit AtomicFile(const std::filesystem::path& path) : path_(detail::behind_links(path)) {
    struct stat old {};
    const bool exists = ::stat(path.c_str(), &old) == 0;
    const bool replaces = exists && S_ISREG(old.st_mode);
    if (exists && S_ISDIR(old.st_mode))
      throw IoError("cannot write " + path.string() + ": it is a folder. Remedy: name a file");
    if (exists && !replaces) {
      path_ = path;
      file_ = std::fopen(path.c_str(), "wbe");
      if (file_ == nullptr) fail("open", path);
      return;
    }
    static std::atomic<unsigned> count{0};
    int handle = -1;
    do {  // a name of its own, whoever writes here too: threads, or processes of one number on several machines
      temporary_ = path_.string() + ".tmp." + std::to_string(::getpid()) + "." + std::to_string(count++);
      handle = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (handle < 0 && errno == EEXIST);
    if (handle < 0) fail("create", temporary_);
    if (replaces) ::fchmod(handle, old.st_mode & 07777);  // refusal leaves the usual permissions
    file_ = ::fdopen(handle, "wb");
    if (file_ == nullptr) {
      const int reason = errno;
      ::close(handle);
      ::unlink(temporary_.c_str());
      errno = reason;
      fail("create", temporary_);
    }
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (file_ == nullptr) return;
    std::fclose(file_);
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove(temporary_, ignored);
  }

  /// @throws IoError, e.g. when the disk is full.
  void write(const void* data, std::size_t bytes) {
    if (bytes != 0 && std::fwrite(data, 1, bytes, file_) != bytes) fail("write", target());
  }
  void write(std::string_view text) { write(text.data(), text.size()); }

  /// Flushes to the disk and puts the file in place. @throws IoError; the old file is then still there.
  void commit() {
    if (temporary_.empty()) {
      const int closed = std::fclose(std::exchange(file_, nullptr));
      if (closed != 0) fail("write", path_);
      return;
    }
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

  [[nodiscard]] const std::filesystem::path& target() const { return temporary_.empty() ? path_ : temporary_; }

  // The rename itself must survive a power cut; failure here loses durability, not atomicity.
  void sync_directory() const {
    const auto parent = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
    const int handle = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY);
    if (handle < 0) return;
    ::fsync(handle);
    ::close(handle);
  }

  std::filesystem::path path_, temporary_;  // no temporary: path_ is written itself
  std::FILE* file_ = nullptr;
};

/// Removes the temporaries that killed processes left beside the file. For its one owner, before the first write.
inline void remove_abandoned(const std::filesystem::path& named) {
  const std::filesystem::path path = detail::behind_links(named);
  const std::string prefix = path.filename().string() + ".tmp.";
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::error_code ignored;
  std::vector<std::filesystem::path> abandoned;
  for (std::filesystem::directory_iterator entry(folder, ignored), end; !ignored && entry != end;
       entry.increment(ignored))
    if (entry->path().filename().string().starts_with(prefix)) abandoned.push_back(entry->path());
  for (const auto& file : abandoned) std::filesystem::remove(file, ignored);
}

/// Removes a file of an earlier write, if it is there. @throws IoError
inline void remove_stale(const std::filesystem::path& file) {
  std::error_code failed;
  std::filesystem::remove(file, failed);
  if (failed)
    throw IoError("cannot remove " + file.string() + ": " + failed.message() + ". Remedy: choose another folder");
}

/// Replaces the content of `path` by `text`, atomically.
inline void write_file(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace reclm
