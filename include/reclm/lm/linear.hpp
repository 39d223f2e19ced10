#pragma once
/// @file linear.hpp
/// A linear layer as models run it: weights, a bias, and a low-rank update that can be attached and taken off.

#include <optional>
#include <string>
#include <utility>

#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/lm/lora_adapter.hpp"
#include "reclm/lm/weight_matrix.hpp"

namespace reclm::lm {

/// A float32 matrix as weights; the view must outlive the call that reads it.
inline StoredTensor stored_view(const Matrix<float>& values) {
  return {StorageType::f32, values.rows(), values.cols(),
          std::as_bytes(std::span<const float>(values.data(), static_cast<std::size_t>(values.size()))), nullptr};
}

/// A vector of the weights, in the backend's memory as float32. @throws DataError unless it has `size` numbers
template <class B>
Tensor<B, float> load_vector(const WeightSource& weights, const std::string& name, Index size) {
  const StoredTensor stored = weights.get(name);
  if (stored.rows != 1 || stored.cols != size)
    throw DataError(name, 0,
                    "the shape is [" + std::to_string(stored.rows) + ", " + std::to_string(stored.cols) +
                        "] where a vector of " + std::to_string(size) + " is needed",
                    "check that the file's weights belong to its configuration");
  detail::check_stored(stored, name);
  Matrix<float> values(1, size);
  dequantise(stored, std::span<float>(values.data(), static_cast<std::size_t>(size)));
  return Tensor<B, float>::from_host(values);
}

/// A weight of a known shape. @throws DataError unless it is [outputs, inputs]
inline StoredTensor get_matrix(const WeightSource& weights, const std::string& name, Index outputs, Index inputs) {
  StoredTensor stored = weights.get(name);
  if (stored.rows != outputs || stored.cols != inputs)
    throw DataError(name, 0,
                    "the shape is [" + std::to_string(stored.rows) + ", " + std::to_string(stored.cols) + "] where [" +
                        std::to_string(outputs) + ", " + std::to_string(inputs) + "] is needed",
                    "check that the file's weights belong to its configuration");
  return stored;
}

/// A matrix of the weights. @throws DataError unless it is [outputs, inputs]
template <class B>
WeightMatrix<B> load_matrix(const WeightSource& weights, const std::string& name, Index outputs, Index inputs,
                            Precision precision) {
  return {get_matrix(weights, name, outputs, inputs), precision, name};
}

template <class B>
class Linear {
 public:
  Linear() = default;

  /// "NAME.weight" [outputs, inputs] and, where `bias`, "NAME.bias". @throws DataError on other shapes
  Linear(const WeightSource& weights, const std::string& name, Index outputs, Index inputs, bool bias,
         Precision precision)
      : weight_(load_matrix<B>(weights, name + ".weight", outputs, inputs, precision)) {
    if (bias) bias_ = load_vector<B>(weights, name + ".bias", outputs);
  }

  /// Without a bias.
  explicit Linear(WeightMatrix<B> weight) : weight_(std::move(weight)) {}

  [[nodiscard]] const WeightMatrix<B>& weight() const { return weight_; }

  /// y [rows, outputs] = x [rows, inputs] · Wᵀ + bias + update.
  void apply(const LayerInput& x, float* y) const {
    const Index rows = x.rows();
    weight_.multiply(x, y, false, bias_.empty() ? nullptr : bias_.data());
    if (!update_) return;
    Tensor<B, float> low{rows, update_->a.outputs()};
    update_->a.multiply(x, low.data());
    update_->b.multiply(low.data(), rows, y, true);
  }

  /// gelu(x · Wᵀ + bias) rounded for the next layer, or nothing where that is not made in one go. On the CPU.
  [[nodiscard]] std::optional<cpu::Bf16Rows> apply_gelu(const LayerInput& x) const {
    if (!weight_.fuses_gelu() || x.exact() || update_ || bias_.empty()) return {};
    return weight_.multiply_gelu(x, bias_.data());
  }

  /// @throws ShapeError unless A is [r, inputs] and B [outputs, r]
  void attach(const std::string& name, const LoraMatrices& matrices) {
    const Matrix<float>&a = matrices.a, &b = matrices.b;
    const auto shape = [](const Matrix<float>& m) {
      return "[" + std::to_string(m.rows()) + ", " + std::to_string(m.cols()) + "]";
    };
    if (a.cols() != weight_.inputs() || b.rows() != weight_.outputs() || a.rows() != b.cols() || a.rows() == 0)
      throw ShapeError("adapter of " + name + ": A " + shape(a) + " and B " + shape(b) + " do not fit the layer's [" +
                       std::to_string(weight_.outputs()) + ", " + std::to_string(weight_.inputs()) + "]");
    Matrix<float> scaled = b;
    for (Index i = 0; i < scaled.size(); ++i) scaled.data()[i] *= matrices.scale;
    update_ = Update{WeightMatrix<B>(stored_view(a), Precision::stored, name),
                     WeightMatrix<B>(stored_view(scaled), Precision::stored, name)};
  }
  void detach() { update_.reset(); }

 private:
  struct Update {
    WeightMatrix<B> a, b;  // B times the scale
  };

  WeightMatrix<B> weight_;
  Tensor<B, float> bias_;
  std::optional<Update> update_;
};

}  // namespace reclm::lm
