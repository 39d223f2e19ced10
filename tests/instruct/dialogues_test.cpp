/// Prompts and their answers: what is told, of whom, and what gives way to a budget.
#include "reclm/instruct/dialogues.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>
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

/// Plain words that are easily counted.
DialogueOptions plain_options() {
  DialogueOptions options;
  options.templates.user_profile = "profile {form} of\n{history}";
  options.budget.count = words;
  options.budget.per_message = 1;
  options.budget.answer = 10;
  return options;
}

}  // namespace

TEST_CASE("an item is one line: the title, then what else is known") {
  const Dataset data = small_town();
  const ItemTexts texts(data);
  CHECK(texts.text(0) == "Daily {paper} (genre: news)");
  CHECK(texts.text(1) == "Ten races (genre: sport)");
  CHECK(texts.text(2) == "A walk");
  CHECK(texts.text(3) == "Goals and more (genre: sport)");
  CHECK(texts.text(5) == "item i5");
  CHECK(texts.short_text(4) == "Soups");
  const std::vector<std::string> genre{"genre"}, wrong{"colour"};
  CHECK(ItemTexts(data, genre).text(4) == "cooking");
  CHECK_THROWS_WITH(ItemTexts(data, wrong), "there is no item text \"colour\". Remedy: choose from genre, title");
  Dataset silent = data;
  silent.item_text.clear();
  CHECK_THROWS_AS(ItemTexts(silent), ConfigError);
}

TEST_CASE("a prompt tells a user's history in order, and an answer follows the grammar") {
  Dataset data = small_town();
  const auto prompts = Dialogues(data, plain_options()).user_prompts(kEverybody);
  REQUIRE(prompts.samples.size() == 3);
  CHECK(prompts.skipped.no_history == 1);
  CHECK(prompts.samples[1].user == 1);
  REQUIRE(prompts.samples[0].messages.size() == 1);
  CHECK(prompts.samples[0].messages[0] ==
        lm::Message{"user", "profile " + form_text(3, 3) +
                                " of\n- Daily {paper} (genre: news)\n- Ten races (genre: sport)\n- A walk"});
  data.train_values.timestamps = {30, 10, 20, 1, 2, 3, 1, 2};
  DialogueOptions options = plain_options();
  options.templates.system = "Be brief.";
  const auto by_time = Dialogues(data, options).user_prompts(kEverybody);
  CHECK(by_time.samples[0].messages[0] == lm::Message{"system", "Be brief."});
  CHECK(contains(by_time.samples[0].messages[1].content, "- Ten races (genre: sport)\n- A walk\n- Daily"));

  const auto taught = Dialogues(data).distillation(kEverybody, town_profiles());
  REQUIRE(taught.samples.size() == 3);
  CHECK(taught.skipped.no_profile == 1);
  CHECK(taught.samples[2].messages.back() ==
        lm::Message{"assistant", "User identity: Cook, Reader; User interests: Soups, News"});
  CHECK(taught.samples[2].stage == Stage::distillation);
  CHECK_THROWS_AS(Dialogues(data).distillation(kEverybody, std::vector<std::string>(2)), ShapeError);
}

TEST_CASE("prompts of parts of a history tell two items or more, others each time, the same for a seed") {
  const Dataset data = two_tastes();
  const Dialogues dialogues(data, plain_options());
  const std::vector<Id> users{4, 9, 30};
  const auto parts = dialogues.partial_prompts(users, 8).samples;
  REQUIRE(parts.size() == 24);
  std::set<std::string> different;
  for (const PromptSample& prompt : parts) {
    const std::string& text = prompt.messages.back().content;
    different.insert(text);
    Index told = 0, own = 0;
    for (Id item = 0; item < 60; ++item)
      if (contains(text, "Item-" + std::to_string(item) + "-")) {
        ++told;
        own += data.train.contains(prompt.user, item) ? 1 : 0;
      }
    CHECK(told >= 2);
    CHECK(told == own);
  }
  CHECK(different.size() > 12);
  CHECK(dialogues.partial_prompts(users, 8).samples == parts);
  CHECK(dialogues.partial_prompts(users, 0).samples.empty());
  const Dataset few = small_town();
  for (const PromptSample& prompt : Dialogues(few, plain_options()).partial_prompts(kEverybody, 1).samples)
    CHECK(few.train.of(prompt.user).size() >= 3);
}

