/// Lessons of reading tell what listed items are about, and nothing of what is true of people.
#include "reclm/instruct/tiny_lessons.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <string>

#include "reclm/instruct/tiny_recipe.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::instruct;

TEST_CASE("reading lessons name the subjects of the items that they list, and nobody's profile") {
  const World library = make_world({.users = 120, .items = 150, .vectors = false, .seed = 5});
  const DialogueOptions wording = tiny_dialogues();
  const auto lessons = reading_lessons(library, wording);
  const Dialogues dialogues(library.dataset, wording);
  Index labelled = 0, lists = 0, alone = 0, dialogues_told = 0, compared = 0, yes = 0;
  Index told_of_others = 0, people_told = 0, sharing = 0;
  const std::set<std::string> profiles(library.user_profile_text.begin(), library.user_profile_text.end());
  const std::set<std::string> names(library.interest_names.begin(), library.interest_names.end());
  const auto subjects_of = [&](const std::string& told) {
    std::set<std::string> about;
    for (Id item = 0; item < library.dataset.items.size(); ++item)
      if (told.find(dialogues.texts().text(item)) != std::string::npos)
        for (const Id interest : library.item_interests[static_cast<std::size_t>(item)])
          about.insert(library.interest_names[static_cast<std::size_t>(interest)]);
    return about;
  };
  // Three subjects, no two alike, first those of the items that are listed: others only where these are fewer.
  const auto check_subjects = [&](const std::string& answer, const std::string& told) {
    const std::set<std::string> about = subjects_of(told);
    std::set<std::string> named;
    bool others = false;
    std::string rest = answer.substr(std::string("Subjects: ").size()) + ", ";
    while (!rest.empty()) {
      const std::size_t comma = rest.find(", ");
      const std::string subject = rest.substr(0, comma);
      CHECK(names.count(subject) == 1);
      CHECK(named.insert(subject).second);
      const bool listed = about.count(subject) == 1;
      CHECK_FALSE((listed && others));
      others = others || !listed;
      rest.erase(0, comma + 2);
    }
    CHECK(named.size() == 3);
    if (about.size() >= 3) CHECK_FALSE(others);
  };
  for (const lm::TinyLesson& lesson : lessons) {
    const std::string told = lm::detail::told_text(lesson);
    CHECK(profiles.count(lesson.answer) == 0);
    for (const std::string& profile : profiles) CHECK(told.find(profile) == std::string::npos);
    if (told.starts_with("Alike:")) {
      // People's lists in the form of profiles: more of them than not share a subject with the answer.
      ++told_of_others;
      const std::size_t list = told.find("\nChosen:\n");
      REQUIRE(list != std::string::npos);
      std::istringstream people(told.substr(7, list - 7));
      std::string line;
      int count = 0;
      while (std::getline(people, line)) {
        const ProfileReading reading = read_profile(line);
        REQUIRE(reading.valid());
        CHECK(reading.profile.interests.size() == 3);
        ++count;
        ++people_told;
        sharing += std::ranges::any_of(
                       reading.profile.interests,
                       [&](const std::string& interest) { return lesson.answer.find(interest) != std::string::npos; })
                       ? 1
                       : 0;
      }
      CHECK(count == 5);
      CHECK(lesson.answer.starts_with("Subjects: "));
    } else if (!lesson.dialogue.empty()) {
      CHECK(lesson.dialogue.size() > 4);
      CHECK(lesson.dialogue.size() <= 2 + 2 * 12);
      ++dialogues_told;
      std::vector<std::string> people;
      std::string rest = lesson.dialogue[0].content;
      while (!rest.empty()) {
        const std::size_t next = std::min(rest.find("\nPerson "), rest.size());
        people.push_back(rest.substr(0, next));
        rest.erase(0, next + 1);
      }
      REQUIRE(people.size() == 3);
      const std::string said = lesson.dialogue[1].content.substr(std::string("Person 1: ").size());
      check_subjects(said.substr(0, said.find('\n')), people[0]);
      // Yes where the item that is asked about has one of the subjects that were named of the first person.
      for (std::size_t k = 2; k < lesson.dialogue.size(); k += 2) {
        const std::string& question = lesson.dialogue[k].content;
        CHECK(question.starts_with("Would person 1 choose "));
        const std::string named = said.substr(0, said.find('\n')) + ",";
        const std::set<std::string> asked = subjects_of(question);
        CHECK_FALSE(asked.empty());
        const bool shares = std::ranges::any_of(
            asked, [&](const std::string& subject) { return named.find(" " + subject + ",") != std::string::npos; });
        CHECK(lesson.dialogue[k + 1].content == (shares ? "Yes" : "No"));
        ++compared;
        yes += shares ? 1 : 0;
      }
    } else if (lesson.answer.empty()) {
      ++labelled;
      // Item, subject, item, subject …: only subjects are learned.
      for (std::size_t k = 0; k < lesson.told.size(); ++k) CHECK(lesson.told[k].second == (k % 2 == 1));
    } else {
      ++(told.starts_with("Chosen:") ? lists : alone);
      if (lesson.answer.starts_with("Subjects:"))
        check_subjects(lesson.answer, told);
      else
        CHECK(lesson.answer.starts_with("Readers:"));
    }
  }
  CHECK(labelled == 120);
  CHECK(lists == 3 * 120);
  CHECK(alone == 150);
  CHECK(told_of_others == 60);
  CHECK(sharing > people_told / 2);
  CHECK(dialogues_told == 60);
  CHECK(compared > 6 * 60);
  CHECK(yes > compared / 4);
  CHECK(yes < compared * 3 / 4);
}
