/// The loop of reinforcement learning on bandits over tokens, whose optimum is known.
#include <array>

#include "reclm/backend/cpu.hpp"
#include "reclm/instruct/rl/trainer.hpp"
#include "reclm/tensor/ops/rows.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::instruct;

namespace {

constexpr Index kQuestions = 3, kTokens = 5;

/// A table of logits by (question, position): answers of `length` tokens, each independent of the others.
class TablePolicy {
 public:
  TablePolicy(Index length, std::uint64_t seed)
      : length_(length),
        seed_(seed),
        logits_("logits", Tensor<Cpu, double>::zeros(kQuestions * length, kTokens)),
        critic_("critic", Tensor<Cpu, double>::zeros(kQuestions * length, 1)) {
    for (Index k = 0; k < logits_.value.size(); ++k)
      logits_.value.data()[k] = 0.5 * std::sin(static_cast<double>(1 + 3 * k));
    reference_ = logits_.value.to_host();
  }

  std::vector<Response> draw(std::span<const Index> questions, std::uint64_t step) {
    std::vector<Response> result;
    const Random random(seed_, Stream::evaluation, static_cast<std::uint32_t>(step));
    for (std::size_t k = 0; k < questions.size(); ++k) {
      Response answer{questions[k], {}};
      for (Index t = 0; t < length_; ++t) {
        double u = random.uniform(k * static_cast<std::size_t>(length_) + static_cast<std::size_t>(t));
        const auto p = probabilities(logits_.value.to_host(), row(answer.question, t));
        lm::TokenId token = 0;
        while (token + 1 < kTokens && u >= p[static_cast<std::size_t>(token)])
          u -= p[static_cast<std::size_t>(token++)];
        answer.tokens.push_back(token);
      }
      result.push_back(std::move(answer));
    }
    return result;
  }

  Evaluation evaluate(Tape<Cpu, double>& tape, std::span<const Response> answers, bool with_values) {
    std::vector<Id> rows;
    std::vector<lm::TokenId> tokens;
    for (const Response& a : answers)
      for (std::size_t t = 0; t < a.tokens.size(); ++t) {
        rows.push_back(static_cast<Id>(row(a.question, static_cast<Index>(t))));
        tokens.push_back(a.tokens[t]);
      }
    Evaluation result{chosen(tape, gather_rows(tape, tape.parameter(logits_), rows), tokens)};
    if (with_values) result.values = gather_rows(tape, tape.parameter(critic_), rows);
    return result;
  }

  std::vector<double> reference(std::span<const Response> answers) {
    std::vector<double> result;
    for (const Response& a : answers)
      for (std::size_t t = 0; t < a.tokens.size(); ++t)
        result.push_back(std::log(
            probabilities(reference_, row(a.question, static_cast<Index>(t)))[static_cast<std::size_t>(a.tokens[t])]));
    return result;
  }

  std::vector<Parameter<Cpu, double>*> parameters() { return {&logits_, &critic_}; }

  /// Probability of the tokens at (question, position), of the policy or of its reference.
  std::vector<double> now(Index question, Index t) { return probabilities(logits_.value.to_host(), row(question, t)); }
  std::vector<double> before(Index question, Index t) { return probabilities(reference_, row(question, t)); }

 private:
  [[nodiscard]] Index row(Index question, Index t) const { return question * length_ + t; }

  static std::vector<double> probabilities(const Matrix<double>& logits, Index r) {
    std::vector<double> p;
    double total = 0;
    for (Index c = 0; c < kTokens; ++c) total += p.emplace_back(std::exp(logits(r, c)));
    for (double& x : p) x /= total;
    return p;
  }

