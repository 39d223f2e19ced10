#pragma once
/// @file memory_pool.hpp
/// Keeps freed buffers for the next request of the same size. A training step asks for the same sizes again and again,
/// and fresh pages cost more than the arithmetic on them (a 7 MB buffer: 1,800 page faults).

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
    void* memory = std::aligned_alloc(kAlignment, size);
    if (memory == nullptr) {
      trim();
      memory = std::aligned_alloc(kAlignment, size);
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
  // Sizes are rounded up to an eighth of their power of two, so that batches of slightly different sizes share buffers.
  static std::size_t rounded(std::size_t bytes) {
    std::size_t step = kAlignment;
    while (step <= bytes / 16) step *= 2;
    return bytes == 0 ? step : (bytes + step - 1) / step * step;
  }

  std::mutex mutex_;
  std::unordered_map<std::size_t, std::vector<void*>> free_;
};

}  // namespace reclm::detail
