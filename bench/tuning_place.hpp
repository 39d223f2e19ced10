#pragma once
// Where the studies of tuning tune: a world, who is like whom in it, and what of it is taught.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reclm/data/splits.hpp"
#include "reclm/data/world.hpp"
#include "reclm/instruct/neighbours.hpp"
#include "reclm/instruct/pipeline.hpp"
#include "reclm/instruct/reward/saved_reward.hpp"
#include "reclm/model/backbones/light_gcn.hpp"
#include "reclm/model/initial_vectors.hpp"
#include "reclm/model/joint_model.hpp"
#include "reclm/model/trainer.hpp"

namespace tuning_study {

using namespace reclm;
using namespace reclm::instruct;

/// A world whose train has a validation split, and who is like whom in it.
struct Place {
  World world;
  TuningData data;

  explicit Place(const WorldOptions& options) : world(make_world(options)) {
    Dataset& all = world.dataset;
    carve_validation(all, {.seed = options.seed});
    const Initializer init(options.seed);
    JointModel<> model(
        "LightGCN",
        std::make_unique<IdVectors<Cpu, float>>(init, all.train.users(), all.train.items(), 32, IdStart::xavier),
        std::make_unique<LightGcn<Cpu, float>>(all.train));
    TrainOptions how;
    how.epochs = 60;
    // Small data need steps more than large batches: two of 4,096 an epoch leave neighbours next to random.
    how.batch_size = std::clamp<Index>(all.train.size() / 32, 256, how.batch_size);
    how.seed = options.seed;
    how.l2 = 1e-7;
    how.selection = Selection::last;
    train(model, all.train, how);
    const PairModel factors = model.ranking();
    data = {.data = &all,
            .user_profiles = world.user_profile_text,
            .item_profiles = world.item_profile_text,
            .neighbours = user_neighbours(factors).ids,
            .item_neighbours = item_neighbours(factors).ids};
    // Of unseen items nothing is taught: they are what is ranked.
    const std::vector<Index> clicks = all.train.item_counts();
    for (std::size_t item = 0; item < clicks.size(); ++item)
      if (clicks[item] == 0) data.item_profiles[item].clear();
  }
  Place(const Place&) = delete;

  [[nodiscard]] std::vector<std::string> truth(Id user) const {
    std::vector<std::string> names;
    for (const WorldInterest& interest : world.user_interests[static_cast<std::size_t>(user)])
      names.push_back(world.interest_names[static_cast<std::size_t>(interest.interest)]);
    return names;
  }
};

/// The users of whom nothing is learned.
inline std::vector<Id> evaluation_users(const Place& place, std::uint64_t seed) {
  return tuning_split(place.data, seed).evaluation;
}

/// How a reward that a tuning left in `folder` judges the held-out pairs of a place, its own or another.
inline PairAccuracy judged_pairs(const LanguageModel& model, const Place& place, const TuningOptions& options,
                                 const std::filesystem::path& folder) {
  const Dialogues dialogues(*place.data.data, options.dialogues);
  const auto pairs = preference_pairs(dialogues, evaluation_users(place, options.seed), place.data.neighbours.view(),
                                      place.data.user_profiles)
                         .samples;
  SavedReward<> reward(model, place.data, options, folder);
  return pair_accuracy(*reward, std::span<const PreferencePair>(pairs));
}

}  // namespace tuning_study