  // log softmax at the chosen tokens.
  static Var chosen(Tape<Cpu, double>& tape, Var logits, const std::vector<lm::TokenId>& tokens) {
    const Matrix<double> x = tape.value(logits).to_host();
    Matrix<double> slope(x.rows(), kTokens);
    Tensor<Cpu, double> y{x.rows(), 1};
    for (Index r = 0; r < x.rows(); ++r) {
      const auto p = probabilities(x, r);
      const auto token = tokens[static_cast<std::size_t>(r)];
      y.data()[r] = std::log(p[static_cast<std::size_t>(token)]);
      for (Index c = 0; c < kTokens; ++c) slope(r, c) = (c == token ? 1.0 : 0.0) - p[static_cast<std::size_t>(c)];
    }
    return tape.record(std::move(y), tape.needs_gradient(logits), [=](Tape<Cpu, double>& t, const auto& dy) {
      Matrix<double> d = slope;
      for (Index r = 0; r < d.rows(); ++r)
        for (Index c = 0; c < kTokens; ++c) d(r, c) *= dy.data()[r];
      t.add_gradient(logits, Tensor<Cpu, double>::from_host(d));
    });
  }

  Index length_;
  std::uint64_t seed_;
  Parameter<Cpu, double> logits_, critic_;
  Matrix<double> reference_;
};

static_assert(RlPolicy<TablePolicy, Cpu, double>);

using Trainer = RlTrainer<Cpu, double, TablePolicy>;

/// Token (question + t) mod 5 is worth 1 at position t, the next one 0.6, others nothing.
double worth(Index question, Index t, lm::TokenId token) {
  const auto distance = (token - question - t + 2 * kTokens) % kTokens;
  return distance == 0 ? 1 : distance == 1 ? 0.6 : 0;
}

std::vector<double> score(std::span<const Response> answers) {
  std::vector<double> result;
  for (const Response& a : answers) {
    double total = 0;
    for (std::size_t t = 0; t < a.tokens.size(); ++t) total += worth(a.question, static_cast<Index>(t), a.tokens[t]);
    result.push_back(total);
  }
  return result;
}

/// The same, each token's worth owed to that token.
std::vector<Score> parted(std::span<const Response> answers) {
  std::vector<Score> result;
  for (const double total : score(answers)) {
    const Response& a = answers[result.size()];
    Score& one = result.emplace_back(Score{.total = total});
    for (Index t = 0; t < static_cast<Index>(a.tokens.size()); ++t)
      one.parts.push_back({t, worth(a.question, t, a.tokens[static_cast<std::size_t>(t)])});
  }
  return result;
}

std::vector<Index> questions(Index each) {
  std::vector<Index> result;
  for (Index q = 0; q < kQuestions; ++q) result.insert(result.end(), static_cast<std::size_t>(each), q);
  return result;
}

/// The policy that is best for one question and position, by token.
using Optimum = std::vector<double> (*)(const std::vector<double>& before, const std::vector<double>& worths,
                                        double beta);

/// Largest difference between the policy and the optimum.
double distance_to(Optimum optimum, TablePolicy& policy, Index length, double beta) {
  double largest = 0;
  for (Index q = 0; q < kQuestions; ++q)
    for (Index t = 0; t < length; ++t) {
      std::vector<double> worths;
      for (lm::TokenId a = 0; a < kTokens; ++a) worths.push_back(worth(q, t, a));
      const auto best = optimum(policy.before(q, t), worths, beta), now = policy.now(q, t);
      for (std::size_t a = 0; a < best.size(); ++a) largest = std::max(largest, std::abs(now[a] - best[a]));
    }
  return largest;
}

/// Of E[score] − β KL(π ‖ reference): reference · exp(worth / β), normalised.
std::vector<double> tilted(const std::vector<double>& before, const std::vector<double>& worths, double beta) {
  std::vector<double> best;
  double total = 0;
  for (std::size_t a = 0; a < before.size(); ++a) total += best.emplace_back(before[a] * std::exp(worths[a] / beta));
  for (double& p : best) p /= total;
  return best;
}

/// Of E[score] − β KL(reference ‖ π), which is what the gradient of k3 in a loss descends: β · reference / (λ − worth).
std::vector<double> spread(const std::vector<double>& before, const std::vector<double>& worths, double beta) {
  double low = *std::max_element(worths.begin(), worths.end()), high = low + 10;
  std::vector<double> best(before.size());
  for (int k = 0; k < 100; ++k) {
    const double multiplier = (low + high) / 2;
    double total = 0;
    for (std::size_t a = 0; a < before.size(); ++a) total += best[a] = beta * before[a] / (multiplier - worths[a]);
    (total > 1 ? low : high) = multiplier;
  }
  return best;
}

/// That distance after 300 steps.
double distance_after(const RlOptions& options, const AnswerScorer& scorer, Index length, Index each) {
  TablePolicy policy(length, 5);
  Trainer trainer(policy, options);
  for (int step = 0; step < 300; ++step) trainer.step(questions(each), scorer);
  return distance_to(tilted, policy, length, options.kl.coefficient);
}

double mean_score(TablePolicy& policy, Index length) {
  double total = 0;
  for (Index q = 0; q < kQuestions; ++q)
    for (Index t = 0; t < length; ++t) {
      const auto now = policy.now(q, t);
      for (std::size_t a = 0; a < now.size(); ++a)
        total += now[a] * worth(q, t, static_cast<lm::TokenId>(a)) / static_cast<double>(kQuestions);
    }
  return total;
}

}  // namespace

