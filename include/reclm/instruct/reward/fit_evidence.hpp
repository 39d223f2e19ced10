#pragma once
/// @file fit_evidence.hpp
/// How much each kind of evidence counts: learned from pairs of a good and a bad answer.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/instruct/reward/evidence.hpp"

namespace reclm::instruct {

/// The weights, 0 or more, that minimise the mean of −log σ(w · (chosen − rejected)) over pairs, plus a ridge of
/// `ridge` pairs on weights that are counted in the evidence's own spread. No weight is negative: nothing that evidence
/// stands for may cost. Newton's method; the weights that would be negative are taken out, the worst first.
/// @param differences of each pair, evidence of the chosen answer less that of the rejected one
/// @throws ConfigError without pairs or on a ridge that is not above 0, NumericError on a value that is not finite
inline EvidenceWeights fit_evidence(std::span<const EvidenceValues> differences, double ridge = 1) {
  if (differences.empty() || !(ridge > 0)) throw ConfigError("fit_evidence: pairs and a ridge above 0 are needed");
  EvidenceValues scale{};
  for (const EvidenceValues& pair : differences)
    for (std::size_t k = 0; k < kEvidence; ++k) {
      if (!std::isfinite(pair[k])) throw NumericError("fit_evidence: evidence that is not finite");
      scale[k] += pair[k] * pair[k];
    }
  std::array<bool, kEvidence> used{};
  for (std::size_t k = 0; k < kEvidence; ++k) {
    scale[k] = std::sqrt(scale[k] / static_cast<double>(differences.size()));
    used[k] = scale[k] > 1e-9;
  }
  EvidenceWeights weights{};
  while (true) {
    std::vector<std::size_t> columns;
    for (std::size_t k = 0; k < kEvidence; ++k)
      if (used[k]) columns.push_back(k);
    const std::size_t n = columns.size();
    std::vector<double> w(n, 0);
    for (int step = 0; step < 60 && n > 0; ++step) {
      std::vector<double> gradient(n), curvature(n * n);
      for (std::size_t a = 0; a < n; ++a) {
        gradient[a] = ridge * w[a];
        curvature[a * n + a] = ridge;
      }
      for (const EvidenceValues& pair : differences) {
        std::array<double, kEvidence> x{};
        double margin = 0;
        for (std::size_t a = 0; a < n; ++a) margin += w[a] * (x[a] = pair[columns[a]] / scale[columns[a]]);
        const double wrong = 1 / (1 + std::exp(margin));
        for (std::size_t a = 0; a < n; ++a) {
          gradient[a] -= wrong * x[a];
          for (std::size_t b = 0; b < n; ++b) curvature[a * n + b] += wrong * (1 - wrong) * x[a] * x[b];
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
    std::size_t worst = n;
    for (std::size_t a = 0; a < n; ++a)
      if (w[a] < 0 && (worst == n || w[a] < w[worst])) worst = a;
    if (worst < n) {
      used[columns[worst]] = false;
      continue;
    }
    for (std::size_t a = 0; a < n; ++a) weights[columns[a]] = w[a] / scale[columns[a]];
    return weights;
  }
}

}  // namespace reclm::instruct
