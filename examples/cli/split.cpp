// reclm split: a data folder with a validation split, for models that are trained elsewhere.

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "atomic_folder.hpp"
#include "command.hpp"
#include "data.hpp"
#include "interrupt.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/data/split_files.hpp"
#include "reclm/data/splits.hpp"
#include "reclm/data/world_files.hpp"

namespace reclm::cli {

namespace {

namespace fs = std::filesystem;

struct SplitCommandOptions {
  CommonOptions common;
  DataOptions data;
  std::string by = "auto", out;
};

/// Whether all that is trained on in the folder has a column of ratings, which is kept then.
bool has_ratings(const fs::path& folder, const std::string& name) {
  std::error_code failure;
  bool any = false;
  fs::directory_iterator entry(folder, failure);
  for (const fs::directory_iterator end; !failure && entry != end; entry.increment(failure)) {
    const fs::path& file = entry->path();
    const std::string kind = file.stem().extension().string();
    if (file.extension() != ".inter" || kind == ".valid" || kind == ".test" || kind == ".zero") continue;
    if (!name.empty() && file.stem() != name && file.stem() != name + ".train") continue;  // of another data set
    std::ifstream lines(file);
    std::string header;
    std::getline(lines, header);
    if (('\t' + header).find("\trating:") == std::string::npos) return false;
    any = true;
  }
  return any;
}

/// Everything but clicks and candidates: tables, vectors, texts.
void copy_rest(const fs::path& from, const fs::path& to) {
  std::error_code failure;
  fs::create_directories(to, failure);
  fs::directory_iterator entry(from, failure);
  for (const fs::directory_iterator end; !failure && entry != end; entry.increment(failure)) {
    const fs::path& file = entry->path();
    if (!entry->is_regular_file(failure) || file.extension() == ".inter" || file.extension() == ".candidates") continue;
    fs::copy_file(file, to / file.filename(), failure);
    if (failure) break;
    fs::permissions(to / file.filename(), fs::perms::owner_write, fs::perm_options::add, failure);
  }
  if (failure)
    throw IoError("cannot copy the files of " + from.string() + " to " + to.string() + ": " + failure.message() +
                  ". Remedy: check that there is room and that they can be read");
}

/// Carves a validation split where the data have none; a sentence about it.
std::string carve(const SplitCommandOptions& options, Dataset& data) {
  if (!data.valid.empty()) return "Validation: as NAME.inter was split.";
  if (options.data.valid == 0) return "There is no validation split, as was asked.";
  const bool times = !data.train_values.timestamps.empty();
  const bool by_time = options.by == "time" || (options.by == "auto" && times);
  carve_validation(data, {.share = options.data.valid, .by_time = by_time, .seed = options.data.split_seed});
  if (data.valid.empty())
    throw ConfigError("train is too small to give a validation split. Remedy: a larger --valid, or more data");
  return by_time ? "Validation: each user's latest clicks of train." : "Validation: clicks of train, drawn at random.";
}

bool has_validation(const SplitCommandOptions& options, const Dataset& data) {
  std::error_code failure;
  return fs::exists(fs::path(options.data.folder) / (data.name + ".valid.inter"), failure);
}

ExitCode run(const SplitCommandOptions& options) {
  const ThreadLimit limit(options.common.threads);
  AtomicFolder folder(options.out);
  const InterruptGuard guard;
  DataOptions from = options.data;
  from.keep_ratings = has_ratings(from.folder, from.name);
  Dataset data = load(from, false);
  if (options.data.folder.empty())
    write_world(folder.temporary(), make_world({.seed = options.data.world_seed}));
  else if (has_validation(options, data))
    throw ConfigError("data set " + data.name +
                      " has a validation split already. Remedy: use it as it is, or take NAME.valid.inter away");
  else {
    copy_rest(options.data.folder, folder.temporary());
    write_row_ids(options.data.folder, folder.temporary(), {.name = data.name});
  }
  const std::string how = carve(options, data);
  write_splits(folder.temporary(), data);
  if (InterruptGuard::requested()) {
    std::cerr << "Interrupted; nothing was written." << std::endl;
    return exit_interrupted;
  }
  folder.commit();
  if (options.common.json)
    std::cout << nlohmann::ordered_json{{"folder", options.out},      {"name", data.name},
                                        {"users", data.users.size()}, {"items", data.items.size()},
                                        {"train", data.train.size()}, {"valid", data.valid.size()},
                                        {"test", data.test.size()},   {"zero", data.zero.size()},
                                        {"notices", data.notices}}
                     .dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
              << "\n";
  else
    std::cout << options.out << ": " << data.train.size() << " clicks to train on, " << data.valid.size()
              << " to choose on, " << data.test.size() << " to test, " << data.zero.size()
              << " on items that train does not know. " << how << "\n";
  return exit_ok;
}

}  // namespace

void add_split(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<SplitCommandOptions>();
  CLI::App* const command = add_command(
      app, "split", "Writes a data folder with a validation split, for models trained elsewhere.",
      "Splits NAME.inter into train, validation, test and zero, or takes a validation split out of\n"
      "NAME.train.inter, and writes a new folder: the splits, and all other files of DIR as they are. Your model\n"
      "is to be trained on its NAME.train.inter alone; the rows of its factors follow the lines of NAME.user and\n"
      "NAME.item, which are written where there are none, as are the ids of vectors' rows. What\n"
      "comes next in time is best chosen for on what came last: by default validation is each user's latest\n"
      "clicks where there are timestamps.",
      "  reclm split --data DIR --out parts\n"
      "  reclm split --data DIR --split temporal --valid 0.1 --test 0.2 --cold-items 0 --out parts");
  add_data_options(*command, options->data);
  const char* const group = "Splitting";
  const auto share = CLI::Range(0.0, 0.99);
  command->add_option("--valid", options->data.valid, "share of validation")
      ->check(share)
      ->option_text("X=0.1")
      ->group(group);
  command
      ->add_option("--by", options->by,
                   "how validation leaves NAME.train.inter: time, random, auto (time where\n"
                   "there are timestamps)")
      ->check(CLI::IsMember({"auto", "time", "random"}))
      ->option_text("RULE=auto")
      ->group(group);
  command->add_option("--test", options->data.test, "share of test in NAME.inter")
      ->check(share)
      ->option_text("X=0.2")
      ->group(group);
  command
      ->add_option("--cold-items", options->data.cold_items,
                   "share of the items of NAME.inter that are kept from training")
      ->check(share)
      ->option_text("X=0.1")
      ->group(group);
  command->add_option("--seed", options->data.split_seed, "of what is drawn at random")
      ->check(seed_fault)
      ->option_text("N=1")
      ->group(group);
  command->add_option("--out", options->out, "folder to make")
      ->required()
      ->option_text("DIR REQUIRED")
      ->group("Running");
  add_common_options(*command, options->common);
  command->callback([&call, options] { call.run = [options] { return run(*options); }; });
}

}  // namespace reclm::cli
