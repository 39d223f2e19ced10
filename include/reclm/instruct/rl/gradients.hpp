#pragma once
/// @file gradients.hpp
/// Gradients of a whole model.

#include <cmath>
#include <vector>

#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/backend/kernels/rows.hpp"
#include "reclm/tensor/parameter.hpp"

namespace reclm::instruct {

/// Scales dense gradients so that their joint Euclidean norm is at most `limit` (0: no limit).
/// @returns the norm before
template <class B, class T>
double clip_gradients(const std::vector<Parameter<B, T>*>& parameters, double limit) {
  double squares = 0;
  for (const auto* p : parameters) {
    if (!p->has_dense_gradient()) continue;
    const auto& g = p->gradient;
    Tensor<B, T> parts{g.rows(), 1};
    B::for_rows(g.rows(), 2 * g.cols(), kernels::RowDot<T>{g.data(), g.data(), nullptr, parts.data(), g.cols()});
    squares += B::sum(parts.data(), parts.size());
  }
  const double norm = std::sqrt(squares);
  if (limit <= 0 || norm <= limit) return norm;
  for (auto* p : parameters)
    if (p->has_dense_gradient()) {
      auto& g = p->gradient;
      auto scaled = Tensor<B, T>::like(g);
      B::for_rows(g.rows(), 2 * g.cols(),
                  kernels::ScaleInto<T>{g.data(), static_cast<T>(limit / norm), T(0), scaled.data(), g.cols()});
      g = std::move(scaled);
    }
  return norm;
}

}  // namespace reclm::instruct
