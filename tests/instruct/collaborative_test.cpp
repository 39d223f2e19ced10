/// Dialogues about several people: what A2 asks and keeps back, and what A3 rejects.
#include "reclm/instruct/collaborative.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <vector>

#include "reclm/instruct/preferences.hpp"
#include "small_town.hpp"
#include "support/catch.hpp"
#include "two_tastes.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;

namespace {

std::vector<std::string> numbered_profiles(Id users) {
  std::vector<std::string> texts;
  for (Id user = 0; user < users; ++user)
    texts.push_back("User identity: Person " + std::to_string(user) + ", Reader; User interests: A, B, C");
  return texts;
}

Matrix<Id> next_two(Id users) {
  Matrix<Id> neighbours(users, 2);
  for (Id user = 0; user < users; ++user)
    for (Id k = 0; k < 2; ++k) neighbours(user, k) = (user + 2 + 2 * k) % users;
  return neighbours;
}

}  // namespace

TEST_CASE("A2 asks about what is held out, and about what only neighbours have") {
  const Dataset data = small_town();
  const auto built = collaborative_dialogues(Dialogues(data), kEverybody, town_neighbours(), town_profiles());
  CHECK(built.samples.size() == 6);  // u3 has no history
  CHECK(built.skipped.no_history == 1);
  for (const ChatSample& sample : built.samples) {
    REQUIRE(sample.messages.size() == 4);
    const std::string &told = sample.messages[0].content, &asked = sample.messages[2].content;
    INFO(told << "\n" << asked);
    const auto own = told.substr(told.find("Person 1: ["), told.find("Person 2: [") - told.find("Person 1: ["));
    const std::string number = asked.substr(asked.find('['), asked.find(']') - asked.find('[') + 1);
    CHECK(!contains(own, number));
    CHECK(contains(told.substr(told.find("Person 2: [")), number));  // some neighbour has it
    CHECK(contains(told, number + " " + ItemTexts(data).text(sample.item)));
    CHECK(sample.messages[3].content == (*sample.chose ? "Yes" : "No"));
    CHECK(data.train.contains(sample.user, sample.item) == *sample.chose);
    CHECK(contains(
        sample.messages[1].content,
        "Person 1: " + format_profile(read_profile(town_profiles()[static_cast<std::size_t>(sample.user)]).profile) +
            "\nPerson 2: "));
  }
}

TEST_CASE("A2 without numbers writes each person's items out, but for the one asked about in the target's list") {
  const Dataset data = small_town();
  DialogueOptions options;
  options.templates.collaborative = "{people}";
  options.templates.person = "Person {person}:\n{history}";
  options.templates.question = "Would person {person} choose {item}?";
  const Dialogues dialogues(data, options);
  const auto built = collaborative_dialogues(dialogues, kEverybody, town_neighbours(), town_profiles());
  REQUIRE(built.samples.size() == 6);
  for (const ChatSample& sample : built.samples) {
    const std::string &told = sample.messages[0].content, &asked = sample.messages[2].content;
    INFO(told << "\n" << asked);
    const std::string own = told.substr(0, told.find("\nPerson 2:\n")), others = told.substr(own.size());
    REQUIRE(own.starts_with("Person 1:\n- "));
    for (const Id item : data.train.of(sample.user))
      CHECK(contains(own, "- " + dialogues.texts().text(item)) == (item != sample.item));
    CHECK(contains(others, "- " + dialogues.texts().text(sample.item)));
    CHECK(asked == "Would person 1 choose " + dialogues.texts().text(sample.item) + "?");  // as it stands in lists
  }
  CHECK(built.skipped.dropped_items == 0);
  // A budget that a whole dialogue exceeds drops items, never parts of them.
  const TokenBudget counter{.count = words};
  Index longest = 0;
  for (const auto& sample : built.samples) longest = std::max(longest, counter.of(sample.messages));
  options.budget = {.tokens = longest - 1, .count = words};
  const auto fitted = collaborative_dialogues(Dialogues(data, options), kEverybody, town_neighbours(), town_profiles());
  CHECK(fitted.skipped.dropped_items > 0);
  for (const auto& sample : fitted.samples) CHECK(counter.of(sample.messages) < longest);
}

