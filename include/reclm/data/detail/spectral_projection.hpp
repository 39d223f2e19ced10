#pragma once
/// @file spectral_projection.hpp
/// Few dense columns for a wide sparse matrix: randomized Nyström approximation of its truncated SVD.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "reclm/backend/cpu/gemm.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/data/detail/small_symmetric.hpp"
#include "reclm/data/detail/text_features.hpp"

namespace reclm::detail::text {

/// out[rows, d] = sparse · dense[cols, d].
inline Matrix<float> times(const SparseRows& sparse, const Matrix<float>& dense) {
  Matrix<float> out(sparse.rows(), dense.cols());
  const Index width = dense.cols();
  parallel_for(sparse.rows(), 64, [&](Index r) {
    float* RECLM_RESTRICT sum = out.data() + r * width;
    for (Index k = sparse.offsets[static_cast<std::size_t>(r)]; k < sparse.offsets[static_cast<std::size_t>(r) + 1];
         ++k) {
      const float weight = sparse.values[static_cast<std::size_t>(k)];
      const float* RECLM_RESTRICT row = dense.data() + sparse.columns[static_cast<std::size_t>(k)] * width;
#pragma omp simd
      for (Index c = 0; c < width; ++c) sum[c] += weight * row[c];
    }
  });
  return out;
}

/// leftᵀ · right for two tall matrices of n rows: blocks of rows in float, added in order in double.
inline SmallMatrix gram(const Matrix<float>& left, const Matrix<float>& right) {
  constexpr Index kBlock = 512;
  const Index m = left.cols(), n = right.cols();
  std::vector<Matrix<float>> parts(static_cast<std::size_t>(chunk_count(left.rows(), kBlock)));
  parallel_chunks(left.rows(), kBlock, [&](Index begin, Index end, Index chunk) {
    Matrix<float>& part = parts[static_cast<std::size_t>(chunk)] = Matrix<float>(m, n);
    detail::gemm_block(Op::transpose, Op::none, m, n, end - begin, 1.0f, left.data() + begin * m, m,
                       right.data() + begin * n, n, 0.0f, part.data(), n);
  });
  SmallMatrix total(m, n);
  for (const Matrix<float>& part : parts)
    for (Index r = 0; r < m; ++r)
      for (Index c = 0; c < n; ++c) total(r, c) += static_cast<double>(part(r, c));
  return total;
}

/// tall · small.
inline Matrix<float> times(const Matrix<float>& tall, const SmallMatrix& small) {
  Matrix<float> right(small.rows(), small.cols()), out(tall.rows(), small.cols());
  for (Index r = 0; r < right.rows(); ++r)
    for (Index c = 0; c < right.cols(); ++c) right(r, c) = static_cast<float>(small(r, c));
  detail::cpu_gemm(Op::none, Op::none, tall.rows(), right.cols(), tall.cols(), 1.0f, tall.data(), tall.cols(),
                   right.data(), right.cols(), 0.0f, out.data(), out.cols());
  return out;
}

inline Matrix<float> identity(Index n) {
  Matrix<float> result(n, n);
  for (Index k = 0; k < n; ++k) result(k, k) = 1.0f;
  return result;
}

inline Matrix<float> random_signs(Index rows, Index cols, std::uint64_t seed) {
  Matrix<float> signs(rows, cols);
  // The step sets these draws apart from model initialisation, which counts from 0.
  const Random random(seed, Stream::init, 0x74657874u);
  parallel_for(rows, 256, [&](Index r) {
    const Index blocks = chunk_count(cols, 128);
    for (Index k = 0; k < blocks; ++k) {
      const PhiloxBlock bits = random.block(static_cast<std::uint64_t>(r * blocks + k));
      for (Index c = k * 128; c < std::min(cols, (k + 1) * 128); ++c)
        signs(r, c) = (bits.word[(c / 32) % 4] >> (c % 32)) & 1u ? 1.0f : -1.0f;
    }
  });
  return signs;
}

/// The leading singular vectors and values of a sparse matrix.
struct Spectrum {
  Matrix<float> left;             ///< [rows, kept], orthonormal columns (about)
  std::vector<double> magnitude;  ///< singular values, descending; kept of them are worth having
};

/// Randomized Nyström approximation of A·Aᵀ (Halko, Martinsson and Tropp 2011, section 5.4; Gittens and Mahoney 2013):
/// Y = A·Aᵀ·Q with Q spanning A·Ω, Ω of random signs; A·Aᵀ ≈ Y (QᵀY)⁻¹ Yᵀ. Three sparse products.
inline Spectrum leading_spectrum(const SparseRows& a, const SparseRows& a_transposed, Index width, std::uint64_t seed) {
  constexpr Index kOversampling = 8;
  const Index sketch = std::min(width + kOversampling, std::min(a.rows(), a.cols));
  Spectrum result;
  if (sketch == 0) return result;

  Matrix<float> basis;
  if (sketch == a.rows()) {
    basis = identity(sketch);  // few texts: exact
  } else {
    basis = times(a, sketch == a.cols ? identity(sketch) : random_signs(a.cols, sketch, seed));
    basis = times(basis, inverse_root(gram(basis, basis)));
  }
  const Matrix<float> image = times(a, times(a_transposed, basis));
  const Matrix<float> factor = times(image, inverse_root(gram(basis, image)));  // factor · factorᵀ ≈ A·Aᵀ

  const SmallEigen eigen = eigen_of(gram(factor, factor));  // values: squares of A's singular values
  Index kept = 0;
  while (kept < std::min(width, sketch) &&
         eigen.values[static_cast<std::size_t>(kept)] > 1e-5 * std::max(eigen.values.front(), 1e-30))
    ++kept;
  SmallMatrix directions(sketch, kept);
  for (Index k = 0; k < kept; ++k) {
    result.magnitude.push_back(std::sqrt(eigen.values[static_cast<std::size_t>(k)]));
    for (Index r = 0; r < sketch; ++r) directions(r, k) = eigen.vectors(k, r) / result.magnitude.back();
  }
  result.left = times(factor, directions);
  return result;
}

}  // namespace reclm::detail::text
