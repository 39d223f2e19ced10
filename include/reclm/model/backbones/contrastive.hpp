#pragma once
/// @file contrastive.hpp
/// SGL and SimGCL: LightGCN with a second loss that pulls two random views of each node together.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/backend/kernels/views.hpp"
#include "reclm/model/backbones/light_gcn.hpp"
#include "reclm/model/training_state.hpp"
#include "reclm/tensor/ops/elementwise.hpp"

namespace reclm {

/// What SGL and SimGCL have in common. Defaults are those of RecLM's public code.
struct ContrastiveOptions {
  int layers = 2;
  double weight = 1e-2;      ///< of the InfoNCE terms in the loss
  double temperature = 0.1;  ///< τ
};

/// The loss of both: BPR + weight · (InfoNCE of the batch's users against all users + of its positives against all
/// items), views being layer sums over perturbed propagation, rows of unit length.
template <class B, class T>
class ContrastiveGcn : public LightGcn<B, T> {
 public:
  ContrastiveGcn(const NormalizedGraph<T>& graph, const ContrastiveOptions& options)
      : LightGcn<B, T>(graph, options.layers), options_(options), users_(graph.users), items_(graph.items) {
    if (!(options.temperature > 0)) throw ConfigError("ContrastiveOptions: temperature must be above 0");
  }

  [[nodiscard]] std::string settings() const override {
    return LightGcn<B, T>::settings() + ", weight " + detail::exact_text(options_.weight) + ", temperature " +
           detail::exact_text(options_.temperature);
  }

  Var loss(const TrainingStep<B, T>& step, InitialVectors<B, T>& vectors) override {
    Tape<B, T>& tape = step.tape;
    const Var users = vectors.all_users(step), items = vectors.all_items(step);
    const Var pairs = this->pair_loss(step, vectors, users, items);
    const Var all = stack_rows(tape, users, items);
    const Var first = view(step, all, 0), second = view(step, all, 1);
    const auto info_nce = [&](Index from, Index count, std::span<const Id> anchors) {
      return info_nce_loss(tape, normalize_rows(tape, slice_rows(tape, first, from, count)),
                           normalize_rows(tape, slice_rows(tape, second, from, count)), anchors, options_.temperature,
                           step.divisor);
    };
    const Var user_term = info_nce(0, users_, step.batch.users);
    const Var item_term = info_nce(users_, items_, step.batch.positives);
    return sum_losses(tape, {{pairs, 1}, {user_term, options_.weight}, {item_term, options_.weight}});
  }

 protected:
  /// Final vectors of all nodes in view `number`, 0 or 1. @returns [users + items, d]
  virtual Var view(const TrainingStep<B, T>& step, Var all, int number) = 0;

  [[nodiscard]] const ContrastiveOptions& options() const { return options_; }

 private:
  ContrastiveOptions options_;
  Index users_, items_;
};

struct SglOptions {
  ContrastiveOptions contrastive{};
  double keep = 0.5;  ///< probability that a stored entry of Â stays; kept ones are divided by it. Above 0, at most 1
};

/// SGL with edge dropping (Wu et al., SIGIR 2021). Each stored entry of Â, both directions and self-loops, stays or
/// goes by itself; a view has one mask for all layers.
template <class B, class T>
class Sgl final : public ContrastiveGcn<B, T> {
 public:
  explicit Sgl(const Interactions& train, const SglOptions& options = {}) : Sgl(NormalizedGraph<T>(train), options) {}

  explicit Sgl(const NormalizedGraph<T>& graph, const SglOptions& options = {}) : Sgl(graph, graph.square(), options) {}

  [[nodiscard]] std::string settings() const override {
    return ContrastiveGcn<B, T>::settings() + ", keep " + detail::exact_text(keep_);
  }

 protected:
  Var view(const TrainingStep<B, T>& step, Var all, int number) override {
    const SparseMatrix<B, T> kept = masked(step, number);
    Var x = all;
    for (int layer = 0; layer < this->options().layers; ++layer) x = sparse_product(step.tape, kept, x, all);
    return x;
  }

 private:
  Sgl(const NormalizedGraph<T>& graph, const CsrMatrix<T>& square, const SglOptions& options)
      : ContrastiveGcn<B, T>(graph, options.contrastive),
        keep_(options.keep),
        adjacency_(SparseMatrix<B, T>::symmetric(square)),
        transposed_places_(upload<B, Index>(std::span<const Index>(transposed_places(square)))) {
    if (!(keep_ > 0 && keep_ <= 1)) throw ConfigError("SglOptions: keep must be above 0 and at most 1");
  }

  SparseMatrix<B, T> masked(const TrainingStep<B, T>& step, int number) const {
    const Index entries = adjacency_.entries();
    auto values = B::template allocate<T>(entries), transposed = B::template allocate<T>(entries);
    kernels::drop_edges<B>(Random(step.seed, Stream::edge_drop, step.number), number * entries, entries,
                           static_cast<float>(keep_), adjacency_.view().values, values.get());
    B::for_rows(entries, 2, kernels::Permute<T>{values.get(), transposed_places_.get(), transposed.get()});
    return adjacency_.with_values(std::move(values), std::move(transposed));
  }

  double keep_;
  SparseMatrix<B, T> adjacency_;
  std::shared_ptr<Index> transposed_places_;
};

struct SimGclOptions {
  ContrastiveOptions contrastive{};
  double noise = 0.9;  ///< ε: length of the noise that is added to a node after each layer, 0 or more
};

/// SimGCL (Yu et al., SIGIR 2022): after each layer x ← x + ε · normalize(r) ∘ sign(x), r uniform in [0, 1).
template <class B, class T>
class SimGcl final : public ContrastiveGcn<B, T> {
 public:
  explicit SimGcl(const Interactions& train, const SimGclOptions& options = {})
      : SimGcl(NormalizedGraph<T>(train), options) {}

  explicit SimGcl(const NormalizedGraph<T>& graph, const SimGclOptions& options = {})
      : ContrastiveGcn<B, T>(graph, options.contrastive),
        noise_(options.noise),
        adjacency_(SparseMatrix<B, T>::symmetric(graph.square())) {
    if (!(noise_ >= 0)) throw ConfigError("SimGclOptions: noise must be 0 or more");
  }

  [[nodiscard]] std::string settings() const override {
    return ContrastiveGcn<B, T>::settings() + ", noise " + detail::exact_text(noise_);
  }

 protected:
  Var view(const TrainingStep<B, T>& step, Var all, int number) override {
    const int layers = this->options().layers;
    Var x = all, total = all;
    for (int layer = 0; layer < layers; ++layer) {
      x = with_noise(step, sparse_product(step.tape, adjacency_, x), number * layers + layer);
      total = add(step.tape, total, x);
    }
    return total;
  }

 private:
  // The sign's gradient is zero, so the gradient passes unchanged.
  Var with_noise(const TrainingStep<B, T>& step, Var x, int layer_of_view) const {
    auto y = step.tape.value(x).clone();
    const Index rows = y.rows(), width = y.cols();
    kernels::add_sign_noise<B>(Random(step.seed, Stream::view_noise, step.number), layer_of_view * rows * width, rows,
                               width, static_cast<T>(noise_), y.data());
    return step.tape.record(std::move(y), step.tape.needs_gradient(x),
                            [x](Tape<B, T>& t, const Tensor<B, T>& dy) { t.pass_gradient(x, dy); });
  }

  double noise_;
  SparseMatrix<B, T> adjacency_;
};

}  // namespace reclm
