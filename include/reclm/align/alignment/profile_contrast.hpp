#pragma once
/// @file profile_contrast.hpp
/// InfoNCE between a node's final vector and its profile's: RLMRec-Con (Ren et al., WWW 2024, eq. 8).

#include <span>
#include <utility>

#include "reclm/align/detail/rows_of_batch.hpp"
#include "reclm/align/detail/temperature.hpp"

namespace reclm {

/// Σ over the batch's users and positive items of InfoNCE(normalize(final vector), normalize(head(profile))), divided
/// by the nominal batch size. Negatives: the profiles of the batch's other nodes of the side, or `negatives` of them,
/// evenly spread over their ids.
template <class B, class T>
class ProfileContrast {
 public:
  static constexpr bool uses_profile = true, uses_head = true, replaces_ranking = false, masks = false;

  /// @throws ConfigError
  ProfileContrast(const Initializer&, Index, Index, const AlignmentOptions& options)
      : negatives_(options.negatives), temperature_(options) {
    if (negatives_ < 0) throw ConfigError("AlignmentOptions: negatives must be 0 or more");
  }

  /// @param profiles profiles.vectors(step, side, ids): the head's vectors, [ids, d]
  template <class ProfileSource>
  Var operator()(const TrainingStep<B, T>& step, const ScoredBatch& batch, ProfileSource& profiles) {
    auto [users, items] = sides_of_batch(step.tape, batch);
    return sum_losses(step.tape, {{contrast(step, users, profiles.vectors(step, Side::users, users.ids)), 1},
                                  {contrast(step, items, profiles.vectors(step, Side::items, items.ids)), 1}});
  }
  void add_parameters(ParameterList<B, T>& list) { temperature_.add_parameters(list); }

 private:
  Var contrast(const TrainingStep<B, T>& step, const BatchNodes& nodes, Var profile) {
    Tape<B, T>& tape = step.tape;
    const Var z1 = normalize_rows(tape, nodes.vectors), z2 = normalize_rows(tape, profile);
    const LogScale scale = temperature_(step);
    const Index rows = tape.value(z2).rows();
    if (negatives_ == 0 || negatives_ >= rows) return info_nce_loss(tape, z1, z2, nodes.anchors, scale, step.divisor);
    const std::vector<Id> others = spread_rows(rows, negatives_);
    const auto ids_of = [&](const std::vector<Id>& places) {
      std::vector<Id> ids;
      ids.reserve(places.size());
      for (const Id place : places) ids.push_back(nodes.ids[static_cast<std::size_t>(place)]);
      return ids;
    };
    return sampled_info_nce_loss(tape, gather_rows(tape, z1, nodes.anchors), gather_rows(tape, z2, nodes.anchors),
                                 gather_rows(tape, z2, others), ids_of(nodes.anchors), ids_of(others), scale,
                                 step.divisor);
  }

  Index negatives_;
  Temperature<B, T> temperature_;
};

}  // namespace reclm
