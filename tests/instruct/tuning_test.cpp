/// The parts of tuning with a model of whole words: stages go on where they were stopped, policies draw by the
/// probabilities that they are trained with, rewards are saved and loaded.

#include <cmath>
#include <fstream>
#include <set>

#include <nlohmann/json.hpp>

#include "instruct/workshop.hpp"
#include "reclm/instruct/measures.hpp"
#include "reclm/instruct/reward/saved_reward.hpp"
#include "reclm/instruct/reward/train_scorer.hpp"
#include "reclm/instruct/reward/weigh.hpp"
#include "reclm/instruct/rl/lm_policy.hpp"
#include "reclm/instruct/rl/tune_policy.hpp"
#include "reclm/lm/training/finetune.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/refusal.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;
using reclm::test::TemporaryFolder;

TEST_CASE("the reward model's stage goes on where it was stopped, to the same bits") {
  const TemporaryFolder folder;
  const Workshop shop(16);
  const std::span<const PreferencePair> pairs(shop.pairs.data(), 24);
  const auto run = [&](SequenceScorer<>& scorer, Index stop, bool resume) {
    return train_scorer(scorer, pairs, pairs.first(4),
                        {.epochs = 2,
                         .pairs = 8,
                         .learning_rate = 1e-3,
                         .checkpoint = folder / "reward.safetensors",
                         .resume = resume,
                         .observer = [=](const Progress& p) { return p.step != stop; }});
  };
  SequenceScorer<> whole(shop.model, kUpdates), parted(shop.model, kUpdates), resumed(shop.model, kUpdates);
  const auto one = run(whole, 0, false);
  CHECK(one.losses.size() == 6);
  CHECK(run(parted, 4, false).interrupted);
  const auto two = run(resumed, 0, true);
  CHECK(two.losses == one.losses);
  for (std::size_t k = 0; k < whole.parameters().size(); ++k)
    CHECK(resumed.parameters()[k]->value.to_host() == whole.parameters()[k]->value.to_host());
  SequenceScorer<> other(shop.model, kUpdates);
  CHECK_THROWS_AS(
      train_scorer(other, pairs, pairs, {.epochs = 3, .checkpoint = folder / "reward.safetensors", .resume = true}),
      ConfigError);
  CHECK_THROWS_AS(train_scorer(other, pairs.first(0), pairs), ConfigError);
  // A scorer that begins with other updates is none of this course.
  SequenceScorer<> moved(shop.model, kUpdates);
  moved.parameters().front()->value.data()[0] += 0.5f;
  CHECK(contains(refusal([&] { run(moved, 0, true); }), "the stage was begun with start = "));
}

TEST_CASE("a sequence scores the same alone and beside others that begin like it") {
  const Workshop shop(16);
  SequenceScorer<> scorer(shop.model, kUpdates);
  for (auto* p : scorer.parameters())
    for (Index k = 0; k < p->value.size(); ++k) p->value.data()[k] += 0.02f * static_cast<float>(k % 7 - 3);
  std::vector<std::vector<lm::TokenId>> sequences;
  for (std::size_t k = 0; k < 6; ++k)
    for (const auto& answer : {shop.pairs[k].chosen, shop.pairs[k].rejected, shop.pairs[k].chosen, std::string(".")})
      sequences.push_back(scorer.tokens(shop.pairs[k].prompt, answer));
  const std::vector<double> together = scorer.score(sequences);
  CHECK(std::set(together.begin(), together.end()).size() > 10);
  for (std::size_t k = 0; k < sequences.size(); ++k)
    CHECK(together[k] == Approx(scorer.score(std::span(sequences).subspan(k, 1)).front()).epsilon(1e-4).margin(1e-5));
}

TEST_CASE("an answer is read as what stands behind its question, not as a text's beginning") {
  const Workshop shop(16);
  LanguageModel marked = shop.model;  // as tokenizers that mark where a text begins
  marked.codec.encode = [plain = shop.model.codec.encode](std::string_view text) {
    std::vector<lm::TokenId> tokens = plain(text);
    tokens.insert(tokens.begin(), 0);
    return tokens;
  };
  marked.codec.encode_behind = [plain = shop.model.codec.encode](std::span<const lm::TokenId> before,
                                                                 std::string_view text) {
    CHECK(before.front() == 0);
    return plain(text);
  };
  const PreferencePair& pair = shop.pairs.front();
  const auto plain = SequenceScorer<>(shop.model, kUpdates).tokens(pair.prompt, pair.chosen);
  auto tokens = SequenceScorer<>(marked, kUpdates).tokens(pair.prompt, pair.chosen);
  CHECK(tokens.front() == 0);
  tokens.erase(tokens.begin());
  CHECK(tokens == plain);
  // Nor do the blanks count that some chat templates leave before it.
  CHECK(SequenceScorer<>(shop.model, kUpdates).tokens(pair.prompt, " " + pair.chosen + "\n") == plain);
}

