#pragma once
/// @file concepts.hpp
/// The plug-in concepts, weakest first: what a model must offer so that adapters can enhance it. No base class, no
/// macro: a type models a concept when it has the members, or when `ModelTraits` speaks for it.

#include <algorithm>
#include <concepts>
#include <span>
#include <string_view>
#include <type_traits>

#include "reclm/core/as_matrix.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"

namespace reclm {

/// The one way in for types that cannot be edited: specialise it with static functions that take the model first, under
/// the names of the members below. This primary template passes on to the members that a type has.
template <class M>
struct ModelTraits {
  static Index users(const M& m) requires requires {
    { m.users() } -> std::convertible_to<Index>;
  }
  { return m.users(); }
  static Index items(const M& m) requires requires {
    { m.items() } -> std::convertible_to<Index>;
  }
  { return m.items(); }
  /// out[k] = score of items[k]; larger is better. Called from several threads.
  static void score(const M& m, Id user, std::span<const Id> items, std::span<float> out) requires requires {
    m.score(user, items, out);
  }
  { m.score(user, items, out); }

  /// [users, d] and [items, d], anything that `as_matrix` takes: a score is the product of a user's and an item's row.
  static decltype(auto) user_factors(const M& m) requires requires { m.user_factors(); }
  { return m.user_factors(); }
  static decltype(auto) item_factors(const M& m) requires requires { m.item_factors(); }
  { return m.item_factors(); }

  /// Gradients by rows of the factors, and a step with what was added.
  static void add_user_gradient(M& m, std::span<const Id> rows, MatrixView<const float> g) requires requires {
    m.add_user_gradient(rows, g);
  }
  { m.add_user_gradient(rows, g); }
  static void add_item_gradient(M& m, std::span<const Id> rows, MatrixView<const float> g) requires requires {
    m.add_item_gradient(rows, g);
  }
  { m.add_item_gradient(rows, g); }
  static void step(M& m) requires requires { m.step(); }
  { m.step(); }

