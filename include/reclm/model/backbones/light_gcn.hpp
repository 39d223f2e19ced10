#pragma once
/// @file light_gcn.hpp
/// LightGCN: users are propagated over the graph, items are scored with their initial vectors.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/model/backbone.hpp"
#include "reclm/model/detail/row_numbering.hpp"
#include "reclm/model/graph.hpp"
#include "reclm/tensor/ops/loss.hpp"
#include "reclm/tensor/ops/sparse.hpp"

namespace reclm {

/// Propagation over a graph's blocks. Final user vectors are Σ_{k=0..L} Âᵏ E by Horner's rule: X ← E + Â X, L times.
template <class B, class T>
class GraphPropagation {
 public:
  /// @param layers L ≥ 1
  GraphPropagation(const NormalizedGraph<T>& graph, int layers)
      : layers_(layers),
        user_items_host_(graph.user_items),
        user_loops_host_(graph.user_loops),
        user_items_(graph.user_items),
        item_users_(graph.user_items.transposed(), graph.user_items),
        user_loops_(column(graph.user_loops)),
        item_loops_(column(graph.item_loops)) {
    if (layers < 1) throw ConfigError("a graph backbone needs at least one layer, not " + std::to_string(layers));
  }

  [[nodiscard]] int layers() const { return layers_; }
  [[nodiscard]] Index users() const { return user_items_.rows(); }
  [[nodiscard]] Index items() const { return user_items_.cols(); }

  /// Final vectors of all users. @param users [users, d]  @param items [items, d]  @returns [users, d]
  Var operator()(Tape<B, T>& tape, Var users, Var items) const {
    Var u = users, i = items;
    for (int layer = 0; layer < layers_; ++layer) std::tie(u, i) = next(tape, users, items, u, i, layer + 1 < layers_);
    return u;
  }

  /// Final vectors of some users alone: the last layer is computed for these users, the one before for them and all
  /// items. @param ids distinct  @returns [ids, d]
  Var operator()(Tape<B, T>& tape, Var users, Var items, std::span<const Id> ids) const {
    Var u = users, i = items;
    for (int layer = 0; layer + 2 < layers_; ++layer) std::tie(u, i) = next(tape, users, items, u, i, true);
    const SparseMatrix<B, T> to_items(user_items_host_.select_rows(ids));
    const Tensor<B, T> loops = selected_loops(ids);
    const Var start = gather_distinct_rows(tape, users, ids);
    Var chosen = layers_ > 2 ? gather_distinct_rows(tape, u, ids) : start;
    if (layers_ > 1) {
      const Var propagated = next_items(tape, items, u, i);
      chosen = sparse_product(tape, to_items, i, add_scaled_rows(tape, start, loops, chosen));
      i = propagated;
    }
    return sparse_product(tape, to_items, i, add_scaled_rows(tape, start, loops, chosen));
  }

 private:
  static Tensor<B, T> column(const std::vector<T>& values) {
    return Tensor<B, T>::from_host(MatrixView<const T>(values.data(), static_cast<Index>(values.size()), 1));
  }

  Tensor<B, T> selected_loops(std::span<const Id> ids) const {
    std::vector<T> loops;
    loops.reserve(ids.size());
    for (const Id id : ids) loops.push_back(user_loops_host_[static_cast<std::size_t>(id)]);
    return column(loops);
  }

  Var next_items(Tape<B, T>& tape, Var items, Var u, Var i) const {
    return sparse_product(tape, item_users_, u, add_scaled_rows(tape, items, item_loops_, i));
  }

  std::pair<Var, Var> next(Tape<B, T>& tape, Var users, Var items, Var u, Var i, bool items_too) const {
    const Var next_u = sparse_product(tape, user_items_, i, add_scaled_rows(tape, users, user_loops_, u));
    return {next_u, items_too ? next_items(tape, items, u, i) : Var{}};
  }

  int layers_;
  CsrMatrix<T> user_items_host_;
  std::vector<T> user_loops_host_;
  SparseMatrix<B, T> user_items_, item_users_;
  Tensor<B, T> user_loops_, item_loops_;
};

/// LightGCN (He et al., SIGIR 2020) as in RecLM's public code: self-loops in Â, layers summed, users propagated, items
/// scored with their initial vectors; s = ⟨u, i⟩. Items without interactions reach no user, so propagation leaves them
/// out.
template <class B, class T>
class LightGcn : public Backbone<B, T> {
 public:
  static constexpr int kLayers = 2;

  explicit LightGcn(const Interactions& train, int layers = kLayers) : LightGcn(NormalizedGraph<T>(train), layers) {}

  explicit LightGcn(const NormalizedGraph<T>& graph, int layers = kLayers)
      : all_items_(graph.items),
        trained_(graph.connected_items()),
        places_(static_cast<std::size_t>(graph.items), -1),
        propagation_(graph.restricted_to(trained_), layers),
        numbering_(graph.users) {
    for (std::size_t k = 0; k < trained_.size(); ++k)
      places_[static_cast<std::size_t>(trained_[k])] = static_cast<Id>(k);
  }

