/// PPO on a decoder: drawn by the generator, trained by low-rank updates.
#include "instruct/workshop.hpp"
#include "reclm/instruct/rl/lm_policy.hpp"
#include "reclm/instruct/rl/tune_policy.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;

TEST_CASE("PPO moves a language model towards what is rewarded") {
  Workshop shop(16);
  const Prompts prompts(shop, shop.train);
  // Fresh embeddings say nearly nothing; larger ones let hidden states choose tokens.
  lm::MemoryWeights weights = lm::random_weights(shop.model.weights->config(), 1);
  const lm::StoredTensor stored = weights.get("model.embed_tokens.weight");
  Matrix<float> embeddings(stored.rows, stored.cols);
  lm::dequantise(stored, std::span(embeddings.data(), static_cast<std::size_t>(embeddings.size())));
  for (Index k = 0; k < embeddings.size(); ++k) embeddings.data()[k] *= 25;
  weights.put("model.embed_tokens.weight", std::move(embeddings));
  shop.model = with_weights(shop.model, std::move(weights));
  const auto half = static_cast<lm::TokenId>(shop.model.weights->config().vocabulary / 2);
  const auto low_tokens = [=](std::span<const Response> answers) {
    std::vector<double> scores;
    for (const Response& a : answers) {
      double low = 0;
      for (const lm::TokenId token : a.tokens) low += token < half ? 1 : 0;
      scores.push_back(low / static_cast<double>(a.tokens.size()));
    }
    return scores;
  };
  LmPolicy<> policy(shop.model, {}, prompts.tokens, {.lora = kUpdates, .max_tokens = 6});
  const auto report = tune_policy<Cpu, float>(
      policy, low_tokens,
      {.rl = {.passes = 4, .minibatch = 8, .learning_rate = 2e-2, .kl = {.coefficient = 0.001, .target = 0}},
       .steps = 16,
       .questions = 24});
  CHECK(report.mean(&RlStats::reward, 12, 4) > report.mean(&RlStats::reward, 0, 2) + 0.1);
  CHECK(report.history.front().kl == Approx(0).margin(1e-3));
  CHECK(report.history.back().kl > 0.01);
  CHECK(report.history.back().entropy > 0);
}

TEST_CASE("a policy refuses what it cannot be asked") {
  const Workshop shop(16);
  const Prompts prompts(shop, shop.train);
  LmPolicy<> policy(shop.model, {}, prompts.tokens, {.lora = kUpdates, .max_tokens = 2});
  for (const Index unknown : {Index{-1}, policy.questions()}) {
    CAPTURE(unknown);
    CHECK_THROWS_AS(policy.draw(std::vector<Index>{unknown}, 1), ConfigError);
    CHECK_THROWS_AS(policy.reference(std::vector<Response>{{unknown, {1}}}), ConfigError);
  }
  auto broken = prompts.tokens;
  broken[1].clear();
  CHECK_THROWS_WITH((LmPolicy<>(shop.model, {}, broken, {.lora = kUpdates})),
                    "LmPolicy: the prompt of question 1 has no tokens");
}
