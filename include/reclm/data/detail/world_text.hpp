#pragma once
/// @file world_text.hpp
/// Writes titles and abstracts of the embedded world from topics' words and sentence patterns.

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/data/detail/world_draws.hpp"
#include "reclm/data/detail/world_items.hpp"
#include "reclm/data/detail/world_knowledge.hpp"
#include "reclm/data/detail/world_leisure.hpp"
#include "reclm/data/detail/world_tuning.hpp"

namespace reclm::detail {

/// How each told style reads: adjectives and what a person who likes it is called.
struct StyleWords {
  std::array<std::string_view, 3> adjectives;
  std::string_view identity;
};
inline constexpr StyleWords kStyleWords[kToldStyles][2] = {
    {{{"simple", "easy", "basic"}, "curious beginner"}, {{"advanced", "detailed", "technical"}, "seasoned expert"}},
    {{{"cheap", "frugal", "thrifty"}, "bargain hunter"}, {{"luxurious", "exclusive", "lavish"}, "luxury lover"}},
    {{{"solitary", "quiet", "private"}, "solo explorer"}, {{"sociable", "shared", "communal"}, "family organiser"}},
    {{{"modern", "trendy", "daring"}, "early adopter"}, {{"traditional", "nostalgic", "timeless"}, "traditionalist"}},
    {{{"funny", "playful", "cheerful"}, "joke teller"}, {{"serious", "sober", "rigorous"}, "earnest reader"}},
};

inline constexpr std::string_view kPlainAdjectives[] = {"new", "useful", "common", "recent", "popular", "surprising"};
inline constexpr std::string_view kNames[] = {"Alvarez", "Bennett",  "Castillo", "Dubois", "Eriksen",  "Fischer",
                                              "Greene",  "Hoffman",  "Ivanova",  "Jensen", "Kowalski", "Lindgren",
                                              "Moreau",  "Nakamura", "Okafor",   "Petrov", "Quinn",    "Rossi",
                                              "Santos",  "Tanaka",   "Ueda",     "Varga",  "Whitaker", "Zimmer"};
inline constexpr std::string_view kPlaces[] = {"Antwerp",   "Boston",  "Cardiff",  "Denver",  "Edinburgh", "Florence",
                                               "Geneva",    "Hamburg", "Istanbul", "Jakarta", "Kyoto",     "Lisbon",
                                               "Melbourne", "Nairobi", "Oslo",     "Prague",  "Quito",     "Riga",
                                               "Seville",   "Toronto", "Utrecht",  "Vienna",  "Warsaw",    "Zurich"};
inline constexpr std::string_view kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                               "July",    "August",   "September", "October", "November", "December"};

// Slots: {w} a subject word, {i} the interest, {a} an adjective, {n} a name, {p} a place, {m} a month.
inline constexpr std::string_view kTitles[] = {
    "{a} tips on {w} and {w}",
    "What {w} tell us about {w}",
    "Why {w} and {w} belong together",
    "{p} looks at {w}",
    "{a} ideas for {w}",
    "The return of {w} and {w}",
    "{n} on {w}, {w} and {w}",
    "From {w} to {w}: {a} notes",
    "Ten {a} questions about {w}",
    "How to think about {w}",
    "{w}, {w} and a {a} year in {p}",
    "More {a} news of {w}",
};
inline constexpr std::string_view kEmptyTitles[] = {
    "You will not believe what happened in {p}",
    "The story that everybody in {p} talks about",
    "{n} has something to say",
    "Five things we learned in {m}",
    "A {a} day to remember in {p}",
    "Readers ask, {n} answers",
    "The {a} side of {p}",
};
inline constexpr std::string_view kSentences[] = {
    "{n} explains how {w} and {w} change the way people see {w}.",
    "It starts with {w} and ends with {w}.",
    "There is a long section on {w}, and a short one on {w}.",
    "Nobody in {p} expected {w} next to {w}.",
    "People who care about {i} will find {w} here.",
    "Half of it is about {w}, the rest about {w} and {w}.",
    "{w} are the {a} part, {w} the hard one.",
    "In {p} they now use {w} instead of {w}.",
};
inline constexpr std::string_view kEmptySentences[] = {
    "The story was first told in {p} in {m}.", "Pictures are by {n}.",     "More on this next week.",
    "{n} and {n} disagree about it.",          "It was a {a} {m} in {p}.", "We asked people in {p} what they think.",
    "Nothing is decided yet, says {n}.",
};
inline constexpr std::string_view kStyleSentences[] = {"The tone is {a}.", "It is a {a} piece, and meant to be.",
                                                       "Some will call it {a}."};

