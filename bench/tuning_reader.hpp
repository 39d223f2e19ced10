#pragma once
// The tiny model that tuning_study begins with: one that can read and compare, as a large model can, before it is
// tuned.
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "reclm/data/world.hpp"
#include "reclm/instruct/open_language_model.hpp"
#include "reclm/instruct/tiny_comparing.hpp"
#include "reclm/instruct/tiny_language_model.hpp"
#include "reclm/instruct/tiny_lessons.hpp"
#include "reclm/instruct/tiny_recipe.hpp"

namespace tuning_study {

using namespace reclm;
using namespace reclm::instruct;

/// One model for all seeds, which has read libraries of both vocabularies (worlds of seeds that nobody studies) and
/// knows nothing of the worlds that it is tuned on.
inline LanguageModel pretrained(const std::filesystem::path& folder) {
  constexpr std::uint64_t seed = 900'001;
  constexpr std::size_t kDialogues = 3000;  // of each library
  const DialogueOptions wording = tiny_dialogues(seed);
  constexpr ComparingOptions sizes{.names = 7000, .items = 4000, .person = 1500, .several = 3500};
  const auto corpus = [&] {
    TinyCorpus all;
    for (const int vocabulary : {0, 1}) {
      const World library =
          make_world({.users = 14'000, .items = 8000, .vocabulary = vocabulary, .vectors = false, .seed = seed});
      for (std::string& text : tiny_texts_of(library.dataset, library.user_profile_text, seed, wording))
        all.texts.push_back(std::move(text));
      std::vector<std::vector<lm::TinyLesson>> courses = comparing_lessons(library, wording, sizes);
      // A2's dialogues come twice: the courses need their form, their answers the courses.
      courses.emplace_back();
      std::size_t dialogues = 0;
      for (lm::TinyLesson& lesson : reading_lessons(library, wording)) {
        const bool compares = !lesson.dialogue.empty();
        if (compares && ++dialogues > kDialogues) continue;
        if (compares && dialogues % 2 == 0) courses.back().push_back(lesson);
        all.lessons.push_back(std::move(lesson));
      }
      all.courses.resize(courses.size());
      for (std::size_t k = 0; k < courses.size(); ++k)
        std::move(courses[k].begin(), courses[k].end(), std::back_inserter(all.courses[k]));
    }
    return all;
  };
  lm::TinyOptions options = tiny_model_recipe(seed);
  options.vocabulary = options.vocabulary * 3 / 2;
  options.width = 128;
  options.kv_heads = options.heads;
  options.inner_width = 256;
  options.learning_rate = 3e-3;
  options.course_passes = 2;
  options.observer = [](const Progress& progress) {
    if (progress.step % 1000 == 0)
      std::fprintf(stderr, "%s: step %lld of %lld, loss %.3f\n", std::string(progress.stage).c_str(),
                   static_cast<long long>(progress.step), static_cast<long long>(progress.total), progress.loss);
    return true;
  };
  std::filesystem::create_directories(folder.parent_path());
  make_tiny_model(folder, corpus, options);
  return open_language_model(folder);
}

}  // namespace tuning_study
