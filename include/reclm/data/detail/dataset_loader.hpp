#pragma once
/// @file dataset_loader.hpp
/// The steps of loading: tables, interactions, splits, candidates, features.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/delimited.hpp"
#include "reclm/data/detail/feature_loader.hpp"
#include "reclm/data/detail/select_ids.hpp"
#include "reclm/data/detail/untabled_rows.hpp"
#include "reclm/data/features.hpp"
#include "reclm/data/fingerprint.hpp"
#include "reclm/data/id_map.hpp"
#include "reclm/data/id_table.hpp"
#include "reclm/data/load_options.hpp"
#include "reclm/data/read_interactions.hpp"
#include "reclm/data/splits.hpp"

namespace reclm::detail {

class DatasetLoader {
 public:
  DatasetLoader(const DatasetFiles& files, const LoadOptions& options) : files_(files), options_(options) {
    const bool splits = !files.train.empty() || !files.valid.empty() || !files.test.empty() || !files.zero.empty();
    if (files.interactions.empty() ? files.train.empty() : splits)
      throw ConfigError(
          "a data set is read either from one file of interactions, which is split, or from split files with train. "
          "Remedy: name one of the two");
  }

  Dataset load() {
    data_.name = options_.name.empty() ? main_file().stem().string() : options_.name;
    read_tables();
    if (options_.min_rating && options_.features) {
      UntabledRows rows = untabled_rows(files_, options_);
      if (!rows.items.empty()) item_rows_ = std::move(rows.items);
      if (!rows.users.empty()) user_rows_ = std::move(rows.users);
    }
    if (files_.interactions.empty())
      read_splits();
    else
      read_and_split();
    scatter_unseen();
    pad_text();
    read_candidates();
    if (options_.features)
      FeatureLoader(files_, options_, item_rows_.empty() ? data_.items : item_rows_,
                    user_rows_.empty() ? data_.users : user_rows_, data_)
          .load();
    return std::move(data_);
  }

 private:
  [[nodiscard]] const std::filesystem::path& main_file() const {
    return files_.train.empty() ? files_.interactions : files_.train;
  }

  void read_tables() {
    if (!files_.items.empty()) {
      IdTable table = read_id_table(files_.items, options_.columns.item, options_.format);
      data_.items = std::move(table.ids);
      data_.item_text = std::move(table.text);
    }
    if (!files_.users.empty()) {
      IdTable table = read_id_table(files_.users, options_.columns.user, options_.format);
      data_.users = std::move(table.ids);
      data_.user_text = std::move(table.text);
    }
    item_rows_ = data_.items;
    user_rows_ = data_.users;
    listed_items_ = data_.items.size();
    table_items_ = data_.items.size();
    table_users_ = data_.users.size();
  }

  ReadInteractions read(const std::filesystem::path& path, bool ratings, bool timestamps) {
    InteractionReadOptions how;
    how.format = options_.format;
    how.columns = options_.columns;
    how.min_rating = options_.min_rating;
    how.keep_ratings = ratings;
    how.keep_timestamps = timestamps && TableReader(path, options_.format).find(options_.columns.timestamp);
    how.new_users = files_.users.empty() || options_.unknown_ids == UnknownIds::append;
    how.new_items = files_.items.empty() || options_.unknown_ids == UnknownIds::append;
    ReadInteractions result = read_interactions(path, data_.users, data_.items, how);
    const std::string file = path.filename().string();
    if (result.repeated > 0)
      notice(file + ": " + std::to_string(result.repeated) + " of " + std::to_string(result.records) +
             " records repeat a pair and were merged");
    if (result.below_rating > 0)
      notice(file + ": " + std::to_string(result.below_rating) + " records are rated too low and were left out");
    return result;
  }

