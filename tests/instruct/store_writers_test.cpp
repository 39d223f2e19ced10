/// One store, several writers: who is asked anew, whose profile counts, and that texts are one with the file's.
#include <fstream>
#include <map>

#include "reclm/instruct/consensus.hpp"
#include "reclm/instruct/decoder_teacher.hpp"
#include "reclm/instruct/dialogues.hpp"
#include "reclm/instruct/imported_answers.hpp"
#include "reclm/instruct/profile_store.hpp"
#include "reclm/instruct/store_counts.hpp"
#include "reclm/instruct/write_profiles.hpp"
#include "small_town.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;
using reclm::test::TemporaryFolder;

namespace {

const std::vector<Id> kReaders{0, 1, 2};

std::vector<PromptSample> prompts_of(const Dataset& data, const std::string& words = "{form}\n{history}") {
  return Dialogues(data, {.templates = {.user_profile = words}}).user_prompts(kReaders).samples;
}

/// Says the same to everybody.
struct Speaker {
  std::string text, settings{};
  Index asked = 0;

  [[nodiscard]] TeacherFacts facts() const {
    TeacherFacts facts{.model = "speaker"};
    if (!settings.empty()) add_settings(facts, settings);
    return facts;
  }
  void answer(std::span<const TeacherRequest> requests, const AnswerSink& sink) {
    for (std::size_t k = 0; k < requests.size(); ++k, ++asked)
      if (!sink(static_cast<Index>(k), text)) return;
  }
};

std::string profile(const std::string& interest) { return "User identity: Reader; User interests: " + interest; }

std::string last_profile(const ProfileStore& store, const Dataset& data) { return store.user_profiles(data.users)[0]; }

}  // namespace

TEST_CASE("what failed under other settings is asked anew, and their profiles are not kept") {
  const Dataset data = small_town();
  const auto prompts = prompts_of(data);
  const TemporaryFolder folder;
  const auto path = folder / "profiles.jsonl";
  {
    ProfileStore store(path);
    Speaker bad{"As a model I cannot.", "a"};
    CHECK(write_profiles(store, bad, prompts, data, {.attempts = 4}).failed == 3);
    CHECK(bad.asked == 12);
    CHECK(write_profiles(store, bad, prompts, data, {.attempts = 4}).failed == 3);
    CHECK(bad.asked == 12);
  }
  ProfileStore store(path);
  Speaker good{profile("maps"), "b"};
  const auto report = write_profiles(store, good, prompts, data, {.attempts = 4});
  CHECK(report.written == 3);
  CHECK(good.asked == 3);
  CHECK(count_lines(store, false).failed == 3);  // by the settings that failed
  Speaker other{profile("hills"), "c"}, old{profile("lakes")};
  CHECK(write_profiles(store, other, prompts, data).kept == 0);
  CHECK(write_profiles(store, old, prompts, data).kept == 0);
  CHECK(last_profile(store, data) == old.text);
  // Other rules are other settings, too: what a tolerant reading took is no exact answer.
  CHECK(write_profiles(store, old, prompts, data, {.grammar = {.strict = true}}).kept == 0);
  CHECK(write_profiles(store, old, prompts, data, {.grammar = {.strict = true}}).kept == 3);
}

TEST_CASE("a store without settings is read, and is another writer's where there are some") {
  const Dataset data = small_town();
  const auto prompts = prompts_of(data);
  const TemporaryFolder folder;
  std::string lines;
  for (const PromptSample& prompt : prompts)
    lines += R"({"user_id":")" + std::string(data.users.name(prompt.user)) + R"(","profile":")" + profile("soups") +
             R"(","hash":")" + prompt_hash(prompt.messages) + R"(","model":"speaker","seed":1,"attempt":1})" + "\n";
  ProfileStore store(folder.write("old.jsonl", lines));
  CHECK(last_profile(store, data) == profile("soups"));
  Speaker silent{profile("maps")}, exact{profile("maps"), "a"};
  CHECK(write_profiles(store, silent, prompts, data).kept == 3);
  CHECK(write_profiles(store, exact, prompts, data).written == 3);
  CHECK(last_profile(store, data) == exact.text);
}

TEST_CASE("back at earlier settings or prompts, their profiles count again") {
  const Dataset data = small_town();
  const auto prompts = prompts_of(data), others = prompts_of(data, "{form}! {history}");
  const TemporaryFolder folder;
  const auto path = folder / "profiles.jsonl";
  Speaker a{profile("maps"), "a"}, b{profile("hills"), "b"};
  Index lines = 0;
  {
    ProfileStore store(path);
    write_profiles(store, a, prompts, data);
    write_profiles(store, b, prompts, data);
    CHECK(last_profile(store, data) == b.text);
    // Stopped in between or not, and on whatever day: all of them end behind the others, once.
    for (int times = 0; times < 2; ++times) {
      CHECK(write_profiles(store, a, prompts, data).kept == 3);
      CHECK(a.asked == 3);
      CHECK(last_profile(store, data) == a.text);
      CHECK(store.lines().size() == 9);
    }
    const StoreCounts counts = count_lines(store, false);
    CHECK(counts.answers == 6);
    CHECK(counts.shared == 0);
    lines = static_cast<Index>(store.lines().size());
  }
  ProfileStore store(path);
  CHECK(static_cast<Index>(store.lines().size()) == lines);
  a.text = profile("lakes");
  CHECK(write_profiles(store, a, others, data).written == 3);
  CHECK(last_profile(store, data) == a.text);
  CHECK(write_profiles(store, a, prompts, data).kept == 3);
  CHECK(last_profile(store, data) == profile("maps"));
  CHECK(texts_by_user(read_answers(path, data), data)[0] == profile("maps"));
}

