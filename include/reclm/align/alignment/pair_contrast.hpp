#pragma once
/// @file pair_contrast.hpp
/// InfoNCE between users and the items they chose, in place of BPR: AlphaRec's loss (Sheng et al., ICLR 2025, eq. 4).

#include <algorithm>
#include <span>
#include <vector>

#include "reclm/align/detail/rows_of_batch.hpp"
#include "reclm/align/detail/temperature.hpp"

namespace reclm {

/// Σ over the batch's pairs of InfoNCE(normalize(user), normalize(item)) against `negatives` items of the batch's
/// negatives, divided by the nominal batch size. It takes the place of BPR; where a score is more than the product of
/// two vectors (NCF's layers, which a contrast of vectors does not train), BPR stays beside it.
template <class B, class T>
class PairContrast {
 public:
  static constexpr bool uses_profile = false, uses_head = false, replaces_ranking = true, masks = false;

  /// @throws ConfigError
  PairContrast(const Initializer&, Index, Index, const AlignmentOptions& options)
      : negatives_(options.negatives), temperature_(options) {}

  template <class ProfileSource>
  Var operator()(const TrainingStep<B, T>& step, const ScoredBatch& batch, ProfileSource&) {
    Tape<B, T>& tape = step.tape;
    const auto all = static_cast<Index>(batch.triples.negatives.size());
    const Index count = negatives_ > 0 ? std::min(negatives_, all) : all;
    const std::span<const Id> negatives = batch.triples.negatives.first(static_cast<std::size_t>(count));
    const Var users = normalize_rows(tape, batch.scores.users), items = normalize_rows(tape, batch.scores.items);
    return sampled_info_nce_loss(tape, gather_rows(tape, users, batch.triples.users),
                                 gather_rows(tape, items, batch.triples.positives), gather_rows(tape, items, negatives),
                                 batch.triples.positives, negatives, temperature_(step), step.divisor);
  }
  void add_parameters(ParameterList<B, T>& list) { temperature_.add_parameters(list); }

 private:
  Index negatives_;
  Temperature<B, T> temperature_;
};

}  // namespace reclm
