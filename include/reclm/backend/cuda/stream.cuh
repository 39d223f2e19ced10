#pragma once
/// @file stream.cuh
/// The pieces that every CUDA operation stands on: stream, memory, row launches, dense products.

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <limits>
#include <memory>

#include "reclm/backend/backend.hpp"
#include "reclm/backend/cuda/check.cuh"
#include "reclm/backend/cuda/team.cuh"

namespace reclm::cuda {

/// Where the calling thread's work is queued.
inline cudaStream_t stream() { return cudaStreamPerThread; }

/// Blocks until the calling thread's work is done. @throws CudaError, also for what failed earlier in the stream
inline void wait() { detail::check(cudaStreamSynchronize(stream()), "cudaStreamSynchronize"); }

/// n uninitialised elements, freed in stream order. @throws CudaError
template <class T>
std::shared_ptr<T> allocate(Index n) {
  void* memory = nullptr;
  const std::size_t bytes = static_cast<std::size_t>(n > 0 ? n : 1) * sizeof(T);
  detail::check(cudaMallocAsync(&memory, bytes, stream()), "cudaMallocAsync");
  return {static_cast<T*>(memory), [](T* p) { cudaFreeAsync(p, stream()); }};
}

/// Queues a copy of n elements.
template <class T>
void copy(T* to, const T* from, Index n, cudaMemcpyKind kind) {
  if (n > 0)
    detail::check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(n) * sizeof(T), kind, stream()),
                  "cudaMemcpyAsync");
}

namespace detail {

inline constexpr unsigned kWarpsPerBlock = 8;

template <class Kernel>
__global__ void __launch_bounds__(WarpTeam::kLanes* kWarpsPerBlock) row_kernel(const Kernel kernel, Index rows) {
  const Index stride = static_cast<Index>(gridDim.x) * kWarpsPerBlock;
  for (Index row = static_cast<Index>(blockIdx.x) * kWarpsPerBlock + threadIdx.y; row < rows; row += stride)
    kernel(WarpTeam{}, row);
}

inline cublasHandle_t blas() {
  struct Handle {
    cublasHandle_t handle = nullptr;
    Handle() {
      check(cublasCreate(&handle), "cublasCreate");
      check(cublasSetStream(handle, stream()), "cublasSetStream");
    }
    ~Handle() { cublasDestroy(handle); }
  };
  thread_local Handle one;
  return one.handle;
}

inline int narrow(Index n) {
  if (n > std::numeric_limits<int>::max())
    throw ShapeError("a CUDA matrix product has a dimension of " + std::to_string(n) + ", above 2^31 - 1");
  return static_cast<int>(n);
}

}  // namespace detail

/// kernel(warp, row) for each row.
template <class Kernel>
void for_rows(Index rows, const Kernel& kernel) {
  if (rows <= 0) return;
  constexpr Index largest = 1 << 20;
  const Index wanted = (rows + detail::kWarpsPerBlock - 1) / detail::kWarpsPerBlock;
  const auto blocks = static_cast<unsigned>(wanted < largest ? wanted : largest);
  detail::row_kernel<<<blocks, dim3(WarpTeam::kLanes, detail::kWarpsPerBlock), 0, stream()>>>(kernel, rows);
  detail::check(cudaGetLastError(), "launching a row kernel");
}

/// C[m, n] = alpha · op(A) · op(B) + beta · C, row-major: the transposed product of column-major cuBLAS.
template <class T>
void gemm(Op op_a, Op op_b, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b, Index ldb, T beta,
          T* c, Index ldc) {
  if (m == 0 || n == 0) return;
  using detail::narrow;
  const auto op = [](Op o) { return o == Op::none ? CUBLAS_OP_N : CUBLAS_OP_T; };
  if constexpr (std::is_same_v<T, float>)
    detail::check(cublasSgemm(detail::blas(), op(op_b), op(op_a), narrow(n), narrow(m), narrow(k), &alpha, b,
                              narrow(ldb), a, narrow(lda), &beta, c, narrow(ldc)),
                  "cublasSgemm");
  else
    detail::check(cublasDgemm(detail::blas(), op(op_b), op(op_a), narrow(n), narrow(m), narrow(k), &alpha, b,
                              narrow(ldb), a, narrow(lda), &beta, c, narrow(ldc)),
                  "cublasDgemm");
}

}  // namespace reclm::cuda
