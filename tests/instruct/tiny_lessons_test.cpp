/// Lessons of reading tell what listed items are about, and nothing of what is true of people.
#include "reclm/instruct/tiny_lessons.hpp"

#include <set>

#include "reclm/instruct/tiny_recipe.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::instruct;

TEST_CASE("reading lessons name the subjects of the items that they list, and nobody's profile") {
  const World library = make_world({.users = 120, .items = 150, .vectors = false, .seed = 5});
  const DialogueOptions wording = tiny_dialogues();
  const auto lessons = reading_lessons(library, wording);
  const Dialogues dialogues(library.dataset, wording);
  Index labelled = 0, lists = 0, alone = 0;
  std::set<std::string> profiles(library.user_profile_text.begin(), library.user_profile_text.end());
  for (const lm::TinyLesson& lesson : lessons) {
    const std::string told = lm::detail::told_text(lesson);
    CHECK(profiles.count(lesson.answer) == 0);
    CHECK(told.find("User identity") == std::string::npos);
    if (lesson.answer.empty()) {
      ++labelled;
      // Item, subject, item, subject …: only subjects are learned.
      for (std::size_t k = 0; k < lesson.told.size(); ++k) CHECK(lesson.told[k].second == (k % 2 == 1));
      continue;
    }
    ++(told.starts_with("Chosen:") ? lists : alone);
    if (!lesson.answer.starts_with("Subjects:")) {
      CHECK(lesson.answer.starts_with("Readers:"));
      continue;
    }
    // What is named is what some listed item is about.
    std::set<std::string> about;
    for (Id item = 0; item < library.dataset.items.size(); ++item)
      if (told.find(dialogues.texts().text(item)) != std::string::npos)
        for (const Id interest : library.item_interests[static_cast<std::size_t>(item)])
          about.insert(library.interest_names[static_cast<std::size_t>(interest)]);
    std::string rest = lesson.answer.substr(std::string("Subjects: ").size()) + ", ";
    Index named = 0;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(", ");
      CHECK(about.count(rest.substr(0, comma)) == 1);
      rest.erase(0, comma + 2);
      ++named;
    }
    CHECK(named >= 1);
    CHECK(named <= 3);
  }
  CHECK(labelled == 120);
  CHECK(lists == 3 * 120);
  CHECK(alone == 150);
}
