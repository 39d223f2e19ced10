#pragma once
/// @file profile_vectors.hpp
/// `ProfileVectors`: how profiles enter a jointly trained model, whatever the policies.

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/align/own_vectors.hpp"
#include "reclm/align/policies.hpp"
#include "reclm/model/backbone.hpp"
#include "reclm/tensor/ops/fusion.hpp"

namespace reclm {

/// Users: F[own; normalize(T_p(profile))]. Items: F[own; T_p(profile)], of unit length, where their own vectors are
/// text or nothing; like users where they are rows of a table. The head T_p and the fusion F are shared by users and
/// items. The loss is BPR + weight · alignment.
///
/// `P` is a `Policies<…>`; combinations without meaning do not compile (policies.hpp says which).
template <class B, class T, class P>
class ProfileVectors final : public InitialVectors<B, T> {
  using Own = typename P::template Own<B, T>;
  using Head = typename P::template Head<B, T>;
  using Fusion = typename P::template Fusion<B, T>;
  using Alignment = typename P::template Alignment<B, T>;
  static_assert(detail::sensible_policies<P, B, T>());
  static constexpr bool kHasHead = !detail::is_no_head<Head, B, T>;

 public:
  /// @param text          [items, p]; may be empty where the own vectors do not read it
  /// @param user_profiles [users, q]
  /// @param item_profiles [items, q]
  /// @throws ShapeError when the profiles' widths differ; ConfigError on options out of range
  ProfileVectors(const Initializer& init, FeatureInput<B, T> text, FeatureInput<B, T> user_profiles,
                 FeatureInput<B, T> item_profiles, Index width, IdStart start,
                 const AlignmentOptions& options = P::alignment())
      : ProfileVectors(init, Own(init, std::move(text), {user_profiles.rows(), item_profiles.rows(), width, start}),
                       std::move(user_profiles), std::move(item_profiles), width, options) {}

  /// With own vectors made by the caller.
  ProfileVectors(const Initializer& init, Own own, FeatureInput<B, T>&& user_profiles,
                 FeatureInput<B, T>&& item_profiles, Index width, const AlignmentOptions& options = P::alignment())
      : width_(width),
        weight_(options.weight),
        own_(std::move(own)),
        head_(make_head(init, item_profiles.width(), width)),
        fusion_(init, width),
        alignment_(init, width, item_profiles.width(), options),
        user_profiles_(std::move(user_profiles)),
        item_profiles_(std::move(item_profiles)) {
    require_size("ProfileVectors", "width of the user profiles", user_profiles_.width(), item_profiles_.width());
    if (!(weight_ >= 0)) throw ConfigError("AlignmentOptions: weight must be 0 or more");
  }

  /// Items that training touches, ascending: the others' rows of a table are replaced in rankings, by their profile
  /// head's vector at the mean length of a row where the alignment pulls these together, else by the mean row.
  void set_seen_items(std::vector<Id> items) { seen_items_ = std::move(items); }

  Var users(const TrainingStep<B, T>& step, std::span<const Id> ids) override { return fused(step, Side::users, &ids); }
  Var all_users(const TrainingStep<B, T>& step) override { return fused(step, Side::users, nullptr); }
  Var items(const TrainingStep<B, T>& step, std::span<const Id> ids) override { return fused(step, Side::items, &ids); }
  Var all_items(const TrainingStep<B, T>& step) override { return fused(step, Side::items, nullptr); }

  Var ranking_loss(const TrainingStep<B, T>& step, const ScoredBatch& batch) override {
    if constexpr (requires { alignment_(step, batch, *this); }) {
      const bool product = !batch.scores.weight.valid() && !batch.scores.user_hidden.valid();
      if (Alignment::replaces_ranking && product) return alignment_(step, batch, *this);
      const Var pairs = bpr_loss(step.tape, batch.scores, batch.triples, step.divisor);
      if (weight_ == 0) return pairs;
      return sum_losses(step.tape, {{pairs, 1}, {alignment_(step, batch, *this), weight_}});
    } else {
      return bpr_loss(step.tape, batch.scores, batch.triples, step.divisor);
    }
  }
  void stand_under(const BackboneFacts& facts) override { facts_ = facts; }
  void finish_step() override {
    if constexpr (requires { own_.finish_step(); }) own_.finish_step();
  }
  void add_parameters(ParameterList<B, T>& list) override {
    own_.add_parameters(list);
    if constexpr (kHasHead) head_.add_parameters(list);
    fusion_.add_parameters(list);
    alignment_.add_parameters(list);
  }
  [[nodiscard]] Index user_count() const override { return user_profiles_.rows(); }
  [[nodiscard]] Index item_count() const override { return item_profiles_.rows(); }
  [[nodiscard]] Index width() const override { return width_; }

  /// For alignments: the head's vectors of some nodes' profiles. @returns [ids, d]
  Var vectors(const TrainingStep<B, T>& step, Side side, std::span<const Id> ids) {
    return head_vectors(step, side, profiles(side), &ids);
  }
  /// For alignments: profiles as they are. @returns [ids, q]
  [[nodiscard]] Tensor<B, T> raw(Side side, std::span<const Id> ids) const {
    return (side == Side::users ? user_profiles_ : item_profiles_).take(ids);
  }

  /// Initial vectors of items that are not the model's, from their texts (where items' own vectors are text) and
  /// profiles. @param text, profiles [n, p], [n, q]  @returns [n, d]
  Matrix<float> other_items(MatrixView<const float> text, MatrixView<const float> profiles) {
    Tape<B, T> tape(false);
    const Triples none;
    const TrainingStep<B, T> step{tape, none};
    const auto rows = FeatureInput<B, T>::dense(profiles);
    Var own;
    if constexpr (requires { own_.other_items(step, rows); })
      own = own_.other_items(step, FeatureInput<B, T>::dense(text));
    else if constexpr (Own::exists)
      own = tape.constant(substitutes(step, own_.all_items(step), rows));
    return host_floats(tape.value(join(step, Side::items, own, rows, nullptr)));
  }

