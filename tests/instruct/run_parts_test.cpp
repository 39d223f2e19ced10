/// What a whole run keeps beside models and profiles: its settings, counts of stores, texts in the place of profiles.
#include <fstream>
#include <iterator>

#include "reclm/eval/tuning_chapter.hpp"
#include "reclm/instruct/kept_settings.hpp"
#include "reclm/instruct/raw_profiles.hpp"
#include "reclm/instruct/store_counts.hpp"
#include "small_town.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;
using reclm::test::TemporaryFolder;

namespace {

template <class Action>
std::string complaint(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a folder is gone on with by the settings that began it alone") {
  const TemporaryFolder folder;
  const auto file = folder / "run.json";
  const KeptSettings begun{{"--steps", "30"}, {"--model", "tiny \"1\""}};
  CHECK_FALSE(keep_settings(file, begun));
  CHECK(keep_settings(file, begun));
  const std::string other = complaint([&] { keep_settings(file, {{"--steps", "31"}, {"--model", "tiny \"1\""}}); });
  for (const char* part : {"--steps = 30", "now it is 31", "Remedy"}) CHECK(other.find(part) != std::string::npos);
  CHECK(complaint([&] { keep_settings(file, {{"--new", "1"}}); }).find("nothing") != std::string::npos);
  CHECK(keep_settings(file, begun));
  const KeptSettings latin{{"data", "caf\xe9"}};  // no UTF-8
  CHECK_FALSE(keep_settings(folder / "latin.json", latin));
  CHECK(keep_settings(folder / "latin.json", latin));
  for (const char* text : {"", "{", "[]", "{\"format\": \"reclm run 1\"}", "{\"format\": 3, \"settings\": {}}"}) {
    std::ofstream(folder / "bad.json") << text;
    CHECK_THROWS_AS(keep_settings(folder / "bad.json", begun), DataError);
  }
}

TEST_CASE("counts of a store are told by its lines") {
  const TemporaryFolder folder;
  ProfileStore store(folder / "profiles.jsonl");
  const auto add = [&](const char* id, const char* hash, Index attempt, const char* fault, bool item = false) {
    StoreLine line;
    line.about_item = item;
    line.id = id;
    line.text = "text";
    line.fault = fault;
    line.hash = hash;
    line.attempt = attempt;
    store.add(line);
  };
  add("u1", "a", 1, "empty");
  add("u1", "a", 2, "");
  add("u2", "a", 2, "");  // the same prompt about another
  add("u3", "b", 1, "too few entries");
  add("u3", "b", 2, "empty");
  add("i1", "c", 1, "", true);
  const StoreCounts users = count_lines(store, false), items = count_lines(store, true);
  CHECK(users.profiles == 2);
  CHECK(users.answers == 4);
  CHECK(users.rejected == 3);
  CHECK(users.shared == 1);
  CHECK(users.failed == 1);
  CHECK(users.of_fault.at("empty") == 2);
  CHECK(users.valid() == Approx(0.25));
  // Another model's answer to a prompt is its own, and so is each line that has no prompt.
  const auto from = [&](const char* model, std::uint64_t seed, const char* id, const char* hash) {
    StoreLine line;
    line.id = id;
    line.text = "text";
    line.hash = hash;
    line.model = model;
    line.seed = seed;
    store.add(line);
  };
  from("B", 0, "u1", "a");
  from("B", 2, "u1", "a");
  from("", 0, "u1", "");
  from("", 0, "u4", "");
  const StoreCounts all = count_lines(store, false);
  CHECK(all.answers == users.answers + 4);
  CHECK(all.shared == users.shared);
  CHECK(all.failed == users.failed);
  CHECK(all.profiles == 3);
  CHECK(items.profiles == 1);
  CHECK(items.rejected == 0);
  CHECK(items.valid() == 1);
}

TEST_CASE("raw texts stand in the place of profiles") {
  const Dataset data = small_town();
  DialogueOptions options;
  options.most_items = 2;
  const Dialogues dialogues(data, options);
  const auto items = raw_item_profiles(dialogues), users = raw_user_profiles(dialogues);
  REQUIRE(static_cast<Id>(items.size()) == data.items.size());
  REQUIRE(static_cast<Id>(users.size()) == data.users.size());
  for (Id user = 0; user < data.users.size(); ++user) {
    const std::string& text = users[static_cast<std::size_t>(user)];
    Index told = 0;
    for (const Id item : data.train.of(user))
      told += text.find(items[static_cast<std::size_t>(item)]) != std::string::npos ? 1 : 0;
    CHECK(told >= std::min<Index>(2, static_cast<Index>(data.train.of(user).size())));
    CHECK(text.empty() == data.train.of(user).empty());
  }
}

TEST_CASE("a report has the weights of the reward's terms where validation looked at them") {
  TuningReport report;
  CHECK(tuning_chapter(report).tables.empty());
  report.weights = WeightChoice{.weights = {0.8, 0.2, 0, 0, 0}, .gain = 0.03, .error = 0.02};
  const ChapterTable table = tuning_chapter(report).tables.at(0);
  REQUIRE(table.rows.size() == kRewardTerms + 2);
  CHECK(table.rows[1].label == name_of(static_cast<RewardTerm>(1)));
  CHECK(table.rows[1].figures.at(0) == 0.2);
  CHECK(table.rows[kRewardTerms].figures.at(0) == 0.03);
}
