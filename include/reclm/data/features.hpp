#pragma once
/// @file features.hpp
/// Vectors of users and items: read beside their ids, filled in where they are missing.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/detail/line_reader.hpp"
#include "reclm/data/id_map.hpp"
#include "reclm/data/interactions.hpp"
#include "reclm/data/npy.hpp"

namespace reclm {

/// The unit-length mean of the rows of each user's items, [users, width of `item_rows`]; zeros for a user without items
/// or with items that cancel out. Sums run in double, in the order of the items. O(pairs · width), parallel
/// @throws ShapeError unless there is a row for each item
inline Matrix<float> history_means(const Interactions& history, MatrixView<const float> item_rows) {
  if (item_rows.rows() != history.items())
    throw ShapeError("history_means: " + std::to_string(item_rows.rows()) + " rows for " +
                     std::to_string(history.items()) + " items");
  Matrix<float> means(history.users(), item_rows.cols());
  const auto width = static_cast<std::size_t>(item_rows.cols());
  parallel_chunks(history.users(), 256, [&](Index begin, Index end, Index) {
    std::vector<double> sum(width);
    for (Index user = begin; user < end; ++user) {
      std::fill(sum.begin(), sum.end(), 0.0);
      for (const Id item : history.of(static_cast<Id>(user)))
        for (std::size_t c = 0; c < width; ++c) sum[c] += static_cast<double>(item_rows(item, static_cast<Index>(c)));
      double squares = 0;
      for (const double x : sum) squares += x * x;
      if (squares <= 0) continue;
      const double scale = 1 / std::sqrt(squares);
      for (std::size_t c = 0; c < width; ++c) means(user, static_cast<Index>(c)) = static_cast<float>(sum[c] * scale);
    }
  });
  return means;
}

/// Makes the user profiles that stem from train histories anew. To be called after `train` has changed, lest they tell
/// of interactions that were taken out.
inline void refresh_history_profiles(Dataset& data) {
  if (data.profile_from_history.empty() || data.item_profiles.empty()) return;
  const Matrix<float> means = history_means(data.train, data.item_profiles);
  if (data.user_profiles.empty()) data.user_profiles = Matrix<float>(means.rows(), means.cols());
  if (data.user_profiles.cols() != means.cols())
    throw ShapeError("user profiles are " + std::to_string(data.user_profiles.cols()) + " wide, item profiles " +
                     std::to_string(means.cols()) + ": profiles cannot be made from histories");
  for (std::size_t user = 0; user < data.profile_from_history.size(); ++user)
    if (data.profile_from_history[user]) {
      const auto row = means.row(static_cast<Index>(user));
      std::copy(row.begin(), row.end(), data.user_profiles.row(static_cast<Index>(user)).begin());
    }
}

/// A matrix with a row for each id, some of which may be missing (zeros).
struct FeatureRows {
  Matrix<float> values;
  std::vector<std::uint8_t> present;  ///< one flag a row
  Index missing = 0;                  ///< ids without a row in the file
  Index unknown = 0;                  ///< rows of the file whose id the data set does not have
};

/// Reads an ids file: one token a line, no header. @throws DataError on an empty line, a repeated token or no token
inline IdMap read_ids(const std::filesystem::path& path) {
  detail::LineReader lines(path);
  IdMap ids;
  std::string_view line;
  while (lines.next(line)) {
    if (line.empty()) throw DataError(lines.path(), lines.line(), "the line is empty", "write one id a line");
    if (ids.insert(line) + 1 != static_cast<Id>(lines.line()))
      throw DataError(lines.path(), lines.line(), "the id \"" + std::string(line.substr(0, 40)) + "\" appears twice",
                      "list each id once");
  }
  if (ids.empty()) throw DataError(lines.path(), 0, "the file is empty", "write one id a line or remove the file");
  return ids;
}

/// Reads a .npy matrix whose row r belongs to the token `rows.name(r)`, into the order of `ids`.
/// @param rows what the rows stand for: an ids file, or the order of the .item or .user file
/// @throws IoError; DataError when rows and tokens differ in number, or none of the tokens is known
inline FeatureRows read_features(const std::filesystem::path& path, const IdMap& rows, const IdMap& ids,
                                 const NpyOptions& options = {}) {
  Matrix<float> file = read_npy(path, options);
  if (file.rows() != rows.size())
    throw DataError(
        path.string(), 0,
        "the matrix has " + std::to_string(file.rows()) + " rows for " + std::to_string(rows.size()) + " ids",
        "save a row for each line of the .item or .user file, or list the ids of the rows in " +
            std::filesystem::path(path).replace_extension(".ids").filename().string());
  FeatureRows features;
  features.present.assign(static_cast<std::size_t>(ids.size()), 0);
  std::vector<std::optional<Id>> place(static_cast<std::size_t>(rows.size()));
  bool in_place = rows.size() == ids.size();
  for (Id r = 0; r < rows.size(); ++r) {
    const auto found = place[static_cast<std::size_t>(r)] = ids.find(rows.name(r));
    in_place &= found == r;
    if (found)
      features.present[static_cast<std::size_t>(*found)] = 1;
    else
      ++features.unknown;
  }
  if (features.unknown == rows.size())
    throw DataError(path.string(), 0, "none of its ids belongs to the data set",
                    "check that the files belong together");
  features.missing = ids.size() - (rows.size() - features.unknown);
  if (in_place) {
    features.values = std::move(file);
    return features;
  }
  features.values = Matrix<float>(ids.size(), file.cols());
  for (Id r = 0; r < rows.size(); ++r)
    if (const auto to = place[static_cast<std::size_t>(r)]) {
      const auto row = file.row(r);
      std::copy(row.begin(), row.end(), features.values.row(*to).begin());
    }
  return features;
}

}  // namespace reclm
