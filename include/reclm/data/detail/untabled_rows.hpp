#pragma once
/// @file untabled_rows.hpp
/// What rows of vectors stand for where there is neither a table nor an ids file.

#include <filesystem>

#include "reclm/core/config.hpp"
#include "reclm/data/delimited.hpp"
#include "reclm/data/id_map.hpp"
#include "reclm/data/load_options.hpp"

namespace reclm::detail {

struct UntabledRows {
  IdMap items, users;  ///< in the order of rows; empty where no file of vectors needs them
};

/// Without a table rows follow all ids of the files in the order of appearance, also those of records that are rated
/// too low. @throws as reading the files does
inline UntabledRows untabled_rows(const DatasetFiles& files, const LoadOptions& options) {
  const auto by_row = [](const std::filesystem::path& vectors, const std::filesystem::path& ids) {
    return !vectors.empty() && ids.empty();
  };
  const bool items = files.items.empty() && (by_row(files.item_text, files.item_text_ids) ||
                                             by_row(files.item_profile, files.item_profile_ids));
  const bool users = files.users.empty() && by_row(files.user_profile, files.user_profile_ids);
  UntabledRows rows;
  for (const auto* path : {&files.interactions, &files.train, &files.valid, &files.test, &files.zero}) {
    if (path->empty() || (!items && !users)) continue;
    TableReader table(*path, options.format);
    const Index user = table.require(options.columns.user), item = table.require(options.columns.item);
    while (table.next()) {
      if (items) rows.items.insert(table.field(item));
      if (users) rows.users.insert(table.field(user));
    }
  }
  return rows;
}

}  // namespace reclm::detail
