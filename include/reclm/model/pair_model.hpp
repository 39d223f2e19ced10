#pragma once
/// @file pair_model.hpp
/// `PairModel`: a trained model as the factors of every pair's score, on the host. Ranks without any training code.

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/backend/cpu/simd.hpp"
#include "reclm/backend/cpu/top_k.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm {

/// score(u, i) = ⟨users_u, items_i⟩ + Σ_k relu(user_hidden_uk + item_hidden_ik). The hidden parts are empty unless the
/// model has a layer over pairs (NCF). Models `Scorer` and `FactorModel`, and ranks for `evaluate`. Const members may
/// be called from several threads.
class PairModel {
 public:
  PairModel() = default;

  /// @param users [users, d]  @param items [items, d]  @param user_hidden, item_hidden [users, h], [items, h] or empty
  /// @throws ShapeError
  PairModel(Matrix<float> users, Matrix<float> items, Matrix<float> user_hidden = {}, Matrix<float> item_hidden = {})
      : users_(std::move(users)),
        items_(std::move(items)),
        user_hidden_(std::move(user_hidden)),
        item_hidden_(std::move(item_hidden)) {
    const bool hidden = !user_hidden_.empty() || !item_hidden_.empty();
    if (users_.cols() != items_.cols() || user_hidden_.cols() != item_hidden_.cols() ||
        (hidden && (user_hidden_.rows() != users_.rows() || item_hidden_.rows() != items_.rows())))
      throw ShapeError("PairModel: users [" + std::to_string(users_.rows()) + ", " + std::to_string(users_.cols()) +
                       "], items [" + std::to_string(items_.rows()) + ", " + std::to_string(items_.cols()) +
                       "] and the hidden parts do not fit together");
  }

  [[nodiscard]] Id users() const { return static_cast<Id>(users_.rows()); }
  [[nodiscard]] Id items() const { return static_cast<Id>(items_.rows()); }
  /// True when a score is the product of two rows and nothing else.
  [[nodiscard]] bool is_product() const { return user_hidden_.empty(); }

  /// out[k] = score of items[k]; both of one length.
  void score(Id user, std::span<const Id> items, std::span<float> out) const {
    const auto u = users_.row(user);
    for (std::size_t k = 0; k < items.size(); ++k)
      out[k] = simd::dot(u.data(), items_.row(items[k]).data(), users_.cols());
    if (is_product()) return;
    const auto hidden = user_hidden_.row(user);
    for (std::size_t k = 0; k < items.size(); ++k)
      out[k] += simd::relu_sum(hidden.data(), item_hidden_.row(items[k]).data(), user_hidden_.cols());
  }

  /// The best `k` of the candidates for each user; see cpu::top_k.
  [[nodiscard]] TopK top_k(std::span<const Id> users, std::span<const Id> candidates, const Interactions* masked,
                           Index k) const {
    const cpu::MaskView mask =
        masked == nullptr ? cpu::MaskView{} : cpu::MaskView{masked->offsets(), masked->columns()};
    return cpu::top_k(factors(), users, candidates, mask, k);
  }
  TopK operator()(std::span<const Id> users, std::span<const Id> candidates, const Interactions* masked,
                  Index k) const {
    return top_k(users, candidates, masked, k);
  }

  [[nodiscard]] const Matrix<float>& user_factors() const { return users_; }
  [[nodiscard]] const Matrix<float>& item_factors() const { return items_; }
  [[nodiscard]] const Matrix<float>& user_hidden() const { return user_hidden_; }
  [[nodiscard]] const Matrix<float>& item_hidden() const { return item_hidden_; }

  [[nodiscard]] cpu::PairFactors factors() const {
    return {.users = users_, .items = items_, .user_hidden = user_hidden_, .item_hidden = item_hidden_};
  }

 private:
  Matrix<float> users_, items_, user_hidden_, item_hidden_;
};

}  // namespace reclm
