#pragma once
/// @file tiny_language_model.hpp
/// The tiny model in a folder: trained from nothing where it is not there yet, and what it learns from on any data set.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/philox.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/instruct/dialogues.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/item_texts.hpp"
#include "reclm/lm/tiny.hpp"

namespace reclm::instruct {

/// Texts for a tiny model of `data`: each item's, some histories and the wording as dialogues write them, so that their
/// words become tokens, and lines in the form of profiles whose entries are drawn at random from those of `profiles`,
/// so that nobody's own profile is told.
inline std::vector<std::string> tiny_texts_of(const Dataset& data, const std::vector<std::string>& profiles,
                                              std::uint64_t seed, const DialogueOptions& wording = {}) {
  constexpr Id each = 5;  // of so many users one history is told
  constexpr int entries = 3;
  const ItemTexts items(data);
  std::vector<std::string> texts;
  for (Id item = 0; item < data.items.size(); ++item) texts.push_back(items.text(item));
  std::vector<Id> some;
  for (Id user = 0; user < data.train.users(); user += each) some.push_back(user);
  const Dialogues dialogues(data, wording);
  for (const PromptSample& prompt : dialogues.user_prompts(some).samples)
    texts.push_back("user\n" + prompt.messages.back().content + "\nassistant\n");
  // Lists of items and of who chose which, anybody's: the form of A2, not what is in it.
  const Templates& t = wording.templates;
  for (std::size_t first = 0; first + 12 < some.size(); first += 12) {
    std::string lines, people;
    Index number = 0;
    for (std::size_t p = first; p < first + 3; ++p) {
      std::string numbers;
      for (const Id item : dialogues.histories().limited(dialogues.histories().of(some[p]), 5)) {
        const std::string name = std::to_string(++number);
        lines += fill(t.numbered_item, {{"number", name}, {"item", items.short_text(item)}}) + "\n";
        numbers += (numbers.empty() ? "[" : ", [") + name + "]";
      }
      const std::string person = std::to_string(p - first + 1);
      people += fill(t.person, {{"person", person}, {"history", numbers}}) + "\n";
      people +=
          fill(t.question, {{"person", person}, {"number", "1"}, {"item", "this"}}) + "\n" + t.yes + "\n" + t.no + "\n";
    }
    texts.push_back("user\n" + fill(t.collaborative, {{"form", ""}, {"items", lines}, {"people", people}}));
  }
  // An identity with the interest beside it: what a "hiker" likes is language, which a large model knows.
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& text : profiles)
    if (const ProfileReading reading = read_profile(text); reading.valid()) {
      const Profile& profile = reading.profile;
      for (std::size_t k = 0; k < std::min(profile.identities.size(), profile.interests.size()); ++k)
        pairs.emplace_back(profile.identities[k], profile.interests[k]);
    }
  if (pairs.empty()) return texts;
  RandomSequence draws(Random(seed, Stream::world, 0x71718));
  const std::size_t lines = std::clamp<std::size_t>(profiles.size(), 200, 1200);
  for (std::size_t k = 0; k < lines; ++k) {
    Profile profile;
    for (int n = 0; n < entries; ++n) {
      const auto& [identity, interest] = pairs[draws.below(static_cast<std::uint32_t>(pairs.size()))];
      profile.identities.push_back(identity);
      profile.interests.push_back(interest);
    }
    texts.push_back(format_profile(profile));
  }
  return texts;
}

/// What a tiny model learns from.
struct TinyCorpus {
  std::vector<std::string> texts;
  std::vector<lm::TinyLesson> lessons{};
  std::vector<std::vector<lm::TinyLesson>> courses{};  ///< see lm::train_tiny
};

/// Sees to it that `folder` is a Hugging Face folder with a tiny model. Where there is none it is trained on the
/// TinyCorpus that `corpus()` gives, with a checkpoint beside the folder, and saved; the folder appears when it is
/// whole.
/// @return false when the observer stopped it
/// @throws ConfigError, IoError, DataError
template <class Corpus>
bool make_tiny_model(const std::filesystem::path& folder, const Corpus& corpus, lm::TinyOptions options) {
  namespace fs = std::filesystem;
  fs::path beside = folder, checkpoint = folder;
  beside += ".unfinished";
  checkpoint += ".checkpoint.safetensors";
  if (!fs::exists(folder / "config.json")) {
    options.checkpoint = checkpoint;
    TinyCorpus from = corpus();
    const lm::TinyModel tiny = lm::train_tiny(std::move(from.texts), options, from.lessons, from.courses);
    if (tiny.report.interrupted) return false;
    fs::remove_all(beside);
    fs::create_directories(beside);
    lm::save_tiny(beside, tiny);
    fs::rename(beside, folder);
  }
  int phases = 0;
  while (fs::exists(lm::detail::checkpoint_of(checkpoint, phases))) ++phases;
  while (phases-- > 0) fs::remove(lm::detail::checkpoint_of(checkpoint, phases));
  return true;
}

}  // namespace reclm::instruct
