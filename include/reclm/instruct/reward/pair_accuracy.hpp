#pragma once
/// @file pair_accuracy.hpp
/// How often a reward finds the better of two answers, by kind of bad answer.

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/instruct/reward/sequence_scorer.hpp"
#include "reclm/instruct/reward/terms.hpp"
#include "reclm/instruct/samples.hpp"

namespace reclm::instruct {

/// Share of pairs whose chosen answer gets the higher score.
struct PairAccuracy {
  double all = 0;
  std::array<double, kRejections> by_kind{};  ///< NaN where there are none
  std::array<Index, kRejections> pairs{};
  Index count = 0;
};

/// @param margins of each pair, the chosen answer's score less the rejected one's  @throws ShapeError
inline PairAccuracy pair_accuracy(std::span<const double> margins, std::span<const PreferencePair> pairs) {
  if (margins.size() != pairs.size()) throw ShapeError("pair_accuracy: a margin is needed for each pair");
  PairAccuracy result;
  std::array<double, kRejections> right{};
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const double good = margins[k] > 0 ? 1 : 0;
    result.all += good;
    ++result.count;
    if (!pairs[k].kind) continue;
    right[static_cast<std::size_t>(*pairs[k].kind)] += good;
    ++result.pairs[static_cast<std::size_t>(*pairs[k].kind)];
  }
  result.all = result.count == 0 ? kUnknownTerm : result.all / static_cast<double>(result.count);
  for (std::size_t k = 0; k < kRejections; ++k)
    result.by_kind[k] = result.pairs[k] == 0 ? kUnknownTerm : right[k] / static_cast<double>(result.pairs[k]);
  return result;
}

/// Pairwise accuracy of a scorer alone. Cost: a forward pass over both answers of each pair.
template <class B>
PairAccuracy pair_accuracy(SequenceScorer<B>& scorer, std::span<const PreferencePair> pairs) {
  std::vector<std::vector<lm::TokenId>> sequences;
  for (const PreferencePair& pair : pairs)
    for (const std::string* answer : {&pair.chosen, &pair.rejected})
      sequences.push_back(scorer.tokens(pair.prompt, *answer));
  const std::vector<double> scores = scorer.score(sequences);
  std::vector<double> margins;
  for (std::size_t k = 0; k < pairs.size(); ++k) margins.push_back(scores[2 * k] - scores[2 * k + 1]);
  return pair_accuracy(std::span<const double>(margins), pairs);
}

}  // namespace reclm::instruct
