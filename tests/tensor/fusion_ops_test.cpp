/// Gates, mixtures of experts, replaced rows, sampled contrasts, learned temperatures, soft targets: values against
/// plain loops, gradients against central differences in double.
#include "gradient_check.hpp"
#include "reclm/tensor/ops/contrast.hpp"
#include "reclm/tensor/ops/fusion.hpp"
#include "reclm/tensor/ops/loss.hpp"
#include "reclm/tensor/ops/rows.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

Var constant(TapeD& tape, const Matrix<double>& m) { return tape.constant(TensorD::from_host(m)); }

double dot(const Matrix<double>& a, Index r, const Matrix<double>& b, Index s) {
  double sum = 0;
  for (Index c = 0; c < a.cols(); ++c) sum += a(r, c) * b(s, c);
  return sum;
}

}  // namespace

TEST_CASE("a gate mixes two vectors") {
  TapeD tape;
  const auto x = noise(3, 4, 1), a = noise(3, 4, 2), b = noise(3, 4, 3);
  const auto y = tape.value(gated_mix(tape, constant(tape, x), constant(tape, a), constant(tape, b))).to_host();
  for (Index k = 0; k < y.size(); ++k) {
    const double s = 1 / (1 + std::exp(-x.data()[k]));
    CHECK(y.data()[k] == Approx(s * a.data()[k] + (1 - s) * b.data()[k]).epsilon(1e-13));
  }
  check_gradients({x, a, b}, [](TapeD& t, const std::vector<Var>& v) {
    return sum_losses(t, {{weigh(t, gated_mix(t, v[0], v[1], v[2])), 1}, {weigh(t, v[1], 5), 2}});
  });
  check_gradients({a, b}, [](TapeD& t, const std::vector<Var>& v) { return weigh(t, gated_mix(t, v[0], v[1], v[0])); });
  CHECK_THROWS_AS(gated_mix(tape, constant(tape, noise(3, 3, 1)), constant(tape, a), constant(tape, b)), ShapeError);
}

TEST_CASE("experts are mixed by the softmax of their logits") {
  TapeD tape;
  const auto logits = noise(5, 3, 1), experts = noise(5, 12, 2);
  const auto y = tape.value(mix_experts(tape, constant(tape, logits), constant(tape, experts))).to_host();
  REQUIRE(y.cols() == 4);
  for (Index r = 0; r < 5; ++r) {
    double total = 0;
    for (Index e = 0; e < 3; ++e) total += std::exp(logits(r, e));
    for (Index c = 0; c < 4; ++c) {
      double expected = 0;
      for (Index e = 0; e < 3; ++e) expected += std::exp(logits(r, e)) / total * experts(r, 4 * e + c);
      CHECK(y(r, c) == Approx(expected).epsilon(1e-13));
    }
  }
  check_gradients({logits, experts},
                  [](TapeD& t, const std::vector<Var>& v) { return weigh(t, mix_experts(t, v[0], v[1])); });
  CHECK_THROWS_AS(mix_experts(tape, constant(tape, logits), constant(tape, noise(5, 11, 2))), ShapeError);
}

TEST_CASE("rows are replaced by one vector") {
  const std::vector<Id> ids{3, 0}, outside{4}, twice{1, 1};
  TapeD tape;
  const auto x = noise(4, 3, 1), value = noise(1, 3, 2);
  const auto y = tape.value(replace_rows(tape, constant(tape, x), constant(tape, value), ids)).to_host();
  for (Index c = 0; c < 3; ++c) {
    CHECK(y(0, c) == value(0, c));
    CHECK(y(1, c) == x(1, c));
    CHECK(y(3, c) == value(0, c));
  }
  check_gradients({x, value}, [&](TapeD& t, const std::vector<Var>& v) {
    return sum_losses(t, {{weigh(t, replace_rows(t, v[0], v[1], ids)), 1}, {weigh(t, v[0], 5), 0.5}});
  });
  CHECK_THROWS_AS(replace_rows(tape, constant(tape, x), constant(tape, value), outside), ShapeError);
  CHECK_THROWS_AS(replace_rows(tape, constant(tape, x), constant(tape, value), twice), ShapeError);
}

TEST_CASE("a contrast with sampled negatives leaves out the positive among them") {
  const std::vector<Id> positives{7, 8, 7, 9}, negatives{9, 1, 7};
  const auto u = noise(4, 5, 1), p = noise(4, 5, 2), n = noise(3, 5, 3),
             log_scale = Matrix<double>(1, 1, std::vector<double>(1, 0.9));
  const double scale = std::exp(0.9);
  double expected = 0;
  for (Index b = 0; b < 4; ++b) {
    double total = std::exp(scale * dot(u, b, p, b));
    for (Index j = 0; j < 3; ++j)
      if (negatives[static_cast<std::size_t>(j)] != positives[static_cast<std::size_t>(b)])
        total += std::exp(scale * dot(u, b, n, j));
    expected += std::log(total) - scale * dot(u, b, p, b);
  }
  const Build build = [&](TapeD& t, const std::vector<Var>& v) {
    return sampled_info_nce_loss(t, v[0], v[1], v[2], positives, negatives, {v[3]}, 8);
  };
  TapeD tape;
  std::vector<Var> vars;
  for (const auto& m : {u, p, n, log_scale}) vars.push_back(constant(tape, m));
  CHECK(*tape.value(build(tape, vars)).data() == Approx(expected / 8).epsilon(1e-12));
  check_gradients({u, p, n, log_scale}, build);
  // A row that is anchor, positive and negative at once.
  check_gradients({noise(4, 5, 6), log_scale}, [&](TapeD& t, const std::vector<Var>& v) {
    const Var z = normalize_rows(t, v[0]);
    return sampled_info_nce_loss(t, z, gather_rows(t, z, std::vector<Id>{1, 2, 3, 0}), slice_rows(t, z, 1, 3),
                                 positives, negatives, {v[1]}, 4);
  });
  const std::vector<Id> short_ids{7};
  CHECK_THROWS_AS(sampled_info_nce_loss(tape, vars[0], vars[1], vars[2], short_ids, negatives, {vars[3]}, 8),
                  ShapeError);
}

