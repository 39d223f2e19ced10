#pragma once
/// @file collaborative.hpp
/// A2: dialogues of two turns that teach a model to read several people at once, and to tell what one of them would
/// choose.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/instruct/dialogues.hpp"
#include "reclm/instruct/samples.hpp"
#include "reclm/instruct/templates.hpp"

namespace reclm::instruct {

namespace detail {

/// The people of one dialogue, the target first, and what is told of each.
class CollaborativeScene {
 public:
  struct Person {
    std::vector<Id> told;
    std::string profile;
  };

  CollaborativeScene(const Dialogues& dialogues, std::vector<Person> people, Id asked)
      : dialogues_(dialogues), people_(std::move(people)), asked_(asked) {}

  /// The dialogue within the budget, or nothing. Items are given up everywhere at once, the most popular first, but for
  /// the one asked about and the target's most informative one; a person without items leaves.
  [[nodiscard]] std::optional<lm::Dialogue> write(bool yes, SkipCounts& skipped) {
    std::vector<Id> order = droppable();
    std::size_t next = 0;
    lm::Dialogue dialogue = render(yes);
    for (Index surplus = dialogues_.surplus_of(dialogue, 0); surplus > 0;
         surplus = dialogues_.surplus_of(dialogue, 0)) {
      if (next == order.size()) {
        ++skipped.over_budget;
        return std::nullopt;
      }
      while (surplus > 0 && next < order.size()) {
        const Id item = order[next++];
        surplus -= dialogues_.options().budget.count(dialogues_.texts().text(item));
        for (Person& person : people_) skipped.dropped_items += static_cast<Index>(std::erase(person.told, item));
        std::erase_if(people_, [](const Person& person) { return person.told.empty(); });
      }
      dialogue = render(yes);
    }
    return dialogue;
  }

 private:
  [[nodiscard]] std::vector<Id> items() const {
    std::vector<Id> all;
    for (const Person& person : people_)
      for (const Id item : person.told)
        if (std::find(all.begin(), all.end(), item) == all.end()) all.push_back(item);
    return all;
  }

  [[nodiscard]] std::vector<Id> droppable() const {
    std::vector<Id> all = items();
    const Id kept = dialogues_.histories().least_informative_first(people_.front().told).back();
    std::erase_if(all, [&](Id item) { return item == asked_ || item == kept; });
    std::stable_sort(all.begin(), all.end(), [&](Id a, Id b) {
      return dialogues_.histories().popularity(a) > dialogues_.histories().popularity(b);
    });
    return all;
  }

  [[nodiscard]] lm::Dialogue render(bool yes) const {
    const Templates& t = dialogues_.options().templates;
    const std::vector<Id> all = items();
    const auto number = [&](Id item) {
      return std::to_string(std::find(all.begin(), all.end(), item) - all.begin() + 1);
    };
    const bool in_place = items_in_place(t);
    std::string lines, people, profiles;
    for (const Id item : all)
      lines += (lines.empty() ? "" : "\n") +
               fill(t.numbered_item, {{"number", number(item)}, {"item", dialogues_.texts().text(item)}});
    for (std::size_t p = 0; p < people_.size(); ++p) {
      std::string told;
      for (const Id item : people_[p].told)
        told += in_place ? (told.empty() ? "" : "\n") + fill(t.history_item, {{"item", dialogues_.texts().text(item)}})
                         : (told.empty() ? "[" : ", [") + number(item) + "]";
      const std::string name = std::to_string(p + 1), gap = p == 0 ? "" : "\n";
      people += gap + fill(t.person, {{"person", name}, {"history", told}});
      profiles += gap + fill(t.person_profile, {{"person", name}, {"profile", people_[p].profile}});
    }
    lm::Dialogue messages = dialogues_.start(
        fill(t.collaborative, {{"form", dialogues_.user_form()}, {"items", lines}, {"people", people}}));
    messages.push_back({"assistant", profiles});
    const ItemTexts& texts = dialogues_.texts();
    const std::string item = in_place ? texts.text(asked_) : texts.short_text(asked_);
    messages.push_back({"user", fill(t.question, {{"person", "1"}, {"number", number(asked_)}, {"item", item}})});
    messages.push_back({"assistant", yes ? t.yes : t.no});
    return messages;
  }

