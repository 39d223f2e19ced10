// A model of your own becomes one that also ranks items nobody has clicked.
//   ten_lines [DATA_FOLDER]
#include <cstdio>

#include "common.hpp"
#include "my_model.hpp"

int main(int argc, char** argv) {
  const reclm::Dataset data = example::data_of(argc, argv);
  const MyModel model = train_my_model(data.train);

  // The enhancement: profiles in, a choice on validation clicks, a model of the same kind out.
  auto enhanced = reclm::adapt(model, reclm::profiles_of(data));
  const reclm::FitReport report = enhanced.fit(data.train, data.valid);
  std::printf("Validation Recall@20: %.3f alone, %.3f enhanced\n", report.model_alone, report.enhanced);

  const int failed = example::compare(data, "BPR", example::ranking_of(model), std::cref(enhanced));

  // An item that came a second ago needs nothing but its profile.
  const auto profiles = reclm::profiles_of(data);
  const reclm::Id newest = enhanced.add_item(profiles.items.row(0));
  std::printf("Item %d is new. For user 0:", newest);
  for (const auto& [item, score] : enhanced.recommend(0, 5)) std::printf("  %d (%.2f)", item, score);
  std::puts("");

  return failed;
}