 private:
  using Ids = const std::span<const Id>*;  // null: all rows

  static Head make_head(const Initializer& init, Index profile_width, Index width) {
    if constexpr (kHasHead)
      return Head(init, "profile_head", profile_width, width);
    else
      return Head{};
  }

  FeatureInput<B, T>& profiles(Side side) { return side == Side::users ? user_profiles_ : item_profiles_; }

  Var head_vectors(const TrainingStep<B, T>& step, Side side, const FeatureInput<B, T>& rows, Ids ids) {
    if constexpr (!kHasHead)
      return {};
    else if constexpr (requires { head_(step, side, rows); })
      return ids == nullptr ? head_(step, side, rows) : head_(step, side, rows, *ids);
    else
      return ids == nullptr ? head_(step, rows) : head_(step, rows, *ids);
  }

  Var own_vectors(const TrainingStep<B, T>& step, Side side, Ids ids) {
    if constexpr (!Own::exists)
      return {};
    else if (side == Side::users)
      return ids == nullptr ? own_.all_users(step) : own_.users(step, *ids);
    else
      return ids == nullptr ? own_.all_items(step) : own_.items(step, *ids);
  }

  Var fused(const TrainingStep<B, T>& step, Side side, Ids ids) {
    Var own = own_vectors(step, side, ids);
    if constexpr (Own::exists && !Own::unit_items)
      if (side == Side::items && ids == nullptr && !step.tape.training() && !seen_items_.empty())
        own = with_substitutes(step, own);
    Var result = join(step, side, own, profiles(side), ids);
    if constexpr (Alignment::masks)
      if (step.tape.training() && (side == Side::users ? facts_.mixes_users : facts_.mixes_items))
        result = alignment_.mask(step, side, result, ids == nullptr ? std::span<const Id>() : *ids);
    return result;
  }

  Var join(const TrainingStep<B, T>& step, Side side, Var own, const FeatureInput<B, T>& rows, Ids ids) {
    const bool unit = side == Side::items && Own::unit_items;
    Var result = own;
    if constexpr (Fusion::uses_profile) {
      Var profile = head_vectors(step, side, rows, ids);
      if constexpr (Fusion::uses_own) {
        if (!unit) profile = normalize_rows(step.tape, profile);
        result = fusion_(step, own, profile);
      } else {
        result = profile;
        if (side == Side::users) return normalize_rows(step.tape, result);
      }
    }
    return unit ? normalize_rows(step.tape, result) : result;
  }

  Var with_substitutes(const TrainingStep<B, T>& step, Var own) {
    std::vector<Id> unseen;
    std::size_t at = 0;
    for (Id item = 0; item < static_cast<Id>(item_profiles_.rows()); ++item)
      if (at < seen_items_.size() && seen_items_[at] == item)
        ++at;
      else
        unseen.push_back(item);
    if (unseen.empty()) return own;
    const Tensor<B, T> rows = item_profiles_.take(unseen);
    const Matrix<T> substitute = substitutes(step, own, FeatureInput<B, T>::dense(host_floats(rows).view())).to_host();
    Matrix<T> all = step.tape.value(own).to_host();
    for (std::size_t k = 0; k < unseen.size(); ++k) {
      const auto from = substitute.row(static_cast<Index>(k));
      std::copy(from.begin(), from.end(), all.row(unseen[k]).begin());
    }
    return step.tape.constant(Tensor<B, T>::from_host(all));
  }

  // In place of table rows that were never trained. @returns [rows, d]
  Tensor<B, T> substitutes(const TrainingStep<B, T>& step, Var own, const FeatureInput<B, T>& rows) {
    const Matrix<T> table = step.tape.value(own).to_host();
    std::vector<double> mean(static_cast<std::size_t>(table.cols()));
    double length = 0;
    const auto add = [&](Index item) {
      double squares = 0;
      for (Index c = 0; c < table.cols(); ++c) {
        const auto x = static_cast<double>(table(item, c));
        mean[static_cast<std::size_t>(c)] += x;
        squares += x * x;
      }
      length += std::sqrt(squares);
    };
    if (seen_items_.empty())
      for (Index item = 0; item < table.rows(); ++item) add(item);
    else
      for (const Id item : seen_items_) add(item);
    const double count =
        static_cast<double>(seen_items_.empty() ? table.rows() : static_cast<Index>(seen_items_.size()));
    Matrix<T> result(rows.rows(), table.cols());
    if constexpr (Alignment::uses_head) {
      const Var directions = normalize_rows(step.tape, head_vectors(step, Side::items, rows, nullptr));
      result = step.tape.value(directions).to_host();
      for (Index k = 0; k < result.size(); ++k)
        result.data()[k] = static_cast<T>(static_cast<double>(result.data()[k]) * length / count);
    } else {
      for (Index row = 0; row < result.rows(); ++row)
        for (Index c = 0; c < result.cols(); ++c)
          result(row, c) = static_cast<T>(mean[static_cast<std::size_t>(c)] / count);
    }
    return Tensor<B, T>::from_host(result);
  }

  Index width_;
  double weight_;
  BackboneFacts facts_;
  Own own_;
  Head head_;
  Fusion fusion_;
  Alignment alignment_;
  FeatureInput<B, T> user_profiles_, item_profiles_;
  std::vector<Id> seen_items_;
};

}  // namespace reclm
