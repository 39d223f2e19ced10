#pragma once
/// @file trainable_linear.hpp
/// One linear layer of a model in training: its weight trained, or frozen as stored, with or without a low-rank update.

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/lm/lora_adapter.hpp"
#include "reclm/lm/training/lora_options.hpp"
#include "reclm/lm/training/stored_matrix.hpp"
#include "reclm/tensor/initialization.hpp"
#include "reclm/tensor/ops/projection.hpp"
#include "reclm/tensor/parameter.hpp"

namespace reclm::lm {

/// What of a model is trained, and how its weights are held.
struct TrainableOptions {
  bool full = false;  ///< every weight; else only `lora`'s updates (both: every weight of the layers without update)
  bool bf16 = false;  ///< weights are held and multiplied as bf16, half the memory; trained ones keep a float32 master
  bool bf16_products = false;  ///< frozen weights are multiplied as bf16 whatever they are stored as. In both cases
                               ///< activations are rounded for it too, where the CPU has products in bf16
                               ///< (cpu::bf16_products()); sums, gradients and everything else are float32
  bool decode = false;  ///< frozen weights are decoded to float32 once; else they stay as stored, and every product
                        ///< decodes them a tile at a time (a sixth slower, an eighth of the memory with 4-bit blocks)
};

/// What a pass through a model may draw: dropout's masks are a function of these and of the layer.
struct DropoutDraw {
  bool active = false;
  std::uint64_t seed = 0;
  std::uint32_t step = 0;  ///< differs for every batch of a training
};

/// y = x Wᵀ + bias (+ update).
template <class B, class T>
class TrainableLinear {
 public:
  using Parameters = std::vector<Parameter<B, T>*>;

  TrainableLinear() = default;

