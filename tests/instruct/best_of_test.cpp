/// The best of several answers: who is asked how often, what is passed on, what a reward prefers.
#include "reclm/instruct/best_of.hpp"

#include <set>

#include "instruct/workshop.hpp"
#include "reclm/instruct/write_profiles.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;
using reclm::test::TemporaryFolder;

namespace {

/// Answers with a number made of the seed; has none for `silent` of the requests, and answers backwards.
struct Numbers {
  std::vector<std::size_t> silent{};
  std::vector<std::uint64_t> seeds{};
  Index asked = 0;

  [[nodiscard]] TeacherFacts facts() const { return {.model = "numbers", .adapter = "a"}; }
  void answer(std::span<const TeacherRequest> requests, const AnswerSink& sink) {
    for (std::size_t k = requests.size(); k-- > 0;) {
      if (std::find(silent.begin(), silent.end(), k) != silent.end()) continue;
      ++asked;
      seeds.push_back(requests[k].seed);
      if (!sink(static_cast<Index>(k), std::to_string(requests[k].seed % 1000))) return;
    }
  }
};

std::size_t largest(const PromptSample& /*prompt*/, std::span<const std::string> answers) {
  const auto less = [](const std::string& a, const std::string& b) { return std::stoi(a) < std::stoi(b); };
  return static_cast<std::size_t>(std::max_element(answers.begin(), answers.end(), less) - answers.begin());
}

}  // namespace

TEST_CASE("each request is answered by the best of as many answers as wanted") {
  const std::vector<PromptSample> prompts(3);
  std::vector<TeacherRequest> requests;
  for (std::size_t k = 0; k < 3; ++k) requests.push_back({&prompts[k], 7 + k});
  const auto ask = [&](Numbers& numbers, Index count, std::size_t stop_after = 99) {
    std::map<Index, std::string> answers;
    BestOf best(numbers, count, largest);
    best.answer(requests, [&](Index index, std::string text) {
      CHECK(answers.emplace(index, std::move(text)).second);
      return answers.size() < stop_after;
    });
    return answers;
  };
  Numbers all;
  const auto answers = ask(all, 4);
  REQUIRE(answers.size() == 3);
  CHECK(all.asked == 12);
  CHECK(std::set(all.seeds.begin(), all.seeds.end()).size() == 12);
  for (std::size_t k = 0; k < 3; ++k) {  // backwards: request k has the seeds from 4 (2 − k) on
    std::uint64_t top = 0;
    for (std::size_t n = 0; n < 4; ++n) top = std::max(top, all.seeds[4 * (2 - k) + n] % 1000);
    CHECK(answers.at(static_cast<Index>(k)) == std::to_string(top));
  }
  Numbers again, stopped, some{.silent = {1, 4, 5, 6, 7}};
  CHECK(ask(again, 4) == answers);
  CHECK(ask(stopped, 4, 1).size() == 1);
  CHECK(stopped.asked == 4);
  const auto partial = ask(some, 4);  // the first by three answers, the second by none
  CHECK(partial.size() == 2);
  CHECK(partial.count(0) == 1);
  CHECK(partial.count(1) == 0);
  CHECK(partial.at(2) == answers.at(2));
  CHECK(BestOf(all, 4, largest).facts().adapter == "a, best of 4");
  CHECK_THROWS_AS(BestOf(all, 0, largest), ConfigError);
  BestOf beyond(all, 4, [](const PromptSample&, std::span<const std::string>) { return std::size_t{4}; });
  CHECK_THROWS_AS(beyond.answer(requests, [](Index, const std::string&) { return true; }), ShapeError);
}

TEST_CASE("a teacher that answers what was not asked, or twice, is refused") {
  struct Confused {
    std::vector<Index> answers;
    [[nodiscard]] TeacherFacts facts() const { return {.model = "confused"}; }
    void answer(std::span<const TeacherRequest> /*requests*/, const AnswerSink& sink) const {
      for (const Index index : answers)
        if (!sink(index, "1")) return;
    }
  };
  Dataset data;
  data.users.insert("u1");
  const std::vector<PromptSample> prompts{{.user = 0, .item = -1, .messages = {}}};
  const std::vector<TeacherRequest> requests{{prompts.data(), 7}};
  const auto sink = [](Index, const std::string&) { return true; };
  for (const auto& [answers, problem] :
       {std::pair{std::vector<Index>{1}, "request 1 of 1"}, std::pair{std::vector<Index>{-1}, "request -1 of 1"},
        std::pair{std::vector<Index>{0, 0}, "request 0 twice"}}) {
    Confused confused{answers};
    const TemporaryFolder folder;
    ProfileStore store(folder / "profiles.jsonl");
    const std::string message = "the teacher confused answered " + std::string(problem);
    CHECK_THROWS_WITH(write_profiles(store, confused, prompts, data), message);
    BestOf best(confused, 1, largest);
    CHECK_THROWS_WITH(best.answer(requests, sink), message);
  }
}

TEST_CASE("a reward's favourite is written to the store") {
  const Workshop shop(16);
  const auto evidence = shop.evidence();
  ProfileReward<> reward(nullptr, *evidence);
  reward.mixture.evidence = {0, 1, 1, 1, 1, 1};  // the evidence of the history, no scorer
  const Dialogues& dialogues = shop.dialogues;
  const auto prompts = dialogues.user_prompts(std::vector<Id>(shop.train.begin(), shop.train.begin() + 12)).samples;
  REQUIRE(prompts.size() == 12);

  // A teacher that knows whom a prompt is about, but says so in one answer of four; the others are somebody else's.
  struct Careless {
    const std::vector<std::string>& profiles;
    Index asked = 0;
    [[nodiscard]] TeacherFacts facts() const { return {.model = "careless"}; }
    void answer(std::span<const TeacherRequest> requests, const AnswerSink& sink) {
      for (std::size_t k = 0; k < requests.size(); ++k, ++asked) {
        const auto user = static_cast<std::size_t>(requests[k].prompt->user);
        const std::size_t other = (user + 1 + requests[k].seed % 100) % profiles.size();
        if (!sink(static_cast<Index>(k), k % 4 == 3 ? "no profile" : profiles[k % 4 == 2 ? user : other])) return;
      }
    }
  } careless{shop.world.user_profile_text};
  BestOf best(careless, 4, [&](const PromptSample& prompt, std::span<const std::string> answers) {
    return preferred(reward, prompt, answers);
  });
  const TemporaryFolder folder;
  const auto right = [&](const char* name, auto& teacher) {
    ProfileStore store(folder / name);
    const auto report = write_profiles(store, teacher, prompts, shop.world.dataset);
    CHECK(report.written + report.kept == 12);
    const auto profiles = store.user_profiles(shop.world.dataset.users);
    Index count = 0;
    for (const PromptSample& prompt : prompts) {
      const auto user = static_cast<std::size_t>(prompt.user);
      count += profiles[user] == shop.world.user_profile_text[user] ? 1 : 0;
    }
    return count;
  };
  CHECK(right("best.jsonl", best) >= 9);
  CHECK(careless.asked == 48);
  CHECK(right("best.jsonl", best) >= 9);  // what is in the store is not asked for again
}
