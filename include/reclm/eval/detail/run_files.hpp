#pragma once
/// @file run_files.hpp
/// Finished and unfinished runs of a study, kept in a folder.

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "reclm/core/atomic_file.hpp"
#include "reclm/data/fingerprint.hpp"
#include "reclm/data/safetensors.hpp"
#include "reclm/eval/cube.hpp"
#include "reclm/eval/report_input.hpp"

namespace reclm::detail {

/// Figures and course of a run that is over.
struct FinishedRun {
  std::vector<SettingResult> results;
  Curve curve;
};

/// FOLDER/runs/MODEL.ADAPTER.DATASET.SEED.SETTINGS.safetensors holds a finished run (figures by user as tensors, the
/// rest as JSON); ….checkpoint.safetensors an unfinished one, SETTINGS being their fingerprint: a run with others
/// neither takes it nor destroys it.
class RunFiles {
 public:
  /// @param folder   empty: nothing is kept
  /// @param settings what the run depends on; a kept run with others is not taken
  RunFiles(const std::string& folder, RunKey key, std::string settings)
      : key_(std::move(key)), settings_(std::move(settings)) {
    if (folder.empty()) return;
    std::string name = key_.model + "." + key_.adapter + "." + key_.dataset + "." + std::to_string(key_.seed);
    for (char& c : name)
      if (c == ' ' || c == '/' || c == '(' || c == ')') c = '-';
    const auto runs = std::filesystem::path(folder) / "runs";
    std::error_code failure;
    std::filesystem::create_directories(runs, failure);
    if (failure)
      throw IoError("cannot create " + runs.string() + ": " + failure.message() +
                    ". Remedy: name a folder that can be written");
    name += "." + Fingerprint().add(std::span<const char>(settings_)).text();
    path_ = runs / (name + ".safetensors");
    checkpoint_ = runs / (name + kCheckpoint);
  }

  /// Where training keeps its state; empty when nothing is kept.
  [[nodiscard]] const std::filesystem::path& checkpoint() const { return checkpoint_; }

  /// The finished run, unless there is none or it was made with other settings.
  [[nodiscard]] std::optional<FinishedRun> load() const {
    if (path_.empty() || !std::filesystem::exists(path_)) return std::nullopt;
    const auto file = SafetensorsFile::open(path_);
    const auto& metadata = file.metadata();
    if (!metadata.contains("settings") || metadata.at("settings") != settings_) return std::nullopt;
    try {
      return read(file, nlohmann::json::parse(metadata.at("run")));
    } catch (const std::exception&) {
      throw DataError(path_.string(), 0, "the file holds no run of a study", "remove it; the run is then made again");
    }
  }

  /// Keeps a finished run and drops its checkpoint.
  void save(const FinishedRun& run) const {
    if (path_.empty()) return;
    std::vector<NamedTensor> tensors;
    nlohmann::json results = nlohmann::json::array();
    for (std::size_t r = 0; r < run.results.size(); ++r) {
      const SettingResult& result = run.results[r];
      nlohmann::json metrics = nlohmann::json::array();
      for (std::size_t m = 0; m < result.metrics.size(); ++m) {
        const MetricResult& metric = result.metrics[m];
        metrics.push_back({metric.name, metric.mean == metric.mean ? nlohmann::json(metric.mean) : nlohmann::json()});
        if (!metric.users) continue;
        const std::string name = std::to_string(r) + "." + std::to_string(m);
        tensors.push_back(NamedTensor::of("values." + name, metric.per_user));
        tensors.push_back(NamedTensor::of("users." + name, *metric.users));
      }
      results.push_back({static_cast<int>(result.setting), result.users, result.candidates, metrics});
    }
    const Curve& c = run.curve;
    const nlohmann::json text = {{"results", results},
                                 {"loss", {c.loss.name, c.loss.x, c.loss.y}},
                                 {"validation", {c.validation.name, c.validation.x, c.validation.y}},
                                 {"selected", c.selected_epoch}};
    remove_abandoned(path_);
    write_safetensors(path_, tensors, {{"settings", settings_}, {"run", text.dump()}});
    std::error_code ignored;
    std::filesystem::remove(checkpoint_, ignored);
  }

 private:
  static constexpr const char* kCheckpoint = ".checkpoint.safetensors";

  [[nodiscard]] FinishedRun read(const SafetensorsFile& file, const nlohmann::json& text) const {
    FinishedRun run;
    std::size_t r = 0;
    for (const auto& entry : text.at("results")) {
      SettingResult result{static_cast<Setting>(entry.at(0).get<int>()), entry.at(1), entry.at(2), {}};
      std::size_t m = 0;
      for (const auto& metric : entry.at(3)) {
        MetricResult value;
        value.name = metric.at(0);
        value.mean = metric.at(1).is_null() ? std::numeric_limits<double>::quiet_NaN() : metric.at(1).get<double>();
        const std::string name = std::to_string(r) + "." + std::to_string(m++);
        if (file.contains("values." + name)) {
          value.per_user = file.vector<float>("values." + name);
          value.users = shared(file.vector<Id>("users." + name), result);
        }
        result.metrics.push_back(std::move(value));
      }
      run.results.push_back(std::move(result));
      ++r;
    }
    const auto series = [](const nlohmann::json& s) {
      return Series{s.at(0), s.at(1).get<std::vector<double>>(), s.at(2).get<std::vector<double>>()};
    };
    run.curve = {
        key_, series(text.at("loss")), series(text.at("validation")),
        text.at("selected").is_null() ? std::numeric_limits<double>::quiet_NaN() : text.at("selected").get<double>()};
    return run;
  }

  // Metrics of one setting mostly share their users.
  static std::shared_ptr<const std::vector<Id>> shared(std::vector<Id> users, const SettingResult& so_far) {
    for (const MetricResult& metric : so_far.metrics)
      if (metric.users && *metric.users == users) return metric.users;
    return std::make_shared<const std::vector<Id>>(std::move(users));
  }

  RunKey key_;
  std::string settings_;
  std::filesystem::path path_, checkpoint_;
};

}  // namespace reclm::detail
