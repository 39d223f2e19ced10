#pragma once
/// @file info_nce.hpp
/// InfoNCE of some anchors against all nodes, streamed: neither the [anchors, nodes] matrix of similarities nor its
/// gradient ever exists. Loss and both gradients come from one pass.
///
/// Source: van den Oord et al., "Representation learning with contrastive predictive coding", 2018, eq. 4; as SGL and
/// SimGCL use it (all nodes are negatives, the anchor's own second view is the positive).

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <type_traits>
#include <utility>
#include <vector>

#include "reclm/backend/cpu/dot_tile.hpp"
#include "reclm/backend/cpu/memory_pool.hpp"
#include "reclm/backend/info_nce.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"

namespace reclm::cpu {

namespace detail {

/// One evaluation. Anchors pass in tiles; a tile's exponentials [tile, nodes] are kept until their sums are known, that
/// is until the next tile passes: panel by panel, the previous tile's go into d_z2, then this tile's take their place.
template <class T>
class InfoNce {
 public:
  InfoNce(const InfoNceProblem<T>& problem, const InfoNceGradient<T>* gradient) : p_(problem), gradient_(gradient) {
    reclm::detail::check_info_nce(problem, gradient);
    reclm::detail::DistinctAnchors<double> distinct(problem.anchors);
    ids_ = std::move(distinct.ids);
    counts_ = std::move(distinct.counts);
    allocate();
  }

  double run() {
    const auto anchors = static_cast<Index>(ids_.size());
    double loss = 0;
    for (Index first = 0; first < anchors; first += kRows) {
      const Tiling previous = gradient_ == nullptr ? Tiling{} : now_;
      now_ = {std::min(kRows, anchors - first), chunk_count(std::min(kRows, anchors - first), kTileRows) * kTileRows};
      pack_anchors(first);
      if (shifted_) find_shifts();
      parallel_chunks(nodes_, chunk_, [&](Index begin, Index end, Index c) { pass(begin, end, c, previous, now_); });
      loss += finish_tile(first);
    }
    if (gradient_ != nullptr) {
      parallel_chunks(nodes_, chunk_, [&](Index begin, Index end, Index c) { pass(begin, end, c, now_, {}); });
      add_padded_gradient();
    }
    return loss;
  }

 private:
  static constexpr Index kRows = 64;  // anchors of a tile
  static constexpr Index kPanelColumns = kPanel<T>;
  static constexpr Index kLanes = simd::kLanes<T>;
  static constexpr T kExcluded = T(-1e30);
  // exp(±limit) times any number of nodes neither overflows nor underflows: up to here no maximum is subtracted.
  static constexpr double kLargestLogit = std::is_same_v<T, float> ? 60 : 600;

  struct Tiling {
    Index rows = 0;    // anchors
    Index padded = 0;  // rounded up to whole register tiles
  };

  // --- one pass over some nodes ----------------------------------------------------------------------------------

  // E of the tile `before` goes into d_z2, E of the tile `now` is made, summed and multiplied into its anchors' part.
  void pass(Index begin, Index end, Index chunk, Tiling before, Tiling now) {
    T* const part = anchor_parts_.data() + chunk * kRows * width_;
    T sums[kRows * kLanes] = {};
    std::fill_n(part, gradient_ == nullptr ? 0 : now.padded * width_, T(0));
    std::vector<T> local(static_cast<std::size_t>(kPanelColumns * (width_ * 2 + kRows)));
    T* const tail_z = local.data();
    T* const tail_d = tail_z + kPanelColumns * width_;
    T* const no_e = tail_d + kPanelColumns * width_;
    for (Index node = begin; node < end; node += kPanelColumns) {
      const Index count = std::min(kPanelColumns, end - node);
      const bool tail = count < kPanelColumns;
      const T* z = z2_ + node * z2_step_;
      T* const e = gradient_ == nullptr ? no_e : e_.get() + node * kRows;
      Index z_step = z2_step_;
      if (tail) {
        for (Index j = 0; j < count; ++j) std::copy_n(z + j * z2_step_, width_, tail_z + j * width_);
        z = tail_z;
        z_step = width_;
      }
      if (before.rows > 0) add_to_nodes(e, before, node, count, tail_d);
      if (now.rows == 0) continue;
      const T* const packed = packed_z2_.get() + node * p_.z2.cols();
      const bool another = node + kPanelColumns < end;
      for (Index r = 0; r < now.padded; r += kTileRows) {
        if (another) fetch_ahead(node + kPanelColumns, r / kTileRows, now.padded / kTileRows);
        tail ? exponentials<true>(r, packed, count, e, sums) : exponentials<false>(r, packed, count, e, sums);
      }
      if (gradient_ != nullptr)
        for (Index r = 0; r < now.padded; r += kTileRows)
          add_product<1, kPanelColumns, kTileRows>(part + r * width_, width_, e + r * kPanelColumns, z, z_step,
                                                   kPanelColumns, width_);
    }
    for (Index r = 0; r < now.rows; ++r)
      sum_parts_[static_cast<std::size_t>(chunk * kRows + r)] =
          static_cast<double>(simd::sum<T>(simd::load(sums + r * kLanes)));
  }

