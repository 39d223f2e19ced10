#pragma once
// Options of training and measuring that `bench` and `train` share.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command.hpp"
#include "reclm/core/config.hpp"
#include "reclm/eval/metrics.hpp"
#include "reclm/model/train_options.hpp"

namespace reclm::cli {

struct TrainingOptions {
  int epochs = TrainOptions().epochs;
  Index batch_size = TrainOptions().batch_size;
  double learning_rate = TrainOptions().learning_rate;
  Index dim = 32;
  std::optional<double> l2;
  int patience = 10;
  int evaluate_every = 1;
  std::string selection = "validation";
  std::string cutoffs = "20,40";
  std::string metrics = "recall,ndcg";
};

void add_training_options(CLI::App& command, TrainingOptions& options);

/// What is to be measured. @throws ConfigError on an unknown metric or a cut-off that is no positive number
MetricOptions metrics_of(const TrainingOptions& options);

/// The metric that selects epochs and that comparisons are made on: the first kind at the first cut-off.
std::string first_metric(const MetricOptions& metrics);

/// How a model is trained; seed, weight decay, selection, checkpoint and observer are left to the caller.
TrainOptions train_options_of(const TrainingOptions& options);

}  // namespace reclm::cli
