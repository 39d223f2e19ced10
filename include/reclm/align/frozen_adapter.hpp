#pragma once
/// @file frozen_adapter.hpp
/// `FrozenAdapter`: a better model made from a finished one, whose weights are never touched.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "reclm/align/detail/frozen_core.hpp"
#include "reclm/align/detail/frozen_file.hpp"
#include "reclm/align/frozen_options.hpp"
#include "reclm/align/profiles.hpp"
#include "reclm/align/serving.hpp"
#include "reclm/core/as_matrix.hpp"
#include "reclm/data/id_map.hpp"
#include "reclm/model/concepts.hpp"

namespace reclm {
namespace detail {

/// False for a model with factors that says, by a member `is_product()`, that they are not the whole of its scores
/// (`PairModel` of NCF): it is taken for the scorer that it is as well.
template <class Model>
bool scores_are_products(const Model& model) {
  if constexpr (!FactorModel<Model>) return false;
  if constexpr (Scorer<Model> && requires { static_cast<bool>(model.is_product()); }) return model.is_product();
  return true;
}

/// Factors are read once, as float32; a scorer is called whenever scores are needed, from several threads.
template <class Model>
FrozenSource frozen_source(const Model& model) {
  using Traits = ModelTraits<Model>;
  FrozenSource source;
  if constexpr (Scorer<Model>) {
    if (!scores_are_products(model)) {
      source.users = static_cast<Id>(Traits::users(model));
      source.items = static_cast<Id>(Traits::items(model));
      source.score = [&model](Id user, std::span<const Id> items, std::span<float> out) {
        Traits::score(model, user, items, out);
      };
      return source;
    }
  }
  if constexpr (FactorModel<Model>) {
    decltype(auto) users = Traits::user_factors(model);
    decltype(auto) items = Traits::item_factors(model);
    source.user_factors = float_copy(users, "user factors");
    source.item_factors = float_copy(items, "item factors");
    if (source.user_factors.cols() != source.item_factors.cols())
      throw ShapeError("adapt: user factors have " + std::to_string(source.user_factors.cols()) +
                       " columns, item factors " + std::to_string(source.item_factors.cols()));
    source.users = static_cast<Id>(source.user_factors.rows());
    source.items = static_cast<Id>(source.item_factors.rows());
  }
  return source;
}

}  // namespace detail

/// The choice of a fit for another position of the knob `FrozenOptions::warm_floor`, without another fit on validation.
/// @throws ConfigError outside [0, 1], or without the curves of a fit on validation
inline FrozenChoice choice_for(FitReport report, double warm_floor) {
  if (!(warm_floor >= 0 && warm_floor <= 1)) throw ConfigError("choice_for: warm_floor must lie in [0, 1]");
  if (report.curves.empty() && std::isfinite(report.choice.cold_offset))
    throw ConfigError(
        "choice_for: the report has no calibration curves. Remedy: the report of fit(train, valid), or of "
        "a file that this version saved after one");
  detail::choose_height(report, warm_floor);
  return report.choice;
}

/// What `adapt` returns for a frozen model: the model, an item-to-item learner beside it, and a profile head that ranks
/// items nobody has clicked, each only as far as validation shows that it helps.
///
/// With validation data the fit never ends below the model alone in full-shot Recall@K on them (on at most
/// `FrozenOptions::validation_users` of their users), whatever the profiles hold. Models `Scorer` and `FactorModel`. A
/// `FactorModel` is enhanced into a product of factors exactly (unless it is a `Scorer`, too, whose `is_product()` says
/// that factors are not all of its scores: it is taken for a scorer); of a `Scorer` the factors (and `serving()`) are
/// the best approximation of rank `FrozenOptions::rank`, while `score`, `top_k` and `recommend` ask the scorer itself.
///
/// All members may be called from several threads at once; `fit`, `load`, `add_item` and `add_user` wait for readers,
/// and readers that come later for them. A scorer must not call its adapter. Views of factors end with the next of
/// them. A scorer must outlive the adapter. Users and items that were added go with the next fit or load: adapt anew,
/// with profiles of all, to keep them.
template <class Model>
class FrozenAdapter {
 public:
  /// @throws ShapeError when profiles and model do not fit each other; ConfigError; NumericError on factors or profiles
  /// that are not finite
  FrozenAdapter(const Model& model, Profiles profiles, FrozenOptions options = {})
      : core_(detail::frozen_source(model), std::move(profiles), std::move(options)) {}
  FrozenAdapter(const Model&& model, Profiles profiles, FrozenOptions options = {}) = delete;  // it would not live on

