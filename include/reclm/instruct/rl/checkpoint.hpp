#pragma once
/// @file checkpoint.hpp
/// The state of a stage as one safetensors file: parameters, Adam's moments, a table of what happened so far, and what
/// the stage depends on. Written atomically; a stage that goes on from it ends with the same bits.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reclm/data/safetensors.hpp"
#include "reclm/tensor/adam.hpp"

namespace reclm::instruct {

/// What a stage depends on, by name; checked when it is resumed.
using StageSettings = std::map<std::string, std::string>;

/// Where a stage stands between two steps.
struct StageState {
  std::uint32_t steps = 0;    ///< steps of the stage; Adam may have taken more
  std::uint32_t updates = 0;  ///< steps of Adam
  Matrix<double> history;     ///< a row a step (or epoch): figures of the stage's own
};

namespace detail {
inline constexpr const char* kStageFormat = "reclm tuning stage 1";
}

template <class B, class T>
void save_stage(const std::filesystem::path& path, const std::vector<Parameter<B, T>*>& parameters, Adam<B, T>& adam,
                const StageState& state, const StageSettings& settings) {
  adam.flush();
  std::vector<std::pair<std::string, Matrix<T>>> matrices;
  for (const auto* p : parameters) {
    const auto [m, v] = adam.moments(*p);
    matrices.emplace_back("param." + p->name(), p->value.to_host());
    matrices.emplace_back("adam.m." + p->name(), m.to_host());
    matrices.emplace_back("adam.v." + p->name(), v.to_host());
  }
  std::vector<NamedTensor> tensors{NamedTensor::of("history", state.history)};
  for (const auto& [name, values] : matrices) tensors.push_back(NamedTensor::of(name, values));
  std::map<std::string, std::string> metadata{{"format", detail::kStageFormat},
                                              {"steps", std::to_string(state.steps)},
                                              {"updates", std::to_string(state.updates)}};
  for (const auto& [name, value] : settings) metadata["setting." + name] = value;
  write_safetensors(path, tensors, metadata);
}

/// @throws IoError; DataError when the file is none, or of another model; ConfigError naming the setting that differs
template <class B, class T>
StageState load_stage(const std::filesystem::path& path, const std::vector<Parameter<B, T>*>& parameters,
                      Adam<B, T>& adam, const StageSettings& settings) {
  const auto file = SafetensorsFile::open(path);
  const auto& metadata = file.metadata();
  const auto text = [&](const std::string& key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : found->second;
  };
  const auto refuse = [&](const std::string& problem) {
    return DataError(path.string(), 0, problem, "name the checkpoint of this stage, or remove the file");
  };
  if (text("format") != detail::kStageFormat)
    throw refuse(std::string("the file is no \"") + detail::kStageFormat + "\"");
  for (const auto& [name, value] : settings)
    if (const std::string saved = text("setting." + name); saved != value)
      throw ConfigError(path.string() + ": the stage was begun with " + name + " = " +
                        (saved.empty() ? "nothing" : saved) + ", now it is " + value +
                        ". Remedy: resume with the same settings, or remove the file and begin anew");
  StageState state;
  try {
    state.steps = static_cast<std::uint32_t>(std::stoul(text("steps")));
    state.updates = static_cast<std::uint32_t>(std::stoul(text("updates")));
  } catch (const std::logic_error&) {
    throw refuse("the number of steps cannot be read");
  }
  state.history = file.template matrix<double>("history");
  std::vector<Matrix<T>> values;
  for (auto* p : parameters) {
    for (const char* kind : {"param.", "adam.m.", "adam.v."}) {
      values.push_back(file.template matrix<T>(kind + p->name()));
      if (values.back().rows() != p->value.rows() || values.back().cols() != p->value.cols())
        throw refuse(std::string("tensor ") + kind + p->name() + " has another shape than the model's parameter");
    }
  }
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    auto* p = parameters[k];
    B::from_host(p->value.data(), values[3 * k].data(), p->value.size());
    adam.restore(*p, values[3 * k + 1], values[3 * k + 2], state.updates);
  }
  return state;
}

}  // namespace reclm::instruct
