// How often a reward finds the better of two profiles, at home and in a world of other topics: some minutes a seed,
// with a tiny model such as `reclm run` trains, where tuning_study needs a reader that takes an hour.
//   reward_study OUT [seeds=5] [users=2000] [items=2600] [first_seed=1] [NAME=VALUE …]
//
// Settings are those of reclm/instruct/tiny_recipe.hpp but for what NAME=VALUE says (see tuning_command.hpp). All seeds
// begin with one model, OUT/tiny, which has seen the words of both vocabularies in other worlds. Figures are of users
// of whom nothing was learned. Finished seeds are kept in OUT and not run again.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reclm/instruct/open_language_model.hpp"
#include "reclm/instruct/tiny_language_model.hpp"
#include "reclm/lm/weights/open_weights.hpp"
#include "tuning_command.hpp"
#include "tuning_place.hpp"
#include "tuning_tables.hpp"

using namespace reclm;
using namespace reclm::instruct;
using tuning_study::add_accuracies;
using tuning_study::Adjustments;
using tuning_study::judged_pairs;
using tuning_study::Place;
using tuning_study::Seed;

namespace {

LanguageModel tiny_model(const std::filesystem::path& folder) {
  constexpr std::uint64_t seed = 900'002;  // nobody studies its worlds
  std::filesystem::create_directories(folder.parent_path());
  make_tiny_model(
      folder,
      [&] {
        TinyCorpus all;
        for (const int vocabulary : {0, 1}) {
          const World library =
              make_world({.users = 400, .items = 500, .vocabulary = vocabulary, .vectors = false, .seed = seed});
          for (std::string& text :
               tiny_texts_of(library.dataset, library.user_profile_text, seed, tiny_dialogues(seed)))
            all.texts.push_back(std::move(text));
        }
        return all;
      },
      tiny_model_recipe(seed));
  return open_language_model(folder);
}

/// One of the two worlds of a seed, and the reward that was trained there.
struct Home {
  Place place;
  std::filesystem::path folder;
  LanguageModel model;  ///< what the reward's scorer reads with: where sft trained all weights, those
  TuningReport report{};

  Home(const WorldOptions& options, std::filesystem::path where, const LanguageModel& base, const TuningOptions& recipe)
      : place(options), folder(std::move(where)), model(base) {
    TuningOptions how = recipe;
    how.folder = folder;
    how.stages = {"sft", "collaborative", "reward"};
    report = tune(base, place.data, how);
    if (recipe.full_sft) model = with_tuned_weights(base, lm::open_weights(folder / "sft"));
  }
};

Seed one_seed(const std::filesystem::path& folder, const LanguageModel& model, const WorldOptions& options,
              const Adjustments& adjustments) {
  const TuningOptions recipe = tuning_study::adjusted_recipe(options.seed, adjustments);
  WorldOptions others = options;
  others.vocabulary = 1 - options.vocabulary;
  others.seed += 1000;
  const Home here(options, folder / "here", model, recipe), there(others, folder / "there", model, recipe);
  Seed result;
  add_accuracies(result, "reward", here.report.reward->held_out);
  add_accuracies(result, "reward, its scorer alone", here.report.scorer_alone);
  add_accuracies(result, "reward of the other world, at home", there.report.reward->held_out);
  add_accuracies(result, "reward, transferred to the other world",
                 judged_pairs(here.model, there.place, recipe, here.folder / "reward"));
  add_accuracies(result, "reward of the other world, transferred here",
                 judged_pairs(there.model, here.place, recipe, there.folder / "reward"));
  const RewardMixture mixture = load_mixture(here.folder / "reward");
  for (std::size_t k = 0; k < kEvidence; ++k)
    result.figures["weight of " + std::string(name_of(static_cast<Evidence>(k)))] = mixture.evidence[k];
  return result;
}

int run(int argc, char** argv) {
  const auto command = tuning_study::read_command("reward_study", argc, argv);
  if (!command) return 2;
  std::optional<LanguageModel> model;
  tuning_study::print_figures(tuning_study::all_seeds(*command, [&](std::uint64_t seed, const auto& folder) {
    if (!model) model = tiny_model(command->out / "tiny");
    return one_seed(folder, *model, command->world(seed), command->adjustments);
  }));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "reward_study: %s\n", error.what());
    return 1;
  }
}
