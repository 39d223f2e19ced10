#pragma once
// A folder that appears under its name complete or not at all.

#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "reclm/core/error.hpp"

namespace reclm::cli {

/// Written under another name; `commit` gives it its own. The folder of `--out`: new, or empty.
class AtomicFolder {
 public:
  explicit AtomicFolder(std::filesystem::path path) : path_(std::move(path)) {
    while (path_.has_relative_path() && path_.filename().empty()) path_ = path_.parent_path();  // "out/"
    std::error_code failure;
    if (std::filesystem::exists(path_, failure) &&
        !(std::filesystem::is_directory(path_, failure) && std::filesystem::is_empty(path_, failure)))
      throw ConfigError("--out " + path_.string() + " is there already and not empty. Remedy: name a new folder");
    if (path_.has_parent_path()) std::filesystem::create_directories(path_.parent_path(), failure);
    temporary_ = path_.string() + ".tmp." + std::to_string(::getpid());
  }
  ~AtomicFolder() {
    std::error_code ignored;
    if (!done_) std::filesystem::remove_all(temporary_, ignored);
  }
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& temporary() const { return temporary_; }

  void commit() {
    std::error_code failure;
    std::filesystem::rename(temporary_, path_, failure);
    if (failure)
      throw IoError("cannot put the folder " + path_.string() + " in place: " + failure.message() +
                    ". Remedy: check that it is new or empty and can be written to");
    done_ = true;
  }

 private:
  std::filesystem::path path_, temporary_;
  bool done_ = false;
};

}  // namespace reclm::cli
