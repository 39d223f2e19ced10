// The row kernels on the GPU: the cases of all backends.
#include "bpr_cases.hpp"
#include "row_cases.hpp"
#include "support/cuda_available.hpp"

using reclm::Cuda;
using namespace reclm_test;

TEST_CASE("CUDA: rows are gathered and scattered") {
  if (!gpu()) return;
  check_gathering<Cuda, float>();
  check_gathering<Cuda, double>();
}
TEST_CASE("CUDA: rows are brought to unit length") {
  if (!gpu()) return;
  check_normalizing<Cuda, float>();
  check_normalizing<Cuda, double>();
}
TEST_CASE("CUDA: products and sums of rows") {
  if (!gpu()) return;
  check_row_products<Cuda, float>();
  check_row_products<Cuda, double>();
}
TEST_CASE("CUDA: elementwise kernels") {
  if (!gpu()) return;
  check_elementwise<Cuda, float>();
  check_elementwise<Cuda, double>();
}
TEST_CASE("CUDA: BPR's loss and gradients") {
  if (!gpu()) return;
  check_bpr<Cuda, float>();
  check_bpr<Cuda, double>();
}
