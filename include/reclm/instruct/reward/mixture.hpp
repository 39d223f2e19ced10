#pragma once
/// @file mixture.hpp
/// From a profile's terms to one number: each term in standard deviations of a calibration set, weighted; and how the
/// weights are chosen.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/instruct/reward/evidence.hpp"
#include "reclm/instruct/reward/terms.hpp"

namespace reclm::instruct {

/// Running mean and spread of numbers (Welford). Unknown numbers are left out.
struct RunningScale {
  double count = 0, mean = 0, squares = 0;

  void add(double x) {
    if (!std::isfinite(x)) return;
    count += 1;
    const double away = x - mean;
    mean += away / count;
    squares += away * (x - mean);
  }
  [[nodiscard]] double deviation() const { return count < 2 ? 0 : std::sqrt(squares / (count - 1)); }
  /// (x − mean) / deviation within ±4; 0 for an unknown x or where nothing has been spread yet.
  [[nodiscard]] double standard(double x) const {
    const double spread = deviation();
    return !std::isfinite(x) || spread < 1e-9 ? 0 : std::clamp((x - mean) / spread, -4.0, 4.0);
  }
};

/// A weight a term, 0 or more.
using TermWeights = std::array<double, kRewardTerms>;

/// The sum of weighted standard scores.
struct RewardMixture {
  TermWeights weights{1, 0, 0, 0, 0};       ///< model, distinctness, apartness, coverage, foresight
  EvidenceWeights evidence = kScorerAlone;  ///< what the first of them, the reward model, goes by
  std::array<RunningScale, kRewardTerms> scales{};
  double malformed = -4;  ///< the reward of a text that is no profile
  /// From the scorer's opinion of an answer its mean opinion beside so many other people's prompts is taken (see
  /// strangers.hpp), 0 to 64
  Index strangers = 0;
  Index width = 0;  ///< columns of the vectors that evidence and terms were measured by, up to 4,096; 0: not said

  void calibrate(const TermValues& values) {
    for (std::size_t k = 0; k < kRewardTerms; ++k) scales[k].add(values[k]);
  }
  [[nodiscard]] double operator()(const TermValues& values) const {
    double total = 0;
    for (std::size_t k = 0; k < kRewardTerms; ++k)
      if (weights[k] != 0) total += weights[k] * scales[k].standard(values[k]);
    return total;
  }
};

/// A profile that was written for a user, and how good it turned out to be by a measure that the reward does not see
/// (on validation: the rank of held-out items; where the truth is known: the share of true interests that it names).
struct JudgedProfile {
  TermValues terms;
  double quality = 0;
};

/// What `choose_weights` found.
struct WeightChoice {
  TermWeights weights{};
  double quality = 0;  ///< mean quality of each user's best profile by the chosen reward
  double gain = 0;     ///< of the best weights over those that stood before
  double error = 0;    ///< standard error of the gain, over users
  double average = 0;  ///< of all profiles: what chance would pick
  double ceiling = 0;  ///< of each user's truly best profile
};

/// The weights of sum 1, in steps of 1/`steps`, whose reward picks the best profiles: for each user the one that it
/// puts first, its quality averaged over users. Among equals the first in the grid's order, which prefers the earlier
/// terms. The weights that stand stay unless these surely pick better: a policy follows whatever is weighed, chance
/// too, far beyond the profiles that it was weighed by.
///
/// @param users    candidates of each user, two or more with different quality somewhere
/// @param usable   terms that may get weight
/// @param scales   of a calibration set
/// @param standing the weights that stand; those of no usable term do not
/// @throws ConfigError when there is no candidate
/// Cost: C(steps + terms − 1, terms − 1) weights (56 at the defaults, of four usable terms in five steps) × candidates.
inline WeightChoice choose_weights(std::span<const std::vector<JudgedProfile>> users,
                                   const std::array<RunningScale, kRewardTerms>& scales,
                                   const std::array<bool, kRewardTerms>& usable, TermWeights standing = {},
                                   int steps = 5) {
  constexpr double kSure = 3;  // standard errors: more than the best of 56 weights gains by luck 19 times in 20
  WeightChoice best;
  double judged = 0, candidates = 0;
  for (const auto& user : users) {
    if (user.empty()) continue;
    double top = user.front().quality;
    for (const JudgedProfile& profile : user) {
      best.average += profile.quality;
      top = std::max(top, profile.quality);
    }
    best.ceiling += top;
    judged += 1;
    candidates += static_cast<double>(user.size());
  }
  if (judged == 0 || steps < 1) throw ConfigError("choose_weights: there are no judged profiles, or steps is below 1");
  best.average /= candidates;
  best.ceiling /= judged;

  RewardMixture mixture{.scales = scales};
  const auto picked = [&](const TermWeights& weights) {  // of each user, the quality of what is put first
    mixture.weights = weights;
    std::vector<double> qualities;
    for (const auto& user : users) {
      if (user.empty()) continue;
      double top = -std::numeric_limits<double>::infinity(), its = 0;
      for (const JudgedProfile& profile : user)
        if (const double reward = mixture(profile.terms); reward > top) {
          top = reward;
          its = profile.quality;
        }
      qualities.push_back(its);
    }
    return qualities;
  };
  std::vector<double> of_best;
  const auto judge = [&](const TermWeights& weights) {
    std::vector<double> qualities = picked(weights);
    const double quality = std::accumulate(qualities.begin(), qualities.end(), 0.0) / judged;
    if (!of_best.empty() && quality <= best.quality + 1e-12) return;
    best.quality = quality;
    best.weights = weights;
    of_best = std::move(qualities);
  };
  const auto spend = [&](const auto& self, std::size_t term, int left, TermWeights& weights) -> void {
    if (term == kRewardTerms) {
      if (left == 0) judge(weights);
      return;
    }
    for (int share = usable[term] ? left : 0; share >= 0; --share) {
      weights[term] = static_cast<double>(share) / steps;
      self(self, term + 1, left - share, weights);
    }
    weights[term] = 0;
  };
  TermWeights weights{};
  spend(spend, 0, steps, weights);
  double stands = 0;
  for (std::size_t k = 0; k < kRewardTerms; ++k) {
    if (!usable[k]) standing[k] = 0;
    stands += standing[k];
  }
  if (stands <= 0) return best;

  const std::vector<double> before = picked(standing);
  double squares = 0;
  for (std::size_t u = 0; u < before.size(); ++u) best.gain += (of_best[u] - before[u]) / judged;
  for (std::size_t u = 0; u < before.size(); ++u) squares += std::pow(of_best[u] - before[u] - best.gain, 2);
  best.error = judged < 2 ? std::numeric_limits<double>::infinity() : std::sqrt(squares / (judged - 1) / judged);
  if (best.gain <= kSure * best.error) {
    best.weights = standing;
    best.quality -= best.gain;
  }
  return best;
}

}  // namespace reclm::instruct