TEST_CASE("a prompt tells of the nearest neighbours whose profiles are known, and of nobody without them") {
  const Dataset data = small_town();
  DialogueOptions options = plain_options();
  options.templates.user_alike = "profile {form} like\n{neighbours}\nof\n{history}";
  options.templates.user_neighbour = "* {profile}";
  options.alike = 2;
  const std::string cook = "User identity: Cook; User interests: Soups",
                    runner = "User identity: Runner; User interests: Races";
  const std::vector<std::string> profiles{cook, "no profile", runner, "user identity: cook; user interests: stews"};
  Matrix<Id> near(4, 3, -1);
  const std::vector<Id> of_first{1, 3, 2}, of_second{3, 0, 2};
  std::ranges::copy(of_first, near.row(0).begin());
  std::ranges::copy(of_second, near.row(1).begin());
  const Dialogues dialogues(data, options, {near.view(), profiles});
  // The second has no profile; the fourth's is told as the grammar writes it.
  const std::string first = dialogues.user_prompts(kEverybody).samples[0].messages[0].content;
  CHECK(contains(first, "like\n* User identity: cook; User interests: stews\n* " + runner + "\nof\n- Daily"));
  CHECK(dialogues.alike(1) == std::vector<std::string>{"User identity: cook; User interests: stews", cook});
  CHECK(dialogues.alike(2).empty());
  const auto plain = Dialogues(data, plain_options()).user_prompts(kEverybody).samples;
  CHECK(dialogues.user_prompts(kEverybody).samples[2].messages == plain[2].messages);
  CHECK(contains(dialogues.distillation(kEverybody, town_profiles()).samples[0].messages[0].content, runner));
  options.alike = 0;
  CHECK(Dialogues(data, options, {near.view(), profiles}).user_prompts(kEverybody).samples == plain);

  // Beyond the budget the farthest leave first, then items.
  options.alike = 2;
  const std::vector<Id> one{0};
  const auto within = [&](Index tokens) {
    options.budget.tokens = tokens + options.budget.answer;
    return Dialogues(data, options, {near.view(), profiles}).user_prompts(one);
  };
  const Index whole = options.budget.of(dialogues.user_prompts(one).samples[0].messages);
  CHECK(within(whole).samples[0].messages[0].content == first);
  const auto fewer = within(whole - 1);
  CHECK(contains(fewer.samples[0].messages[0].content, "stews\nof\n- Daily"));
  CHECK(fewer.skipped.dropped_items == 0);
  const auto none = within(options.budget.of(plain[0].messages) - 1);
  CHECK_FALSE(contains(none.samples[0].messages[0].content, "like"));
  CHECK(none.skipped.dropped_items > 0);

  options.alike = -1;
  CHECK_THROWS_AS(Dialogues(data, options), ConfigError);
  options.alike = 2;
  CHECK_THROWS_AS(Dialogues(data, options, {near.view(), std::span(profiles).first(2)}), ShapeError);
}

TEST_CASE("a budget gives up what everybody chose first, whole items only") {
  Dataset data = small_town();
  const std::vector<Id> first{0};
  DialogueOptions options = plain_options();
  const Dialogues whole(data, options);
  const auto all = whole.user_prompts(first).samples[0];
  const Index needed = options.budget.of(all.messages) + options.budget.answer;
  const auto prompt = [&](Index tokens, LeastInformative drop = LeastInformative::most_popular) {
    options.budget.tokens = tokens;
    options.drop = drop;
    return Dialogues(data, options).user_prompts(first);
  };
  CHECK(prompt(needed).samples[0] == all);
  const auto lines = [](const std::string& text) { return text.substr(text.find("of\n") + 3); };
  for (Index tokens = needed - 1; tokens > 0; --tokens) {
    const auto built = prompt(tokens);
    if (built.samples.empty()) {
      CHECK(built.skipped.over_budget == 1);
      CHECK(tokens < needed - 10);
      continue;
    }
    CHECK(options.budget.of(built.samples[0].messages) + 10 <= tokens);
    const std::string told = lines(built.samples[0].messages[0].content);
    // Item 0 has three clicks, item 1 two, item 2 one.
    CHECK((told == "- Ten races (genre: sport)\n- A walk" || told == "- A walk"));
    CHECK(built.skipped.dropped_items == (contains(told, "Ten") ? 1 : 2));
  }
  data.train_values.timestamps = {30, 10, 20, 1, 2, 3, 1, 2};
  CHECK(lines(prompt(needed - 1, LeastInformative::oldest).samples[0].messages[0].content) ==
        "- A walk\n- Daily {paper} (genre: news)");
  options.most_items = 1;
  CHECK(lines(prompt(0).samples[0].messages[0].content) == "- A walk");
  // A long item alone is told by its title before it is given up.
  const std::vector<Id> cook{2};
  options.budget.tokens = 0;
  options.most_items = 1;
  const auto full = Dialogues(data, options).user_prompts(cook).samples[0];
  options.budget.tokens = options.budget.of(full.messages) + 10 - 1;
  CHECK(lines(Dialogues(data, options).user_prompts(cook).samples[0].messages[0].content) == "- Soups");
}

