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
  how.split.core = {options.core, options.core};
  if (options.has_min_rating) how.min_rating = options.min_rating;
  try {
    return load_dataset(options.folder, how);
  } catch (const IoError& e) {
    throw BadInput(e.what());
  }
}

}  // namespace reclm::cli
