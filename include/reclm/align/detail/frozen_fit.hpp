#pragma once
/// @file frozen_fit.hpp
/// Fits the frozen tier for given choices: places users and items, and learns the maps for newcomers.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "reclm/align/detail/frozen_parts.hpp"
#include "reclm/align/detail/frozen_state.hpp"
#include "reclm/align/frozen_options.hpp"

namespace reclm::detail {

/// Writes an unseen item's row from its head's.
inline void fill_unseen(std::span<const float> head, const FrozenChoice& choice, const FrozenLayout& layout,
                        std::span<float> to) {
  const auto gain = static_cast<float>(choice.cold_gain), share = static_cast<float>(choice.cold_residual);
  for (std::size_t k = 0; k < head.size(); ++k)
    to[k] = gain * (static_cast<Index>(k) < layout.model ? 1 - share : share) * head[k];
  to.back() = 1;
}

/// The user's height of unseen items. @param cold reach of scores that hold the gain already
inline float offset_between(Reach warm, Reach cold, const FrozenChoice& choice) {
  // Behind all, and no further: a number far below would take the unseen items' own order with it.
  if (std::isinf(choice.cold_offset)) return 2 * (warm.lowest - cold.highest) - (warm.highest - cold.lowest) - 1;
  return warm.level - cold.level + static_cast<float>(choice.cold_offset) * warm.deviation;
}

class FrozenFitter {
 public:
  FrozenFitter(const FrozenSource& source, const Interactions& train, const FrozenProfiles& profiles,
               const FrozenChoice& choice, const FrozenOptions& options)
      : source_(source),
        train_(train),
        profiles_(profiles),
        options_(options),
        seen_(train),
        profiled_(profiles.items, profiles.has_item, seen_) {
    state_.choice = choice;
    state_.product = source.product();
  }

  FrozenState fit() {
    find_bases();
    fit_head();
    place_items();
    choose_probes();
    place_users();
    learn_fold_in();
    fit_user_head();
    state_.columns = std::move(seen_.items);
    state_.history = GrowingHistory(train_);
    return std::move(state_);
  }

 private:
  static constexpr Index kUserBlock = 256, kProbes = 4096, kFoldUsers = 8192, kUserLandmarks = 1024;

  void find_bases() {
    const FrozenChoice& choice = state_.choice;
    basis_ = ModelBasis(source_, train_, seen_, options_);
    state_.model_scale = basis_.scale;
    state_.model_items = basis_.items;
    if (choice.residual > 0 || choice.cold_residual > 0) {
      const Ease ease(train_, choice.ease, choice.ease.content > 0 ? profiled_.centred.rows() : Matrix<float>());
      residual_ = ResidualBasis(ease, train_, seen_, options_);
      state_.residual_map = residual_.map;
    }
    state_.layout = {basis_.items.cols(), residual_.items.cols()};
  }

  void fit_head() {
    if (profiled_.columns.empty()) {
      state_.choice.cold_offset = -std::numeric_limits<double>::infinity();  // nothing is known of unseen items
      return;
    }
    state_.head =
        make_head(profiled_, profiled_.columns, seen_, basis_.items, residual_.items, state_.choice, options_);
  }

