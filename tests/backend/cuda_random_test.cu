// Random views, Adam and InfoNCE on the GPU: the cases of all backends.
#include "info_nce_cases.hpp"
#include "random_cases.hpp"
#include "support/cuda_available.hpp"

using reclm::Cuda;
using namespace reclm_test;

TEST_CASE("CUDA: edges are dropped by their own numbers") {
  if (!gpu()) return;
  check_edge_drop<Cuda, float>();
  check_edge_drop<Cuda, double>();
}
TEST_CASE("CUDA: noise is made of its own numbers") {
  if (!gpu()) return;
  check_sign_noise<Cuda, float>();
  check_sign_noise<Cuda, double>();
}
TEST_CASE("CUDA: values are permuted") {
  if (!gpu()) return;
  check_permutation<Cuda, float>();
}
TEST_CASE("CUDA: Adam's kernels follow the formula") {
  if (!gpu()) return;
  check_adam<Cuda, float>();
  check_adam<Cuda, double>();
}
TEST_CASE("CUDA: InfoNCE is what its formula says") {
  if (!gpu()) return;
  check_info_nce<Cuda, float>();
  check_info_nce<Cuda, double>();
  check_info_nce_small_temperature<Cuda, float>();
  check_info_nce_long_rows<Cuda, float>();
  check_info_nce_one_memory<Cuda, float>();
  check_info_nce_differences<Cuda>();
  check_info_nce_refusals<Cuda>();
}
