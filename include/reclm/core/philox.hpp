#pragma once
/// @file philox.hpp
/// Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC
/// 2011). A number is a pure function of (seed, stream, step, index): no state, so any thread, either backend and a
/// resumed run draw the same ones.

#include <cstdint>

#include "reclm/core/config.hpp"

namespace reclm {

/// What a random number is for. Two uses never share a stream; values are part of the checkpoint format.
enum class Stream : std::uint32_t {
  init = 1,
  shuffle = 2,
  negatives = 3,
  edge_drop = 4,
  view_noise = 5,
  dropout = 6,
  split = 7,
  world = 8,
  bootstrap = 9,
  evaluation = 10,
  generation = 11,
  dialogues = 32,
  retries = 33,
};

/// The four 32-bit words of one counter.
struct PhiloxBlock {
  std::uint32_t word[4];
};

/// Ten rounds of Philox 4x32 on `counter` under the key (`key0`, `key1`).
RECLM_HD inline PhiloxBlock philox4x32(PhiloxBlock counter, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = 0xD2511F53ull * counter.word[0];
    const std::uint64_t product1 = 0xCD9E8D57ull * counter.word[2];
    counter = {
        {static_cast<std::uint32_t>(product1 >> 32) ^ counter.word[1] ^ key0, static_cast<std::uint32_t>(product1),
         static_cast<std::uint32_t>(product0 >> 32) ^ counter.word[3] ^ key1, static_cast<std::uint32_t>(product0)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

/// One addressed stream of random numbers. Trivially copyable; pass it by value into kernels.
///
/// Address: key = seed, counter = (index / 4 low, index / 4 high, stream, step), lane = index mod 4.
class Random {
 public:
  RECLM_HD Random(std::uint64_t seed, Stream stream, std::uint32_t step = 0)
      : seed_(seed), stream_(static_cast<std::uint32_t>(stream)), step_(step) {}

  /// The four words of block `block` (indices 4·block … 4·block + 3).
  [[nodiscard]] RECLM_HD PhiloxBlock block(std::uint64_t block) const {
    return philox4x32({{static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), stream_, step_}},
                      static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32));
  }

  /// 32 random bits.
  [[nodiscard]] RECLM_HD std::uint32_t bits(std::uint64_t index) const { return block(index / 4).word[index % 4]; }

  /// Uniform in [0, 1), 24 bits.
  [[nodiscard]] RECLM_HD float uniform(std::uint64_t index) const { return to_unit(bits(index)); }

  /// Uniform integer in [0, n), 0 < n < 2^32. Bias below 2^-32·n (multiply-shift).
  [[nodiscard]] RECLM_HD std::uint32_t below(std::uint64_t index, std::uint32_t n) const {
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(bits(index)) * n) >> 32);
  }

  /// How a word becomes a uniform number.
  [[nodiscard]] RECLM_HD static float to_unit(std::uint32_t word) {
    return static_cast<float>(word >> 8) * (1.0f / 16777216.0f);
  }

 private:
  std::uint64_t seed_;
  std::uint32_t stream_, step_;
};

/// A sequence of draws from one address, for host code that does not know how many it needs.
class RandomSequence {
 public:
  explicit RandomSequence(Random source) : source_(source) {}
  std::uint32_t bits() { return source_.bits(next_++); }
  float uniform() { return source_.uniform(next_++); }
  std::uint32_t below(std::uint32_t n) { return source_.below(next_++, n); }

 private:
  Random source_;
  std::uint64_t next_ = 0;
};

}  // namespace reclm
