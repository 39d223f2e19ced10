#pragma once
/// @file tuning_options.hpp
/// What RecLM's tuning takes and what it tells; see pipeline.hpp.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reclm/instruct/dialogues.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/measures.hpp"
#include "reclm/instruct/preferences.hpp"
#include "reclm/instruct/reward/train_scorer.hpp"
#include "reclm/instruct/reward/weigh.hpp"
#include "reclm/instruct/rl/lm_policy.hpp"
#include "reclm/instruct/rl/tune_policy.hpp"
#include "reclm/lm/training/finetune.hpp"

namespace reclm::instruct {

/// What is tuned on. Profiles are a teacher's, "" where there is none.
struct TuningData {
  const Dataset* data = nullptr;
  std::vector<std::string> user_profiles{},
      item_profiles{};           ///< of all users; of all items, or empty (no stage `items`)
  Matrix<Id> neighbours{};       ///< [users, k], see neighbours.hpp
  Matrix<Id> item_neighbours{};  ///< [items, k]; may be empty
  /// What is true of users, where that is known: names of their interests. Reported, never learned from.
  std::function<std::vector<std::string>(Id)> truth{};
};

/// Who learns and who is measured: the users with a history and a valid profile, in the parts of split_for_tuning.
inline TuningSplit tuning_split(const TuningData& from, std::uint64_t seed) {
  std::vector<Id> able;
  const auto users = std::min(static_cast<std::size_t>(from.data->train.users()), from.user_profiles.size());
  for (std::size_t u = 0; u < users; ++u)
    if (!from.data->train.of(static_cast<Id>(u)).empty() && read_profile(from.user_profiles[u]).valid())
      able.push_back(static_cast<Id>(u));
  return split_for_tuning(able, seed);
}

/// The profiles that something may be learned from: "" of the evaluation users, who are neighbours of learners, too.
inline std::vector<std::string> taught_profiles(const TuningData& from, const TuningSplit& split) {
  std::vector<std::string> taught = from.user_profiles;
  for (const Id user : split.evaluation) taught[static_cast<std::size_t>(user)].clear();
  return taught;
}

/// Items whose profiles are learned, and every fifth, of which nothing is: the held-out loss of the stage items.
struct ItemSplit {
  std::vector<Id> learned, held_out;

