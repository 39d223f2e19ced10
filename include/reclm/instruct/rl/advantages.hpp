#pragma once
/// @file advantages.hpp
/// From rewards to advantages: generalised advantage estimation, whitening, and groups' relative rewards.

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "reclm/core/error.hpp"

namespace reclm::instruct {

/// What a critic and its rewards say about every token of one answer.
struct Advantages {
  std::vector<double> advantages, returns;  ///< one a token
};

/// Generalised advantage estimation (Schulman et al., ICLR 2016, eq. 16) over one answer that ends after its last
/// token: δ_t = r_t + γ V_{t+1} − V_t, A_t = δ_t + γ λ A_{t+1}, and the return A_t + V_t that the critic learns.
///
/// @param rewards, values one a token
/// @param discount γ in 0 … 1  @param lambda λ in 0 … 1
/// @throws ShapeError, ConfigError
inline Advantages estimate_advantages(std::span<const double> rewards, std::span<const double> values, double discount,
                                      double lambda) {
  if (rewards.size() != values.size())
    throw ShapeError("estimate_advantages: " + std::to_string(rewards.size()) + " rewards for " +
                     std::to_string(values.size()) + " values");
  if (!(discount >= 0 && discount <= 1 && lambda >= 0 && lambda <= 1))
    throw ConfigError("estimate_advantages: discount and lambda must lie in 0 … 1");
  Advantages result{std::vector<double>(rewards.size()), std::vector<double>(rewards.size())};
  double next_value = 0, next_advantage = 0;
  for (std::size_t t = rewards.size(); t-- > 0;) {
    const double delta = rewards[t] + discount * next_value - values[t];
    next_advantage = delta + discount * lambda * next_advantage;
    next_value = values[t];
    result.advantages[t] = next_advantage;
    result.returns[t] = next_advantage + values[t];
  }
  return result;
}

/// (x − mean) / √(variance + 1e-8), with the unbiased variance; the mean stays when `shift` is false. One number, or
/// none, has no spread and becomes 0 (or stays).
inline void whiten(std::span<double> x, bool shift = true) {
  if (x.empty()) return;
  double mean = 0, squares = 0;
  for (const double value : x) mean += value;
  mean /= static_cast<double>(x.size());
  for (const double value : x) squares += (value - mean) * (value - mean);
  const double scale =
      x.size() < 2 ? (shift ? 0.0 : 1.0) : 1.0 / std::sqrt(squares / static_cast<double>(x.size() - 1) + 1e-8);
  for (double& value : x) value = x.size() < 2 && !shift ? value : (value - mean) * scale + (shift ? 0.0 : mean);
}

/// GRPO's advantages of the answers to one question: (r − mean) / (standard deviation + 1e-4), or the difference alone
/// (Shao et al. 2024, eq. 3; without the division: Liu et al. 2025, "Dr. GRPO").
inline std::vector<double> relative_rewards(std::span<const double> rewards, bool divide = true) {
  double mean = 0, squares = 0;
  for (const double r : rewards) mean += r / static_cast<double>(rewards.size());
  for (const double r : rewards) squares += (r - mean) * (r - mean);
  const double deviation = rewards.size() < 2 ? 0 : std::sqrt(squares / static_cast<double>(rewards.size() - 1));
  std::vector<double> result;
  for (const double r : rewards) result.push_back((r - mean) / (divide ? deviation + 1e-4 : 1.0));
  return result;
}

}  // namespace reclm::instruct
