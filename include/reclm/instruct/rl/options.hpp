#pragma once
/// @file options.hpp
/// Settings and figures of reinforcement learning.

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/instruct/rl/kl.hpp"

namespace reclm::instruct {

/// How answers and their scores move the policy. All three draw answers, score them and learn from the scores.
enum class RlAlgorithm {
  ppo,   ///< a critic and clipped updates; the KL to the reference is part of every token's reward
  grpo,  ///< answers to one question are compared with each other; the KL is part of the loss
  dpo,   ///< the best and the worst answer to a question make a pair (online DPO); β stands for the KL
};

inline constexpr std::string_view name_of(RlAlgorithm algorithm) {
  return algorithm == RlAlgorithm::ppo ? "ppo" : algorithm == RlAlgorithm::grpo ? "grpo" : "dpo";
}

struct RlOptions {
  RlAlgorithm algorithm = RlAlgorithm::ppo;
  int group = 1;                ///< answers drawn for each question; GRPO and DPO need 2 or more
  int passes = 2;               ///< updates see each answer so often, 1 or more
  Index minibatch = 8;          ///< answers a gradient step, 1 or more; GRPO and DPO keep groups and pairs together
  double learning_rate = 1e-4;  ///< of AdamW
  double decay = 0;             ///< AdamW's weight decay
  double clip = 0.2;            ///< PPO, GRPO: ratios beyond 1 ± clip get no gradient
  double gradient_norm = 1;     ///< longer gradients are shortened to it; 0: never

  double discount = 1, lambda = 0.95;           ///< PPO: of generalised advantage estimation
  double value_clip = 0.2, value_weight = 0.1;  ///< PPO: of the critic's loss
  bool whiten_rewards = false;                  ///< PPO: scale the batch's token rewards to unit variance, mean kept
  bool whiten_advantages = true;                ///< PPO
  /// PPO with a group: an answer is credited with its score less the mean of the others' to the same question (Ahmadian
  /// et al., ACL 2024, "RLOO"), so that hard questions do not count as bad answers.
  bool against_group = false;
  KlEstimator estimator = KlEstimator::k1;  ///< PPO: of the KL in the rewards
  KlOptions kl{};                           ///< PPO

  double grpo_beta = 0.04;       ///< weight of the KL in GRPO's loss
  bool divide_by_spread = true;  ///< GRPO: advantages are divided by their group's standard deviation
  double dpo_beta = 0.1;         ///< DPO's β
  double dpo_smoothing = 0;      ///< share of pairs taken to be labelled wrongly, 0 to below 0.5

  std::uint64_t seed = 1;
};

/// @throws ConfigError naming the option
inline void check(const RlOptions& o) {
  const auto require = [](bool fine, const char* rule) {
    if (!fine) throw ConfigError(std::string("RlOptions: ") + rule);
  };
  require(o.group >= (o.algorithm == RlAlgorithm::ppo ? 1 : 2), "group must be 1 or more, 2 or more for GRPO and DPO");
  require(!o.against_group || o.group > 1, "against_group needs a group of 2 or more");
  require(o.passes >= 1 && o.minibatch >= 1, "passes and minibatch must be 1 or more");
  require(o.clip > 0 && o.value_clip >= 0 && o.value_weight >= 0, "clip must be above 0, value_* 0 or more");
  require(o.gradient_norm >= 0, "gradient_norm must be 0 or more");
  require(o.discount >= 0 && o.discount <= 1 && o.lambda >= 0 && o.lambda <= 1,
          "discount and lambda must lie in 0 … 1");
  require(o.grpo_beta >= 0 && o.dpo_beta > 0, "grpo_beta must be 0 or more, dpo_beta above 0");
  require(o.dpo_smoothing >= 0 && o.dpo_smoothing < 0.5, "dpo_smoothing must lie in 0 … 0.5");
}

/// What one step of reinforcement learning was like. Means over the step's answers or tokens, before the update unless
/// said otherwise.
struct RlStats {
  double reward = 0;          ///< score of an answer
  double reward_spread = 0;   ///< standard deviation of the scores
  double kl = 0;              ///< nats an answer to the reference: sum over its tokens of log π − log ref
  double kl_coefficient = 0;  ///< weight of the KL in this step
  double entropy = 0;         ///< nats a token, estimated as −log π of the drawn tokens
  double clip_fraction = 0;   ///< share of tokens, over all updates of the step
  double ratio_kl = 0;        ///< how far the updates moved from where the answers were drawn
  double policy_loss = 0, value_loss = 0;
  double accuracy = 0;  ///< DPO: share of pairs ordered rightly
  double length = 0;    ///< tokens an answer
};

}  // namespace reclm::instruct