TEST_CASE("reinforcement learning goes on where it was stopped, to the same bits") {
  const TemporaryFolder folder;
  const Workshop shop(16);
  const Prompts prompts(shop, shop.train);
  const auto length = [](std::span<const Response> answers) {
    std::vector<double> scores;
    for (const Response& a : answers) scores.push_back(-static_cast<double>(a.tokens.size()) + (a.tokens[0] % 3));
    return scores;
  };
  for (const auto algorithm : {RlAlgorithm::ppo, RlAlgorithm::grpo}) {
    Index steps = 4;
    const auto run = [&](Index stop, bool resume, LmPolicy<>& policy) {
      TunePolicyOptions options{
          .steps = steps, .questions = 6, .checkpoint = folder / "ppo.safetensors", .resume = resume};
      options.rl = {.algorithm = algorithm, .group = 2, .minibatch = 4, .learning_rate = 1e-2};
      options.observer = [=](const Progress& p) { return p.step != stop; };
      return tune_policy<Cpu, float>(policy, length, options);
    };
    const LmPolicyOptions options{.lora = kUpdates, .max_tokens = 6};
    LmPolicy<> whole(shop.model, {}, prompts.tokens, options), parted(shop.model, {}, prompts.tokens, options),
        resumed(shop.model, {}, prompts.tokens, options);
    const auto one = run(0, false, whole);
    CHECK(run(2, false, parted).interrupted);
    const auto two = run(0, true, resumed);
    REQUIRE(two.history.size() == 4);
    CHECK(two.history[1].reward == one.history[1].reward);
    CHECK(two.history[3].kl == one.history[3].kl);
    CHECK(two.history[3].kl_coefficient == one.history[3].kl_coefficient);
    for (std::size_t k = 0; k < whole.parameters().size(); ++k)
      CHECK(resumed.parameters()[k]->value.to_host() == whole.parameters()[k]->value.to_host());
    steps = 3;
    LmPolicy<> fewer(shop.model, {}, prompts.tokens, options);
    CHECK(contains(refusal([&] { run(0, true, fewer); }), "has taken 4 steps already, and 3 are asked for"));
    steps = 5;
    LmPolicy<> more(shop.model, {}, prompts.tokens, options);
    CHECK(run(0, true, more).history.size() == 5);
  }
}

TEST_CASE("a policy draws by the probabilities that it is trained with") {
  const Workshop shop(16);
  const Prompts prompts(shop, shop.train);
  LmPolicy<> policy(shop.model, {}, prompts.tokens, {.lora = kUpdates, .max_tokens = 5});
  const std::vector<Index> asked{0, 1, 1};
  const auto answers = policy.draw(asked, 3);
  std::vector<lm::GenerationRequest> requests;
  for (std::size_t k = 0; k < asked.size(); ++k)
    requests.push_back({.prompt = prompts.tokens[static_cast<std::size_t>(asked[k])],
                        .sampling = {.temperature = 1},
                        .max_tokens = 5,
                        .seed = 1,
                        .number = std::uint64_t{3} << 24 | k});
  const lm::Decoder<> decoder(*shop.model.weights);
  const auto drawn = lm::generate(decoder, shop.model.texts, requests);
  Tape<Cpu, float> tape(false);
  const Evaluation now = policy.evaluate(tape, answers, true);
  const auto log_probs = instruct::detail::host_values(tape.value(now.log_probs));
  CHECK(log_probs == policy.reference(answers));
  std::size_t at = 0;
  const auto marked = [](const lm::Generation& g) {
    return g.finish == lm::Finish::length ? g.text + kCutOff : g.text;
  };
  CHECK(std::ranges::any_of(drawn, [](const auto& g) { return g.finish == lm::Finish::length; }));
  for (std::size_t k = 0; k < drawn.size(); ++k) {
    CHECK(drawn[k].tokens == answers[k].tokens);
    CHECK(policy.texts()[k] == marked(drawn[k]));
    for (const float expected : drawn[k].log_probabilities)
      CHECK(log_probs[at++] == Approx(static_cast<double>(expected)).margin(1e-4));
  }
  CHECK(at == log_probs.size());
  CHECK(instruct::detail::host_values(tape.value(now.values)) == std::vector<double>(at, 0.0));
}

