// The CUDA backend: the CPU's benchmarks on a GPU. Times include waiting for the result.
#include <cstdio>

#include "backend_cases.hpp"
#include "reclm/backend/cuda.cuh"

int main(int argc, char** argv) {
  reclm_bench::register_benchmarks<reclm::Cuda>({0});
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  // Listing needs no GPU.
  if (!reclm::Cuda::available()) std::puts("no CUDA device: compiled, not run");
  if (reclm::Cuda::available()) benchmark::RunSpecifiedBenchmarks();
}