  /// Initial vectors of all nodes, users first, to final ones, [users + items, d] both; and the gradient back.
  static void forward(M& m, MatrixView<const float> in, MatrixView<float> out) requires requires { m.forward(in, out); }
  { m.forward(in, out); }
  static void backward(M& m, MatrixView<const float> d_out, MatrixView<float> d_in) requires requires {
    m.backward(d_out, d_in);
  }
  { m.backward(d_out, d_in); }
};

/// Scores pairs: users(), items(), score(user, items, out).
template <class M>
concept Scorer = requires(const M& model, Id user, std::span<const Id> items, std::span<float> out) {
  { ModelTraits<M>::users(model) } -> std::convertible_to<Index>;
  { ModelTraits<M>::items(model) } -> std::convertible_to<Index>;
  ModelTraits<M>::score(model, user, items, out);
};

namespace detail {

template <class M>
inline constexpr bool is_matrix_or_rows = MatrixLike<M> || is_nested_vector<M>;

}  // namespace detail

/// Shows its factors: user_factors(), item_factors().
template <class M>
concept FactorModel = requires(const M& model) {
  requires detail::is_matrix_or_rows<std::remove_cvref_t<decltype(ModelTraits<M>::user_factors(model))>>;
  requires detail::is_matrix_or_rows<std::remove_cvref_t<decltype(ModelTraits<M>::item_factors(model))>>;
};

/// Also takes gradients by factor rows, and updates itself with them: add_user_gradient, add_item_gradient, step.
template <class M>
concept TrainableFactorModel = FactorModel<M> &&
    requires(M& model, std::span<const Id> rows, MatrixView<const float> gradient) {
  ModelTraits<M>::add_user_gradient(model, rows, gradient);
  ModelTraits<M>::add_item_gradient(model, rows, gradient);
  ModelTraits<M>::step(model);
};

/// Maps initial vectors of all nodes to final ones, and the gradient back: forward(in, out), backward(d_out, d_in). A
/// pair's score is the product of its final vectors.
template <class M>
concept EmbeddingEncoder = requires(M& model, MatrixView<const float> in, MatrixView<float> out) {
  ModelTraits<M>::forward(model, in, out);
  ModelTraits<M>::backward(model, in, out);
};

/// The ways into a model, weakest first.
enum class Tier { none, scorer, factor_model, trainable_factor_model, embedding_encoder };

/// "scorer", "factor model", …
constexpr std::string_view tier_name(Tier tier) {
  constexpr std::string_view names[] = {"none", "scorer", "factor model", "trainable factor model",
                                        "embedding encoder"};
  return names[static_cast<std::size_t>(tier)];
}

/// The strongest concept that `M` models.
template <class M>
constexpr Tier strongest_tier() {
  if (EmbeddingEncoder<M>) return Tier::embedding_encoder;
  if (TrainableFactorModel<M>) return Tier::trainable_factor_model;
  if (FactorModel<M>) return Tier::factor_model;
  if (Scorer<M>) return Tier::scorer;
  return Tier::none;
}

/// Stops the compilation of a program whose model models no concept, with one message that names what is missing.
template <class M>
constexpr void require_model() {
  using Traits = ModelTraits<M>;
  constexpr bool user_factors = requires(const M& m) { Traits::user_factors(m); };
  constexpr bool item_factors = requires(const M& m) { Traits::item_factors(m); };
  constexpr bool score = requires(const M& m, std::span<const Id> i, std::span<float> o) {
    Traits::score(m, Id{}, i, o);
  };
  constexpr bool counts = requires(const M& m) {
    Traits::users(m);
    Traits::items(m);
  };
  constexpr bool forward = requires(M & m, MatrixView<const float> i, MatrixView<float> o) {
    Traits::forward(m, i, o);
  };
  constexpr bool fine = strongest_tier<M>() != Tier::none;
  constexpr bool changes = requires(M & m) { m.user_factors(); }
  || requires(M & m) { m.item_factors(); }
  || requires(M & m, std::span<const Id> i, std::span<float> o) { m.score(Id{}, i, o); };
  static_assert(fine || user_factors || item_factors || score || forward || !changes,
                "reclm: this model's user_factors(), item_factors(), users(), items() and score(user, items, out) must "
                "be const members, for ranking asks them from several threads");
  static_assert(fine || !(user_factors && item_factors),
                "reclm: user_factors() and item_factors() must return what reclm::as_matrix takes (Eigen, xtensor, "
                "reclm::MatrixView, nested vectors), or specialise reclm::MatrixTraits for what they return");
  static_assert(fine || !user_factors || item_factors, "reclm: this model has user_factors() but lacks item_factors()");
  static_assert(fine || !item_factors || user_factors, "reclm: this model has item_factors() but lacks user_factors()");
  static_assert(fine || user_factors || item_factors || !score || counts,
                "reclm: this model has score() but lacks users() or items(), the numbers of its rows");
  static_assert(fine || user_factors || item_factors || score || !forward,
                "reclm: this model has forward(in, out) but lacks backward(d_out, d_in)");
  static_assert(fine || user_factors || item_factors || score || forward || changes,
                "reclm: this model offers none of: user_factors() and item_factors(); users(), items() and score(user, "
                "items, out); forward(in, out) and backward(d_out, d_in). Add them, or specialise reclm::ModelTraits");
}

/// Stops the compilation where a model has a part of what would let `adapt` train it: `adapt` would leave it frozen,
/// without a word.
template <class M>
constexpr void require_whole_tier() {
  using Traits = ModelTraits<M>;
  constexpr bool user_gradient = requires(M & m, std::span<const Id> rows, MatrixView<const float> g) {
    Traits::add_user_gradient(m, rows, g);
  };
  constexpr bool item_gradient = requires(M & m, std::span<const Id> rows, MatrixView<const float> g) {
    Traits::add_item_gradient(m, rows, g);
  };
  constexpr bool forward = requires(M & m, MatrixView<const float> in, MatrixView<float> out) {
    Traits::forward(m, in, out);
  };
  static_assert(TrainableFactorModel<M> || EmbeddingEncoder<M> || !(user_gradient || item_gradient),
                "reclm::adapt: to be trained, this model needs user_factors(), item_factors(), add_user_gradient(rows, "
                "gradient), add_item_gradient(rows, gradient) and step(), and lacks one. Remedy: add it, or call "
                "adapt_frozen, which leaves the model as it is");
  static_assert(
      EmbeddingEncoder<M> || !forward,
      "reclm::adapt: this model has forward(in, out) but lacks backward(d_out, d_in). Remedy: add it, or call "
      "adapt_frozen, which leaves the model as it is");
}

}  // namespace reclm
