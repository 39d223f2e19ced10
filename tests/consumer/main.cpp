// A user's program: trains LightGCN with profiles and ranks items that nobody has clicked.
#include <reclm/reclm.hpp>

#include <cstdio>
#include <memory>

int main() {
  const reclm::Dataset data = reclm::make_world({.users = 300, .items = 400}).dataset;
  reclm::JointModel<> model("LightGCN + RecLM",
                            reclm::make_vectors<reclm::Cpu, float>(reclm::AdapterKind::reclm, data, 32,
                                                                   reclm::IdStart::xavier, reclm::Initializer(1)),
                            std::make_unique<reclm::LightGcn<reclm::Cpu, float>>(data.train));
  reclm::train(model, data.train, {.epochs = 30, .batch_size = 256});

  const auto result = reclm::evaluate(data, reclm::Setting::zero_shot, model.ranking());
  const double random = 20.0 / static_cast<double>(result.candidates);
  std::printf("reclm %s: zero-shot Recall@20 %.3f, random order %.3f\n", RECLM_VERSION_STRING, result.mean("recall@20"),
              random);
  return result.mean("recall@20") > random ? 0 : 1;
}
