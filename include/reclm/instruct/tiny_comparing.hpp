#pragma once
/// @file tiny_comparing.hpp
/// How a tiny model learns to compare: in courses, from whether a list has a name to whether an item goes with one of
/// several people. Asked the last question alone, it answers at chance after as many lessons.

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/data/world.hpp"
#include "reclm/instruct/dialogues.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/item_texts.hpp"
#include "reclm/instruct/templates.hpp"
#include "reclm/lm/tiny.hpp"

namespace reclm::instruct {

/// Lists of each course. At the defaults some nine million tokens; a course helps only where the one before was
/// mastered.
struct ComparingOptions {
  Index names = 14'000;  ///< is this subject named in the list? A line a question, many to a list
  Index items = 7000;    ///< and is that which this item is about?
  Index person = 2000;   ///< is this subject named? Asked as A2 asks of somebody whose subjects are told
  Index several = 6000;  ///< would the first of several people choose this item?
};

namespace detail {

/// Writes the courses from one library.
class ComparingCourses {
 public:
  ComparingCourses(const World& library, const DialogueOptions& wording)
      : library_(library), wording_(wording), texts_(library.dataset, wording.columns) {
    items_.resize(library.interest_names.size());
    for (Id item = 0; item < library.dataset.items.size(); ++item)
      items_[static_cast<std::size_t>(about(item).front())].push_back(item);
    for (std::size_t subject = 0; subject < items_.size(); ++subject)
      if (!items_[subject].empty()) subjects_.push_back(static_cast<Id>(subject));
    if (static_cast<Index>(subjects_.size()) < kMost * (wording_.neighbours + 2))
      throw ConfigError("comparing_lessons: the library's items have only " + std::to_string(subjects_.size()) +
                        " subjects. Remedy: give a larger world");
  }

  [[nodiscard]] std::vector<std::vector<lm::TinyLesson>> write(const ComparingOptions& sizes) {
    std::vector<std::vector<lm::TinyLesson>> courses(4);
    for (Index k = 0; k < sizes.names; ++k) courses[0].push_back(listed(false));
    for (Index k = 0; k < sizes.items; ++k) courses[1].push_back(listed(true));
    for (Index k = 0; k < sizes.person; ++k) courses[2].push_back(asked(1, false));
    for (Index k = 0; k < sizes.several; ++k) courses[3].push_back(asked(1 + wording_.neighbours, true));
    return courses;
  }

 private:
  static constexpr Index kLeast = 2, kMost = 4;  // subjects in a list
  static constexpr int kListed = 24, kAsked = 20;

  struct Question {
    std::string text;
    bool yes = false;
  };

  [[nodiscard]] const std::vector<Id>& about(Id item) const {
    return library_.item_interests[static_cast<std::size_t>(item)];
  }
  [[nodiscard]] const std::string& name(Id subject) const {
    return library_.interest_names[static_cast<std::size_t>(subject)];
  }
  [[nodiscard]] Id any(const std::vector<Id>& of) { return of[draws_.below(static_cast<std::uint32_t>(of.size()))]; }
  static bool has(const std::vector<Id>& list, Id subject) {
    return std::find(list.begin(), list.end(), subject) != list.end();
  }

  [[nodiscard]] std::vector<Id> draw_list(Index length) {
    std::vector<Id> list;
    while (static_cast<Index>(list.size()) < length)
      if (const Id subject = any(subjects_); !has(list, subject)) list.push_back(subject);
    return list;
  }
  [[nodiscard]] std::vector<Id> draw_list() {
    return draw_list(kLeast + static_cast<Index>(draws_.below(static_cast<std::uint32_t>(kMost - kLeast + 1))));
  }

