#pragma once
/// @file tiny_lessons.hpp
/// What a tiny model learns of reading before it is tuned: which words go with which subject, and what a list is mostly
/// about. A large model knows both from its reading; a tiny one learns them from lists of a library, a world of other
/// items and other people than those that it is tuned and studied on.

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reclm/data/world.hpp"
#include "reclm/instruct/dialogues.hpp"
#include "reclm/lm/tiny.hpp"

namespace reclm::instruct {

/// Lessons of `library`, worded as the prompts of `wording` are. Of each person the list of what was chosen, four
/// times: with each item's subject behind it; with the subjects of the list as an answer, the most frequent first; with
/// those of part of the list; and with what such readers are called. And each item alone. Nobody's profile is told,
/// nor what is true of a person: only what the listed items are about.
/// Cost: 4 short texts a user and one an item
inline std::vector<lm::TinyLesson> reading_lessons(const World& library, const DialogueOptions& wording) {
  constexpr std::size_t most_subjects = 3;
  const Dialogues dialogues(library.dataset, wording);
  const auto subjects_of = [&](const std::vector<Id>& items) {
    std::map<Id, double> weights;
    for (const Id item : items) {
      const auto& about = library.item_interests[static_cast<std::size_t>(item)];
      for (std::size_t k = 0; k < about.size(); ++k) weights[about[k]] += k == 0 ? 1 : 0.7;
    }
    std::vector<std::pair<double, Id>> order;
    for (const auto& [subject, weight] : weights) order.emplace_back(-weight, subject);
    std::sort(order.begin(), order.end());
    order.resize(std::min(order.size(), most_subjects));
    return order;
  };
  const auto list = [&](const char* title, const std::vector<Id>& items, const std::vector<std::string>& names) {
    std::string text = title;
    const auto subjects = subjects_of(items);
    for (std::size_t k = 0; k < subjects.size(); ++k)
      text += (k == 0 ? " " : ", ") + names[static_cast<std::size_t>(subjects[k].second)];
    return text;
  };
  std::vector<lm::TinyLesson> lessons;
  const auto ask = [&](const std::vector<Id>& items, std::string answer) {
    SkipCounts none;
    if (const auto prompt = dialogues.history_prompt(items, 0, none))
      lessons.push_back({{{prompt->back().content, false}}, std::move(answer)});
  };
  for (Id user = 0; user < static_cast<Id>(library.dataset.train.users()); ++user) {
    const std::vector<Id> all = dialogues.histories().limited(dialogues.histories().of(user), wording.most_items);
    if (all.empty()) continue;
    lm::TinyLesson labelled;
    for (const Id item : all) {
      labelled.told.emplace_back(dialogues.texts().text(item), false);
      const Id subject = library.item_interests[static_cast<std::size_t>(item)].front();
      labelled.told.emplace_back(" " + library.interest_names[static_cast<std::size_t>(subject)] + "\n", true);
    }
    lessons.push_back(std::move(labelled));
    ask(all, list("Subjects:", all, library.interest_names));
    ask(all, list("Readers:", all, library.interest_identities));
    const std::vector<Id> part(all.begin(), all.begin() + static_cast<std::ptrdiff_t>((all.size() + 1) / 2));
    ask(part, list("Subjects:", part, library.interest_names));
  }
  for (Id item = 0; item < static_cast<Id>(library.dataset.items.size()); ++item)
    lessons.push_back(
        {{{fill(wording.templates.item_alone, {{"form", ""}, {"item", dialogues.texts().text(item)}}), false}},
         list("Subjects:", {item}, library.interest_names)});
  return lessons;
}

}  // namespace reclm::instruct