  // Seen: (1 − a)·own + a·head. Unseen: gain·head, and 1 for the user's height.
  void place_items() {
    const FrozenChoice& choice = state_.choice;
    const FrozenLayout& layout = state_.layout;
    const bool headless = state_.head.weights.empty();
    const Matrix<float> heads = headless ? Matrix<float>() : state_.head.centred(profiled_.centred.rows());
    Matrix<float> items(source_.items, layout.width());
    Matrix<float> exact(state_.product ? 0 : source_.items, layout.width());
    state_.seen.assign(static_cast<std::size_t>(source_.items), 0);
    if (!state_.product) state_.own.assign(static_cast<std::size_t>(source_.items), 0);
    const auto smoothing = static_cast<float>(choice.smoothing), share = static_cast<float>(choice.cold_residual),
               residual = static_cast<float>(choice.residual);
    for (Index i = 0; i < items.rows(); ++i) {
      const Index column = seen_.column_of[static_cast<std::size_t>(i)];
      const auto to = items.row(i);
      if (column < 0) {
        to.back() = 1;
        if (!headless) fill_unseen(heads.row(i), choice, layout, to);
        if (!state_.product) std::copy(to.begin(), to.end(), exact.row(i).begin());
        continue;
      }
      const float a = !headless && profiles_.has(i) ? smoothing : 0;
      state_.seen[static_cast<std::size_t>(i)] = 1;
      for (Index k = 0; k < layout.offset(); ++k) {
        const bool of_model = k < layout.model;
        const float head = a > 0 ? a * (of_model ? 1 - share : share) * heads(i, k) : 0;
        const float own = (1 - a) * (of_model ? (1 - residual) * basis_.items(column, k)
                                              : residual * residual_.items(column, k - layout.model));
        to[static_cast<std::size_t>(k)] = head + own;
        if (!state_.product) exact(i, k) = of_model ? head : head + own;
      }
      if (!state_.product) state_.own[static_cast<std::size_t>(i)] = (1 - a) * (1 - residual) * state_.model_scale;
    }
    state_.items = GrowingRows(items);
    if (!state_.product) state_.exact = GrowingRows(exact);
  }

  // The items that show how high a user's seen items reach, and how high profiles reach, be their items seen or not:
  // one new item among few must not count as the best of many.
  void choose_probes() {
    warm_probes_ = spread(seen_.items, kProbes);
    warm_rows_ = rows_of((state_.product ? state_.items : state_.exact).copy(), warm_probes_);
    if (!state_.head.weights.empty()) {
      std::vector<Id> with;
      for (Id i = 0; i < source_.items; ++i)
        if (profiles_.has(i)) with.push_back(i);
      state_.cold_probes = spread(with, kProbes);
    }
    const Matrix<float> heads = state_.cold_probes.empty()
                                    ? Matrix<float>()
                                    : state_.head.centred(rows_of(profiled_.centred.rows(), state_.cold_probes));
    cold_rows_ = Matrix<float>(heads.rows(), state_.layout.width());
    for (Index r = 0; r < heads.rows(); ++r) fill_unseen(heads.row(r), state_.choice, state_.layout, cold_rows_.row(r));
    for (Index r = 0; r < cold_rows_.rows(); ++r) cold_rows_.row(r).back() = 0;
    state_.cold_rows = cold_rows_;
  }

  void place_users() {
    const FrozenLayout& layout = state_.layout;
    Matrix<float> users(source_.users, layout.width());
    for (Index begin = 0; begin < users.rows(); begin += kUserBlock) {
      const Index count = std::min(kUserBlock, users.rows() - begin);
      std::vector<Id> block(static_cast<std::size_t>(count));
      for (Index r = 0; r < count; ++r) block[static_cast<std::size_t>(r)] = static_cast<Id>(begin + r);
      Matrix<float> scores, low;
      if (!state_.product) {
        scores = Matrix<float>(count, seen_.size());
        source_.fill(block, seen_.items, scores);
        check_scores(scores, block, seen_);
        low = product(scores, basis_.items);
      }
      Matrix<float> rows(count, layout.width());
      for (Index r = 0; r < count; ++r)
        for (Index k = 0; k < layout.model; ++k)
          rows(r, k) = state_.model_scale * (state_.product ? source_.user_factors(begin + r, k) : low(r, k));
      parallel_for(count, 8, [&](Index r) {
        const auto history = train_.of(block[static_cast<std::size_t>(r)]);
        if (static_cast<Index>(history.size()) < state_.choice.min_history) return;
        add_clicks(
            state_.residual_map, seen_, history,
            rows.row(r).subspan(static_cast<std::size_t>(layout.model), static_cast<std::size_t>(layout.residual)));
      });
      lift_unseen(block, scores, rows);
      std::copy_n(rows.data(), rows.size(), users.data() + begin * users.cols());
    }
    state_.users = GrowingRows(users);
  }