TEST_CASE("a blank before an answer costs nothing of its reward, and entries keep their places in the text") {
  const Workshop shop(16);
  const auto evidence = shop.evidence();
  SequenceScorer<> scorer(shop.model, kUpdates);
  for (auto* p : scorer.parameters())
    for (Index k = 0; k < p->value.size(); ++k) p->value.data()[k] += 0.01f * static_cast<float>(k % 5);
  ProfileReward<> reward(&scorer, *evidence);
  reward.mixture.evidence = {0.5, 1, 2, 1.5, 0.5, 0.25};
  std::vector<ProfileAnswer> plain, blank;
  for (std::size_t k = 0; k < 12; ++k) {
    plain.push_back({shop.pairs[k].user, &shop.pairs[k].prompt, shop.pairs[k].chosen});
    blank.push_back({shop.pairs[k].user, &shop.pairs[k].prompt, " " + shop.pairs[k].chosen + "\n"});
  }
  reward.calibrate(plain);
  CHECK(reward.evidence(blank) == reward.evidence(plain));
  const auto one = reward.by_entry(plain), two = reward.by_entry(blank);
  for (std::size_t k = 0; k < plain.size(); ++k) {
    CHECK(two[k].total == Approx(one[k].total));
    REQUIRE(two[k].entries.size() == one[k].entries.size());
    for (std::size_t e = 0; e < one[k].entries.size(); ++e) CHECK(two[k].entries[e].end == one[k].entries[e].end + 1);
  }
}

TEST_CASE("an answer that max_tokens cut off is no profile, to the study and to the reward") {
  const Workshop shop(16);
  const Prompts prompts(shop, std::span(shop.train).first(2));
  const lm::Decoder<> decoder(*shop.model.weights);
  const AnswerOptions how{.sampling = {.temperature = 0}, .max_tokens = 3};
  for (const std::string& text : instruct::answers(shop.model, decoder, std::span(prompts.dialogues), how)) {
    CHECK(text.ends_with(kCutOff));
    CHECK_FALSE(without_cut_mark(text).ends_with(kCutOff));
  }
  lm::Generation ended;  // by its grammar, with the last token
  ended.text = "a";
  ended.finish = lm::Finish::length;
  CHECK(marked_answer(std::move(ended), true) == "a");

  const std::string whole = shop.pairs[0].chosen;
  CHECK(form_of(whole).whole);
  CHECK_FALSE(form_of(whole + kCutOff).whole);
  const auto evidence = shop.evidence();
  ProfileReward<> reward(nullptr, *evidence);
  reward.mixture.weights = {0, 1, 0, 0, 0};
  const std::vector<ProfileAnswer> both{{shop.pairs[0].user, &shop.pairs[0].prompt, whole},
                                        {shop.pairs[0].user, &shop.pairs[0].prompt, whole + kCutOff}};
  reward.calibrate(both);
  CHECK(reward(both)[1] == reward.mixture.malformed);
  CHECK(reward(both)[0] != reward.mixture.malformed);
  CHECK(reward.by_entry(both)[1].entries.empty());
}

