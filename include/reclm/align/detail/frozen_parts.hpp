#pragma once
/// @file frozen_parts.hpp
/// The parts that the adapter of frozen models is made from: dense scores, their low-rank stand-ins, thresholds.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/align/detail/dense.hpp"
#include "reclm/align/ease.hpp"
#include "reclm/align/frozen_options.hpp"
#include "reclm/align/kernel_head.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm::detail {

/// What the adapter asks of a frozen model.
struct FrozenSource {
  Id users = 0, items = 0;
  Id known = 0;  ///< items that the model knows; profiles may have more
  std::function<void(Id, std::span<const Id>, std::span<float>)> score;  ///< of a scorer; else empty
  Matrix<float> user_factors, item_factors;                              ///< [users, d], [items, d]; empty for a scorer
  [[nodiscard]] bool product() const { return !score; }

  /// Writes the scores of users × items.
  void fill(std::span<const Id> of, std::span<const Id> which, MatrixView<float> out) const;
};

/// The items that train holds, as columns 0 … n − 1, and which of them and of the others have a profile.
struct SeenItems {
  std::vector<Id> items;         ///< ascending
  std::vector<Index> column_of;  ///< by item; −1: unseen
  SeenItems() = default;
  explicit SeenItems(const Interactions& train) : column_of(static_cast<std::size_t>(train.items()), -1) {
    const std::vector<Index> events = train.item_counts();
    for (Id i = 0; i < train.items(); ++i)
      if (events[static_cast<std::size_t>(i)] > 0) {
        column_of[static_cast<std::size_t>(i)] = static_cast<Index>(items.size());
        items.push_back(i);
      }
  }
  explicit SeenItems(std::vector<Id> ascending, Index all)
      : items(std::move(ascending)), column_of(static_cast<std::size_t>(all), -1) {
    for (std::size_t c = 0; c < items.size(); ++c)
      column_of[static_cast<std::size_t>(items[c])] = static_cast<Index>(c);
  }
  [[nodiscard]] Index size() const { return static_cast<Index>(items.size()); }
  /// The column of any item; −1 also for those that came later.
  [[nodiscard]] Index column(Id item) const {
    return item < 0 || static_cast<std::size_t>(item) >= column_of.size() ? -1
                                                                          : column_of[static_cast<std::size_t>(item)];
  }
  [[nodiscard]] std::vector<Id> ids(std::span<const Index> columns) const {
    std::vector<Id> result;
    for (const Index c : columns) result.push_back(items[static_cast<std::size_t>(c)]);
    return result;
  }
};

/// Some rows of a matrix, or of what has rows like one, in the given order.
template <class All, class Rows>
Matrix<float> rows_of(const All& all, const Rows& rows) {
  Matrix<float> result(static_cast<Index>(rows.size()), all.cols());
  Index next = 0;
  for (const auto r : rows) {
    const auto from = all.row(static_cast<Index>(r));
    std::copy(from.begin(), from.end(), result.row(next++).begin());
  }
  return result;
}

inline void FrozenSource::fill(std::span<const Id> of, std::span<const Id> which, MatrixView<float> out) const {
  if (product()) {
    const Matrix<float> a = rows_of(user_factors, of), b = rows_of(item_factors, which);
    if (out.rows() > 0 && out.cols() > 0)
      cpu_gemm<float>(Op::none, Op::transpose, a.rows(), b.rows(), a.cols(), 1.0f, a.data(), a.cols(), b.data(),
                      b.cols(), 0.0f, out.data(), out.row_stride());
    return;
  }
  parallel_for(out.rows(), 1, [&](Index r) { score(of[static_cast<std::size_t>(r)], which, out.row(r)); });
}

/// [a | b], of as many rows.
inline Matrix<float> beside(const Matrix<float>& a, const Matrix<float>& b) {
  Matrix<float> result(std::max(a.rows(), b.rows()), a.cols() + b.cols());
  for (Index r = 0; r < result.rows(); ++r) {
    if (!a.empty()) std::copy(a.row(r).begin(), a.row(r).end(), result.row(r).begin());
    if (!b.empty()) std::copy(b.row(r).begin(), b.row(r).end(), result.row(r).begin() + a.cols());
  }
  return result;
}

/// wa·a + wb·b, element by element; an empty one counts as zeros.
inline Matrix<float> blend(double wa, const Matrix<float>& a, double wb, const Matrix<float>& b) {
  Matrix<float> result(std::max(a.rows(), b.rows()), std::max(a.cols(), b.cols()));
  const auto x = static_cast<float>(wa), y = static_cast<float>(wb);
  parallel_for(result.rows(), 64, [&](Index r) {
    for (Index c = 0; c < result.cols(); ++c)
      result(r, c) = (a.empty() ? 0.0f : x * a(r, c)) + (b.empty() ? 0.0f : y * b(r, c));
  });
  return result;
}