TEST_CASE("other answers in a file of the same name are read") {
  const Dataset data = small_town();
  const auto prompts = prompts_of(data);
  const TemporaryFolder folder;
  ProfileStore store(folder / "profiles.jsonl");
  const auto take = [&](const std::string& text) {
    const auto path = folder.write("answers.jsonl", R"({"user_id": "u0", "profile": ")" + text + "\"}\n");
    auto teacher = imported_teacher("GPT", read_answers(path, data), data);
    return write_profiles(store, teacher, prompts, data);
  };
  CHECK(take("I cannot say").failed == 1);
  CHECK(take(profile("maps")).written == 1);
  CHECK(take(profile("hills")).written == 1);
  CHECK(take(profile("hills")).kept == 1);
  CHECK(last_profile(store, data) == profile("hills"));
}

TEST_CASE("settings tell how texts are drawn, and what a consensus takes") {
  const auto of = [](const DecoderTeacherOptions& options) {
    TeacherFacts facts{.model = "m"};
    add_settings(facts, options);
    return facts.settings;
  };
  const DecoderTeacherOptions usual;
  std::map<std::string, int> seen{{of(usual), 0}};
  const auto tells = [&](const auto& change) {
    DecoderTeacherOptions options;
    change(options);
    CHECK(seen.emplace(of(options), 0).second);
  };
  tells([](auto& o) { o.sampling.temperature = 0.8f; });
  tells([](auto& o) { o.sampling.top_p = 0.8f; });
  tells([](auto& o) { o.sampling.repetition_penalty = 1; });
  tells([](auto& o) { o.sampling.distinct_entries = true; });
  tells([](auto& o) { o.max_tokens = 99; });
  tells([](auto& o) { o.only_profiles = true; });
  tells([](auto& o) { o.only_profiles = true, o.least = 2; });
  tells([](auto& o) { o.stops = {"\n"}; });
  DecoderTeacherOptions batch;
  batch.batch = 1;  // says nothing of the texts
  CHECK(of(batch) == of(usual));

  Speaker speaker{profile("maps"), "a"};
  CHECK(Consensus(speaker, 3).facts().settings == speaker.facts().settings);
  CHECK(Consensus(speaker, 3, {.strict = true}).facts().settings != speaker.facts().settings);
}

TEST_CASE("a strict consensus counts exact profiles alone") {
  const Dataset data = small_town();
  const auto prompts = prompts_of(data);
  struct Sloppy {
    [[nodiscard]] TeacherFacts facts() const { return {.model = "sloppy"}; }
    void answer(std::span<const TeacherRequest> requests, const AnswerSink& sink) {
      for (std::size_t k = 0; k < requests.size(); ++k)
        if (!sink(static_cast<Index>(k),
                  k % 3 == 0 ? profile("maps") : "Sure! user identity: Fan; user interest: hills"))
          return;
    }
  } sloppy;
  const TemporaryFolder folder;
  ProfileStore store(folder / "profiles.jsonl");
  Consensus tolerant(sloppy, 3), strict(sloppy, 3, {.strict = true});
  write_profiles(store, tolerant, prompts, data);
  CHECK(last_profile(store, data) == "User identity: Fan; User interests: hills");
  write_profiles(store, strict, prompts, data, {.grammar = {.strict = true}});
  CHECK(last_profile(store, data) == profile("maps"));
}

TEST_CASE("broken UTF-8 is repaired before it is kept, so that later prompts are the same when the store is reopened") {
  const Dataset data = small_town();
  const auto prompts = prompts_of(data);
  const TemporaryFolder folder;
  const auto path = folder / "profiles.jsonl";
  Speaker speaker{profile("caf\xe9")};
  std::vector<std::string> now;
  std::vector<StoreLine> lines;
  {
    ProfileStore store(path);
    CHECK(write_profiles(store, speaker, prompts, data).written == 3);
    now = store.user_profiles(data.users);
    lines = store.lines();
  }
  const ProfileStore store(path);
  CHECK(store.lines() == lines);
  CHECK(store.user_profiles(data.users) == now);
  CHECK(now[0] == profile("caf\xEF\xBF\xBD"));
  const std::vector<Id> items{0, 1};
  const Dialogues dialogues(data, {});
  const auto before = dialogues.reader_prompts(items, now).samples,
             after = dialogues.reader_prompts(items, store.user_profiles(data.users)).samples;
  REQUIRE(before.size() == after.size());
  for (std::size_t k = 0; k < before.size(); ++k)
    CHECK(prompt_hash(before[k].messages) == prompt_hash(after[k].messages));
}
