#pragma once
// Where a subcommand's data come from.

#include <cstdint>
#include <string>

#include "command.hpp"
#include "reclm/core/config.hpp"
#include "reclm/data/dataset.hpp"

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
};

void add_data_options(CLI::App& command, DataOptions& options);

/// The embedded world of the default size.
Dataset embedded_world(std::uint64_t seed);

/// Loads the folder or makes the world. @param vectors  whether those of a folder are read or made @throws ConfigError;
/// DataError, BadInput when files cannot be read
Dataset load(const DataOptions& options, bool vectors = true);

}  // namespace reclm::cli