  const Dialogues& dialogues_;
  std::vector<Person> people_;
  Id asked_;
};

}  // namespace detail

/// A2: `options().questions` pairs of dialogues for each user, one of each pair with the answer Yes, about an item of
/// the user's own history that some neighbour has too and that is held out of what is told; the other with No, about a
/// neighbour's item that the user never chose. The first answer is everybody's profile. `chose` is the last answer.
///
/// Users with fewer than two train items, without a profile, without a neighbour that has one, or without an item for
/// both questions are left out, so that Yes and No stay half and half.
///
/// @param neighbours [users, k] alike users, the nearest first, −1 where there are fewer; neighbours.hpp finds them
/// @param profiles   of all users, "" where there is none
/// @throws ShapeError unless there is a row and a profile for each user
/// Cost: O(people · items of a history) a dialogue, and its tokens counted once or twice with a budget.
inline Built<ChatSample> collaborative_dialogues(const Dialogues& dialogues, std::span<const Id> users,
                                                 MatrixView<const Id> neighbours,
                                                 std::span<const std::string> profiles) {
  const Interactions& train = dialogues.data().train;
  const DialogueOptions& options = dialogues.options();
  if (neighbours.rows() != train.users())
    throw ShapeError("collaborative_dialogues: " + std::to_string(neighbours.rows()) + " rows of neighbours for " +
                     std::to_string(train.users()) + " users");
  Built<ChatSample> built;
  SkipCounts& skipped = built.skipped;
  for (const Id user : users) {
    const auto own = train.of(user);
    if (own.size() < 2) {
      ++skipped.no_history;
      continue;
    }
    const std::string own_profile = Dialogues::profile_text(profiles, user, skipped);
    if (own_profile.empty()) continue;
    std::vector<std::pair<Id, std::string>> others;
    SkipCounts ignored;
    for (Index k = 0; k < neighbours.cols() && static_cast<Index>(others.size()) < options.neighbours; ++k) {
      const Id other = neighbours(user, k);
      if (other < 0 || train.of(other).empty()) continue;
      if (std::string profile = Dialogues::profile_text(profiles, other, ignored); !profile.empty())
        others.emplace_back(other, std::move(profile));
    }
    if (others.empty()) {
      ++skipped.no_neighbour;
      continue;
    }
    std::vector<Id> shared, foreign;
    for (const auto& [other, profile] : others)
      for (const Id item : train.of(other)) (train.contains(user, item) ? shared : foreign).push_back(item);
    for (auto* items : {&shared, &foreign}) {
      std::sort(items->begin(), items->end());
      items->erase(std::unique(items->begin(), items->end()), items->end());
    }
    if (shared.empty() || foreign.empty()) {
      ++skipped.no_question;
      continue;
    }
    for (Index question = 0; question < options.questions; ++question) {
      const Random random(options.seed, Stream::dialogues, static_cast<std::uint32_t>(question));
      std::vector<ChatSample> both;
      for (const bool yes : {true, false}) {
        const auto& from = yes ? shared : foreign;
        const Id asked = from[random.below(2 * static_cast<std::uint64_t>(user) + (yes ? 0 : 1),
                                           static_cast<std::uint32_t>(from.size()))];
        std::vector<detail::CollaborativeScene::Person> people;
        std::vector<Id> told = dialogues.histories().of(user);
        std::erase(told, asked);
        people.push_back({dialogues.histories().limited(std::move(told), options.most_items), own_profile});
        for (const auto& [other, profile] : others)
          people.push_back(
              {dialogues.histories().limited(dialogues.histories().of(other), options.neighbour_items, asked),
               profile});
        detail::CollaborativeScene scene(dialogues, std::move(people), asked);
        if (auto messages = scene.write(yes, skipped))
          both.push_back({Stage::collaborative, user, asked, yes, std::move(*messages)});
      }
      if (both.size() < 2) continue;
      // Which answer comes first must not be a habit either.
      if (random.bits((std::uint64_t{1} << 40) + static_cast<std::uint64_t>(user)) & 1) std::swap(both[0], both[1]);
      for (ChatSample& sample : both) built.samples.push_back(std::move(sample));
    }
  }
  return built;
}

}  // namespace reclm::instruct
