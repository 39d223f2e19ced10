#pragma once
/// @file strangers.hpp
/// Prompts of other people, beside which a scorer's opinion of an answer says something of one person.

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/instruct/dialogues.hpp"

namespace reclm::instruct {

inline constexpr Index kMostStrangers = 64;

/// For each user the prompts of a few others, drawn once and for all. What a scorer likes about an answer whoever it is
/// about, it likes beside a stranger's prompt as well: the difference is what it says of this person (the maximum
/// mutual information of Li et al., NAACL 2016, for a reward). Without it a policy finds the words that the scorer
/// likes best, and writes them into every profile.
class Strangers {
 public:
  Strangers() = default;  ///< there are none
  /// @param dialogues must outlive the object  @param each of a user, 0 to 64
  /// @throws ConfigError
  Strangers(const Dialogues& dialogues, Index each) : dialogues_(&dialogues), each_(each) {
    if (each < 0 || each > kMostStrangers)
      throw ConfigError("Strangers: " + std::to_string(each) + " of a user is not within 0 and " +
                        std::to_string(kMostStrangers));
    const Interactions& train = dialogues.data().train;
    for (Id user = 0; user < static_cast<Id>(train.users()); ++user)
      if (!train.of(user).empty()) able_.push_back(user);
  }

  /// Prompts a user: none where there is nobody else.
  [[nodiscard]] Index each() const { return able_.size() < 2 ? 0 : each_; }

  /// The `k`-th stranger's prompt, k below each(). The same whenever it is asked for.
  const lm::Dialogue& prompt(Id user, Index k) {
    const Random random(dialogues_->options().seed, Stream::dialogues, 0x73747261u);
    const auto place =
        static_cast<std::uint64_t>(static_cast<std::uint32_t>(user)) * static_cast<std::uint64_t>(kMostStrangers) +
        static_cast<std::uint64_t>(k);
    std::size_t which = random.below(place, static_cast<std::uint32_t>(able_.size()));
    if (able_[which] == user) which = (which + 1) % able_.size();
    const Id other = able_[which];
    const auto found = prompts_.find(other);
    if (found != prompts_.end()) return found->second;
    auto asked = dialogues_->user_prompts(std::span(&other, 1)).samples;
    return prompts_.emplace(other, asked.empty() ? lm::Dialogue{} : std::move(asked.front().messages)).first->second;
  }

 private:
  const Dialogues* dialogues_ = nullptr;
  Index each_ = 0;
  std::vector<Id> able_;
  std::map<Id, lm::Dialogue> prompts_;
};

}  // namespace reclm::instruct