  /// Learns with the default choices: the model's ranking of seen items stays, unseen items come behind the head of the
  /// list. @param train what the model was trained on; items without a click count as unseen
  FitReport fit(const Interactions& train) { return core_.fit(train, nullptr); }
  /// Also chooses, on clicks `valid` that the model was not trained on; those that train holds count nothing. Cost:
  /// O(n³) in the items (at most `residual_items`), a few seconds for 3,000; beside factors and profiles 256 MB a
  /// matrix at most, up to 250,000 seen items.
  /// @throws FitStopped; NumericError; ShapeError
  FitReport fit(const Interactions& train, const Interactions& valid) { return core_.fit(train, &valid); }
  /// Learns with choices made before: for a last fit on all data, with the model trained anew on all of it.
  /// @throws ConfigError on choices out of range
  void fit(const Interactions& train, const FrozenChoice& choice) { core_.fit(train, choice); }

  [[nodiscard]] Id users() const { return core_.users(); }
  [[nodiscard]] Id items() const { return core_.items(); }
  [[nodiscard]] FitReport report() const { return core_.report(); }

  /// out[k] = score of items[k]; comparable within a user.
  void score(Id user, std::span<const Id> items, std::span<float> out) const { core_.score(user, items, out); }
  /// The best `k` items that the user has not clicked, unseen ones included.
  [[nodiscard]] std::vector<Recommendation> recommend(Id user, Index k) const {
    return to_list(core_.top_k(std::span(&user, 1), std::min(k, std::max<Index>(items(), 1))));
  }
  /// The same for many users. @throws ShapeError on an unknown user; ConfigError on k < 1
  [[nodiscard]] TopK top_k(std::span<const Id> users, Index k) const { return core_.top_k(users, k); }
  /// Ranks as `evaluate` asks: among the candidates, without the masked.
  TopK operator()(std::span<const Id> users, std::span<const Id> candidates, const Interactions* masked,
                  Index k) const {
    return core_.top_k(users, candidates, masked, k);
  }

  /// [users, k] and [items, k]: a score is the product of a user's and an item's row.
  [[nodiscard]] MatrixView<const float> user_factors() const { return core_.user_factors(); }
  [[nodiscard]] MatrixView<const float> item_factors() const { return core_.item_factors(); }

  /// Adds an item that nobody has clicked; its number. An empty profile: there is none. @throws ShapeError on another
  /// width, or a profile where the adapter has none; NumericError
  Id add_item(std::span<const float> profile) { return core_.add_item(profile); }
  /// The same for an item with an id; the id must be new. Calls with the same `ids` may come from several threads; who
  /// reads them meanwhile needs a lock of their own. @throws ShapeError
  Id add_item(IdMap& ids, std::string_view id, std::span<const float> profile) {
    return core_.add_item(ids, id, profile);
  }
  /// Adds a user with some clicks; the number. Neither clicks on seen items nor a profile: the mean user.
  /// @param profile only where the fit had user profiles; it counts as much as one click
  Id add_user(std::span<const Id> history, std::span<const float> profile = {}) {
    return core_.add_user(history, profile);
  }

  /// Everything but the model in one safetensors file. @throws IoError
  void save(const std::filesystem::path& path) const { detail::save_frozen(core_, path); }
  /// Takes what `save` wrote, for the same model. @throws IoError; DataError when the file is something else, damaged,
  /// or of a model of other sizes or other scores (a few are compared)
  void load(const std::filesystem::path& path) { detail::load_frozen(core_, path); }
  /// Factors and histories alone, for a server.
  [[nodiscard]] ServingModel serving() const { return core_.serving(); }

 private:
  static std::vector<Recommendation> to_list(const TopK& lists) {
    std::vector<Recommendation> result;
    for (Index c = 0; c < lists.items.cols() && lists.items(0, c) != kNoItem; ++c)
      result.push_back({lists.items(0, c), lists.scores(0, c)});
    return result;
  }

  detail::FrozenCore core_;
};

}  // namespace reclm
