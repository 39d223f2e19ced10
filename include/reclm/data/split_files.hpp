#pragma once
/// @file split_files.hpp
/// The splits of a data set as files, for models that are trained elsewhere.

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>

#include "reclm/core/atomic_file.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/detail/find_files.hpp"
#include "reclm/data/detail/untabled_rows.hpp"
#include "reclm/data/id_map.hpp"
#include "reclm/data/interaction_values.hpp"
#include "reclm/data/interactions.hpp"
#include "reclm/data/load_options.hpp"
#include "reclm/data/splits.hpp"

namespace reclm {

namespace detail {

/// Ids that atomic files cannot hold come from tables with quotes. @throws DataError
inline void require_writable_ids(const IdMap& ids, const std::filesystem::path& where) {
  for (Id id = 0; id < ids.size(); ++id)
    if (ids.name(id).find_first_of("\t\r\n") != std::string_view::npos)
      throw DataError(where.string(), 0, "the id \"" + std::string(ids.name(id)) + "\" holds a tab or a line break",
                      "rename it: atomic files part fields by tabs and records by lines");
}

/// The shortest text that reads as the same number of the same type.
template <class T>
std::string shortest(T value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

inline std::string split_text(const Dataset& data, const Interactions& pairs, const InteractionValues& values) {
  std::string text = "user_id:token\titem_id:token";
  if (!values.ratings.empty()) text += "\trating:float";
  if (!values.timestamps.empty()) text += "\ttimestamp:float";
  text += '\n';
  std::size_t at = 0;
  for (const auto& [user, item] : pairs.pairs()) {
    text += std::string(data.users.name(user)) + '\t' + std::string(data.items.name(item));
    if (!values.ratings.empty()) text += '\t' + shortest(values.ratings[at]);
    if (!values.timestamps.empty()) text += '\t' + shortest(values.timestamps[at]);
    text += '\n';
    ++at;
  }
  return text;
}

inline std::string lines_of(const IdMap& ids, std::string_view head = {}) {
  std::string text(head);
  for (Id id = 0; id < ids.size(); ++id) text += std::string(ids.name(id)) + '\n';
  return text;
}

/// @throws DataError where vectors without an ids file would get the order of a new table, which may not be theirs
inline void require_named_rows(const std::filesystem::path& folder, std::string_view kind,
                               const std::filesystem::path& table) {
  std::error_code failed;
  for (const char* name : {"item_text", "item_profile", "user_profile"}) {
    if (!std::string_view(name).starts_with(kind)) continue;
    const std::filesystem::path vectors = folder / (std::string(name) + ".npy");
    const std::string ids = std::string(name) + ".ids";
    if (std::filesystem::exists(vectors, failed) && !std::filesystem::exists(folder / ids, failed))
      throw DataError(vectors.string(), 0,
                      "its rows would be taken in the order of the new " + table.filename().string(),
                      "name them in " + ids + ", by write_row_ids or write_ids");
  }
}

inline void require_writable(const Dataset& data, const std::filesystem::path& folder) {
  require_writable_ids(data.users, folder);
  require_writable_ids(data.items, folder);
  const auto fits = [&](const Interactions& pairs) {
    return pairs.empty() || (pairs.users() == data.users.size() && pairs.items() == data.items.size());
  };
  if (!fits(data.train) || !fits(data.valid) || !fits(data.test) || !fits(data.zero))
    throw ShapeError("write_splits: the splits are of other numbers of users and items than there are ids");
  if (!data.valid_zero.empty())
    throw ConfigError(
        "write_splits: there is no file for valid_zero, whose pairs would be lost. Remedy: carve validation without "
        "cold_items");
}

}  // namespace detail

/// Writes an ids file, as `read_ids` reads it: one token a line, in the order of their numbers. @throws IoError;
/// DataError on an id that such a file cannot hold
inline void write_ids(const std::filesystem::path& path, const IdMap& ids) {
  detail::require_writable_ids(ids, path);
  write_file(path, detail::lines_of(ids));
}

/// Names the rows of the vectors in the data folder `from` that neither an ids file nor a table names: writes
/// item_text.ids, item_profile.ids and user_profile.ids into `to`, so far as they are missing. A copy of the vectors
/// there is read rightly then, whatever the order of the records beside it. @throws IoError; DataError as load_dataset
inline void write_row_ids(const std::filesystem::path& from, const std::filesystem::path& to,
                          LoadOptions options = {}) {
  options.name = detail::dataset_name(from, options.name);
  const DatasetFiles files = detail::files_of(from, options.name);
  const detail::UntabledRows rows = detail::untabled_rows(files, options);
  const auto write = [&](const std::filesystem::path& vectors, const std::filesystem::path& ids, const IdMap& names) {
    if (!vectors.empty() && ids.empty() && !names.empty())
      write_ids((to / vectors.filename()).replace_extension(".ids"), names);
  };
  write(files.item_text, files.item_text_ids, rows.items);
  write(files.item_profile, files.item_profile_ids, rows.items);
  write(files.user_profile, files.user_profile_ids, rows.users);
}

/// Writes the splits of `data` into `folder`, which is made where it is missing, as RecBole's atomic files: NAME being
/// the data set's name, NAME.train.inter (with ratings and timestamps as far as `train_values` has them),
/// NAME.valid.inter, NAME.test.inter, NAME.zero.inter (those that have pairs), NAME.SPLIT.candidates where a split
/// ranks other items than its targets, and NAME.user and NAME.item with the ids alone where the folder has no such
/// table yet: their lines are the order of users and items. Splits and candidates of an earlier data set of that name
/// go.
///
/// Each file is written atomically. @throws IoError; DataError on an id that such files cannot hold, and where the
/// folder has vectors whose rows a new table would name (see write_row_ids); ConfigError on a split `valid_zero`, which
/// has no file; ShapeError where there are not as many ids as users and items
inline void write_splits(const std::filesystem::path& folder, const Dataset& data) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed)
    throw IoError("cannot make the folder " + folder.string() + ": " + failed.message() +
                  ". Remedy: choose one that can be written to");
  detail::require_writable(data, folder);
  const auto file = [&](const std::string& suffix) { return folder / (data.name + suffix); };
  const auto missing = [&](const char* suffix) { return !std::filesystem::exists(file(suffix), failed); };
  if (missing(".user")) detail::require_named_rows(folder, "user", file(".user"));
  if (missing(".item")) detail::require_named_rows(folder, "item", file(".item"));
  if (missing(".user")) write_file(file(".user"), detail::lines_of(data.users, "user_id:token\n"));
  if (missing(".item")) write_file(file(".item"), detail::lines_of(data.items, "item_id:token\n"));
  write_file(file(".train.inter"), detail::split_text(data, data.train, data.train_values));
  for (const auto& [split, pairs, candidates] : {std::tuple{".valid", &data.valid, &data.valid_candidates},
                                                 std::tuple{".test", &data.test, &data.test_candidates},
                                                 std::tuple{".zero", &data.zero, &data.zero_candidates}}) {
    const auto targets = file(std::string(split) + ".inter"), ranked = file(std::string(split) + ".candidates");
    if (pairs->empty()) {
      remove_stale(targets);
      remove_stale(ranked);
      continue;
    }
    write_file(targets, detail::split_text(data, *pairs, {}));
    if (candidates->empty() || *candidates == items_of(*pairs)) {
      remove_stale(ranked);
      continue;
    }
    std::string text;
    for (const Id item : *candidates) text += std::string(data.items.name(item)) + '\n';
    write_file(ranked, text);
  }
}

}  // namespace reclm
