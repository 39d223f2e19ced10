#pragma once
/// @file load.hpp
/// A folder of files → a data set.
///
/// | file | content |
/// | --- | --- |
/// | NAME.train.inter, NAME.valid.inter, NAME.test.inter, NAME.zero.inter | splits; train is needed, the others are
/// optional | | NAME.inter | or all interactions in one file, split as the options say | | NAME.valid.candidates,
/// NAME.test.candidates, NAME.zero.candidates | what a split ranks, one item id a line; else the distinct items of the
/// split | | NAME.item, NAME.user | ids and text; their order numbers items and users, else the order of appearance
/// does, items that train does not hold last and in no order | | item_text.npy, item_profile.npy, user_profile.npy |
/// vectors, rows in the order of .item or .user … | | item_text.ids, item_profile.ids, user_profile.ids | … or of
/// these, one id a line, which need not cover all |
///
/// Items of the zero split and of its candidates never occur in train. In the order of appearance, rows count ids of
/// records that `min_rating` or the k-core leaves out as well.
///
/// What has no row: item text gets zeros; an item profile is the item's text vector where the widths agree, else zeros;
/// a user profile is the unit-length mean of the item profiles of the user's train history, zeros without one. Without
/// item_text.npy the text columns of NAME.item go through the built-in encoder; without item_profile.npy the text
/// vectors serve as profiles. `Dataset::notices` says what was done.

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "reclm/data/dataset.hpp"
#include "reclm/data/detail/dataset_loader.hpp"
#include "reclm/data/detail/find_files.hpp"
#include "reclm/data/load_options.hpp"

namespace reclm {

/// Reads a data set from the files named, e.g. CSV tables.
/// @throws IoError; DataError naming file, line and remedy; ConfigError when options contradict each other
inline Dataset load_files(const DatasetFiles& files, const LoadOptions& options = {}) {
  return detail::DatasetLoader(files, options).load();
}

/// Reads a folder of RecBole's atomic files, see above. @throws as `load_files`, and DataError when the folder holds no
/// interactions, or those of several data sets and the options name none
inline Dataset load_dataset(const std::filesystem::path& folder, LoadOptions options = {}) {
  options.name = detail::dataset_name(folder, options.name);
  const DatasetFiles files = detail::files_of(folder, options.name);
  Dataset data = load_files(files, options);
  const std::string whole = options.name + ".inter";
  std::error_code ignored;
  if (files.interactions.empty() && std::filesystem::exists(folder / whole, ignored))
    data.notices.push_back(whole + " is not read, since there are split files");
  return data;
}

}  // namespace reclm