TEST_CASE("PPO finds the optimum of score and KL together") {
  constexpr Index length = 3;
  TablePolicy policy(length, 5);
  CHECK(distance_to(tilted, policy, length, 0.5) > 0.3);
  Trainer trainer(policy, {.passes = 3,
                           .minibatch = 64,
                           .learning_rate = 0.01,
                           .gradient_norm = 0,
                           .value_clip = 0,
                           .value_weight = 0.5,
                           .kl = {.coefficient = 0.5, .target = 0}});
  std::vector<RlStats> history;
  const auto asked = questions(64);
  for (int step = 0; step < 500; ++step) history.push_back(trainer.step(asked, score));
  CHECK(distance_to(tilted, policy, length, 0.5) < 0.08);
  CHECK(history.front().kl == Approx(0).margin(1e-9));
  CHECK(history.back().kl > 0.5);
  CHECK(history.back().reward > history.front().reward + 0.5);
  CHECK(history.back().entropy < history.front().entropy);
  CHECK(history.front().entropy == Approx(std::log(5.0)).margin(0.25));
  CHECK(history.back().value_loss < history.front().value_loss);
  CHECK(history.back().length == 3);
}

TEST_CASE("PPO that compares the answers to a question has the same optimum, with less noise on the way") {
  // A question's answers are all worth more or less than another's: nothing that the policy could change.
  const auto uneven = [](std::span<const Response> answers) {
    std::vector<double> scores = score(answers);
    for (std::size_t k = 0; k < scores.size(); ++k) scores[k] += 20.0 * static_cast<double>(answers[k].question);
    return scores;
  };
  RlOptions options{.group = 8,
                    .passes = 2,
                    .minibatch = 24,
                    .learning_rate = 0.02,
                    .gradient_norm = 0,
                    .value_clip = 0,
                    .kl = {.coefficient = 0.5, .target = 0}};
  const double alone = distance_after(options, uneven, 3, 1);
  options.against_group = true;
  const double compared = distance_after(options, uneven, 3, 1);
  CHECK(compared < 0.15);
  CHECK(compared < 0.7 * alone);
}

TEST_CASE("a score's parts are credited to the tokens before them, part by part against the group's") {
  TablePolicy policy(3, 5);
  Trainer trainer(policy, {.group = 3,
                           .passes = 1,
                           .minibatch = 9,
                           .lambda = 1,
                           .whiten_advantages = false,
                           .against_group = true,
                           .kl = {.coefficient = 0, .target = 0}});
  // Parts of the first answer to a question at tokens 0 and 2, of the second at 1, of the third nowhere.
  const auto scorer = [](std::span<const Response> answers) {
    std::vector<Score> scores(answers.size());
    for (std::size_t k = 0; k < answers.size(); ++k) {
      scores[k].total = std::array{10.0, 7.0, 1.0}[k % 3];
      if (k % 3 == 0) scores[k].parts = {{0, 2}, {2, 5}};
      if (k % 3 == 1) scores[k].parts = {{1, 6}};
    }
    return scores;
  };
  trainer.step(questions(1), scorer);
  // Less the others' mean the first parts are −1, 5 and, at its end, −4; the second ones 5 and, at the ends, −2.5; the
  // rests 2, −1 and −1. An answer's first token has all of it: its total less the others'.
  const std::vector<std::vector<double>> expected{{6, 7, 7}, {1.5, 1.5, -3.5}, {-7.5, -7.5, -7.5}};
  REQUIRE(trainer.answers().size() == 9);
  for (std::size_t k = 0; k < 9; ++k)
    for (std::size_t t = 0; t < 3; ++t)
      CHECK(trainer.answers()[k].advantages[t] == Approx(expected[k % 3][t]).margin(1e-12));
}

