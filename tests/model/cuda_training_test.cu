/// Training steps on the GPU against the same steps on the CPU.
#include "support/cuda_available.hpp"

#include "reclm/align/presets.hpp"
#include "reclm/backend/cpu.hpp"
#include "reclm/model/joint_model.hpp"
#include "reclm/model/make_backbone.hpp"

using namespace reclm;

namespace {

constexpr Id kUsers = 60, kItems = 40;

Matrix<float> noise(Index rows, Index cols, std::uint64_t seed) {
  const Random random(seed, Stream::evaluation);
  Matrix<float> m(rows, cols);
  for (Index k = 0; k < m.size(); ++k) m.data()[k] = random.uniform(static_cast<std::uint64_t>(k)) - 0.5f;
  return m;
}

Interactions graph() {
  std::vector<Pair> pairs;
  for (Id u = 0; u < kUsers; ++u)
    for (Id i = u % 5; i < kItems - 4; i += 3 + u % 7) pairs.push_back({u, i});
  return Interactions::from_pairs(kUsers, kItems, pairs);
}

/// Parameters after three steps.
template <class B>
std::vector<Matrix<float>> train(BackboneKind kind) {
  using Input = FeatureInput<B, float>;
  const Initializer init(1);
  const Interactions train_split = graph();
  JointModel<B, float> model(
      "test",
      std::make_unique<RecLmVectors<B, float>>(init, Input::dense(noise(kItems, 12, 1).view()),
                                               Input::dense(noise(kUsers, 10, 2).view()),
                                               Input::dense(noise(kItems, 10, 3).view()), 16, default_id_start(kind)),
      make_backbone<B, float>(kind, train_split, 16, init));
  const BprSampler sampler(train_split);
  Adam<B, float> adam(model.parameters(), {.learning_rate = 0.01, .l2 = 1e-5});
  Triples batch;
  for (std::uint32_t number = 0; number < 3; ++number) {
    sampler.batch(0, number, 64, batch);
    Tape<B, float> tape;
    tape.backward(model.loss({tape, batch, 64, 1, number, &adam}));
    adam.step();
  }
  adam.flush();
  std::vector<Matrix<float>> values;
  for (const auto* p : model.parameters()) values.push_back(p->value.to_host());
  return values;
}

}  // namespace

TEST_CASE("CUDA: three training steps of each backbone end where the CPU's do") {
  if (!reclm_test::gpu()) return;
  for (const BackboneKind kind : kBackbones) {
    const auto device = train<Cuda>(kind), host = train<Cpu>(kind);
    REQUIRE(device.size() == host.size());
    for (std::size_t p = 0; p < host.size(); ++p)
      for (Index k = 0; k < host[p].size(); ++k) {
        INFO(backbone_name(kind) << ", parameter " << p << ", element " << k);
        CHECK(device[p].data()[k] == Approx(host[p].data()[k]).epsilon(2e-3).margin(2e-3));
      }
  }
}
