/// The store of profiles: what a crash leaves, what is asked again, and that an interruption leaves no trace.
#include "reclm/instruct/profile_store.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <thread>

#include "reclm/core/philox.hpp"
#include "reclm/instruct/dialogues.hpp"
#include "reclm/instruct/imported_answers.hpp"
#include "reclm/instruct/world_teacher.hpp"
#include "reclm/instruct/write_profiles.hpp"
#include "small_town.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;
namespace fs = std::filesystem;

namespace {

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class E, class Action>
std::string message(const Action& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return "no such error";
}

/// Forty users, of whom each two have the same single item.
Dataset pairs_of_users() {
  Dataset data;
  data.name = "pairs";
  std::vector<Pair> pairs;
  TextColumn title{"title", {}};
  for (Id user = 0; user < 40; ++user) {
    data.users.insert("u" + std::to_string(user));
    pairs.push_back({user, user / 2});
  }
  for (Id item = 0; item < 20; ++item) {
    data.items.insert("i" + std::to_string(item));
    title.values.push_back("Title " + std::to_string(item));
  }
  data.train = Interactions::from_pairs(40, 20, pairs);
  data.item_text.push_back(title);
  return data;
}

std::vector<PromptSample> prompts_of(const Dataset& data) {
  std::vector<Id> users(static_cast<std::size_t>(data.users.size()));
  for (std::size_t k = 0; k < users.size(); ++k) users[k] = static_cast<Id>(k);
  return Dialogues(data, {.templates = {.user_profile = "{form}\n{history}"}}).user_prompts(users).samples;
}

/// A model that breaks the grammar at some attempts, by its seed; its answer is a function of prompt and seed.
struct Scribe {
  std::string name = "scribe", tuning = {};
  std::chrono::microseconds delay{0};
  std::map<std::uint64_t, int>* asked = nullptr;  // how often each seed came

  [[nodiscard]] TeacherFacts facts() const { return {.model = name, .adapter = tuning}; }
  void answer(std::span<const TeacherRequest> requests, const AnswerSink& sink) const {
    for (std::size_t k = 0; k < requests.size(); ++k) {
      if (asked != nullptr) ++(*asked)[requests[k].seed];
      if (delay.count() > 0) std::this_thread::sleep_for(delay);
      const std::string& prompt = requests[k].prompt->messages.back().content;
      const std::string text = requests[k].seed % 3 == 0
                                   ? "As a model I cannot."
                                   : "user identity: Reader of " + prompt.substr(prompt.rfind('-') + 2) +
                                         "; User interests: " + std::to_string(requests[k].seed % 1000) + ".";
      if (!sink(static_cast<Index>(k), text)) return;
    }
  }
};

std::string undisturbed(const Dataset& data, const std::vector<PromptSample>& prompts) {
  const test::TemporaryFolder folder;
  {
    ProfileStore store(folder / "profiles.jsonl");
    Scribe scribe;
    write_profiles(store, scribe, prompts, data);
  }
  return slurp(folder / "profiles.jsonl");
}

}  // namespace

TEST_CASE("equal prompts are asked once, and what breaks the grammar again with another seed") {
  const Dataset data = pairs_of_users();
  const auto prompts = prompts_of(data);
  REQUIRE(prompts.size() == 40);
  const test::TemporaryFolder folder;
  std::map<std::uint64_t, int> asked;
  Scribe scribe{.asked = &asked};
  Index steps = 0;
  const WriteProfilesOptions options{.observer = [&](const Progress& p) {
    CHECK(p.stage == "write profiles");
    CHECK(p.step == ++steps);
    CHECK(p.step <= p.total);
    return true;
  }};
  ProfileStore store(folder / "profiles.jsonl");
  const auto report = write_profiles(store, scribe, prompts, data, options);
  CHECK(report.prompts == 40);
  CHECK(report.written + report.shared + report.failed == 40);
  CHECK(report.written == report.shared);
  CHECK(report.failed > 0);
  CHECK(report.answers.valid() == report.written);
  CHECK(report.answers.total() == static_cast<Index>(asked.size()));
  CHECK(report.answers.of[static_cast<std::size_t>(ProfileFault::no_identities)] > 1);
  for (const auto& [seed, times] : asked) CHECK(times == 1);
  CHECK(steps == report.answers.total());
  const auto profiles = store.user_profiles(data.users);
  for (Id user = 0; user < 40; user += 2) {
    const std::string& text = profiles[static_cast<std::size_t>(user)];
    CHECK(profiles[static_cast<std::size_t>(user) + 1] == text);
    if (!text.empty())
      CHECK(contains(text, "User identity: Reader of Title " + std::to_string(user / 2) + "; User interests: "));
  }
  CHECK(std::count(profiles.begin(), profiles.end(), "") == report.failed);

  // All is there: nobody is asked again, but what failed; with more attempts that goes on.
  const std::string before = slurp(folder / "profiles.jsonl");
  asked.clear();
  CHECK(write_profiles(store, scribe, prompts, data).kept == report.written + report.shared);
  CHECK(asked.empty());
  CHECK(slurp(folder / "profiles.jsonl") == before);
  const auto more = write_profiles(store, scribe, prompts, data, {.attempts = 12});
  CHECK(more.failed == 0);
  CHECK(more.written == report.failed / 2);
  // Another model, tuning or seed writes anew, and its word is the last.
  scribe.tuning = "adapter";
  CHECK(write_profiles(store, scribe, prompts, data, {.attempts = 12}).kept == 0);
  CHECK(store.lines().back().adapter == "adapter");
  CHECK(write_profiles(store, scribe, prompts, data, {.attempts = 12, .seed = 2}).kept == 0);
  CHECK(store.lines().back().seed == 2);
}

