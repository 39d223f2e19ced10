#pragma once
/// @file resampling.hpp
/// The hot loop of the bootstrap: sums of values drawn with replacement, many Philox blocks at a time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "reclm/core/config.hpp"
#include "reclm/core/philox.hpp"

namespace reclm::detail {

/// `kBlocks` consecutive blocks of one address, the same words as `Random` gives, computed side by side so that the
/// compiler vectorises the rounds (measured on AVX2: 1.2 ns a draw and its sum, against 4.9 one block at a time).
class PhiloxBatch {
 public:
  static constexpr std::size_t kBlocks = 64;

  PhiloxBatch(std::uint64_t seed, Stream stream, std::uint32_t step)
      : seed_(seed), stream_(static_cast<std::uint32_t>(stream)), step_(step) {}

  void fill(std::uint64_t first_block) {
    for (std::size_t i = 0; i < kBlocks; ++i) {
      word[0][i] = static_cast<std::uint32_t>(first_block + i);
      word[1][i] = static_cast<std::uint32_t>((first_block + i) >> 32);
      word[2][i] = stream_;
      word[3][i] = step_;
    }
    auto key0 = static_cast<std::uint32_t>(seed_);
    auto key1 = static_cast<std::uint32_t>(seed_ >> 32);
    for (int round = 0; round < 10; ++round) {
#pragma omp simd
      for (std::size_t i = 0; i < kBlocks; ++i) {
        const std::uint64_t product0 = 0xD2511F53ull * word[0][i];
        const std::uint64_t product1 = 0xCD9E8D57ull * word[2][i];
        word[0][i] = static_cast<std::uint32_t>(product1 >> 32) ^ word[1][i] ^ key0;
        word[1][i] = static_cast<std::uint32_t>(product1);
        word[2][i] = static_cast<std::uint32_t>(product0 >> 32) ^ word[3][i] ^ key1;
        word[3][i] = static_cast<std::uint32_t>(product0);
      }
      key0 += 0x9E3779B9u;
      key1 += 0xBB67AE85u;
    }
  }

  alignas(kAlignment) std::uint32_t word[4][kBlocks];  ///< word[lane][i]: lane `lane` of block first + i

 private:
  std::uint64_t seed_;
  std::uint32_t stream_, step_;
};

/// Sum of `values.size()` values drawn with replacement: draw i is number `Random(seed, stream, step).below(i, n)`.
/// 0 < n < 2^32. The order of the sum is fixed.
inline double resampled_sum(std::span<const float> values, std::uint64_t seed, Stream stream, std::uint32_t step) {
  const std::uint64_t n = values.size();
  const std::uint64_t blocks = n / 4;
  PhiloxBatch batch(seed, stream, step);
  double sums[4] = {0, 0, 0, 0};
  const auto drawn = [&](std::uint32_t word) { return static_cast<double>(values[(word * n) >> 32]); };
  for (std::uint64_t first = 0; first < blocks; first += PhiloxBatch::kBlocks) {
    batch.fill(first);
    const std::uint64_t count = std::min<std::uint64_t>(PhiloxBatch::kBlocks, blocks - first);
    for (std::uint64_t i = 0; i < count; ++i)
      for (int lane = 0; lane < 4; ++lane) sums[lane] += drawn(batch.word[lane][i]);
  }
  const Random random(seed, stream, step);
  for (std::uint64_t i = 4 * blocks; i < n; ++i) sums[0] += drawn(random.bits(i));
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace reclm::detail