TEST_CASE("a reward is saved, loaded and used elsewhere; broken ones are refused") {
  const TemporaryFolder folder;
  const Workshop shop(16);
  const auto evidence = shop.evidence();
  SequenceScorer<> scorer(shop.model, kUpdates), other(shop.model, kUpdates);
  for (auto* p : scorer.parameters())
    for (Index k = 0; k < p->value.size(); ++k) p->value.data()[k] += 0.01f * static_cast<float>(k % 5);
  ProfileReward<> reward(&scorer, *evidence), loaded(&other, *evidence);
  std::vector<ProfileAnswer> answers;
  for (std::size_t k = 0; k < 20; ++k)
    answers.push_back({shop.pairs[k].user, &shop.pairs[k].prompt, shop.pairs[k].chosen});
  answers.push_back({shop.pairs[0].user, &shop.pairs[0].prompt, "."});
  reward.calibrate(answers);
  reward.mixture.weights = {1, 0.5, 0.5, 0.5, 0.25};
  reward.mixture.evidence = {0.5, 1, 2, 1.5, 0, 0.25};
  const auto rewards = reward(answers);
  CHECK(rewards.back() == reward.mixture.malformed);
  CHECK(*std::max_element(rewards.begin(), rewards.end() - 1) > 0);

  save_reward(folder.path(), reward, &scorer);
  load_reward(folder.path(), loaded, &other);
  CHECK(loaded(answers) == rewards);
  CHECK(load_mixture(folder.path()).width == evidence->width());
  CHECK(reward_encoder(folder.path(), {.width = 7}).width == evidence->width());
  ProfileEvidence wider({.data = &shop.world.dataset, .profiles = shop.world.user_profile_text},
                        {.width = evidence->width() + 8});
  ProfileReward<> elsewhere(nullptr, wider);
  CHECK_THROWS_AS(load_reward(folder.path(), elsewhere, static_cast<SequenceScorer<>*>(nullptr)), DataError);
  const lm::LoraOptions updates = saved_updates(folder / "scorer.safetensors").value();
  CHECK(updates.rank == kUpdates.rank);
  CHECK(updates.alpha == kUpdates.alpha);
  CHECK(updates.layers == kUpdates.layers);
  SequenceScorer<> stronger(shop.model, {.rank = kUpdates.rank, .alpha = 3, .layers = kUpdates.layers});
  CHECK_THROWS_AS(stronger.load(folder / "scorer.safetensors"), DataError);
  LanguageModel foreign = shop.model;  // of the same name and shape, with another vocabulary
  foreign.codec.encode = [read = foreign.codec.encode](std::string_view text) {
    auto tokens = read(text);
    for (lm::TokenId& token : tokens) token = token > 9 ? token - 1 : token;
    return tokens;
  };
  const DataError refusal = instruct::detail::scorer_error(
      folder / "scorer.safetensors",
      "its model \"" + foreign.name + "\" has other tokens for the same text than this one of that name");
  CHECK_THROWS_WITH(SequenceScorer<>(foreign, kUpdates).load(folder / "scorer.safetensors"), refusal.what());
  for (const char* rank : {"0", "4x", "", "4", "1000000000000"}) {  // the last two without a tensor of that rank
    write_safetensors(folder / "odd.safetensors", {}, {{"rank", rank}, {"alpha", "8"}, {"layers", "q_proj"}});
    CHECK_THROWS_AS(saved_updates(folder / "odd.safetensors"), DataError);
  }
  write_safetensors(folder / "odd.safetensors", {}, {{"format", "reclm reward model 1"}});
  CHECK_FALSE(saved_updates(folder / "odd.safetensors"));

  SequenceScorer<> small(shop.model, {.rank = 2, .layers = kUpdates.layers});
  CHECK_THROWS_AS(small.load(folder / "scorer.safetensors"), DataError);
  CHECK_THROWS_AS(load_mixture(folder / "nowhere"), IoError);
  for (const char* broken : {"", "{", "[]", R"({"format": "reclm reward 2"})",
                             R"({"format": "reclm reward 2", "malformed": -4, "evidence": {"text": "much"}})",
                             R"({"format": "reclm reward 2", "malformed": -4, "terms": {"model": {"weight": -1}}})"}) {
    write_file(folder / "reward.json", broken);
    CHECK_THROWS_AS(load_mixture(folder.path()), DataError);
  }
}

TEST_CASE("beside strangers a scorer says what it knows of one person, and no more") {
  const TemporaryFolder folder;
  const Workshop shop(16);
  const auto evidence = shop.evidence();
  SequenceScorer<> scorer(shop.model, kUpdates);
  for (auto* p : scorer.parameters())
    for (Index k = 0; k < p->value.size(); ++k) p->value.data()[k] += 0.02f * static_cast<float>(k % 7 - 3);
  ProfileReward<> plain(&scorer, *evidence), reward(&scorer, *evidence);
  reward.mixture.strangers = 3;
  reward.strangers = Strangers(shop.dialogues, 3);
  std::vector<ProfileAnswer> answers;
  for (std::size_t k = 0; k < 12; ++k)
    answers.push_back({shop.pairs[k].user, &shop.pairs[k].prompt, shop.pairs[k].chosen});
  const auto alone = plain.evidence(answers), beside = reward.evidence(answers);
  for (std::size_t k = 0; k < answers.size(); ++k) {
    double others = 0;
    for (Index s = 0; s < 3; ++s) {
      const lm::Dialogue& prompt = reward.strangers.prompt(answers[k].user, s);
      CHECK(prompt.back().content != answers[k].question->back().content);
      const std::vector<std::vector<lm::TokenId>> sequence{scorer.tokens(prompt, answers[k].text)};
      others += scorer.score(sequence).front() / 3;
    }
    CHECK(beside[k][0] == Approx(alone[k][0] - others).margin(1e-5));
    CHECK(beside[k][1] == alone[k][1]);
  }
  // Another object of the same data has the same strangers; a saved reward says how many.
  Strangers again(shop.dialogues, 3);
  CHECK(again.prompt(7, 2).back().content == reward.strangers.prompt(7, 2).back().content);
  CHECK(again.prompt(7, 0).back().content != again.prompt(8, 0).back().content);
  save_mixture(folder.path(), reward.mixture);
  CHECK(load_mixture(folder.path()).strangers == 3);
  CHECK(Strangers().each() == 0);
  CHECK_THROWS_AS(Strangers(shop.dialogues, -1), ConfigError);
  CHECK_THROWS_AS(Strangers(shop.dialogues, kMostStrangers + 1), ConfigError);
  for (const Index odd : {Index{-1}, kMostStrangers + 1}) {
    RewardMixture mixture = reward.mixture;
    mixture.strangers = odd;
    save_mixture(folder.path(), mixture);
    CHECK_THROWS_AS(load_mixture(folder.path()), DataError);
  }
  for (const Index odd : {Index{-1}, kWidestText + 1}) {
    RewardMixture mixture = reward.mixture;
    mixture.width = odd;
    save_mixture(folder.path(), mixture);
    CHECK_THROWS_AS(load_mixture(folder.path()), DataError);
  }
  RewardMixture silent = reward.mixture;
  silent.width = 0;
  save_mixture(folder.path(), silent);
  CHECK(reward_encoder(folder.path(), {.width = 7}).width == 7);
  // Rewards of versions that did not say.
  auto saved = nlohmann::json::parse(std::ifstream(folder / "reward.json"));
  saved.erase("width");
  write_file(folder / "reward.json", saved.dump());
  CHECK(load_mixture(folder.path()).width == 128);
}

