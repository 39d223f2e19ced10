#pragma once
/// @file encoder_backbone.hpp
/// `EncoderBackbone`: anybody's `EmbeddingEncoder` as a backbone, so that it is trained under any initial vectors.

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include "reclm/backend/cpu.hpp"
#include "reclm/core/error.hpp"
#include "reclm/model/backbone.hpp"
#include "reclm/model/concepts.hpp"
#include "reclm/tensor/ops/loss.hpp"
#include "reclm/tensor/ops/rows.hpp"

namespace reclm {

/// Scores pairs by the products of the encoder's final vectors, users' and items', and trains the initial vectors
/// through the encoder's own forward and backward functions by BPR.
///
/// A step calls `forward(in, out)` once and then `backward(d_out, d_in)` once, with host memory of
/// [users + items, width], users first; an encoder that is not linear may keep in `forward` what its `backward` needs.
/// Both must write all of their last argument. Calls come one at a time, from the thread that trains or ranks; the
/// encoder may use more threads. Weights of its own are its own business: a backbone adds no parameters.
///
/// Cost of a step beside the encoder's: O((users + items) · width), copies to the host and back included.
template <class Encoder, class B = Cpu, class T = float>
class EncoderBackbone final : public Backbone<B, T> {
  static_assert(
      EmbeddingEncoder<Encoder>,
      "EncoderBackbone: the encoder must offer forward(MatrixView<const float> in, MatrixView<float> out) and "
      "backward(MatrixView<const float> d_out, MatrixView<float> d_in); see model/concepts.hpp");

 public:
  /// Refers to `encoder`, which must outlive the backbone.
  explicit EncoderBackbone(Encoder& encoder) : encoder_(std::shared_ptr<void>{}, &encoder) {}

  /// Owns `encoder`.
  explicit EncoderBackbone(Encoder&& encoder) requires std::move_constructible<Encoder>
      : encoder_(std::make_shared<Encoder>(std::move(encoder))) {}

  /// Shares `encoder` with others. @throws ConfigError when it is null
  explicit EncoderBackbone(std::shared_ptr<Encoder> encoder) : encoder_(std::move(encoder)) {
    if (!encoder_) throw ConfigError("EncoderBackbone: the encoder is null");
  }

  [[nodiscard]] Encoder& encoder() const { return *encoder_; }

  Var loss(const TrainingStep<B, T>& step, InitialVectors<B, T>& vectors) override {
    const Var users = vectors.all_users(step), items = vectors.all_items(step);
    const Index user_count = step.tape.value(users).rows(), item_count = step.tape.value(items).rows();
    const Var out = encode(step.tape, stack_rows(step.tape, users, items));
    return vectors.ranking_loss(
        step, {{slice_rows(step.tape, out, 0, user_count), slice_rows(step.tape, out, user_count, item_count)},
               {step.batch.users, step.batch.positives, step.batch.negatives}});
  }
  [[nodiscard]] BackboneFacts facts() const override { return {.mixes_users = true, .mixes_items = true}; }

  [[nodiscard]] PairModel ranking(const Tensor<B, T>& users, const Tensor<B, T>& items) const override {
    Tape<B, T> tape(false);
    const Var out = encode(tape, stack_rows(tape, tape.constant(users), tape.constant(items)));
    return {host_floats(tape.value(slice_rows(tape, out, 0, users.rows()))),
            host_floats(tape.value(slice_rows(tape, out, users.rows(), items.rows())))};
  }

  void forward(MatrixView<const float> in, MatrixView<float> out) const override {
    ModelTraits<Encoder>::forward(*encoder_, in, out);
  }
  void backward(MatrixView<const float> d_out, MatrixView<float> d_in) const override {
    ModelTraits<Encoder>::backward(*encoder_, d_out, d_in);
  }
  void add_parameters(ParameterList<B, T>&) override {}

 private:
  // @param in, @returns [users + items, width]
  Var encode(Tape<B, T>& tape, Var in) const {
    const Matrix<float> host_in = host_floats(tape.value(in));
    Matrix<float> host_out(host_in.rows(), host_in.cols());
    ModelTraits<Encoder>::forward(*encoder_, host_in.view(), host_out.view());
    return tape.record(Tensor<B, T>::from_host(host_out.view()), tape.needs_gradient(in),
                       [in, encoder = encoder_](Tape<B, T>& t, const Tensor<B, T>& d) {
                         const Matrix<float> d_out = host_floats(d);
                         Matrix<float> d_in(d_out.rows(), d_out.cols());
                         ModelTraits<Encoder>::backward(*encoder, d_out.view(), d_in.view());
                         t.add_gradient(in, Tensor<B, T>::from_host(d_in.view()));
                       });
  }

  std::shared_ptr<Encoder> encoder_;
};

}  // namespace reclm
