#pragma once
/// @file fit_evidence.hpp
/// How much each kind of evidence counts: learned from pairs of a good and a bad answer.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/instruct/reward/evidence.hpp"

namespace reclm::instruct {

namespace detail {

/// One problem of fit_evidence, in evidence counted in its own spread.
class EvidenceFit {
 public:
  EvidenceFit(std::vector<EvidenceValues> pairs, double ridge) : pairs_(std::move(pairs)), ridge_(ridge) {}

  /// The weights of these kinds alone that minimise the loss, of either sign. Newton's method.
  [[nodiscard]] std::vector<double> minimum(std::span<const std::size_t> columns) const {
    const std::size_t n = columns.size();
    std::vector<double> w(n, 0);
    for (int step = 0; step < 60 && n > 0; ++step) {
      std::vector<double> gradient(n), curvature(n * n);
      for (std::size_t a = 0; a < n; ++a) {
        gradient[a] = ridge_ * w[a];
        curvature[a * n + a] = ridge_;
      }
      for (const EvidenceValues& pair : pairs_) {
        double margin = 0;
        for (std::size_t a = 0; a < n; ++a) margin += w[a] * pair[columns[a]];
        const double wrong = 1 / (1 + std::exp(margin));
        for (std::size_t a = 0; a < n; ++a) {
          const double x = pair[columns[a]];
          gradient[a] -= wrong * x;
          for (std::size_t b = 0; b < n; ++b) curvature[a * n + b] += wrong * (1 - wrong) * x * pair[columns[b]];
        }
      }
      // curvature · move = gradient, by Gauss (it is positive definite).
      std::vector<double> move = gradient;
      for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = a + 1; b < n; ++b) {
          const double share = curvature[b * n + a] / curvature[a * n + a];
          for (std::size_t c = a; c < n; ++c) curvature[b * n + c] -= share * curvature[a * n + c];
          move[b] -= share * move[a];
        }
      double length = 0;
      for (std::size_t a = n; a-- > 0;) {
        for (std::size_t b = a + 1; b < n; ++b) move[a] -= curvature[a * n + b] * move[b];
        move[a] /= curvature[a * n + a];
        length = std::max(length, std::abs(move[a]));
      }
      const double shortened = length > 2 ? 2 / length : 1;  // far from the optimum Newton's step overshoots
      for (std::size_t a = 0; a < n; ++a) w[a] -= shortened * move[a];
      if (length < 1e-10) break;
    }
    return w;
  }

  [[nodiscard]] double loss(std::span<const std::size_t> columns, std::span<const double> w) const {
    double total = 0;
    for (const double x : w) total += ridge_ / 2 * x * x;
    for (const EvidenceValues& pair : pairs_) {
      double margin = 0;
      for (std::size_t a = 0; a < columns.size(); ++a) margin += w[a] * pair[columns[a]];
      total += std::max(0.0, -margin) + std::log1p(std::exp(-std::abs(margin)));
    }
    return total;
  }

 private:
  std::vector<EvidenceValues> pairs_;
  double ridge_;
};

}  // namespace detail

/// The weights, 0 or more, that minimise the mean of −log σ(w · (chosen − rejected)) over pairs, plus a ridge of
/// `ridge` pairs on weights that are counted in the evidence's own spread. No weight is negative: nothing that evidence
/// stands for may cost.
/// @param differences of each pair, evidence of the chosen answer less that of the rejected one
/// @throws ConfigError without pairs or on a ridge that is not above 0, NumericError on a value that is not finite
/// Cost: Newton's method for each subset of the kinds, some ten passes over the pairs for each of 64.
inline EvidenceWeights fit_evidence(std::span<const EvidenceValues> differences, double ridge = 1) {
  if (differences.empty() || !(ridge > 0)) throw ConfigError("fit_evidence: pairs and a ridge above 0 are needed");
  EvidenceValues scale{};
  for (const EvidenceValues& pair : differences)
    for (std::size_t k = 0; k < kEvidence; ++k) {
      if (!std::isfinite(pair[k])) throw NumericError("fit_evidence: evidence that is not finite");
      scale[k] += pair[k] * pair[k];
    }
  std::vector<EvidenceValues> pairs(differences.begin(), differences.end());
  for (std::size_t k = 0; k < kEvidence; ++k) {
    scale[k] = std::sqrt(scale[k] / static_cast<double>(differences.size()));
    if (scale[k] > 1e-9)
      for (EvidenceValues& pair : pairs) pair[k] /= scale[k];
  }
  // The minimum lies inside one of the faces where some weights are 0. The loss is convex: of the faces whose own
  // minimum has no negative weight, the best.
  const detail::EvidenceFit fit(std::move(pairs), ridge);
  EvidenceWeights best{};
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t subset = 0; subset < std::size_t{1} << kEvidence; ++subset) {
    std::vector<std::size_t> columns;
    bool varied = true;
    for (std::size_t k = 0; k < kEvidence; ++k)
      if (subset >> k & 1) {
        columns.push_back(k);
        varied = varied && scale[k] > 1e-9;
      }
    if (!varied) continue;
    const std::vector<double> w = fit.minimum(columns);
    if (std::any_of(w.begin(), w.end(), [](double x) { return x < 0; })) continue;
    if (const double loss = fit.loss(columns, w); loss < least) {
      least = loss;
      best = {};
      for (std::size_t a = 0; a < columns.size(); ++a) best[columns[a]] = w[a] / scale[columns[a]];
    }
  }
  return best;
}

}  // namespace reclm::instruct
