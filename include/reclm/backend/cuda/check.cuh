#pragma once
/// @file check.cuh
/// CUDA and cuBLAS status codes as this library's errors.

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <string>

#include "reclm/core/error.hpp"

namespace reclm {

/// A call to the CUDA runtime or to cuBLAS failed.
class CudaError : public Error {
 public:
  using Error::Error;
};

namespace cuda::detail {

/// @throws CudaError naming the call
inline void check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  const bool memory = status == cudaErrorMemoryAllocation;
  throw CudaError(std::string(call) + ": " + cudaGetErrorString(status) + ". Remedy: " +
                  (memory ? "use a smaller batch or width, or a GPU with more memory"
                          : "check that the driver fits the CUDA toolkit and that a GPU is visible"));
}

inline void check(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw CudaError(std::string(call) + ": " + cublasGetStatusString(status) +
                    ". Remedy: check that cuBLAS fits the driver and that GPU memory is left");
}

}  // namespace cuda::detail
}  // namespace reclm
