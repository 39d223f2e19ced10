#pragma once
/// @file peft.hpp
/// LoRA adapters as the folders of Hugging Face PEFT: adapter_config.json and adapter_model.safetensors.

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "reclm/core/atomic_file.hpp"
#include "reclm/data/safetensors.hpp"
#include "reclm/lm/lora_adapter.hpp"
#include "reclm/lm/training/lora_options.hpp"

namespace reclm::lm {

/// What stands in adapter_config.json beside the matrices.
struct PeftInfo {
  std::string base_model;  ///< base_model_name_or_path
  double dropout = 0;      ///< lora_dropout
};

struct PeftFolder {
  LoraAdapter adapter;
  PeftInfo info;

  /// How a model is set up to take the adapter; the layers by their whole names.
  [[nodiscard]] LoraOptions options() const {
    LoraOptions options{.dropout = info.dropout};
    options.layers.clear();
    for (const auto& [name, matrices] : adapter) options.layers.push_back(name);
    if (!adapter.empty()) {
      options.rank = adapter.begin()->second.a.rows();
      options.alpha = static_cast<double>(adapter.begin()->second.scale) * static_cast<double>(options.rank);
    }
    return options;
  }
};

namespace detail {

inline constexpr std::string_view kPeftPrefix = "base_model.model.";

/// What target_modules names: ends of names ("q_proj") where every one of `layers` blocks has each of them, else whole
/// names.
inline std::vector<std::string> target_modules(const LoraAdapter& adapter, Index layers) {
  std::map<std::string, Index> ends;
  std::vector<std::string> names, short_names;
  bool regular = layers > 0;
  for (const auto& [name, matrices] : adapter) {
    names.push_back(name);
    regular = regular && name.starts_with("model.layers.");
    ++ends[name.substr(name.rfind('.') + 1)];
  }
  for (const auto& [end, count] : ends) {
    regular = regular && count == layers;
    short_names.push_back(end);
  }
  return regular ? short_names : names;
}

inline nlohmann::json read_json_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw IoError("cannot read " + path.string() + ". Remedy: check that the file exists and is readable");
  try {
    return nlohmann::json::parse(file);
  } catch (const nlohmann::json::exception& e) {
    throw DataError(path.string(), 0, std::string("this is no JSON: ") + e.what(), "check that the file is whole");
  }
}

}  // namespace detail

