#pragma once
/// @file checkpoint.hpp
/// The state of a training as one safetensors file: parameters, Adam's moments, the best parameters so far, and where
/// the training stands. A training that goes on from it ends with the same bits as one that was never stopped.

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "reclm/data/safetensors.hpp"
#include "reclm/model/train_options.hpp"
#include "reclm/tensor/adam.hpp"

namespace reclm {

/// Where a training stands between two steps.
struct TrainingState {
  int epoch = 0;    ///< from 0
  Index batch = 0;  ///< batches of this epoch that are done
  Index steps = 0;
  double loss_sum = 0;  ///< of this epoch's steps
  int evaluations_since_best = 0;
  bool finished = false;
  TrainReport report{};
};

namespace detail {

// JSON has no NaN.
inline nlohmann::json number_or_null(double x) { return x == x ? nlohmann::json(x) : nlohmann::json(nullptr); }
inline double number_or_nan(const nlohmann::json& x) {
  return x.is_null() ? std::numeric_limits<double>::quiet_NaN() : x.get<double>();
}

inline nlohmann::json state_to_json(const TrainingState& s) {
  nlohmann::json history = nlohmann::json::array();
  for (const EpochRecord& e : s.report.history) history.push_back({e.epoch, e.loss, number_or_null(e.metric)});
  return {{"epoch", s.epoch},
          {"batch", s.batch},
          {"steps", s.steps},
          {"loss_sum", s.loss_sum},
          {"evaluations_since_best", s.evaluations_since_best},
          {"finished", s.finished},
          {"stopped_early", s.report.stopped_early},
          {"best_epoch", s.report.best_epoch},
          {"best_metric", number_or_null(s.report.best_metric)},
          {"history", history}};
}

inline TrainingState state_from_json(const nlohmann::json& j) {
  TrainingState s;
  j.at("epoch").get_to(s.epoch);
  j.at("batch").get_to(s.batch);
  j.at("steps").get_to(s.steps);
  j.at("loss_sum").get_to(s.loss_sum);
  j.at("evaluations_since_best").get_to(s.evaluations_since_best);
  j.at("finished").get_to(s.finished);
  j.at("stopped_early").get_to(s.report.stopped_early);
  j.at("best_epoch").get_to(s.report.best_epoch);
  s.report.best_metric = number_or_nan(j.at("best_metric"));
  for (const auto& e : j.at("history"))
    s.report.history.push_back({e.at(0).get<int>(), e.at(1).get<double>(), number_or_nan(e.at(2))});
  s.report.steps = s.steps;
  return s;
}

}  // namespace detail

/// Parameter values by name, on the host.
template <class T>
using ParameterValues = std::map<std::string, Matrix<T>>;

template <class B, class T>
ParameterValues<T> copy_parameters(const std::vector<Parameter<B, T>*>& parameters) {
  ParameterValues<T> values;
  for (const auto* p : parameters) values.emplace(p->name(), p->value.to_host());
  return values;
}

/// @throws ShapeError when a value is missing or has another shape
template <class B, class T>
void set_parameters(const std::vector<Parameter<B, T>*>& parameters, const ParameterValues<T>& values) {
  for (auto* p : parameters) {
    const auto found = values.find(p->name());
    if (found == values.end()) throw ShapeError("there is no value for parameter " + p->name());
    require_same_shape(p->name().c_str(), found->second, p->value);
    B::from_host(p->value.data(), found->second.data(), found->second.size());
  }
}

/// Writes the state atomically. The optimizer must have been flushed.
/// @param settings what the training depends on; checked when it is resumed
template <class B, class T>
void save_checkpoint(const std::filesystem::path& path, const std::vector<Parameter<B, T>*>& parameters,
                     const Adam<B, T>& adam, const ParameterValues<T>& best, const TrainingState& state,
                     const nlohmann::json& settings) {
  std::vector<std::pair<std::string, Matrix<T>>> matrices;
  for (const auto* p : parameters) {
    const auto [m, v] = adam.moments(*p);
    matrices.emplace_back("param." + p->name(), p->value.to_host());
    matrices.emplace_back("adam.m." + p->name(), m.to_host());
    matrices.emplace_back("adam.v." + p->name(), v.to_host());
  }
  std::vector<NamedTensor> tensors;
  for (const auto& [name, values] : matrices) tensors.push_back(NamedTensor::of(name, values));
  for (const auto& [name, values] : best) tensors.push_back(NamedTensor::of("best." + name, values));
  write_safetensors(path, tensors,
                    {{"format", "reclm training checkpoint 1"},
                     {"state", detail::state_to_json(state).dump()},
                     {"settings", settings.dump()}});
}

/// Reads what `save_checkpoint` wrote into the parameters, the optimizer and `best`.
/// @throws IoError; DataError when it is no checkpoint or not of this model; ConfigError when it was made with other
/// settings
template <class B, class T>
TrainingState load_checkpoint(const std::filesystem::path& path, const std::vector<Parameter<B, T>*>& parameters,
                              Adam<B, T>& adam, ParameterValues<T>& best, const nlohmann::json& settings) {
  const auto file = SafetensorsFile::open(path);
  const auto& metadata = file.metadata();
  const auto text = [&](const char* key) {
    const auto found = metadata.find(key);
    if (found == metadata.end())
      throw DataError(path.string(), 0, std::string("the file has no \"") + key + "\": it is no training checkpoint",
                      "name the checkpoint of this training, or remove the file");
    return found->second;
  };
  TrainingState state;
  try {
    const auto saved = nlohmann::json::parse(text("settings"));
    for (const auto& [key, value] : settings.items())
      if (!saved.contains(key) || saved[key] != value)
        throw ConfigError(path.string() + ": the checkpoint was made with " + key + " = " +
                          (saved.contains(key) ? saved[key].dump() : "nothing") + ", this training has " +
                          value.dump() + ". Remedy: resume with the same settings, or start anew without --resume");
    state = detail::state_from_json(nlohmann::json::parse(text("state")));
  } catch (const nlohmann::json::exception& e) {
    throw DataError(path.string(), 0, std::string("the checkpoint's state cannot be read: ") + e.what(),
                    "remove the file and train anew");
  }
  const auto matrix = [&](const std::string& name, const Parameter<B, T>& p) {
    auto m = file.template matrix<T>(name);
    if (m.rows() != p.value.rows() || m.cols() != p.value.cols())
      throw DataError(path.string(), 0, "tensor " + name + " has another shape than the model's parameter",
                      "resume with the same data and model");
    return m;
  };
  ParameterValues<T> values;
  for (auto* p : parameters) {
    values.emplace(p->name(), matrix("param." + p->name(), *p));
    adam.restore(*p, matrix("adam.m." + p->name(), *p), matrix("adam.v." + p->name(), *p),
                 static_cast<std::uint32_t>(state.steps));
    if (file.contains("best." + p->name())) best[p->name()] = matrix("best." + p->name(), *p);
  }
  set_parameters(parameters, values);
  return state;
}

}  // namespace reclm
