#pragma once
/// @file tiny_lessons.hpp
/// What a tiny model learns of reading before it is tuned: which words go with which subject, what a list is mostly
/// about, and whose list an item goes with. A large model knows all that from its reading; a tiny one learns it from
/// lists of a library, a world of other items and other people than those that it is tuned and studied on.

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/philox.hpp"
#include "reclm/data/world.hpp"
#include "reclm/instruct/collaborative.hpp"
#include "reclm/instruct/dialogues.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/lm/tiny.hpp"

namespace reclm::instruct {

namespace detail {

/// Writes the lessons of one library.
class ReadingLessons {
 public:
  ReadingLessons(const World& library, const DialogueOptions& wording)
      : library_(library), wording_(wording), dialogues_(library.dataset, wording_) {}

  [[nodiscard]] std::vector<lm::TinyLesson> write() {
    const auto users = static_cast<Id>(library_.dataset.train.users());
    for (Id user = 0; user < users; ++user) {
      const std::vector<Id> all = list_of(user, wording_.most_items);
      if (all.empty()) continue;
      label(all);
      ask(all, named("Subjects:", all, library_.interest_names));
      ask(all, named("Readers:", all, library_.interest_identities));
      const std::vector<Id> part(all.begin(), all.begin() + static_cast<std::ptrdiff_t>((all.size() + 1) / 2));
      ask(part, named("Subjects:", part, library_.interest_names));
      if (users <= wording_.neighbours) continue;
      if (user % 2 == 0)
        compare(user, all);
      else
        ask(part, named("Subjects:", all, library_.interest_names), people_like(all, user));
    }
    for (Id item = 0; item < static_cast<Id>(library_.dataset.items.size()); ++item)
      lessons_.push_back(
          {{{fill(wording_.templates.item_alone, {{"form", ""}, {"item", dialogues_.texts().text(item)}}), false}},
           named("Subjects:", {item}, library_.interest_names)});
    return std::move(lessons_);
  }

 private:
  static constexpr std::size_t kNamed = 3;   // subjects in an answer
  static constexpr int kQuestions = 12;      // about one list
  static constexpr std::uint32_t kMet = 40;  // people among whom those with lists alike are looked for
  static constexpr std::size_t kAlike = 5;   // of them

  [[nodiscard]] std::vector<Id> list_of(Id user, Index most) const {
    return dialogues_.histories().limited(dialogues_.histories().of(user), most);
  }

  [[nodiscard]] std::span<const Id> about(Id item) const {
    return library_.item_interests[static_cast<std::size_t>(item)];
  }

  // The most frequent subjects first. Where there are fewer than an answer names, others follow at random: who always
  // names three learns not to name one twice.
  [[nodiscard]] std::vector<Id> subjects_of(const std::vector<Id>& items) {
    std::map<Id, double> weights;
    for (const Id item : items)
      for (std::size_t k = 0; k < about(item).size(); ++k) weights[about(item)[k]] += k == 0 ? 1 : 0.7;
    std::vector<std::pair<double, Id>> order;
    for (const auto& [subject, weight] : weights) order.emplace_back(-weight, subject);
    std::sort(order.begin(), order.end());
    std::vector<Id> subjects;
    for (std::size_t k = 0; k < std::min(order.size(), kNamed); ++k) subjects.push_back(order[k].second);
    while (subjects.size() < std::min(kNamed, library_.interest_names.size())) {
      const auto other = static_cast<Id>(draws_.below(static_cast<std::uint32_t>(library_.interest_names.size())));
      if (std::find(subjects.begin(), subjects.end(), other) == subjects.end()) subjects.push_back(other);
    }
    return subjects;
  }

  [[nodiscard]] static std::string list(const char* title, const std::vector<Id>& subjects,
                                        const std::vector<std::string>& names) {
    std::string text = title, gap = " ";
    for (const Id subject : subjects) text += std::exchange(gap, ", ") + names[static_cast<std::size_t>(subject)];
    return text;
  }
  [[nodiscard]] std::string named(const char* title, const std::vector<Id>& items,
                                  const std::vector<std::string>& names) {
    return list(title, subjects_of(items), names);
  }

  // Each item, and its subject behind it.
  void label(const std::vector<Id>& items) {
    lm::TinyLesson lesson;
    for (const Id item : items) {
      lesson.told.emplace_back(dialogues_.texts().text(item), false);
      lesson.told.emplace_back(" " + library_.interest_names[static_cast<std::size_t>(about(item).front())] + "\n",
                               true);
    }
    lessons_.push_back(std::move(lesson));
  }

