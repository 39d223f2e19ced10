#pragma once
/// @file stream.cuh
/// The pieces that every CUDA operation stands on: stream, memory, row launches, dense products.

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <type_traits>

#include "reclm/backend/backend.hpp"
#include "reclm/backend/cuda/check.cuh"
#include "reclm/backend/cuda/team.cuh"

namespace reclm::cuda {

/// Where the calling thread's work is queued.
inline cudaStream_t stream() { return cudaStreamPerThread; }

/// Blocks until the calling thread's work is done. @throws CudaError, also for what failed earlier in the stream
inline void wait() { detail::check(cudaStreamSynchronize(stream()), "cudaStreamSynchronize"); }

namespace detail {

inline int current_device() {
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  return device;
}

/// Freed memory stays in the device's pool, where the next step finds it; by default each synchronisation would hand it
/// back to the driver.
inline void keep_freed_memory() {
  thread_local int prepared = -1;
  const int device = current_device();
  if (device == prepared) return;
  cudaMemPool_t pool = nullptr;
  check(cudaDeviceGetDefaultMemPool(&pool, device), "cudaDeviceGetDefaultMemPool");
  std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
  check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all), "cudaMemPoolSetAttribute");
  prepared = device;
}

}  // namespace detail

/// n uninitialised elements, freed in stream order. @throws CudaError
template <class T>
std::shared_ptr<T> allocate(Index n) {
  detail::keep_freed_memory();
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
__global__ void __launch_bounds__(WarpTeam::kLanes* kWarpsPerBlock) warp_rows(const Kernel kernel, Index rows) {
  const Index stride = static_cast<Index>(gridDim.x) * kWarpsPerBlock;
  for (Index row = static_cast<Index>(blockIdx.x) * kWarpsPerBlock + threadIdx.y; row < rows; row += stride)
    kernel(WarpTeam{}, row);
}

template <class Kernel>
__global__ void __launch_bounds__(BlockTeam::kThreads) block_rows(const Kernel kernel, Index rows) {
  for (Index row = blockIdx.x; row < rows; row += gridDim.x) kernel(BlockTeam{}, row);
}

/// cuBLAS is set up once a thread and device.
inline cublasHandle_t blas() {
  struct Handle {
    cublasHandle_t handle = nullptr;
    Handle() {
      check(cublasCreate(&handle), "cublasCreate");
      check(cublasSetStream(handle, stream()), "cublasSetStream");
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() { cublasDestroy(handle); }
  };
  thread_local std::map<int, Handle> handles;
  return handles[current_device()].handle;
}

inline int narrow(Index n) {
  if (n > std::numeric_limits<int>::max())
    throw ShapeError("a CUDA matrix product has a dimension of " + std::to_string(n) +
                     ", above 2^31 - 1. Remedy: split the matrix");
  return static_cast<int>(n);
}

}  // namespace detail

/// kernel(team, row) for each row. A team is a warp; a block of threads where the kernel says that its rows are long
/// (`static constexpr bool kLongRows = true`).
template <class Kernel>
void for_rows(Index rows, const Kernel& kernel) {
  if (rows <= 0) return;
  constexpr Index largest = 1 << 20;
  if constexpr (requires { Kernel::kLongRows; }) {
    detail::block_rows<<<static_cast<unsigned>(std::min(rows, largest)), BlockTeam::kThreads, 0, stream()>>>(kernel,
                                                                                                             rows);
  } else {
    const Index blocks = std::min((rows + detail::kWarpsPerBlock - 1) / detail::kWarpsPerBlock, largest);
    detail::warp_rows<<<static_cast<unsigned>(blocks), dim3(WarpTeam::kLanes, detail::kWarpsPerBlock), 0, stream()>>>(
        kernel, rows);
  }
  detail::check(cudaGetLastError(), "launching a row kernel");
}

/// C[m, n] = alpha · op(A) · op(B) + beta · C, row-major: the transposed product of column-major cuBLAS.
template <class T>
void gemm(Op op_a, Op op_b, Index m, Index n, Index k, T alpha, const T* a, Index lda, const T* b, Index ldb, T beta,
          T* c, Index ldc) {
  if (m == 0 || n == 0) return;
  using detail::narrow;
  const auto op = [](Op o) { return o == Op::none ? CUBLAS_OP_N : CUBLAS_OP_T; };
  // cuBLAS refuses strides of 0, which an empty inner dimension has.
  const int step_a = narrow(std::max<Index>(lda, 1)), step_b = narrow(std::max<Index>(ldb, 1));
  if constexpr (std::is_same_v<T, float>)
    detail::check(cublasSgemm(detail::blas(), op(op_b), op(op_a), narrow(n), narrow(m), narrow(k), &alpha, b, step_b, a,
                              step_a, &beta, c, narrow(ldc)),
                  "cublasSgemm");
  else
    detail::check(cublasDgemm(detail::blas(), op(op_b), op(op_a), narrow(n), narrow(m), narrow(k), &alpha, b, step_b, a,
                              step_a, &beta, c, narrow(ldc)),
                  "cublasDgemm");
}

}  // namespace reclm::cuda
