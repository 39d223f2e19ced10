#pragma once
/// @file losses.hpp
/// Losses of reinforcement learning and of preferences, as tape operations on log-probabilities of tokens or answers.
/// A batch has some thousands of such numbers, so they are computed on the host, in double, whatever the backend.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/instruct/rl/kl.hpp"
#include "reclm/tensor/tape.hpp"

namespace reclm::instruct {

namespace detail {

template <class B, class T>
std::vector<double> host_values(const Tensor<B, T>& tensor) {
  const Matrix<T> values = tensor.to_host();
  return {values.data(), values.data() + values.size()};
}

/// A 1×1 value whose derivative by `x` is `slope`.
template <class B, class T>
Var known_slope(Tape<B, T>& tape, Var x, double value, const std::vector<double>& slope) {
  const auto scalar = static_cast<T>(value);
  Tensor<B, T> loss{1, 1};
  B::from_host(loss.data(), &scalar, 1);
  const std::vector<T> rounded(slope.begin(), slope.end());
  auto kept = Tensor<B, T>::like(tape.value(x));
  B::from_host(kept.data(), rounded.data(), kept.size());
  return tape.record(std::move(loss), tape.needs_gradient(x), [=](Tape<B, T>& t, const Tensor<B, T>& d_loss) {
    T upstream;
    B::to_host(&upstream, d_loss.data(), 1);
    auto [dx, beta] = t.slot(x);
    B::for_rows(1, 3 * kept.size(), kernels::ScaleInto<T>{kept.data(), upstream, beta, dx.data(), kept.size()});
  });
}

inline void require_count(const char* where, const char* what, std::size_t actual, std::size_t expected) {
  require_size(where, what, static_cast<Index>(actual), static_cast<Index>(expected));
}

}  // namespace detail

/// A loss on the tape and what is worth reporting about it.
struct PolicyLoss {
  Var loss;                  ///< [1, 1]
  double clip_fraction = 0;  ///< share of tokens whose ratio was clipped
  double ratio_kl = 0;       ///< mean of (log old − log new)²/2 over tokens: how far the update has moved
};

/// PPO's clipped objective, a mean over tokens (Schulman et al. 2017, eq. 7):
/// mean_t max(−A_t ρ_t, −A_t clip(ρ_t, 1 ± clip)), ρ_t = exp(log new − log old).
///
/// @param log_probs  [tokens, 1], of the sampled tokens under the policy being trained
/// @param old        the same when they were sampled
/// @param clip       above 0, usually 0.2
/// @throws ShapeError
template <class B, class T>
PolicyLoss ppo_policy_loss(Tape<B, T>& tape, Var log_probs, std::span<const double> old,
                           std::span<const double> advantages, double clip) {
  const auto now = detail::host_values(tape.value(log_probs));
  detail::require_count("ppo_policy_loss", "number of old log-probabilities", old.size(), now.size());
  detail::require_count("ppo_policy_loss", "number of advantages", advantages.size(), now.size());
  PolicyLoss result;
  double total = 0;
  std::vector<double> slope(now.size(), 0.0);
  const double n = std::max<double>(1, static_cast<double>(now.size()));
  for (std::size_t t = 0; t < now.size(); ++t) {
    const double moved = now[t] - old[t], ratio = std::exp(moved);
    const double plain = -advantages[t] * ratio;
    const double clipped = -advantages[t] * std::clamp(ratio, 1 - clip, 1 + clip);
    total += std::max(plain, clipped);
    if (clipped > plain)
      result.clip_fraction += 1 / n;
    else
      slope[t] = plain / n;
    result.ratio_kl += 0.5 * moved * moved / n;
  }
  result.loss = detail::known_slope(tape, log_probs, total / n, slope);
  return result;
}

/// The critic's clipped loss: mean_t max((V_t − R_t)², (clip(V_t, old_t ± clip) − R_t)²) / 2.
/// @param values [tokens, 1]  @param clip above 0; 0: no clipping  @returns [1, 1]
/// @throws ShapeError
template <class B, class T>
Var ppo_value_loss(Tape<B, T>& tape, Var values, std::span<const double> old, std::span<const double> returns,
                   double clip) {
  const auto now = detail::host_values(tape.value(values));
  detail::require_count("ppo_value_loss", "number of old values", old.size(), now.size());
  detail::require_count("ppo_value_loss", "number of returns", returns.size(), now.size());
  double total = 0;
  std::vector<double> slope(now.size(), 0.0);
  const double n = std::max<double>(1, static_cast<double>(now.size()));
  for (std::size_t t = 0; t < now.size(); ++t) {
    const double near = clip > 0 ? std::clamp(now[t], old[t] - clip, old[t] + clip) : now[t];
    const double plain = now[t] - returns[t], clipped = near - returns[t];
    total += 0.5 * std::max(plain * plain, clipped * clipped);
    if (plain * plain >= clipped * clipped) slope[t] = plain / n;
  }
  return detail::known_slope(tape, values, total / n, slope);
}

/// GRPO (Shao et al. 2024, eq. 3): PPO's clipped objective with one advantage an answer, plus β · k3 to the reference,
/// averaged over each answer's tokens and then over answers (`per_answer`), or over all tokens alike. In a loss, k3's
/// gradient descends KL(reference ‖ policy), not the divergence that its value estimates: the policy keeps some weight
/// wherever the reference has some.
///
/// @param log_probs [tokens, 1], answer after answer
/// @param lengths   tokens of each answer
/// @param advantages one an answer, see `relative_rewards`
/// @throws ShapeError
template <class B, class T>
PolicyLoss grpo_loss(Tape<B, T>& tape, Var log_probs, std::span<const double> old, std::span<const double> reference,
                     std::span<const std::size_t> lengths, std::span<const double> advantages, double clip, double beta,
                     bool per_answer = true) {
  const auto now = detail::host_values(tape.value(log_probs));
  detail::require_count("grpo_loss", "number of old log-probabilities", old.size(), now.size());
  detail::require_count("grpo_loss", "number of reference log-probabilities", reference.size(), now.size());
  detail::require_count("grpo_loss", "number of advantages", advantages.size(), lengths.size());
  PolicyLoss result;
  double total = 0;
  std::vector<double> slope(now.size(), 0.0);
  const auto tokens = static_cast<double>(now.size());
  std::size_t t = 0;
  for (std::size_t a = 0; a < lengths.size(); ++a) {
    const double weight =
        per_answer ? 1 / (static_cast<double>(lengths[a]) * static_cast<double>(lengths.size())) : 1 / tokens;
    if (t + lengths[a] > now.size()) break;
    for (const std::size_t end = t + lengths[a]; t < end; ++t) {
      const double moved = now[t] - old[t], ratio = std::exp(moved);
      const double plain = -advantages[a] * ratio;
      const double clipped = -advantages[a] * std::clamp(ratio, 1 - clip, 1 + clip);
      total += weight * (std::max(plain, clipped) + beta * estimate_kl(KlEstimator::k3, now[t], reference[t]));
      slope[t] = weight * beta * kl_slope(KlEstimator::k3, now[t], reference[t]);
      if (clipped > plain)
        result.clip_fraction += 1 / tokens;
      else
        slope[t] += weight * plain;
      result.ratio_kl += 0.5 * moved * moved / tokens;
    }
  }
  detail::require_count("grpo_loss", "number of tokens of the answers", t, now.size());
  result.loss = detail::known_slope(tape, log_probs, total, slope);
  return result;
}

/// A loss on pairs, and how many of them it orders rightly.
struct PairLoss {
  Var loss;             ///< [1, 1]
  double accuracy = 0;  ///< share of pairs with a positive margin
  double margin = 0;    ///< mean margin
};

/// mean_p −log σ(m_p), softened to (1 − s) · −log σ(m_p) + s · −log σ(−m_p), for m_p = scale · (x_2p − x_2p+1 −
/// shift_p).
/// @param x     [2 · pairs, 1]: chosen, rejected, chosen, rejected, …
/// @param shift one a pair, or empty for 0
/// @throws ShapeError
template <class B, class T>
PairLoss pair_loss(Tape<B, T>& tape, Var x, std::span<const double> shift = {}, double scale = 1,
                   double smoothing = 0) {
  const auto now = detail::host_values(tape.value(x));
  const std::size_t pairs = now.size() / 2;
  detail::require_count("pair_loss", "number of scores", now.size(), 2 * pairs);
  if (!shift.empty()) detail::require_count("pair_loss", "number of shifts", shift.size(), pairs);
  PairLoss result;
  double total = 0;
  std::vector<double> slope(now.size(), 0.0);
  const double n = std::max<double>(1, static_cast<double>(pairs));
  for (std::size_t p = 0; p < pairs; ++p) {
    const double margin = scale * (now[2 * p] - now[2 * p + 1] - (shift.empty() ? 0 : shift[p]));
    total += (1 - smoothing) * kernels::softplus(-margin) + smoothing * kernels::softplus(margin);
    const double d = scale * (smoothing * kernels::sigmoid(margin) - (1 - smoothing) * kernels::sigmoid(-margin)) / n;
    slope[2 * p] = d;
    slope[2 * p + 1] = -d;
    result.accuracy += (margin > 0 ? 1 : 0) / n;
    result.margin += margin / n;
  }
  result.loss = detail::known_slope(tape, x, total / n, slope);
  return result;
}

/// DPO (Rafailov et al., NeurIPS 2023, eq. 7): −log σ(β ((log π_c − log ref_c) − (log π_r − log ref_r))), a mean over
/// pairs; label smoothing as in cDPO.
/// @param answers   [2 · pairs, 1], log-probabilities of whole answers: chosen, rejected, chosen, rejected, …
/// @param reference the same under the reference
template <class B, class T>
PairLoss dpo_loss(Tape<B, T>& tape, Var answers, std::span<const double> reference, double beta, double smoothing = 0) {
  std::vector<double> shift;
  detail::require_count("dpo_loss", "number of reference log-probabilities", reference.size(),
                        static_cast<std::size_t>(tape.value(answers).size()));
  for (std::size_t p = 0; p + 1 < reference.size(); p += 2) shift.push_back(reference[p] - reference[p + 1]);
  return pair_loss(tape, answers, shift, beta, smoothing);
}

/// Sums over consecutive rows: y_k = Σ x over the next lengths[k] rows. Makes log-probabilities of answers of those of
/// tokens.
/// @param x [tokens, 1]  @returns [lengths, 1]  @throws ShapeError unless the lengths add to the number of rows
template <class B, class T>
Var sum_segments(Tape<B, T>& tape, Var x, std::span<const std::size_t> lengths) {
  const auto in = detail::host_values(tape.value(x));
  std::size_t at = 0;
  for (const std::size_t length : lengths) at += length;
  detail::require_count("sum_segments", "sum of the lengths", at, in.size());
  std::vector<T> sums;
  at = 0;
  for (const std::size_t length : lengths) {
    double total = 0;
    for (const std::size_t end = at + length; at < end; ++at) total += in[at];
    sums.push_back(static_cast<T>(total));
  }
  Tensor<B, T> y{static_cast<Index>(lengths.size()), 1};
  B::from_host(y.data(), sums.data(), y.size());
  return tape.record(
      std::move(y), tape.needs_gradient(x),
      [x, kept = std::vector<std::size_t>(lengths.begin(), lengths.end())](Tape<B, T>& t, const Tensor<B, T>& dy) {
        const auto upstream = detail::host_values(dy);
        std::vector<T> spread;
        for (std::size_t k = 0; k < kept.size(); ++k) spread.insert(spread.end(), kept[k], static_cast<T>(upstream[k]));
        Tensor<B, T> dx = Tensor<B, T>::like(t.value(x));
        B::from_host(dx.data(), spread.data(), dx.size());
        t.add_gradient(x, dx);
      });
}

}  // namespace reclm::instruct