TEST_CASE("A5 tells of similar items with profiles, and of readers to a teacher") {
  const Dataset data = small_town();
  std::vector<std::string> profiles(6);
  profiles[1] = "User identity: Runner; User interests: Races.";
  profiles[2] = "User identity: Walker; User interests: Woods";
  const Matrix<Id> neighbours(6, 2, std::vector<Id>{3, 1, 2, 0, 1, 3, 1, 2, -1, -1, 5, 4});
  DialogueOptions options;
  options.templates.item_profile = "{form}|{item}|{neighbours}";
  options.templates.item_alone = "{form}|{item}";
  options.templates.item_readers = "{form}|{item}|{readers}";
  const Dialogues dialogues(data, options);
  const std::vector<Id> items{0, 3, 4};
  const auto prompts = dialogues.item_prompts(items, neighbours, profiles);
  REQUIRE(prompts.samples.size() == 3);
  const std::string form = form_text(5, 5);
  CHECK(prompts.samples[0].messages[0].content ==
        form + "|Daily {paper} (genre: news)|- Ten races: User identity: Runner; User interests: Races");
  CHECK(contains(prompts.samples[1].messages[0].content, "Races\n- A walk: User identity: Walker"));
  CHECK(prompts.samples[2].messages[0].content == form + "|Soups (genre: cooking)");
  const std::vector<Id> known{1, 0};
  const auto taught = dialogues.item_dialogues(known, neighbours, profiles);
  REQUIRE(taught.samples.size() == 1);
  CHECK(taught.skipped.no_profile == 1);
  CHECK(taught.samples[0].item == 1);
  CHECK(taught.samples[0].messages.back().content == "User identity: Runner; User interests: Races");
  CHECK_THROWS_AS(dialogues.item_prompts(known, neighbours, std::vector<std::string>(2)), ShapeError);

  const std::vector<Id> read{0, 5};
  const auto asked = dialogues.reader_prompts(read, town_profiles());
  // u2 has the shortest history of the three.
  CHECK(contains(asked.samples[0].messages[0].content, "(genre: news)|- User identity: Cook, Reader"));
  CHECK(asked.samples[1].messages[0].content == form + "|item i5");
}

TEST_CASE("users are split 20, 40 and 40 percent, by seed") {
  std::vector<Id> users(1003);
  std::iota(users.begin(), users.end(), 0);
  const TuningSplit split = split_for_tuning(users, 3);
  CHECK(split.evaluation.size() == 201);
  CHECK(split.reward.size() == 401);
  CHECK(split.policy.size() == 401);
  std::set<Id> all(split.evaluation.begin(), split.evaluation.end());
  all.insert(split.reward.begin(), split.reward.end());
  all.insert(split.policy.begin(), split.policy.end());
  CHECK(all.size() == users.size());
  CHECK(std::is_sorted(split.reward.begin(), split.reward.end()));
  CHECK(split_for_tuning(users, 3).policy == split.policy);
  CHECK(split_for_tuning(users, 4).policy != split.policy);
}

TEST_CASE("templates are checked, and what is filled in stays as it is") {
  CHECK_NOTHROW(check_templates({}));
  CHECK(fill("{{a}} {b}{b}", {{"b", "{c}"}}) == "{a} {c}{c}");
  const auto refusal = [](const std::function<void(Templates&)>& change) {
    Templates templates;
    change(templates);
    try {
      check_templates(templates);
    } catch (const ConfigError& e) {
      return std::string(e.what());
    }
    return std::string("none");
  };
  CHECK(refusal([](Templates& t) { t.user_profile = "{form}"; }) ==
        "template \"user_profile\": the place {history} is missing");
  CHECK(refusal([](Templates& t) { t.user_profile = "{history}"; }) == "none");  // the form goes without saying
  CHECK(contains(refusal([](Templates& t) { t.collaborative = "{people}"; }), "{number} says nothing"));
  CHECK(refusal([](Templates& t) { t.collaborative = "{items}"; }) ==
        "template \"collaborative\": the place {people} is missing");
  CHECK(refusal([](Templates& t) { t.person += "{item}"; }) == "template \"person\": there is no place {item} here");
  CHECK(contains(refusal([](Templates& t) { t.reader = "{profile"; }), "a brace stands alone at byte 0"));
  CHECK(contains(refusal([](Templates& t) { t.reader = "} {profile}"; }), "\"reader\": a brace stands alone"));
  CHECK(contains(refusal([](Templates& t) { t.no = t.yes; }), "two different words"));
  CHECK_THROWS_AS(Dialogues(small_town(), {.templates = {.yes = ""}}), ConfigError);
  CHECK_THROWS_AS(Dialogues(small_town(), {.user_entries = 0}), ConfigError);
}
