#pragma once
/// @file joint_model.hpp
/// `JointModel`: a backbone over a source of initial vectors, trained together.

#include <memory>
#include <string>
#include <utility>

#include "reclm/backend/cpu.hpp"
#include "reclm/model/backbone.hpp"

namespace reclm {

/// Owns both halves. One object is trained by one thread at a time (which uses several); what `ranking()` returns is
/// independent of it.
template <class B = Cpu, class T = float>
class JointModel {
 public:
  /// @param name what progress, errors and checkpoints call it, e.g. "LightGCN + RecLM"
  /// @throws ShapeError when the backbone was made for other numbers of users and items than there are vectors
  JointModel(std::string name, std::unique_ptr<InitialVectors<B, T>> vectors, std::unique_ptr<Backbone<B, T>> backbone)
      : name_(std::move(name)), vectors_(std::move(vectors)), backbone_(std::move(backbone)) {
    const BackboneFacts facts = backbone_->facts();
    if (facts.users >= 0) require_size(name_.c_str(), "number of users of the backbone", facts.users, users());
    if (facts.items >= 0) require_size(name_.c_str(), "number of items of the backbone", facts.items, items());
    vectors_->stand_under(facts);
    vectors_->add_parameters(parameters_);
    backbone_->add_parameters(parameters_);
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Index users() const { return vectors_->user_count(); }
  [[nodiscard]] Index items() const { return vectors_->item_count(); }
  /// All trainable arrays, in a fixed order.
  [[nodiscard]] const ParameterList<B, T>& parameters() const { return parameters_; }
  [[nodiscard]] const Backbone<B, T>& backbone() const { return *backbone_; }

  /// A batch's loss, [1, 1].
  Var loss(const TrainingStep<B, T>& step) { return backbone_->loss(step, *vectors_); }
  /// To be called after each step of the optimizer.
  void finish_step() { vectors_->finish_step(); }

  /// The model as it stands, ready to rank all users and items. Rows that lazy optimisation left behind must have been
  /// brought up to date (`train` does).
  [[nodiscard]] PairModel ranking() {
    Tape<B, T> tape(false);
    const Triples none;
    const TrainingStep<B, T> step{tape, none};
    const Var users = vectors_->all_users(step), items = vectors_->all_items(step);
    return backbone_->ranking(tape.value(users), tape.value(items));
  }

 private:
  std::string name_;
  std::unique_ptr<InitialVectors<B, T>> vectors_;
  std::unique_ptr<Backbone<B, T>> backbone_;
  ParameterList<B, T> parameters_;
};

}  // namespace reclm