/// Writes a folder that `peft` loads; the folder is made, the files replaced one by one, the configuration last.
/// @param layers  the model's number of layers: where all of them are updated alike, target_modules names ends alone
/// @throws IoError; ConfigError when the adapter is empty or its ranks or scales differ
inline void write_peft(const std::filesystem::path& folder, const LoraAdapter& adapter, const PeftInfo& info,
                       Index layers = 0) {
  if (adapter.empty()) throw ConfigError("write_peft: the adapter updates no layer");
  const LoraMatrices& first = adapter.begin()->second;
  std::vector<NamedTensor> tensors;
  for (const auto& [name, matrices] : adapter) {
    if (matrices.a.rows() != first.a.rows() || matrices.scale != first.scale)
      throw ConfigError("write_peft: the layers " + adapter.begin()->first + " and " + name +
                        " have different ranks or scales. Remedy: train them alike");
    const std::string at = std::string(detail::kPeftPrefix) + name;
    tensors.push_back(NamedTensor::of(at + ".lora_A.weight", matrices.a));
    tensors.push_back(NamedTensor::of(at + ".lora_B.weight", matrices.b));
  }
  const auto rank = first.a.rows();
  const double alpha = static_cast<double>(first.scale) * static_cast<double>(rank);
  nlohmann::ordered_json config{{"peft_type", "LORA"},
                                {"task_type", "CAUSAL_LM"},
                                {"base_model_name_or_path", info.base_model},
                                {"r", rank},
                                {"lora_alpha", alpha},
                                {"lora_dropout", info.dropout},
                                {"target_modules", detail::target_modules(adapter, layers)},
                                {"bias", "none"},
                                {"fan_in_fan_out", false},
                                {"init_lora_weights", true},
                                {"inference_mode", true},
                                {"use_rslora", false},
                                {"use_dora", false},
                                {"modules_to_save", nullptr}};
  if (alpha == std::floor(alpha)) config["lora_alpha"] = static_cast<Index>(alpha);
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure)
    throw IoError("cannot create " + folder.string() + ": " + failure.message() +
                  ". Remedy: check that the folder's place is writable");
  write_safetensors(folder / "adapter_model.safetensors", tensors, {{"format", "pt"}});
  write_file(folder / "adapter_config.json",
             config.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

/// Reads a folder that `peft` (or write_peft) wrote.
/// @throws IoError; DataError on what is no LoRA adapter, on variants that change more than W + scale · B A (DoRA,
/// trained biases, saved modules, ranks or alphas by pattern, starts that change W such as PiSSA's), and on matrices
/// that do not fit each other
inline PeftFolder read_peft(const std::filesystem::path& folder) {
  const auto config_path = folder / "adapter_config.json", weights_path = folder / "adapter_model.safetensors";
  const nlohmann::json config = detail::read_json_file(config_path);
  const auto refuse = [&](const std::string& problem, const std::string& remedy) {
    return DataError(config_path.string(), 0, problem, remedy);
  };
  if (!config.is_object() || config.value("peft_type", nlohmann::json()) != "LORA")
    throw refuse("\"peft_type\" is not \"LORA\"", "give the folder of a LoRA adapter");
  const auto number = [&](const char* key, double otherwise) {
    if (!config.contains(key)) return otherwise;
    if (!config[key].is_number()) throw refuse(std::string("\"") + key + "\" is no number", "check the file");
    return config[key].get<double>();
  };
  const auto set = [&](const char* key) {
    if (!config.contains(key)) return false;
    const auto& value = config[key];
    return !(value.is_null() || value == false || value == "none" ||
             ((value.is_object() || value.is_array()) && value.empty()));
  };
  for (const char* key : {"use_dora", "fan_in_fan_out", "bias", "modules_to_save", "rank_pattern", "alpha_pattern"})
    if (set(key))
      throw refuse(std::string("\"") + key + "\" is used, which is not supported",
                   "merge the adapter into its model with peft (merge_and_unload), and use that");
  if (const auto start = config.find("init_lora_weights"); start != config.end() && start->is_string()) {
    // PiSSA, OLoRA, CorDA and LoftQ take the adapter's start out of the base model's weights.
    std::string kind = start->get<std::string>();
    for (char& c : kind) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;  // as peft compares
    if (kind != "gaussian" && kind != "eva" && kind != "orthogonal")
      throw refuse("\"init_lora_weights\" is \"" + kind + "\": the adapter belongs to a base model that this changed",
                   "convert it with peft's save_pretrained(path_initial_model_for_weight_conversion=…), or merge it "
                   "into its model (merge_and_unload), and use that");
  }
  const double rank = number("r", 8), alpha = number("lora_alpha", 8);
  if (!(rank >= 1) || !std::isfinite(alpha)) throw refuse("\"r\" or \"lora_alpha\" is out of range", "check the file");
  const double scale = alpha / (set("use_rslora") ? std::sqrt(rank) : rank);

  if (!std::filesystem::exists(weights_path) && std::filesystem::exists(folder / "adapter_model.bin"))
    throw DataError((folder / "adapter_model.bin").string(), 0, "the adapter is a pickle, which is not read",
                    "save it with safe_serialization=True");
  const auto file = SafetensorsFile::open(weights_path);
  PeftFolder result;
  if (config.contains("base_model_name_or_path") && config["base_model_name_or_path"].is_string())
    result.info.base_model = config["base_model_name_or_path"].get<std::string>();
  result.info.dropout = number("lora_dropout", 0);
  const auto bad = [&](const std::string& problem) {
    return DataError(weights_path.string(), 0, problem,
                     "check that the adapter is one of this model's family and whole");
  };
  for (const std::string& name : file.names()) {
    const std::string_view view = name;
    const bool is_a = view.ends_with(".lora_A.weight"), is_b = view.ends_with(".lora_B.weight");
    if (!view.starts_with(detail::kPeftPrefix) || (!is_a && !is_b))
      throw bad("tensor \"" + name + "\" is no matrix of a LoRA layer");
    const std::size_t prefix = detail::kPeftPrefix.size();
    LoraMatrices& matrices = result.adapter[name.substr(prefix, name.size() - prefix - 14)];
    auto values = file.matrix<float>(name);
    for (Index k = 0; k < values.size(); ++k)
      if (!std::isfinite(values.data()[k])) throw bad("tensor \"" + name + "\" holds a number that is not finite");
    (is_a ? matrices.a : matrices.b) = std::move(values);
    matrices.scale = static_cast<float>(scale);
  }
  if (result.adapter.empty()) throw bad("there is no layer in it");
  for (const auto& [name, m] : result.adapter) {
    if (m.a.empty() || m.b.empty()) throw bad("layer " + name + " lacks one of its two matrices");
    if (m.a.rows() != static_cast<Index>(rank) || m.b.cols() != m.a.rows())
      throw bad("layer " + name + " has not the rank that adapter_config.json says");
  }
  return result;
}

}  // namespace reclm::lm
