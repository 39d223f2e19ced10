/// What several answers agree on: votes, ties, how many entries stay, who is asked how often, what the store gets.
#include "reclm/instruct/consensus.hpp"

#include <map>
#include <set>

#include "instruct/workshop.hpp"
#include "reclm/instruct/write_profiles.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;
using reclm::test::TemporaryFolder;

TEST_CASE("a consensus names what most profiles name") {
  const std::vector<Profile> three{{{"cook", "walker"}, {"soups", "hills", "maps"}},
                                   {{"Walker", "father"}, {"Hills", "soups", "tents"}},
                                   {{"walker"}, {"hills", "rain", "boots"}}};
  const Profile agreed = consensus(three);
  CHECK(agreed.identities == std::vector<std::string>{"walker", "cook"});  // five named by three: two; the earlier
  CHECK(agreed.interests == std::vector<std::string>{"hills", "soups", "maps"});
  CHECK(consensus(std::span(three).first(1)) == three[0]);
  CHECK(consensus({}) == Profile{});
  const std::vector<Profile> repeating{{{"a"}, {"x", "x", "x"}}, {{"a"}, {"y"}}, {{"a"}, {"y"}}};  // one vote a profile
  CHECK(consensus(repeating).interests == std::vector<std::string>{"y", "x"});
}

namespace {

/// Gives each request's answers in turn, and remembers the seeds.
struct Drawn {
  std::vector<std::string> answers;
  std::set<std::uint64_t> seeds{};
  Index asked = 0;

  [[nodiscard]] TeacherFacts facts() const { return {.model = "drawn", .adapter = "sft"}; }
  void answer(std::span<const TeacherRequest> requests, const AnswerSink& sink) {
    for (std::size_t k = 0; k < requests.size(); ++k, ++asked) {
      seeds.insert(requests[k].seed);
      if (!sink(static_cast<Index>(k), answers[k % answers.size()])) return;
    }
  }
};

}  // namespace

TEST_CASE("a consensus is asked for, written, and told apart in the store") {
  const Workshop shop(16);
  const auto prompts = shop.dialogues.user_prompts(std::vector<Id>(shop.train.begin(), shop.train.begin() + 5)).samples;
  // Neither what is no profile nor what max_tokens cut off has a vote.
  const std::string cut = std::string("User identity: d, c; User interests: z, w") + kCutOff;
  Drawn drawn{{"User identity: a, b; User interests: x, y", "nothing of the kind",
               "User identity: b, c; User interests: y, z", cut, cut, "User identity: b, d; User interests: y, x"}};
  Consensus agreed(drawn, 6);
  const TemporaryFolder folder;
  {
    ProfileStore store(folder / "agreed.jsonl");
    const auto report = write_profiles(store, agreed, prompts, shop.world.dataset, {.attempts = 1});
    CHECK(report.written + report.shared == 5);
    CHECK(drawn.asked == 6 * report.written);
    CHECK(static_cast<Index>(drawn.seeds.size()) == drawn.asked);
  }
  const ProfileStore store(folder / "agreed.jsonl");
  for (const StoreLine& line : store.lines()) {
    CHECK(line.text == "User identity: b, a; User interests: y, x");
    CHECK(line.adapter == "sft, consensus of 6");
  }
  CHECK(agreed.facts().model == "drawn");
  CHECK_THROWS_AS(Consensus(drawn, 0), ConfigError);
}

TEST_CASE("where no answer is a profile the store hears of it") {
  const Workshop shop(16);
  const auto prompts = shop.dialogues.user_prompts(std::vector<Id>(shop.train.begin(), shop.train.begin() + 2)).samples;
  Drawn drawn{{"", "I would rather not", "?"}};
  Consensus agreed(drawn, 3);
  const TemporaryFolder folder;
  ProfileStore store(folder / "none.jsonl");
  const auto report = write_profiles(store, agreed, prompts, shop.world.dataset, {.attempts = 2});
  CHECK(report.written == 0);
  CHECK(report.failed + report.shared >= 1);
  CHECK(report.answers.of[static_cast<std::size_t>(ProfileFault::empty)] == report.answers.total());
}
