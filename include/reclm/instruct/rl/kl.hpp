#pragma once
/// @file kl.hpp
/// How far a policy has moved from its reference: estimates of the KL divergence from sampled tokens, and the
/// controller that holds it near a target.

#include <algorithm>
#include <cmath>

#include "reclm/core/error.hpp"

namespace reclm::instruct {

/// Estimates of KL(policy ‖ reference) from one token that the policy drew (Schulman 2020, "Approximating KL
/// divergence"), with x = log policy − log reference: k1 = x, unbiased, of either sign; k2 = x²/2, biased, small
/// variance; k3 = e^{−x} − 1 + x, unbiased, never negative.
enum class KlEstimator { k1, k2, k3 };

inline double estimate_kl(KlEstimator kind, double log_policy, double log_reference) {
  const double x = log_policy - log_reference;
  switch (kind) {
    case KlEstimator::k1:
      return x;
    case KlEstimator::k2:
      return 0.5 * x * x;
    default:
      return std::exp(-x) - 1 + x;
  }
}

/// d estimate / d log policy.
inline double kl_slope(KlEstimator kind, double log_policy, double log_reference) {
  const double x = log_policy - log_reference;
  switch (kind) {
    case KlEstimator::k1:
      return 1;
    case KlEstimator::k2:
      return x;
    default:
      return 1 - std::exp(-x);
  }
}

struct KlOptions {
  double coefficient = 0.05;  ///< weight of the KL in the reward at the start, 0 or more
  double target = 6;          ///< nats an answer; 0: the coefficient stays
  double horizon = 2000;      ///< answers over which the coefficient follows, above 0
};

/// Proportional control of the KL's weight (Ziegler et al. 2019, section 2.2): after n answers of mean KL k the weight
/// is multiplied by 1 + clip(k / target − 1, ±0.2) · n / horizon.
class KlController {
 public:
  /// @throws ConfigError
  explicit KlController(const KlOptions& options = {}) : options_(options), coefficient_(options.coefficient) {
    if (!(options.coefficient >= 0 && options.target >= 0 && options.horizon > 0))
      throw ConfigError("KlOptions: coefficient and target must be 0 or more, horizon above 0");
  }

  [[nodiscard]] double coefficient() const { return coefficient_; }
  void set_coefficient(double value) { coefficient_ = value; }

  void update(double mean_kl, double answers) {
    if (options_.target <= 0) return;
    const double error = std::clamp(mean_kl / options_.target - 1, -0.2, 0.2);
    coefficient_ *= 1 + error * std::min(1.0, answers / options_.horizon);
  }

 private:
  KlOptions options_;
  double coefficient_;
};

}  // namespace reclm::instruct
