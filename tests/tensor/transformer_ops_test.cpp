/// The other operations of transformers: values against plain loops, gradients against central differences in double.
#include "gradient_check.hpp"
#include "reclm/tensor/ops/loss.hpp"
#include "reclm/tensor/ops/norm.hpp"
#include "reclm/tensor/ops/token_loss.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

/// A constant that is read a few rows at a time, as stored weights are.
class TiledConstant final : public ConstantMatrix<Cpu, double> {
 public:
  explicit TiledConstant(Matrix<double> values) : values_(std::move(values)) {}
  Index rows() const override { return values_.rows(); }
  Index cols() const override { return values_.cols(); }
  bool in_memory() const override { return false; }
  Index tile_rows() const override { return 3; }
  const double* read(Index first, Index count, double* buffer) const override {
    std::copy_n(values_.data() + first * cols(), count * cols(), buffer);
    return buffer;
  }

 private:
  Matrix<double> values_;
};

const DropoutMask kMask{0.4, Random(7, Stream::dropout, 3), 5};

}  // namespace

TEST_CASE("RMSNorm and LayerNorm") {
  const auto x = noise(3, 5, 1), w = noise(1, 5, 2), b = noise(1, 5, 3);
  TapeD tape;
  const auto at = [&](const Matrix<double>& m) { return tape.constant(TensorD::from_host(m)); };
  const auto rms = tape.value(rms_norm(tape, at(x), at(w), 1e-5)).to_host();
  const auto layer = tape.value(layer_norm(tape, at(x), at(w), at(b), 1e-5)).to_host();
  for (Index r = 0; r < 3; ++r) {
    double squares = 0, mean = 0, variance = 0;
    for (Index c = 0; c < 5; ++c) squares += x(r, c) * x(r, c) / 5, mean += x(r, c) / 5;
    for (Index c = 0; c < 5; ++c) variance += (x(r, c) - mean) * (x(r, c) - mean) / 5;
    for (Index c = 0; c < 5; ++c) {
      CHECK(rms(r, c) == Approx(x(r, c) / std::sqrt(squares + 1e-5) * w(0, c)));
      CHECK(layer(r, c) == Approx((x(r, c) - mean) / std::sqrt(variance + 1e-5) * w(0, c) + b(0, c)));
    }
  }
  check_gradients({x, w}, [](TapeD& t, const std::vector<Var>& v) { return weigh(t, rms_norm(t, v[0], v[1], 1e-5)); });
  check_gradients({x, w, b},
                  [](TapeD& t, const std::vector<Var>& v) { return weigh(t, layer_norm(t, v[0], v[1], v[2], 1e-5)); });
  check_gradients({x, w}, [](TapeD& t, const std::vector<Var>& v) {
    return sum_losses(t, {{weigh(t, rms_norm(t, v[0], v[1], 1e-5)), 1}, {weigh(t, v[0], 8), 1}});
  });
}

TEST_CASE("SwiGLU and GELU") {
  check_gradients({noise(3, 5, 1), noise(3, 5, 2)},
                  [](TapeD& t, const std::vector<Var>& v) { return weigh(t, silu_gate(t, v[0], v[1])); });
  check_gradients({noise(3, 5, 1)},
                  [](TapeD& t, const std::vector<Var>& v) { return weigh(t, silu_gate(t, v[0], v[0])); });
  check_gradients({noise(3, 5, 1), noise(3, 5, 2)}, [](TapeD& t, const std::vector<Var>& v) {
    return sum_losses(t, {{weigh(t, silu_gate(t, v[0], v[1])), 1}, {weigh(t, v[0], 8), 1}, {weigh(t, v[1], 9), 1}});
  });
  for (const auto kind : {GeluKind::exact, GeluKind::tanh})
    check_gradients({noise(3, 5, 1)},
                    [=](TapeD& t, const std::vector<Var>& v) { return weigh(t, gelu(t, v[0], kind)); });
  TapeD tape;
  const auto x = tape.constant(TensorD::from_host(Matrix<double>(1, 2, {1.0, -2.0})));
  CHECK(tape.value(gelu(tape, x)).to_host()(0, 0) == Approx(0.8413447460685429));
  CHECK(tape.value(gelu(tape, x, GeluKind::tanh)).to_host()(0, 1) == Approx(-0.04540230591222).epsilon(1e-6));
  CHECK(tape.value(silu_gate(tape, x, x)).to_host()(0, 1) == Approx(4 / (1 + std::exp(2.0))));
}

