#pragma once
/// @file profile_evidence.hpp
/// What a reward knows of the users of a data set: their histories as vectors, their neighbours' profiles, and how far
/// a phrase stands out among all items.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/philox.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/fitted_text_encoder.hpp"
#include "reclm/instruct/item_texts.hpp"
#include "reclm/instruct/reward/evidence.hpp"
#include "reclm/instruct/reward/terms.hpp"

namespace reclm::instruct {

/// Where evidence comes from.
struct EvidenceSources {
  const Dataset* data = nullptr;                 ///< histories are those of train
  MatrixView<const Id> neighbours{};             ///< [users, k], −1: none; may be empty
  std::span<const std::string> profiles{};       ///< of all users, "" where there is none: the neighbours'
  std::span<const std::string> item_profiles{};  ///< of all items, "" where there is none; or empty
  const Interactions* held_out = nullptr;        ///< of validation, never of test; null: foresight stays unknown
  Index others = 20;                             ///< items drawn at random that a user did not take, for the same term
  std::uint64_t seed = 1;
};

/// Reads a data set once: an item is what all its text says and, where there is one, its profile, so that the words of
/// titles and of profiles meet. All that is named must outlive the object. Not for several threads at once.
class ProfileEvidence {
 public:
  /// @throws ConfigError on a data set without item text
  explicit ProfileEvidence(const EvidenceSources& sources, const TextEncoderOptions& encoder = {.width = 128})
      : from_(sources), texts_(*sources.data), encoder_(read(encoder)), items_(encoder_(described_)), lifts_(items_) {}
  ProfileEvidence(const ProfileEvidence&) = delete;

  /// Rows of unit length; zeros for a text of which the data set knows nothing.
  [[nodiscard]] Matrix<float> vectors(std::span<const std::string> texts) const { return encoder_(texts); }
  [[nodiscard]] Index width() const { return encoder_.width(); }
  [[nodiscard]] const LiftScale& lifts() const { return lifts_; }

  /// Whether some item or profile has each word of `phrase`.
  [[nodiscard]] bool known(std::string_view phrase) const {
    bool all = true, any = false;
    for_each_word(phrase, [&](std::string&& word) {
      any = true;
      all = all && words_.contains(word);
    });
    return any && all;
  }

  /// Of nobody (−1): nothing is known.
  const UserEvidence& of(Id user) {
    const auto found = users_.find(user);
    return found != users_.end() ? found->second : users_.emplace(user, gather(user)).first->second;
  }

 private:
  template <class Take>
  static void for_each_word(std::string_view text, const Take& take) {
    std::string word;
    for (std::size_t k = 0; k <= text.size(); ++k) {
      const char c = k < text.size() ? text[k] : ' ';
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          (static_cast<unsigned char>(c) & 0x80) != 0;
      if (letter) {
        word += detail::lower(c);
      } else if (!word.empty()) {
        take(std::move(word));
        word.clear();
      }
    }
  }

  FittedTextEncoder read(const TextEncoderOptions& options) {
    const auto items = static_cast<Id>(from_.data->train.items());
    for (Id i = 0; i < items; ++i) {
      std::string text = texts_.text(i);
      if (static_cast<std::size_t>(i) < from_.item_profiles.size())
        text += " " + from_.item_profiles[static_cast<std::size_t>(i)];
      described_.push_back(std::move(text));
    }
    std::vector<std::string> corpus = described_;
    for (const std::string& profile : from_.profiles)
      if (!profile.empty()) corpus.push_back(profile);
    for (const std::string& text : corpus) for_each_word(text, [&](std::string&& word) { words_.insert(word); });
    return FittedTextEncoder(corpus, options);
  }

  [[nodiscard]] UserEvidence gather(Id user) const {
    const Dataset& data = *from_.data;
    UserEvidence evidence;
    evidence.history = Matrix<float>(0, items_.cols());
    if (user < 0) return evidence;
    const auto taken = data.train.of(user);
    evidence.history = Matrix<float>(static_cast<Index>(taken.size()), items_.cols());
    for (std::size_t k = 0; k < taken.size(); ++k)
      std::ranges::copy(items_.row(taken[k]), evidence.history.row(static_cast<Index>(k)).begin());
    std::vector<std::string> neighbours, held_out, others;
    for (Index k = 0; user < from_.neighbours.rows() && k < from_.neighbours.cols(); ++k)
      if (const Id other = from_.neighbours(user, k);
          other >= 0 && static_cast<std::size_t>(other) < from_.profiles.size())
        if (const std::string& text = from_.profiles[static_cast<std::size_t>(other)]; !text.empty())
          neighbours.push_back(text);
    if (from_.held_out != nullptr && !from_.held_out->of(user).empty()) {
      // By their text alone: what is not chosen yet has no profile.
      for (const Id item : from_.held_out->of(user)) held_out.push_back(texts_.text(item));
      RandomSequence random(Random(from_.seed, Stream::negatives, static_cast<std::uint32_t>(user)));
      const auto items = static_cast<std::uint32_t>(data.train.items());
      for (Index tries = 0; tries < 20 * from_.others && static_cast<Index>(others.size()) < from_.others; ++tries) {
        const auto item = static_cast<Id>(random.below(items));
        if (!data.train.contains(user, item) && !from_.held_out->contains(user, item))
          others.push_back(texts_.text(item));
      }
    }
    evidence.neighbours = encoder_(neighbours);
    evidence.held_out = encoder_(held_out);
    evidence.others = encoder_(others);
    return evidence;
  }

  EvidenceSources from_;
  ItemTexts texts_;
  std::set<std::string, std::less<>> words_;
  std::vector<std::string> described_;
  FittedTextEncoder encoder_;
  Matrix<float> items_;
  LiftScale lifts_;
  std::map<Id, UserEvidence> users_;
};

}  // namespace reclm::instruct