  void read_splits() {
    ReadInteractions train = read(files_.train, options_.keep_ratings, options_.keep_timestamps);
    data_.train = std::move(train.pairs);
    data_.train_values = std::move(train.values);
    if (!files_.valid.empty()) data_.valid = read(files_.valid, false, false).pairs;
    if (!files_.test.empty()) data_.test = read(files_.test, false, false).pairs;
    if (!files_.zero.empty()) data_.zero = read(files_.zero, false, false).pairs;
    for (Interactions* split : {&data_.train, &data_.valid, &data_.test, &data_.zero})
      *split = std::move(*split).resized(data_.users.size(), data_.items.size());
    data_.valid_candidates = items_of(data_.valid);
    data_.test_candidates = items_of(data_.test);
    data_.zero_candidates = items_of(data_.zero);
    check_zero();
    check_targets(data_.valid, files_.valid);
    check_targets(data_.test, files_.test);
  }

  // Zero-shot figures would be about something else if train knew the items.
  void check_zero() const {
    const std::vector<Index> counts = data_.train.item_counts();
    for (const Id item : data_.zero_candidates)
      if (counts[static_cast<std::size_t>(item)] > 0)
        throw DataError(
            files_.zero.string(), 0,
            "item \"" + std::string(data_.items.name(item)) + "\" also occurs in " + files_.train.filename().string(),
            "items of the zero split must not occur in train; move the records to the test split");
  }

  // Targets that no full-shot figure can count rightly are worth a word.
  void check_targets(const Interactions& split, const std::filesystem::path& path) {
    const std::vector<Index> counts = data_.train.item_counts();
    Index known = 0, selected = 0, cold = 0;
    for (Id user = 0; user < split.users(); ++user)
      for (const Id item : split.of(user)) {
        known += data_.train.contains(user, item) ? 1 : 0;
        selected += &split != &data_.valid && data_.valid.contains(user, item) ? 1 : 0;
        cold += counts[static_cast<std::size_t>(item)] == 0 ? 1 : 0;
      }
    const std::string start = path.filename().string() + ": ";
    if (known > 0)
      notice(start + std::to_string(known) +
             " targets are train interactions too and stay hidden when those are masked");
    if (selected > 0)
      notice(start + std::to_string(selected) +
             " targets are validation interactions too and stay hidden when those are masked");
    if (cold > 0) notice(start + std::to_string(cold) + " targets are items that train does not hold");
  }

  void read_and_split() {
    // A temporal split needs timestamps, whatever is kept afterwards.
    ReadInteractions all = read(files_.interactions, options_.keep_ratings, true);
    all.pairs = std::move(all.pairs).resized(data_.users.size(), data_.items.size());
    const Parts parts = split_parts(all.pairs, all.values, options_.split);
    apply_parts(data_, all.pairs, all.values, parts);
    if (!options_.keep_timestamps) data_.train_values.timestamps.clear();
    pad_text();
    const auto dropped = std::count(parts.begin(), parts.end(), Part::dropped);
    if (dropped > 0) {
      if (item_rows_.empty()) item_rows_ = data_.items;
      if (user_rows_.empty()) user_rows_ = data_.users;
      drop_emptied(data_, all.pairs, take(all.pairs, parts, Part::dropped));
      notice("the k-core left out " + std::to_string(dropped) + " of " + std::to_string(all.pairs.size()) + " pairs");
    }
    notice("all interactions came in one file; they were split into " + std::to_string(data_.train.size()) +
           " for train, " + std::to_string(data_.valid.size()) + " for validation, " +
           std::to_string(data_.test.size()) + " for test and " + std::to_string(data_.zero.size()) +
           " of unseen items");
    compare_shares();
  }

  // A split of less than half the share asked for is worth a word.
  void compare_shares() {
    if (options_.split.kind == SplitOptions::Kind::leave_one_out) return;
    const auto percent = [](double share) { return std::to_string(std::lround(100 * share)) + "%"; };
    const auto all = static_cast<double>(data_.train.size() + data_.valid.size() + data_.test.size());
    const auto compare = [&](const char* name, const Interactions& split, double asked) {
      const double share = static_cast<double>(split.size()) / all;
      if (share < asked / 2)
        notice("the " + std::string(name) + " split holds " + percent(share) + " of the pairs of seen items where " +
               percent(asked) +
               " were asked for: every user keeps a pair in train in splits by ratio, and pairs of one moment stay "
               "together in splits by time");
    };
    compare("validation", data_.valid, options_.split.valid);
    compare("test", data_.test, options_.split.test);
  }