  // d_z2[node …] += Eᵀ · weighted anchors.
  void add_to_nodes(const T* e, Tiling before, Index node, Index count, T* tail_d) {
    T* d = d_z2_ + node * d_z2_step_;
    Index step = d_z2_step_;
    if (count < kPanelColumns) {
      for (Index j = 0; j < count; ++j) std::copy_n(d + j * step, width_, tail_d + j * width_);
      std::swap(d, tail_d);
      step = width_;
    }
    constexpr int kNodeRows = static_cast<int>(std::min<Index>(kTileRows, kPanelColumns));
    for (Index j = 0; j < kPanelColumns; j += kNodeRows)
      add_product<kPanelColumns, 1, kNodeRows>(d + j * step, step, e + j, weighted_.data(), width_, before.padded,
                                               width_);
    if (count < kPanelColumns)
      for (Index j = 0; j < count; ++j) std::copy_n(d + j * width_, width_, tail_d + j * d_z2_step_);
  }

  // Asks for a part of what the next panel reads. Its pieces lie in four places, and streams end at every page.
  void fetch_ahead(Index node, Index part, Index parts) const {
    const auto ask = [&](const T* from, Index size) {
      constexpr Index line = static_cast<Index>(kAlignment / sizeof(T));
      const Index last = std::min(size, (part + 1) * chunk_count(size, parts));
      for (Index i = part * chunk_count(size, parts); i < last; i += line) __builtin_prefetch(from + i, 0, 2);
    };
    ask(packed_z2_.get() + node * p_.z2.cols(), kPanelColumns * p_.z2.cols());
    if (gradient_ == nullptr) return;
    ask(z2_ + node * z2_step_, kPanelColumns * z2_step_);
    ask(d_z2_ + node * d_z2_step_, kPanelColumns * d_z2_step_);
    ask(e_.get() + node * kRows, kPanelColumns * kRows);
  }

  // E[r …, panel] = exp(z1 · z2 / τ − shift), and its row sums. Logits are kept in base 2.
  template <bool Tail>
  RECLM_ALWAYS_INLINE void exponentials(Index r, const T* packed, Index count, T* e, T* sums) const {
    auto tile = similarities(r, packed);
#pragma GCC unroll 8
    for (int i = 0; i < kTileRows; ++i) {
      simd::Vector<T> sum = simd::load(sums + (r + i) * kLanes);
#pragma GCC unroll 8
      for (int v = 0; v < kTileVectors; ++v) {
        if constexpr (Tail) exclude(tile.at[i][v], count - v * kLanes);
        tile.at[i][v] = simd::exp2<T>(tile.at[i][v] - shifts_[r + i]);
        sum += tile.at[i][v];
      }
      simd::store<T>(sums + (r + i) * kLanes, sum);
    }
    store_tile(e + r * kPanelColumns, kPanelColumns, tile);
  }

  RECLM_ALWAYS_INLINE Tile<T, kTileRows> similarities(Index r, const T* packed) const {
    Tile<T, kTileRows> tile{};
    accumulate<MultiplyAdd, kTileRows, 1>(tile, anchors_.data() + r * p_.z1.cols(), packed, kPanelColumns,
                                          p_.z1.cols());
    return tile;
  }

  // Lanes from `count` on belong to no node.
  static void exclude(simd::Vector<T>& v, Index count) {
    for (Index lane = std::max<Index>(count, 0); lane < kLanes; ++lane) v[lane] = kExcluded;
  }

  // --- between passes --------------------------------------------------------------------------------------------

  void pack_anchors(Index first) {
    const Index d = p_.z1.cols();
    const T factor = static_cast<T>(1 / (p_.temperature * std::numbers::ln2));
    std::fill(anchors_.begin(), anchors_.end(), T(0));
    for (Index r = 0; r < now_.rows; ++r) {
      const T* z = p_.z1.data() + ids_[static_cast<std::size_t>(first + r)] * p_.z1.row_stride();
      T* to = anchors_.data() + r / kTileRows * kTileRows * d + r % kTileRows;
      for (Index k = 0; k < d; ++k) to[k * kTileRows] = z[k] * factor;
    }
  }

