#pragma once
/// @file checkpoint.hpp
/// The state of a training as one safetensors file: parameters, Adam's moments, the best parameters so far, and where
/// the training stands. A training that goes on from it ends with the same bits as one that was never stopped.

#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "reclm/data/safetensors.hpp"
#include "reclm/model/training_state.hpp"
#include "reclm/tensor/adam.hpp"

namespace reclm {

namespace detail {
inline constexpr const char* kCheckpointFormat = "reclm training checkpoint 2";
}

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
                     const TrainingSettings& settings) {
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
  std::map<std::string, std::string> metadata = detail::state_to_texts(state);
  for (const auto& [name, value] : settings) metadata["setting." + name] = value;
  metadata["format"] = detail::kCheckpointFormat;
  write_safetensors(path, tensors, metadata);
}

/// Reads what `save_checkpoint` wrote into the parameters, the optimizer and `best`.
/// @throws IoError; DataError when it is no checkpoint or not of this model; ConfigError when it was made with other
/// settings
template <class B, class T>
TrainingState load_checkpoint(const std::filesystem::path& path, const std::vector<Parameter<B, T>*>& parameters,
                              Adam<B, T>& adam, ParameterValues<T>& best, const TrainingSettings& settings) {
  const auto file = SafetensorsFile::open(path);
  const auto& metadata = file.metadata();
  const auto format = metadata.find("format");
  if (format == metadata.end() || format->second != detail::kCheckpointFormat)
    throw DataError(path.string(), 0, std::string("the file is no \"") + detail::kCheckpointFormat + "\"",
                    "name the checkpoint of this training, or remove the file");
  for (const auto& [name, value] : settings) {
    const auto saved = metadata.find("setting." + name);
    if (saved == metadata.end())
      throw ConfigError(path.string() + ": the checkpoint does not say what its " + name +
                        " was; an older version may have written it. Remedy: remove the file and start anew");
    if (saved->second != value)
      throw ConfigError(path.string() + ": the checkpoint was made with " + name + " = " +
                        (saved->second.empty() ? "nothing" : saved->second) + ", this training has " +
                        (value.empty() ? "nothing" : value) +
                        ". Remedy: resume with the same settings, or remove the file and start anew");
  }
  TrainingState state;
  try {
    state = detail::state_from_texts(metadata);
  } catch (const std::logic_error& e) {
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
