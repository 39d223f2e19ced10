#pragma once
/// @file profile_vectors.hpp
/// From profiles as texts to vectors: for `adapt`, for a data set in memory, and as files beside it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "reclm/align/profiles.hpp"
#include "reclm/core/atomic_file.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/features.hpp"
#include "reclm/data/npy.hpp"

namespace reclm::instruct {

/// Vectors of texts, "" meaning no profile (a row of zeros and a flag of 0). Equal texts are encoded once, and all in
/// one call, so that users and items can be compared whatever the encoder.
/// @param items, users texts of all items and users, as a store gives them; `users` may be empty
/// @throws ConfigError when there is no text at all; ShapeError when the encoder makes another number of rows; what the
/// encoder throws
template <TextEncoder E = HashedTextEncoder>
Profiles encode_profiles(std::span<const std::string> items, std::span<const std::string> users,
                         const E& encoder = {}) {
  std::vector<std::string> texts;
  std::unordered_map<std::string_view, Index> row_of;
  for (const auto list : {items, users})
    for (const std::string& text : list)
      if (!text.empty() && row_of.emplace(text, static_cast<Index>(texts.size())).second) texts.push_back(text);
  if (texts.empty()) throw ConfigError("encode_profiles: there is no profile. Remedy: write some first");
  const Matrix<float> vectors = encoder(std::span<const std::string>(texts));
  if (vectors.rows() != static_cast<Index>(texts.size()))
    throw ShapeError("encode_profiles: the encoder made " + std::to_string(vectors.rows()) + " rows of " +
                     std::to_string(texts.size()) + " texts");
  const auto lay_out = [&](std::span<const std::string> list, Matrix<float>& rows, std::vector<std::uint8_t>& present) {
    rows = Matrix<float>(static_cast<Index>(list.size()), vectors.cols());
    present.assign(list.size(), 0);
    for (std::size_t k = 0; k < list.size(); ++k)
      if (!list[k].empty()) {
        const auto from = vectors.row(row_of.at(list[k]));
        std::copy(from.begin(), from.end(), rows.row(static_cast<Index>(k)).begin());
        present[k] = 1;
      }
  };
  Profiles profiles;
  lay_out(items, profiles.items, profiles.has_item);
  if (!users.empty()) lay_out(users, profiles.users, profiles.has_user);
  return profiles;
}

/// Puts profiles into a data set as loading them from files would: an item without one gets its text vector where the
/// widths agree, else zeros; a user without one the unit-length mean of the item profiles in the train history.
/// @throws ShapeError unless there is a row for each item, and for each user where users have profiles at all
inline void use_profiles(Dataset& data, const Profiles& profiles) {
  const auto check = [](Index rows, Id count, const char* what) {
    if (rows != count)
      throw ShapeError("use_profiles: " + std::to_string(rows) + " rows for " + std::to_string(count) + " " + what);
  };
  check(profiles.items.rows(), data.items.size(), "items");
  if (!profiles.users.empty()) check(profiles.users.rows(), data.users.size(), "users");
  const auto missing = [](const std::vector<std::uint8_t>& present, std::size_t k) {
    return !present.empty() && present[k] == 0;
  };
  data.item_profiles = profiles.items;
  if (data.item_vectors.cols() == profiles.items.cols())
    for (Id item = 0; item < data.items.size(); ++item)
      if (missing(profiles.has_item, static_cast<std::size_t>(item))) {
        const auto row = data.item_vectors.row(item);
        std::copy(row.begin(), row.end(), data.item_profiles.row(item).begin());
      }
  data.user_profiles = profiles.users;
  const bool none = profiles.users.empty();
  data.profile_from_history.assign(static_cast<std::size_t>(data.users.size()), none ? 1 : 0);
  for (std::size_t user = 0; !none && user < data.profile_from_history.size(); ++user)
    data.profile_from_history[user] =
        missing(profiles.has_user, user) && profiles.users.cols() == profiles.items.cols() ? 1 : 0;
  refresh_history_profiles(data);
}

/// Writes item_profile.npy and item_profile.ids, and the same of users, into `folder`: the rows that there are, and
/// whose they are, as `load_dataset` reads them from a data set's folder. Each file is written atomically. @throws
/// IoError
inline void write_profile_vectors(const std::filesystem::path& folder, const Profiles& profiles, const Dataset& data) {
  const auto write = [&](const char* name, const Matrix<float>& rows, const std::vector<std::uint8_t>& present,
                         const IdMap& ids) {
    std::vector<Id> kept;
    for (Id k = 0; k < static_cast<Id>(rows.rows()); ++k)
      if (present.empty() || present[static_cast<std::size_t>(k)]) kept.push_back(k);
    if (kept.empty()) return;
    Matrix<float> some(static_cast<Index>(kept.size()), rows.cols());
    std::string names;
    for (std::size_t k = 0; k < kept.size(); ++k) {
      const auto from = rows.row(kept[k]);
      std::copy(from.begin(), from.end(), some.row(static_cast<Index>(k)).begin());
      names += std::string(ids.name(kept[k])) + '\n';
    }
    write_npy(folder / (std::string(name) + ".npy"), some);
    write_file(folder / (std::string(name) + ".ids"), names);
  };
  write("item_profile", profiles.items, profiles.has_item, data.items);
  write("user_profile", profiles.users, profiles.has_user, data.users);
}

}  // namespace reclm::instruct