TEST_CASE("an answer that max_tokens cut off is counted by its name and asked again") {
  const Dataset data = pairs_of_users();
  const std::vector<PromptSample> prompts{prompts_of(data).front()};
  struct Hasty {
    int asked = 0;
    [[nodiscard]] TeacherFacts facts() const { return {.model = "hasty"}; }
    void answer(std::span<const TeacherRequest> /*requests*/, const AnswerSink& sink) {
      const std::string text = "User identity: Reader; User interests: opera, museum";
      sink(0, ++asked == 1 ? text + kCutOff : text + "s");
    }
  } hasty;
  const test::TemporaryFolder folder;
  ProfileStore store(folder / "profiles.jsonl");
  const auto report = write_profiles(store, hasty, prompts, data);
  CHECK(report.answers.text() == "1 of 2 valid; 1 cut off by max_tokens");
  REQUIRE(store.lines().size() == 2);
  CHECK(store.lines()[0].fault == "cut off by max_tokens");
  CHECK(store.lines()[0].text == "User identity: Reader; User interests: opera, museum");
  CHECK(store.lines()[1].text == "User identity: Reader; User interests: opera, museums");
}

TEST_CASE("a run that stops at any answer goes on to the same file") {
  const Dataset data = pairs_of_users();
  const auto prompts = prompts_of(data);
  const std::string whole = undisturbed(data, prompts);
  const test::TemporaryFolder folder;
  const fs::path path = folder / "profiles.jsonl";
  Index stops = 0;
  for (bool interrupted = true; interrupted; ++stops) {
    ProfileStore store(path);
    Scribe scribe;
    interrupted =
        write_profiles(store, scribe, prompts, data, {.observer = [](const Progress&) { return false; }}).interrupted;
  }
  CHECK(stops > 20);
  CHECK(slurp(path) == whole);
  // Cut anywhere, as a dying machine would.
  for (std::size_t kept = 0; kept <= whole.size(); kept += kept < 300 ? 7 : 211) {
    {
      std::ofstream file(path, std::ios::binary | std::ios::trunc);
      file << whole.substr(0, kept);
    }
    INFO(kept << " of " << whole.size() << " bytes");
    ProfileStore store(path);
    CHECK(store.repaired() == (kept > 0 && whole[kept - 1] != '\n'));
    Scribe scribe;
    write_profiles(store, scribe, prompts, data);
    REQUIRE(slurp(path) == whole);
  }
}

TEST_CASE("a killed writer leaves a store that goes on to the same file") {
  const Dataset data = pairs_of_users();
  const auto prompts = prompts_of(data);
  const std::string whole = undisturbed(data, prompts);
  const test::TemporaryFolder folder;
  const fs::path path = folder / "profiles.jsonl";
  for (std::uint32_t round = 0; round < 8; ++round) {
    fs::remove(path);
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        ProfileStore store(path, {.sync_every = 1});
        Scribe scribe{.delay = std::chrono::microseconds(300)};
        write_profiles(store, scribe, prompts, data);
      } catch (...) {
      }
      ::pause();
      ::_exit(0);
    }
    REQUIRE(child > 0);
    std::this_thread::sleep_for(
        std::chrono::duration<double, std::milli>(60 * Random(7, Stream::evaluation, round).uniform(0)));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status));
    ProfileStore store(path);
    Scribe scribe;
    write_profiles(store, scribe, prompts, data);
    CHECK(slurp(path) == whole);
  }
}