  [[nodiscard]] std::string plain(const std::vector<Id>& list) const {
    std::string text = "Subjects:", gap = " ";
    for (const Id subject : list) text += std::exchange(gap, ", ") + name(subject);
    return text;
  }
  [[nodiscard]] std::string as_profile(const std::vector<Id>& list) const {
    Profile profile;
    for (const Id subject : list) {
      profile.identities.push_back(library_.interest_identities[static_cast<std::size_t>(subject)]);
      profile.interests.push_back(name(subject));
    }
    return format_profile(profile);
  }

  // Yes where `list` names what is asked about; every other No is about what `others` name. With `items` two of three
  // questions are about an item, none of whose subjects is in the list where the answer is No.
  [[nodiscard]] Question question(const std::vector<Id>& list, const std::vector<Id>& others, bool items) {
    const bool yes = draws_.below(2) == 0, named = !items || draws_.below(3) == 0;
    for (;;) {
      const Id subject = yes ? any(list) : !others.empty() && draws_.below(2) == 0 ? any(others) : any(subjects_);
      if (!yes && has(list, subject)) continue;
      if (named) return {name(subject), yes};
      const Id item = any(items_[static_cast<std::size_t>(subject)]);
      const bool shared = std::ranges::any_of(about(item), [&](Id other) { return has(list, other); });
      if (shared == yes) return {texts_.text(item), yes};
    }
  }

  // A list and a line for each question.
  [[nodiscard]] lm::TinyLesson listed(bool items) {
    const std::vector<Id> list = draw_list();
    lm::TinyLesson lesson;
    std::string before = plain(list);
    for (int k = 0; k < kListed; ++k) {
      const Question q = question(list, {}, items);
      lesson.told.emplace_back(std::exchange(before, "") + "\n" + q.text + "?", false);
      lesson.told.emplace_back(answer(q), true);
    }
    return lesson;
  }

  // What some people are like, and A2's question about the first of them many times.
  [[nodiscard]] lm::TinyLesson asked(Index people, bool items) {
    const Templates& t = wording_.templates;
    const std::vector<Id> own = people > 1 ? draw_list(3) : draw_list();
    const bool profiles = people > 1 && draws_.below(2) == 0;
    std::vector<Id> others;
    std::string told;
    for (Index p = 0; p < people; ++p) {
      const std::vector<Id> list = p == 0 ? own : draw_list(3);
      if (p > 0) others.insert(others.end(), list.begin(), list.end());
      told += fill(t.person_profile,
                   {{"person", std::to_string(p + 1)}, {"profile", profiles ? as_profile(list) : plain(list)}}) +
              "\n";
    }
    lm::TinyLesson lesson;
    for (int k = 0; k < kAsked; ++k) {
      const Question q = question(own, others, items);
      lesson.dialogue.push_back(
          {"user", std::exchange(told, "") + fill(t.question, {{"person", "1"}, {"number", ""}, {"item", q.text}})});
      lesson.dialogue.push_back({"assistant", answer(q)});
    }
    return lesson;
  }

  [[nodiscard]] const std::string& answer(const Question& q) const {
    return q.yes ? wording_.templates.yes : wording_.templates.no;
  }

  const World& library_;
  const DialogueOptions& wording_;
  ItemTexts texts_;
  std::vector<std::vector<Id>> items_;  // of each subject: those that it is the main one of
  std::vector<Id> subjects_;            // that have an item
  RandomSequence draws_{Random(wording_.seed, Stream::world, 0x434f4d50u)};
};

}  // namespace detail

/// Four courses from the subjects and items of `library`, to be learned one after the other by a model that reads, and
/// before A2's dialogues (`TinyCorpus::courses`); see ComparingOptions. Lists are drawn at random and are nobody's.
/// Half of the answers are Yes.
/// @throws ConfigError where the library has too few subjects
inline std::vector<std::vector<lm::TinyLesson>> comparing_lessons(const World& library, const DialogueOptions& wording,
                                                                  const ComparingOptions& sizes = {}) {
  return detail::ComparingCourses(library, wording).write(sizes);
}

}  // namespace reclm::instruct
