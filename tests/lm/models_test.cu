// Decoder and encoder on a GPU against transformers, their training against torch; prompts that are read once for
// several answers.
#include "reclm/backend/cuda.cuh"

#include "decoder_cases.hpp"
#include "differentiate.hpp"
#include "encoder_cases.hpp"
#include "support/cuda_available.hpp"
#include "training_fixture.hpp"

using namespace reclm_test;

TEST_CASE("CUDA: a decoder's logits are those of transformers") {
  if (!reclm_test::gpu()) return;
  reclm_test::check_logits<reclm::Cuda>(2e-4);
}
TEST_CASE("CUDA: an encoder's states and vectors are those of transformers") {
  if (!reclm_test::gpu()) return;
  reclm_test::check_vectors<reclm::Cuda>(1e-4);
}

TEST_CASE("CUDA: every weight's gradient is torch's") {
  if (!gpu()) return;
  const TrainingFixture fixture;
  const PackedBatch batch = pack(fixture.samples());
  for (const std::string name : {"llama", "qwen2"}) {
    const TrainableDecoder<Cuda, float> model(fixture.weights(name));
    const auto [loss, gradients] = differentiate(model, batch, fixture.divisor);
    CHECK(loss == Approx(fixture.file.matrix<double>(name + ".loss")(0, 0)).epsilon(1e-4));
    for (const auto& [parameter, gradient] : gradients) {
      INFO(name << ", " << parameter);
      CHECK(distance(gradient, fixture.file.matrix<double>(name + ".g." + parameter)) < 1e-3);
    }
  }
}

TEST_CASE("CUDA: samples that share their beginning have the loss and gradients that they have apart") {
  if (!gpu()) return;
  const TrainingFixture fixture;
  const AlikeSamples alike;
  const TrainableDecoder<Cuda, float> model(fixture.weights("llama"));
  const auto [expected, gradients] = differentiate(model, alike.apart, 1.0);
  const auto [loss, found] = differentiate(model, alike.shared, 1.0);
  CHECK(loss == Approx(expected).epsilon(1e-4));
  for (const auto& [parameter, gradient] : gradients) CHECK(distance(found.at(parameter), gradient) < 1e-3);
}
