#pragma once
/// @file adapt.hpp
/// `adapt(model, profiles)`: any model and any profile vectors in, a better model out.

#include <type_traits>
#include <utility>

#include "reclm/align/frozen_adapter.hpp"
#include "reclm/align/frozen_options.hpp"
#include "reclm/align/joint_adapter.hpp"
#include "reclm/align/profiles.hpp"
#include "reclm/model/concepts.hpp"

namespace reclm {

namespace presets {

/// The library's own: everything is tried, and used as far as validation shows a gain.
using Best = FrozenOptions;

}  // namespace presets

/// Enhances a `Scorer` or `FactorModel` without touching its weights; see FrozenAdapter. The model must outlive a
/// scorer's adapter.
template <class Model>
FrozenAdapter<Model> adapt_frozen(const Model& model, Profiles profiles, presets::Best options = {}) {
  require_model<Model>();
  static_assert(FactorModel<Model> || Scorer<Model>,
                "reclm::adapt_frozen: this model is neither a Scorer nor a FactorModel. Remedy: add user_factors() and "
                "item_factors(), or users(), items() and score(user, items, out)");
  return FrozenAdapter<Model>(model, std::move(profiles), std::move(options));
}
template <class Model>
void adapt_frozen(const Model&& model, Profiles profiles, presets::Best options = {}) = delete;  // it would not live on

/// Enhances a model by the preset that `options` stand for; without any, by `presets::Best`.
template <class Model>
auto adapt(const Model& model, Profiles profiles, presets::Best options = {}) {
  require_whole_tier<Model>();
  return adapt_frozen(model, std::move(profiles), std::move(options));
}
template <class Model>
void adapt(const Model&& model, Profiles profiles, presets::Best options = {}) = delete;

/// The strongest tier: a model that can be trained with its profiles is; see JointAdapter. `adapt_frozen`, or a const
/// model, leaves its weights alone. The model must outlive the adapter.
template <class Model>
requires(EmbeddingEncoder<Model> || TrainableFactorModel<Model>) auto adapt(Model& model, Profiles profiles,
                                                                            JointOptions options = {}) {
  return JointAdapter<Model>(model, std::move(profiles), std::move(options));
}

}  // namespace reclm
