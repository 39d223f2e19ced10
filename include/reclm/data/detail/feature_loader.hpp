#pragma once
/// @file feature_loader.hpp
/// The vectors of a data set: read, made from text, or made from histories.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/features.hpp"
#include "reclm/data/id_map.hpp"
#include "reclm/data/load_options.hpp"
#include "reclm/data/text_encoder.hpp"

namespace reclm::detail {

class FeatureLoader {
 public:
  /// @param item_rows, user_rows what the rows of .npy files stand for that have no ids file
  FeatureLoader(const DatasetFiles& files, const LoadOptions& options, const IdMap& item_rows, const IdMap& user_rows,
                Dataset& data)
      : files_(files), options_(options), item_rows_(item_rows), user_rows_(user_rows), data_(data) {}

  void load() {
    load_item_vectors();
    load_item_profiles();
    load_user_profiles();
  }

 private:
  FeatureRows read(const std::filesystem::path& path, const std::filesystem::path& ids_file, const IdMap& rows,
                   const IdMap& ids, bool has_table) {
    FeatureRows features =
        ids_file.empty() ? read_features(path, rows, ids) : read_features(path, read_ids(ids_file), ids);
    const std::string file = path.filename().string();
    if (ids_file.empty() && !has_table)
      notice(file + ": its rows are taken in the order in which ids appear in the interactions");
    if (features.unknown > 0)
      notice(file + ": " + std::to_string(features.unknown) + " rows belong to ids that the data set does not have");
    return features;
  }

  void load_item_vectors() {
    if (!files_.item_text.empty()) {
      FeatureRows features =
          read(files_.item_text, files_.item_text_ids, item_rows_, data_.items, !files_.items.empty());
      if (features.missing > 0)
        notice(files_.item_text.filename().string() + ": " + std::to_string(features.missing) +
               " items have no row and get zeros");
      data_.item_vectors = std::move(features.values);
    } else if (!data_.item_text.empty()) {
      data_.item_vectors = encode_text(item_texts(), options_.text_encoder);
      notice("there is no item_text.npy; the text of the items went through the built-in encoder");
    }
  }

  // The columns of each item, one after the other.
  [[nodiscard]] std::vector<std::string> item_texts() const {
    std::vector<std::string> texts(static_cast<std::size_t>(data_.items.size()));
    for (const TextColumn& column : data_.item_text)
      for (std::size_t item = 0; item < texts.size(); ++item) {
        if (!texts[item].empty()) texts[item] += ' ';
        texts[item] += column.values[item];
      }
    return texts;
  }

  void load_item_profiles() {
    if (files_.item_profile.empty()) {
      if (!options_.profiles_from_text || data_.item_vectors.empty()) return;
      data_.item_profiles = data_.item_vectors;
      notice("there is no item_profile.npy; the text vectors serve as item profiles");
      return;
    }
    FeatureRows features =
        read(files_.item_profile, files_.item_profile_ids, item_rows_, data_.items, !files_.items.empty());
    const bool from_text = features.values.cols() == data_.item_vectors.cols();
    for (std::size_t item = 0; from_text && item < features.present.size(); ++item)
      if (!features.present[item]) {
        const auto row = data_.item_vectors.row(static_cast<Index>(item));
        std::copy(row.begin(), row.end(), features.values.row(static_cast<Index>(item)).begin());
      }
    if (features.missing > 0)
      notice(files_.item_profile.filename().string() + ": " + std::to_string(features.missing) +
             " items have no row and get " + (from_text ? "their text vectors" : "zeros"));
    data_.item_profiles = std::move(features.values);
  }

  void load_user_profiles() {
    const auto users = static_cast<std::size_t>(data_.users.size());
    if (files_.user_profile.empty()) {
      if (data_.item_profiles.empty()) return;
      data_.profile_from_history.assign(users, 1);
      notice("there is no user_profile.npy; user profiles are the means of the item profiles in their histories");
    } else {
      FeatureRows features =
          read(files_.user_profile, files_.user_profile_ids, user_rows_, data_.users, !files_.users.empty());
      data_.user_profiles = std::move(features.values);
      if (features.missing == 0) return;
      const bool from_history = data_.user_profiles.cols() == data_.item_profiles.cols();
      notice(files_.user_profile.filename().string() + ": " + std::to_string(features.missing) +
             " users have no row and get " +
             (from_history ? "the means of the item profiles in their histories" : "zeros"));
      if (!from_history) return;
      data_.profile_from_history.resize(users);
      std::transform(features.present.begin(), features.present.end(), data_.profile_from_history.begin(),
                     [](std::uint8_t present) { return static_cast<std::uint8_t>(!present); });
    }
    refresh_history_profiles(data_);
  }

  void notice(std::string text) { data_.notices.push_back(std::move(text)); }

  const DatasetFiles& files_;
  const LoadOptions& options_;
  const IdMap& item_rows_;
  const IdMap& user_rows_;
  Dataset& data_;
};

}  // namespace reclm::detail