  // Of a few people met by chance those whose lists share most subjects with `items`, the nearest first: what their
  // lists are about, in the form of profiles.
  [[nodiscard]] std::vector<std::string> people_like(const std::vector<Id>& items, Id user) {
    const std::vector<Id> own = subjects_of(items);
    std::vector<std::pair<int, std::vector<Id>>> met;
    for (std::uint32_t k = 0; k < kMet; ++k) {
      const auto other = static_cast<Id>(draws_.below(static_cast<std::uint32_t>(library_.dataset.train.users())));
      std::vector<Id> theirs = subjects_of(list_of(other, wording_.most_items));
      int shared = 0;
      for (const Id subject : theirs) shared += std::find(own.begin(), own.end(), subject) != own.end() ? 1 : 0;
      if (other != user) met.emplace_back(-shared, std::move(theirs));
    }
    std::stable_sort(met.begin(), met.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    met.resize(std::min(met.size(), kAlike));
    std::vector<std::string> lines;
    for (const auto& [shared, subjects] : met) {
      Profile profile;
      for (const Id subject : subjects) {
        profile.identities.push_back(library_.interest_identities[static_cast<std::size_t>(subject)]);
        profile.interests.push_back(library_.interest_names[static_cast<std::size_t>(subject)]);
      }
      lines.push_back(format_profile(profile));
    }
    return lines;
  }

  void ask(const std::vector<Id>& items, std::string answer, std::vector<std::string> alike = {}) {
    SkipCounts none;
    if (const auto prompt = dialogues_.history_prompt(items, 0, none, std::move(alike)))
      lessons_.push_back({{{prompt->back().content, false}}, std::move(answer)});
  }

  [[nodiscard]] bool about_one_of(const std::vector<Id>& subjects, Id item) const {
    return std::ranges::any_of(about(item), [&](Id subject) {
      return std::find(subjects.begin(), subjects.end(), subject) != subjects.end();
    });
  }

  // Several people's lists, what each is about, and whether an item of another's list goes with the first person:
  // whether it is about one of the subjects that were named. Then the same of items in nobody's list.
  void compare(Id user, const std::vector<Id>& own) {
    const auto users = static_cast<Id>(library_.dataset.train.users());
    std::vector<CollaborativeScene::Person> people{{own, {}}};
    for (Id k = 1; static_cast<Index>(people.size()) <= wording_.neighbours && k < users; ++k)
      if (auto list = list_of((user + k) % users, wording_.neighbour_items); !list.empty())
        people.push_back({std::move(list), {}});
    if (people.size() < 2) return;
    const std::vector<Id> subjects = subjects_of(own);
    const bool yes = draws_.below(2) == 0;
    const auto asked = draw_item(own, subjects, yes);
    if (!asked) return;
    people[1 + draws_.below(static_cast<std::uint32_t>(people.size() - 1))].told.back() = *asked;
    for (CollaborativeScene::Person& person : people)
      person.profile =
          list("Subjects:", &person == &people.front() ? subjects : subjects_of(person.told), library_.interest_names);
    SkipCounts none;
    auto dialogue = CollaborativeScene(dialogues_, std::move(people), *asked).write(yes, none);
    if (!dialogue) return;
    const Templates& words = wording_.templates;
    for (int k = 1; items_in_place(words) && k < kQuestions; ++k) {
      const bool goes = draws_.below(2) == 0;
      const auto item = draw_item(own, subjects, goes);
      if (!item) continue;
      dialogue->push_back({"user", fill(words.question, {{"person", "1"}, {"item", dialogues_.texts().text(*item)}})});
      dialogue->push_back({"assistant", goes ? words.yes : words.no});
    }
    lessons_.push_back({{}, {}, std::move(*dialogue)});
  }

  // An item outside of the list that is about one of the subjects, or about none of them.
  [[nodiscard]] std::optional<Id> draw_item(const std::vector<Id>& list, const std::vector<Id>& subjects, bool shares) {
    constexpr int kTries = 300;
    for (int k = 0; k < kTries; ++k) {
      const auto item = static_cast<Id>(draws_.below(static_cast<std::uint32_t>(library_.dataset.items.size())));
      if (std::find(list.begin(), list.end(), item) == list.end() && about_one_of(subjects, item) == shares)
        return item;
    }
    return std::nullopt;
  }

  const World& library_;
  const DialogueOptions& wording_;
  Dialogues dialogues_;
  RandomSequence draws_{Random(wording_.seed, Stream::world, 0x4c455353u)};
  std::vector<lm::TinyLesson> lessons_;
};

}  // namespace detail

/// Lessons of `library`, worded as the prompts of `wording` are. Of each person the list of what was chosen, four
/// times: with each item's subject behind it; with three subjects as an answer, the list's most frequent first; with
/// those of part of the list; and with what such readers are called. Of every other person a dialogue as of A2: several
/// people's lists, and whether items are about what the first one's is about (a model that is to learn this learns
/// comparing_lessons first); of the others part of the list beside what the lists of people alike are about, with the
/// whole list's subjects. And each item alone. Nobody's profile is told, nor what is true of a person: only what the
/// listed items are about.
/// Cost: 5 short texts a user and one an item
inline std::vector<lm::TinyLesson> reading_lessons(const World& library, const DialogueOptions& wording) {
  return detail::ReadingLessons(library, wording).write();
}

}  // namespace reclm::instruct
