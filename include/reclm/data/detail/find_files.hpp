#pragma once
/// @file find_files.hpp
/// Which files of a folder make up a data set.

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "reclm/core/error.hpp"
#include "reclm/data/load_options.hpp"

namespace reclm::detail {

/// The name of the folder's data set. @param wanted the name asked for, or empty
inline std::string dataset_name(const std::filesystem::path& folder, const std::string& wanted) {
  if (!wanted.empty()) return wanted;
  std::error_code failure;
  std::set<std::string> names;
  std::filesystem::directory_iterator entries(folder, failure);
  if (failure)
    throw IoError("cannot read the folder " + folder.string() + ": " + failure.message() +
                  ". Remedy: check the path and that this user may read it");
  for (const auto& entry : entries) {
    std::string_view stem;
    const std::string file = entry.path().filename().string();
    if (!file.ends_with(".inter")) continue;
    stem = std::string_view(file).substr(0, file.size() - 6);
    for (const std::string_view split : {".train", ".valid", ".test", ".zero"})
      if (stem.ends_with(split)) {
        stem.remove_suffix(split.size());
        break;
      }
    names.emplace(stem);
  }
  if (names.empty())
    throw DataError(folder.string(), 0, "the folder holds no .inter file",
                    "put NAME.train.inter (and .test, .zero) or NAME.inter there");
  if (names.size() > 1) {
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    throw DataError(folder.string(), 0, "the folder holds several data sets: " + all, "say in the options which one");
  }
  return *names.begin();
}

/// The files of data set `name` that are there.
inline DatasetFiles files_of(const std::filesystem::path& folder, const std::string& name) {
  const auto there = [&](const std::string& file) {
    std::error_code ignored;
    return std::filesystem::exists(folder / file, ignored) ? folder / file : std::filesystem::path();
  };
  DatasetFiles files;
  files.train = there(name + ".train.inter");
  files.valid = there(name + ".valid.inter");
  files.test = there(name + ".test.inter");
  files.zero = there(name + ".zero.inter");
  const bool splits = !files.train.empty() || !files.valid.empty() || !files.test.empty() || !files.zero.empty();
  if (splits && files.train.empty())
    throw DataError((folder / (name + ".train.inter")).string(), 0, "there are other splits but not this file",
                    "add it, or give all interactions as " + name + ".inter");
  if (!splits) files.interactions = folder / (name + ".inter");
  files.valid_candidates = there(name + ".valid.candidates");
  files.test_candidates = there(name + ".test.candidates");
  files.zero_candidates = there(name + ".zero.candidates");
  files.items = there(name + ".item");
  files.users = there(name + ".user");
  files.item_text = there("item_text.npy");
  files.item_profile = there("item_profile.npy");
  files.user_profile = there("user_profile.npy");
  files.item_text_ids = there("item_text.ids");
  files.item_profile_ids = there("item_profile.ids");
  files.user_profile_ids = there("user_profile.ids");
  return files;
}

}  // namespace reclm::detail
