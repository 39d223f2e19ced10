#pragma once
/// @file distillation.hpp
/// The enhanced model holds to what a teacher, usually the model before it was enhanced, thinks of pairs.

#include <span>
#include <vector>

#include "reclm/align/policies.hpp"
#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/core/error.hpp"
#include "reclm/model/backbone.hpp"
#include "reclm/tensor/initialization.hpp"

namespace reclm {

/// Cross-entropy of the batch's score differences with σ(teacher's difference / temperature), divided by the nominal
/// batch size (Tang and Wang, "Ranking distillation", KDD 2018, on pairs). The teacher is asked for the batch's triples
/// alone.
template <class B, class T>
class Distillation {
 public:
  static constexpr bool uses_profile = false, uses_head = false, replaces_ranking = false, masks = false;

  /// @throws ConfigError when there is no teacher or the temperature is not above 0
  Distillation(const Initializer&, Index, Index, const AlignmentOptions& options)
      : teacher_(options.teacher), temperature_(options.temperature) {
    if (!teacher_) throw ConfigError("AlignmentOptions: Distillation needs a teacher. Remedy: set `teacher`");
    if (!(temperature_ > 0)) throw ConfigError("AlignmentOptions: temperature must be above 0");
  }

  template <class ProfileSource>
  Var operator()(const TrainingStep<B, T>& step, const ScoredBatch& batch, ProfileSource&) {
    const auto count = static_cast<Index>(step.batch.users.size());
    std::vector<float> differences(step.batch.users.size());
    teacher_(step.batch, differences);
    Matrix<T> targets(count, 1);
    for (Index b = 0; b < count; ++b)
      targets(b, 0) = static_cast<T>(
          kernels::sigmoid(static_cast<double>(differences[static_cast<std::size_t>(b)]) / temperature_));
    return bpr_loss(step.tape, batch.scores, batch.triples, step.divisor, Tensor<B, T>::from_host(targets));
  }
  void add_parameters(ParameterList<B, T>&) {}

 private:
  Teacher teacher_;
  double temperature_;
};

}  // namespace reclm
