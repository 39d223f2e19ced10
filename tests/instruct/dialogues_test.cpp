/// Dialogues: what is told, what is held out, what gives way to a budget.
#include "reclm/instruct/dialogues.hpp"

#include <numeric>
#include <set>

#include "reclm/instruct/collaborative.hpp"
#include "reclm/instruct/preferences.hpp"
#include "small_town.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;

namespace {

const std::vector<Id> kEverybody{0, 1, 2, 3};

Index words(std::string_view text) {
  Index count = 0;
  for (std::size_t k = 0; k < text.size(); ++k)
    count += text[k] != ' ' && text[k] != '\n' && (k == 0 || text[k - 1] == ' ' || text[k - 1] == '\n') ? 1 : 0;
  return count;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Plain words that are easily counted.
DialogueOptions plain_options() {
  DialogueOptions options;
  options.templates.user_profile = "profile {form} of\n{history}";
  options.budget.count = words;
  options.budget.per_message = 1;
  options.budget.answer = 10;
  return options;
}

/// Many users of two tastes: even ones choose among the first 30 items, odd ones among the others.
Dataset two_tastes() {
  Dataset data;
  data.name = "tastes";
  std::vector<Pair> pairs;
  const Random random(5, Stream::evaluation);
  for (Id user = 0; user < 200; ++user) {
    data.users.insert(std::to_string(user));
    for (Id k = 0; k < 6; ++k)
      pairs.push_back({user, static_cast<Id>(random.below(static_cast<std::uint64_t>(8 * user + k), 30) +
                                             30u * static_cast<unsigned>(user % 2))});
  }
  data.train = Interactions::from_pairs(200, 60, pairs);
  TextColumn title{"title", {}};
  for (Id item = 0; item < 60; ++item) {
    data.items.insert(std::to_string(item));
    title.values.push_back("Item-" + std::to_string(item) + "-");
  }
  data.item_text.push_back(title);
  return data;
}

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
    CHECK(asked == "Would person 1 choose " + dialogues.texts().short_text(sample.item) + "?");
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