  /// A frozen weight; an empty `bias`: none.
  TrainableLinear(std::string name, std::uint64_t number, StoredTensor weight, const Matrix<float>& bias, bool trained,
                  const TrainableOptions& options)
      : name_(std::move(name)), number_(number), bf16_(options.bf16), out_(weight.rows), in_(weight.cols) {
    if (trained) {
      weight_ = parameter(name_ + ".weight", all_of(weight));
      refresh();
    } else {
      frozen_ = std::make_shared<StoredMatrix<B, T>>(options.bf16     ? rounded_to_bf16(weight)
                                                     : options.decode ? decoded(weight)
                                                                      : std::move(weight),
                                                     options.bf16 || options.bf16_products);
    }
    if (bias.empty()) return;
    if (trained)
      bias_ = parameter(name_ + ".bias", bias);
    else
      frozen_bias_ = Tensor<B, T>::from_host(bias.view());
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool has_update() const { return a_ != nullptr; }
  [[nodiscard]] bool trained() const { return weight_ != nullptr; }

  /// Puts an update beside the weight, at its start.
  void add_update(const LoraOptions& options) {
    scale_ = options.alpha / static_cast<double>(options.rank);
    dropout_ = options.dropout;
    const double bound = 1 / std::sqrt(static_cast<double>(in_));
    const Initializer start(options.seed);
    a_ = std::make_unique<Parameter<B, T>>(
        start.uniform<B, T>(name_ + ".lora_A.weight", options.rank, in_, -bound, bound));
    b_ = std::make_unique<Parameter<B, T>>(start.zeros<B, T>(name_ + ".lora_B.weight", out_, options.rank));
  }
  /// @throws ShapeError unless A is [r, inputs] and B [outputs, r]
  void check_update(const LoraMatrices& update) const {
    require_size(name_.c_str(), "width of A", update.a.cols(), in_);
    require_size(name_.c_str(), "rows of B", update.b.rows(), out_);
    require_size(name_.c_str(), "rank of B", update.b.cols(), update.a.rows());
  }
  /// Gives the update that is there other values, which must have passed check_update. The parameters stay where they
  /// are.
  void set_update(const LoraMatrices& update, double dropout) {
    scale_ = static_cast<double>(update.scale);
    dropout_ = dropout;
    for (auto [p, values] : {std::pair(a_.get(), &update.a), std::pair(b_.get(), &update.b)}) {
      p->value = Tensor<B, T>::from_host(values->view());
      p->clear_gradient();
    }
  }

  [[nodiscard]] LoraMatrices update() const {
    return {host_floats(a_->value), host_floats(b_->value), static_cast<float>(scale_)};
  }

  /// weight + scale · B A, and the bias (empty where there is none).
  [[nodiscard]] std::pair<Matrix<float>, Matrix<float>> merged() const {
    Matrix<float> w = weight_ ? host_floats(weight_->value) : Matrix<float>(out_, in_);
    if (!weight_)
      for (Index row = 0; row < out_; ++row) frozen_->row(row, w.row(row));
    if (a_) {
      const LoraMatrices u = update();
      Cpu::gemm(Op::none, Op::none, out_, in_, u.a.rows(), u.scale, u.b.data(), u.b.cols(), u.a.data(), in_, 1.0f,
                w.data(), in_);
    }
    Matrix<float> bias;
    if (bias_) bias = host_floats(bias_->value);
    if (!frozen_bias_.empty()) bias = host_floats(frozen_bias_);
    return {std::move(w), std::move(bias)};
  }

  /// Appends what is trained.
  void collect(Parameters& parameters) const {
    for (auto* p : {weight_.get(), bias_.get(), a_.get(), b_.get()})
      if (p != nullptr) parameters.push_back(p);
  }

  /// After the master weights changed: rounds them again.
  void refresh() {
    if (!weight_ || !bf16_) return;
    const Matrix<float> values = host_floats(weight_->value);
    const auto bytes = std::as_bytes(std::span(values.data(), static_cast<std::size_t>(values.size())));
    rounded_ = std::make_shared<StoredMatrix<B, T>>(
        rounded_to_bf16({StorageType::f32, values.rows(), values.cols(), bytes, nullptr}), true);
  }

  /// The weight as the tape's operations take it.
  [[nodiscard]] WeightInput<B, T> input(Tape<B, T>& tape) const {
    if (!weight_) return {frozen_, {}};
    auto in = WeightInput<B, T>::of(tape, tape.parameter(*weight_));
    if (rounded_) in.matrix = rounded_;
    return in;
  }

  /// Rows of the weight, as an embedding reads them.
  [[nodiscard]] Var look_up(Tape<B, T>& tape, std::span<const Id> ids) const {
    if (weight_ && !rounded_) return gather_rows(tape, tape.parameter(*weight_), ids);
    const auto& stored = weight_ ? rounded_ : frozen_;
    check_rows(ids, stored->rows());
    Matrix<T> rows(static_cast<Index>(ids.size()), stored->cols());
    stored->gather(ids, rows.data());
    if (!weight_) return tape.constant(Tensor<B, T>::from_host(rows));
    const Var table = tape.parameter(*weight_);
    const RowGroups<B> groups(ids, stored->rows());
    const Index width = rows.cols();
    return tape.record(Tensor<B, T>::from_host(rows), true, [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
      auto [d, beta] = t.slot(table);
      B::for_rows(groups.rows(), 2 * width,
                  kernels::ScatterGroups<T>{dy.data(), groups.offsets(), groups.members(), beta, d.data(), width});
    });
  }

  [[nodiscard]] Var apply(Tape<B, T>& tape, Var x, const DropoutDraw& draw) const {
    Var bias;
    if (bias_) bias = tape.parameter(*bias_);
    if (!frozen_bias_.empty()) bias = tape.constant(frozen_bias_);
    LowRankInput update;
    if (a_) {
      update = {tape.parameter(*a_), tape.parameter(*b_), scale_, {}};
      if (draw.active && dropout_ > 0)
        update.mask = {dropout_, Random(draw.seed, Stream::dropout, draw.step), number_ << 40};
    }
    return projection(tape, x, input(tape), bias, update);
  }

 private:
  static Matrix<float> all_of(const StoredTensor& stored) {
    Matrix<float> values(stored.rows, stored.cols);
    dequantise(stored, std::span(values.data(), static_cast<std::size_t>(values.size())));
    return values;
  }
  static std::unique_ptr<Parameter<B, T>> parameter(std::string name, const Matrix<float>& values) {
    return std::make_unique<Parameter<B, T>>(std::move(name), Tensor<B, T>::from_host(values.view()));
  }

  std::string name_;
  std::uint64_t number_ = 0;  // tells the layers' dropout masks apart
  bool bf16_ = false;
  Index out_ = 0, in_ = 0;
  double scale_ = 1, dropout_ = 0;
  std::shared_ptr<const StoredMatrix<B, T>> frozen_, rounded_;
  Tensor<B, T> frozen_bias_;
  std::unique_ptr<Parameter<B, T>> weight_, bias_, a_, b_;
};

}  // namespace reclm::lm
