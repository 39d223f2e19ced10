#pragma once
/// @file feature_input.hpp
/// Constant vectors of users or items, as the input of a layer: dense rows, or mixtures of other rows.

#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "reclm/tensor/ops/linear.hpp"
#include "reclm/tensor/ops/rows.hpp"
#include "reclm/tensor/ops/sparse.hpp"

namespace reclm {

/// [rows, width]. A mixture, rows = mix · base, is never multiplied out: a layer on it is mix · (base · Wᵀ), which
/// costs little where many rows mix few (users whose profile is the mean of their history's items).
template <class B, class T>
class FeatureInput {
 public:
  FeatureInput() = default;

  static FeatureInput dense(MatrixView<const float> rows) {
    FeatureInput features;
    features.base_ = Tensor<B, T>::from_host(rows);
    return features;
  }

  /// @param mix [rows, base rows]  @param base [base rows, width]  @throws ShapeError
  static FeatureInput mixture(CsrMatrix<T> mix, MatrixView<const float> base) {
    require_size("FeatureInput::mixture", "columns of the mixture", mix.cols, base.rows());
    FeatureInput features;
    features.base_ = Tensor<B, T>::from_host(base);
    features.mix_ = std::make_shared<const Mixture>(Mixture{SparseMatrix<B, T>(mix), std::move(mix)});
    return features;
  }

  [[nodiscard]] Index rows() const { return mix_ ? mix_->host.rows : base_.rows(); }
  [[nodiscard]] Index width() const { return base_.cols(); }

  /// activation(rows · Wᵀ + b) of all rows. @returns [rows, out]
  Var linear(Tape<B, T>& tape, Var weight, Var bias, Activation activation) const {
    if (!mix_) return reclm::linear(tape, tape.constant(base_), weight, bias, activation);
    return mixed(tape, mix_->device, weight, bias, activation);
  }

  /// The same of the rows `ids`. @returns [ids, out]
  Var linear(Tape<B, T>& tape, Var weight, Var bias, Activation activation, std::span<const Id> ids) const {
    if (mix_) return mixed(tape, SparseMatrix<B, T>(mix_->host.select_rows(ids)), weight, bias, activation);
    check_rows(ids, base_.rows());
    const auto chosen = gather_distinct_rows(tape, tape.constant(base_), ids);
    return reclm::linear(tape, chosen, weight, bias, activation);
  }

 private:
  struct Mixture {
    SparseMatrix<B, T> device;
    CsrMatrix<T> host;
  };

  Var mixed(Tape<B, T>& tape, const SparseMatrix<B, T>& mix, Var weight, Var bias, Activation activation) const {
    const Var product = reclm::linear(tape, tape.constant(base_), weight, Var{});
    return bias_activation(tape, sparse_product(tape, mix, product), bias, activation);
  }

  Tensor<B, T> base_;
  std::shared_ptr<const Mixture> mix_;
};

}  // namespace reclm