  // Small temperatures: the largest logit of each anchor, by a pass of its own.
  void find_shifts() {
    std::vector<T> largest(static_cast<std::size_t>(chunk_count(nodes_, chunk_) * kRows));
    parallel_chunks(nodes_, chunk_, [&](Index begin, Index end, Index chunk) {
      T most[kRows * kLanes];
      std::fill_n(most, kRows * kLanes, kExcluded);
      for (Index node = begin; node < end; node += kPanelColumns) {
        const Index count = std::min(kPanelColumns, end - node);
        const T* const packed = packed_z2_.get() + node * p_.z2.cols();
        for (Index r = 0; r < now_.padded; r += kTileRows) {
          auto tile = similarities(r, packed);
          for (int i = 0; i < kTileRows; ++i)
            for (int v = 0; v < kTileVectors; ++v) {
              if (count < kPanelColumns) exclude(tile.at[i][v], count - v * kLanes);
              T* const row = most + (r + i) * kLanes;
              simd::store<T>(row, simd::max(simd::load(row), tile.at[i][v]));
            }
        }
      }
      for (Index r = 0; r < kRows; ++r)
        largest[static_cast<std::size_t>(chunk * kRows + r)] = simd::largest<T>(simd::load(most + r * kLanes));
    });
    for (Index r = 0; r < kRows; ++r) {
      shifts_[r] = kExcluded;
      for (std::size_t i = static_cast<std::size_t>(r); i < largest.size(); i += kRows)
        shifts_[r] = std::max(shifts_[r], largest[i]);
    }
  }

  // The tile's loss; its gradients but for the part of d_z2 that the next pass adds.
  double finish_tile(Index first) {
    double loss = 0;
    const Index chunks = chunk_count(nodes_, chunk_), d = p_.z1.cols();
    std::fill(weighted_.begin(), weighted_.end(), T(0));
    std::vector<T> expected(static_cast<std::size_t>(width_));
    for (Index r = 0; r < now_.rows; ++r) {
      const Id id = ids_[static_cast<std::size_t>(first + r)];
      const double count = counts_[static_cast<std::size_t>(first + r)];
      const T* const z1 = p_.z1.data() + id * p_.z1.row_stride();
      const T* const z2 = z2_ + id * z2_step_;
      double total = 0, positive = 0;
      for (Index c = 0; c < chunks; ++c) total += sum_parts_[static_cast<std::size_t>(c * kRows + r)];
      for (Index k = 0; k < d; ++k) positive += static_cast<double>(z1[k]) * static_cast<double>(z2[k]);
      loss +=
          count * (std::log(total) + std::numbers::ln2 * static_cast<double>(shifts_[r]) - positive / p_.temperature);
      if (gradient_ == nullptr) continue;

      const double slope = gradient_->scale * count / p_.temperature;
      const T weight = static_cast<T>(slope / total), one = static_cast<T>(slope);
      std::fill(expected.begin(), expected.end(), T(0));
      for (Index c = 0; c < chunks; ++c) {
        const T* part = anchor_parts_.data() + (c * kRows + r) * width_;
        for (Index k = 0; k < d; ++k) expected[static_cast<std::size_t>(k)] += part[k];
      }
      T* const d_z1 = gradient_->d_z1.data() + id * gradient_->d_z1.row_stride();
      T* const d_z2 = d_z2_ + id * d_z2_step_;
      for (Index k = 0; k < d; ++k) {
        d_z1[k] += weight * expected[static_cast<std::size_t>(k)] - one * z2[k];
        d_z2[k] -= one * z1[k];
        weighted_[static_cast<std::size_t>(r * width_ + k)] = weight * z1[k];
      }
    }
    return loss;
  }

  // --- memory ----------------------------------------------------------------------------------------------------

  // Of some rows, or of all where `ids` names none. NaN where one is.
  static double largest_square(const MatrixView<const T>& z, const std::vector<Id>& ids) {
    const Index rows = ids.empty() ? z.rows() : static_cast<Index>(ids.size());
    constexpr Index kBlock = 256;
    std::vector<double> largest(static_cast<std::size_t>(chunk_count(rows, kBlock)));
    parallel_chunks(rows, kBlock, [&](Index begin, Index end, Index chunk) {
      double most = 0;
      for (Index r = begin; r < end; ++r) {
        const T* const row = z.data() + (ids.empty() ? r : ids[static_cast<std::size_t>(r)]) * z.row_stride();
        const auto square = static_cast<double>(simd::dot(row, row, z.cols()));
        if (!(square <= most)) most = square;
      }
      largest[static_cast<std::size_t>(chunk)] = most;
    });
    double most = 0;
    for (const double square : largest)
      if (!(square <= most)) most = square;
    return most;
  }

