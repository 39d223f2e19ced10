#pragma once
/// @file backbone.hpp
/// The two halves of a jointly trained model: where initial vectors come from, and what a backbone makes of them.
/// Neither half knows the other by name.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "reclm/core/matrix.hpp"
#include "reclm/model/pair_model.hpp"
#include "reclm/model/training_step.hpp"
#include "reclm/tensor/ops/loss.hpp"

namespace reclm {

template <class B, class T>
using ParameterList = std::vector<Parameter<B, T>*>;

/// A batch as a backbone scores it.
struct ScoredBatch {
  PairScoreInputs scores;  ///< final vectors, users [m, d] and items [n, d], and what goes with them
  LocalTriples triples;    ///< the batch, by rows of these
  std::span<const Id> user_ids{}, item_ids{};  ///< whose rows they are; empty: row k is user, item k
};

/// What a source of initial vectors may know of the backbone over it.
struct BackboneFacts {
  bool mixes_users = false, mixes_items = false;  ///< final vectors hold those of neighbours too
  Index users = -1, items = -1;                   ///< how many it was made for; -1: it takes any number
};

/// Initial vectors of users and items, [rows, width]: an ID table, text behind a head, or fused with profiles.
template <class B, class T>
class InitialVectors {
 public:
  InitialVectors() = default;
  InitialVectors(const InitialVectors&) = delete;
  InitialVectors& operator=(const InitialVectors&) = delete;
  virtual ~InitialVectors() = default;

  /// Vectors of some users or items; `ids` are distinct. @returns [ids, width]
  virtual Var users(const TrainingStep<B, T>& step, std::span<const Id> ids) = 0;
  virtual Var items(const TrainingStep<B, T>& step, std::span<const Id> ids) = 0;
  /// Vectors of all of them. @returns [users, width], [items, width]
  virtual Var all_users(const TrainingStep<B, T>& step) = 0;
  virtual Var all_items(const TrainingStep<B, T>& step) = 0;
  /// The loss of a batch whose vectors came from here: BPR, and what aligns the vectors with profiles. @returns [1, 1]
  virtual Var ranking_loss(const TrainingStep<B, T>& step, const ScoredBatch& batch) {
    return bpr_loss(step.tape, batch.scores, batch.triples, step.divisor);
  }
  /// Called once, by the model that joins the two halves.
  virtual void stand_under(const BackboneFacts&) {}
  /// Called after the optimizer's step, for parameters that are not its own.
  virtual void finish_step() {}
  virtual void add_parameters(ParameterList<B, T>& list) = 0;

  [[nodiscard]] virtual Index user_count() const = 0;
  [[nodiscard]] virtual Index item_count() const = 0;
  [[nodiscard]] virtual Index width() const = 0;
};

/// A collaborative-filtering model over initial vectors.
template <class B, class T>
class Backbone {
 public:
  Backbone() = default;
  Backbone(const Backbone&) = delete;
  Backbone& operator=(const Backbone&) = delete;
  virtual ~Backbone() = default;

  /// The batch's loss divided by `step.divisor`, weight decay left out. @returns [1, 1]
  virtual Var loss(const TrainingStep<B, T>& step, InitialVectors<B, T>& vectors) = 0;

  [[nodiscard]] virtual BackboneFacts facts() const { return {}; }

  /// What its training depends on beside the parameters' shapes, e.g. "layers 2": a checkpoint of another is refused.
  [[nodiscard]] virtual std::string settings() const { return {}; }

  /// What pairs are ranked with, once training is over (or between epochs).
  [[nodiscard]] virtual PairModel ranking(const Tensor<B, T>& users, const Tensor<B, T>& items) const = 0;

  /// The model as an EmbeddingEncoder: initial vectors of all nodes, users first, to the vectors that pairs are scored
  /// with. @param in, out [users + items, width]
  virtual void forward(MatrixView<const float> in, MatrixView<float> out) const = 0;
  /// The gradient by the initial vectors from the one by the scored vectors.
  virtual void backward(MatrixView<const float> d_out, MatrixView<float> d_in) const = 0;

  virtual void add_parameters(ParameterList<B, T>& list) = 0;
};

}  // namespace reclm
