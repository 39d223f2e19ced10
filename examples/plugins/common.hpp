#pragma once
// What the examples share: the data they run on, and the comparison of a model alone with its enhancement.
#include <functional>
#include <span>

#include "reclm/adapt.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/model/pair_model.hpp"
#include "reclm/model/scorer_ranker.hpp"

namespace example {

/// Lists the best k of the candidates for each user: what an evaluation asks.
using Ranking = std::function<reclm::TopK(std::span<const reclm::Id> users, std::span<const reclm::Id> candidates,
                                          const reclm::Interactions* masked, reclm::Index k)>;

/// The folder of atomic files that the command line names, else the embedded world; a tenth of each user's clicks is
/// put aside for validation where the data have no such split.
reclm::Dataset data_of(int argc, char** argv);

/// Prints Recall@20 of both: among all items (targets clicked before and targets that nobody has clicked), and of the
/// usual full-shot setting. @returns what main returns: 0 when the enhanced model also finds unseen items and is no
/// worse on seen ones
int compare(const reclm::Dataset& data, const char* name, const Ranking& alone, const Ranking& enhanced);

/// The model alone as a ranking; it must outlive it.
template <class Model>
Ranking ranking_of(const Model& model) {
  if constexpr (reclm::FactorModel<Model>)
    return reclm::PairModel(reclm::float_copy(model.user_factors(), "user factors"),
                            reclm::float_copy(model.item_factors(), "item factors"));
  else
    return reclm::ScorerRanker(model);
}

/// Enhances a trained model by the data's profiles, and compares.
template <class Model>
int enhance_and_compare(const reclm::Dataset& data, const char* name, const Model& model) {
  auto enhanced = reclm::adapt(model, reclm::profiles_of(data));
  enhanced.fit(data.train, data.valid);
  return compare(data, name, ranking_of(model), std::cref(enhanced));
}

}  // namespace example
