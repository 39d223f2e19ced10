#pragma once
/// @file small_symmetric.hpp
/// Cholesky factor and eigenvectors of small symmetric matrices in double. Own code for the sake of compile time:
/// Eigen's solver takes 15 s of it, these few lines none, and at width 256 they run as fast.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"

namespace reclm::detail::text {

using SmallMatrix = Matrix<double>;

/// What a pivot must exceed, as a share of the mean diagonal: sums in float leave about 1e-7 of a dependent column.
inline constexpr double kDependent = 1e-5;

/// Upper triangular R with RᵀR = `positive`; the row of a column that depends on those before it is zero.
inline SmallMatrix cholesky(SmallMatrix positive) {
  const Index n = positive.rows();
  double trace = 0;
  for (Index k = 0; k < n; ++k) trace += positive(k, k);
  const double least = kDependent * trace / static_cast<double>(std::max<Index>(n, 1));
  SmallMatrix& r = positive;
  for (Index k = 0; k < n; ++k) {
    for (Index c = 0; c < k; ++c) r(k, c) = 0;
    if (!(r(k, k) > least)) {
      for (Index c = k; c < n; ++c) r(k, c) = 0;
      continue;
    }
    const double pivot = std::sqrt(r(k, k));
    r(k, k) = pivot;
    for (Index c = k + 1; c < n; ++c) r(k, c) /= pivot;
    for (Index row = k + 1; row < n; ++row) {
      const double factor = r(k, row);
      const double* RECLM_RESTRICT from = r.data() + k * n;
      double* RECLM_RESTRICT to = r.data() + row * n;
#pragma omp simd
      for (Index c = row; c < n; ++c) to[c] -= factor * from[c];
    }
  }
  return positive;
}

/// R⁻¹ for the R of `cholesky`; rows and columns of dependent columns are zero.
inline SmallMatrix inverse_root(const SmallMatrix& positive) {
  const Index n = positive.rows();
  const SmallMatrix r = cholesky(positive);
  SmallMatrix inverse(n, n);
  for (Index row = n - 1; row >= 0; --row) {
    if (r(row, row) == 0) continue;
    double* RECLM_RESTRICT to = inverse.data() + row * n;
    to[row] = 1.0;
    for (Index k = row + 1; k < n; ++k) {
      const double factor = r(row, k);
      const double* RECLM_RESTRICT from = inverse.data() + k * n;
#pragma omp simd
      for (Index c = k; c < n; ++c) to[c] -= factor * from[c];
    }
    for (Index c = row; c < n; ++c) to[c] /= r(row, row);
  }
  return inverse;
}

/// Eigenvalues, descending, with their unit eigenvectors as rows; each vector's largest entry is positive.
struct SmallEigen {
  std::vector<double> values;
  SmallMatrix vectors;
};

/// Eigenvectors of a symmetric matrix without negative eigenvalues, by one-sided Jacobi rotations of its Cholesky
/// factor's rows (Hestenes 1958). The rotations run in float (3.5 times as fast): about five digits,
/// and the sketch it serves is rougher.
inline SmallEigen eigen_of(const SmallMatrix& positive) {
  constexpr int kSweeps = 30;
  constexpr double kOrthogonal = 1e-5;
  const Index n = positive.rows();
  const SmallMatrix factor = cholesky(positive);
  Matrix<float> root = Matrix<float>::copy_of(factor.view());
  std::vector<double> squares(static_cast<std::size_t>(n));
  const auto dot = [&](Index a, Index b) {
    const float* RECLM_RESTRICT x = root.data() + a * n;
    const float* RECLM_RESTRICT y = root.data() + b * n;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (Index c = 0; c < n; ++c) sum += x[c] * y[c];
    return static_cast<double>(sum);
  };
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool turned = false;
    for (Index a = 0; a < n; ++a) squares[static_cast<std::size_t>(a)] = dot(a, a);
    for (Index a = 0; a < n; ++a)
      for (Index b = a + 1; b < n; ++b) {
        double &xx = squares[static_cast<std::size_t>(a)], &yy = squares[static_cast<std::size_t>(b)];
        const double xy = dot(a, b);
        if (std::abs(xy) <= kOrthogonal * std::sqrt(xx * yy) || xy == 0) continue;
        turned = true;
        const double ratio = (yy - xx) / (2 * xy);
        const double tangent = (ratio < 0 ? -1.0 : 1.0) / (std::abs(ratio) + std::sqrt(1 + ratio * ratio));
        const double cosine = 1 / std::sqrt(1 + tangent * tangent), sine = cosine * tangent;
        const auto turn_cosine = static_cast<float>(cosine), turn_sine = static_cast<float>(sine);
        float* RECLM_RESTRICT x = root.data() + a * n;
        float* RECLM_RESTRICT y = root.data() + b * n;
#pragma omp simd
        for (Index c = 0; c < n; ++c) {
          const float old = x[c];
          x[c] = turn_cosine * old - turn_sine * y[c];
          y[c] = turn_sine * old + turn_cosine * y[c];
        }
        xx = std::max(xx - tangent * xy, 0.0);
        yy += tangent * xy;
      }
    if (!turned) break;
  }
  // The rows are now root of eigenvalue × eigenvector.
  SmallEigen result{std::vector<double>(static_cast<std::size_t>(n)), SmallMatrix(n, n)};
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return dot(a, a) > dot(b, b); });
  for (Index k = 0; k < n; ++k) {
    const Index from = order[static_cast<std::size_t>(k)];
    const auto row = root.row(from);
    const double value = std::sqrt(dot(from, from));
    const float top =
        *std::max_element(row.begin(), row.end(), [](float x, float y) { return std::abs(x) < std::abs(y); });
    result.values[static_cast<std::size_t>(k)] = value * value;
    if (value > 0)
      for (Index c = 0; c < n; ++c)
        result.vectors(k, c) = static_cast<double>(row[static_cast<std::size_t>(c)]) / (top < 0 ? -value : value);
  }
  return result;
}

}  // namespace reclm::detail::text
