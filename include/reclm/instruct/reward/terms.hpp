#pragma once
/// @file terms.hpp
/// What the reward measures about a profile besides the reward model's opinion: numbers from vectors of texts, each
/// defined by one formula.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"

namespace reclm::instruct {

/// The parts of a reward, all the better the larger.
enum class RewardTerm {
  model,         ///< the reward model's score
  distinctness,  ///< the profile's phrases say different things
  apartness,     ///< the profile is not its neighbours' profile: against over-smoothing
  coverage,      ///< every item of the history is met by some phrase
  foresight,     ///< the profile's vector ranks what the user took later above other items (optional)
};
inline constexpr std::size_t kRewardTerms = 5;

constexpr std::string_view name_of(RewardTerm term) {
  constexpr std::array<std::string_view, kRewardTerms> names{"model", "distinctness", "apartness", "coverage",
                                                             "foresight"};
  return names[static_cast<std::size_t>(term)];
}

/// One value a term; NaN where it cannot be said (no neighbours, no held-out items), which counts as average.
using TermValues = std::array<double, kRewardTerms>;
inline constexpr double kUnknownTerm = std::numeric_limits<double>::quiet_NaN();

/// What is known of a user when profiles of theirs are judged. Vectors of one encoder, rows of unit length (or zero).
struct UserEvidence {
  Matrix<float> history;     ///< [h, d] texts of the items that the profile was written from
  Matrix<float> neighbours;  ///< [k, d] the neighbours' profiles
  Matrix<float> held_out;    ///< [p, d] items that the user took and the prompt did not show
  Matrix<float> others;      ///< [n, d] items that the user did not take
};

namespace detail {
/// Cosine of two unit rows, cut off at 0: vectors of unrelated texts point anywhere.
inline double similarity(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) throw ShapeError("reward terms: vectors of different widths");
  double dot = 0;
  for (std::size_t c = 0; c < a.size(); ++c) dot += static_cast<double>(a[c]) * static_cast<double>(b[c]);
  return std::max(0.0, dot);
}
}  // namespace detail

/// Mean over the pairs of phrases of 1 − cos⁺; 0 for fewer than two phrases. In 0 … 1: 0 where all phrases say the
/// same.
inline double distinctness(const Matrix<float>& phrases) {
  double total = 0;
  const Index n = phrases.rows();
  for (Index a = 0; a < n; ++a)
    for (Index b = a + 1; b < n; ++b) total += 1 - detail::similarity(phrases.row(a), phrases.row(b));
  return n < 2 ? 0 : total / (static_cast<double>(n) * static_cast<double>(n - 1) / 2);
}

/// 1 − mean over the neighbours of cos⁺(profile, neighbour's profile); unknown without neighbours. In 0 … 1.
inline double apartness(std::span<const float> profile, const Matrix<float>& neighbours) {
  if (neighbours.rows() == 0) return kUnknownTerm;
  double total = 0;
  for (Index k = 0; k < neighbours.rows(); ++k) total += detail::similarity(profile, neighbours.row(k));
  return 1 - total / static_cast<double>(neighbours.rows());
}

/// Mean over the history's items of the largest cos⁺(phrase, item); 0 without phrases, unknown without a history. In 0
/// … 1.
inline double coverage(const Matrix<float>& phrases, const Matrix<float>& history) {
  if (history.rows() == 0) return kUnknownTerm;
  double total = 0;
  for (Index i = 0; i < history.rows(); ++i) {
    double best = 0;
    for (Index p = 0; p < phrases.rows(); ++p)
      best = std::max(best, detail::similarity(phrases.row(p), history.row(i)));
    total += best;
  }
  return total / static_cast<double>(history.rows());
}

/// Area under the ROC curve of cos(profile, item) between held-out items and others: the share of pairs ranked rightly,
/// ties half. Unknown when either is empty. In 0 … 1, 0.5 by chance.
inline double foresight(std::span<const float> profile, const Matrix<float>& held_out, const Matrix<float>& others) {
  if (held_out.rows() == 0 || others.rows() == 0) return kUnknownTerm;
  const auto score = [&](std::span<const float> item) {
    if (item.size() != profile.size()) throw ShapeError("reward terms: vectors of different widths");
    double dot = 0;
    for (std::size_t c = 0; c < item.size(); ++c) dot += static_cast<double>(item[c]) * static_cast<double>(profile[c]);
    return dot;
  };
  double right = 0;
  for (Index a = 0; a < held_out.rows(); ++a)
    for (Index b = 0; b < others.rows(); ++b) {
      const double x = score(held_out.row(a)), y = score(others.row(b));
      right += x > y ? 1 : x == y ? 0.5 : 0;
    }
  return right / static_cast<double>(held_out.rows() * others.rows());
}

/// All terms but the model's, which stays unknown.
/// @param phrases [m, d] the profile's identities and interests, one by one  @param profile the whole text's vector
/// @throws ShapeError unless all vectors have one width
inline TermValues vector_terms(const Matrix<float>& phrases, std::span<const float> profile,
                               const UserEvidence& evidence) {
  return {kUnknownTerm, distinctness(phrases), apartness(profile, evidence.neighbours),
          coverage(phrases, evidence.history), foresight(profile, evidence.held_out, evidence.others)};
}

}  // namespace reclm::instruct
