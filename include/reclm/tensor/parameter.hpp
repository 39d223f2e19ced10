#pragma once
/// @file parameter.hpp
/// A trainable array and its gradient, dense or by rows.

#include <string>
#include <utility>
#include <vector>

#include "reclm/tensor/tensor.hpp"

namespace reclm {

/// Gradient of some rows of a parameter; the other rows' gradient is zero.
template <class B, class T>
struct RowGradient {
  std::vector<Id> rows;  ///< distinct row numbers
  Tensor<B, T> values;   ///< [rows.size(), cols]
};

/// A named trainable matrix. After a backward pass the gradient is in `gradient`, in `row_gradient`, or nowhere (zero);
/// never in both.
template <class B, class T>
class Parameter {
 public:
  Parameter(std::string name, Tensor<B, T> start) : value(std::move(start)), name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool has_dense_gradient() const { return !gradient.empty(); }
  [[nodiscard]] bool has_row_gradient() const { return !row_gradient.rows.empty(); }

  void clear_gradient() {
    gradient = {};
    row_gradient = {};
  }

  Tensor<B, T> value;
  Tensor<B, T> gradient;
  RowGradient<B, T> row_gradient;

 private:
  std::string name_;
};

}  // namespace reclm
