#pragma once
// Where a subcommand's data come from.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "command.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/findings.hpp"

namespace reclm::cli {

struct DataOptions {
  std::string folder;
  bool world = false;
  std::uint64_t world_seed = 1;
  std::string name;            ///< of the data set in `folder`; empty: the only one
  std::string split = "auto";  ///< of NAME.inter: auto, ratio, temporal, leave-one-out
  double min_rating = 0;
  bool has_min_rating = false;
  Index core = 0;
  double valid = 0.1, test = 0.2, cold_items = 0.1;  ///< shares of NAME.inter; cold_items: of its items
  std::uint64_t split_seed = 1;                      ///< of what is drawn when it is split
  bool keep_ratings = false;                         ///< of train
};

void add_data_options(CLI::App& command, DataOptions& options);

/// The embedded world of the default size.
Dataset embedded_world(std::uint64_t seed);

/// A data set with what is known about its users and items.
struct TaughtData {
  Dataset data{};
  std::string teacher{};                                      ///< who wrote the profiles
  std::vector<std::string> user_profiles{}, item_profiles{};  ///< the teacher's, "" where there is none
  std::function<std::vector<std::string>(Id)> truth{};        ///< names of a user's interests; empty: nobody knows
  Matrix<Id> neighbours{}, item_neighbours{};                 ///< see find_neighbours of tuning.hpp
};

/// The embedded world with its oracle's profiles as texts, not as vectors. @param users, items 0: as many as usual
/// @param vectors whether items have vectors of their texts
TaughtData taught_world(std::uint64_t seed, Index users = 0, Index items = 0, bool vectors = false);

/// Loads the folder or makes the world. @param vectors  whether those of a folder are read or made @throws ConfigError;
/// DataError, BadInput when files cannot be read
Dataset load(const DataOptions& options, bool vectors = true);

/// What is wrong where the profile vectors of users and items differ in width; adapters that take profiles need both.
std::optional<Finding> unequal_profiles(const Dataset& data);

/// @throws DataError where unequal_profiles finds something
void check_profiles(const Dataset& data);

}  // namespace reclm::cli
