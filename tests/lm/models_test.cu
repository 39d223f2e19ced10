// Decoder and encoder on a GPU against transformers.
#include "reclm/backend/cuda.cuh"

#include "decoder_cases.hpp"
#include "encoder_cases.hpp"
#include "support/cuda_available.hpp"

TEST_CASE("CUDA: a decoder's logits are those of transformers") {
  if (!reclm_test::gpu()) return;
  reclm_test::check_logits<reclm::Cuda>(2e-4);
}
TEST_CASE("CUDA: an encoder's states and vectors are those of transformers") {
  if (!reclm_test::gpu()) return;
  reclm_test::check_vectors<reclm::Cuda>(1e-4);
}
