// An enhanced model behind an approximate index, hnswlib: new items are ranked as soon as they are added.
//   serve_with_hnswlib [DATA_FOLDER]
#include <cstdio>
#include <set>

#include <hnswlib/hnswlib.h>

#include "common.hpp"
#include "my_model.hpp"

int main(int argc, char** argv) {
  const reclm::Dataset data = example::data_of(argc, argv);
  const MyModel model = train_my_model(data.train);
  const reclm::Profiles profiles = reclm::profiles_of(data);
  auto enhanced = reclm::adapt(model, profiles);
  enhanced.fit(data.train, data.valid);

  const reclm::ServingModel served = enhanced.serving();
  const auto& items = served.item_factors();
  hnswlib::InnerProductSpace space(static_cast<std::size_t>(items.cols()));
  hnswlib::HierarchicalNSW<float> index(&space, static_cast<std::size_t>(items.rows()) + 1, /*M=*/32,
                                        /*ef_construction=*/400);
  for (reclm::Id item = 0; item < served.items(); ++item)
    index.addPoint(items.row(item).data(), static_cast<hnswlib::labeltype>(item));
  index.setEf(400);

  const std::size_t k = 20;
  std::size_t shared = 0, asked = 0;
  for (reclm::Id user = 0; user < 200 && user < served.users(); ++user) {
    auto nearest = index.searchKnn(served.user_factors().row(user).data(), k + served.history().of(user).size());
    std::set<reclm::Id> found;
    for (; !nearest.empty(); nearest.pop()) found.insert(static_cast<reclm::Id>(nearest.top().second));
    for (const auto& [item, score] : served.recommend(user, k)) {
      shared += found.count(item);
      ++asked;
    }
  }
  const double recall = static_cast<double>(shared) / static_cast<double>(asked);
  std::printf("hnswlib finds %.3f of the exact lists\n", recall);

  // A new item: its profile becomes factors, and those one more point of the index.
  const reclm::Id newest = enhanced.add_item(profiles.items.row(0));
  index.addPoint(enhanced.item_factors().row(newest).data(), static_cast<hnswlib::labeltype>(newest));
  return recall > 0.95 ? 0 : 1;
}
