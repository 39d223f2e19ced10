#pragma once
// A trained model as one file that can recommend by itself: scores, ids, and who has seen what.

#include <filesystem>
#include <string>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/id_map.hpp"
#include "reclm/data/interactions.hpp"
#include "reclm/model/pair_model.hpp"

namespace reclm::cli {

/// What `reclm train` writes and `reclm recommend` reads.
struct TrainedModel {
  std::string name;     ///< "LightGCN + RecLM"
  std::string details;  ///< how it was trained, JSON
  PairModel scores;
  IdMap users, items;
  Interactions seen;                ///< train and validation: not recommended again
  std::vector<Index> train_clicks;  ///< of each item; 0: an item that training never saw
};

/// A model with the ids and clicks of the data that it was trained on.
TrainedModel packed_model(std::string name, PairModel scores, const Dataset& data);

/// A safetensors file: users.factors [U, d], items.factors [I, d], users.hidden and items.hidden where the model has a
/// layer over pairs, users.ids and items.ids (UTF-8 bytes, end to end) with users.id_ends and items.id_ends,
/// seen.offsets [U + 1] and seen.items, items.train_clicks [I]; metadata format, name and details. @throws IoError
void write_model(const std::filesystem::path& path, const TrainedModel& model);

/// @throws IoError; DataError when the file is not such a model or its parts do not fit together
TrainedModel read_model(const std::filesystem::path& path);

}  // namespace reclm::cli