TEST_CASE("PPO that knows which token earned what has the same optimum, with less noise on the way") {
  const RlOptions options{.group = 4,
                          .passes = 2,
                          .minibatch = 24,
                          .learning_rate = 0.02,
                          .lambda = 1,
                          .value_clip = 0,
                          .against_group = true,
                          .kl = {.coefficient = 0.5, .target = 0}};
  const double whole = distance_after(options, score, 6, 2), parts = distance_after(options, parted, 6, 2);
  CHECK(parts < 0.15);
  CHECK(parts < 0.7 * whole);
}

TEST_CASE("GRPO without division by the spread has the optimum of the KL that its gradient descends") {
  constexpr Index length = 1;
  TablePolicy policy(length, 6);
  Trainer trainer(policy, {.algorithm = RlAlgorithm::grpo,
                           .group = 16,
                           .passes = 1,
                           .minibatch = 192,
                           .learning_rate = 0.01,
                           .gradient_norm = 0,
                           .grpo_beta = 0.5,
                           .divide_by_spread = false});
  const auto asked = questions(4);
  for (int step = 0; step < 800; ++step) trainer.step(asked, score);
  // The group's mean holds the answer itself, which takes a sixteenth of its reward.
  CHECK(distance_to(spread, policy, length, 0.5 * 16 / 15) < 0.06);
}

TEST_CASE("all three reach the best answers when the KL counts little") {
  constexpr Index length = 4;
  for (const auto algorithm : {RlAlgorithm::ppo, RlAlgorithm::grpo, RlAlgorithm::dpo}) {
    INFO(name_of(algorithm));
    TablePolicy policy(length, 7);
    Trainer trainer(policy, {.algorithm = algorithm,
                             .group = algorithm == RlAlgorithm::ppo ? 1 : 4,
                             .minibatch = 48,
                             .learning_rate = 0.1,
                             .kl = {.coefficient = 0.01, .target = 0},
                             .grpo_beta = 0.01});
    const auto asked = questions(algorithm == RlAlgorithm::ppo ? 32 : 8);
    RlStats last;
    double clipped = 0;
    for (int step = 0; step < 150; ++step) {
      last = trainer.step(asked, score);
      clipped = std::max(clipped, last.clip_fraction);
    }
    CHECK((clipped > 0) == (algorithm != RlAlgorithm::dpo));
    CHECK(clipped < 0.6);
    CHECK(mean_score(policy, length) > 0.95 * 4);
    CHECK(last.entropy < 0.4);
  }
}

TEST_CASE("the KL's weight follows its target") {
  TablePolicy policy(2, 8);
  Trainer trainer(policy, {.passes = 2,
                           .minibatch = 96,
                           .learning_rate = 0.05,
                           .gradient_norm = 0,
                           .kl = {.coefficient = 0.05, .target = 0.3, .horizon = 1000}});
  double kl = 0, coefficient = 0;
  for (int step = 0; step < 600; ++step) {
    const RlStats stats = trainer.step(questions(32), score);
    if (step < 400) continue;
    kl += stats.kl / 200;
    coefficient = stats.kl_coefficient;
  }
  CHECK(kl == Approx(0.3).margin(0.1));
  CHECK(coefficient > 0.1);
}

