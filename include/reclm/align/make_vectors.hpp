#pragma once
/// @file make_vectors.hpp
/// Sources of initial vectors for a data set, by the adapter's name.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "reclm/align/history_inputs.hpp"
#include "reclm/align/presets.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/features.hpp"
#include "reclm/data/splits.hpp"
#include "reclm/model/initial_vectors.hpp"

namespace reclm {

enum class AdapterKind {
  base,        ///< items from text
  id,          ///< items from a table; unseen items cannot be ranked
  reclm,       ///< text and profiles fused (`presets::RecLM`)
  rlmrec_con,  ///< tables, aligned with profiles (`presets::RlmRecCon`)
  rlmrec_gen,  ///< tables, from which profiles are regained (`presets::RlmRecGen`)
  alpha_rec,   ///< text alone, users too (`presets::AlphaRec`)
  kar,         ///< text, and profiles through experts (`presets::Kar`)
};

inline constexpr std::array kAdapters{AdapterKind::base,       AdapterKind::id,         AdapterKind::reclm,
                                      AdapterKind::rlmrec_con, AdapterKind::rlmrec_gen, AdapterKind::alpha_rec,
                                      AdapterKind::kar};

/// The name in reports.
constexpr std::string_view adapter_name(AdapterKind kind) {
  constexpr std::string_view names[] = {"Base", "ID", "RecLM", "RLMRec-Con", "RLMRec-Gen", "AlphaRec", "KAR"};
  return names[static_cast<std::size_t>(kind)];
}

/// Whether the adapter takes the data set's profile vectors.
constexpr bool takes_profiles(AdapterKind kind) {
  return kind != AdapterKind::base && kind != AdapterKind::id && kind != AdapterKind::alpha_rec;
}

/// Whether what texts or profiles say is the adapter's gain, so that a placebo stands beside it in reports.
constexpr bool has_placebo(AdapterKind kind) { return kind != AdapterKind::base && kind != AdapterKind::id; }

namespace detail {

/// Whether all user profiles are, to rounding, the means of their histories' item profiles. Flags alone do not tell:
/// rows may have been set by hand since.
inline bool profiles_are_means(const Dataset& data) {
  const auto& flags = data.profile_from_history;
  if (flags.empty() || !std::ranges::all_of(flags, [](auto flag) { return flag != 0; })) return false;
  const Matrix<float> means = history_means(data.train, data.item_profiles);
  const auto elements = [](const Matrix<float>& m) { return std::span(m.data(), static_cast<std::size_t>(m.size())); };
  constexpr float kRounding = 1e-5f;  // of rows of unit length
  return data.user_profiles.cols() == means.cols() &&
         std::ranges::equal(elements(data.user_profiles), elements(means),
                            [](float a, float b) { return std::fabs(a - b) <= kRounding; });
}

}  // namespace detail

/// A data set's profiles; a mixture where all user profiles are means of their histories' item profiles.
template <class B, class T>
ProfileInputs<B, T> profile_inputs(const Dataset& data) {
  if (detail::profiles_are_means(data)) return history_inputs<B, T>(data.train, data.item_profiles);
  return {FeatureInput<B, T>::dense(data.item_profiles.view()), FeatureInput<B, T>::dense(data.user_profiles.view())};
}

namespace detail {

inline void require_vectors(const Dataset& data, const Matrix<float>& matrix, const char* what, const char* file) {
  if (matrix.empty())
    throw ConfigError("data set " + data.name + " has no " + what + ", which this adapter needs. Remedy: put " + file +
                      " or text columns into its folder");
}

inline void require_texts(const Dataset& data) {
  require_vectors(data, data.item_vectors, "item text vectors", "item_text.npy");
}

}  // namespace detail

/// @throws ConfigError when the data set lacks the vectors that the adapter needs
inline void check_vectors(AdapterKind kind, const Dataset& data) {
  const bool tables = kind == AdapterKind::id || kind == AdapterKind::rlmrec_con || kind == AdapterKind::rlmrec_gen;
  if (!tables) detail::require_texts(data);
  if (!takes_profiles(kind)) return;
  detail::require_vectors(data, data.item_profiles, "item profiles", "item_profile.npy");
  detail::require_vectors(data, data.user_profiles, "user profiles", "user_profile.npy");
}

/// Initial vectors by the policies `P`, a preset or `Policies<…>`: no others are compiled. `presets::AlphaRec` takes
/// texts where others take profiles.
/// @throws ConfigError when the data set lacks the vectors that the policies need
template <class P, class B, class T>
std::unique_ptr<InitialVectors<B, T>> make_vectors(const Dataset& data, Index width, IdStart start,
                                                   const Initializer& init) {
  using Own = typename P::template Own<B, T>;
  using Input = FeatureInput<B, T>;
  constexpr bool only_texts = std::is_same_v<P, presets::AlphaRec>;
  constexpr bool own_texts = Own::exists && Own::unit_items;
  if constexpr (only_texts || own_texts) detail::require_texts(data);
  if constexpr (!only_texts) {
    detail::require_vectors(data, data.item_profiles, "item profiles", "item_profile.npy");
    detail::require_vectors(data, data.user_profiles, "user profiles", "user_profile.npy");
  }
  auto profiles = only_texts ? history_inputs<B, T>(data.train, data.item_vectors) : profile_inputs<B, T>(data);
  auto vectors =
      std::make_unique<ProfileVectors<B, T, P>>(init, own_texts ? Input::dense(data.item_vectors.view()) : Input(),
                                                std::move(profiles.users), std::move(profiles.items), width, start);
  vectors->set_seen_items(items_of(data.train));
  return vectors;
}

/// The same by the adapter's name, at run time; all of them are compiled, which takes its time.
/// @throws ConfigError when the data set lacks the vectors that the adapter needs
template <class B, class T>
std::unique_ptr<InitialVectors<B, T>> make_vectors(AdapterKind kind, const Dataset& data, Index width, IdStart start,
                                                   const Initializer& init) {
  switch (kind) {
    case AdapterKind::base:
      detail::require_texts(data);
      return std::make_unique<TextVectors<B, T>>(init, data.train.users(),
                                                 FeatureInput<B, T>::dense(data.item_vectors.view()), width, start);
    case AdapterKind::id:
      return std::make_unique<IdVectors<B, T>>(init, data.train.users(), data.train.items(), width, start);
    case AdapterKind::rlmrec_con:
      return make_vectors<presets::RlmRecCon, B, T>(data, width, start, init);
    case AdapterKind::rlmrec_gen:
      return make_vectors<presets::RlmRecGen, B, T>(data, width, start, init);
    case AdapterKind::alpha_rec:
      return make_vectors<presets::AlphaRec, B, T>(data, width, start, init);
    case AdapterKind::kar:
      return make_vectors<presets::Kar, B, T>(data, width, start, init);
    default:
      return make_vectors<presets::RecLM, B, T>(data, width, start, init);
  }
}

}  // namespace reclm
