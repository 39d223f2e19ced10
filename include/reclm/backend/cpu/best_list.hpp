#pragma once
/// @file best_list.hpp
/// Keeps the K best of a stream of scores. A score above the running threshold is appended to a short unsorted list;
/// when the list holds more than 2K, the threshold rises and the list is cut. So nearly all scores cost one vector
/// comparison, and no heap is needed.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "reclm/backend/cpu/simd.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/top_k.hpp"

namespace reclm::cpu {

/// One list for each of `lists` users, of capacity 2K + kStep entries (8 bytes each).
///
/// Positions must be offered in ascending order to a list; among equal scores the earlier position wins. −infinity and
/// NaN never enter. The result depends on nothing but the scores. Different lists may be used by different threads.
class BestLists {
 public:
  /// offer() reads scores in steps of so many; callers pad with −infinity.
  static constexpr Index kStep = 128;

  BestLists(Index lists, Index k)
      : k_(k),
        capacity_((2 * k + kStep + kLanes - 1) / kLanes * kLanes),
        heads_(static_cast<std::size_t>(lists)),
        scores_(static_cast<std::size_t>(lists * capacity_)),
        positions_(static_cast<std::size_t>(lists * capacity_)) {}

  /// Bytes that one list takes.
  static constexpr Index bytes(Index k) { return (2 * k + kStep) * 8 + static_cast<Index>(sizeof(Head)); }

  void clear(Index list) { heads_[static_cast<std::size_t>(list)] = Head{}; }

  /// Offers scores[i] of position first + i, i < n. n is a multiple of kStep.
  void offer(Index list, const float* scores, Index n, Id first) {
    Head head = heads_[static_cast<std::size_t>(list)];
    float* const kept = scores_.data() + list * capacity_;
    Id* const where = positions_.data() + list * capacity_;
    if (head.count == 0) head.threshold = std::max(head.threshold, early_bound(scores, n));
    for (Index begin = 0; begin < n; begin += kPiece) {
      // First where, without a branch (half of them would be mispredicted), then what.
      const auto bound = simd::splat(head.threshold);
      Strides hits[kPiece / kStride];
      Index found = 0;
      for (Index i = begin, end = std::min(n, begin + kPiece); i < end; i += kStride) {
        std::uint64_t bits = 0;
#pragma GCC unroll 4
        for (int j = 0; j < kStrideVectors; ++j)
          bits |= std::uint64_t{simd::bits_above(simd::load(scores + i + j * kLanes), bound)} << (j * kLanes);
        hits[found] = {bits, i};
        found += static_cast<Index>(bits != 0);
      }
      for (Index h = 0; h < found; ++h) {
        for (std::uint64_t bits = hits[h].bits; bits != 0; bits &= bits - 1) {
          const Index at = hits[h].at + std::countr_zero(bits);
          kept[head.count] = scores[at];
          where[head.count++] = first + static_cast<Id>(at);
        }
        if (head.count > 2 * k_) cut(head, kept, where, k_ / 4);
      }
    }
    heads_[static_cast<std::size_t>(list)] = head;
  }

  /// Adds everything that `from` keeps to `list` of this object. Lists must be joined in ascending order of positions.
  void join(Index list, const BestLists& from, Index from_list) {
    Head& head = heads_[static_cast<std::size_t>(list)];
    float* const kept = scores_.data() + list * capacity_;
    Id* const where = positions_.data() + list * capacity_;
    const Head& other = from.heads_[static_cast<std::size_t>(from_list)];
    for (Index i = 0; i < other.count; ++i) {
      const float score = from.scores_[static_cast<std::size_t>(from_list * from.capacity_ + i)];
      if (!(score > head.threshold)) continue;
      kept[head.count] = score;
      where[head.count++] = from.positions_[static_cast<std::size_t>(from_list * from.capacity_ + i)];
      if (head.count > 2 * k_) cut(head, kept, where, k_ / 4);
    }
  }

  /// Writes the list's best K in order to positions[K] and scores[K], the rest as kNoItem and −infinity, and clears it.
  void finish(Index list, Id* positions, float* scores) {
    Head& head = heads_[static_cast<std::size_t>(list)];
    float* const kept = scores_.data() + list * capacity_;
    Id* const where = positions_.data() + list * capacity_;
    if (head.count > k_) cut(head, kept, where, 0);
    sort(kept, where, head.count, positions, scores);
    for (Index i = head.count; i < k_; ++i) {
      positions[i] = kNoItem;
      scores[i] = kNothing;
    }
    clear(list);
  }

 private:
  static constexpr Index kLanes = simd::kLanes<float>;
  static constexpr int kStrideVectors = 4;
  static constexpr Index kStride = kStrideVectors * kLanes;
  static constexpr float kNothing = -std::numeric_limits<float>::infinity();
  static constexpr Index kPiece = 2048;
  static constexpr Index kMostSets = 1024;
  static_assert(kStep % kStride == 0);

  struct Strides {
    std::uint64_t bits;  // which scores are above the threshold
    Index at;
  };

  struct Head {
    Index count = 0;
    float threshold = kNothing;  // scores at or below it are not among the K best
  };

  // Integers in the order of the floats (−0 as 0).
  static RECLM_ALWAYS_INLINE simd::Integers<float> keys_of(simd::Vector<float> v) {
    const auto bits = reinterpret_cast<simd::Integers<float>>(v);
    const auto keys = bits ^ ((bits >> 31) & 0x7FFFFFFF);
    return v == 0.0f ? simd::Integers<float>{} : keys;
  }
  static std::int32_t key_of(float x) {
    const auto bits = std::bit_cast<std::int32_t>(x);
    return x == 0.0f ? 0 : bits ^ ((bits >> 31) & 0x7FFFFFFF);
  }
  static float float_of(std::int32_t key) { return std::bit_cast<float>(key ^ ((key >> 31) & 0x7FFFFFFF)); }

