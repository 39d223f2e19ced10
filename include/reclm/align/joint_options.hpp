#pragma once
/// @file joint_options.hpp
/// How a model is trained together with its profiles, and what a fit saw.

#include <cstdint>
#include <limits>
#include <optional>

#include "reclm/align/policies.hpp"
#include "reclm/core/config.hpp"
#include "reclm/model/train_options.hpp"

namespace reclm {

struct JointOptions {
  Index width = 32;  ///< of the vectors an encoder gets; a factor model has its own
  /// Its seed and selection are set by the adapter. λ covers what the adapter adds, not the model's own weights, and so
  /// does a checkpoint: factor models are refused with one, and an encoder must have no weights that training changes.
  TrainOptions training{.epochs = 100, .batch_size = 1024, .learning_rate = 5e-3, .patience = 10};
  std::optional<AlignmentOptions> alignment{};  ///< empty: as the policies have it
  Index cutoff = 20;                            ///< K of the Recall@K that selects the epoch on validation
  std::uint64_t seed = 1;
};

struct JointReport {
  TrainReport training;                                      ///< losses and validation Recall@K by epoch
  double recall = std::numeric_limits<double>::quiet_NaN();  ///< of the selected epoch; NaN without validation
};

}  // namespace reclm
