// A user's program: data of its own, LightGCN with profiles, and a ranking of items that nobody has clicked.
#include <reclm/reclm.hpp>

#include <cstdio>
#include <memory>
#include <numeric>
#include <vector>

namespace {

constexpr reclm::Id kUsers = 200, kItems = 300, kNew = 240, kTastes = 4;

// Users click items of their own taste; the last 60 items are new. Vectors say which taste an item has.
reclm::Dataset my_data() {
  std::vector<reclm::Pair> clicks, first_clicks;
  for (reclm::Id user = 0; user < kUsers; ++user) {
    for (reclm::Id n = 0; n < 12; ++n) clicks.push_back({user, (user + kTastes * (7 * n + 3 * user)) % kNew});
    first_clicks.push_back({user, kNew + user % (kItems - kNew)});
  }
  reclm::Dataset data;
  data.train = reclm::Interactions::from_pairs(kUsers, kItems, clicks);
  data.zero = reclm::Interactions::from_pairs(kUsers, kItems, first_clicks);
  data.zero_candidates.resize(kItems - kNew);
  std::iota(data.zero_candidates.begin(), data.zero_candidates.end(), kNew);
  const auto vectors = [](reclm::Id rows) {
    reclm::Matrix<float> m(rows, 8);
    for (reclm::Id row = 0; row < rows; ++row) {
      m(row, row % kTastes) = 1;
      m(row, 4 + row % 3) = 0.3f;
    }
    return m;
  };
  data.item_vectors = data.item_profiles = vectors(kItems);
  data.user_profiles = vectors(kUsers);
  return data;
}

}  // namespace

int main() {
  const reclm::Dataset data = my_data();
  reclm::JointModel<> model("LightGCN + RecLM",
                            reclm::make_vectors<reclm::presets::RecLM, reclm::Cpu, float>(
                                data, 32, reclm::IdStart::xavier, reclm::Initializer(1)),
                            std::make_unique<reclm::LightGcn<reclm::Cpu, float>>(data.train));
  reclm::train(model, data.train, {.epochs = 30, .batch_size = 256});

  const auto result = reclm::evaluate(data, reclm::Setting::zero_shot, model.ranking());
  const double random = 20.0 / static_cast<double>(result.candidates);
  std::printf("reclm %s: zero-shot Recall@20 %.3f, random order %.3f\n", RECLM_VERSION_STRING, result.mean("recall@20"),
              random);
  return result.mean("recall@20") > random ? 0 : 1;
}
