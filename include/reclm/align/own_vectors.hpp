#pragma once
/// @file own_vectors.hpp
/// What a node's vector is made of beside its profile: rows of tables, text, or nothing.

#include <span>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/model/backbone.hpp"
#include "reclm/model/initial_vectors.hpp"
#include "reclm/model/mlp.hpp"

namespace reclm {

/// Shapes of own vectors.
struct OwnShape {
  Index users = 0, items = 0, width = 0;
  IdStart start = IdStart::xavier;
};

/// Users: a table `user.id`. Items: T_o(text), an MLP `text_head`, so that unseen items have vectors too.
template <class B, class T>
class OwnText {
 public:
  static constexpr bool exists = true;
  static constexpr bool unit_items = true;  ///< fused item vectors are brought to unit length

  /// @param text [items, p]  @throws ShapeError
  OwnText(const Initializer& init, FeatureInput<B, T> text, const OwnShape& shape)
      : user_id_(id_table<B, T>(init, "user.id", shape.users, shape.width, shape.start)),
        head_(init, "text_head", text.width(), shape.width),
        text_(std::move(text)) {
    require_size("OwnText", "number of item texts", text_.rows(), shape.items);
  }

  Var users(const TrainingStep<B, T>& step, std::span<const Id> ids) { return step.look_up(user_id_, ids); }
  Var all_users(const TrainingStep<B, T>& step) { return step.whole(user_id_); }
  Var items(const TrainingStep<B, T>& step, std::span<const Id> ids) { return head_(step, text_, ids); }
  Var all_items(const TrainingStep<B, T>& step) { return head_(step, text_); }
  /// Of items that are not the model's. @param text [n, p]
  Var other_items(const TrainingStep<B, T>& step, const FeatureInput<B, T>& text) { return head_(step, text); }
  void add_parameters(ParameterList<B, T>& list) {
    list.push_back(&user_id_);
    head_.add_parameters(list);
  }

 private:
  Parameter<B, T> user_id_;
  MlpHead<B, T> head_;
  FeatureInput<B, T> text_;
};

/// Users and items: tables `user.id` and `item.id`. An item that training never touched has no row worth anything;
/// `ProfileVectors` finds a substitute when it comes to ranking.
template <class B, class T>
class OwnTables {
 public:
  static constexpr bool exists = true;
  static constexpr bool unit_items = false;

  OwnTables(const Initializer& init, const FeatureInput<B, T>&, const OwnShape& shape)
      : user_id_(id_table<B, T>(init, "user.id", shape.users, shape.width, shape.start)),
        item_id_(id_table<B, T>(init, "item.id", shape.items, shape.width, shape.start)) {}

  Var users(const TrainingStep<B, T>& step, std::span<const Id> ids) { return step.look_up(user_id_, ids); }
  Var all_users(const TrainingStep<B, T>& step) { return step.whole(user_id_); }
  Var items(const TrainingStep<B, T>& step, std::span<const Id> ids) { return step.look_up(item_id_, ids); }
  Var all_items(const TrainingStep<B, T>& step) { return step.whole(item_id_); }
  void add_parameters(ParameterList<B, T>& list) {
    list.push_back(&user_id_);
    list.push_back(&item_id_);
  }

 private:
  Parameter<B, T> user_id_, item_id_;
};

/// Nothing: vectors are made of profiles alone.
template <class B, class T>
struct OwnNothing {
  static constexpr bool exists = false;
  static constexpr bool unit_items = true;
  OwnNothing(const Initializer&, const FeatureInput<B, T>&, const OwnShape&) {}
  void add_parameters(ParameterList<B, T>&) {}
};

}  // namespace reclm