  Var loss(const TrainingStep<B, T>& step, InitialVectors<B, T>& vectors) override {
    const Var users = vectors.all_users(step);
    const std::vector<Id> positives = trained_places(step.batch.positives);
    const std::vector<Id> negatives = trained_places(step.batch.negatives);
    // Negatives may be items that nobody touched; then all items are needed.
    if (positives.empty() || negatives.empty()) return pair_loss(step, vectors, users, vectors.all_items(step));
    const Var items = vectors.items(step, trained_);
    return pair_loss(step, vectors, users, items, items, trained_, {positives, negatives});
  }
  [[nodiscard]] BackboneFacts facts() const override {
    return {.mixes_users = true, .users = propagation_.users(), .items = all_items_};
  }
  [[nodiscard]] std::string settings() const override { return "layers " + std::to_string(propagation_.layers()); }
  [[nodiscard]] PairModel ranking(const Tensor<B, T>& users, const Tensor<B, T>& items) const override {
    Tape<B, T> tape(false);
    const Var connected = gather_distinct_rows(tape, tape.constant(items), trained_);
    const Var u = propagation_(tape, tape.constant(users), connected);
    return {host_floats(tape.value(u)), host_floats(items)};
  }
  void forward(MatrixView<const float> in, MatrixView<float> out) const override {
    Tape<B, T> tape(false);
    const auto [users, items] = split(tape, in);
    require_same_shape("EmbeddingEncoder::forward", in, out);
    const Var connected = gather_distinct_rows(tape, items, trained_);
    write(tape.value(propagation_(tape, users, connected)), out, 0);
    write(tape.value(items), out, propagation_.users());
  }
  void backward(MatrixView<const float> d_out, MatrixView<float> d_in) const override {
    // The map is linear, so its value at zero will do.
    Tape<B, T> tape;
    const Matrix<float> zero(d_out.rows(), d_out.cols());
    const auto [users, items] = split(tape, zero.view());
    require_same_shape("EmbeddingEncoder::backward", d_out, d_in);
    const Var final_users = propagation_(tape, users, gather_distinct_rows(tape, items, trained_));
    Tape<B, T> gradients;
    const auto [d_users, d_items] = split(gradients, d_out);
    tape.backward(final_users, gradients.value(d_users));
    tape.add_gradient(items, gradients.value(d_items));
    write(tape.gradient(users), d_in, 0);
    write(tape.gradient(items), d_in, propagation_.users());
  }
  void add_parameters(ParameterList<B, T>&) override {}

 protected:
  /// The batch's ranking loss. @param users, items initial vectors of all users and items
  Var pair_loss(const TrainingStep<B, T>& step, InitialVectors<B, T>& vectors, Var users, Var items) {
    const Var connected = gather_distinct_rows(step.tape, items, trained_);
    return pair_loss(step, vectors, users, connected, items, {}, {step.batch.positives, step.batch.negatives});
  }

 private:
  struct ScoredItems {
    std::span<const Id> positives, negatives;
  };

  // `rows` are rows of `scored`, which belong to `item_ids`.
  Var pair_loss(const TrainingStep<B, T>& step, InitialVectors<B, T>& vectors, Var users, Var connected, Var scored,
                std::span<const Id> item_ids, const ScoredItems& rows) {
    const std::vector<Id> local = numbering_.number(step.batch.users);
    const std::vector<Id> ids = numbering_.take();
    const Var chosen = propagation_(step.tape, users, connected, ids);
    return vectors.ranking_loss(step, {{chosen, scored}, {local, rows.positives, rows.negatives}, ids, item_ids});
  }

  // Places among the connected items; empty when one is not connected.
  std::vector<Id> trained_places(std::span<const Id> items) const {
    check_rows(items, all_items_);
    std::vector<Id> places;
    places.reserve(items.size());
    for (const Id item : items) {
      const Id place = places_[static_cast<std::size_t>(item)];
      if (place < 0) return {};
      places.push_back(place);
    }
    return places;
  }

  std::pair<Var, Var> split(Tape<B, T>& tape, MatrixView<const float> all) const {
    require_size("EmbeddingEncoder", "number of nodes", all.rows(), propagation_.users() + all_items_);
    const auto part = [&](Index first, Index count) {
      return tape.variable(Tensor<B, T>::from_host(MatrixView<const float>(
          all.data() + first * all.row_stride(), count, all.cols(), all.row_stride(), all.col_stride())));
    };
    return {part(0, propagation_.users()), part(propagation_.users(), all_items_)};
  }
  static void write(const Tensor<B, T>& from, MatrixView<float> to, Index first) {
    const Matrix<float> host = host_floats(from);
    for (Index row = 0; row < host.rows(); ++row) std::ranges::copy(host.row(row), to.row(first + row).begin());
  }

  Index all_items_;
  std::vector<Id> trained_;  // items with interactions, ascending
  std::vector<Id> places_;   // of each item among them; −1: none
  GraphPropagation<B, T> propagation_;
  detail::RowNumbering numbering_;
};

}  // namespace reclm
