// An enhanced model behind FAISS: its factors are ordinary vectors, a score is their inner product.
//   serve_with_faiss [DATA_FOLDER]
#include <cstdio>

#include <faiss/IndexFlat.h>

#include "common.hpp"
#include "my_model.hpp"

int main(int argc, char** argv) {
  const reclm::Dataset data = example::data_of(argc, argv);
  const MyModel model = train_my_model(data.train);
  auto enhanced = reclm::adapt(model, reclm::profiles_of(data));
  enhanced.fit(data.train, data.valid);

  // Factors and histories without any training code: what a server keeps, here and after save() and load().
  const reclm::ServingModel served = enhanced.serving();
  const auto& users = served.user_factors();
  const auto& items = served.item_factors();
  faiss::IndexFlatIP index(items.cols());
  index.add(items.rows(), items.data());

  // FAISS knows no histories: ask for as many more as the user has clicked, and leave those out.
  const reclm::Index k = 20;
  reclm::Index equal = 0, asked = 0;
  for (reclm::Id user = 0; user < 200 && user < served.users(); ++user) {
    const auto wide = k + static_cast<reclm::Index>(served.history().of(user).size());
    std::vector<float> scores(static_cast<std::size_t>(wide));
    std::vector<faiss::Index::idx_t> found(scores.size());
    index.search(1, users.row(user).data(), wide, scores.data(), found.data());
    std::vector<reclm::Id> list;
    for (const auto item : found)
      if (!served.history().contains(user, static_cast<reclm::Id>(item))) list.push_back(static_cast<reclm::Id>(item));

    const auto own = served.recommend(user, k);
    asked += k;
    for (std::size_t place = 0; place < own.size(); ++place) equal += own[place].item == list[place];
  }
  std::printf("FAISS and reclm agree on %ld of %ld places\n", static_cast<long>(equal), static_cast<long>(asked));
  return equal > 0.98 * static_cast<double>(asked) ? 0 : 1;  // ties and rounding apart
}
