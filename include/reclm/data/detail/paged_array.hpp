#pragma once
/// @file paged_array.hpp
/// A growing array that never copies itself and gives its memory back from the front.

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"

namespace reclm::detail {

/// Elements in pages that come straight from the operating system: a vector would hold its content twice whenever it
/// grows, and the heap may keep what is freed.
template <class T>
class PagedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  PagedArray() = default;
  PagedArray(PagedArray&& other) noexcept
      : pages_(std::exchange(other.pages_, {})), size_(std::exchange(other.size_, 0)) {}
  PagedArray& operator=(PagedArray&& other) noexcept {
    std::swap(pages_, other.pages_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~PagedArray() {
    for (T* page : pages_) release(page);
  }

  void push_back(const T& value) {
    if (size_ == static_cast<Index>(pages_.size()) * kPage) {
      pages_.reserve(pages_.size() + 1);
      void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (memory == MAP_FAILED) throw std::bad_alloc();
      pages_.push_back(static_cast<T*>(memory));
    }
    (*this)[size_++] = value;
  }

  [[nodiscard]] Index size() const { return size_; }
  [[nodiscard]] T& operator[](Index k) { return pages_[static_cast<std::size_t>(k / kPage)][k % kPage]; }
  [[nodiscard]] const T& operator[](Index k) const { return pages_[static_cast<std::size_t>(k / kPage)][k % kPage]; }

  /// Elements before `k` will not be read again.
  void release_before(Index k) {
    for (auto page = static_cast<std::size_t>(k / kPage); page-- > 0 && pages_[page] != nullptr;)
      release(std::exchange(pages_[page], nullptr));
  }

 private:
  static constexpr Index kPage = Index{1} << 17;  // elements
  static constexpr std::size_t kBytes = static_cast<std::size_t>(kPage) * sizeof(T);

  static void release(T* page) {
    if (page != nullptr) ::munmap(page, kBytes);
  }

  std::vector<T*> pages_;
  Index size_ = 0;
};

}  // namespace reclm::detail
