#pragma once
/// @file reconstruction.hpp
/// Profiles regained from final vectors of nodes whose own vectors were hidden: RLMRec-Gen (Ren et al., WWW 2024, eq.
/// 11).

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "reclm/align/detail/rows_of_batch.hpp"
#include "reclm/align/detail/temperature.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/tensor/ops/fusion.hpp"
#include "reclm/tensor/ops/linear.hpp"

namespace reclm {

/// A share `mask` of the nodes, drawn anew each step, has its initial vectors replaced by one learned vector
/// (`alignment.mask_token`) where the backbone mixes neighbours into final ones; an affine map (`alignment.weight` [p,
/// d], `alignment.bias`) must tell from the final vectors of those of them that the batch holds which profile is whose:
/// InfoNCE in the profiles' space among them, a mean. (A layer with ReLU before it may die for a node, and zeros have
/// no direction.) A side whose final vectors are the initial ones keeps these: of a hidden one nothing could be
/// regained.
template <class B, class T>
class Reconstruction {
 public:
  static constexpr bool uses_profile = true, uses_head = false, replaces_ranking = false, masks = true;

  /// @throws ConfigError
  Reconstruction(const Initializer& init, Index width, Index profile_width, const AlignmentOptions& options)
      : share_(options.mask),
        temperature_(options),
        token_(init.xavier_uniform<B, T>("alignment.mask_token", 1, width)),
        weight_(init.xavier_uniform<B, T>("alignment.weight", profile_width, width)),
        bias_(init.zeros<B, T>("alignment.bias", 1, profile_width)) {
    if (!(share_ > 0 && share_ < 1))
      throw ConfigError("AlignmentOptions: mask is " + std::to_string(share_) +
                        ". Remedy: choose a share above 0 and below 1, e.g. 0.1");
  }

  /// Initial vectors with hidden ones replaced. @param ids whose rows these are; empty: row k is k
  Var mask(const TrainingStep<B, T>& step, Side side, Var vectors, std::span<const Id> ids) {
    std::vector<Id> hidden;
    const Index rows = step.tape.value(vectors).rows();
    for (Index row = 0; row < rows; ++row)
      if (chosen(step, side, ids.empty() ? static_cast<Id>(row) : ids[static_cast<std::size_t>(row)]))
        hidden.push_back(static_cast<Id>(row));
    return hidden.empty() ? vectors : replace_rows(step.tape, vectors, step.whole(token_), hidden);
  }

  /// @param profiles profiles.raw(side, ids): profiles, [ids, p]
  template <class ProfileSource>
  Var operator()(const TrainingStep<B, T>& step, const ScoredBatch& batch, ProfileSource& profiles) {
    auto [users, items] = sides_of_batch(step.tape, batch);
    return sum_losses(
        step.tape, {{regain(step, Side::users, users, profiles), 1}, {regain(step, Side::items, items, profiles), 1}});
  }
  void add_parameters(ParameterList<B, T>& list) {
    for (auto* p : {&token_, &weight_, &bias_}) list.push_back(p);
    temperature_.add_parameters(list);
  }

 private:
  [[nodiscard]] bool chosen(const TrainingStep<B, T>& step, Side side, Id id) const {
    const std::uint64_t at = (static_cast<std::uint64_t>(side) << 32) + static_cast<std::uint64_t>(id);
    return static_cast<double>(Random(step.seed, Stream::dropout, step.number).uniform(at)) < share_;
  }

  template <class ProfileSource>
  Var regain(const TrainingStep<B, T>& step, Side side, const BatchNodes& nodes, ProfileSource& profiles) {
    Tape<B, T>& tape = step.tape;
    std::vector<Id> rows, ids;
    for (std::size_t k = 0; k < nodes.ids.size(); ++k)
      if (chosen(step, side, nodes.ids[k])) {
        rows.push_back(static_cast<Id>(k));
        ids.push_back(nodes.ids[k]);
      }
    if (rows.size() < 2) return tape.constant(detail::scalar<B, T>(0));
    const Var regained =
        linear(tape, gather_distinct_rows(tape, nodes.vectors, rows), step.whole(weight_), step.whole(bias_));
    std::vector<Id> anchors(rows.size());
    for (std::size_t k = 0; k < anchors.size(); ++k) anchors[k] = static_cast<Id>(k);
    return info_nce_loss(tape, normalize_rows(tape, regained),
                         normalize_rows(tape, tape.constant(profiles.raw(side, ids))), anchors, temperature_(step),
                         static_cast<double>(anchors.size()));
  }

  double share_;
  Temperature<B, T> temperature_;
  Parameter<B, T> token_, weight_, bias_;
};

}  // namespace reclm
