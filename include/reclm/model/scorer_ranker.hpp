#pragma once
/// @file scorer_ranker.hpp
/// Full ranking by any `Scorer`.

#include <span>

#include "reclm/backend/cpu/top_k.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/data/interactions.hpp"
#include "reclm/model/concepts.hpp"

namespace reclm {

/// Ranks as `evaluate` asks. The scorer must outlive it; its `score` is called from several threads.
template <Scorer S>
class ScorerRanker {
 public:
  explicit ScorerRanker(const S& scorer) : scorer_(scorer) {}
  explicit ScorerRanker(const S&& scorer) = delete;  // it would not live on

  /// The best `k` candidates of each user; see cpu::top_k_scores.
  TopK operator()(std::span<const Id> users, std::span<const Id> candidates, const Interactions* masked,
                  Index k) const {
    const cpu::MaskView mask =
        masked == nullptr ? cpu::MaskView{} : cpu::MaskView{masked->offsets(), masked->columns()};
    const auto fill = [&](std::span<const Id> batch, std::span<const Id> items, MatrixView<float> scores) {
      parallel_for(static_cast<Index>(batch.size()), 1, [&](Index row) {
        ModelTraits<S>::score(scorer_, batch[static_cast<std::size_t>(row)], items, scores.row(row));
      });
    };
    return cpu::top_k_scores(users, candidates, mask, k, fill);
  }

 private:
  const S& scorer_;
};

}  // namespace reclm
