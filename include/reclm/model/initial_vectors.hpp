#pragma once
/// @file initial_vectors.hpp
/// The two plain sources of initial vectors: users from a table, items from text (`TextVectors`, what the papers call
/// Base) or from a table (`IdVectors`).

#include <span>
#include <utility>

#include "reclm/model/backbone.hpp"
#include "reclm/model/mlp.hpp"

namespace reclm {

/// How ID tables start.
enum class IdStart {
  xavier,  ///< Xavier-uniform
  unit,    ///< uniform in [0, 1), as BiasMF has it
};

template <class B, class T>
Parameter<B, T> id_table(const Initializer& init, const char* name, Index rows, Index width, IdStart start) {
  return start == IdStart::unit ? init.uniform<B, T>(name, rows, width, 0, 1)
                                : init.xavier_uniform<B, T>(name, rows, width);
}

/// Users: a table `user.id`. Items: normalize(T_o(text)), so that items without interactions have vectors too.
template <class B, class T>
class TextVectors final : public InitialVectors<B, T> {
 public:
  /// @param text [items, p]
  TextVectors(const Initializer& init, Index users, FeatureInput<B, T> text, Index width, IdStart start)
      : user_id_(id_table<B, T>(init, "user.id", users, width, start)),
        head_(init, "text_head", text.width(), width),
        text_(std::move(text)) {}

  Var users(const TrainingStep<B, T>& step, std::span<const Id> ids) override { return step.look_up(user_id_, ids); }
  Var all_users(const TrainingStep<B, T>& step) override { return step.whole(user_id_); }
  Var items(const TrainingStep<B, T>& step, std::span<const Id> ids) override {
    return normalize_rows(step.tape, head_(step, text_, ids));
  }
  Var all_items(const TrainingStep<B, T>& step) override { return normalize_rows(step.tape, head_(step, text_)); }
  void add_parameters(ParameterList<B, T>& list) override {
    list.push_back(&user_id_);
    head_.add_parameters(list);
  }
  [[nodiscard]] Index user_count() const override { return user_id_.value.rows(); }
  [[nodiscard]] Index item_count() const override { return text_.rows(); }
  [[nodiscard]] Index width() const override { return user_id_.value.cols(); }

 private:
  Parameter<B, T> user_id_;
  MlpHead<B, T> head_;
  FeatureInput<B, T> text_;
};

/// Users and items: tables `user.id` and `item.id`. Items without interactions keep their random start.
template <class B, class T>
class IdVectors final : public InitialVectors<B, T> {
 public:
  IdVectors(const Initializer& init, Index users, Index items, Index width, IdStart start)
      : user_id_(id_table<B, T>(init, "user.id", users, width, start)),
        item_id_(id_table<B, T>(init, "item.id", items, width, start)) {}

  Var users(const TrainingStep<B, T>& step, std::span<const Id> ids) override { return step.look_up(user_id_, ids); }
  Var items(const TrainingStep<B, T>& step, std::span<const Id> ids) override { return step.look_up(item_id_, ids); }
  Var all_users(const TrainingStep<B, T>& step) override { return step.whole(user_id_); }
  Var all_items(const TrainingStep<B, T>& step) override { return step.whole(item_id_); }
  void add_parameters(ParameterList<B, T>& list) override {
    list.push_back(&user_id_);
    list.push_back(&item_id_);
  }
  [[nodiscard]] Index user_count() const override { return user_id_.value.rows(); }
  [[nodiscard]] Index item_count() const override { return item_id_.value.rows(); }
  [[nodiscard]] Index width() const override { return user_id_.value.cols(); }

 private:
  Parameter<B, T> user_id_, item_id_;
};

}  // namespace reclm