TEST_CASE("A2 is half Yes and half No, the same for a seed, and never over its budget") {
  const Dataset data = two_tastes();
  std::vector<Id> users(200);
  std::iota(users.begin(), users.end(), 0);
  const auto profiles = numbered_profiles(200);
  const auto neighbours = next_two(200);
  const auto build = [&](std::uint64_t seed, Index tokens) {
    DialogueOptions options;
    options.seed = seed;
    options.questions = 2;
    options.budget = {.tokens = tokens, .count = words};
    return collaborative_dialogues(Dialogues(data, options), users, neighbours, profiles);
  };
  const auto built = build(1, 0);
  REQUIRE(built.samples.size() > 300);
  Index yes = 0, yes_first = 0;
  for (std::size_t k = 0; k < built.samples.size(); ++k) {
    yes += *built.samples[k].chose ? 1 : 0;
    yes_first += k % 2 == 0 && *built.samples[k].chose ? 1 : 0;
  }
  CHECK(2 * yes == static_cast<Index>(built.samples.size()));
  CHECK(yes_first > yes / 3);
  CHECK(yes_first < 2 * yes / 3);
  CHECK(build(1, 0).samples == built.samples);
  CHECK(build(2, 0).samples != built.samples);

  const TokenBudget counter{.count = words};
  Index longest = 0;
  for (const auto& sample : built.samples) longest = std::max(longest, counter.of(sample.messages));
  for (const Index tokens : {longest - 1, longest - 8, longest - 14}) {
    const auto fitted = build(1, tokens);
    INFO(tokens << " of " << longest << " tokens");
    CHECK(fitted.skipped.dropped_items > 0);
    REQUIRE(fitted.samples.size() > 100);
    for (const auto& sample : fitted.samples) {
      const std::string& told = sample.messages[0].content;
      CHECK(counter.of(sample.messages) <= tokens);
      CHECK(contains(told, "Item-" + std::to_string(sample.item) + "-"));
      CHECK(contains(told, "Person 1: ["));
      CHECK(told.back() == ']');
    }
  }
  CHECK(build(1, 20).samples.empty());
  CHECK(build(1, 20).skipped.over_budget > 0);
}

TEST_CASE("A3 rejects in six ways and in their shares") {
  const Dataset data = two_tastes();
  std::vector<Id> users(200);
  std::iota(users.begin(), users.end(), 0);
  auto profiles = numbered_profiles(200);
  const auto neighbours = next_two(200);
  const auto built = preference_pairs(Dialogues(data), users, neighbours, profiles);
  REQUIRE(built.samples.size() == 200);
  std::array<Index, kRejections> counts{};
  for (const PreferencePair& pair : built.samples) {
    ++counts[static_cast<std::size_t>(*pair.kind)];
    const std::string& own = profiles[static_cast<std::size_t>(pair.user)];
    const std::string name = "Person " + std::to_string(pair.user);
    CHECK(pair.chosen == own);
    CHECK(pair.prompt.size() == 1);
    switch (*pair.kind) {
      case Rejection::neighbour:
        CHECK((pair.rejected == profiles[static_cast<std::size_t>(neighbours(pair.user, 0))] ||
               pair.rejected == profiles[static_cast<std::size_t>(neighbours(pair.user, 1))]));
        break;
      case Rejection::run_together:
        CHECK(pair.rejected.starts_with(own + " User identity: Person "));
        break;
      case Rejection::identities_only:
        CHECK(pair.rejected == "User identity: " + name + ", Reader");
        break;
      case Rejection::repeated_identity:
        CHECK(pair.rejected == "User identity: " + name + ", " + name + ", " + name + "; User interests: A, B, C");
        break;
      case Rejection::bare_prefix:
        CHECK(pair.rejected == "User identity: ");
        break;
      case Rejection::full_stop:
        CHECK(pair.rejected == ".");
        break;
    }
  }
  CHECK(counts == std::array<Index, kRejections>{60, 60, 20, 20, 20, 20});
  CHECK(preference_pairs(Dialogues(data), users, neighbours, profiles).samples == built.samples);

  // Without a neighbour of another profile there is no pair.
  for (auto& profile : profiles) profile = profiles[0];
  const auto none = preference_pairs(Dialogues(data), users, neighbours, profiles);
  CHECK(none.samples.empty());
  CHECK(none.skipped.no_neighbour == 200);
}
