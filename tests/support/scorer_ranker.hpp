#pragma once
#include <algorithm>
#include <span>
#include <vector>

#include "reclm/core/top_k.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm::test {

/// The plainest ranking by any scorer: all scores, sorted. A reference, not fast.
template <class Scorer>
auto sorted_ranker(const Scorer& scorer) {
  return [&scorer](std::span<const Id> users, std::span<const Id> candidates, const Interactions* masked, Index k) {
    const auto rows = static_cast<Index>(users.size());
    TopK lists{Matrix<Id>(rows, k, kNoItem), Matrix<float>(rows, k), {users.begin(), users.end()}};
    std::vector<float> scores(candidates.size());
    std::vector<std::size_t> order;
    for (Index r = 0; r < rows; ++r) {
      const Id user = users[static_cast<std::size_t>(r)];
      scorer.score(user, candidates, scores);
      order.clear();
      for (std::size_t c = 0; c < candidates.size(); ++c)
        if (masked == nullptr || !masked->contains(user, candidates[c])) order.push_back(c);
      const auto listed = std::min(static_cast<std::size_t>(k), order.size());
      std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(listed), order.end(),
                        [&](std::size_t a, std::size_t b) {
                          return scores[a] != scores[b] ? scores[a] > scores[b] : candidates[a] < candidates[b];
                        });
      for (std::size_t n = 0; n < listed; ++n) {
        lists.items(r, static_cast<Index>(n)) = candidates[order[n]];
        lists.scores(r, static_cast<Index>(n)) = scores[order[n]];
      }
    }
    return lists;
  };
}

}  // namespace reclm::test
