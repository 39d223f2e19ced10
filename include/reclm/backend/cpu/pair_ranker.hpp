#pragma once
/// @file pair_ranker.hpp
/// Scores, masks and selects a strip of items for a tile of users at a time: the work inside top_k().

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "reclm/backend/candidates.hpp"
#include "reclm/backend/cpu/best_list.hpp"
#include "reclm/backend/cpu/dot_tile.hpp"
#include "reclm/backend/cpu/score_check.hpp"
#include "reclm/backend/ranking.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/parallel.hpp"

namespace reclm::cpu {

/// The work of top_k(), a strip of items and a tile of users at a time.
class PairRanker {
 public:
  // A strip of packed items is 512 KB, half of a second-level cache, and at most kStrip items. Zen 4, 57,128 × 3,827,
  // 32 wide, seconds by longest strip: 512 .276, 1024 .255, 2048 .25, 4096 .22 (thresholds are better from the start).
  static constexpr Index kStrip = 4096;
  static constexpr Index kStripElements = Index{1} << 17;
  static constexpr Index kUserChunk = 64;
  static constexpr Index kAheadElements = 2048;  // that rank_directly() asks for in advance

  PairRanker(const PairFactors& factors, std::span<const Id> users, const Candidates& candidates,
             const MaskView& masked)
      : f_(factors), users_(users), candidates_(candidates), masked_(masked) {
    reclm::detail::check_ranking(f_, users_);
    strip_ = std::clamp(kStripElements / std::max<Index>(1, depth()) / BestLists::kStep * BestLists::kStep,
                        4 * BestLists::kStep, kStrip);
  }

  /// Items that are packed and ranked at a time; a multiple of BestLists::kStep.
  [[nodiscard]] Index strip() const { return strip_; }

  /// Elements of a packed item or user.
  [[nodiscard]] Index depth() const { return f_.users.cols() + f_.user_hidden.cols(); }
  [[nodiscard]] Index strip_elements() const { return strip_ * (depth() + 1); }

  /// Packs the candidates [begin, end), at most strip(): panels, then biases.
  void pack_items(Index begin, Index end, float* packed) {
    float* const bias = packed + strip_ * depth();
    for (Index p = begin; p < end; p += kPanel<float>, packed += kPanel<float> * depth()) {
      const Index count = std::min(kPanel<float>, end - p);
      pack_panel([&](Index j) { return row_of(f_.items, candidates_.at(p + j)); }, count, f_.items.cols(), packed);
      if (f_.item_hidden.cols() > 0)
        pack_panel([&](Index j) { return row_of(f_.item_hidden, candidates_.at(p + j)); }, count, f_.item_hidden.cols(),
                   packed + kPanel<float> * f_.items.cols());
      item_magnitude_.add({packed, static_cast<std::size_t>(kPanel<float> * depth())});
    }
    for (Index p = begin; p < begin + strip_; ++p) {
      float value = p < end ? 0.0f : kNothing;
      if (p < end && !f_.item_bias.empty()) {
        value = f_.item_bias[static_cast<std::size_t>(candidates_.at(p))];
        if (value != kNothing) item_magnitude_.add({&value, 1});
      }
      bias[p - begin] = value;
    }
  }

  /// Users of a chunk packed for the tiles, and where each stands in its list of masked items.
  struct Users {
    Index begin = 0, end = 0;
    std::vector<float> packed;
    std::vector<float> bias;
    std::vector<std::size_t> next_masked;
  };

  /// Packs the listed users [begin, end).
  void pack_users(Index begin, Index end, Users& chunk) {
    const Index n = end - begin;
    chunk.begin = begin;
    chunk.end = end;
    chunk.packed.resize(static_cast<std::size_t>(n * depth()));
    chunk.bias.assign(static_cast<std::size_t>(n), 0.0f);
    chunk.next_masked.assign(static_cast<std::size_t>(n), 0);
    float* to = chunk.packed.data();
    for (Index u = begin; u < end;) {
      const Index rows = tile_rows(end - u);
      for (Index r = 0; r < rows; ++r) {
        const Id user = users_[static_cast<std::size_t>(u + r)];
        const float* vector = row_of(f_.users, user);
        for (Index k = 0; k < f_.users.cols(); ++k) to[k * rows + r] = vector[k];
        if (f_.user_hidden.cols() > 0) {
          const float* hidden = row_of(f_.user_hidden, user);
          for (Index k = 0; k < f_.user_hidden.cols(); ++k) to[(f_.users.cols() + k) * rows + r] = hidden[k];
        }
        if (!f_.user_bias.empty())
          chunk.bias[static_cast<std::size_t>(u + r - begin)] = f_.user_bias[static_cast<std::size_t>(user)];
      }
      to += rows * depth();
      u += rows;
    }
    user_magnitude_.add(chunk.packed);
    user_magnitude_.add(chunk.bias);
  }

