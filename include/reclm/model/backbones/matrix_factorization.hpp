#pragma once
/// @file matrix_factorization.hpp
/// BiasMF and NCF: backbones that score initial vectors directly, so a step touches the rows of its batch alone.

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "reclm/model/backbone.hpp"
#include "reclm/model/detail/row_numbering.hpp"
#include "reclm/tensor/initialization.hpp"
#include "reclm/tensor/ops/linear.hpp"
#include "reclm/tensor/ops/loss.hpp"

namespace reclm {

namespace detail {

/// The distinct users and items of a batch, their initial vectors, and the triples in local numbers.
template <class B, class T>
class LocalBatch {
 public:
  LocalBatch(const TrainingStep<B, T>& step, InitialVectors<B, T>& vectors, RowNumbering& users, RowNumbering& items)
      : local_{users.number(step.batch.users), items.number(step.batch.positives), items.number(step.batch.negatives)},
        users_(users.take()),
        items_(items.take()) {
    user_vectors = vectors.users(step, users_);
    item_vectors = vectors.items(step, items_);
  }

  /// @param scores what scores them
  [[nodiscard]] ScoredBatch scored(const PairScoreInputs& scores) const {
    return {scores, {local_[0], local_[1], local_[2]}, users_, items_};
  }

  Var user_vectors, item_vectors;  ///< [distinct users, d], [distinct items, d]

 private:
  std::vector<Id> local_[3];
  std::vector<Id> users_, items_;
};

/// Scored vectors that are the initial ones.
template <class B, class T>
class DirectBackbone : public Backbone<B, T> {
 public:
  DirectBackbone(Index users, Index items) : users_(users), items_(items) {}

  [[nodiscard]] BackboneFacts facts() const override { return {.users = users_.rows(), .items = items_.rows()}; }

  void forward(MatrixView<const float> in, MatrixView<float> out) const override { copy(in, out); }
  void backward(MatrixView<const float> d_out, MatrixView<float> d_in) const override { copy(d_out, d_in); }

 protected:
  LocalBatch<B, T> local(const TrainingStep<B, T>& step, InitialVectors<B, T>& vectors) {
    return LocalBatch<B, T>(step, vectors, users_, items_);
  }

 private:
  static void copy(MatrixView<const float> from, MatrixView<float> to) {
    require_same_shape("EmbeddingEncoder", from, to);
    for (Index row = 0; row < from.rows(); ++row) std::ranges::copy(from.row(row), to.row(row).begin());
  }

  RowNumbering users_, items_;
};

}  // namespace detail

/// Pairs are scored by the product of their initial vectors: s = ⟨u, i⟩.
template <class B, class T>
class ProductBackbone : public detail::DirectBackbone<B, T> {
 public:
  ProductBackbone(Index users, Index items) : detail::DirectBackbone<B, T>(users, items) {}

  Var loss(const TrainingStep<B, T>& step, InitialVectors<B, T>& vectors) override {
    const auto batch = this->local(step, vectors);
    return vectors.ranking_loss(step, batch.scored({batch.user_vectors, batch.item_vectors}));
  }
  [[nodiscard]] PairModel ranking(const Tensor<B, T>& users, const Tensor<B, T>& items) const override {
    return {host_floats(users), host_floats(items)};
  }
  void add_parameters(ParameterList<B, T>&) override {}
};

/// Matrix factorisation with a bias a user: s = ⟨u, i⟩ + b_u. The bias cancels in ranking and in the BPR loss; it is a
/// parameter nevertheless, as in the public code, and only weight decay moves it.
template <class B, class T>
class BiasMf final : public ProductBackbone<B, T> {
 public:
  BiasMf(const Initializer& init, Index users, Index items)
      : ProductBackbone<B, T>(users, items), user_bias_(init.uniform<B, T>("biasmf.user_bias", users, 1, 0, 1)) {}

  void add_parameters(ParameterList<B, T>& list) override { list.push_back(&user_bias_); }

 private:
  Parameter<B, T> user_bias_;
};

/// Neural collaborative filtering as in RecLM's public code: s = Σ_k w_k u_k i_k + Σ_k relu(W[u; i] + b)_k
/// (after He et al., WWW 2017). The hidden layer is computed by halves, W_u u + b and W_i i, once a user and an item
/// instead of once a pair.
template <class B, class T>
class Ncf final : public detail::DirectBackbone<B, T> {
 public:
  Ncf(const Initializer& init, Index users, Index items, Index width)
      : detail::DirectBackbone<B, T>(users, items),
        product_(init.xavier_uniform<B, T>("ncf.product", 1, width)),
        hidden_weight_(init.xavier_uniform<B, T>("ncf.hidden.weight", width, 2 * width)),
        hidden_bias_(init.zeros<B, T>("ncf.hidden.bias", 1, width)) {}

  Var loss(const TrainingStep<B, T>& step, InitialVectors<B, T>& vectors) override {
    const auto batch = this->local(step, vectors);
    const Var weight = step.whole(hidden_weight_);
    const auto [user_half, item_half] =
        halves(step.tape, batch.user_vectors, batch.item_vectors, weight, step.whole(hidden_bias_));
    return vectors.ranking_loss(
        step, batch.scored({batch.user_vectors, batch.item_vectors, step.whole(product_), user_half, item_half}));
  }
  [[nodiscard]] PairModel ranking(const Tensor<B, T>& users, const Tensor<B, T>& items) const override {
    Tape<B, T> tape;
    const auto [user_half, item_half] = halves(tape, tape.constant(users), tape.constant(items),
                                               tape.constant(hidden_weight_.value), tape.constant(hidden_bias_.value));
    Matrix<float> weighted = host_floats(users);
    const Matrix<float> product = host_floats(product_.value);
    for (Index user = 0; user < weighted.rows(); ++user)
      for (Index c = 0; c < weighted.cols(); ++c) weighted(user, c) *= product(0, c);
    return {std::move(weighted), host_floats(items), host_floats(tape.value(user_half)),
            host_floats(tape.value(item_half))};
  }
  void add_parameters(ParameterList<B, T>& list) override {
    for (auto* p : {&product_, &hidden_weight_, &hidden_bias_}) list.push_back(p);
  }

 private:
  static std::pair<Var, Var> halves(Tape<B, T>& tape, Var users, Var items, Var weight, Var bias) {
    const Index width = tape.value(users).cols();
    return {linear_columns(tape, users, weight, 0, bias), linear_columns(tape, items, weight, width, Var{})};
  }

  Parameter<B, T> product_, hidden_weight_, hidden_bias_;
};

}  // namespace reclm
