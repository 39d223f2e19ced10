#pragma once
/// @file world_files.hpp
/// The embedded world as a data folder, the same as real data comes in.

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "reclm/core/atomic_file.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/npy.hpp"
#include "reclm/data/world.hpp"

namespace reclm {

namespace detail::world {

inline void add_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;  // the world's texts hold no control characters
  }
  out += '"';
}

/// A split without events has no file: readers refuse one without records.
inline void write_split(const std::filesystem::path& file, const World& world, const std::vector<WorldEvent>& events) {
  if (events.empty()) {
    remove_stale(file);
    return;
  }
  std::string text = "user_id:token\titem_id:token\ttimestamp:float\n";
  for (const WorldEvent& event : events) {
    text += world.dataset.users.name(event.user);
    text += '\t';
    text += world.dataset.items.name(event.item);
    text += '\t' + std::to_string(event.time) + '\n';
  }
  write_file(file, text);
}

inline void write_item_table(const std::filesystem::path& file, const Dataset& data) {
  std::string text = "item_id:token";
  for (const TextColumn& column : data.item_text)
    text += '\t' + column.name + (column.name == "category" ? ":token" : ":token_seq");
  text += '\n';
  for (Id i = 0; i < data.items.size(); ++i) {
    text += data.items.name(i);
    for (const TextColumn& column : data.item_text) text += '\t' + column.values[static_cast<std::size_t>(i)];
    text += '\n';
  }
  write_file(file, text);
}

inline void write_profiles(const std::filesystem::path& file, std::string_view key, const IdMap& ids,
                           const std::vector<std::string>& profiles) {
  std::string text;
  for (Id k = 0; k < ids.size(); ++k) {
    text += "{\"" + std::string(key) + "\": ";
    add_json_string(text, ids.name(k));
    text += ", \"profile\": ";
    add_json_string(text, profiles[static_cast<std::size_t>(k)]);
    text += "}\n";
  }
  write_file(file, text);
}

inline void write_truth(const std::filesystem::path& file, const World& world) {
  std::string text;
  char weight[16];
  for (Id u = 0; u < world.dataset.users.size(); ++u) {
    text += "{\"user_id\": ";
    add_json_string(text, world.dataset.users.name(u));
    text += ", \"interests\": [";
    bool first = true;
    for (const WorldInterest& interest : world.user_interests[static_cast<std::size_t>(u)]) {
      text += first ? "{\"name\": " : ", {\"name\": ";
      first = false;
      add_json_string(text, world.interest_names[static_cast<std::size_t>(interest.interest)]);
      std::snprintf(weight, sizeof weight, "%.4f", static_cast<double>(interest.weight));
      text += std::string(", \"weight\": ") + weight + "}";
    }
    text += "]}\n";
  }
  write_file(file, text);
}

}  // namespace detail::world

/// Writes `world` into `folder`, which is made where it is missing. NAME is the data set's name:
/// - NAME.train.inter, NAME.test.inter, NAME.zero.inter (user, item, timestamp; those that have events), NAME.item
///   (title, abstract, category), NAME.user: RecBole's atomic files
/// - item_text.npy, item_profile.npy, user_profile.npy where the world has vectors; rows in .item and .user order
/// - item_profiles.jsonl, user_profiles.jsonl: the oracle's profiles; user_interests.jsonl: the truth
///
/// What another world left there under these names goes, validation and candidates too. Each file is written
/// atomically. @throws IoError
inline void write_world(const std::filesystem::path& folder, const World& world) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed)
    throw IoError("cannot make the folder " + folder.string() + ": " + failed.message() +
                  ". Remedy: choose one that can be written to");
  const Dataset& data = world.dataset;
  const auto file = [&](const char* suffix) { return folder / (data.name + suffix); };
  detail::world::write_split(file(".train.inter"), world, world.train_events);
  detail::world::write_split(file(".test.inter"), world, world.test_events);
  detail::world::write_split(file(".zero.inter"), world, world.zero_events);
  detail::world::write_item_table(file(".item"), data);
  std::string users = "user_id:token\n";
  for (Id u = 0; u < data.users.size(); ++u) users += std::string(data.users.name(u)) + '\n';
  write_file(file(".user"), users);
  for (const auto& [name, matrix] :
       {std::pair{"item_text.npy", &data.item_vectors}, std::pair{"item_profile.npy", &data.item_profiles},
        std::pair{"user_profile.npy", &data.user_profiles}})
    if (matrix->empty())
      remove_stale(folder / name);
    else
      write_npy(folder / name, *matrix);
  for (const char* suffix : {".valid.inter", ".valid.candidates", ".test.candidates", ".zero.candidates"})
    remove_stale(file(suffix));
  detail::world::write_profiles(folder / "item_profiles.jsonl", "item_id", data.items, world.item_profile_text);
  detail::world::write_profiles(folder / "user_profiles.jsonl", "user_id", data.users, world.user_profile_text);
  detail::world::write_truth(folder / "user_interests.jsonl", world);
}

}  // namespace reclm
