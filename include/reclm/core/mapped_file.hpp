#pragma once
/// @file mapped_file.hpp
/// A whole file as read-only memory.

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include "reclm/core/error.hpp"
#include "reclm/core/input_file.hpp"

namespace reclm {

/// Pages come from the disk when they are read. Undefined behaviour when another program shortens the file meanwhile;
/// replacing it, as AtomicFile does, is harmless.
class MappedFile {
 public:
  /// @throws IoError
  explicit MappedFile(const std::filesystem::path& path) : path_(path.string()) {
    const InputFile file(path);
    struct stat facts {};
    if (::fstat(file.handle(), &facts) != 0) refuse();
    if (!S_ISREG(facts.st_mode)) {
      errno = EINVAL;
      refuse();
    }
    size_ = static_cast<std::size_t>(facts.st_size);
    if (size_ == 0) return;
    void* memory = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.handle(), 0);
    if (memory == MAP_FAILED) refuse();
    memory_ = static_cast<const std::byte*>(memory);
  }
  MappedFile(MappedFile&& other) noexcept
      : path_(std::move(other.path_)),
        memory_(std::exchange(other.memory_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~MappedFile() {
    if (memory_ != nullptr) ::munmap(const_cast<std::byte*>(memory_), size_);
  }

  [[nodiscard]] std::span<const std::byte> bytes() const { return {memory_, size_}; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[noreturn]] void refuse() const {
    throw IoError("cannot map " + path_ + ": " + std::strerror(errno) + ". Remedy: check that it is a regular file");
  }

  std::string path_;
  const std::byte* memory_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace reclm
