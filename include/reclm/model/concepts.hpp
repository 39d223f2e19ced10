#pragma once
/// @file concepts.hpp
/// The plug-in concepts, weakest first: what a model must offer so that adapters can enhance it. No base class, no
/// macro: a type models a concept when it has the members.

#include <concepts>
#include <span>

#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"

namespace reclm {

/// Scores pairs. `score(user, items, out)`: out[k] = score of items[k]; larger is better. Called from several threads.
template <class M>
concept Scorer = requires(const M& model, Id user, std::span<const Id> items, std::span<float> out) {
  { model.users() } -> std::convertible_to<Index>;
  { model.items() } -> std::convertible_to<Index>;
  model.score(user, items, out);
};

/// Shows its factors: a score is the product of a user's and an item's row. [users, d] and [items, d].
template <class M>
concept FactorModel = requires(const M& model) {
  model.user_factors();
  model.item_factors();
};

/// Also takes gradients by factor rows, and updates itself with them.
template <class M>
concept TrainableFactorModel = FactorModel<M> &&
    requires(M& model, std::span<const Id> rows, MatrixView<const float> gradient) {
  model.add_user_gradient(rows, gradient);
  model.add_item_gradient(rows, gradient);
  model.step();
};

/// Maps initial vectors of all nodes, users first, to final ones, [users + items, d] both; `backward` maps the gradient
/// back. A pair's score is the product of its final vectors.
template <class M>
concept EmbeddingEncoder = requires(M& model, MatrixView<const float> in, MatrixView<float> out) {
  model.forward(in, out);
  model.backward(in, out);
};

}  // namespace reclm