/// The interests' tables of one vocabulary, words split.
class WorldVocabulary {
 public:
  explicit WorldVocabulary(int number) : table_(number == 0 ? std::span(kLeisureWords) : std::span(kKnowledgeWords)) {
    for (const InterestWords& entry : table_) {
      std::vector<std::string> words(1);
      for (const char c : entry.words)
        if (c == ' ')
          words.emplace_back();
        else
          words.back() += c == '_' ? ' ' : c;
      words_.push_back(std::move(words));
    }
  }
  [[nodiscard]] Index size() const { return static_cast<Index>(table_.size()); }
  [[nodiscard]] const InterestWords& operator[](Id interest) const {
    return table_[static_cast<std::size_t>(interest)];
  }
  [[nodiscard]] std::span<const std::string> words(Id interest) const {
    return words_[static_cast<std::size_t>(interest)];
  }

 private:
  std::span<const InterestWords> table_;
  std::vector<std::vector<std::string>> words_;
};

struct WorldText {
  std::string title, abstract;
};

/// Writes one item's text.
class WorldWriter {
 public:
  WorldWriter(std::uint64_t seed, const WorldVocabulary& vocabulary, const WorldItems& items, const WorldTuning& tuning)
      : seed_(seed), vocabulary_(vocabulary), items_(items), tuning_(tuning) {}

  [[nodiscard]] WorldText write(Index item) const {
    WorldDraws draws(seed_, WorldPart::text, item);
    const bool told = items_.told[static_cast<std::size_t>(item)] != 0;
    WorldText text;
    text.title = fill(draws, item, told ? draws.pick(kTitles) : draws.pick(kEmptyTitles));
    constexpr double kNoAbstract = 0.05;
    if (draws.chance(kNoAbstract)) return text;
    const Index sentences = 2 + draws.below(2);
    for (Index k = 0; k < sentences; ++k)
      add(draws, item, told ? draws.pick(kSentences) : draws.pick(kEmptySentences), text.abstract);
    if (told && draws.chance(0.5)) add(draws, item, draws.pick(kEmptySentences), text.abstract);
    if (draws.chance(0.4)) add(draws, item, draws.pick(kStyleSentences), text.abstract);
    return text;
  }

 private:
  void add(WorldDraws& draws, Index item, std::string_view pattern, std::string& text) const {
    if (!text.empty()) text += ' ';
    text += fill(draws, item, pattern);
  }

  [[nodiscard]] std::string fill(WorldDraws& draws, Index item, std::string_view pattern) const {
    std::string out;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
      if (pattern[at] != '{') {
        out += pattern[at];
        continue;
      }
      out += slot(draws, item, pattern[at + 1]);
      at += 2;
    }
    if (out.front() >= 'a' && out.front() <= 'z') out.front() = static_cast<char>(out.front() - 'a' + 'A');
    return out;
  }

  [[nodiscard]] std::string_view slot(WorldDraws& draws, Index item, char kind) const {
    switch (kind) {
      case 'w':
        return subject(draws, item);
      case 'i':
        return vocabulary_[items_.interests[static_cast<std::size_t>(item)].front()].interest;
      case 'a':
        return adjective(draws, item);
      case 'n':
        return draws.pick(kNames);
      case 'p':
        return draws.pick(kPlaces);
      default:
        return draws.pick(kMonths);
    }
  }

  [[nodiscard]] std::string_view subject(WorldDraws& draws, Index item) const {
    const auto& own = items_.interests[static_cast<std::size_t>(item)];
    const Id interest =
        draws.chance(tuning_.stray_words) ? static_cast<Id>(draws.below(vocabulary_.size())) : draws.pick(own);
    return draws.pick(vocabulary_.words(interest));
  }

  // A marked style sometimes shows; most adjectives say nothing.
  [[nodiscard]] std::string_view adjective(WorldDraws& draws, Index item) const {
    const auto dimension = draws.below(kToldStyles);
    const float style = items_.styles(item, dimension);
    constexpr float kMarked = 0.7f;
    if (std::abs(style) > kMarked && draws.chance(tuning_.style_told))
      return draws.pick(kStyleWords[dimension][style > 0 ? 1 : 0].adjectives);
    return draws.pick(kPlainAdjectives);
  }

  std::uint64_t seed_;
  const WorldVocabulary& vocabulary_;
  const WorldItems& items_;
  WorldTuning tuning_;
};

}  // namespace reclm::detail