  explicit ItemSplit(std::size_t items) {
    for (std::size_t i = 0; i < items; ++i) (i % 5 == 4 ? held_out : learned).push_back(static_cast<Id>(i));
  }
};

struct TuningOptions {
  std::filesystem::path folder{};  ///< of checkpoints, adapters and the reward; made where it does not exist
  std::vector<std::string> stages{"sft", "collaborative", "reward", "ppo", "items"};  ///< in this order
  DialogueOptions dialogues{};
  lm::TrainableOptions held{};                         ///< how frozen weights are held; sft of every weight ignores it
  lm::Precision precision = lm::Precision::automatic;  ///< of the model that writes shown profiles
  lm::LoraOptions lora{};                              ///< of sft, collaborative, ppo and items
  lm::LoraOptions reward_lora{.rank = 4, .alpha = 8};
  lm::FinetuneOptions sft{};
  lm::FinetuneOptions collaborative{.learning_rate = 5e-5};
  lm::FinetuneOptions items{};
  TrainScorerOptions reward{};
  TunePolicyOptions ppo{};
  LmPolicyOptions policy{};               ///< its `lora` and `held` are those above
  RewardMixture mixture{.strangers = 2};  ///< weights of the reward's terms; without reward_evidence no strangers
  std::filesystem::path given_reward{};   ///< a reward trained elsewhere; the stage `reward` is passed over then
  std::filesystem::path start{};  ///< updates to begin with: a PEFT adapter of `lora`'s rank and layers; empty: none
  /// sft trains every weight, not `lora`'s updates: models of a few million weights learn far faster so. `folder`/sft
  /// then holds the model's weights instead of an adapter, and the updates of later stages belong to that model.
  bool full_sft = false;
  bool distil_items = false;      ///< sft learns the teacher's profiles of items too
  Index collaborative_users = 0;  ///< most learners whose dialogues the stage collaborative learns; 0: all
  /// Share of A1's dialogues that the stage collaborative learns again, so that the shorter prompt is not forgotten.
  double rehearsal = 0;
  /// Prompts of ppo beside each user's own, of random parts of the history: what a small model learned by heart in sft
  /// it answers from memory, and gets better at that alone.
  Index partial_prompts = 0;
  /// What an entry's own evidence earns of a profile's reward, ppo credits to the tokens up to that entry alone, not to
  /// those that come after it.
  bool credit_entries = true;
  /// The reward model begins with the updates that stand (`lora`'s rank and layers hold) instead of the bare model.
  bool reward_from_tuned = false;
  /// The reward model hears evidence from the history besides its scorer (see reward/evidence.hpp), by weights learned
  /// from all pairs; the scorer's own from every fourth, which it then does not learn from.
  bool reward_evidence = true;
  /// Users of the reward's part whose validation items may change the mixture's weights, all but foresight's (see
  /// weigh.hpp); 0: they stand.
  Index weighing_users = 0;
  /// Of the reward's vectors; a given reward's own width comes first. 128 columns judge no better (bench/RESULTS.md).
  TextEncoderOptions encoder{.width = 64};
  AnswerOptions answers{};  ///< how the shown profiles are drawn
  /// Evaluation users whose profiles are drawn after each stage, and items held out of the stage `items`, before and
  /// after it.
  Index shown = 32;
  std::uint64_t seed = 1;
  Observer observer{};  ///< of all stages; returning false saves and stops
};

/// @throws ConfigError on a name that is no stage's, or stands twice
inline void check_stages(std::span<const std::string> stages) {
  const std::vector<std::string> known{"sft", "collaborative", "reward", "ppo", "items"};
  for (std::size_t k = 0; k < stages.size(); ++k) {
    if (std::find(known.begin(), known.end(), stages[k]) == known.end())
      throw ConfigError("TuningOptions: there is no stage \"" + stages[k] +
                        "\". Remedy: choose from sft, collaborative, reward, ppo, items");
    // Its checkpoint would be that of the first time.
    if (const auto before = stages.first(k); std::find(before.begin(), before.end(), stages[k]) != before.end())
      throw ConfigError("TuningOptions: the stage " + stages[k] +
                        " is named twice. Remedy: name it once, and raise its epochs or steps");
  }
}

/// @throws ConfigError where the stage ppo would have no reward: all profiles would be worth the same
inline void check_reward(const TuningOptions& options) {
  const auto place = [&](const char* stage) { return std::find(options.stages.begin(), options.stages.end(), stage); };
  const auto ppo = place("ppo"), reward = place("reward"), none = options.stages.end();
  const bool needed = options.mixture.weights[0] > 0 && options.mixture.evidence == kScorerAlone;
  if (ppo == none || reward < ppo || !needed || !options.given_reward.empty()) return;
  throw ConfigError(
      reward != none
          ? "tune: the stage ppo stands before the stage reward, whose model it needs. Remedy: put reward before ppo"
          : "tune: the stage ppo has no reward. Remedy: add the stage reward before it, or name a trained one as "
            "given_reward, e.g. " +
                (options.folder / "reward").string());
}

/// Profiles of the evaluation users, or of the held-out items, at one point.
struct ShownProfiles {
  std::string after;               ///< "untuned", "sft", …
  std::vector<std::string> texts;  ///< of TuningReport::shown, or shown_items
  double valid = 0, distinctness = 0;
  std::optional<ProfileReport> against_truth;
};

struct TuningReport {
  std::vector<Id> held_out;     ///< the evaluation users, of whom no stage learned
  std::vector<Id> shown;        ///< those of them whose profiles were drawn after each stage
  std::vector<Id> shown_items;  ///< of those held out of the stage items, whose profiles were drawn before and after
  std::vector<ShownProfiles> profiles, item_profiles;
  std::map<std::string, double> loss_before, loss_after;  ///< a token, held out; sft, collaborative, items
  std::map<std::string, lm::FinetuneReport> finetunes;
  QuestionReport questions_before, questions_after;  ///< of the stage collaborative, held out
  std::optional<TrainScorerReport> reward;           ///< its held_out: of the whole reward model
  PairAccuracy scorer_alone;                         ///< of the same pairs, by the scorer without other evidence
  std::optional<TunePolicyReport> ppo;
  std::optional<WeightChoice> weights;  ///< where options.weighing_users asked for it
  bool interrupted = false;
};

}  // namespace reclm::instruct
