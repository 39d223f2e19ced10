#pragma once
/// @file memory_pool.hpp
/// Keeps freed buffers for the next request of the same size. A training step asks for the same sizes again and again,
/// and fresh pages cost more than the arithmetic on them (a 7 MB buffer: 1,800 page faults).

#include <sys/mman.h>

#include <cstddef>
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
      if (auto found = free_.find(size); found != free_.end() && !found->second.empty()) {
        void* memory = found->second.back();
        found->second.pop_back();
        return memory;
      }
    }
    void* memory = allocate(size);
    if (memory == nullptr) {
      trim();
      memory = allocate(size);
    }
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }

  void give_back(void* memory, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    free_[rounded(bytes)].push_back(memory);
  }

  /// Returns all idle buffers to the system.
  void trim() {
    const std::lock_guard lock(mutex_);
    for (auto& [size, buffers] : free_)
      for (void* memory : buffers) std::free(memory);
    free_.clear();
  }

 private:
  static constexpr std::size_t kHugePage = std::size_t{1} << 21;

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

  std::mutex mutex_;
  std::unordered_map<std::size_t, std::vector<void*>> free_;
};

/// `n` elements of the pool, not initialised, which go back to it.
template <class T>
std::shared_ptr<T> pooled(Index n) {
  const auto bytes = static_cast<std::size_t>(n) * sizeof(T);
  auto* memory = static_cast<T*>(MemoryPool::instance().take(bytes));
  return {memory, [bytes](T* p) { MemoryPool::instance().give_back(p, bytes); }};
}

}  // namespace reclm::detail