TEST_CASE("the vectorised exponential function is exact to two units in the last place") {
  double worst = 0;
  for (float x = -87.0f; x < 88.0f; x += 0.0137f) {
    const double exact = std::exp(static_cast<double>(x));
    worst = std::max(worst, std::abs(static_cast<double>(kernels::fast_exp(x)) - exact) / exact);
  }
  CHECK(worst < 2.4e-7);
  CHECK(kernels::fast_exp(-1000.0f) < 2e-38f);
  CHECK(std::isnan(kernels::fast_exp(std::nanf(""))));
}

TEST_CASE("dropout drops by place, keeps the mean and is its own gradient") {
  TapeD tape;
  const auto x = tape.constant(TensorD::from_host(Matrix<double>(50, 41, 1.0)));
  const auto y = tape.value(dropout(tape, x, kMask)).to_host();
  double sum = 0;
  for (Index k = 0; k < y.size(); ++k) {
    const bool kept = kMask.random.uniform(static_cast<std::uint64_t>(k) + kMask.first) >= 0.4f;
    CHECK(y.data()[k] == Approx(kept ? 1 / 0.6 : 0));
    sum += y.data()[k];
  }
  CHECK(sum / static_cast<double>(y.size()) == Approx(1).margin(0.06));
  check_gradients({noise(3, 7, 1)},
                  [](TapeD& t, const std::vector<Var>& v) { return weigh(t, dropout(t, v[0], kMask)); });
  CHECK(dropout(tape, x, {}).id == x.id);
}

TEST_CASE("projections: trained, frozen in tiles, with a low-rank update") {
  const auto x = noise(6, 5, 1), w = noise(7, 5, 2), bias = noise(1, 7, 3), a = noise(2, 5, 4), b = noise(7, 2, 5);
  const auto frozen = std::make_shared<TiledConstant>(w);
  for (const double rate : {0.0, 0.4}) {
    DropoutMask mask = kMask;
    mask.rate = rate;
    check_gradients({x, w, bias, a, b}, [&](TapeD& t, const std::vector<Var>& v) {
      return weigh(t, projection(t, v[0], WeightInput<Cpu, double>::of(t, v[1]), v[2], {v[3], v[4], 0.7, mask}));
    });
    check_gradients({x, bias, a, b}, [&](TapeD& t, const std::vector<Var>& v) {
      return weigh(t, projection(t, v[0], WeightInput<Cpu, double>{frozen}, v[1], {v[2], v[3], 0.7, mask}));
    });
  }
  check_gradients({x}, [&](TapeD& t, const std::vector<Var>& v) {
    return sum_losses(t,
                      {{weigh(t, projection(t, v[0], WeightInput<Cpu, double>{frozen})), 1}, {weigh(t, v[0], 5), 1}});
  });
  TapeD tape;
  const auto at = [&](const Matrix<double>& m) { return tape.constant(TensorD::from_host(m)); };
  const auto y =
      tape.value(projection(tape, at(x), WeightInput<Cpu, double>{frozen}, at(bias), {at(a), at(b), 0.7})).to_host();
  for (Index r = 0; r < 6; ++r)
    for (Index o = 0; o < 7; ++o) {
      double expected = bias(0, o);
      for (Index c = 0; c < 5; ++c) {
        double merged = w(o, c);
        for (Index k = 0; k < 2; ++k) merged += 0.7 * b(o, k) * a(k, c);
        expected += merged * x(r, c);
      }
      CHECK(y(r, o) == Approx(expected));
    }
  CHECK_THROWS_AS(projection(tape, at(noise(6, 4, 1)), WeightInput<Cpu, double>{frozen}), ShapeError);
  CHECK_THROWS_AS(projection(tape, at(x), WeightInput<Cpu, double>{frozen}, {}, {at(b), at(a), 1}), ShapeError);
}

