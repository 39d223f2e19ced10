#pragma once
// What bench/tuning_study.cpp measures of one seed, kept as a file, and the tables that it prints of all seeds.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "reclm/core/atomic_file.hpp"
#include "reclm/eval/significance.hpp"
#include "reclm/instruct/reward/pair_accuracy.hpp"
#include "tuning_command.hpp"

namespace tuning_study {

/// Where profiles come from.
namespace arm_names {

inline constexpr const char* kUntuned = "untuned";
inline constexpr const char* kSft = "SFT";
inline constexpr const char* kLonger = "SFT, on the collaborative schedule";
inline constexpr const char* kCollaborative = "+ collaborative";
inline constexpr const char* kInformed = "+ collaborative, told of neighbours";
inline constexpr const char* kVoted = "what neighbours' profiles name most";
inline constexpr const char* kPpo = "+ PPO";
inline constexpr const char* kTransferred = "+ PPO, the other world's reward";
inline constexpr const char* kChosen = "+ collaborative, best of 8 by the reward";
inline constexpr const char* kChosenTransferred = "+ collaborative, best of 8 by the other world's reward";
inline constexpr const char* kSftAgreed = "SFT, consensus of 8";
inline constexpr const char* kAgreed = "+ collaborative, consensus of 8";
inline constexpr const char* kPpoAgreed = "+ PPO, consensus of 8";
inline constexpr const char* kTeacher = "teacher";
inline constexpr const char* kShuffled = "+ PPO, shuffled among users";
inline constexpr const char* kFrequent = "most frequent interests";
inline constexpr const char* kHistory = "raw text of the history";
inline constexpr const char* kDescribed = "texts and item profiles of the history";
inline constexpr const char* kRandom = "random order";

}  // namespace arm_names

/// Profiles from one source for the evaluation users of one seed.
struct Arm {
  std::vector<float> accuracy;            ///< of each user: share of the true interests named; empty: it names none
  std::vector<float> greedy;              ///< the same of profiles written at temperature 0
  std::vector<float> recall;              ///< zero-shot Recall@20 of each user with unseen targets
  std::vector<float> greedy_recall;       ///< the same of profiles written at temperature 0
  std::vector<float> beside;              ///< Recall@20 where the history's raw text is heard, too
  std::map<std::string, double> figures;  ///< of all users together: valid, precision, distinct, mentioned
};

/// One seed: arms by name, and figures of the stages.
struct Seed {
  std::map<std::string, Arm> arms;
  std::map<std::string, double> figures;
  std::map<std::string, std::vector<std::string>> samples;  ///< profiles of some users, one a stage
};

/// As figures: of all pairs, and by kind.
inline void add_accuracies(Seed& seed, const std::string& what, const reclm::instruct::PairAccuracy& pairs) {
  using namespace reclm::instruct;
  seed.figures[what + ": all kinds"] = pairs.all;
  for (std::size_t k = 0; k < kRejections; ++k)
    seed.figures[what + ": " + std::string(rejection_name(static_cast<Rejection>(k)))] = pairs.by_kind[k];
}

inline void write(const std::filesystem::path& path, const Seed& seed, const std::string& settings) {
  nlohmann::ordered_json all{{"settings", settings},
                             {"figures", seed.figures},
                             {"samples", seed.samples},
                             {"arms", nlohmann::ordered_json::object()}};
  for (const auto& [name, arm] : seed.arms)
    all["arms"][name] = {{"accuracy", arm.accuracy},           {"greedy", arm.greedy}, {"recall", arm.recall},
                         {"greedy_recall", arm.greedy_recall}, {"beside", arm.beside}, {"figures", arm.figures}};
  reclm::write_file(path, all.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

/// Nothing where there is no such file, or it was made with other settings.
inline std::optional<Seed> read(const std::filesystem::path& path, const std::string& settings) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  const auto all = nlohmann::json::parse(file, nullptr, false);
  if (!all.is_object() || all.value("settings", "") != settings) return std::nullopt;
  Seed seed;
  seed.figures = all.at("figures").get<std::map<std::string, double>>();
  seed.samples = all.at("samples").get<std::map<std::string, std::vector<std::string>>>();
  for (const auto& [name, arm] : all.at("arms").items())
    seed.arms[name] = {
        arm.at("accuracy").get<std::vector<float>>(), arm.at("greedy").get<std::vector<float>>(),
        arm.at("recall").get<std::vector<float>>(),   arm.at("greedy_recall").get<std::vector<float>>(),
        arm.at("beside").get<std::vector<float>>(),   arm.at("figures").get<std::map<std::string, double>>()};
  return seed;
}

/// Each seed of the command: as it was kept, or by `study(seed, folder)`, and then kept.
template <class Study>
std::vector<Seed> all_seeds(const Command& command, const Study& study) {
  std::vector<Seed> finished;
  for (std::uint64_t seed = command.first_seed; seed < command.end(); ++seed) {
    const std::filesystem::path folder = command.out / ("seed-" + std::to_string(seed));
    const std::filesystem::path file = folder.string() + ".json";
    auto result = read(file, command.settings);
    if (!result) {
      const auto start = std::chrono::steady_clock::now();
      result = study(seed, folder);
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      result->figures["seconds"] = seconds;
      write(file, *result, command.settings);
      std::fprintf(stderr, "seed %d: %.0f s\n", static_cast<int>(seed), seconds);
    }
    finished.push_back(std::move(*result));
  }
  return finished;
}

/// "0.512 ± 0.013" over the seeds; "" where nobody has a value.
inline std::string spread(const std::vector<double>& values) {
  if (values.empty()) return "";
  double mean = 0, squares = 0;
  for (const double x : values) mean += x / static_cast<double>(values.size());
  for (const double x : values) squares += (x - mean) * (x - mean);
  char text[48];
  std::snprintf(text, sizeof text, "%.3f ± %.3f", mean,
                values.size() < 2 ? 0.0 : std::sqrt(squares / static_cast<double>(values.size() - 1)));
  return text;
}

inline double mean(const std::vector<float>& values) {
  double total = 0;
  for (const float x : values) total += static_cast<double>(x);
  return values.empty() ? 0 : total / static_cast<double>(values.size());
}

/// A row an arm: means ± deviations over the seeds.
inline void print_arms(const std::vector<Seed>& seeds, const std::vector<std::string>& arms) {
  std::puts(
      "| profiles | true interests named | … at temperature 0 | … in any form | of those named, true | follow the form "
      "| "
      "different interests | zero-shot Recall@20 | … at temperature 0 | … beside raw text |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const std::string& name : arms) {
    std::vector<double> accuracy, greedy, recall, greedy_recall, beside;
    std::map<std::string, std::vector<double>> figures;
    if (std::ranges::none_of(seeds, [&](const Seed& seed) { return seed.arms.contains(name); })) continue;
    for (const Seed& seed : seeds) {
      const auto found = seed.arms.find(name);
      if (found == seed.arms.end()) continue;
      const Arm& arm = found->second;
      for (const auto& [values, means] :
           {std::pair{&arm.accuracy, &accuracy}, std::pair{&arm.greedy, &greedy}, std::pair{&arm.recall, &recall},
            std::pair{&arm.greedy_recall, &greedy_recall}, std::pair{&arm.beside, &beside}})
        if (!values->empty()) means->push_back(mean(*values));
      for (const auto& [figure, value] : arm.figures) figures[figure].push_back(value);
    }
    std::printf("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", name.c_str(), spread(accuracy).c_str(),
                spread(greedy).c_str(), spread(figures["mentioned"]).c_str(), spread(figures["precision"]).c_str(),
                spread(figures["valid"]).c_str(), spread(figures["distinct"]).c_str(), spread(recall).c_str(),
                spread(greedy_recall).c_str(), spread(beside).c_str());
  }
  std::puts("");
}

/// Paired tests of two arms over the users of all seeds: difference, bootstrap interval, Wilcoxon's p by Holm.
inline void print_tests(const std::vector<Seed>& seeds, const char* title, std::vector<float> Arm::*values,
                        const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::printf(
      "| %s | difference | 95%% interval | seeds above | users | p (Wilcoxon, Holm) |\n| --- | --- | --- | --- | --- | "
      "--- |\n",
      title);
  struct Row {
    std::string name;
    reclm::BootstrapResult bootstrap;
    std::size_t users;
    int above, of;
  };
  std::vector<Row> rows;
  std::vector<double> p;
  for (const auto& [better, worse] : pairs) {
    std::vector<float> a, b;
    Row row{better + " − " + worse, {}, 0, 0, 0};
    for (const Seed& seed : seeds) {
      if (!seed.arms.contains(better) || !seed.arms.contains(worse)) continue;
      const auto &x = seed.arms.at(better).*values, &y = seed.arms.at(worse).*values;
      if (x.empty() || x.size() != y.size()) continue;
      a.insert(a.end(), x.begin(), x.end());
      b.insert(b.end(), y.begin(), y.end());
      row.above += mean(x) > mean(y) ? 1 : 0;
      ++row.of;
    }
    if (a.empty()) continue;
    row.bootstrap = reclm::paired_bootstrap(a, b);
    row.users = a.size();
    p.push_back(reclm::wilcoxon_signed_rank(a, b).p_value);
    rows.push_back(std::move(row));
  }
  p = reclm::holm_adjusted(p);
  for (std::size_t k = 0; k < rows.size(); ++k)
    std::printf("| %s | %+.4f | %+.4f … %+.4f | %d of %d | %zu | %.2g |\n", rows[k].name.c_str(),
                rows[k].bootstrap.difference, rows[k].bootstrap.low, rows[k].bootstrap.high, rows[k].above, rows[k].of,
                rows[k].users, p[k]);
  std::puts("");
}

/// Figures by name, means ± deviations over the seeds.
inline void print_figures(const std::vector<Seed>& seeds) {
  std::map<std::string, std::vector<double>> all;
  for (const Seed& seed : seeds)
    for (const auto& [name, value] : seed.figures)
      if (std::isfinite(value)) all[name].push_back(value);
  std::puts("| figure | mean ± deviation |\n| --- | --- |");
  for (const auto& [name, values] : all) std::printf("| %s | %s |\n", name.c_str(), spread(values).c_str());
  std::puts("");
}

/// Every table, the tests of each stage against another, and some samples.
inline void print_all(const std::vector<Seed>& seeds) {
  using namespace arm_names;
  print_arms(seeds,
             {kRandom, kFrequent, kHistory, kDescribed, kVoted, kUntuned, kSft, kLonger, kCollaborative, kInformed,
              kPpo, kTransferred, kChosen, kChosenTransferred, kSftAgreed, kAgreed, kPpoAgreed, kShuffled, kTeacher});
  // What tuning is asked for, named in advance: its p-values are corrected for three comparisons. Then all others.
  const std::vector<std::pair<std::string, std::string>> ladder{
      {kSft, kUntuned}, {kCollaborative, kSft}, {kPpo, kCollaborative}};
  const std::vector<std::pair<std::string, std::string>> others{{kCollaborative, kLonger},
                                                                {kInformed, kCollaborative},
                                                                {kCollaborative, kVoted},
                                                                {kPpo, kSft},
                                                                {kPpo, kLonger},
                                                                {kPpo, kVoted},
                                                                {kPpo, kShuffled},
                                                                {kPpo, kTeacher},
                                                                {kTransferred, kCollaborative},
                                                                {kPpo, kTransferred},
                                                                {kChosen, kCollaborative},
                                                                {kChosenTransferred, kCollaborative},
                                                                {kSftAgreed, kSft},
                                                                {kAgreed, kCollaborative},
                                                                {kPpoAgreed, kPpo},
                                                                {kAgreed, kSftAgreed},
                                                                {kPpoAgreed, kAgreed},
                                                                {kPpo, kAgreed}};
  // Whether profiles tell more than the history that they were written from.
  const std::vector<std::pair<std::string, std::string>> beside{
      {kUntuned, kHistory},     {kSft, kHistory},    {kCollaborative, kHistory}, {kPpo, kHistory},
      {kTransferred, kHistory}, {kAgreed, kHistory}, {kPpoAgreed, kHistory},     {kShuffled, kHistory},
      {kVoted, kHistory},       {kTeacher, kHistory}};
  const std::pair<const char*, std::vector<float> Arm::*> kinds[] = {
      {"true interests named", &Arm::accuracy},
      {"true interests named at temperature 0", &Arm::greedy},
      {"zero-shot Recall@20", &Arm::recall},
      {"zero-shot Recall@20 at temperature 0", &Arm::greedy_recall}};
  for (const auto& [title, values] : kinds) {
    print_tests(seeds, title, values, ladder);
    print_tests(seeds, (std::string(title) + ", others").c_str(), values, others);
  }
  print_tests(seeds, "zero-shot Recall@20 beside raw text", &Arm::beside, ladder);
  print_tests(seeds, "zero-shot Recall@20 beside raw text, against it alone", &Arm::beside, beside);
  print_figures(seeds);
  for (const auto& [stage, texts] : seeds.front().samples)
    for (const std::string& text : texts) std::printf("- %s: %s\n", stage.c_str(), text.c_str());
}

}  // namespace tuning_study