  void allocate() {
    nodes_ = p_.z2.rows();
    const Index d = p_.z2.cols();
    width_ = chunk_count(d, kLanes) * kLanes;
    chunk_ = chunk_count(std::max(Index{512}, chunk_count(nodes_, 64)), kPanelColumns) * kPanelColumns;
    const Index chunks = chunk_count(nodes_, chunk_);
    const std::vector<Id> all;
    shifted_ = !(std::sqrt(largest_square(p_.z1, ids_) * largest_square(p_.z2, all)) / p_.temperature <= kLargestLogit);
    anchors_.resize(static_cast<std::size_t>(kRows * d));
    sum_parts_.resize(static_cast<std::size_t>(chunks * kRows));
    z2_ = p_.z2.data();
    z2_step_ = p_.z2.row_stride();
    if (width_ != d) {
      padded_z2_.assign(static_cast<std::size_t>(nodes_ * width_), T(0));
      for (Index i = 0; i < nodes_; ++i) std::copy_n(z2_ + i * z2_step_, d, padded_z2_.data() + i * width_);
      z2_ = padded_z2_.data();
      z2_step_ = width_;
    }
    const Index whole = chunk_count(nodes_, kPanelColumns) * kPanelColumns;
    packed_z2_ = reclm::detail::pooled<T>(whole * d);
    parallel_chunks(nodes_, kPanelColumns, [&](Index begin, Index end, Index) {
      pack_panel([&](Index j) { return z2_ + (begin + j) * z2_step_; }, end - begin, d, packed_z2_.get() + begin * d);
    });
    if (gradient_ == nullptr) return;
    e_ = reclm::detail::pooled<T>(whole * kRows);
    weighted_.resize(static_cast<std::size_t>(kRows * width_));
    anchor_parts_.resize(static_cast<std::size_t>(chunks * kRows * width_));
    d_z2_ = gradient_->d_z2.data();
    d_z2_step_ = gradient_->d_z2.row_stride();
    if (width_ != d) {
      padded_d_z2_.assign(static_cast<std::size_t>(nodes_ * width_), T(0));
      d_z2_ = padded_d_z2_.data();
      d_z2_step_ = width_;
    }
  }

  void add_padded_gradient() {
    if (padded_d_z2_.empty()) return;
    for (Index i = 0; i < nodes_; ++i)
      for (Index k = 0; k < p_.z2.cols(); ++k) gradient_->d_z2(i, k) += d_z2_[i * width_ + k];
  }

  const InfoNceProblem<T>& p_;
  const InfoNceGradient<T>* gradient_;
  Index nodes_ = 0, width_ = 0, chunk_ = 0;  // width_: d rounded up to whole registers
  bool shifted_ = false;
  std::vector<Id> ids_;         // distinct anchors, ascending
  std::vector<double> counts_;  // how often each occurs
  const T* z2_ = nullptr;       // [nodes, width_]
  T* d_z2_ = nullptr;
  Index z2_step_ = 0, d_z2_step_ = 0;
  std::vector<T> padded_z2_, padded_d_z2_;  // only where d is no multiple of the lanes
  Tiling now_;
  T shifts_[kRows] = {};
  std::vector<T> anchors_;         // the tile's z1 / (τ ln 2), packed
  std::vector<T> weighted_;        // the last tile's z1 · slope / Σ E, [kRows, width_]
  std::shared_ptr<T> packed_z2_;   // panels of [d, kPanelColumns]
  std::shared_ptr<T> e_;           // panels of [kRows, kPanelColumns]
  std::vector<T> anchor_parts_;    // Σ_j E_bj z2_j by chunk, [chunks, kRows, width_]
  std::vector<double> sum_parts_;  // Σ_j E_bj by chunk, [chunks, kRows]
};

}  // namespace detail

/// Σ_b ( −z1_b · z2_b / τ + log Σ_j exp(z1_b · z2_j / τ) ) over the anchors b and all nodes j, and its gradient when
/// `gradient` is given. The loss is summed in double.
///
/// Cost: 6 · anchors · nodes · d operations and anchors · nodes exponentials (a third of the operations without the
/// gradient); anchors are the distinct ones. Memory: (64 + d) · nodes numbers, and 2 · nodes · d more where d is no
/// multiple of a register's lanes. The same bits for any number of threads.
/// @throws ShapeError, ConfigError (temperature not above 0)
template <class T>
double info_nce(const InfoNceProblem<T>& problem) {
  return detail::InfoNce<T>(problem, nullptr).run();
}
template <class T>
double info_nce(const InfoNceProblem<T>& problem, const InfoNceGradient<T>& gradient) {
  return detail::InfoNce<T>(problem, &gradient).run();
}

}  // namespace reclm::cpu