TEST_CASE("a store is one process's, and a wrong path costs a file nothing") {
  const test::TemporaryFolder folder;
  const fs::path path = folder / "profiles.jsonl";
  {
    const ProfileStore store(path);
    CHECK(contains(message<IoError>([&] { ProfileStore{path}; }), "in use by another process"));
  }
  CHECK_NOTHROW(ProfileStore{path});
  const auto refused = [&](const std::string& text) {
    const fs::path file = folder.write("wrong.jsonl", text);
    const std::string what = message<DataError>([&] { ProfileStore store(file); });
    CHECK(contains(what, file.string() + ":"));
    CHECK(contains(what, "Remedy: "));
    CHECK(slurp(file) == text);
    return what;
  };
  const std::string good = R"({"user_id": "u1", "profile": "x"})";
  CHECK(contains(refused("notes\nmore notes"), ":1: this is no JSON"));
  CHECK(contains(refused("only notes"), ":1: this is no profile store"));
  CHECK(contains(refused(R"({"a": [1, 2, 'x']})"), ":1: this is no profile store"));
  CHECK(contains(refused(R"({"a": 1})"), ":1: there must be either"));
  CHECK(contains(refused(good + "\n" + R"({"a": 1})"), ":2: there must be either"));
  CHECK(contains(refused(std::string(1 << 17, 'x')), "no profile store"));
  CHECK(contains(refused(good + "\n{\"user_id\": \"u2\"}\n"), ":2: there is no \"profile\""));
  CHECK(contains(refused(good + "\n{\"profile\": \"x\"}\n{\"us"), ":2: there must be either"));
  CHECK(
      contains(refused(good + "\n" + R"({"user_id": "a", "item_id": "b", "profile": "x"})" + "\n"), "must be either"));
  CHECK(contains(refused(R"({"user_id": "a", "profile": "x", "seed": -1})"
                         "\n"),
                 "\"seed\" is no whole number"));
  CHECK(contains(refused(R"({"user_id": "a", "profile": 3})"
                         "\n"),
                 "\"profile\" is no text"));
  CHECK(contains(message<IoError>([&] { ProfileStore(folder / "no" / "such.jsonl"); }), "no/such.jsonl"));
  CHECK_THROWS_AS(ProfileStore(folder.path()), IoError);

  // A whole last line without its end is completed; lines from elsewhere count.
  const fs::path foreign = folder.write("foreign.jsonl", good + "\n" + R"({"item_id": 7, "profile": "y"})");
  {
    const ProfileStore store(foreign);
    CHECK(store.repaired());
    CHECK(store.lines().size() == 2);
    IdMap items;
    items.insert("6"), items.insert("7");
    CHECK(store.item_profiles(items) == std::vector<std::string>{"", "y"});
  }
  CHECK(slurp(foreign).back() == '\n');
}

TEST_CASE("an id that is no UTF-8 is refused before anybody is asked") {
  Dataset data = pairs_of_users();
  data.users = {};
  for (int user = 0; user < 40; ++user) data.users.insert("caf\xe9" + std::to_string(user));
  const test::TemporaryFolder folder;
  ProfileStore store(folder / "profiles.jsonl");
  std::map<std::uint64_t, int> asked;
  Scribe scribe{.asked = &asked};
  const auto prompts = prompts_of(data);
  const std::string what = message<ConfigError>([&] { write_profiles(store, scribe, prompts, data); });
  CHECK(contains(what, "user id \"caf\\xe90\" is no UTF-8"));
  CHECK(contains(what, "Remedy: "));
  CHECK(asked.empty());
  StoreLine line;
  line.about_item = true;
  line.id = "\xff";
  CHECK(contains(message<ConfigError>([&] { store.add(line); }), "item id \"\\xff\""));
  line.id = "caf\xC3\xA9";
  line.text = "\xff";  // of a model
  store.add(line);
  CHECK(slurp(store.path()).starts_with("{\"item_id\":\"caf\xC3\xA9\",\"profile\":\"\xEF\xBF\xBD\""));
}

