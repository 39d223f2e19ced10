#pragma once
/// @file make_vectors.hpp
/// Sources of initial vectors for a data set, by the adapter's name.

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/align/reclm.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/splits.hpp"
#include "reclm/model/initial_vectors.hpp"

namespace reclm {

enum class AdapterKind {
  base,   ///< items from text
  id,     ///< items from a table; unseen items cannot be ranked
  reclm,  ///< text and profiles fused (`RecLmVectors`)
};

inline constexpr std::array kAdapters{AdapterKind::base, AdapterKind::id, AdapterKind::reclm};

/// The name in reports.
constexpr std::string_view adapter_name(AdapterKind kind) {
  constexpr std::string_view names[] = {"Base", "ID", "RecLM"};
  return names[static_cast<std::size_t>(kind)];
}

/// User and item profiles as the input of a layer.
template <class B, class T>
struct ProfileInputs {
  FeatureInput<B, T> items, users;
};

/// Where all user profiles are means of their histories' item profiles they become a mixture of the item profiles: the
/// same numbers to rounding, at a cost that does not grow with their width.
template <class B, class T>
ProfileInputs<B, T> profile_inputs(const Dataset& data) {
  const auto& flags = data.profile_from_history;
  if (flags.empty() || !std::ranges::all_of(flags, [](auto flag) { return flag != 0; }))
    return {FeatureInput<B, T>::dense(data.item_profiles.view()), FeatureInput<B, T>::dense(data.user_profiles.view())};
  CsrMatrix<T> mix{data.train.users(), data.train.items(), {}, {}, {}};
  mix.offsets.assign(data.train.offsets().begin(), data.train.offsets().end());
  mix.columns.assign(data.train.columns().begin(), data.train.columns().end());
  mix.values.reserve(mix.columns.size());
  std::vector<double> sum(static_cast<std::size_t>(data.item_profiles.cols()));
  for (Id user = 0; user < data.train.users(); ++user) {
    std::ranges::fill(sum, 0.0);
    for (const Id item : data.train.of(user)) {
      const auto row = data.item_profiles.row(item);
      for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += static_cast<double>(row[c]);
    }
    double squares = 0;
    for (const double x : sum) squares += x * x;
    const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
    mix.values.insert(mix.values.end(), data.train.of(user).size(), static_cast<T>(scale));
  }
  auto [items, users] = FeatureInput<B, T>::mixture(mix, data.item_profiles.view(), items_of(data.train));
  return {std::move(items), std::move(users)};
}

/// @throws ConfigError when the data set lacks the vectors that the adapter needs
template <class B, class T>
std::unique_ptr<InitialVectors<B, T>> make_vectors(AdapterKind kind, const Dataset& data, Index width, IdStart start,
                                                   const Initializer& init) {
  const auto need = [&](const Matrix<float>& matrix, const char* what, const char* file) {
    if (matrix.empty())
      throw ConfigError("data set " + data.name + " has no " + what + ", which " + std::string(adapter_name(kind)) +
                        " needs. Remedy: put " + file + " or text columns into its folder");
  };
  if (kind == AdapterKind::id)
    return std::make_unique<IdVectors<B, T>>(init, data.train.users(), data.train.items(), width, start);
  need(data.item_vectors, "item text vectors", "item_text.npy");
  auto text = FeatureInput<B, T>::dense(data.item_vectors.view());
  if (kind == AdapterKind::base)
    return std::make_unique<TextVectors<B, T>>(init, data.train.users(), std::move(text), width, start);
  need(data.item_profiles, "item profiles", "item_profile.npy");
  need(data.user_profiles, "user profiles", "user_profile.npy");
  auto profiles = profile_inputs<B, T>(data);
  return std::make_unique<RecLmVectors<B, T>>(init, std::move(text), std::move(profiles.users),
                                              std::move(profiles.items), width, start);
}

}  // namespace reclm
