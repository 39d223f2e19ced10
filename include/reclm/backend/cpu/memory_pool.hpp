#pragma once
/// @file memory_pool.hpp
/// Keeps freed buffers for the next request of the same size. A training step asks for the same sizes again and again,
/// and fresh pages cost more than the arithmetic on them (a 7 MB buffer: 1,800 page faults). Where sizes change, what
/// lies idle is bounded by what was in use.

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

#include "reclm/core/config.hpp"

namespace reclm::detail {

class MemoryPool {
 public:
  MemoryPool() = default;
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;
  ~MemoryPool() { trim(); }

  /// The process's pool. Never destroyed, because buffers with static lifetime return to it.
  static MemoryPool& instance() {
    static auto* pool = new MemoryPool;
    return *pool;
  }

  /// `bytes` of uninitialised memory, aligned to kAlignment. @throws std::bad_alloc
  void* take(std::size_t bytes) {
    const std::size_t size = rounded(bytes);
    {
      const std::lock_guard lock(mutex_);
      in_use_ += size;
      most_in_use_ = std::max(most_in_use_, in_use_);
      if (auto found = idle_.find(size); found != idle_.end() && !found->second.buffers.empty()) {
        void* memory = found->second.buffers.back();
        found->second.buffers.pop_back();
        found->second.used = ++clock_;
        idle_bytes_ -= size;
        return memory;
      }
    }
    void* memory = allocate(size);
    if (memory == nullptr) {
      trim();
      memory = allocate(size);
    }
    if (memory == nullptr) {
      const std::lock_guard lock(mutex_);
      in_use_ -= size;
      throw std::bad_alloc();
    }
    return memory;
  }

  void give_back(void* memory, std::size_t bytes) {
    const std::size_t size = rounded(bytes);
    const std::lock_guard lock(mutex_);
    Shelf& shelf = idle_[size];
    shelf.buffers.push_back(memory);
    shelf.used = ++clock_;
    in_use_ -= size;
    idle_bytes_ += size;
    while (idle_bytes_ > kIdleFactor * most_in_use_ + kIdleAlways) drop_oldest();
  }

  /// Returns all idle buffers to the system.
  void trim() {
    const std::lock_guard lock(mutex_);
    for (auto& [size, shelf] : idle_)
      for (void* memory : shelf.buffers) std::free(memory);
    idle_.clear();
    idle_bytes_ = 0;
    most_in_use_ = in_use_;
  }

  /// Bytes that lie idle: at most twice what was in use at once since the last `trim`, and 64 MiB.
  [[nodiscard]] std::size_t idle_bytes() const {
    const std::lock_guard lock(mutex_);
    return idle_bytes_;
  }

 private:
  static constexpr std::size_t kHugePage = std::size_t{1} << 21;
  // Buffers of different sizes are in use at different times of a step: between steps more lies idle than ever was in
  // use.
  static constexpr std::size_t kIdleFactor = 2, kIdleAlways = std::size_t{1} << 26;

  struct Shelf {
    std::vector<void*> buffers;
    std::uint64_t used = 0;  // when one was last taken or put back
  };

  // Of the size that nobody has asked for the longest.
  void drop_oldest() {
    auto oldest = idle_.end();
    for (auto shelf = idle_.begin(); shelf != idle_.end(); ++shelf)
      if (!shelf->second.buffers.empty() && (oldest == idle_.end() || shelf->second.used < oldest->second.used))
        oldest = shelf;
    std::free(oldest->second.buffers.back());
    idle_bytes_ -= oldest->first;
    oldest->second.buffers.pop_back();
    if (oldest->second.buffers.empty()) idle_.erase(oldest);
  }

  // Large buffers lie in huge pages where the system has them: rows are gathered at random places, and with pages of
  // 4 KiB much of that time goes into address translation.
  static void* allocate(std::size_t size) {
    if (size < 2 * kHugePage) return std::aligned_alloc(kAlignment, size);
    const std::size_t whole = (size + kHugePage - 1) / kHugePage * kHugePage;
    void* memory = std::aligned_alloc(kHugePage, whole);
#if defined(MADV_HUGEPAGE)
    if (memory != nullptr) ::madvise(memory, whole, MADV_HUGEPAGE);  // a wish; refusal costs speed alone
#endif
    return memory;
  }

  // Sizes are rounded up to an eighth of their power of two, so that batches of slightly different sizes share buffers.
  static std::size_t rounded(std::size_t bytes) {
    std::size_t step = kAlignment;
    while (step <= bytes / 16) step *= 2;
    return bytes == 0 ? step : (bytes + step - 1) / step * step;
  }

  mutable std::mutex mutex_;
  std::unordered_map<std::size_t, Shelf> idle_;  // by size
  std::size_t idle_bytes_ = 0, in_use_ = 0, most_in_use_ = 0;
  std::uint64_t clock_ = 0;
};

/// `n` elements of the pool, not initialised, which go back to it.
template <class T>
std::shared_ptr<T> pooled(Index n) {
  const auto bytes = static_cast<std::size_t>(n) * sizeof(T);
  auto* memory = static_cast<T*>(MemoryPool::instance().take(bytes));
  return {memory, [bytes](T* p) { MemoryPool::instance().give_back(p, bytes); }};
}

}  // namespace reclm::detail
