// The GPU's products, sums, copies and ranking: the cases of all backends.
#include "product_cases.hpp"
#include "ranking_cases.hpp"
#include "support/cuda_available.hpp"

using reclm::Cuda;
using namespace reclm_test;

TEST_CASE("CUDA: dense products") {
  if (!gpu()) return;
  check_gemm<Cuda, float>();
  check_gemm<Cuda, double>();
}
TEST_CASE("CUDA: sparse products") {
  if (!gpu()) return;
  check_spmm<Cuda, float>();
  check_spmm<Cuda, double>();
}
TEST_CASE("CUDA: sums") {
  if (!gpu()) return;
  check_sums<Cuda, float>();
  check_sums<Cuda, double>();
}
TEST_CASE("CUDA: copies") {
  if (!gpu()) return;
  check_memory<Cuda, float>();
  check_memory<Cuda, double>();
}
TEST_CASE("CUDA: top_k") {
  if (!gpu()) return;
  check_ranking<Cuda>();
  check_ranking_terms<Cuda>();
  check_ranking_subset<Cuda>();
  check_ranking_ties<Cuda>();
  check_ranking_bias<Cuda>();
  check_ranking_numbers<Cuda>();
  check_ranking_refusals<Cuda>();
}

TEST_CASE("a failed CUDA call says which, why and what to do") {
  try {
    reclm::cuda::detail::check(cudaErrorMemoryAllocation, "cudaMallocAsync");
    FAIL("a failure was accepted");
  } catch (const reclm::CudaError& error) {
    const std::string text = error.what();
    for (const char* part : {"cudaMallocAsync", "out of memory", "Remedy: use a smaller batch"})
      CHECK(text.find(part) != std::string::npos);
  }
  CHECK_THROWS_AS(reclm::cuda::detail::check(CUBLAS_STATUS_NOT_INITIALIZED, "cublasCreate"), reclm::CudaError);
  CHECK_THROWS_AS(reclm::cuda::detail::narrow(Index{1} << 31), reclm::ShapeError);
}
