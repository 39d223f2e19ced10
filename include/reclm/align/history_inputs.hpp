#pragma once
/// @file history_inputs.hpp
/// Items' profiles, and users as the means of their histories' profiles, as inputs of a layer.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "reclm/core/matrix.hpp"
#include "reclm/data/interactions.hpp"
#include "reclm/data/splits.hpp"
#include "reclm/model/feature_input.hpp"

namespace reclm {

/// User and item profiles as the input of a layer.
template <class B, class T>
struct ProfileInputs {
  FeatureInput<B, T> items, users;
};

/// Items' rows, and users as the unit-length means of their histories' rows, kept as a mixture of them: the numbers of
/// `history_means` to rounding, at a cost that does not grow with their width.
template <class B, class T>
ProfileInputs<B, T> history_inputs(const Interactions& train, const Matrix<float>& item_rows) {
  CsrMatrix<T> mix{train.users(), train.items(), {}, {}, {}};
  mix.offsets.assign(train.offsets().begin(), train.offsets().end());
  mix.columns.assign(train.columns().begin(), train.columns().end());
  mix.values.reserve(mix.columns.size());
  std::vector<double> sum(static_cast<std::size_t>(item_rows.cols()));
  for (Id user = 0; user < train.users(); ++user) {
    std::ranges::fill(sum, 0.0);
    for (const Id item : train.of(user)) {
      const auto row = item_rows.row(item);
      for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += static_cast<double>(row[c]);
    }
    double squares = 0;
    for (const double x : sum) squares += x * x;
    const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
    mix.values.insert(mix.values.end(), train.of(user).size(), static_cast<T>(scale));
  }
  auto [items, users] = FeatureInput<B, T>::mixture(mix, item_rows.view(), items_of(train));
  return {std::move(items), std::move(users)};
}

}  // namespace reclm