TEST_CASE("a temperature is learned, as far as it goes") {
  const std::vector<Id> anchors{3, 0, 3};
  const Build build = [&](TapeD& t, const std::vector<Var>& v) {
    return info_nce_loss(t, normalize_rows(t, v[0]), normalize_rows(t, v[1]), anchors, LogScale{v[2]}, 4);
  };
  check_gradients({noise(5, 3, 1), noise(5, 3, 2), Matrix<double>(1, 1, std::vector<double>(1, 1.3))}, build);
  TapeD tape;
  const Var a = normalize_rows(tape, constant(tape, noise(5, 3, 1))),
            b = normalize_rows(tape, constant(tape, noise(5, 3, 2)));
  const Var scale = tape.variable(TensorD::from_host(Matrix<double>(1, 1, std::vector<double>(1, std::log(5.0)))));
  CHECK(*tape.value(info_nce_loss(tape, a, b, anchors, LogScale{scale}, 4)).data() ==
        Approx(*tape.value(info_nce_loss(tape, a, b, anchors, 0.2, 4)).data()).epsilon(1e-12));
}

TEST_CASE("a learned temperature does not pass 0.01, and comes back from there; a fixed one is what it is") {
  const auto beyond = TensorD::from_host(Matrix<double>(1, 1, std::vector<double>(1, 6)));
  const std::vector<Id> anchors{0, 1}, positives{0, 1}, negatives{2};
  const auto gradient = [&](const Matrix<double>& there, bool sampled) {
    TapeD tape;
    const Var u = normalize_rows(tape, constant(tape, Matrix<double>(2, 2, {1, 0, 0, 1}))),
              p = normalize_rows(tape, constant(tape, there)),
              n = normalize_rows(tape, constant(tape, Matrix<double>(1, 2, {1, 1})));
    const Var scale = tape.variable(beyond);
    const Var loss = sampled ? sampled_info_nce_loss(tape, u, p, n, positives, negatives, LogScale{scale}, 2)
                             : info_nce_loss(tape, u, p, anchors, LogScale{scale}, 2);
    tape.backward(loss);
    return *tape.gradient(scale).data();
  };
  for (const bool sampled : {false, true}) {
    CHECK(gradient(Matrix<double>(2, 2, {1, 0.1, 0.1, 1}), sampled) == 0);  // right pairs: colder still would pay
    CHECK(gradient(Matrix<double>(2, 2, {0, 1, 1, 0}), sampled) > 1);       // wrong pairs: it warms up
  }
  TapeD tape;
  const Var a = normalize_rows(tape, constant(tape, noise(5, 3, 1))),
            b = normalize_rows(tape, constant(tape, noise(5, 3, 2)));
  const Var fixed = tape.constant(TensorD::from_host(Matrix<double>(1, 1, std::vector<double>(1, std::log(500.0)))));
  CHECK(*tape.value(info_nce_loss(tape, a, b, anchors, LogScale{fixed}, 4)).data() ==
        Approx(*tape.value(info_nce_loss(tape, a, b, anchors, 0.002, 4)).data()).epsilon(1e-12));
}

TEST_CASE("BPR towards soft targets is the cross-entropy with them") {
  const std::vector<Id> users{0, 2, 1, 2}, positives{1, 0, 3, 1}, negatives{2, 2, 0, 3};
  const LocalTriples triples{users, positives, negatives};
  const auto u = noise(3, 4, 1), i = noise(4, 4, 2);
  const Matrix<double> targets(4, 1, {0.9, 0.2, 0.5, 1.0});
  double expected = 0;
  for (std::size_t b = 0; b < 4; ++b) {
    const double m = dot(u, users[b], i, positives[b]) - dot(u, users[b], i, negatives[b]), q = targets.data()[b];
    expected -= q * std::log(1 / (1 + std::exp(-m))) + (1 - q) * std::log(1 / (1 + std::exp(m)));
  }
  const Build build = [&](TapeD& t, const std::vector<Var>& v) {
    return bpr_loss(t, {v[0], v[1]}, triples, 8, TensorD::from_host(targets));
  };
  TapeD tape;
  CHECK(*tape.value(build(tape, {constant(tape, u), constant(tape, i)})).data() == Approx(expected / 8).epsilon(1e-12));
  check_gradients({u, i}, build);
}
