#pragma once
/// @file train_options.hpp
/// How a model is trained, and what training reports.

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "reclm/core/observer.hpp"
#include "reclm/data/sampler.hpp"

namespace reclm {

/// Which epoch's parameters a training ends with.
enum class Selection {
  best,  ///< the epoch with the best figure of the evaluator: on a validation split this is the library's protocol, on
         ///< the test split the papers' best-on-test rule
  last,  ///< the last one
};

/// Defaults are those of the RecLM paper's public code.
struct TrainOptions {
  int epochs = 50;              ///< 1 or more
  Index batch_size = 4096;      ///< triples a step; also what a step's loss is divided by
  double learning_rate = 1e-3;  ///< above 0
  double l2 = 1e-7;             ///< λ of λ·Σ‖θ‖² over all parameters, 0 or more
  std::uint64_t seed = 1;       ///< of shuffling, negatives and random views (not of the start values)
  NegativeDistribution negatives = NegativeDistribution::uniform;
  Selection selection = Selection::best;  ///< `last` when there is no evaluator
  int evaluate_every = 1;                 ///< epochs between evaluations; the last epoch is always evaluated
  int patience = 0;                       ///< evaluations without a better figure after which training stops; 0: never
  std::filesystem::path checkpoint{};     ///< safetensors file that is kept up to date; empty: none
  int checkpoint_every = 0;               ///< steps between checkpoints; 0: once an epoch
  bool resume = false;                    ///< go on from `checkpoint` where it exists
  /// What the training depends on and `train` cannot see: feature vectors, what the evaluator measures on which data,
  /// settings of a model of your own. Any text; a checkpoint of another is refused.
  std::string subject{};
  Observer observer{};  ///< told after each step; returning false saves a checkpoint and stops
};

/// One epoch of a training.
struct EpochRecord {
  int epoch = 0;                                             ///< from 1
  double loss = 0;                                           ///< mean of the steps' losses, weight decay left out
  double metric = std::numeric_limits<double>::quiet_NaN();  ///< the evaluator's figure; NaN when not evaluated
};

struct TrainReport {
  std::vector<EpochRecord> history;
  int best_epoch = 0;  ///< from 1; 0 when nothing was evaluated, or no figure could be measured
  double best_metric = std::numeric_limits<double>::quiet_NaN();
  Index steps = 0;             ///< in all, resumed ones included
  double seconds = 0;          ///< spent in steps by this call, evaluation left out
  bool interrupted = false;    ///< the observer stopped it; the checkpoint, where one was asked for, holds its state
  bool stopped_early = false;  ///< patience ran out
};

}  // namespace reclm
