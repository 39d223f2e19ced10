// A user's program: ranks unseen items by their texts and says how well.
#include <reclm/reclm.hpp>

#include <cstdio>

int main() {
  const reclm::World world = reclm::make_world({.users = 300, .items = 400});
  const reclm::Dataset& data = world.dataset;
  const reclm::ContentKnn model(data.train, data.item_vectors.view());

  const auto ranker = [&](std::span<const reclm::Id> users, std::span<const reclm::Id> candidates,
                          const reclm::Interactions*, reclm::Index k) {
    const reclm::cpu::PairFactors factors{.users = model.user_factors().view(), .items = model.item_factors().view()};
    return reclm::cpu::top_k(factors, users, candidates, {}, k);
  };
  const auto result = reclm::evaluate(data, reclm::Setting::zero_shot, ranker);
  const double random = 20.0 / static_cast<double>(result.candidates);
  std::printf("reclm %s: zero-shot Recall@20 %.3f, random order %.3f\n", RECLM_VERSION_STRING, result.mean("recall@20"),
              random);
  return result.mean("recall@20") > random ? 0 : 1;
}
