// reclm world: the embedded world as a data folder.

#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "atomic_folder.hpp"
#include "command.hpp"
#include "data.hpp"
#include "interrupt.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/data/world_files.hpp"

namespace reclm::cli {

namespace {

struct WorldCommandOptions {
  CommonOptions common;
  std::string folder;
  WorldOptions world;
  bool no_vectors = false;
};

ExitCode run(WorldCommandOptions& options) {
  const ThreadLimit limit(options.common.threads);
  AtomicFolder folder(options.folder);
  options.world.vectors = !options.no_vectors;
  const InterruptGuard guard;
  const World world = make_world(options.world);
  if (!InterruptGuard::requested()) write_world(folder.temporary(), world);
  if (InterruptGuard::requested()) {
    std::cerr << "Interrupted; nothing was written." << std::endl;
    return exit_interrupted;
  }
  folder.commit();
  const Dataset& data = world.dataset;
  if (options.common.json) {
    std::cout << nlohmann::ordered_json{{"folder", options.folder},        {"name", data.name},
                                        {"seed", options.world.seed},      {"users", data.users.size()},
                                        {"items", data.items.size()},      {"train", data.train.size()},
                                        {"test", data.test.size()},        {"zero", data.zero.size()},
                                        {"vectors", options.world.vectors}}
                     .dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
              << "\n";
  } else {
    std::cout << options.folder << ": world " << options.world.seed << " with " << data.users.size() << " users, "
              << data.items.size() << " items; " << data.train.size() << " clicks to train on, " << data.test.size()
              << " to test, " << data.zero.size() << " on items that train does not know\n";
  }
  return exit_ok;
}

}  // namespace

Dataset embedded_world(std::uint64_t seed) { return make_world({.seed = seed}).dataset; }

TaughtData taught_world(std::uint64_t seed, Index users, Index items, bool vectors) {
  WorldOptions options{.vectors = vectors, .seed = seed};
  if (users > 0) options.users = users;
  if (items > 0) options.items = items;
  const auto world = std::make_shared<World>(make_world(options));
  TaughtData taught{.data = world->dataset,
                    .teacher = "oracle of " + world->dataset.name + " " + std::to_string(seed),
                    .user_profiles = std::move(world->user_profile_text),
                    .item_profiles = std::move(world->item_profile_text)};
  world->dataset = {};  // what stays is the truth
  taught.data.item_profiles = taught.data.user_profiles = {};
  taught.truth = [world](Id user) {
    std::vector<std::string> names;
    for (const WorldInterest& interest : world->user_interests[static_cast<std::size_t>(user)])
      names.push_back(world->interest_names[static_cast<std::size_t>(interest.interest)]);
    return names;
  };
  return taught;
}

void add_world(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<WorldCommandOptions>();
  CLI::App* const command =
      add_command(app, "world", "Writes the embedded world as a data folder.",
                  "The embedded world is a data set made from a seed: people with one to five interests, items whose\n"
                  "titles and abstracts tell of them, popularity, new items after a cut in time, and users with few\n"
                  "clicks. Its difficulty follows real data. The folder has the same form as your own data would:\n"
                  "RecBole's atomic files, text and profile vectors (.npy), profiles as sentences (.jsonl), and the\n"
                  "true interests behind every click. It appears complete or not at all.",
                  "  reclm world --out world\n"
                  "  reclm world --out large --users 20000 --items 10000 --seed 7");
  command->add_option("--out", options->folder, "folder to make")->required()->option_text("DIR REQUIRED");
  command->add_option("--seed", options->world.seed, "which world")->check(seed_fault)->option_text("N=1");
  const char* const group = "Sizes";
  WorldOptions& world = options->world;
  command->add_option("--users", world.users, "people")->option_text("N=2000")->group(group);
  command->add_option("--items", world.items, "at least 100")->option_text("N=2600")->group(group);
  command->add_option("--clicks", world.clicks, "median clicks a user")->option_text("X=15")->group(group);
  command->add_option("--new-items", world.new_items, "share of items that come after the cut")
      ->option_text("X=0.18")
      ->group(group);
  command->add_option("--cut", world.cut, "where test begins, as a share of the time")
      ->option_text("X=0.8")
      ->group(group);
  command->add_option("--vocabulary", world.vocabulary, "0: free time; 1: science, work and public life")
      ->option_text("N=0")
      ->group(group);
  command->add_flag("--no-vectors", options->no_vectors, "texts alone, no .npy files")->group(group);
  add_common_options(*command, options->common);
  command->callback([&call, options] { call.run = [options] { return run(*options); }; });
}

}  // namespace reclm::cli
