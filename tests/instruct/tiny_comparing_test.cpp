/// Lessons in comparing: every answer is right, Yes and No are even, and nothing but the answers is learned.
#include "reclm/instruct/tiny_comparing.hpp"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "reclm/instruct/tiny_language_model.hpp"
#include "reclm/instruct/tiny_recipe.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::instruct;

namespace {

/// What a lesson asks: the line that tells of the person or list, and the question.
struct Asked {
  std::string line, question, answer;
  bool listed = false;
};

std::vector<Asked> questions_of(const lm::TinyLesson& lesson) {
  std::vector<Asked> all;
  std::string line;
  for (std::size_t k = 0; k + 1 < lesson.told.size(); k += 2) {
    std::string text = lesson.told[k].first;
    CHECK_FALSE(lesson.told[k].second);
    CHECK(lesson.told[k + 1].second);
    const std::size_t end = text.find('\n');
    if (k == 0) line = text.substr(0, end);
    all.push_back({line, text.substr(end + 1), lesson.told[k + 1].first, true});
  }
  for (std::size_t k = 0; k + 1 < lesson.dialogue.size(); k += 2) {
    std::string text = lesson.dialogue[k].content;
    CHECK(lesson.dialogue[k].role == "user");
    CHECK(lesson.dialogue[k + 1].role == "assistant");
    if (k == 0) {
      line = text.substr(0, text.find('\n'));
      text = text.substr(text.rfind('\n') + 1);
    }
    all.push_back({line, text, lesson.dialogue[k + 1].content, false});
  }
  return all;
}

}  // namespace

TEST_CASE("comparing lessons answer rightly, Yes as often as No, and ask about others' subjects as well", "[long]") {
  const World library = make_world({.users = 60, .items = 900, .vectors = false, .seed = 6});
  const DialogueOptions wording = tiny_dialogues();
  const ItemTexts texts(library.dataset, wording.columns);
  const auto courses = comparing_lessons(library, wording, {.names = 30, .items = 40, .person = 20, .several = 50});
  REQUIRE(courses.size() == 4);
  const std::size_t sizes[] = {30, 40, 20, 50};
  for (std::size_t course = 0; course < 4; ++course) {
    REQUIRE(courses[course].size() == sizes[course]);
    Index questions = 0, yes = 0, about_items = 0, of_others = 0, no = 0;
    for (const lm::TinyLesson& lesson : courses[course]) {
      const std::string whole = lm::detail::told_text(lesson);
      for (const Asked& asked : questions_of(lesson)) {
        INFO(asked.line << " / " << asked.question << " / " << asked.answer);
        CHECK(asked.listed == (course < 2));
        std::string what = asked.question;
        if (!asked.listed) {
          REQUIRE(what.starts_with("Would person 1 choose "));
          what.erase(0, std::string("Would person 1 choose ").size());
        }
        REQUIRE(what.ends_with("?"));
        what.pop_back();
        std::vector<std::set<std::string>> about;  // of the items with that text, or of the subject itself
        for (Id item = 0; item < library.dataset.items.size(); ++item)
          if (texts.text(item) == what) {
            about.emplace_back();
            for (const Id subject : library.item_interests[static_cast<std::size_t>(item)])
              about.back().insert(library.interest_names[static_cast<std::size_t>(subject)]);
          }
        about_items += about.empty() ? 0 : 1;
        CHECK((about.empty() || course == 1 || course == 3));
        if (about.empty()) about.push_back({what});
        const auto named = [&](const std::string& line, const std::string& subject) {
          return line.ends_with(" " + subject) || line.find(" " + subject + ",") != std::string::npos;
        };
        const bool right = std::ranges::any_of(about, [&](const std::set<std::string>& subjects) {
          const bool shares = std::ranges::any_of(subjects, [&](const std::string& s) { return named(asked.line, s); });
          return asked.answer == (shares ? "Yes" : "No");
        });
        CHECK(right);
        ++questions;
        yes += asked.answer == "Yes" ? 1 : 0;
        if (asked.answer == "No") {
          ++no;
          const std::string others = whole.substr(asked.line.size());
          of_others += course == 3 && others.find("Person 2:") != std::string::npos &&
                               std::ranges::any_of(about.front(),
                                                   [&](const std::string& s) {
                                                     const auto people = others.substr(0, others.find("Would person"));
                                                     return people.find(s) != std::string::npos;
                                                   })
                           ? 1
                           : 0;
        }
      }
    }
    CHECK(questions == static_cast<Index>(sizes[course]) * (course < 2 ? 24 : 20));
    CHECK(yes > questions * 2 / 5);
    CHECK(yes < questions * 3 / 5);
    if (course == 1 || course == 3) {
      CHECK(about_items > questions / 2);
      CHECK(about_items < questions * 4 / 5);
    } else {
      CHECK(about_items == 0);
    }
    if (course == 3) CHECK(of_others > no * 2 / 5);
  }
  // The same again from the same seed.
  const auto again = comparing_lessons(library, wording, {.names = 3, .items = 0, .person = 0, .several = 1});
  CHECK(again[0].front().told == courses[0].front().told);
  CHECK(again[1].empty());
}

TEST_CASE("a library of too few subjects is refused") {
  World library = make_world({.users = 20, .items = 100, .vectors = false, .seed = 6});
  for (auto& about : library.item_interests) about = {0};
  CHECK_THROWS_AS(comparing_lessons(library, tiny_dialogues()), ConfigError);
}

TEST_CASE("a tiny model that learned courses stands in its folder, and no checkpoint beside it") {
  const World library = make_world({.users = 60, .items = 900, .vectors = false, .seed = 6});
  const DialogueOptions wording = tiny_dialogues();
  const auto corpus = [&] {
    TinyCorpus all;
    all.texts = tiny_texts_of(library.dataset, library.user_profile_text, 1, wording);
    all.courses = comparing_lessons(library, wording, {.names = 10, .items = 5, .person = 5, .several = 5});
    return all;
  };
  lm::TinyOptions options = tiny_model_recipe();
  options.width = 16;
  options.layers = 1;
  options.inner_width = 16;
  options.vocabulary = 400;
  options.tokens = 1;
  options.course_passes = 1;
  const test::TemporaryFolder folder;
  const auto names = [&] {
    std::set<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      all.insert(entry.path().filename().string());
    return all;
  };
  options.observer = [](const Progress& progress) { return !progress.stage.ends_with("course 2"); };
  CHECK(!make_tiny_model(folder / "tiny", corpus, options));
  CHECK(names() == std::set<std::string>{"tiny.checkpoint.safetensors", "tiny.checkpoint.safetensors.1",
                                         "tiny.checkpoint.safetensors.2"});
  options.observer = {};
  folder.write("tiny.checkpoint.safetensors.mine", "somebody's own");
  CHECK(make_tiny_model(folder / "tiny", corpus, options));
  CHECK(names() == std::set<std::string>{"tiny", "tiny.checkpoint.safetensors.mine"});
}
