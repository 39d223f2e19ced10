#pragma once
/// @file reclm.hpp
/// RecLM's injection of profiles into any backbone (arXiv 2412.19302, section 3; the public code's "Augmented").

#include <span>
#include <string>
#include <utility>

#include "reclm/model/backbone.hpp"
#include "reclm/model/initial_vectors.hpp"
#include "reclm/model/mlp.hpp"

namespace reclm {

/// Fusion by concatenation: C([a; b]) = relu(L([a; b])), parameters `fusion.weight` [d, 2d] and `fusion.bias`.
template <class B, class T>
class ConcatFusion {
 public:
  ConcatFusion(const Initializer& init, Index width)
      : weight_(init.xavier_uniform<B, T>("fusion.weight", width, 2 * width)),
        bias_(init.zeros<B, T>("fusion.bias", 1, width)) {}

  /// @param a, b [n, d]  @returns [n, d]
  Var operator()(const TrainingStep<B, T>& step, Var a, Var b) {
    return linear_pair(step.tape, a, b, step.whole(weight_), step.whole(bias_), Activation::relu);
  }
  void add_parameters(ParameterList<B, T>& list) {
    list.push_back(&weight_);
    list.push_back(&bias_);
  }

 private:
  Parameter<B, T> weight_, bias_;
};

/// Users: C[ID; normalize(T_p(profile))]. Items: normalize(C[T_o(text); T_p(profile)]). The profile head T_p and the
/// fusion C are shared by users and items.
///
/// `Head(init, name, input width, width)` maps features to [n, width]; `Fusion(init, width)` joins two [n, width].
template <class B, class T, class Head = MlpHead<B, T>, class Fusion = ConcatFusion<B, T>>
class RecLmVectors final : public InitialVectors<B, T> {
 public:
  /// @param text          [items, p]
  /// @param user_profiles [users, q]
  /// @param item_profiles [items, q]
  /// @throws ShapeError when the profiles' widths differ
  RecLmVectors(const Initializer& init, FeatureInput<B, T> text, FeatureInput<B, T> user_profiles,
               FeatureInput<B, T> item_profiles, Index width, IdStart start)
      : user_id_(id_table<B, T>(init, "user.id", user_profiles.rows(), width, start)),
        text_head_(init, "text_head", text.width(), width),
        profile_head_(init, "profile_head", item_profiles.width(), width),
        fusion_(init, width),
        text_(std::move(text)),
        user_profiles_(std::move(user_profiles)),
        item_profiles_(std::move(item_profiles)) {
    require_size("RecLmVectors", "width of the user profiles", user_profiles_.width(), item_profiles_.width());
    require_size("RecLmVectors", "number of item profiles", item_profiles_.rows(), text_.rows());
  }

  Var users(const TrainingStep<B, T>& step, std::span<const Id> ids) override {
    return fuse_users(step, step.look_up(user_id_, ids), profile_head_(step, user_profiles_, ids));
  }
  Var all_users(const TrainingStep<B, T>& step) override {
    return fuse_users(step, step.whole(user_id_), profile_head_(step, user_profiles_));
  }
  Var items(const TrainingStep<B, T>& step, std::span<const Id> ids) override {
    return fuse_items(step, text_head_(step, text_, ids), profile_head_(step, item_profiles_, ids));
  }
  Var all_items(const TrainingStep<B, T>& step) override {
    return fuse_items(step, text_head_(step, text_), profile_head_(step, item_profiles_));
  }
  void add_parameters(ParameterList<B, T>& list) override {
    list.push_back(&user_id_);
    text_head_.add_parameters(list);
    profile_head_.add_parameters(list);
    fusion_.add_parameters(list);
  }
  [[nodiscard]] Index user_count() const override { return user_id_.value.rows(); }
  [[nodiscard]] Index item_count() const override { return text_.rows(); }
  [[nodiscard]] Index width() const override { return user_id_.value.cols(); }

 private:
  Var fuse_users(const TrainingStep<B, T>& step, Var id, Var profile) {
    return fusion_(step, id, normalize_rows(step.tape, profile));
  }
  Var fuse_items(const TrainingStep<B, T>& step, Var text, Var profile) {
    return normalize_rows(step.tape, fusion_(step, text, profile));
  }

  Parameter<B, T> user_id_;
  Head text_head_, profile_head_;
  Fusion fusion_;
  FeatureInput<B, T> text_, user_profiles_, item_profiles_;
};

}  // namespace reclm