TEST_CASE("a training that goes on from a saved state ends with the same bits") {
  const RlOptions options{.minibatch = 16, .learning_rate = 0.05, .kl = {.target = 0.5, .horizon = 50}};
  TablePolicy whole(2, 9), parted(2, 9), resumed(2, 9);
  const auto asked = questions(8);
  Trainer one(whole, options), two(parted, options);
  for (int step = 0; step < 6; ++step) one.step(asked, score);
  for (int step = 0; step < 3; ++step) two.step(asked, score);
  Trainer three(resumed, options);
  for (std::size_t k = 0; k < 2; ++k) {
    auto& from = *parted.parameters()[k];
    auto& to = *resumed.parameters()[k];
    Cpu::copy(to.value.data(), from.value.data(), from.value.size());
    const auto [m, v] = two.adam().moments(from);
    three.adam().restore(to, m.to_host(), v.to_host(), two.adam().steps());
  }
  three.resume_at(two.steps(), two.controller().coefficient());
  for (int step = 3; step < 6; ++step) three.step(asked, score);
  CHECK(resumed.parameters()[0]->value.to_host() == whole.parameters()[0]->value.to_host());
  CHECK(three.controller().coefficient() == one.controller().coefficient());
}

TEST_CASE("options out of range and scores that are no numbers are refused") {
  TablePolicy policy(1, 1);
  CHECK_THROWS_AS(Trainer(policy, {.algorithm = RlAlgorithm::grpo, .group = 1}), ConfigError);
  CHECK_THROWS_AS(Trainer(policy, {.clip = 0}), ConfigError);
  CHECK_THROWS_AS(Trainer(policy, {.against_group = true}), ConfigError);
  CHECK_THROWS_AS(Trainer(policy, {.dpo_smoothing = 0.5}), ConfigError);
  Trainer trainer(policy, {});
  CHECK_THROWS_AS(trainer.step(questions(1), [](auto answers) { return std::vector<double>(answers.size(), NAN); }),
                  NumericError);
  CHECK_THROWS_AS(trainer.step(questions(1), [](auto) { return std::vector<double>{}; }), ShapeError);
  for (const Index token : {Index{-1}, Index{1}})
    CHECK_THROWS_AS(trainer.step(questions(1),
                                 [=](auto answers) {
                                   return std::vector<Score>(answers.size(), {1, {{token, 0.5}}});
                                 }),
                    ShapeError);
  CHECK_THROWS_AS(trainer.step(questions(1),
                               [](auto answers) {
                                 return std::vector<Score>(answers.size(), {1, {{0, NAN}}});
                               }),
                  NumericError);
}

TEST_CASE("a policy that gives something else than it was asked for is refused") {
  enum Slip { fewer_answers, empty_answer, fewer_log_probs, fewer_values, fewer_references };
  struct Careless : TablePolicy {
    Slip slip;
    explicit Careless(Slip what) : TablePolicy(2, 1), slip(what) {}

    std::vector<Response> draw(std::span<const Index> asked, std::uint64_t step) {
      auto answers = TablePolicy::draw(asked, step);
      if (slip == fewer_answers) answers.pop_back();
      if (slip == empty_answer) answers.front().tokens.clear();
      return answers;
    }
    Evaluation evaluate(Tape<Cpu, double>& tape, std::span<const Response> answers, bool with_values) {
      const auto some = TablePolicy::evaluate(tape, answers.first(answers.size() - 1), with_values);
      auto all = TablePolicy::evaluate(tape, answers, with_values);
      if (slip == fewer_log_probs) all.log_probs = some.log_probs;
      if (slip == fewer_values) all.values = some.values;
      return all;
    }
    std::vector<double> reference(std::span<const Response> answers) {
      return TablePolicy::reference(slip == fewer_references ? answers.first(1) : answers);
    }
  };
  for (const Slip slip : {fewer_answers, empty_answer, fewer_log_probs, fewer_values, fewer_references}) {
    INFO("slip " << slip);
    Careless policy(slip);
    RlTrainer<Cpu, double, Careless> trainer(policy, {});
    CHECK_THROWS_AS(trainer.step(questions(2), score), ShapeError);
  }
}
