/// Reinforcement learning's parts: values by hand and from TRL's formulas, gradients in double.
#include "reclm/data/safetensors.hpp"
#include "reclm/instruct/rl/advantages.hpp"
#include "reclm/instruct/rl/losses.hpp"
#include "reclm/tensor/ops/loss.hpp"
#include "tensor/gradient_check.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;

namespace {

std::vector<double> numbers(Index n, std::uint64_t seed, double scale = 1) {
  const auto m = noise(n, 1, seed);
  std::vector<double> values(m.data(), m.data() + n);
  for (double& x : values) x *= scale;
  return values;
}

struct Fixture {
  SafetensorsFile file = SafetensorsFile::open(std::string(RECLM_SOURCE_DIR) + "/tests/fixtures/rl_losses.safetensors");
  std::vector<double> operator[](const char* name) const { return file.vector<double>(name); }
  double one(const char* name) const { return file.vector<double>(name).at(0); }
  std::vector<std::size_t> lengths() const {
    std::vector<std::size_t> result;
    for (const auto n : file.vector<std::int64_t>("lengths")) result.push_back(static_cast<std::size_t>(n));
    return result;
  }
};

// trl divides the counts of its Bessel correction in single precision.
void check_equal(const std::vector<double>& actual, const std::vector<double>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t k = 0; k < actual.size(); ++k) CHECK(actual[k] == Approx(expected[k]).epsilon(1e-7).margin(3e-8));
}

Var column(TapeD& tape, const std::vector<double>& values) {
  return tape.variable(TensorD::from_host(Matrix<double>(static_cast<Index>(values.size()), 1, values)));
}

}  // namespace

TEST_CASE("advantages by hand") {
  const std::vector<double> rewards{0, 0, 1}, values{0.5, 0.25, 0.75};
  const auto monte_carlo = estimate_advantages(rewards, values, 1, 1);  // λ = 1: return minus value
  check_equal(monte_carlo.advantages, {0.5, 0.75, 0.25});
  check_equal(monte_carlo.returns, {1, 1, 1});
  const auto one_step = estimate_advantages(rewards, values, 0.5, 0);  // λ = 0: the temporal difference
  check_equal(one_step.advantages, {-0.375, 0.125, 0.25});
  CHECK(estimate_advantages({}, {}, 1, 1).advantages.empty());
  CHECK_THROWS_AS(estimate_advantages(rewards, std::vector<double>{1}, 1, 1), ShapeError);
  CHECK_THROWS_AS(estimate_advantages(rewards, values, 1.5, 1), ConfigError);
}

TEST_CASE("whitening gives mean 0 and variance 1, and leaves what has no spread finite") {
  std::vector<double> x{1, 2, 3, 4}, kept = x;
  whiten(x);
  CHECK(x[0] + x[1] + x[2] + x[3] == Approx(0).margin(1e-12));
  CHECK((x[0] * x[0] + x[1] * x[1] + x[2] * x[2] + x[3] * x[3]) / 3 == Approx(1).epsilon(1e-6));
  whiten(kept, false);
  CHECK((kept[0] + kept[1] + kept[2] + kept[3]) / 4 == Approx(2.5));
  std::vector<double> one{3}, same{2, 2, 2}, none;
  whiten(one);
  whiten(same);
  whiten(none);
  CHECK(one[0] == 0);
  CHECK(same == std::vector<double>{0, 0, 0});
  check_equal(relative_rewards(std::vector<double>{1, 3}, false), {-1, 1});
  CHECK(relative_rewards(std::vector<double>{1, 3})[1] == Approx(1 / (std::sqrt(2.0) + 1e-4)));
  CHECK(relative_rewards(std::vector<double>{2, 2})[0] == 0);
}

TEST_CASE("KL estimates average to the divergence, and the controller holds a target") {
  const std::vector<double> p{0.5, 0.3, 0.2}, q{0.2, 0.5, 0.3};
  double exact = 0, k1 = 0, k3 = 0;
  for (std::size_t a = 0; a < 3; ++a) {
    const double lp = std::log(p[a]), lq = std::log(q[a]);
    exact += p[a] * (lp - lq);
    k1 += p[a] * estimate_kl(KlEstimator::k1, lp, lq);
    k3 += p[a] * estimate_kl(KlEstimator::k3, lp, lq);
    CHECK(estimate_kl(KlEstimator::k3, lp, lq) >= 0);
    for (const auto kind : {KlEstimator::k1, KlEstimator::k2, KlEstimator::k3})
      CHECK(kl_slope(kind, lp, lq) ==
            Approx((estimate_kl(kind, lp + 1e-6, lq) - estimate_kl(kind, lp - 1e-6, lq)) / 2e-6).epsilon(1e-6));
  }
  CHECK(k1 == Approx(exact));
  CHECK(k3 == Approx(exact));

  KlController controller({.coefficient = 0.1, .target = 2, .horizon = 100});
  controller.update(4, 50);  // twice the target: the error is clipped at 0.2
  CHECK(controller.coefficient() == Approx(0.1 * 1.1));
  controller.update(0, 50);
  CHECK(controller.coefficient() == Approx(0.1 * 1.1 * 0.9));
  KlController fixed({.coefficient = 0.1, .target = 0});
  fixed.update(100, 1000);
  CHECK(fixed.coefficient() == 0.1);
  CHECK_THROWS_AS(KlController({.horizon = 0}), ConfigError);
}

