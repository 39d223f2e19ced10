// A model that another library trained: its factors come as .npy files and leave as a better model.
//   npy_factors --write-clicks FOLDER [DATA_FOLDER]   for Python: clicks.npy, [clicks, 2], and shape.npy, [1, 2]
//   npy_factors FACTORS_FOLDER [DATA_FOLDER]          als_users.npy, als_items.npy, bpr_users.npy, bpr_items.npy
// implicit.sh does both and, between them, trains ALS and BPR of the Python library `implicit`.
#include <filesystem>
#include <string>

#include "common.hpp"
#include "reclm/data/npy.hpp"

namespace fs = std::filesystem;

// Matrices that were loaded are a model: nothing else is needed.
struct LoadedModel {
  reclm::Matrix<float> users, items;

  LoadedModel(const fs::path& folder, const std::string& name)
      : users(reclm::read_npy(folder / (name + "_users.npy"))),
        items(reclm::read_npy(folder / (name + "_items.npy"))) {}
  const auto& user_factors() const { return users; }
  const auto& item_factors() const { return items; }
};

int main(int argc, char** argv) {
  const bool write = argc > 2 && std::string(argv[1]) == "--write-clicks";
  if (argc < 2) return 2;
  const fs::path folder = argv[write ? 2 : 1];
  const reclm::Dataset data = example::data_of(argc - (write ? 2 : 1), argv + (write ? 2 : 1));

  if (write) {
    reclm::Matrix<float> clicks(data.train.size(), 2), shape(1, 2);
    reclm::Index row = 0;
    for (const auto& [user, item] : data.train.pairs()) {
      clicks(row, 0) = static_cast<float>(user);
      clicks(row++, 1) = static_cast<float>(item);
    }
    shape(0, 0) = static_cast<float>(data.train.users());
    shape(0, 1) = static_cast<float>(data.train.items());
    fs::create_directories(folder);
    reclm::write_npy(folder / "clicks.npy", clicks);
    reclm::write_npy(folder / "shape.npy", shape);
    return 0;
  }
  const auto enhance = [&](const char* label, const std::string& name) {
    const LoadedModel model(folder, name);
    auto enhanced = reclm::adapt(model, reclm::profiles_of(data));
    enhanced.fit(data.train, data.valid);

    // Back to Python: one safetensors file. read_enhanced.py makes the same list from it.
    const reclm::ServingModel served = enhanced.serving();
    served.save(folder / (name + "_enhanced.safetensors"));
    reclm::Matrix<float> list(5, 2);
    reclm::Index row = 0;
    for (const auto& [item, score] : served.recommend(0, list.rows())) {
      list(row, 0) = static_cast<float>(item);
      list(row++, 1) = score;
    }
    reclm::write_npy(folder / (name + "_list.npy"), list);
    return example::compare(data, label, example::ranking_of(model), std::cref(enhanced));
  };
  const int failed = enhance("implicit ALS", "als");
  return failed + enhance("implicit BPR", "bpr");
}
