#pragma once
/// @file sampling.hpp
/// From logits to the next token: greedy, temperature, top-k, top-p (Holtzman et al., 2020), min-p (Nguyen et al.,
/// 2024), repetition penalty (Keskar et al., 2019), in the order of Hugging Face transformers.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "reclm/backend/kernels/exponential.hpp"
#include "reclm/core/error.hpp"
#include "reclm/lm/model_config.hpp"

namespace reclm::lm {

struct SamplingOptions {
  float temperature = 0;          ///< 0: always the likeliest token
  Index top_k = 0;                ///< that many likeliest tokens; 0: all
  float top_p = 1;                ///< the likeliest tokens that together reach this probability
  float min_p = 0;                ///< tokens at least this likely beside the likeliest
  float repetition_penalty = 1;   ///< > 1 makes tokens of the text so far, prompt included, less likely
  bool distinct_entries = false;  ///< no entry of a list in the text begins like an earlier one: see ListEntries
};

/// @throws ConfigError naming what is out of range
inline void check(const SamplingOptions& options) {
  const auto refuse = [](const std::string& what) { throw ConfigError("sampling: " + what); };
  if (!(options.temperature >= 0)) refuse("temperature must be 0 or more");
  if (options.top_k < 0) refuse("top_k must be 0 (all) or more");
  if (!(options.top_p > 0 && options.top_p <= 1)) refuse("top_p must be in (0, 1]");
  if (!(options.min_p >= 0 && options.min_p <= 1)) refuse("min_p must be in [0, 1]");
  if (!(options.repetition_penalty > 0)) refuse("repetition_penalty must be above 0");
}

/// A token and its log-probability by the model, log softmax(logits / temperature) over the whole vocabulary (greedy:
/// temperature 1), before penalties, truncations and masks.
struct Choice {
  TokenId token = 0;
  float log_probability = 0;
};

namespace detail {

inline constexpr Index kSumChunk = 4096;

/// log Σ exp(factor · x): the largest first, the rest in double by chunks.
inline double log_sum(std::span<const float> x, float factor) {
  const auto n = static_cast<Index>(x.size());
  float largest = x[0];
#pragma omp simd reduction(max : largest)
  for (Index i = 0; i < n; ++i)
    largest = largest < x[static_cast<std::size_t>(i)] ? x[static_cast<std::size_t>(i)] : largest;
  double total = 0;
  for (Index begin = 0; begin < n; begin += kSumChunk) {
    const Index end = std::min(begin + kSumChunk, n);
    float part = 0;
#pragma omp simd reduction(+ : part)
    for (Index i = begin; i < end; ++i) part += kernels::fast_exp((x[static_cast<std::size_t>(i)] - largest) * factor);
    total += static_cast<double>(part);
  }
  return static_cast<double>(largest) * static_cast<double>(factor) + std::log(total);
}

struct Candidate {
  float logit;
  TokenId token;
  /// The likelier first; of equals the one of lower number.
  bool operator<(const Candidate& other) const {
    return logit != other.logit ? logit > other.logit : token < other.token;
  }
};

/// Keeps the candidates that top-k, top-p and min-p leave; logits are already divided by the temperature. What remains
/// is sorted unless everything remains.
inline void truncate(std::vector<Candidate>& c, const SamplingOptions& options) {
  std::size_t keep = c.size();
  if (options.top_k > 0) keep = std::min(keep, static_cast<std::size_t>(options.top_k));
  if (keep == c.size() && options.top_p >= 1 && options.min_p <= 0) return;
  if (keep < c.size()) {
    std::nth_element(c.begin(), c.begin() + static_cast<std::ptrdiff_t>(keep), c.end());
    c.resize(keep);
  }
  const float largest = std::min_element(c.begin(), c.end())->logit;
  const auto weight = [&](const Candidate& x) { return std::exp(static_cast<double>(x.logit - largest)); };
  if (options.top_p < 1) {
    double total = 0;
    for (const Candidate& x : c) total += weight(x);
    // The likeliest are sorted in growing parts until they reach the mass.
    double mass = 0;
    for (std::size_t sorted = 0, part = 64; sorted < c.size() && mass < static_cast<double>(options.top_p) * total;
         part *= 4) {
      const std::size_t end = std::min(c.size(), sorted + part);
      std::partial_sort(c.begin() + static_cast<std::ptrdiff_t>(sorted), c.begin() + static_cast<std::ptrdiff_t>(end),
                        c.end());
      for (; sorted < end && mass < static_cast<double>(options.top_p) * total; ++sorted) {
        mass += weight(c[sorted]);
        keep = sorted + 1;
      }
    }
    c.resize(keep);
  }
  if (options.min_p > 0)
    std::erase_if(c, [&](const Candidate& x) { return weight(x) < static_cast<double>(options.min_p); });
  std::sort(c.begin(), c.end());
}

}  // namespace detail

/// Chooses a token. @param allowed   the tokens that may be chosen; null: all
/// @param seen     tokens of the text so far, for the repetition penalty
/// @param uniform  in [0, 1)
/// @param refused  tokens that are not chosen where others are allowed
/// @throws NumericError when a logit is not a number; ConfigError when nothing is allowed
inline Choice choose(std::span<const float> logits, const SamplingOptions& options, std::span<const TokenId> seen,
                     const std::vector<TokenId>* allowed, float uniform, std::span<const TokenId> refused = {}) {
  const bool greedy = options.temperature == 0;
  const float factor = greedy ? 1.0f : 1.0f / options.temperature;
  const double log_total = detail::log_sum(logits, factor);
  if (!std::isfinite(log_total)) throw NumericError("the model's logits are not finite numbers");
  const auto choice = [&](TokenId token) {
    return Choice{
        token, static_cast<float>(static_cast<double>(logits[static_cast<std::size_t>(token)] * factor) - log_total)};
  };

  std::vector<detail::Candidate> candidates;
  if (allowed != nullptr) {
    for (const TokenId token : *allowed)
      if (static_cast<std::size_t>(token) < logits.size())
        candidates.push_back({logits[static_cast<std::size_t>(token)], token});
    if (candidates.empty()) throw ConfigError("the constraint allows no token here");
  } else {
    candidates.reserve(logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i) candidates.push_back({logits[i], static_cast<TokenId>(i)});
  }
  if (!refused.empty()) {
    const auto among = [&](const detail::Candidate& c) {
      return std::find(refused.begin(), refused.end(), c.token) != refused.end();
    };
    if (!std::all_of(candidates.begin(), candidates.end(), among)) std::erase_if(candidates, among);
  }
  if (options.repetition_penalty != 1) {
    std::vector<TokenId> once(seen.begin(), seen.end());
    std::sort(once.begin(), once.end());
    for (detail::Candidate& c : candidates)
      if (std::binary_search(once.begin(), once.end(), c.token))
        c.logit = c.logit > 0 ? c.logit / options.repetition_penalty : c.logit * options.repetition_penalty;
  }
  if (greedy) return choice(std::min_element(candidates.begin(), candidates.end())->token);

  for (detail::Candidate& c : candidates) c.logit *= factor;
  detail::truncate(candidates, options);
  float largest = candidates.front().logit;
  for (const detail::Candidate& c : candidates) largest = std::max(largest, c.logit);
  double total = 0;
  for (detail::Candidate& c : candidates) total += c.logit = kernels::fast_exp(c.logit - largest);
  double left = static_cast<double>(uniform) * total;
  for (const detail::Candidate& c : candidates) {
    left -= static_cast<double>(c.logit);
    if (left < 0) return choice(c.token);
  }
  return choice(std::max_element(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
                  return a.logit < b.logit;
                })->token);
}

}  // namespace reclm::lm
