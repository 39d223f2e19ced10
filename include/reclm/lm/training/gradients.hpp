#pragma once
/// @file gradients.hpp
/// What happens to gradients between the backward pass and the optimizer: sums over several batches, clipping.

#include <cmath>
#include <cstddef>
#include <vector>

#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/backend/kernels/rows.hpp"
#include "reclm/tensor/parameter.hpp"

namespace reclm::lm {

/// Adds the parameters' dense gradients up over several backward passes.
template <class B, class T>
class GradientSum {
 public:
  explicit GradientSum(std::vector<Parameter<B, T>*> parameters)
      : parameters_(std::move(parameters)), sums_(parameters_.size()) {}

  /// Takes the gradients of a pass; the parameters have none afterwards.
  void take() {
    for (std::size_t k = 0; k < parameters_.size(); ++k) {
      Parameter<B, T>& p = *parameters_[k];
      if (p.has_dense_gradient()) {
        if (sums_[k].empty())
          sums_[k] = p.gradient;
        else
          B::for_rows(p.gradient.rows(), 3 * p.gradient.cols(),
                      kernels::AddScaled<T>{p.gradient.data(), T(1), sums_[k].data(), p.gradient.cols()});
      }
      p.clear_gradient();
    }
  }

  /// Leaves the sums in the parameters and begins anew.
  void give() {
    for (std::size_t k = 0; k < parameters_.size(); ++k) {
      parameters_[k]->gradient = std::move(sums_[k]);
      sums_[k] = {};
    }
  }

 private:
  std::vector<Parameter<B, T>*> parameters_;
  std::vector<Tensor<B, T>> sums_;
};

/// √Σ g² over all dense gradients.
template <class B, class T>
double gradient_norm(const std::vector<Parameter<B, T>*>& parameters) {
  double squares = 0;
  for (const auto* p : parameters) {
    const Tensor<B, T>& g = p->gradient;
    if (g.empty()) continue;
    Tensor<B, T> sums{g.rows(), 1};
    B::for_rows(g.rows(), 2 * g.cols(), kernels::RowDot<T>{g.data(), g.data(), nullptr, sums.data(), g.cols()});
    squares += B::sum(sums.data(), sums.size());
  }
  return std::sqrt(squares);
}

/// Scales the gradients so that their norm is at most `limit` (Pascanu et al., ICML 2013). @returns the norm before
template <class B, class T>
double clip_gradients(const std::vector<Parameter<B, T>*>& parameters, double limit) {
  const double norm = gradient_norm(parameters);
  if (!(norm > limit)) return norm;
  const T factor = static_cast<T>(limit / norm);
  for (auto* p : parameters)
    if (p->has_dense_gradient())
      B::for_rows(p->gradient.rows(), 2 * p->gradient.cols(),
                  kernels::ScaleInto<T>{p->gradient.data(), factor, T(0), p->gradient.data(), p->gradient.cols()});
  return norm;
}

}  // namespace reclm::lm
