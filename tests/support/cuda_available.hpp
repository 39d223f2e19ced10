#pragma once
/// Whether tests for the GPU can run; says so where not.
#include "reclm/backend/cuda.cuh"
#include "support/catch.hpp"

namespace reclm_test {

inline bool gpu() {
  if (reclm::Cuda::available()) return true;
  WARN("no CUDA device: compiled, not run");
  return false;
}

}  // namespace reclm_test
