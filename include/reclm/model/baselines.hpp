#pragma once
/// @file baselines.hpp
/// The three rankings that every report shows beside a model: popularity, random order, and content-kNN.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "reclm/backend/cpu/simd.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/data/features.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm {

/// Scores an item by its number of events in train; the same for all users. Unseen items share the score 0.
class Popularity {
 public:
  explicit Popularity(const Interactions& train) : users_(train.users()) {
    for (const Index count : train.item_counts()) counts_.push_back(static_cast<float>(count));
  }

  [[nodiscard]] Id users() const { return users_; }
  [[nodiscard]] Id items() const { return static_cast<Id>(counts_.size()); }
  /// out[k] = score of items[k]; both of one length.
  void score(Id /*user*/, std::span<const Id> items, std::span<float> out) const {
    for (std::size_t k = 0; k < items.size(); ++k) out[k] = counts_[static_cast<std::size_t>(items[k])];
  }

 private:
  Id users_;
  std::vector<float> counts_;
};

/// A random order for each user, a pure function of (seed, user, item).
class RandomOrder {
 public:
  RandomOrder(Id users, Id items, std::uint64_t seed) : users_(users), items_(items), seed_(seed) {}

  [[nodiscard]] Id users() const { return users_; }
  [[nodiscard]] Id items() const { return items_; }
  /// out[k] = score of items[k], uniform in [0, 1); both of one length.
  void score(Id user, std::span<const Id> items, std::span<float> out) const {
    const Random random(seed_, Stream::evaluation, static_cast<std::uint32_t>(user));
    for (std::size_t k = 0; k < items.size(); ++k) out[k] = random.uniform(static_cast<std::uint64_t>(items[k]));
  }

 private:
  Id users_, items_;
  std::uint64_t seed_;
};

/// Scores an item by the cosine between its vector and the mean vector of the user's train items, after the mean vector
/// of the items that occur in train is taken off every item. Ranks unseen items; needs no training.
///
/// A user without train items has a vector of zeros, so that all items score 0.
class ContentKnn {
 public:
  /// @param vectors [items, width]
  /// @throws ShapeError unless vectors has a row for each of train's items
  /// Cost: O((items + train's pairs) · width).
  ContentKnn(const Interactions& train, MatrixView<const float> vectors)
      : item_factors_(Matrix<float>::copy_of(vectors)) {
    if (vectors.rows() != train.items())
      throw ShapeError("ContentKnn: " + std::to_string(vectors.rows()) + " vectors for " +
                       std::to_string(train.items()) + " items");
    const std::vector<double> mean = mean_of_known(train);
    parallel_for(item_factors_.rows(), 256, [&](Index i) {
      const auto row = item_factors_.row(i);
      for (std::size_t c = 0; c < row.size(); ++c) row[c] -= static_cast<float>(mean[c]);
      make_unit(row);
    });
    user_factors_ = history_means(train, item_factors_);
  }

  [[nodiscard]] Id users() const { return static_cast<Id>(user_factors_.rows()); }
  [[nodiscard]] Id items() const { return static_cast<Id>(item_factors_.rows()); }
  /// out[k] = score of items[k], −1 … 1; both of one length.
  void score(Id user, std::span<const Id> items, std::span<float> out) const {
    const auto of_user = user_factors_.row(user);
    for (std::size_t k = 0; k < items.size(); ++k)
      out[k] = simd::dot(of_user.data(), item_factors_.row(items[k]).data(), item_factors_.cols());
  }
  /// [users, width] and [items, width], rows of unit length or zero: a score is the product of two rows.
  [[nodiscard]] const Matrix<float>& user_factors() const { return user_factors_; }
  [[nodiscard]] const Matrix<float>& item_factors() const { return item_factors_; }

 private:
  [[nodiscard]] std::vector<double> mean_of_known(const Interactions& train) const {
    std::vector<double> mean(static_cast<std::size_t>(item_factors_.cols()), 0.0);
    const std::vector<Index> counts = train.item_counts();
    double known = 0;
    for (Index i = 0; i < item_factors_.rows(); ++i) {
      if (counts[static_cast<std::size_t>(i)] == 0) continue;
      known += 1;
      const auto row = item_factors_.row(i);
      for (std::size_t c = 0; c < row.size(); ++c) mean[c] += static_cast<double>(row[c]);
    }
    for (double& value : mean) value /= std::max(known, 1.0);
    return mean;
  }

  static void make_unit(std::span<float> row) {
    double squares = 0;
    for (const float x : row) squares += static_cast<double>(x) * x;
    const double norm = std::sqrt(squares);
    constexpr double kNothing = 1e-6;  // what rounding leaves of a row that is the mean itself
    for (float& x : row) x = norm > kNothing ? static_cast<float>(x / norm) : 0.0f;
  }

  Matrix<float> user_factors_, item_factors_;
};

}  // namespace reclm
