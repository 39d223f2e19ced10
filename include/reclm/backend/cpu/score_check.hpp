#pragma once
/// @file score_check.hpp
/// Finding scores that are not numbers without looking at each of them.

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <span>

#include "reclm/backend/cpu/simd.hpp"
#include "reclm/core/config.hpp"

namespace reclm::cpu {

/// Largest magnitude seen, as the bits of a float: NaN is above infinity, infinity above the rest. Threads may add at
/// the same time; about an eighth of a cycle a value.
class Magnitude {
 public:
  void add(std::span<const float> values) {
    using Bits = simd::Integers<float>;
    Bits most{};
    const float* x = values.data();
    const auto n = static_cast<Index>(values.size());
    for (Index i = 0; i < n; i += simd::kLanes<float>) {
      const auto v = n - i >= simd::kLanes<float> ? simd::load(x + i) : simd::load_part(x + i, n - i);
      most = simd::max(most, reinterpret_cast<Bits>(v) & 0x7FFFFFFF);
    }
    if (n > 0 && !seen_.load(std::memory_order_relaxed)) seen_.store(true);
    std::int32_t largest = 0;
    for (Index i = 0; i < simd::kLanes<float>; ++i) largest = std::max(largest, most[i]);
    raise(static_cast<std::uint32_t>(largest));
  }
  [[nodiscard]] bool seen() const { return seen_.load(); }
  [[nodiscard]] bool has_nan() const { return bits_.load() > 0x7F800000u; }
  [[nodiscard]] bool finite() const { return bits_.load() < 0x7F800000u; }
  [[nodiscard]] double value() const { return static_cast<double>(std::bit_cast<float>(bits_.load())); }

 private:
  void raise(std::uint32_t most) {
    auto seen = bits_.load(std::memory_order_relaxed);
    while (seen < most && !bits_.compare_exchange_weak(seen, most, std::memory_order_relaxed)) {
    }
  }
  std::atomic<std::uint32_t> bits_{0};
  std::atomic<bool> seen_{false};
};

}  // namespace reclm::cpu
