#pragma once
// reclm enhance: a finished model in, a better one out.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "command.hpp"
#include "data.hpp"
#include "model_file.hpp"
#include "reclm/align/frozen_options.hpp"
#include "reclm/core/observer.hpp"
#include "reclm/eval/report_input.hpp"

namespace reclm::cli {

struct EnhanceOptions {
  CommonOptions common;
  DataOptions data;
  std::string model, user_factors, item_factors;  ///< a file of `reclm train`, or two matrices
  std::string label;                              ///< what reports call the model
  std::string choice;                             ///< a choice.json of an earlier call
  std::string out;
  double warm_floor = 0.99;
  std::uint64_t seed = 1;
  bool no_placebo = false;
};

/// A finished model in the numbering of its data.
struct GivenModel {
  std::string name;
  PairModel scores;
  std::vector<std::string> notes;
};

/// Reads what the options name. Of a file of `reclm train` it is checked that `data` hold what it was trained on; where
/// the training had carved a validation split out of them, the same is carved here. @throws DataError, BadInput,
/// ConfigError
GivenModel read_given_model(const EnhanceOptions& options, Dataset& data);

/// A choice as JSON; `cold_offset` is null where unseen items stay behind all seen ones.
std::string choice_text(const FrozenChoice& choice);
/// @throws BadInput; DataError on anything but a choice
FrozenChoice read_choice(const std::filesystem::path& path);

/// What enhancing left.
struct Enhanced {
  TrainedModel model;   ///< its factors; of a model that is no product the best approximation
  FrozenChoice choice;  ///< with it, no later fit needs validation
};

/// Fits the adapter, on validation where there is any and no `choice`, writes it into `options.out`, measures it beside
/// the model alone, baselines and the placebo, and adds all that to `report`. @throws FitStopped, EvaluationStopped
/// when the observer stops
Enhanced enhance(const EnhanceOptions& options, const Dataset& data, const GivenModel& given,
                 const std::optional<FrozenChoice>& choice, const Observer& observer, ReportInput& report);

}  // namespace reclm::cli
