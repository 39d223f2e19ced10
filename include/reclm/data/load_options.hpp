#pragma once
/// @file load_options.hpp
/// What a data set is read from, and how.

#include <filesystem>
#include <optional>
#include <string>

#include "reclm/data/read_interactions.hpp"
#include "reclm/data/splits.hpp"
#include "reclm/data/text_encoder.hpp"

namespace reclm {

/// What happens when an interaction names a user or item that the .user or .item file does not hold.
enum class UnknownIds {
  error,
  append,  ///< it is numbered behind the others, without text; a notice says how many
};

/// How a data set is read.
struct LoadOptions {
  std::string name = {};  ///< of the data set; empty: found from the .inter files
  TableFormat format = TableFormat::atomic();
  InteractionColumns columns = {};                  ///< the id columns of item and user tables have the same names
  std::optional<double> min_rating = std::nullopt;  ///< only interactions rated at least so count
  bool keep_ratings = false;                        ///< of train, 4 bytes a pair
  bool keep_timestamps = true;                      ///< of train, 8 bytes a pair, where the file has them
  UnknownIds unknown_ids = UnknownIds::error;
  SplitOptions split = {};               ///< for interactions that come in one file
  bool features = true;                  ///< read or make the feature matrices
  bool profiles_from_text = true;        ///< item profiles are the text vectors where there is no item_profile.npy
  TextEncoderOptions text_encoder = {};  ///< for text columns where there is no item_text.npy
};

/// The files of a data set. Empty paths: there is no such file. Either `interactions` or `train` is needed.
struct DatasetFiles {
  using Path = std::filesystem::path;
  Path interactions = {};  ///< all in one, split as the options say
  Path train = {}, valid = {}, test = {}, zero = {};
  Path valid_candidates = {}, test_candidates = {}, zero_candidates = {};  ///< one item id a line, no header
  Path items = {}, users = {};                                             ///< tables with ids and text
  Path item_text = {}, item_profile = {}, user_profile = {};               ///< .npy matrices
  Path item_text_ids = {}, item_profile_ids = {}, user_profile_ids = {};   ///< what their rows stand for, one id a line
};

}  // namespace reclm