  /// Skips the masked items before candidate `position`.
  void seek(Users& chunk, Index position) const {
    for (Index u = chunk.begin; u < chunk.end; ++u) {
      const auto masked = masked_.of(users_[static_cast<std::size_t>(u)]);
      chunk.next_masked[static_cast<std::size_t>(u - chunk.begin)] = static_cast<std::size_t>(
          std::lower_bound(masked.begin(), masked.end(), candidates_.at(position)) - masked.begin());
    }
  }

  /// Scores the chunk's users against the packed candidates [begin, end); user u's list is u − lists_begin.
  void rank(Users& chunk, Index begin, Index end, const float* packed, BestLists& lists, Index lists_begin) const {
    const float* a = chunk.packed.data();
    for (Index u = chunk.begin; u < chunk.end;) {
      const Index rows = tile_rows(chunk.end - u);
      alignas(kAlignment) float scores[kTileRows * kStrip];
      if (rows == kTileRows)
        score<kTileRows>(a, chunk.bias.data() + (u - chunk.begin), packed, end - begin, scores);
      else if (rows == kTileRows / 2)
        score<kTileRows / 2>(a, chunk.bias.data() + (u - chunk.begin), packed, end - begin, scores);
      else
        score<1>(a, chunk.bias.data() + (u - chunk.begin), packed, end - begin, scores);
      const Index padded = chunk_count(end - begin, BestLists::kStep) * BestLists::kStep;
      for (Index r = 0; r < rows; ++r) {
        float* const row = scores + r * strip_;
        std::fill(row + chunk_count(end - begin, kPanel<float>) * kPanel<float>, row + padded, kNothing);
        candidates_.mask(masked_.of(users_[static_cast<std::size_t>(u + r)]),
                         chunk.next_masked[static_cast<std::size_t>(u + r - chunk.begin)], begin, end, row);
        lists.offer(u + r - lists_begin, row, padded, static_cast<Id>(begin));
      }
      a += rows * depth();
      u += rows;
    }
  }

  /// The same without packing, which pays when there are few users: each item row is read where it lies. Sums run in
  /// another order than rank()'s, so that scores may differ in the last bit.
  void rank_directly(Users& chunk, Index begin, Index end, BestLists& lists, Index lists_begin) {
    const Index padded = chunk_count(end - begin, BestLists::kStep) * BestLists::kStep;
    for (Index u = chunk.begin; u < chunk.end; ++u) {
      const Id user = users_[static_cast<std::size_t>(u)];
      alignas(kAlignment) float scores[kStrip];
      score_directly(user, chunk.bias[static_cast<std::size_t>(u - chunk.begin)], begin, end, scores);
      score_magnitude_.add({scores, static_cast<std::size_t>(end - begin)});
      std::fill(scores + (end - begin), scores + padded, kNothing);
      candidates_.mask(masked_.of(user), chunk.next_masked[static_cast<std::size_t>(u - chunk.begin)], begin, end,
                       scores);
      lists.offer(u - lists_begin, scores, padded, static_cast<Id>(begin));
    }
  }

  /// @throws NumericError when any score of the ranking was NaN.
  void check_numbers() const {
    // Finite factors far from overflow cannot make a NaN; only otherwise each pair is looked at.
    const double most = 2.0 * static_cast<double>(depth() + 2) * std::max(1.0, user_magnitude_.value()) *
                        std::max(1.0, item_magnitude_.value());
    const bool sound = score_magnitude_.seen() ? !score_magnitude_.has_nan()
                                               : user_magnitude_.finite() && item_magnitude_.finite() &&
                                                     most < static_cast<double>(std::numeric_limits<float>::max());
    if (sound) return;
    for (const Id user : users_)
      for (const Id item : candidates_.ids())
        if (std::isnan(plain_score(user, item))) reclm::detail::throw_nan_score(user, item);
    // Sums in another order may stay finite where the ranking's overflowed.
    if (score_magnitude_.has_nan())
      throw NumericError(
          "top_k: a score overflowed and is not a number. Remedy: look for huge values in the model's vectors");
  }

 private:
  static constexpr float kNothing = -std::numeric_limits<float>::infinity();

  static const float* row_of(const MatrixView<const float>& m, Id row) { return m.data() + row * m.row_stride(); }

  static Index tile_rows(Index left) {
    return left >= kTileRows ? kTileRows : left >= kTileRows / 2 ? kTileRows / 2 : 1;
  }

