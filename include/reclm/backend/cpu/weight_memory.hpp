#pragma once
/// @file weight_memory.hpp
/// Memory for weights that are read in their order again and again: matrices one behind the other in large pages. With
/// pages of 4 KiB, where a matrix of a few MB lies by itself, a core reads 13.5 GB/s of float32 weights for one row;
/// so it reads 18 (Xeon with AVX-512, a virtual machine).

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "reclm/backend/cpu/memory_pool.hpp"
#include "reclm/core/config.hpp"

namespace reclm::cpu {

namespace detail {

/// Cuts pieces off large buffers. A buffer goes back to the pool when the last of its pieces is gone.
class WeightMemory {
 public:
  static WeightMemory& instance() {
    static auto* memory = new WeightMemory;  // never destroyed, like the pool
    return *memory;
  }

  std::shared_ptr<std::byte> take(std::size_t bytes) {
    // Small matrices do not stream, and those of half a buffer get pages of their own without waste.
    if (bytes < kSmallest || bytes > kBuffer / 2) return buffer(bytes);
    const std::size_t size = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    const std::lock_guard lock(mutex_);
    std::shared_ptr<std::byte> current = current_.lock();
    if (!current || used_ + size > kBuffer) {
      current = buffer(kBuffer);
      current_ = current;
      used_ = 0;
    }
    std::byte* const piece = current.get() + used_;
    used_ += size;
    return {std::move(current), piece};
  }

 private:
  static constexpr std::size_t kSmallest = std::size_t{1} << 16, kBuffer = std::size_t{1} << 26;

  static std::shared_ptr<std::byte> buffer(std::size_t bytes) {
    auto& pool = reclm::detail::MemoryPool::instance();
    return {static_cast<std::byte*>(pool.take(bytes)),
            [&pool, bytes](std::byte* memory) { pool.give_back(memory, bytes); }};
  }

  std::mutex mutex_;
  std::weak_ptr<std::byte> current_;
  std::size_t used_ = 0;
};

}  // namespace detail

/// `bytes` of uninitialised memory for weights, aligned to kAlignment. @throws std::bad_alloc
inline std::shared_ptr<std::byte> weight_memory(Index bytes) {
  return detail::WeightMemory::instance().take(static_cast<std::size_t>(bytes));
}

}  // namespace reclm::cpu
