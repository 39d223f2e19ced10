#pragma once
/// @file template_file.hpp
/// The user's own wording: a JSON file, {"NAME": "text", …}. NAMEs and the places that each text must hold are those of
/// `Templates` (templates.hpp); what is not named keeps its default. A list of texts stands for their lines:
///
///     {"system": "You describe readers of a newspaper.",
///      "user_profile": ["Describe the reader of these articles:", "{history}", "Form: {form}"]}

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <nlohmann/json.hpp>

#include "reclm/core/atomic_file.hpp"
#include "reclm/core/error.hpp"
#include "reclm/instruct/templates.hpp"

namespace reclm::instruct {

/// @throws IoError; DataError naming the file and the template on JSON that is broken, an unknown name, a text without
/// a place that it needs or with one that it cannot have
inline Templates read_templates(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw IoError("cannot read " + path.string() + ". Remedy: check the path and that this user may read it");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  nlohmann::json object;
  try {
    object = nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& e) {
    const auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(e.byte, text.size())), '\n');
    throw DataError(path.string(), line, "this is no JSON", "write {\"NAME\": \"text\", …}");
  }
  if (!object.is_object()) throw DataError(path.string(), 0, "this is no JSON object", "write {\"NAME\": \"text\", …}");
  Templates templates;
  for (const auto& [name, value] : object.items()) {
    std::string known;
    std::string* target = nullptr;
    for (const TemplateField& field : kTemplateFields) {
      if (field.name == name) target = &(templates.*field.text);
      known += (known.empty() ? "" : ", ") + std::string(field.name);
    }
    if (target == nullptr)
      throw DataError(path.string(), 0, "there is no template \"" + name.substr(0, 40) + "\"", "choose from " + known);
    target->clear();
    const bool lines = value.is_array();
    bool sound = lines || value.is_string();
    if (value.is_string()) *target = value.get<std::string>();
    for (std::size_t k = 0; lines && k < value.size(); ++k) {
      sound = sound && value[k].is_string();
      if (sound) *target += (k > 0 ? "\n" : "") + value[k].get<std::string>();
    }
    if (!sound)
      throw DataError(path.string(), 0, "template \"" + name + "\" is no text", "write a text, or a list of lines");
  }
  try {
    check_templates(templates);
  } catch (const ConfigError& e) {
    throw DataError(path.string(), 0, e.what(), "see reclm/instruct/templates.hpp for the places of each template");
  }
  return templates;
}

/// All templates as such a file, to start from. @throws IoError
inline void write_templates(const std::filesystem::path& path, const Templates& templates = {}) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const TemplateField& field : kTemplateFields) object[std::string(field.name)] = templates.*field.text;
  write_file(path, object.dump(2) + "\n");
}

}  // namespace reclm::instruct
