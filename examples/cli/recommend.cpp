// reclm recommend: ranked lists of a trained model.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "interrupt.hpp"
#include "model_file.hpp"
#include "reclm/core/atomic_file.hpp"
#include "reclm/core/parallel.hpp"
#include "terminal.hpp"

namespace reclm::cli {

namespace {

struct RecommendOptions {
  CommonOptions common;
  std::string model, users, candidates = "all", out;
  bool all_users = false;
  Index k = 20;
};

/// Where lists go: standard output, or a file that appears when it is complete.
class Sink {
 public:
  explicit Sink(const std::string& path) {
    if (!path.empty()) file_.emplace(path);
  }
  void write(const std::string& text) {
    if (file_)
      file_->write(text);
    else
      std::cout << text;
  }
  void commit() {
    if (file_) file_->commit();
  }

 private:
  std::optional<AtomicFile> file_;
};

std::vector<Id> chosen_users(const RecommendOptions& options, const TrainedModel& model) {
  std::vector<Id> users;
  if (options.all_users) {
    users.resize(static_cast<std::size_t>(model.users.size()));
    std::iota(users.begin(), users.end(), Id{0});
    return users;
  }
  if (const auto user = model.users.find(options.users)) return {*user};  // an id may hold a comma
  for (const std::string& name : split_list("--users", options.users)) {
    const auto user = model.users.find(name);
    if (!user)
      throw ConfigError("--users: the model does not know the user \"" + name +
                        "\". Remedy: name users of the data it was trained on, as the first column of its .inter file");
    users.push_back(*user);
  }
  return users;
}

std::vector<Id> chosen_items(const RecommendOptions& options, const TrainedModel& model) {
  std::vector<Id> items;
  for (Id item = 0; item < model.items.size(); ++item) {
    const bool warm = model.train_clicks[static_cast<std::size_t>(item)] > 0;
    if (options.candidates == "all" || warm == (options.candidates == "warm")) items.push_back(item);
  }
  if (items.empty())
    throw ConfigError("--candidates " + options.candidates + ": the model has no such item. Remedy: take all");
  return items;
}

std::string score_text(float score) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", static_cast<double>(score));
  return text;
}

/// The lists of some users as lines, or as entries of a JSON array.
std::string listed(const TrainedModel& model, const TopK& lists, bool json, bool first) {
  std::string text;
  for (Index row = 0; row < lists.items.rows(); ++row) {
    const std::string user(model.users.name(lists.users[static_cast<std::size_t>(row)]));
    auto entries = nlohmann::ordered_json::array();
    for (Index rank = 0; rank < lists.items.cols() && lists.items(row, rank) != kNoItem; ++rank) {
      const std::string item(model.items.name(lists.items(row, rank)));
      if (json)
        entries.push_back({{"item", item}, {"score", lists.scores(row, rank)}});
      else
        text +=
            user + "\t" + std::to_string(rank + 1) + "\t" + item + "\t" + score_text(lists.scores(row, rank)) + "\n";
    }
    if (!json) continue;
    const nlohmann::ordered_json entry{{"user", user}, {"items", std::move(entries)}};
    text += first && row == 0 ? "  " : ",\n  ";
    text += entry.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }
  return text;
}

ExitCode run(const RecommendOptions& options) {
  if (options.users.empty() == !options.all_users)
    throw ConfigError("for whom? Remedy: name --users a,b,c or --all-users");
  const ThreadLimit limit(options.common.threads);
  const TrainedModel model = [&] {
    try {
      return read_model(options.model);
    } catch (const IoError& e) {
      throw BadInput(e.what());
    }
  }();
  std::error_code failure;
  if (!options.out.empty() && std::filesystem::equivalent(options.model, options.out, failure))
    throw ConfigError("--out " + options.out + " is the model, which would be written over. Remedy: name another file");
  const std::vector<Id> users = chosen_users(options, model), items = chosen_items(options, model);
  const Index k = std::min(options.k, static_cast<Index>(items.size()));
  const bool json = options.common.json;
  Sink sink(options.out);
  sink.write(json ? "[\n" : "user\trank\titem\tscore\n");
  ProgressDisplay display(options.common.quiet || (options.out.empty() && ::isatty(STDOUT_FILENO) == 1));
  const Observer observer = display.observer();
  const InterruptGuard guard;
  constexpr std::size_t kBatch = 4096;
  for (std::size_t begin = 0; begin < users.size(); begin += kBatch) {
    const auto batch = std::span(users).subspan(begin, std::min(kBatch, users.size() - begin));
    sink.write(listed(model, model.scores.top_k(batch, items, &model.seen, k), json, begin == 0));
    const std::size_t done = begin + batch.size();
    if (!observer(
            {.stage = "recommend", .step = static_cast<Index>(done), .total = static_cast<Index>(users.size())})) {
      std::cout.flush();
      std::cerr << "Interrupted after " << done << " of " << users.size() << " users; "
                << (options.out.empty() ? "the lists above are complete." : "nothing was written.") << std::endl;
      return exit_interrupted;
    }
  }
  if (json) sink.write("\n]\n");
  sink.commit();
  return exit_ok;
}

}  // namespace

void add_recommend(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<RecommendOptions>();
  CLI::App* const command = add_command(
      app, "recommend", "Lists the best items for users, by a trained model.",
      "Reads a model that `reclm train` wrote; the file holds ids and histories too, so that no data folder\n"
      "is needed. Items that a user had in training or validation are left out. Items that training never\n"
      "saw (cold) are ranked like all others when their text or profile was in the data; --candidates\n"
      "restricts the lists to them or to the known ones (warm). A model that knows items by clicks alone\n"
      "(train --adapter id) says nothing of cold ones: take warm. Lists come as tab-separated lines (user,\n"
      "rank, item, score) or, with --json, as an array.",
      "  reclm recommend --model model.safetensors --users u1,u2 --k 10\n"
      "  reclm recommend --model model.safetensors --all-users --candidates cold --out lists.tsv");
  command->add_option("--model", options->model, "what `reclm train` wrote")->required()->option_text("FILE REQUIRED");
  auto* const users = command->add_option("--users", options->users, "their ids")->option_text("LIST");
  command->add_flag("--all-users", options->all_users, "everybody")->excludes(users)->option_text(" ");
  command->add_option("--k", options->k, "length of the lists")->check(CLI::Range(1, 1 << 20))->option_text("N=20");
  command->add_option("--candidates", options->candidates, "what is ranked: all, warm (known in training), cold")
      ->check(CLI::IsMember({"all", "warm", "cold"}))
      ->option_text("KIND=all");
  command->add_option("--out", options->out, "file instead of standard output; appears when complete")
      ->option_text("FILE");
  add_common_options(*command, options->common);
  command->callback([&call, options] { call.run = [options] { return run(*options); }; });
}

}  // namespace reclm::cli
