#pragma once
// The parts of `reclm train`.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "command.hpp"
#include "data.hpp"
#include "model_file.hpp"
#include "reclm/core/observer.hpp"
#include "reclm/model/train_options.hpp"
#include "training.hpp"

namespace reclm::cli {

struct TrainCommandOptions {
  CommonOptions common;
  DataOptions data;
  TrainingOptions training;
  std::string backbone = "lightgcn", adapter = "reclm";
  std::uint64_t seed = 1;
  std::string out, checkpoint;
  bool resume = false;
};

/// What came out of a training.
struct TrainOutcome {
  TrainReport report;
  TrainedModel model;              ///< empty when the training was interrupted
  std::vector<std::string> notes;  ///< what a reader must know
};

/// @throws ConfigError unless the words name a model
void check_model(const TrainCommandOptions& options);

/// Trains the model that the options name. @param data  loses a validation split where selection needs one and there
/// is none
TrainOutcome train_model(const TrainCommandOptions& options, Dataset& data, const std::filesystem::path& checkpoint,
                         const Observer& observer);

}  // namespace reclm::cli
