#pragma once
/// @file cuda.cuh
/// The CUDA backend: cuBLAS for dense products, one warp a row for row kernels, stream-ordered allocation.
///
/// All work of a host thread goes through that thread's default stream; memory is freed in the order of the stream that
/// frees it, so a tensor must not be dropped by one thread while another thread's work on it is under way. Reductions
/// have a fixed order: a run repeats with the same bits on the same GPU and library versions.

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <memory>
#include <span>

#include "reclm/backend/backend.hpp"
#include "reclm/backend/cuda/check.cuh"
#include "reclm/backend/cuda/stream.cuh"
#include "reclm/backend/kernels/spmm.hpp"
#include "reclm/backend/tiled/info_nce.hpp"
#include "reclm/backend/tiled/sums.hpp"
#include "reclm/backend/tiled/top_k.hpp"

namespace reclm {

struct Cuda {
  static constexpr bool on_device = true;

  static constexpr const char* name() { return "cuda"; }

  /// True when a GPU can be used.
  static bool available() {
    int devices = 0;
    return cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0;
  }

  template <class T>
  static std::shared_ptr<T> allocate(Index n) {
    return cuda::allocate<T>(n);
  }
  template <class T>
  static void copy(T* to, const T* from, Index n) {
    cuda::copy(to, from, n, cudaMemcpyDeviceToDevice);
  }
  template <class T>
  static void to_host(T* to, const T* from, Index n) {
    cuda::copy(to, from, n, cudaMemcpyDeviceToHost);
    cuda::wait();
  }
  template <class T>
  static void from_host(T* to, const T* from, Index n) {
    cuda::copy(to, from, n, cudaMemcpyHostToDevice);
    cuda::wait();
  }
  template <class T>
  static void zero(T* x, Index n) {
    if (n > 0)
      cuda::detail::check(cudaMemsetAsync(x, 0, static_cast<std::size_t>(n) * sizeof(T), cuda::stream()),
                          "cudaMemsetAsync");
  }

  template <class Kernel>
  static void for_rows(Index n, Index /*width*/, const Kernel& kernel) {
    cuda::for_rows(n, kernel);
  }

  template <class T>
  static void gemm(Op op_a, Op op_b, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b, Index ldb,
                   T beta, T* c, Index ldc) {
    cuda::gemm(op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  }

  /// One warp a row, a lane a column. (cuSPARSE has not been measured against it on a GPU yet.)
  template <class T>
  static void spmm(const CsrView<T>& a, const T* x, Index width, T beta, const T* r, T* y) {
    cuda::for_rows(a.rows, kernels::Spmm<T, 32>{a, x, width, beta, r, y});
  }

  template <class T>
  static double info_nce(const InfoNceProblem<T>& problem) {
    return tiled::info_nce<Cuda, T>(problem, nullptr);
  }
  template <class T>
  static double info_nce(const InfoNceProblem<T>& problem, const InfoNceGradient<T>& gradient) {
    return tiled::info_nce<Cuda, T>(problem, &gradient);
  }

  /// Factors, masks and lists in host memory. @throws as cpu::top_k, and CudaError
  static TopK top_k(const PairFactors& factors, std::span<const Id> users, std::span<const Id> candidates,
                    const MaskView& masked, Index k) {
    return tiled::top_k<Cuda>(factors, users, candidates, masked, k);
  }

  template <class T>
  static double sum(const T* x, Index n) {
    return tiled::sum<Cuda>(x, n);
  }
  template <class T>
  static void column_sums(const T* x, Index rows, Index cols, bool accumulate, T* out) {
    tiled::column_sums<Cuda>(x, rows, cols, accumulate, out);
  }
};

static_assert(Backend<Cuda>);

}  // namespace reclm
