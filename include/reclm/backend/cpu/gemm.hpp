#pragma once
/// @file gemm.hpp
/// Dense products on the CPU: the kernel that a shape wants, on blocks whose borders depend on the shape alone, spread
/// over oneTBB; BLAS for the large ones where the build chose it (RECLM_WITH_BLAS).

#include <algorithm>
#include <vector>

#include "reclm/backend/backend.hpp"
#include "reclm/backend/cpu/packed_gemm.hpp"
#include "reclm/backend/cpu/tall_gemm.hpp"
#include "reclm/core/parallel.hpp"

#if defined(RECLM_WITH_BLAS)
extern "C" {
void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*,
            const float*, const int*, const float*, float*, const int*);
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*,
            const double*, const int*, const double*, double*, const int*);
}
#endif

namespace reclm::detail {

/// One dense product.
template <class T>
void gemm_block(Op op_a, Op op_b, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b, Index ldb,
                T beta, T* c, Index ldc) {
#if defined(RECLM_WITH_BLAS)
  // Row-major C = A·B is column-major Cᵀ = Bᵀ·Aᵀ.
  const char ta = op_a == Op::none ? 'N' : 'T', tb = op_b == Op::none ? 'N' : 'T';
  const int mi = static_cast<int>(m), ni = static_cast<int>(n), ki = static_cast<int>(k);
  // Strides of 0, which an empty inner dimension has, are refused.
  const int la = std::max(1, static_cast<int>(lda)), lb = std::max(1, static_cast<int>(ldb)),
            lc = static_cast<int>(ldc);
  if constexpr (std::is_same_v<T, float>)
    sgemm_(&tb, &ta, &ni, &mi, &ki, &alpha, b, &lb, a, &la, &beta, c, &lc);
  else
    dgemm_(&tb, &ta, &ni, &mi, &ki, &alpha, b, &lb, a, &la, &beta, c, &lc);
#else
  cpu::packed_gemm(op_a != Op::none, op_b != Op::none, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
#endif
}

// From so many columns on, and rows of a transposed A, packing pays.
inline constexpr Index kPackedColumns = 96;

// Block borders: 512 rows keep a block's operands in the second-level cache at the widths recommenders use; inner
// dimensions beyond 4,096 (weight gradients, summed over users) are cut and added in order.
inline constexpr Index kGemmRowBlock = 512;
inline constexpr Index kGemmInnerBlock = 4096;

/// C[m,n] = alpha · op(A) · op(B) + beta · C, the same bits for any number of threads.
template <class T>
void cpu_gemm(Op op_a, Op op_b, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b, Index ldb,
              T beta, T* c, Index ldc) {
  if (m == 0 || n == 0) return;
  constexpr auto bytes = static_cast<Index>(sizeof(T));
  if (alpha == T(1) && op_a == Op::none && m >= 64 && n < kPackedColumns && n * k * bytes <= cpu::kTallOperandBytes) {
    cpu::tall_product<T>(m, n, k, a, lda, nullptr, op_b == Op::transpose, b, ldb, beta, c, ldc);
    return;
  }
  if (alpha == T(1) && op_a == Op::transpose && op_b == Op::none && k >= 64 && std::min(m, n) < kPackedColumns &&
      m * n * bytes <= cpu::kTallOperandBytes) {
    cpu::tall_outer<T>(m, n, k, a, lda, b, ldb, nullptr, beta, c, ldc);
    return;
  }
  if (k > kGemmInnerBlock && m <= kGemmRowBlock) {
    const Index blocks = chunk_count(k, kGemmInnerBlock);
    std::vector<T> parts(static_cast<std::size_t>(blocks * m * n));
    parallel_chunks(k, kGemmInnerBlock, [&](Index begin, Index end, Index block) {
      gemm_block(op_a, op_b, m, n, end - begin, alpha, op_a == Op::none ? a + begin : a + begin * lda, lda,
                 op_b == Op::none ? b + begin * ldb : b + begin, ldb, T(0), parts.data() + block * m * n, n);
    });
    for (Index row = 0; row < m; ++row)
      for (Index col = 0; col < n; ++col) {
        T total = beta == T(0) ? T(0) : beta * c[row * ldc + col];
        for (Index block = 0; block < blocks; ++block)
          total += parts[static_cast<std::size_t>((block * m + row) * n + col)];
        c[row * ldc + col] = total;
      }
    return;
  }
#if !defined(RECLM_WITH_BLAS)
  gemm_block(op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
#else
  parallel_chunks(m, kGemmRowBlock, [&](Index begin, Index end, Index) {
    gemm_block(op_a, op_b, end - begin, n, k, alpha, op_a == Op::none ? a + begin * lda : a + begin, lda, b, ldb, beta,
               c + begin * ldc, ldc);
  });
#endif
}

}  // namespace reclm::detail
