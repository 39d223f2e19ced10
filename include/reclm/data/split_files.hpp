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
#include "reclm/data/id_map.hpp"
#include "reclm/data/interaction_values.hpp"
#include "reclm/data/interactions.hpp"
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

/// The shortest text that reads as the same number.
inline std::string shortest(double value) {
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
    if (!values.ratings.empty()) text += '\t' + shortest(static_cast<double>(values.ratings[at]));
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

}  // namespace detail

/// Writes an ids file, as `read_ids` reads it: one token a line, in the order of their numbers. @throws IoError;
/// DataError on an id that such a file cannot hold
inline void write_ids(const std::filesystem::path& path, const IdMap& ids) {
  detail::require_writable_ids(ids, path);
  write_file(path, detail::lines_of(ids));
}

/// Writes the splits of `data` into `folder`, which is made where it is missing, as RecBole's atomic files: NAME being
/// the data set's name, NAME.train.inter (with ratings and timestamps as far as `train_values` has them),
/// NAME.valid.inter, NAME.test.inter, NAME.zero.inter (those that have pairs), NAME.SPLIT.candidates where a split
/// ranks other items than its targets, and NAME.user and NAME.item with the ids alone where the folder has no such
/// table yet: their lines are the order of users and items.
///
/// Each file is written atomically. @throws IoError; DataError on an id that such files cannot hold
inline void write_splits(const std::filesystem::path& folder, const Dataset& data) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed)
    throw IoError("cannot make the folder " + folder.string() + ": " + failed.message() +
                  ". Remedy: choose one that can be written to");
  detail::require_writable_ids(data.users, folder);
  detail::require_writable_ids(data.items, folder);
  const auto file = [&](const std::string& suffix) { return folder / (data.name + suffix); };
  for (const auto& [suffix, ids, head] :
       {std::tuple{".user", &data.users, "user_id:token\n"}, std::tuple{".item", &data.items, "item_id:token\n"}})
    if (!std::filesystem::exists(file(suffix), failed)) write_file(file(suffix), detail::lines_of(*ids, head));
  write_file(file(".train.inter"), detail::split_text(data, data.train, data.train_values));
  for (const auto& [split, pairs, candidates] : {std::tuple{".valid", &data.valid, &data.valid_candidates},
                                                 std::tuple{".test", &data.test, &data.test_candidates},
                                                 std::tuple{".zero", &data.zero, &data.zero_candidates}}) {
    if (pairs->empty()) continue;
    write_file(file(std::string(split) + ".inter"), detail::split_text(data, *pairs, {}));
    if (*candidates == items_of(*pairs)) continue;
    std::string text;
    for (const Id item : *candidates) text += std::string(data.items.name(item)) + '\n';
    write_file(file(std::string(split) + ".candidates"), text);
  }
}

}  // namespace reclm