  // low: a key with at least k of the values above it; high: one with fewer than k above it.
  // More than `spare` values too many above low: then high = low + 1 is the k-th largest itself.
  struct Bracket {
    std::int32_t low, high;
    Index above_low, above_high;
  };
  // x[n] with n a multiple of kLanes, of which at least k are above −infinity.
  static Bracket bracket(const float* x, Index n, Index k, Index spare) {
    auto most = simd::load(x);
    for (Index i = kLanes; i < n; i += kLanes) most = simd::max(most, simd::load(x + i));
    Bracket b{key_of(kNothing), key_of(simd::largest<float>(most)), n, 0};
    b.above_low = above(x, n, float_of(b.low));
    // Scores of one user lie close together: start the search within a factor of the largest instead of at −infinity.
    for (std::int32_t step = 1 << 22; b.above_low > k + spare && std::int64_t{b.high} - b.low > 1;) {
      const std::int64_t distance = std::int64_t{b.high} - b.low;
      const auto middle = static_cast<std::int32_t>(distance > 2 * std::int64_t{step} ? std::int64_t{b.high} - step
                                                                                      : b.low + distance / 2);
      const Index count = above(x, n, float_of(middle));
      if (count >= k) {
        b.low = middle;
        b.above_low = count;
      } else {
        b.high = middle;
        b.above_high = count;
        if (step < (1 << 29)) step *= 2;
      }
    }
    return b;
  }

  static Index above(const float* x, Index n, float bound) {
    const auto bounds = simd::splat(bound);
    int count = 0;
    for (Index i = 0; i < n; i += kLanes) count += std::popcount(simd::bits_above(simd::load(x + i), bounds));
    return count;
  }

  // A value that at least K of the scores exceed, so that hardly more than K enter the list: close below the K-th
  // largest of the maxima over 3K or more disjoint sets of scores, or of all scores where those are few.
  float early_bound(const float* scores, Index n) const {
    alignas(kAlignment) float maxima[kMostSets] = {};
    const Index sets = (3 * k_ + kStep - 1) / kStep * kStep;
    if (2 * k_ > n) return kNothing;
    if (sets > kMostSets || 2 * sets > n) return bound_of(scores, n);
    for (Index j = 0; j < sets; j += kLanes) {
      auto most = simd::load(scores + j);
      for (Index i = sets + j; i < n; i += sets) most = simd::max(most, simd::load(scores + i));
      simd::store<float>(maxima + j, most);
    }
    return bound_of(maxima, sets);
  }
  float bound_of(const float* x, Index n) const {
    return above(x, n, kNothing) < k_ ? kNothing : float_of(bracket(x, n, k_, k_ / 4).low);
  }

  // Keeps the K best and at most `spare` more, in their order.
  void cut(Head& head, float* kept, Id* where, Index spare) const {
    const Index padded = (head.count + kLanes - 1) / kLanes * kLanes;
    for (Index i = head.count; i < padded; ++i) kept[i] = kNothing;
    const Bracket b = bracket(kept, padded, k_, spare);
    const bool exact = b.above_low > k_ + spare;
    const float threshold = float_of(exact ? b.high : b.low);
    Index equals = exact ? k_ - b.above_high : 0, count = 0;
    for (Index i = 0; i < head.count; ++i) {
      const float score = kept[i];
      const bool equal = score == threshold && equals > 0;
      equals -= equal;
      kept[count] = score;
      where[count] = where[i];
      count += static_cast<Index>(equal || score > threshold);
    }
    head.count = count;
    head.threshold = threshold;
  }

  // Orders the entries, which stand in ascending order of positions, by descending score.
  static void sort(float* kept, const Id* where, Index count, Id* positions, float* scores) {
    if (count > 64) {
      // One integer an entry: descending score, then ascending place in the list.
      thread_local std::vector<std::uint64_t> entries;
      entries.resize(static_cast<std::size_t>(count));
      for (Index i = 0; i < count; ++i)
        entries[static_cast<std::size_t>(i)] = std::uint64_t{static_cast<std::uint32_t>(~key_of(kept[i])) ^ 0x80000000u}
                                                   << 32 |
                                               static_cast<std::uint32_t>(i);
      std::sort(entries.begin(), entries.end());
      for (Index i = 0; i < count; ++i) {
        const auto from = static_cast<std::uint32_t>(entries[static_cast<std::size_t>(i)]);
        positions[i] = where[from];
        scores[i] = kept[from];
      }
      return;
    }
    // Short lists: an entry's place is the number of entries before it. No branch depends on the scores.
    const Index padded = (count + kLanes - 1) / kLanes * kLanes;
    for (Index i = count; i < padded; ++i) kept[i] = kNothing;
    for (Index i = 0; i < count; ++i) {
      const auto own = simd::splat(kept[i]);
      std::uint64_t larger = 0, smaller = 0;
      for (Index j = 0; j < padded; j += kLanes) {
        const auto others = simd::load(kept + j);
        larger |= std::uint64_t{simd::bits_above(others, own)} << j;
        smaller |= std::uint64_t{simd::bits_above(own, others)} << j;
      }
      const std::uint64_t earlier = (std::uint64_t{1} << i) - 1;
      const int place = std::popcount(larger) + std::popcount(~(larger | smaller) & earlier);
      positions[place] = where[i];
      scores[place] = kept[i];
    }
  }

  Index k_, capacity_;
  std::vector<Head> heads_;
  std::vector<float> scores_;
  std::vector<Id> positions_;
};

}  // namespace reclm::cpu
