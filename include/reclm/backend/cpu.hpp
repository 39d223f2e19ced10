#pragma once
/// @file cpu.hpp
/// The CPU backend: register-tiled dense products, SIMD row kernels, oneTBB over rows. Every result is the same for any
/// number of threads.

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "reclm/backend/backend.hpp"
#include "reclm/backend/cpu/attention.hpp"
#include "reclm/backend/cpu/gemm.hpp"
#include "reclm/backend/cpu/info_nce.hpp"
#include "reclm/backend/cpu/memory_pool.hpp"
#include "reclm/backend/cpu/top_k.hpp"
#include "reclm/backend/kernels/spmm.hpp"
#include "reclm/core/parallel.hpp"

namespace reclm {

struct Cpu {
  static constexpr bool on_device = false;

  static constexpr const char* name() { return "cpu"; }

  template <class T>
  static std::shared_ptr<T> allocate(Index n) {
    return detail::pooled<T>(n);
  }

  /// Returns memory that lies idle for the next request to the system.
  static void trim() { detail::MemoryPool::instance().trim(); }

  template <class T>
  static void copy(T* to, const T* from, Index n) {
    if (n > 0) std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
  }
  template <class T>
  static void to_host(T* to, const T* from, Index n) {
    copy(to, from, n);
  }
  template <class T>
  static void from_host(T* to, const T* from, Index n) {
    copy(to, from, n);
  }
  template <class T>
  static void zero(T* x, Index n) {
    if (n > 0) std::memset(static_cast<void*>(x), 0, static_cast<std::size_t>(n) * sizeof(T));
  }

  template <class Kernel>
  static void for_rows(Index n, Index width, const Kernel& kernel) {
    parallel_chunks(n, grain(width), [&](Index begin, Index end, Index) {
      for (Index row = begin; row < end; ++row) kernel(CpuTeam{}, row);
    });
  }

  template <class T>
  static void gemm(Op op_a, Op op_b, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b, Index ldb,
                   T beta, T* c, Index ldc) {
    detail::cpu_gemm(op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  }

  /// Y[m, n] = X[ids, :] · Wᵀ for W [n, k], the rows of X read in place.
  template <class T>
  static void gather_gemm(Index m, Index n, Index k, const T* x, const Id* ids, const T* w, T* y) {
    cpu::tall_product<T>(m, n, k, x, k, ids, true, w, k, T(0), y, n);
  }
  /// dW[n, k] = beta · dW + dYᵀ · X[ids, :] for dY [m, n].
  template <class T>
  static void gather_gemm_backward(Index m, Index n, Index k, const T* dy, const T* x, const Id* ids, T beta, T* dw) {
    cpu::tall_outer<T>(n, k, m, dy, n, x, k, ids, beta, dw, k);
  }

  template <class T>
  static void spmm(const CsrView<T>& a, const T* x, Index width, T beta, const T* r, T* y) {
    if (width % 32 == 0)
      for_rows(a.rows, 8 * width, kernels::Spmm<T, 32>{a, x, width, beta, r, y});
    else
      for_rows(a.rows, 8 * width, kernels::Spmm<T, 16>{a, x, width, beta, r, y});
  }

  /// See cpu/info_nce.hpp.
  template <class T>
  static double info_nce(const InfoNceProblem<T>& problem) {
    return cpu::info_nce(problem);
  }
  template <class T>
  static double info_nce(const InfoNceProblem<T>& problem, const InfoNceGradient<T>& gradient) {
    return cpu::info_nce(problem, gradient);
  }

  /// See cpu/attention.hpp.
  template <class T>
  static void attention(const AttentionInput<T>& in, T* y, T* log_sums) {
    cpu::attention(in, y, log_sums);
  }
  template <class T>
  static void attention_backward(const AttentionInput<T>& in, const T* y, const T* log_sums, const T* dy, T* dq, T* dk,
                                 T* dv) {
    cpu::attention_backward(in, y, log_sums, dy, dq, dk, dv);
  }

  /// See cpu/top_k.hpp.
  static TopK top_k(const PairFactors& factors, std::span<const Id> users, std::span<const Id> candidates,
                    const MaskView& masked, Index k) {
    return cpu::top_k(factors, users, candidates, masked, k);
  }

  template <class T>
  static double sum(const T* x, Index n) {
    return ordered_sum<double>(n, 1 << 14, [&](Index begin, Index end) {
      const T* const from = x + begin;
      return CpuTeam{}.sum(end - begin, [=](Index i) { return static_cast<double>(from[i]); });
    });
  }

  template <class T>
  static void column_sums(const T* x, Index rows, Index cols, bool accumulate, T* out) {
    constexpr Index chunk = 2048;
    const Index chunks = chunk_count(rows, chunk);
    std::vector<T> parts(static_cast<std::size_t>(chunks * cols), T(0));
    parallel_chunks(rows, chunk, [&](Index begin, Index end, Index number) {
      T* RECLM_RESTRICT part = parts.data() + number * cols;
      for (Index row = begin; row < end; ++row) CpuTeam{}.each(cols, [&](Index c) { part[c] += x[row * cols + c]; });
    });
    if (!accumulate) zero(out, cols);
    for (Index number = 0; number < chunks; ++number)
      for (Index c = 0; c < cols; ++c) out[c] += parts[static_cast<std::size_t>(number * cols + c)];
  }

 private:
  // About 32k elements of work a task: 10 µs, far above the cost of handing it out.
  static constexpr Index grain(Index width) { return std::max<Index>(1, (Index{1} << 15) / std::max<Index>(1, width)); }
};

static_assert(Backend<Cpu>);

}  // namespace reclm
