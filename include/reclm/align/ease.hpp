#pragma once
/// @file ease.hpp
/// EASE: the linear item-to-item autoencoder in closed form, optionally drawn towards what item vectors say.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/align/detail/dense.hpp"
#include "reclm/align/kernel_head.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm {

struct EaseOptions {
  double ridge = 200;  ///< λ > 0, added to the diagonal of the co-occurrence counts
  double content = 0;  ///< weight ≥ 0 of the vectors' kernel (exp(−3(1 − cos))) beside the counts; 0: plain EASE
  Index items = 6000;  ///< only so many items, the most frequent, get weights: these take 4·items² bytes,
                       ///< the computation 12·items², a fit that chooses among several 16·items²
};

/// score(u, ·) = x_u · B with B = argmin ‖X − XB‖² + content·‖F − FB‖² + λ‖B‖², diag B = 0 (Steck, WWW 2019; with side
/// information Jeunen et al., RecSys 2020). x_u is the user's train row, FᵀF the kernel of the items' vectors.
/// Models `Scorer`. Items that train does not hold, or that `items` leaves out, score 0.
class Ease {
 public:
  /// @param vectors [items, p], unit length or zero; read only when `content` is above 0
  /// @throws ConfigError, ShapeError; NumericError when λ is too small. O(n²·p + n³), n = items kept
  explicit Ease(Interactions train, const EaseOptions& options = {}, const Matrix<float>& vectors = {})
      : train_(std::move(train)) {
    if (!(options.ridge > 0) || !(options.content >= 0) || options.items < 1)
      throw ConfigError("EaseOptions: ridge and items must be above 0, content at least 0");
    if (options.content > 0 && vectors.rows() != train_.items())
      throw ShapeError("Ease: " + std::to_string(vectors.rows()) + " vectors for " + std::to_string(train_.items()) +
                       " items");
    choose_items(options.items);
    Matrix<float> gram = counts();
    if (options.content > 0) add_content(gram, vectors, static_cast<float>(options.content));
    for (Index i = 0; i < gram.rows(); ++i) gram(i, i) += static_cast<float>(options.ridge);
    invert(gram);
  }

  [[nodiscard]] Id users() const { return train_.users(); }
  [[nodiscard]] Id items() const { return train_.items(); }
  /// The items with weights, ascending.
  [[nodiscard]] const std::vector<Id>& kept() const { return kept_; }
  /// B [kept, kept]: row j is what a click on kept()[j] adds to each kept item.
  [[nodiscard]] const Matrix<float>& weights() const { return weights_; }

  /// out[k] = score of items[k]; both of one length.
  void score(Id user, std::span<const Id> items, std::span<float> out) const { score(train_.of(user), items, out); }

  /// The same for anybody's history, ascending or not; unknown items count nothing.
  void score(std::span<const Id> history, std::span<const Id> items, std::span<float> out) const {
    std::vector<float> all(kept_.size());
    add_rows(history, all);
    for (std::size_t k = 0; k < items.size(); ++k) {
      const Id place = place_of(items[k]);
      out[k] = place == kNone ? 0.0f : all[static_cast<std::size_t>(place)];
    }
  }

  /// out[k] = Σ of the history's weights for kept()[k].
  void add_rows(std::span<const Id> history, std::span<float> out) const {
    std::fill(out.begin(), out.end(), 0.0f);
    for (const Id item : history) {
      const Id place = place_of(item);
      if (place == kNone) continue;
      const auto row = weights_.row(place);
      for (std::size_t c = 0; c < row.size(); ++c) out[c] += row[c];
    }
  }

 private:
  static constexpr Id kNone = -1;

  [[nodiscard]] Id place_of(Id item) const {
    return item < 0 || item >= static_cast<Id>(place_.size()) ? kNone : place_[static_cast<std::size_t>(item)];
  }

  void choose_items(Index most) {
    const std::vector<Index> events = train_.item_counts();
    for (Id i = 0; i < train_.items(); ++i)
      if (events[static_cast<std::size_t>(i)] > 0) kept_.push_back(i);
    if (static_cast<Index>(kept_.size()) > most) {
      std::stable_sort(kept_.begin(), kept_.end(), [&](Id a, Id b) {
        return events[static_cast<std::size_t>(a)] > events[static_cast<std::size_t>(b)];
      });
      kept_.resize(static_cast<std::size_t>(most));
      std::sort(kept_.begin(), kept_.end());
    }
    place_.assign(static_cast<std::size_t>(train_.items()), kNone);
    for (std::size_t k = 0; k < kept_.size(); ++k) place_[static_cast<std::size_t>(kept_[k])] = static_cast<Id>(k);
  }

  // XᵀX of the kept items. Rows of the result belong to one task each, so that no order is left to chance.
  [[nodiscard]] Matrix<float> counts() const {
    const auto n = static_cast<Index>(kept_.size());
    const Interactions fans = train_.transposed();
    Matrix<float> gram(n, n);
    parallel_for(n, 16, [&](Index i) {
      const auto row = gram.row(i);
      for (const Id user : fans.of(kept_[static_cast<std::size_t>(i)]))
        for (const Id other : train_.of(user))
          if (const Id place = place_of(other); place != kNone) row[static_cast<std::size_t>(place)] += 1;
    });
    return gram;
  }

  void add_content(Matrix<float>& gram, const Matrix<float>& vectors, float weight) const {
    Matrix<float> rows(gram.rows(), vectors.cols());
    for (Index i = 0; i < rows.rows(); ++i) {
      const auto from = vectors.row(kept_[static_cast<std::size_t>(i)]);
      std::copy(from.begin(), from.end(), rows.row(i).begin());
    }
    const Matrix<float> similar = ProfileKernel{3}(rows, rows);
    const auto blank = [&](Index i) {
      const auto row = rows.row(i);
      return std::all_of(row.begin(), row.end(), [](float x) { return x == 0; });
    };
    std::vector<std::uint8_t> has(static_cast<std::size_t>(gram.rows()));
    for (Index i = 0; i < gram.rows(); ++i) has[static_cast<std::size_t>(i)] = !blank(i);
    parallel_for(gram.rows(), 64, [&](Index i) {
      for (Index j = 0; j < gram.cols(); ++j)
        if (has[static_cast<std::size_t>(i)] && has[static_cast<std::size_t>(j)]) gram(i, j) += weight * similar(i, j);
    });
  }

  // B = I − P·diag(1/diag P), P = G⁻¹.
  void invert(const Matrix<float>& gram) {
    const Index n = gram.rows();
    weights_ = Matrix<float>(n, n);
    for (Index i = 0; i < n; ++i) weights_(i, i) = 1;
    if (n == 0) return;
    detail::Cholesky(gram, "Ease").solve(weights_);
    std::vector<float> diagonal(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) diagonal[static_cast<std::size_t>(i)] = weights_(i, i);
    parallel_for(n, 64, [&](Index i) {
      const auto row = weights_.row(i);
      for (std::size_t c = 0; c < row.size(); ++c) row[c] = -row[c] / diagonal[c];
      row[static_cast<std::size_t>(i)] = 0;
    });
  }

  Interactions train_;
  std::vector<Id> kept_, place_;
  Matrix<float> weights_;
};

}  // namespace reclm
