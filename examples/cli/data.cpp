#include "data.hpp"

#include <filesystem>

#include "reclm/data/load.hpp"

namespace reclm::cli {

namespace {

SplitOptions::Kind split_kind(const std::string& name) {
  using Kind = SplitOptions::Kind;
  return name == "ratio"           ? Kind::ratio
         : name == "temporal"      ? Kind::temporal
         : name == "leave-one-out" ? Kind::leave_one_out
                                   : Kind::automatic;
}

}  // namespace

Dataset load(const DataOptions& options, bool vectors) {
  if (options.folder.empty() && !options.world)
    throw ConfigError("there are no data. Remedy: name a folder by --data DIR, or take the embedded world by --world");
  if (options.world) return embedded_world(options.world_seed);
  std::error_code failure;
  if (!std::filesystem::is_directory(options.folder, failure))
    throw DataError(options.folder, 0,
                    failure || !std::filesystem::exists(options.folder, failure)
                        ? "there is no such folder"
                        : "this is a file where a folder is needed",
                    "name a folder that holds NAME.train.inter or NAME.inter, or take --world");
  LoadOptions how;
  how.name = options.name;
  how.features = vectors;
  how.split.kind = split_kind(options.split);
  how.keep_ratings = options.keep_ratings;
  how.split.valid = options.valid;
  how.split.test = options.test;
  how.split.cold_items = options.cold_items;
  how.split.seed = options.split_seed;
  how.split.core = {options.core, options.core};
  if (options.has_min_rating) how.min_rating = options.min_rating;
  try {
    return load_dataset(options.folder, how);
  } catch (const IoError& e) {
    throw BadInput(e.what());
  }
}

std::optional<Finding> unequal_profiles(const Dataset& data) {
  const Index users = data.user_profiles.cols(), items = data.item_profiles.cols();
  if (data.user_profiles.empty() || data.item_profiles.empty() || users == items) return std::nullopt;
  return Finding{Severity::error,
                 "the vectors of user_profile.npy are " + std::to_string(users) + " wide, those of item_profile.npy " +
                     std::to_string(items) + ": no adapter can use them together",
                 "encode both by one encoder (without item_profile.npy the text vectors stand for it)"};
}

void check_profiles(const Dataset& data) {
  if (const auto wrong = unequal_profiles(data)) throw DataError(data.name, 0, wrong->problem, wrong->remedy);
}

}  // namespace reclm::cli
