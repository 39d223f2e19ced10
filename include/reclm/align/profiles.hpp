#pragma once
/// @file profiles.hpp
/// Profile vectors of items and users, as adapters take them: from matrices, files, or text.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/align/kernel_head.hpp"
#include "reclm/core/as_matrix.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/features.hpp"
#include "reclm/data/id_map.hpp"
#include "reclm/data/npy.hpp"
#include "reclm/data/text_encoder.hpp"

namespace reclm {

/// One vector a row, in the order of the model's items or users, 1 to 4,096 columns. Rows need not have unit length.
///
/// A seen item without a profile keeps the model's score; an unseen one is taken for the mean of all, so that it ranks
/// among the unseen items by nothing but the user's height of them.
struct Profiles {
  Matrix<float> items;                   ///< [items, p]
  Matrix<float> users{};                 ///< [users, q]; may be empty
  std::vector<std::uint8_t> has_item{};  ///< one flag a row; empty: all
  std::vector<std::uint8_t> has_user{};
};

namespace detail {

inline void check_profile_width(Index width, const std::string& what) {
  constexpr Index kWidest = 4096;
  if (width < 1 || width > kWidest)
    throw ShapeError(what + " are " + std::to_string(width) + " wide. Remedy: vectors of 1 to 4096 columns");
}

/// @throws NumericError naming the first row in use that holds a number that is not finite
inline void require_finite_profiles(const Matrix<float>& rows, std::span<const std::uint8_t> has, const char* whose) {
  for (Index r = 0; r < rows.rows(); ++r) {
    if (!has.empty() && !has[static_cast<std::size_t>(r)]) continue;
    for (const float x : rows.row(r))
      if (!std::isfinite(x))
        throw NumericError(std::string(whose) + " profiles: row " + std::to_string(r) +
                           " has a number that is not finite. Remedy: mend the row, or flag it as no profile (has_" +
                           whose + ")");
  }
}

}  // namespace detail

/// Profiles from any matrices that `as_matrix` takes; copied as float32. @throws ShapeError, NumericError naming a row
template <class Items>
Profiles make_profiles(const Items& items) {
  Profiles result{.items = float_copy(items, "item profiles")};
  detail::check_profile_width(result.items.cols(), "item profiles");
  return result;
}
template <class Items, class Users>
Profiles make_profiles(const Items& items, const Users& users) {
  Profiles result = make_profiles(items);
  result.users = float_copy(users, "user profiles");
  detail::check_profile_width(result.users.cols(), "user profiles");
  return result;
}

/// Item profiles whose row r belongs to `row_ids[r]`, put in the order of `ids`; items without a row have no profile,
/// rows of unknown ids are left out. @throws ShapeError on a repeated id or another number of rows
template <class Items>
Profiles make_profiles(const Items& items, std::span<const std::string> row_ids, const IdMap& ids) {
  const Matrix<float> rows = float_copy(items, "item profiles");
  detail::check_profile_width(rows.cols(), "item profiles");
  if (rows.rows() != static_cast<Index>(row_ids.size()))
    throw ShapeError("item profiles: " + std::to_string(rows.rows()) + " rows for " + std::to_string(row_ids.size()) +
                     " ids");
  Profiles result{.items = Matrix<float>(ids.size(), rows.cols())};
  result.has_item.assign(static_cast<std::size_t>(ids.size()), 0);
  for (std::size_t r = 0; r < row_ids.size(); ++r) {
    const std::optional<Id> id = ids.find(row_ids[r]);
    if (!id) continue;
    if (std::exchange(result.has_item[static_cast<std::size_t>(*id)], std::uint8_t{1}))
      throw ShapeError("item profiles: the id \"" + row_ids[r] + "\" appears twice");
    const auto from = rows.row(static_cast<Index>(r));
    std::copy(from.begin(), from.end(), result.items.row(*id).begin());
  }
  return result;
}

/// Profiles from .npy files (float16, 32 or 64), rows in the model's order; an empty path for users: none.
/// @throws IoError, DataError; ShapeError on another width than 1 to 4,096
inline Profiles load_profiles(const std::filesystem::path& users, const std::filesystem::path& items) {
  Profiles result{.items = read_npy(items)};
  detail::check_profile_width(result.items.cols(), items.string() + ": item profiles");
  if (users.empty()) return result;
  result.users = read_npy(users);
  detail::check_profile_width(result.users.cols(), users.string() + ": user profiles");
  return result;
}

/// The profiles of a data set; its text vectors where it has no others. @throws ConfigError when it has neither
inline Profiles profiles_of(const Dataset& data) {
  const Matrix<float>& items = data.item_profiles.empty() ? data.item_vectors : data.item_profiles;
  if (items.empty())
    throw ConfigError("profiles_of: the data set has no item vectors. Remedy: item_profile.npy or text columns");
  return {.items = items, .users = data.user_profiles};
}

/// Both kinds of item profiles side by side, each centred and of unit length, so that cosines add up by `share` of the
/// second. An item has a profile when it has one of the two. User profiles stay those of `a`. @throws ShapeError;
/// ConfigError on a share outside [0, 1]; NumericError naming a row that is not finite
inline Profiles join_profiles(const Profiles& a, const Profiles& b, double share = 0.4) {
  if (a.items.rows() != b.items.rows())
    throw ShapeError("join_profiles: " + std::to_string(a.items.rows()) + " and " + std::to_string(b.items.rows()) +
                     " items");
  if (!(share >= 0 && share <= 1)) throw ConfigError("join_profiles: share must lie in [0, 1]");
  detail::check_profile_width(a.items.cols() + b.items.cols(), "joined item profiles");
  for (const Profiles* const part : {&a, &b}) {
    if (!part->has_item.empty() && static_cast<Index>(part->has_item.size()) != part->items.rows())
      throw ShapeError("join_profiles: " + std::to_string(part->has_item.size()) + " flags for " +
                       std::to_string(part->items.rows()) + " items");
    detail::require_finite_profiles(part->items, part->has_item, "item");
  }
  Profiles result = a;
  result.items = Matrix<float>(a.items.rows(), a.items.cols() + b.items.cols());
  result.has_item.assign(static_cast<std::size_t>(a.items.rows()), 0);
  Index first = 0;
  for (const Profiles* const part : {&a, &b}) {
    std::vector<Id> known;
    for (Id i = 0; i < static_cast<Id>(part->items.rows()); ++i)
      if (part->has_item.empty() || part->has_item[static_cast<std::size_t>(i)]) known.push_back(i);
    const CentredProfiles centred(part->items, known);
    const auto weight = static_cast<float>(std::sqrt(part == &a ? 1 - share : share));
    for (const Id i : known) {
      const auto from = centred.rows().row(i);
      for (std::size_t c = 0; c < from.size(); ++c) result.items(i, first + static_cast<Index>(c)) = weight * from[c];
      result.has_item[static_cast<std::size_t>(i)] = 1;
    }
    first += part->items.cols();
  }
  return result;
}

/// Turns texts into vectors, one row each, of one width in all calls.
template <class E>
concept TextEncoder = requires(const E& encoder, std::span<const std::string> texts) {
  { encoder(texts) } -> std::convertible_to<Matrix<float>>;
};

/// The encoder without weights: see `encode_text`. Vectors of two calls are not comparable, hence one call for all.
struct HashedTextEncoder {
  TextEncoderOptions options{};
  Matrix<float> operator()(std::span<const std::string> texts) const { return encode_text(texts, options); }
};

/// Item profiles from texts, an empty text meaning no profile. @throws what the encoder throws; ShapeError
template <TextEncoder E = HashedTextEncoder>
Profiles text_profiles(std::span<const std::string> item_texts, const E& encoder = {}) {
  Profiles result{.items = encoder(item_texts)};
  detail::check_profile_width(result.items.cols(), "item profiles");
  if (result.items.rows() != static_cast<Index>(item_texts.size()))
    throw ShapeError("text_profiles: the encoder made " + std::to_string(result.items.rows()) + " rows of " +
                     std::to_string(item_texts.size()) + " texts");
  for (const std::string& text : item_texts) result.has_item.push_back(!text.empty());
  return result;
}

}  // namespace reclm