/// Mean over rows of the standard deviation within a row; 1 where all is constant but for rounding.
inline double mean_deviation(const Matrix<float>& scores) {
  double total = 0;
  for (Index r = 0; r < scores.rows(); ++r) {
    double sum = 0, squares = 0;
    for (const float x : scores.row(r)) sum += static_cast<double>(x), squares += static_cast<double>(x) * x;
    const double n = std::max<double>(1, static_cast<double>(scores.cols())), mean = sum / n;
    constexpr double kRounding = 1e-12;  // of the difference below, for its parts
    const double variance = squares / n - mean * mean;
    if (variance > kRounding * squares / n) total += std::sqrt(variance);
  }
  const double scale = total / std::max<double>(1, static_cast<double>(scores.rows()));
  return scale > 0 && std::isfinite(scale) ? scale : 1.0;
}

/// What the best hundredth of some scores reaches, how they deviate, and between which they lie.
struct Reach {
  float level = 0, deviation = 1, lowest = 0, highest = 0;
};
inline Reach reach_of(std::vector<float>& scores) {
  if (scores.empty()) return {};
  double sum = 0, squares = 0;
  for (const float x : scores) sum += static_cast<double>(x), squares += static_cast<double>(x) * x;
  const auto n = static_cast<double>(scores.size());
  const auto place = static_cast<std::ptrdiff_t>(std::min(scores.size() - 1, scores.size() / 100));
  std::nth_element(scores.begin(), scores.begin() + place, scores.end(), std::greater<>());
  const double variance = squares / n - (sum / n) * (sum / n);
  const auto [lowest, highest] = std::minmax_element(scores.begin(), scores.end());
  return {scores[static_cast<std::size_t>(place)], static_cast<float>(std::sqrt(std::max(variance, 0.0))), *lowest,
          *highest};
}

/// At most `most` elements, evenly spread.
template <class T>
std::vector<T> spread(const std::vector<T>& all, Index most) {
  const auto n = static_cast<Index>(all.size());
  if (n <= most) return all;
  std::vector<T> some;
  for (Index k = 0; k < most; ++k) some.push_back(all[static_cast<std::size_t>(k * n / most)]);
  return some;
}

/// At most `most` users with a history, evenly spread.
inline std::vector<Id> basis_users(const Interactions& train, Index most) {
  std::vector<Id> users;
  for (Id u = 0; u < train.users(); ++u)
    if (!train.of(u).empty()) users.push_back(u);
  return spread(users, most);
}

/// So many rows of one float a seen item that they take at most 256 MB, and at most `most`.
inline Index rows_within_bounds(Index seen, Index most) {
  return std::clamp((Index{1} << 26) / std::max<Index>(seen, 1), std::min<Index>(64, most), most);
}

/// @throws NumericError naming a pair whose score is not finite
inline void check_scores(const Matrix<float>& scores, std::span<const Id> users, const SeenItems& seen) {
  for (Index k = 0; k < scores.size(); ++k)
    if (!std::isfinite(scores.data()[k]))
      throw NumericError("adapt: the model's score of user " +
                         std::to_string(users[static_cast<std::size_t>(k / scores.cols())]) + " and item " +
                         std::to_string(seen.items[static_cast<std::size_t>(k % scores.cols())]) +
                         " is not a finite number");
}

/// Adds a row of `rows` [columns, d] for each known item of a history; the number of them.
inline Index add_clicks(const Matrix<float>& rows, const SeenItems& seen, std::span<const Id> history,
                        std::span<float> to) {
  Index known = 0;
  for (const Id item : history) {
    const Index column = seen.column(item);
    if (column < 0) continue;
    ++known;
    if (rows.empty()) continue;
    const auto from = rows.row(column);
    for (std::size_t k = 0; k < to.size(); ++k) to[k] += from[k];
  }
  return known;
}
inline Index mean_of_clicks(const Matrix<float>& rows, const SeenItems& seen, std::span<const Id> history,
                            std::span<float> to) {
  const Index known = add_clicks(rows, seen, history, to);
  if (known > 0)
    for (float& x : to) x /= static_cast<float>(known);
  return known;
}

constexpr Index kBasisUsers = 2048;

/// The seen items of the model as vectors: its factors, or, for a scorer, a basis of what its scores span over items.
struct ModelBasis {
  Matrix<float> items;  ///< [seen, d]
  float scale = 1;      ///< 1/σ_s
  ModelBasis() = default;
  ModelBasis(const FrozenSource& source, const Interactions& train, const SeenItems& seen,
             const FrozenOptions& options) {
    const std::vector<Id> some = basis_users(train, rows_within_bounds(seen.size(), kBasisUsers));
    Matrix<float> scores(static_cast<Index>(some.size()), seen.size());
    source.fill(some, seen.items, scores);
    check_scores(scores, some, seen);
    scale = static_cast<float>(1 / mean_deviation(scores));
    items = source.product() ? rows_of(source.item_factors, seen.items) : row_space(scores, options.rank, options.seed);
  }
};