TEST_CASE("weights follow what profiles foresee, and foresight keeps its own") {
  const Workshop shop(16);
  const auto evidence = shop.evidence();
  ProfileReward<> reward(nullptr, *evidence);
  // Each user's own profile beside two strangers'.
  std::vector<ProfileAnswer> answers;
  const auto& texts = shop.world.user_profile_text;
  for (Id u = 0; u < 60; ++u)
    for (const std::size_t other : {0u, 40u, 57u})
      answers.push_back({u, nullptr, texts[(static_cast<std::size_t>(u) + other) % texts.size()]});
  reward.calibrate(answers);
  reward.mixture.weights = {1, 0, 0, 0, 0.5};
  const WeightChoice choice = weigh(reward, std::span<const ProfileAnswer>(answers)).value();
  CHECK(reward.mixture.weights == choice.weights);
  CHECK(choice.weights[0] == 0);  // there is no reward model
  CHECK(choice.weights[4] == 0.5);
  CHECK(choice.weights[1] + choice.weights[2] + choice.weights[3] == Approx(1));
  CHECK(choice.quality > choice.average);
  CHECK(choice.quality <= choice.ceiling);
  CHECK_FALSE(weigh(reward, std::span<const ProfileAnswer>()));
  CHECK(reward.mixture.weights == choice.weights);
}

TEST_CASE("profiles are compared with the truth, and curves with labels") {
  const std::vector<std::string> texts{"User identity: a, b; User interests: chess, dogs, jazz",
                                       "User identity: a, b; User interests: Chess, opera, chess", "nothing"};
  const std::vector<std::vector<std::string>> truth{{"chess", "cats"}, {"chess"}, {"dogs"}};
  const ProfileReport report = compare_profiles(texts, truth);
  CHECK(report.valid == Approx(2.0 / 3));
  CHECK(report.accuracy == Approx((0.5 + 1) / 3));
  CHECK(report.precision == Approx((1.0 / 3 + 1.0 / 2) / 2));
  CHECK(report.distinct_interests == Approx(4.0 / 5));
  CHECK(report.repeated == Approx(0.5));
  const std::vector<std::vector<std::string>> capital{{"Chess", "Cats"}, {"Chess"}, {"Dogs"}};
  CHECK(compare_profiles(texts, capital).accuracy == report.accuracy);
  CHECK(compare_profiles(texts, capital).precision == report.precision);
  CHECK_THROWS_AS(compare_profiles(texts, std::span(truth).first(2)), ShapeError);
  CHECK(area_under_curve({{1, true}, {0, false}, {2, true}}) == 1);
  CHECK(area_under_curve({{1, true}, {1, false}}) == 0.5);
  CHECK(area_under_curve({{0, true}, {1, false}, {2, true}, {1, false}}) == 0.5);
  CHECK(std::isnan(area_under_curve({{1, true}})));
  CHECK(std::isnan(area_under_curve({{std::nan(""), true}, {1, false}, {0, true}})));
}