TEST_CASE("token losses and log-probabilities of chosen rows") {
  const auto h = noise(5, 4, 1), head = noise(9, 4, 2);
  const ChosenTokens chosen{{4, 0, 2}, {8, 3, 3}};
  const auto frozen = std::make_shared<TiledConstant>(head);
  std::vector<double> log_p;
  for (std::size_t k = 0; k < 3; ++k) {
    std::vector<double> z(9, 0.0);
    double total = 0;
    for (Index t = 0; t < 9; ++t) {
      for (Index c = 0; c < 4; ++c) z[static_cast<std::size_t>(t)] += head(t, c) * h(chosen.rows[k], c);
      total += std::exp(z[static_cast<std::size_t>(t)]);
    }
    log_p.push_back(z[static_cast<std::size_t>(chosen.tokens[k])] - std::log(total));
  }
  TapeD tape;
  const auto hidden = tape.constant(TensorD::from_host(h));
  const WeightInput<Cpu, double> weight{frozen};
  CHECK(*tape.value(token_loss(tape, hidden, weight, chosen, 2)).data() ==
        Approx(-(log_p[0] + log_p[1] + log_p[2]) / 2));
  const auto y = tape.value(token_log_probabilities(tape, hidden, weight, chosen)).to_host();
  for (Index k = 0; k < 3; ++k) CHECK(y(k, 0) == Approx(log_p[static_cast<std::size_t>(k)]));

  for (const bool trained : {true, false}) {
    const auto head_of = [&](TapeD& t, Var v) {
      return trained ? WeightInput<Cpu, double>::of(t, v) : WeightInput<Cpu, double>{frozen};
    };
    check_gradients({h, head}, [&](TapeD& t, const std::vector<Var>& v) {
      // Twice, so that gradients are added to gradients.
      const auto loss = token_loss(t, v[0], head_of(t, v[1]), chosen, 2);
      if (!trained) return sum_losses(t, {{loss, 0.3}});
      return sum_losses(t, {{loss, 0.3}, {weigh(t, v[0], 3), 1}, {weigh(t, v[1], 4), 1}});
    });
    check_gradients({h, head}, [&](TapeD& t, const std::vector<Var>& v) {
      return weigh(t, token_log_probabilities(t, v[0], head_of(t, v[1]), chosen));
    });
  }
  CHECK_THROWS_AS(token_loss(tape, hidden, weight, {{5}, {0}}, 1), ShapeError);
  CHECK_THROWS_AS(token_loss(tape, hidden, weight, {{0}, {9}}, 1), ShapeError);
  CHECK_THROWS_AS(token_loss(tape, hidden, weight, {{0, 1}, {2}}, 1), ShapeError);
}

TEST_CASE("chunks of logits do not change losses or gradients") {
  // A vocabulary so large that rows pass in several chunks.
  const Index vocabulary = 130000, count = 130;
  Tape<Cpu, float> tape;
  const auto h = Tensor<Cpu, float>::from_host(noise(count, 2, 1).view());
  const auto w = Tensor<Cpu, float>::from_host(noise(vocabulary, 2, 2).view());
  const auto hidden = tape.variable(h), head = tape.constant(w);
  ChosenTokens chosen;
  for (Id k = 0; k < count; ++k) {
    chosen.rows.push_back(k);
    chosen.tokens.push_back(k * 17);
  }
  REQUIRE(detail::logit_rows(vocabulary) < count);
  const auto input = WeightInput<Cpu, float>::of(tape, head);
  const auto loss = token_loss(tape, hidden, input, chosen, 1);
  double total = 0;
  const auto log_p = tape.value(token_log_probabilities(tape, hidden, input, chosen)).to_host();
  for (Index k = 0; k < count; ++k) total -= log_p(k, 0);
  CHECK(*tape.value(loss).data() == Approx(total).epsilon(1e-5));
  tape.backward(loss);
  // Row 129 alone.
  Tape<Cpu, float> other;
  const auto again = other.variable(h);
  other.backward(
      token_loss(other, again, WeightInput<Cpu, float>::of(other, other.constant(w)), {{129}, {129 * 17}}, 1));
  CHECK(tape.gradient(hidden).to_host()(129, 1) == Approx(other.gradient(again).to_host()(129, 1)).epsilon(1e-4));
}

TEST_CASE("a forgotten value keeps its shape") {
  TapeD tape;
  const auto x = tape.variable(TensorD::from_host(noise(3, 4, 1)));
  const auto y = rms_norm(tape, x, tape.constant(TensorD::from_host(noise(1, 4, 2))), 1e-5);
  const auto z = silu_gate(tape, y, y);
  tape.forget(y);
  CHECK(tape.value(y).data() == nullptr);
  CHECK(tape.value(y).rows() == 3);
  tape.backward(weigh(tape, z));
  CHECK_FALSE(tape.gradient(x).empty());
}
