#pragma once
/// @file weigh.hpp
/// The mixture's weights, chosen by what profiles foresee on validation.

#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <vector>

#include "reclm/instruct/reward/mixture.hpp"
#include "reclm/instruct/reward/profile_reward.hpp"

namespace reclm::instruct {

/// Gives `reward.mixture` the weights under which the best of a user's profiles ranks that user's held-out items best,
/// where they surely do so better than those that stand (see choose_weights). The weight of foresight itself, which is
/// that very measure, stays as it is.
/// @param answers some profiles of each user, one user's behind each other; users without held-out items do not count
/// @return nothing, and weights that stand, where no profile can be judged
template <class B>
std::optional<WeightChoice> weigh(ProfileReward<B>& reward, std::span<const ProfileAnswer> answers) {
  constexpr auto foresight = static_cast<std::size_t>(RewardTerm::foresight);
  const auto values = reward.terms(answers);
  std::vector<std::vector<JudgedProfile>> users;
  std::array<bool, kRewardTerms> usable{};
  Id last = -1;
  for (std::size_t k = 0; k < answers.size(); ++k) {
    if (!values[k] || !std::isfinite((*values[k])[foresight])) continue;
    if (users.empty() || answers[k].user != last) users.emplace_back();
    last = answers[k].user;
    users.back().push_back({*values[k], (*values[k])[foresight]});
    for (std::size_t term = 0; term < foresight; ++term)
      usable[term] = usable[term] || std::isfinite((*values[k])[term]);
  }
  if (users.empty()) return std::nullopt;
  WeightChoice choice = choose_weights(users, reward.mixture.scales, usable, reward.mixture.weights);
  choice.weights[foresight] = reward.mixture.weights[foresight];
  reward.mixture.weights = choice.weights;
  return choice;
}

}  // namespace reclm::instruct
