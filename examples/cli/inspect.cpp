// reclm inspect: what a data set is like, and what is wrong with it.

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "data.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/data/findings.hpp"
#include "reclm/data/statistics.hpp"

namespace reclm::cli {

namespace {

using Json = nlohmann::ordered_json;

struct InspectOptions {
  CommonOptions common;
  DataOptions data;
  bool strict = false;
};

Json counts_json(const CountSummary& c) {
  return {{"least", c.least}, {"median", c.median}, {"mean", c.mean}, {"most", c.most}, {"none", c.none}};
}

Json texts_json(const std::vector<TextSummary>& columns) {
  Json list = Json::array();
  for (const TextSummary& c : columns)
    list.push_back({{"name", c.name},
                    {"rows", c.rows},
                    {"empty", c.empty},
                    {"repeated", c.repeated},
                    {"median_words", c.median_words}});
  return list;
}

Json to_json(const DatasetStatistics& s, const std::vector<Finding>& found) {
  Json splits = Json::object(), vectors = Json::object(), list = Json::array();
  for (const SplitSummary& split : s.splits)
    splits[split.name] = {{"interactions", split.interactions},
                          {"users", split.users},
                          {"items", split.items},
                          {"candidates", split.candidates}};
  for (const VectorSummary& v : s.vectors)
    vectors[v.name] = {{"rows", v.rows},
                       {"width", v.width},
                       {"zero_rows", v.zero_rows},
                       {"not_finite_rows", v.not_finite},
                       {"repeated_rows", v.repeated_rows},
                       {"mean_norm", v.mean_norm}};
  for (const Finding& f : found)
    list.push_back({{"severity", severity_name(f.severity)}, {"problem", f.problem}, {"remedy", f.remedy}});
  return {{"name", s.name},
          {"users", s.users},
          {"items", s.items},
          {"density", s.density},
          {"splits", splits},
          {"per_user", counts_json(s.per_user)},
          {"per_item", counts_json(s.per_item)},
          {"gini", s.gini},
          {"top_1_percent", s.top_1_percent},
          {"top_10_percent", s.top_10_percent},
          {"vectors", vectors},
          {"item_text", texts_json(s.item_text)},
          {"user_text", texts_json(s.user_text)},
          {"findings", list}};
}

template <class... Values>
void line(const char* form, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, form, values...);
  std::cout << text << "\n";
}

void print_counts(const char* of, const CountSummary& c, const char* each) {
  line("  %-6s  least %td, median %g, mean %.1f, most %td; %td %s have none", of, c.least, c.median, c.mean, c.most,
       c.none, each);
}

void print(const DatasetStatistics& s, const std::vector<Finding>& found) {
  std::cout << s.name << ": " << s.users << " users, " << s.items << " items\n\n";
  line("%-12s%14s%10s%10s%12s", "split", "interactions", "users", "items", "candidates");
  for (const SplitSummary& split : s.splits)
    line("%-12s%14td%10d%10d%12td", split.name.c_str(), split.interactions, split.users, split.items, split.candidates);
  std::cout << "\ntrain interactions\n";
  print_counts("a user", s.per_user, "users");
  print_counts("an item", s.per_item, "items");
  line("  density %.4f%%, Gini of the items %.3f; the most popular 1%% have %.1f%% of them, 10%% have %.1f%%",
       100 * s.density, s.gini, 100 * s.top_1_percent, 100 * s.top_10_percent);
  if (!s.vectors.empty()) {
    std::cout << "\n";
    line("%-16s%10s%8s%8s%12s%12s", "vectors", "rows", "width", "zero", "repeated", "mean norm");
    for (const VectorSummary& v : s.vectors)
      line("%-16s%10td%8td%8td%12td%12.3f", v.name.c_str(), v.rows, v.width, v.zero_rows, v.repeated_rows, v.mean_norm);
  }
  if (!s.item_text.empty() || !s.user_text.empty()) {
    std::cout << "\n";
    line("%-24s%10s%8s%12s%14s", "texts", "rows", "empty", "repeated", "median words");
    for (const auto* columns : {&s.item_text, &s.user_text})
      for (const TextSummary& c : *columns)
        line("%-24.24s%10td%8td%12td%14g", c.name.c_str(), c.rows, c.empty, c.repeated, c.median_words);
  }
  std::cout << "\n";
  for (const Finding& f : found)
    std::cout << severity_name(f.severity) << ": " << f.problem << (f.remedy.empty() ? "" : ". Remedy: " + f.remedy)
              << "\n";
  const bool wrong =
      std::any_of(found.begin(), found.end(), [](const Finding& f) { return f.severity != Severity::note; });
  if (!wrong) std::cout << "nothing is wrong with it\n";
}

ExitCode run(const InspectOptions& options) {
  const ThreadLimit limit(options.common.threads);
  const Dataset data = load(options.data);
  const DatasetStatistics numbers = statistics(data);
  std::vector<Finding> found = findings(data, numbers);
  if (const auto unequal = unequal_profiles(data)) found.insert(found.begin(), *unequal);
  if (options.common.json)
    std::cout << to_json(numbers, found).dump(1, ' ', false, Json::error_handler_t::replace) << "\n";
  else
    print(numbers, found);
  const bool wrong =
      std::any_of(found.begin(), found.end(), [](const Finding& f) { return f.severity != Severity::note; });
  return options.strict && wrong ? exit_bad_data : exit_ok;
}

}  // namespace

void add_inspect(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<InspectOptions>();
  CLI::App* const command = add_command(
      app, "inspect", "Says what a data set is like, and what is wrong with it.",
      "Counts interactions, users and items of each split, how popularity is spread, what vectors and texts\n"
      "there are; then names errors (targets that train or validation knows, targets that are no candidates,\n"
      "unseen items that were seen, NaN), warnings and notes, each with a remedy. Look here before training.",
      "  reclm inspect --data movies\n"
      "  reclm inspect --data movies --strict --json > movies.json");
  add_data_options(*command, options->data);
  command->add_flag("--strict", options->strict, "end with 3 when there is an error or a warning");
  add_common_options(*command, options->common);
  command->callback([options, &call] { call.run = [options] { return run(*options); }; });
}

}  // namespace reclm::cli
