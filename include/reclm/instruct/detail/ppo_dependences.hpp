#pragma once
/// @file ppo_dependences.hpp
/// By what the stage ppo tells whether a checkpoint is its own.

#include <array>
#include <span>
#include <string>
#include <vector>

#include "reclm/data/fingerprint.hpp"
#include "reclm/instruct/reward/mixture.hpp"
#include "reclm/instruct/reward/sequence_scorer.hpp"
#include "reclm/instruct/tuning_options.hpp"

namespace reclm::instruct::detail {

/// What a course of ppo depends on besides its own options, as text.
/// @param prompts of their tokens  @param start the policy before the first step  @param scorer may be null
template <class B>
std::string ppo_dependences(const std::string& model, const TuningOptions& options, const Fingerprint& prompts,
                            const std::vector<Parameter<B, float>*>& start, const RewardMixture& mixture,
                            SequenceScorer<B>* scorer) {
  const auto add_values = [](Fingerprint& print, const std::vector<Parameter<B, float>*>& parameters) {
    for (const auto* parameter : parameters) print.add(parameter->value.to_host());
  };
  Fingerprint updates, reward;
  add_values(updates, start);
  if (scorer != nullptr) add_values(reward, scorer->parameters());
  reward.add(std::span<const double>(mixture.weights)).add(std::span<const double>(mixture.evidence));
  for (const RunningScale& scale : mixture.scales)
    reward.add(std::span<const double>(std::array{scale.count, scale.mean, scale.squares}));
  reward.add(std::span<const double>(
      std::array{mixture.malformed, static_cast<double>(mixture.strangers), static_cast<double>(mixture.width)}));
  std::string text = model + ", prompts " + prompts.text() + ", updates " + updates.text() + " of alpha " +
                     std::to_string(options.lora.alpha) + ", reward " + reward.text() + ", answers of " +
                     std::to_string(options.policy.max_tokens) + " tokens by seed " +
                     std::to_string(options.policy.seed);
  if (options.policy.constraint) text += ", constrained";
  if (options.policy.distinct_entries) text += ", distinct entries";
  if (options.credit_entries) text += ", entries credited";
  return text;
}

}  // namespace reclm::instruct::detail
