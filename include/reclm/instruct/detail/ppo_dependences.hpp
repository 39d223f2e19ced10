#pragma once
/// @file ppo_dependences.hpp
/// By what the stage ppo tells whether a checkpoint is its own.

#include <array>
#include <span>
#include <string>

#include "reclm/data/fingerprint.hpp"
#include "reclm/instruct/reward/mixture.hpp"
#include "reclm/instruct/reward/sequence_scorer.hpp"
#include "reclm/instruct/tuning_options.hpp"

namespace reclm::instruct::detail {

/// What a course of ppo depends on besides its own options, as text.
/// @param start   the model and the policy before the first step  @param prompts of their tokens
/// @param scorer  may be null
template <class B>
std::string ppo_dependences(const std::string& start, const TuningOptions& options, const Fingerprint& prompts,
                            const RewardMixture& mixture, SequenceScorer<B>* scorer) {
  Fingerprint reward;
  if (scorer != nullptr)
    for (const auto* parameter : scorer->parameters()) reward.add(parameter->value.to_host());
  reward.add(std::span<const double>(mixture.weights)).add(std::span<const double>(mixture.evidence));
  for (const RunningScale& scale : mixture.scales)
    reward.add(std::span<const double>(std::array{scale.count, scale.mean, scale.squares}));
  reward.add(std::span<const double>(
      std::array{mixture.malformed, static_cast<double>(mixture.strangers), static_cast<double>(mixture.width)}));
  std::string text = start + ", alpha " + std::to_string(options.lora.alpha) + ", prompts " + prompts.text() +
                     ", reward " + reward.text() + ", answers of " + std::to_string(options.policy.max_tokens) +
                     " tokens by seed " + std::to_string(options.policy.seed) + ", precision " +
                     std::to_string(static_cast<int>(options.policy.precision));
  if (options.policy.constraint) text += ", constrained";
  if (options.policy.distinct_entries) text += ", distinct entries";
  if (options.credit_entries) text += ", entries credited";
  return text;
}

}  // namespace reclm::instruct::detail
