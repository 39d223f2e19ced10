#pragma once
/// @file kept_settings.hpp
/// What a folder's work was begun with: written once, compared ever after, so that no run goes on with other settings.

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>

#include <nlohmann/json.hpp>

#include "reclm/core/atomic_file.hpp"
#include "reclm/core/error.hpp"

namespace reclm::instruct {

/// Values by the names that the user knows them by.
using KeptSettings = std::map<std::string, std::string>;

/// Writes `settings` to `file` where it is not there yet, else compares.
/// @return whether the file was there
/// @throws ConfigError naming the setting that differs; DataError when the file is none of these; IoError
inline bool keep_settings(const std::filesystem::path& file, const KeptSettings& settings) {
  constexpr const char* format = "reclm run 1";
  constexpr auto replace = nlohmann::json::error_handler_t::replace;
  remove_abandoned(file);
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    const nlohmann::ordered_json all{{"format", format}, {"settings", settings}};
    write_file(file, all.dump(1, ' ', false, replace) + "\n");
    return false;
  }
  const auto refuse = [&](const char* problem) {
    return DataError(file.string(), 0, problem, "name another folder, or remove this one");
  };
  std::ifstream in(file, std::ios::binary);
  const nlohmann::json kept = nlohmann::json::parse(in, nullptr, false);
  if (!kept.is_object() || kept.value("format", nlohmann::json()) != format || !kept.contains("settings") ||
      !kept["settings"].is_object())
    throw refuse("the file does not hold the settings of a run");
  for (const auto& [name, given] : settings) {
    // As it was written: what is no UTF-8 stands in the file in another form.
    const auto value = nlohmann::json::parse(nlohmann::json(given).dump(-1, ' ', false, replace)).get<std::string>();
    const auto found = kept["settings"].find(name);
    const std::string before = found != kept["settings"].end() && found->is_string() ? found->get<std::string>() : "";
    if (before != value)
      throw ConfigError(file.parent_path().string() + " was begun with " + name + " = " +
                        (before.empty() ? "nothing" : before) + ", now it is " + (value.empty() ? "nothing" : value) +
                        ". Remedy: give the same options again, or name another folder");
  }
  return true;
}

}  // namespace reclm::instruct