  template <int Rows>
  void score(const float* a, const float* user_bias, const float* packed, Index count, float* scores) const {
    const Index d = f_.users.cols(), h = f_.user_hidden.cols();
    const float* const bias = packed + strip_ * depth();
    for (Index p = 0; p < count; p += kPanel<float>, packed += kPanel<float> * (d + h)) {
      Tile<float, Rows> tile;
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < kTileVectors; ++v)
          tile.at[r][v] = simd::load(bias + p + v * simd::kLanes<float>) + user_bias[r];
      accumulate<MultiplyAdd, Rows, 1>(tile, a, packed, kPanel<float>, d);
      if (h > 0) accumulate<AddRelu, Rows, 1>(tile, a + d * Rows, packed + d * kPanel<float>, kPanel<float>, h);
      store_tile(scores + p, strip_, tile);
    }
  }

  void score_directly(Id user, float user_bias, Index begin, Index end, float* scores) const {
    constexpr Index lanes = simd::kLanes<float>;
    using V = simd::Vector<float>;
    const Index d = f_.users.cols(), h = f_.user_hidden.cols();
    const MatrixView<const float> items = f_.items, item_hidden = f_.item_hidden;
    const float* const vector = row_of(f_.users, user);
    const float* const hidden = h > 0 ? row_of(f_.user_hidden, user) : nullptr;
    const float* const item_bias = f_.item_bias.empty() ? nullptr : f_.item_bias.data();
    const Id* const ids = candidates_.ids().data();
    constexpr Index line = 64 / sizeof(float);
    const Index ahead = std::max<Index>(lanes, kAheadElements / std::max<Index>(d, 1)), last = candidates_.size() - 1;
    for (Index p = begin; p < end; p += lanes) {
      V partial[lanes], bias = simd::splat(user_bias);
      Id group[lanes];
      for (Index j = 0; j < lanes; ++j) {
        group[j] = ids[std::min(p + j, end - 1)];
        // Rows stream from memory, faster than the processor's own prefetching follows.
        const float* const later = row_of(items, ids[std::min(p + j + ahead, last)]);
        for (Index k = 0; k < d; k += line) __builtin_prefetch(later + k);
      }
#pragma GCC unroll 16
      for (Index j = 0; j < lanes; ++j) partial[j] = product_sum<MultiplyAdd>(vector, row_of(items, group[j]), d);
      if (h > 0)
        for (Index j = 0; j < lanes; ++j) partial[j] += product_sum<AddRelu>(hidden, row_of(item_hidden, group[j]), h);
      if (item_bias != nullptr)
        for (Index j = 0; j < lanes; ++j) bias[j] += item_bias[group[j]];
      simd::transpose<float>(partial);
#pragma GCC unroll 16
      for (Index j = 0; j < lanes; ++j) bias += partial[j];
      if (end - p >= lanes)
        simd::store<float>(scores + (p - begin), bias);
      else
        for (Index j = 0; j < end - p; ++j) scores[p - begin + j] = bias[j];
    }
  }

  // Lane l: the sum of Combine(a[k], b[k]) over k = l, l + kLanes …
  template <class Combine>
  static RECLM_ALWAYS_INLINE simd::Vector<float> product_sum(const float* a, const float* b, Index n) {
    simd::Vector<float> total{};
    Index k = 0;
    for (; k + simd::kLanes<float> <= n; k += simd::kLanes<float>)
      Combine::apply(total, simd::load(a + k), simd::load(b + k));
    if (k < n) Combine::apply(total, simd::load_part(a + k, n - k), simd::load_part(b + k, n - k));
    return total;
  }

  [[nodiscard]] float plain_score(Id user, Id item) const {
    float total = (f_.item_bias.empty() ? 0.0f : f_.item_bias[static_cast<std::size_t>(item)]) +
                  (f_.user_bias.empty() ? 0.0f : f_.user_bias[static_cast<std::size_t>(user)]);
    for (Index k = 0; k < f_.users.cols(); ++k) total += f_.users(user, k) * f_.items(item, k);
    for (Index k = 0; k < f_.user_hidden.cols(); ++k) {
      const float sum = f_.user_hidden(user, k) + f_.item_hidden(item, k);
      total += sum > 0.0f || std::isnan(sum) ? sum : 0.0f;
    }
    return total;
  }

  const PairFactors& f_;
  std::span<const Id> users_;
  const Candidates& candidates_;
  const MaskView& masked_;
  Index strip_ = 0;
  Magnitude user_magnitude_, item_magnitude_, score_magnitude_;
};

}  // namespace reclm::cpu
