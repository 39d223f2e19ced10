#pragma once
// Where tuning_study tunes: a world, who is like whom in it, and what of it is taught; and the settings that its
// command line adjusts.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reclm/data/splits.hpp"
#include "reclm/data/world.hpp"
#include "reclm/instruct/neighbours.hpp"
#include "reclm/instruct/pipeline.hpp"
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

using Adjustments = std::vector<std::pair<std::string, double>>;

/// Sets one of the recipe's settings. @throws ConfigError on a name that is none
inline void adjust(TuningOptions& options, const std::string& name, double value) {
  const auto whole = static_cast<Index>(value);
  const std::map<std::string, std::function<void()>> all{
      {"rank", [&] { options.lora.rank = whole, options.lora.alpha = 2 * value; }},
      {"dropout", [&] { options.lora.dropout = value; }},
      {"sft_epochs", [&] { options.sft.epochs = static_cast<int>(whole); }},
      {"sft_rate", [&] { options.sft.learning_rate = value; }},
      {"full_sft", [&] { options.full_sft = whole != 0; }},
      {"model_weight", [&] { options.mixture.weights[0] = value; }},
      {"diversity_weight", [&] { options.mixture.weights[1] = options.mixture.weights[2] = value; }},
      {"distil_items", [&] { options.distil_items = whole != 0; }},
      {"collaborative_epochs", [&] { options.collaborative.epochs = static_cast<int>(whole); }},
      {"collaborative_rate", [&] { options.collaborative.learning_rate = value; }},
      {"collaborative_users", [&] { options.collaborative_users = whole; }},
      {"question_pairs", [&] { options.dialogues.questions = whole; }},
      {"alike", [&] { options.dialogues.alike = whole; }},
      {"neighbours", [&] { options.dialogues.neighbours = whole; }},
      {"neighbour_items", [&] { options.dialogues.neighbour_items = whole; }},
      {"rehearsal", [&] { options.rehearsal = value; }},
      {"reward_epochs", [&] { options.reward.epochs = static_cast<int>(whole); }},
      {"reward_rate", [&] { options.reward.learning_rate = value; }},
      {"reward_from_tuned", [&] { options.reward_from_tuned = whole != 0; }},
      {"partial_prompts", [&] { options.partial_prompts = whole; }},
      {"credit_entries", [&] { options.credit_entries = whole != 0; }},
      {"lambda", [&] { options.ppo.rl.lambda = value; }},
      {"reward_evidence", [&] { options.reward_evidence = whole != 0; }},
      {"weighing_users", [&] { options.weighing_users = whole; }},
      {"strangers", [&] { options.mixture.strangers = whole; }},
      {"foresight", [&] { options.mixture.weights[4] = value; }},
      {"distinct_entries",
       [&] { options.policy.distinct_entries = options.answers.sampling.distinct_entries = whole != 0; }},
      {"steps", [&] { options.ppo.steps = whole; }},
      {"questions", [&] { options.ppo.questions = whole; }},
      {"algorithm", [&] { options.ppo.rl.algorithm = static_cast<RlAlgorithm>(whole); }},  // PPO, GRPO, DPO
      {"dpo_beta", [&] { options.ppo.rl.dpo_beta = value; }},
      {"group", [&] { options.ppo.rl.group = static_cast<int>(whole); }},
      {"against_group", [&] { options.ppo.rl.against_group = whole != 0; }},
      {"passes", [&] { options.ppo.rl.passes = static_cast<int>(whole); }},
      {"minibatch", [&] { options.ppo.rl.minibatch = whole; }},
      {"ppo_rate", [&] { options.ppo.rl.learning_rate = value; }},
      {"kl", [&] { options.ppo.rl.kl.coefficient = value; }},
      {"kl_target", [&] { options.ppo.rl.kl.target = value; }}};
  const auto found = all.find(name);
  if (found == all.end()) throw ConfigError("there is no setting \"" + name + "\" to adjust");
  found->second();
}

}  // namespace tuning_study
