// The decoder on a GPU: transformers' logits.
#include "reclm/backend/cuda.cuh"

#include "decoder_cases.hpp"
#include "support/cuda_available.hpp"

TEST_CASE("CUDA: a decoder's logits are those of transformers") {
  if (!reclm_test::gpu()) return;
  reclm_test::check_logits<reclm::Cuda>(2e-4);
}
