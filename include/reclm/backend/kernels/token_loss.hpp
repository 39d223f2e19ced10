#pragma once
/// @file token_loss.hpp
/// Cross-entropy over a vocabulary, a row of logits at a time.

#include <cmath>

#include "reclm/backend/kernels/exponential.hpp"
#include "reclm/core/config.hpp"

namespace reclm::kernels {

/// losses[row] = −log softmax(logits[row])[targets[row]]. Where
/// `factors` are given the logits become their gradient: factors[row · factor_step] · (softmax − one-hot).
template <class T>
struct TokenLoss {
  T* logits;
  const Id* targets;
  const T* factors;   ///< null: only the loss
  Index factor_step;  ///< 0: one factor for all rows
  T* losses;          ///< may be null
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    using std::log;
    T* RECLM_RESTRICT z = logits + row * cols;
    const T largest = team.max(cols, [=](Index c) { return z[c]; });
    const Index target = targets[row];
    const T chosen = z[target];
    team.sync();
    T total;
    if (factors == nullptr) {
      total = team.sum(cols, [=](Index c) { return fast_exp(z[c] - largest); });
    } else {
      total = team.sum(cols, [=](Index c) {
        const T e = fast_exp(z[c] - largest);
        z[c] = e;
        return e;
      });
      const T factor = factors[row * factor_step], scale = factor / total;
      team.each(cols, [=](Index c) { z[c] *= scale; });
      team.sync();
      if (team.leader()) z[target] -= factor;
    }
    if (losses != nullptr && team.leader()) losses[row] = largest + log(total) - chosen;
  }
};

}  // namespace reclm::kernels