TEST_CASE("a full disk ends a run, and what was written stays good") {
  const Dataset data = pairs_of_users();
  const auto prompts = prompts_of(data);
  const test::TemporaryFolder folder;
  const fs::path path = folder / "profiles.jsonl";
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  std::string what;
  {
    ProfileStore store(path);
    rlimit limit = before;
    limit.rlim_cur = 1000;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    Scribe scribe;
    what = message<IoError>([&] { write_profiles(store, scribe, prompts, data); });
    ::setrlimit(RLIMIT_FSIZE, &before);
  }
  std::signal(SIGXFSZ, handler);
  CHECK(contains(what, path.string()));
  CHECK(contains(what, "space"));
  CHECK(slurp(path).back() == '\n');
  ProfileStore store(path);
  CHECK(!store.repaired());
  CHECK(store.lines().size() > 2);
  Scribe scribe;
  write_profiles(store, scribe, prompts, data);
  CHECK(slurp(path) == undisturbed(data, prompts));
}

TEST_CASE("answers from files are a teacher, by user and item") {
  const Dataset data = small_town();
  const test::TemporaryFolder folder;
  const auto path = folder.write(
      "answers.jsonl",
      R"({"user_id": "u0", "profile": "User identity: Runner; User interests: Races."})"
      "\n"
      R"({"user_id": "nobody", "profile": "User identity: x; User interests: y"})"
      "\n"
      R"({"user_id": "u1", "instruction": "Now: ", "input": "[items]", "suffix": " Go.", "output": "User identity: Fan; User interests: Goals"})"
      "\n"
      R"({"item_id": "i3", "input": "Whose?", "output": "No idea"})"
      "\n");
  const ImportedAnswers imported = read_answers(path, data);
  CHECK(imported.answers.size() == 3);
  CHECK(imported.unknown == 1);
  CHECK(imported.grammar.valid() == 2);
  const auto dialogues = imported_dialogues(imported);
  REQUIRE(dialogues.samples.size() == 1);
  CHECK(dialogues.samples[0].messages[0].content == "Now: [items] Go.");
  CHECK(dialogues.samples[0].user == 1);
  CHECK(dialogues.skipped.no_profile == 1);
  CHECK(dialogues.skipped.no_question == 1);

  ProfileStore store(folder / "profiles.jsonl");
  auto teacher = imported_teacher("GPT", imported, data);
  const auto report = write_profiles(store, teacher, prompts_of(data), data);
  CHECK(report.written == 2);
  CHECK(report.unanswered == 1);
  CHECK(store.user_profiles(data.users)[0] == "User identity: Runner; User interests: Races");
  CHECK(store.lines()[0].model == "GPT");
  CHECK_THROWS_AS(read_answers(folder.write("bad.jsonl", "{\"profile\": \"x\"}\n"), data), DataError);

  const World world = make_world({.users = 60, .items = 100, .vectors = false});
  auto oracle = world_teacher(world);
  ProfileStore written(folder / "world.jsonl");
  const auto prompts = prompts_of(world.dataset);
  CHECK(write_profiles(written, oracle, prompts, world.dataset).written == 60);
  CHECK(written.user_profiles(world.dataset.users) == world.user_profile_text);
}

TEST_CASE("the answers that GPT gave for MIND are read") {
  const char* root = std::getenv("RECLM_DATA");
  const auto folder = fs::path(root != nullptr ? root : RECLM_SOURCE_DIR "/../shared/data") / "mind";
  if (!fs::exists(folder / "sft_user_profiles.jsonl")) {
    WARN("MIND is not here; set RECLM_DATA to the folder that holds mind/");
    return;
  }
  Dataset data;
  for (int k = 0; k < 57128; ++k) data.users.insert(std::to_string(k));
  for (int k = 0; k < 3827; ++k) data.items.insert(std::to_string(k));
  for (const auto& [name, lines, valid] :
       {std::tuple("sft_user_profiles.jsonl", 1694, 1667), std::tuple("user_profiles.jsonl", 1694, 1667),
        std::tuple("sft_item_profiles.jsonl", 892, 891), std::tuple("gpt_item_prompts.jsonl", 892, 891)}) {
    const auto imported = read_answers(folder / name, data);
    INFO(name);
    CHECK(imported.answers.size() == static_cast<std::size_t>(lines));
    CHECK(imported.unknown == 0);
    CHECK(imported.grammar.valid() == valid);
    if (std::string(name) != "user_profiles.jsonl")
      CHECK(imported_dialogues(imported).samples.size() == static_cast<std::size_t>(valid));
  }
}
