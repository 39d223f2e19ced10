#pragma once
/// @file saved_reward.hpp
/// A reward that a tuning left in its folder, put to use again: on the data set that it was trained on or on another.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "reclm/instruct/reward/profile_reward.hpp"
#include "reclm/instruct/tuning_options.hpp"

namespace reclm::instruct {

/// What a reward may know of a data set that is tuned on. @param taught of all users; must outlive the result
inline EvidenceSources evidence_of(const TuningData& from, std::span<const std::string> taught, std::uint64_t seed) {
  return {.data = from.data,
          .neighbours = from.neighbours.view(),
          .profiles = taught,
          .item_profiles = from.item_profiles,
          .held_out = from.data->valid.size() > 0 ? &from.data->valid : nullptr,
          .seed = seed};
}

/// The updates of the scorer in a reward's folder; by the options of its tuning where its file does not tell.
/// @throws IoError, DataError
inline lm::LoraOptions scorer_updates(const std::filesystem::path& folder, const TuningOptions& options) {
  return saved_updates(folder / "scorer.safetensors")
      .value_or(options.reward_from_tuned ? options.lora : options.reward_lora);
}

/// How the vectors of a reward in `folder` are made: by `options`, as wide as it was trained with.
/// @throws IoError, DataError
inline TextEncoderOptions reward_encoder(const std::filesystem::path& folder, TextEncoderOptions options) {
  if (const Index width = load_mixture(folder).width; width > 0) options.width = width;
  return options;
}

/// Holds all that the reward reads.
template <class B = Cpu>
class SavedReward {
 public:
  /// @param model    the base model of the tuning; with full_sft, the one that sft left
  /// @param from     the users to be judged and what is known of them; must outlive the object. Nothing is heard of the
  ///                 profiles of those whom the tuning held out
  /// @param options  those of the tuning
  /// @param folder   OUT/reward of the tuning
  /// @throws IoError; DataError when it was trained with another model or rank; ConfigError on data without item text
  SavedReward(const LanguageModel& model, const TuningData& from, const TuningOptions& options,
              const std::filesystem::path& folder)
      : scorer_(model, scorer_updates(folder, options), {}, options.held),
        taught_(taught_profiles(from, tuning_split(from, options.seed))),
        evidence_(evidence_of(from, taught_, options.seed), reward_encoder(folder, options.encoder)),
        dialogues_(*from.data, options.dialogues),
        reward_(&scorer_, evidence_) {
    reward_.wanted = options.dialogues.user_entries;
    load_reward(folder, reward_, &scorer_);
    reward_.strangers = Strangers(dialogues_, reward_.mixture.strangers);
  }
  SavedReward(const SavedReward&) = delete;

  ProfileReward<B>& operator*() { return reward_; }
  ProfileReward<B>* operator->() { return &reward_; }

 private:
  SequenceScorer<B> scorer_;
  std::vector<std::string> taught_;
  ProfileEvidence evidence_;
  Dialogues dialogues_;
  ProfileReward<B> reward_;
};

}  // namespace reclm::instruct