  // Items are listed by score and then by number: in the order of appearance, the numbers of items that train does not
  // hold would tell what was clicked in the held-out splits.
  void scatter_unseen() {
    const std::vector<Index> counts = data_.train.item_counts();
    std::vector<Id> order, unseen;
    for (Id item = 0; item < data_.items.size(); ++item)
      (item < listed_items_ || counts[static_cast<std::size_t>(item)] > 0 ? order : unseen).push_back(item);
    if (unseen.empty()) return;
    if (item_rows_.empty()) item_rows_ = data_.items;
    std::vector<std::pair<std::string, Id>> keys;
    for (const Id item : unseen) {
      const std::string_view name = data_.items.name(item);
      keys.emplace_back(Fingerprint().add(std::span(name.data(), name.size())).text(), item);
    }
    std::sort(keys.begin(), keys.end());
    for (const auto& [key, item] : keys) order.push_back(item);
    renumber_items(data_, order);
  }

  // Ids that the tables lack have no text.
  void pad_text() {
    const auto pad = [&](std::vector<TextColumn>& columns, const IdMap& ids, Id& in_table, const char* what) {
      for (TextColumn& column : columns) column.values.resize(static_cast<std::size_t>(ids.size()));
      if (in_table > 0 && ids.size() > in_table)
        notice(std::to_string(ids.size() - in_table) + " " + what + " are not in the ." +
               std::string(what).substr(0, 4) + " file and have no text");
      in_table = ids.size();
    };
    pad(data_.item_text, data_.items, table_items_, "items");
    pad(data_.user_text, data_.users, table_users_, "users");
  }

  void read_candidates() {
    const std::vector<Index> trained = data_.train.item_counts();
    const auto read_list = [&](const std::filesystem::path& path, const Interactions& split, std::vector<Id>& list) {
      if (path.empty()) return;
      const IdMap tokens = read_ids(path);
      list.clear();
      for (Id k = 0; k < tokens.size(); ++k) {
        const auto item = data_.items.find(tokens.name(k));
        if (!item)
          throw DataError(path.string(), k + 1,
                          "the item \"" + std::string(tokens.name(k).substr(0, 40)) + "\" is unknown",
                          "list items of the .item file or of the interactions");
        if (&split == &data_.zero && trained[static_cast<std::size_t>(*item)] > 0)
          throw DataError(
              path.string(), k + 1, "the item \"" + std::string(tokens.name(k).substr(0, 40)) + "\" occurs in train",
              "list items that train does not hold, or remove the file: the split's own items are ranked then");
        list.push_back(*item);
      }
      std::sort(list.begin(), list.end());
      const auto outside = std::count_if(split.columns().begin(), split.columns().end(),
                                         [&](Id item) { return !std::binary_search(list.begin(), list.end(), item); });
      if (outside > 0)
        notice(path.filename().string() + ": " + std::to_string(outside) +
               " targets of the split are no candidates and can never be found");
    };
    read_list(files_.valid_candidates, data_.valid, data_.valid_candidates);
    read_list(files_.test_candidates, data_.test, data_.test_candidates);
    read_list(files_.zero_candidates, data_.zero, data_.zero_candidates);
  }

  void notice(std::string text) { data_.notices.push_back(std::move(text)); }

  DatasetFiles files_;
  LoadOptions options_;
  Dataset data_;
  IdMap item_rows_, user_rows_;           // what rows of vectors stand for; empty: the ids of the data set
  Id listed_items_ = 0;                   // items that the table brought
  Id table_items_ = 0, table_users_ = 0;  // ids that the tables brought, 0 where there is no table
};

}  // namespace reclm::detail