/// The residual's scores of every seen column for some users, [users, seen].
inline Matrix<float> residual_scores(const Ease& ease, const Interactions& train, std::span<const Id> users,
                                     const SeenItems& seen) {
  Matrix<float> scores(static_cast<Index>(users.size()), seen.size());
  parallel_for(scores.rows(), 8, [&](Index r) {
    std::vector<float> kept(ease.kept().size());
    ease.add_rows(train.of(users[static_cast<std::size_t>(r)]), kept);
    for (std::size_t k = 0; k < kept.size(); ++k) scores(r, seen.column(ease.kept()[k])) = kept[k];
  });
  return scores;
}

/// The residual's scores in low-rank form: h(u, ·)/σ_h = (Σ over clicks of map's rows) · itemsᵀ.
struct ResidualBasis {
  Matrix<float> items, map;  ///< [seen, r]
  ResidualBasis() = default;
  ResidualBasis(const Ease& ease, const Interactions& train, const SeenItems& seen, const FrozenOptions& options) {
    const std::vector<Id> some = basis_users(train, rows_within_bounds(seen.size(), kBasisUsers));
    const Matrix<float> scores = residual_scores(ease, train, some, seen);
    std::vector<Index> place;  // of a kept item among the columns
    for (const Id item : ease.kept()) place.push_back(seen.column(item));
    items = row_space(scores, options.rank, options.seed + 1);
    const auto scale = static_cast<float>(1 / mean_deviation(scores));
    const Matrix<float> kept_map = product(ease.weights(), rows_of(items, place));
    map = Matrix<float>(seen.size(), items.cols());
    for (std::size_t k = 0; k < place.size(); ++k) {
      const auto from = kept_map.row(static_cast<Index>(k));
      const auto to = map.row(place[k]);
      for (std::size_t c = 0; c < to.size(); ++c) to[c] = scale * from[c];
    }
  }
  /// [users, r]
  [[nodiscard]] Matrix<float> users(std::span<const Id> ids, const Interactions& train, const SeenItems& seen) const {
    Matrix<float> result(static_cast<Index>(ids.size()), items.cols());
    parallel_for(result.rows(), 16,
                 [&](Index r) { add_clicks(map, seen, train.of(ids[static_cast<std::size_t>(r)]), result.row(r)); });
    return result;
  }
};

/// Profiles as the frozen tier reads them: a row of zeros and no flag where there is none.
struct FrozenProfiles {
  Matrix<float> items;                 ///< [items, p]
  std::vector<std::uint8_t> has_item;  ///< empty: all
  Matrix<float> users;                 ///< [users, q] or empty
  std::vector<std::uint8_t> has_user;
  [[nodiscard]] bool has(Index item) const { return has_item.empty() || has_item[static_cast<std::size_t>(item)]; }
};

/// The profiles of the seen items that have one: their columns, rows centred over them.
struct ProfiledColumns {
  std::vector<Index> columns;
  CentredProfiles centred;  ///< rows of all items
  ProfiledColumns(const Matrix<float>& profiles, std::span<const std::uint8_t> has, const SeenItems& seen) {
    std::vector<Id> known;
    for (Index c = 0; c < seen.size(); ++c) {
      const Id item = seen.items[static_cast<std::size_t>(c)];
      if (!has.empty() && !has[static_cast<std::size_t>(item)]) continue;
      columns.push_back(c);
      known.push_back(item);
    }
    centred = CentredProfiles(profiles, known);
    for (std::size_t item = 0; item < has.size(); ++item)
      if (!has[item]) centred.forget(static_cast<Index>(item));
  }
};

/// Takes the mean of all rows off each, and returns it.
inline std::vector<float> take_mean(Matrix<float>& rows) {
  std::vector<float> mean = mean_row(rows);
  for (Index r = 0; r < rows.rows(); ++r)
    for (std::size_t c = 0; c < mean.size(); ++c) rows(r, static_cast<Index>(c)) -= mean[c];
  return mean;
}

/// The head that maps profiles of some columns to their vectors [model part | residual part]. What the ridge shrinks
/// towards is the mean vector, so that a constant added to all scores changes no order.
inline KernelHead make_head(const ProfiledColumns& profiled, const std::vector<Index>& columns, const SeenItems& seen,
                            const Matrix<float>& model_items, const Matrix<float>& residual_items,
                            const FrozenChoice& choice, const FrozenOptions& options) {
  const KernelRidge kernel(rows_of(profiled.centred.rows(), seen.ids(columns)), {choice.sharpness}, options.landmarks,
                           options.seed);
  const Matrix<float> residual =
      residual_items.empty() ? Matrix<float>(static_cast<Index>(columns.size()), 0) : rows_of(residual_items, columns);
  Matrix<float> targets = beside(rows_of(model_items, columns), residual);
  std::vector<float> base = take_mean(targets);
  return {CentredProfiles(profiled.centred.mean()), kernel.kernel(), kernel.landmarks(),
          kernel.solve(targets, choice.ridge), std::move(base)};
}

}  // namespace reclm::detail