TEST_CASE("losses of policies and pairs have the gradients of their values") {
  const auto old = numbers(6, 2), advantages = numbers(6, 3), reference = numbers(6, 4);
  check_gradients({noise(6, 1, 1)}, [&](TapeD& t, const std::vector<Var>& v) {
    return ppo_policy_loss(t, v[0], old, advantages, 0.2).loss;
  });
  check_gradients({noise(6, 1, 5)},
                  [&](TapeD& t, const std::vector<Var>& v) { return ppo_value_loss(t, v[0], old, advantages, 0.4); });
  const std::vector<std::size_t> lengths{3, 1, 2};
  const std::vector<double> three{0.7, -1.2, 0.4};
  for (const bool per_answer : {true, false})
    check_gradients({noise(6, 1, 1)}, [&](TapeD& t, const std::vector<Var>& v) {
      return grpo_loss(t, v[0], old, reference, lengths, three, 0.2, 0.3, per_answer).loss;
    });
  check_gradients({noise(6, 1, 6)},
                  [&](TapeD& t, const std::vector<Var>& v) { return dpo_loss(t, v[0], reference, 0.5, 0.1).loss; });
  check_gradients({noise(6, 1, 6)},
                  [&](TapeD& t, const std::vector<Var>& v) { return weigh(t, sum_segments(t, v[0], lengths)); });
}

TEST_CASE("losses refuse what does not fit") {
  TapeD tape;
  const Var x = column(tape, {1, 2, 3});
  const std::vector<double> two{1, 2}, three{1, 2, 3};
  const std::vector<std::size_t> lengths{2, 2};
  CHECK_THROWS_AS(ppo_policy_loss(tape, x, two, three, 0.2), ShapeError);
  CHECK_THROWS_AS(ppo_value_loss(tape, x, three, two, 0.2), ShapeError);
  CHECK_THROWS_AS(grpo_loss(tape, x, three, three, lengths, two, 0.2, 0), ShapeError);
  CHECK_THROWS_AS(pair_loss(tape, x), ShapeError);
  CHECK_THROWS_AS(sum_segments(tape, x, lengths), ShapeError);
}

TEST_CASE("PPO, GRPO and DPO agree with TRL's formulas in torch") {
  const Fixture f;
  const auto lengths = f.lengths();

  SECTION("PPO") {
    std::vector<double> rewards;
    const auto old = f["old"], reference = f["reference"], values = f["values"], scores = f["scores"];
    std::size_t at = 0;
    for (std::size_t a = 0; a < lengths.size(); ++a)
      for (std::size_t t = 0; t < lengths[a]; ++t, ++at)
        rewards.push_back(-f.one("kl_coefficient") * estimate_kl(KlEstimator::k1, old[at], reference[at]) +
                          (t + 1 == lengths[a] ? scores[a] : 0.0));
    whiten(rewards, false);
    check_equal(rewards, f["ppo.rewards"]);
    std::vector<double> advantages, returns;
    at = 0;
    for (const std::size_t length : lengths) {
      const auto credit = estimate_advantages(std::span(rewards).subspan(at, length),
                                              std::span(values).subspan(at, length), f.one("gamma"), f.one("lambda"));
      advantages.insert(advantages.end(), credit.advantages.begin(), credit.advantages.end());
      returns.insert(returns.end(), credit.returns.begin(), credit.returns.end());
      at += length;
    }
    whiten(advantages);
    check_equal(advantages, f["ppo.advantages"]);
    check_equal(returns, f["ppo.returns"]);

    TapeD tape;
    const Var now = column(tape, f["new"]), critic = column(tape, f["new_values"]);
    const auto policy = ppo_policy_loss(tape, now, old, advantages, 0.2);
    const Var value = ppo_value_loss(tape, critic, values, returns, 0.2);
    CHECK(*tape.value(policy.loss).data() == Approx(f.one("ppo.policy_loss")).epsilon(1e-7));
    CHECK(*tape.value(value).data() == Approx(f.one("ppo.value_loss")).epsilon(1e-7));
    CHECK(policy.clip_fraction == Approx(f.one("ppo.clip_fraction")));
    CHECK(policy.ratio_kl == Approx(f.one("ppo.approx_kl")));
    tape.backward(sum_losses(tape, {{policy.loss, 1}, {value, 0.1}}));
    check_equal(instruct::detail::host_values(tape.gradient(now)), f["ppo.d_new"]);
    check_equal(instruct::detail::host_values(tape.gradient(critic)), f["ppo.d_values"]);
  }

  SECTION("GRPO") {
    const auto advantages = relative_rewards(f["scores"]);
    check_equal(advantages, f["grpo.advantages"]);
    for (const bool per_answer : {true, false}) {
      TapeD tape;
      const Var now = column(tape, f["new"]);
      const auto loss = grpo_loss(tape, now, f["old"], f["reference"], lengths, advantages, 0.2, 0.04, per_answer);
      CHECK(*tape.value(loss.loss).data() == Approx(f.one(per_answer ? "grpo.loss" : "bnpo.loss")).epsilon(1e-7));
      tape.backward(loss.loss);
      check_equal(instruct::detail::host_values(tape.gradient(now)), f[per_answer ? "grpo.d_new" : "bnpo.d_new"]);
    }
  }

  SECTION("DPO") {
    std::vector<double> reference;
    TapeD tape;
    const Var now = column(tape, f["new"]);
    const Var answers = sum_segments(tape, now, lengths);
    reference = instruct::detail::host_values(tape.value(sum_segments(tape, column(tape, f["reference"]), lengths)));
    const auto loss = dpo_loss(tape, answers, reference, 0.1, 0.05);
    CHECK(*tape.value(loss.loss).data() == Approx(f.one("dpo.loss")).epsilon(1e-7));
    tape.backward(loss.loss);
    check_equal(instruct::detail::host_values(tape.gradient(now)), f["dpo.d_new"]);
  }
}