  // What lifts each user's unseen items to the height that calibration chose.
  void lift_unseen(std::span<const Id> block, const Matrix<float>& scores, Matrix<float>& rows) const {
    const Matrix<float> warm = product(rows, Op::none, warm_rows_, Op::transpose),
                        cold = product(rows, Op::none, cold_rows_, Op::transpose);
    parallel_for(rows.rows(), 8, [&](Index r) {
      const auto history = train_.of(block[static_cast<std::size_t>(r)]);
      std::vector<float> open;
      for (std::size_t k = 0; k < warm_probes_.size(); ++k) {
        const Id item = warm_probes_[k];
        if (std::binary_search(history.begin(), history.end(), item)) continue;
        const float own = state_.product ? 0
                                         : state_.own[static_cast<std::size_t>(item)] *
                                               scores(r, seen_.column_of[static_cast<std::size_t>(item)]);
        open.push_back(warm(r, static_cast<Index>(k)) + own);
      }
      std::vector<float> unseen;
      for (std::size_t k = 0; k < state_.cold_probes.size(); ++k)
        if (!std::binary_search(history.begin(), history.end(), state_.cold_probes[k]))
          unseen.push_back(cold(r, static_cast<Index>(k)));
      rows(r, state_.layout.offset()) = offset_between(reach_of(open), reach_of(unseen), state_.choice);
    });
  }

  // The least squares map from the mean of a history's model_items to the user's model part.
  void learn_fold_in() {
    const std::vector<Id> some = basis_users(train_, kFoldUsers);
    const Index d = state_.layout.model;
    Matrix<float> means(static_cast<Index>(some.size()), d), goal(means.rows(), d);
    parallel_for(means.rows(), 64, [&](Index r) {
      const Id user = some[static_cast<std::size_t>(r)];
      mean_of_clicks(state_.model_items, seen_, train_.of(user), means.row(r));
      const auto row = state_.users.row(user);
      std::copy_n(row.begin(), d, goal.row(r).begin());
    });
    Matrix<float> gram = product(means, Op::transpose, means, Op::none);
    double trace = 0;
    for (Index k = 0; k < d; ++k) trace += static_cast<double>(gram(k, k));
    const auto ridge = static_cast<float>(1e-3 * std::max(trace, 1e-12) / static_cast<double>(std::max<Index>(d, 1)));
    for (Index k = 0; k < d; ++k) gram(k, k) += ridge;
    state_.fold_in = product(means, Op::transpose, goal, Op::none);
    if (d > 0 && !some.empty()) Cholesky(gram, "adapt: folding users in").solve(state_.fold_in);
    state_.mean_user.assign(static_cast<std::size_t>(state_.layout.width()), 0.0f);
    for (const Id user : some) {
      const auto row = state_.users.row(user);
      for (std::size_t k = 0; k < row.size(); ++k) state_.mean_user[k] += row[k] / static_cast<float>(some.size());
    }
  }

  // From a user's profile to the user's vector, for users without clicks.
  void fit_user_head() {
    if (profiles_.users.empty()) return;
    std::vector<Id> some;
    for (const Id user : basis_users(train_, kFoldUsers))
      if (profiles_.has_user.empty() || profiles_.has_user[static_cast<std::size_t>(user)]) some.push_back(user);
    if (some.empty()) return;
    const CentredProfiles centred(profiles_.users, some);
    const KernelRidge kernel(rows_of(centred.rows(), some), {state_.choice.sharpness}, kUserLandmarks, options_.seed);
    Matrix<float> goal(static_cast<Index>(some.size()), state_.layout.width());
    for (Index r = 0; r < goal.rows(); ++r) {
      const auto row = state_.users.row(some[static_cast<std::size_t>(r)]);
      for (std::size_t k = 0; k < row.size(); ++k) goal.row(r)[k] = row[k] - state_.mean_user[k];
    }
    state_.user_head = {CentredProfiles(centred.mean()),
                        kernel.kernel(),
                        kernel.landmarks(),
                        kernel.solve(goal, state_.choice.ridge),
                        {}};
  }

  const FrozenSource& source_;
  const Interactions& train_;
  const FrozenProfiles& profiles_;
  const FrozenOptions& options_;
  SeenItems seen_;
  ProfiledColumns profiled_;
  ModelBasis basis_;
  ResidualBasis residual_;
  std::vector<Id> warm_probes_;
  Matrix<float> warm_rows_, cold_rows_;
  FrozenState state_;
};

}  // namespace reclm::detail
