#pragma once
/// @file world_oracle.hpp
/// The embedded world's oracle: writes profiles from the true interests, as a good but not all-knowing teacher would.

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/data/detail/world_draws.hpp"
#include "reclm/data/detail/world_items.hpp"
#include "reclm/data/detail/world_text.hpp"
#include "reclm/data/detail/world_tuning.hpp"
#include "reclm/data/detail/world_users.hpp"

namespace reclm::detail {

class WorldOracle {
 public:
  WorldOracle(std::uint64_t seed, const WorldVocabulary& vocabulary, const WorldLayout& layout, const WorldItems& items,
              const WorldTuning& tuning)
      : seed_(seed), vocabulary_(vocabulary), layout_(layout), items_(items), tuning_(tuning) {}

  /// @param history the user's items before the cut; what they show is named more often than what they do not
  [[nodiscard]] std::string user_profile(Index user, const WorldUser& known, std::span<const Id> history) const {
    WorldDraws draws(seed_, WorldPart::user_profile, user);
    std::vector<Id> shown;
    for (const Id item : history)
      for (const Id interest : items_.interests[static_cast<std::size_t>(item)]) shown.push_back(interest);
    std::vector<Id> named;
    for (const WorldInterest& interest : known.interests) {
      const bool seen = std::find(shown.begin(), shown.end(), interest.interest) != shown.end();
      if (draws.chance(seen ? tuning_.sees_shown : tuning_.sees_hidden)) name(draws, interest.interest, named);
    }
    for (int tries = 0; tries < 8 && !shown.empty(); ++tries) add(draws.pick(shown), named);
    return line(draws, named, known.taste);
  }

  [[nodiscard]] std::string item_profile(Index item) const {
    WorldDraws draws(seed_, WorldPart::item_profile, item);
    const auto& own = items_.interests[static_cast<std::size_t>(item)];
    const bool told = items_.told[static_cast<std::size_t>(item)] != 0;
    std::vector<Id> named;
    for (const Id interest : own)
      if (draws.chance(told ? tuning_.sees_shown : 0.5 * tuning_.sees_shown)) name(draws, interest, named);
    // Who reads this often likes that too: what a teacher learns from the readers.
    if (draws.chance(0.5)) add(layout_.companion[static_cast<std::size_t>(own.front())], named);
    const auto styles = items_.styles.row(item);
    return line(draws, named, {styles.begin(), styles.end()});
  }

 private:
  static constexpr std::size_t kNamed = 3;  // identities and interests in a profile

  static void add(Id interest, std::vector<Id>& named) {
    if (named.size() < kNamed && std::find(named.begin(), named.end(), interest) == named.end())
      named.push_back(interest);
  }

  // Any interest of the same topic.
  static Id neighbour(WorldDraws& draws, Id interest) {
    return static_cast<Id>(interest / kInterestsPerTopic * kInterestsPerTopic + draws.below(kInterestsPerTopic));
  }

  void name(WorldDraws& draws, Id interest, std::vector<Id>& named) const {
    add(draws.chance(tuning_.confuses) ? neighbour(draws, interest) : interest, named);
  }

  [[nodiscard]] std::string line(WorldDraws& draws, std::vector<Id> named, const std::vector<float>& traits) const {
    // Three are asked for: the rest is guessed, near what is known or anywhere.
    while (named.size() < kNamed)
      add(!named.empty() && draws.chance(0.6) ? neighbour(draws, named.front())
                                              : static_cast<Id>(draws.below(vocabulary_.size())),
          named);
    Index strongest = 0;
    for (Index k = 1; k < kToldStyles; ++k)
      if (std::abs(traits[static_cast<std::size_t>(k)]) > std::abs(traits[static_cast<std::size_t>(strongest)]))
        strongest = k;
    bool positive = traits[static_cast<std::size_t>(strongest)] > 0;
    if (!draws.chance(tuning_.sees_style)) {
      strongest = draws.below(kToldStyles);
      positive = draws.chance(0.5);
    }
    std::string text = "User identity: ";
    text += vocabulary_[named[0]].identity;
    text += ", ";
    text += vocabulary_[named[1]].identity;
    text += ", ";
    text += kStyleWords[strongest][positive ? 1 : 0].identity;
    text += "; User interests: ";
    for (std::size_t k = 0; k < kNamed; ++k) {
      if (k > 0) text += ", ";
      text += vocabulary_[named[k]].interest;
    }
    return text;
  }

  std::uint64_t seed_;
  const WorldVocabulary& vocabulary_;
  const WorldLayout& layout_;
  const WorldItems& items_;
  WorldTuning tuning_;
};

}  // namespace reclm::detail
