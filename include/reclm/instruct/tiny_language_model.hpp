#pragma once
/// @file tiny_language_model.hpp
/// The tiny model in a folder: trained from nothing where it is not there yet, and what it learns from on any data set.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/philox.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/item_texts.hpp"
#include "reclm/instruct/open_language_model.hpp"
#include "reclm/lm/tiny.hpp"

namespace reclm::instruct {

/// Texts for a tiny model of `data`: each item's, some histories as lists, and lines in the form of profiles whose
/// entries are drawn at random from those of `profiles`, so that nobody's own profile is told.
inline std::vector<std::string> tiny_texts_of(const Dataset& data, const std::vector<std::string>& profiles,
                                              std::uint64_t seed) {
  constexpr std::size_t longest = 8;
  constexpr int entries = 3;
  const ItemTexts items(data);
  std::vector<std::string> texts;
  for (Id item = 0; item < data.items.size(); ++item) texts.push_back(items.text(item));
  for (Id user = 0; user < data.train.users(); user += 4) {
    const auto history = data.train.of(user);
    std::string list;
    for (std::size_t k = 0; k < std::min(history.size(), longest); ++k)
      list += "- " + items.short_text(history[k]) + "\n";
    if (!list.empty()) texts.push_back(std::move(list));
  }
  std::vector<std::string> identities, interests;
  for (const std::string& text : profiles)
    if (const ProfileReading reading = read_profile(text); reading.valid()) {
      identities.insert(identities.end(), reading.profile.identities.begin(), reading.profile.identities.end());
      interests.insert(interests.end(), reading.profile.interests.begin(), reading.profile.interests.end());
    }
  if (identities.empty() || interests.empty()) return texts;
  RandomSequence draws(Random(seed, Stream::world, 0x71718));
  const auto any = [&](const std::vector<std::string>& of) {
    return of[draws.below(static_cast<std::uint32_t>(of.size()))];
  };
  const std::size_t lines = std::clamp<std::size_t>(4 * profiles.size(), 200, 2000);
  for (std::size_t k = 0; k < lines; ++k) {
    Profile profile;
    for (int n = 0; n < entries; ++n) {
      profile.identities.push_back(any(identities));
      profile.interests.push_back(any(interests));
    }
    texts.push_back(format_profile(profile));
  }
  return texts;
}

/// The tiny model of `folder`, a Hugging Face folder. Where there is none it is trained on what `texts()` gives, with a
/// checkpoint beside the folder, and saved; the folder appears when it is whole. Nothing when the observer stopped it.
/// @throws ConfigError, IoError, DataError
template <class Texts>
std::optional<LanguageModel> tiny_language_model(const std::filesystem::path& folder, const Texts& texts,
                                                 lm::TinyOptions options) {
  namespace fs = std::filesystem;
  if (!fs::exists(folder / "config.json")) {
    fs::path beside = folder, checkpoint = folder;
    beside += ".unfinished";
    checkpoint += ".checkpoint.safetensors";
    options.checkpoint = checkpoint;
    const lm::TinyModel tiny = lm::train_tiny(texts(), options);
    if (tiny.report.interrupted) return std::nullopt;
    fs::remove_all(beside);
    fs::create_directories(beside);
    lm::save_tiny(beside, tiny);
    fs::rename(beside, folder);
    fs::remove(checkpoint);
  }
  return open_language_model(folder);
}

}  // namespace reclm::instruct
