#pragma once
/// @file joint_state.hpp
/// What a joint fit leaves: final vectors, histories, and maps for newcomers. Nothing here knows the model's type.

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/align/detail/dense.hpp"
#include "reclm/align/detail/frozen_state.hpp"
#include "reclm/align/profiles.hpp"
#include "reclm/align/serving.hpp"
#include "reclm/backend/cpu/top_k.hpp"
#include "reclm/model/pair_model.hpp"

namespace reclm::detail {

/// Mean over the users with targets of the share of these among their best `cutoff` of `candidates`, `train` left out.
inline double validation_recall(const PairModel& model, const Interactions& train, const Interactions& valid,
                                std::span<const Id> candidates, Index cutoff) {
  std::vector<Id> users;
  for (Id user = 0; user < valid.users(); ++user)
    if (!valid.of(user).empty()) users.push_back(user);
  const TopK lists = model.top_k(users, candidates, &train, cutoff);
  double total = 0;
  for (std::size_t r = 0; r < users.size(); ++r) {
    double hits = 0;
    for (Index k = 0; k < cutoff; ++k) {
      const Id item = lists.items(static_cast<Index>(r), k);
      hits += item != kNoItem && valid.contains(users[r], item);
    }
    total += hits / static_cast<double>(valid.of(users[r]).size());
  }
  return users.empty() ? std::numeric_limits<double>::quiet_NaN() : total / static_cast<double>(users.size());
}

/// True when some click of `valid` can be found by a ranking of `candidates` (ascending), `train` left out.
inline bool can_measure(const Interactions& train, const Interactions& valid, std::span<const Id> candidates) {
  for (Id user = 0; user < valid.users(); ++user)
    for (const Id item : valid.of(user))
      if (!train.contains(user, item) && std::binary_search(candidates.begin(), candidates.end(), item)) return true;
  return false;
}

/// The least-squares map from rows of x to rows of y, with a constant and a small ridge. [x.cols() + 1, y.cols()]
inline Matrix<float> least_squares(const Matrix<float>& x, const Matrix<float>& y) {
  Matrix<float> with_one(x.rows(), x.cols() + 1, 1.0f);
  for (Index r = 0; r < x.rows(); ++r) std::copy(x.row(r).begin(), x.row(r).end(), with_one.row(r).begin());
  Matrix<float> system = product(with_one, Op::transpose, with_one, Op::none);
  Matrix<float> right = product(with_one, Op::transpose, y, Op::none);
  double trace = 0;
  for (Index k = 0; k < system.rows(); ++k) trace += static_cast<double>(system(k, k));
  constexpr double kRidge = 1e-3;
  for (Index k = 0; k < system.rows(); ++k)
    system(k, k) += static_cast<float>(kRidge * trace / static_cast<double>(system.rows()) + 1e-6);
  Cholesky(system, "JointAdapter").solve(right);
  return right;
}

inline std::vector<float> mapped(const Matrix<float>& map, std::span<const float> x) {
  std::vector<float> y(map.row(map.rows() - 1).begin(), map.row(map.rows() - 1).end());
  for (std::size_t r = 0; r < x.size(); ++r)
    for (std::size_t c = 0; c < y.size(); ++c) y[c] += x[r] * map(static_cast<Index>(r), static_cast<Index>(c));
  return y;
}

/// Profiles with missing rows filled by the mean of the others. @throws ShapeError, NumericError
inline Matrix<float> filled_profiles(Matrix<float> rows, std::span<const std::uint8_t> has, const char* whose) {
  if (!has.empty() && static_cast<Index>(has.size()) != rows.rows())
    throw ShapeError(std::string("JointAdapter: as many flags as ") + whose + " profiles are needed");
  require_finite_profiles(rows, has, whose);
  if (has.empty()) return rows;
  std::vector<double> mean(static_cast<std::size_t>(rows.cols()));
  double count = 0;
  for (Index r = 0; r < rows.rows(); ++r)
    if (has[static_cast<std::size_t>(r)]) {
      for (std::size_t c = 0; c < mean.size(); ++c) mean[c] += static_cast<double>(rows(r, static_cast<Index>(c)));
      count += 1;
    }
  for (Index r = 0; r < rows.rows(); ++r)
    if (!has[static_cast<std::size_t>(r)])
      for (std::size_t c = 0; c < mean.size(); ++c)
        rows(r, static_cast<Index>(c)) = static_cast<float>(count > 0 ? mean[c] / count : 0);
  return rows;
}

struct JointState {
  GrowingRows users, items;  ///< final vectors
  GrowingHistory history;
  Matrix<float> fold_in;  ///< mean of a history's items → user
  std::vector<float> mean_user;

  JointState(const PairModel& ranking, const Interactions& train)
      : users(ranking.user_factors()), items(ranking.item_factors()), history(train) {
    const Matrix<float>& all = ranking.user_factors();
    std::vector<Id> some;
    for (Id user = 0; user < train.users(); ++user)
      if (!train.of(user).empty()) some.push_back(user);
    Matrix<float> means(static_cast<Index>(some.size()), all.cols()), targets(means.rows(), all.cols());
    mean_user.assign(static_cast<std::size_t>(all.cols()), 0.0f);
    for (std::size_t r = 0; r < some.size(); ++r) {
      mean_of(train.of(some[r]), means.row(static_cast<Index>(r)));
      const auto user = all.row(some[r]);
      std::copy(user.begin(), user.end(), targets.row(static_cast<Index>(r)).begin());
      for (std::size_t c = 0; c < mean_user.size(); ++c) mean_user[c] += user[c] / static_cast<float>(some.size());
    }
    fold_in = least_squares(means, targets);
  }

  void mean_of(std::span<const Id> clicks, std::span<float> to) const {
    std::fill(to.begin(), to.end(), 0.0f);
    for (const Id item : clicks)
      for (std::size_t c = 0; c < to.size(); ++c) to[c] += items.row(item)[c] / static_cast<float>(clicks.size());
  }
  Id add_user(std::vector<Id> clicks) {
    std::sort(clicks.begin(), clicks.end());
    clicks.erase(std::unique(clicks.begin(), clicks.end()), clicks.end());
    if (!clicks.empty() && (clicks.front() < 0 || clicks.back() >= static_cast<Id>(items.rows())))
      throw ShapeError("add_user: item " + std::to_string(clicks.front() < 0 ? clicks.front() : clicks.back()) +
                       " lies outside the " + std::to_string(items.rows()) + " items");
    std::vector<float> row = mean_user;
    if (!clicks.empty()) {
      mean_of(clicks, row);
      row = mapped(fold_in, row);
    }
    users.push_back(row);
    history.push_back(clicks);
    return static_cast<Id>(users.rows()) - 1;
  }
  [[nodiscard]] TopK top_k(std::span<const Id> some, std::span<const Id> candidates, cpu::MaskView mask,
                           Index k) const {
    return cpu::top_k({.users = users.view(), .items = items.view()}, some, candidates, mask, k);
  }
  [[nodiscard]] ServingModel serving() const {
    return {
        users.copy(), items.copy(),
        Interactions(static_cast<Id>(users.rows()), static_cast<Id>(items.rows()), history.offsets, history.columns)};
  }
};

}  // namespace reclm::detail
