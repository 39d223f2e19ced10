/// Every operation of the tape: values against plain loops, gradients against central differences in double.
#include "gradient_check.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/tensor/ops/linear.hpp"
#include "reclm/tensor/ops/loss.hpp"
#include "reclm/tensor/ops/rows.hpp"
#include "reclm/tensor/ops/sparse.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

SparseMatrix<Cpu, double> small_sparse() {
  // Row 1 is empty, column 3 too.
  return SparseMatrix<Cpu, double>(CsrMatrix<double>{3, 4, {0, 2, 2, 4}, {0, 2, 1, 2}, {0.5, -1.5, 2.0, 0.25}});
}

const std::vector<Id> kUsers{0, 2, 2, 1, 0}, kPositives{1, 0, 3, 1, 1}, kNegatives{2, 2, 0, 0, 3};

}  // namespace

TEST_CASE("linear layers compute x·Wᵀ + b and its gradients") {
  TapeD tape;
  const auto x = tape.constant(TensorD::from_host(Matrix<double>(1, 2, {1, 2})));
  const auto w = tape.constant(TensorD::from_host(Matrix<double>(3, 2, {1, 0, 0, 1, -1, -1})));
  const auto b = tape.constant(TensorD::from_host(Matrix<double>(1, 3, {10, 20, 0.5})));
  CHECK(tape.value(linear(tape, x, w, b)).to_host() == Matrix<double>(1, 3, {11, 22, -2.5}));
  CHECK(tape.value(linear(tape, x, w, b, Activation::relu)).to_host() == Matrix<double>(1, 3, {11, 22, 0}));
  CHECK(tape.value(linear(tape, x, w, Var{}, Activation::relu)).to_host() == Matrix<double>(1, 3, {1, 2, 0}));

  for (const auto activation : {Activation::none, Activation::relu}) {
    check_gradients({noise(5, 3, 1), noise(4, 3, 2), noise(1, 4, 3)}, [=](TapeD& t, const std::vector<Var>& v) {
      return weigh(t, linear(t, v[0], v[1], v[2], activation));
    });
    check_gradients({noise(5, 3, 1), noise(5, 2, 4), noise(4, 5, 2), noise(1, 4, 3)},
                    [=](TapeD& t, const std::vector<Var>& v) {
                      return weigh(t, linear_pair(t, v[0], v[1], v[2], v[3], activation));
                    });
  }
}

TEST_CASE("a weight that is used twice gets both gradients") {
  check_gradients({noise(5, 3, 1), noise(3, 3, 2), noise(1, 3, 3)}, [](TapeD& t, const std::vector<Var>& v) {
    return weigh(t, linear(t, linear(t, v[0], v[1], v[2], Activation::relu), v[1], v[2]));
  });
}

TEST_CASE("linear_pair equals linear on joined columns") {
  TapeD tape;
  const auto a = noise(3, 2, 1), b = noise(3, 4, 2), w = noise(5, 6, 3);
  Matrix<double> joined(3, 6);
  for (Index r = 0; r < 3; ++r)
    for (Index c = 0; c < 6; ++c) joined(r, c) = c < 2 ? a(r, c) : b(r, c - 2);
  const auto constant = [&](const Matrix<double>& m) { return tape.constant(TensorD::from_host(m)); };
  const auto pair = tape.value(linear_pair(tape, constant(a), constant(b), constant(w), Var{})).to_host();
  const auto whole = tape.value(linear(tape, constant(joined), constant(w), Var{})).to_host();
  for (Index k = 0; k < pair.size(); ++k) CHECK(pair.data()[k] == Approx(whole.data()[k]).epsilon(1e-13));
}

TEST_CASE("rows are gathered with repeats, and their gradients added") {
  const std::vector<Id> ids{2, 0, 2, 3};
  TapeD tape;
  const auto table = noise(4, 3, 5);
  const auto y = tape.value(gather_rows(tape, tape.constant(TensorD::from_host(table)), ids)).to_host();
  for (Index k = 0; k < 4; ++k)
    for (Index c = 0; c < 3; ++c) CHECK(y(k, c) == table(ids[static_cast<std::size_t>(k)], c));
  check_gradients({table}, [&](TapeD& t, const std::vector<Var>& v) {
    return sum_losses(t, {{weigh(t, gather_rows(t, v[0], ids)), 1}, {weigh(t, gather_rows(t, v[0], ids), 7), 2}});
  });
  const std::vector<Id> distinct{3, 1};
  check_gradients({table}, [&](TapeD& t, const std::vector<Var>& v) {
    return sum_losses(t, {{weigh(t, gather_distinct_rows(t, v[0], distinct)), 1}, {weigh(t, v[0], 7), 2}});
  });
  check_gradients(
      {table}, [&](TapeD& t, const std::vector<Var>& v) { return weigh(t, gather_distinct_rows(t, v[0], distinct)); });
  const std::vector<Id> outside{4};
  CHECK_THROWS_AS(gather_rows(tape, tape.constant(TensorD::from_host(table)), outside), ShapeError);
  CHECK_THROWS_AS(gather_distinct_rows(tape, tape.constant(TensorD::from_host(table)), outside), ShapeError);
  CHECK_THROWS_AS(gather_distinct_rows(tape, tape.constant(TensorD::from_host(table)), ids), ShapeError);
}

TEST_CASE("a looked-up parameter gets a row gradient") {
  Parameter<Cpu, double> table("table", TensorD::from_host(noise(5, 3, 6)));
  const std::vector<Id> ids{4, 1};
  TapeD tape;
  const Var loss = weigh(tape, look_up(tape, table, ids));
  const double before = *tape.value(loss).data();
  tape.backward(loss);
  CHECK(*tape.value(loss).data() == before);  // a loss can be read afterwards
  CHECK_FALSE(table.has_dense_gradient());
  REQUIRE(table.has_row_gradient());
  CHECK(table.row_gradient.rows == ids);
  const auto weights = noise(2, 3, 99);
  CHECK(table.row_gradient.values.to_host() == weights);
  table.clear_gradient();
  CHECK_FALSE(table.has_row_gradient());
}

TEST_CASE("a parameter holds the gradient of the last tape alone") {
  Parameter<Cpu, double> table("table", TensorD::from_host(noise(5, 3, 6)));
  const std::vector<Id> ids{4, 1};
  const auto whole = [&] {
    TapeD tape;
    tape.backward(weigh(tape, tape.parameter(table)));
  };
  const auto rows = [&] {
    TapeD tape;
    tape.backward(weigh(tape, look_up(tape, table, ids)));
  };
  whole();  // and the step is given up
  rows();
  CHECK_FALSE(table.has_dense_gradient());
  CHECK(table.has_row_gradient());
  whole();
  CHECK(table.has_dense_gradient());
  CHECK_FALSE(table.has_row_gradient());
}

TEST_CASE("what is no number shows in outputs and losses") {
  const auto nan = std::nan("");
  TapeD tape;
  auto weight = noise(2, 3, 1);
  weight(1, 1) = nan;
  const auto x = tape.constant(TensorD::from_host(noise(4, 3, 2)));
  const auto y = tape.value(linear(tape, x, tape.constant(TensorD::from_host(weight)), {}, Activation::relu)).to_host();
  for (Index r = 0; r < 4; ++r) CHECK((std::isnan(y(r, 1)) && y(r, 0) >= 0));
  auto hidden = noise(3, 2, 4);
  hidden(1, 0) = nan;
  const auto constant = [&](const Matrix<double>& m) { return tape.constant(TensorD::from_host(m)); };
  const PairScoreInputs parts{
      constant(noise(3, 4, 1)), constant(noise(4, 4, 2)), {}, constant(hidden), constant(noise(4, 2, 5))};
  CHECK(std::isnan(*tape.value(bpr_loss(tape, parts, {kUsers, kPositives, kNegatives}, 8)).data()));
}

TEST_CASE("a look-up that would lose a gradient is refused") {
  Parameter<Cpu, double> table("table", TensorD::from_host(noise(5, 3, 6)));
  const std::vector<Id> ids{4, 1}, others{0}, twice{2, 2}, outside{5};
  TapeD tape;
  CHECK_THROWS_AS(look_up(tape, table, twice), ShapeError);
  CHECK_THROWS_AS(look_up(tape, table, outside), ShapeError);
  look_up(tape, table, ids);
  CHECK_THROWS_AS(look_up(tape, table, others), ConfigError);
  CHECK_THROWS_AS(tape.parameter(table), ConfigError);
  TapeD whole;
  whole.parameter(table);
  CHECK_THROWS_AS(look_up(whole, table, ids), ConfigError);
  TapeD reading(false);  // without gradients there are none to lose
  look_up(reading, table, ids);
  look_up(reading, table, others);
}

TEST_CASE("rows are brought to unit length; a zero row stays zero") {
  auto x = noise(4, 5, 8);
  TapeD tape;
  auto with_zero = x;
  for (Index c = 0; c < 5; ++c) with_zero(2, c) = 0;
  const auto y = tape.value(normalize_rows(tape, tape.constant(TensorD::from_host(with_zero)))).to_host();
  for (Index r = 0; r < 4; ++r) {
    double squares = 0;
    for (Index c = 0; c < 5; ++c) squares += y(r, c) * y(r, c);
    CHECK(squares == Approx(r == 2 ? 0.0 : 1.0));
  }
  check_gradients({x}, [](TapeD& t, const std::vector<Var>& v) { return weigh(t, normalize_rows(t, v[0])); });
}

TEST_CASE("rows are stacked and sliced") {
  check_gradients({noise(3, 2, 1), noise(2, 2, 2)}, [](TapeD& t, const std::vector<Var>& v) {
    const auto stacked = stack_rows(t, v[0], v[1]);
    return sum_losses(t, {{weigh(t, slice_rows(t, stacked, 1, 3)), 1}, {weigh(t, stacked, 4), 0.5}});
  });
  TapeD tape;
  const auto x = tape.constant(TensorD::from_host(noise(3, 2, 1)));
  CHECK(tape.value(slice_rows(tape, stack_rows(tape, x, x), 3, 3)).to_host() == noise(3, 2, 1));
  CHECK_THROWS_AS(slice_rows(tape, x, 2, 2), ShapeError);
  CHECK_THROWS_AS(slice_rows(tape, x, -1, 4), ShapeError);
}

TEST_CASE("sparse products add to a base, forward and backward") {
  const auto a = small_sparse();
  TapeD tape;
  const auto x = noise(4, 2, 3);
  const auto y = tape.value(sparse_product(tape, a, tape.constant(TensorD::from_host(x)))).to_host();
  for (Index c = 0; c < 2; ++c) {
    CHECK(y(0, c) == Approx(0.5 * x(0, c) - 1.5 * x(2, c)));
    CHECK(y(1, c) == 0);
    CHECK(y(2, c) == Approx(2.0 * x(1, c) + 0.25 * x(2, c)));
  }
  check_gradients({x, noise(3, 2, 4)}, [&](TapeD& t, const std::vector<Var>& v) {
    return sum_losses(t, {{weigh(t, sparse_product(t, a, v[0], v[1])), 1}, {weigh(t, v[0], 5), 1}});
  });
  const auto scale = TensorD::from_host(Matrix<double>(3, 1, {0.5, -2, 3}));
  check_gradients({noise(3, 2, 5), noise(3, 2, 6)}, [&](TapeD& t, const std::vector<Var>& v) {
    return weigh(t, add_scaled_rows(t, add_scaled_rows(t, v[0], scale, v[1]), scale, v[1]));
  });
}

TEST_CASE("BPR is the mean softplus of score differences") {
  const LocalTriples triples{kUsers, kPositives, kNegatives};
  const auto u = noise(3, 4, 1), i = noise(4, 4, 2), w = noise(1, 4, 3), hu = noise(3, 2, 4), hi = noise(4, 2, 5);
  const auto relu = [](double x) { return x > 0 ? x : 0; };
  const auto score = [&](Id user, Id item, bool with_hidden) {
    double s = 0;
    for (Index c = 0; c < 4; ++c) s += (with_hidden ? w(0, c) : 1) * u(user, c) * i(item, c);
    for (Index k = 0; with_hidden && k < 2; ++k) s += relu(hu(user, k) + hi(item, k));
    return s;
  };
  for (const bool hidden : {false, true}) {
    double expected = 0;
    for (std::size_t b = 0; b < kUsers.size(); ++b)
      expected +=
          std::log1p(std::exp(-(score(kUsers[b], kPositives[b], hidden) - score(kUsers[b], kNegatives[b], hidden))));
    const Build build = [&](TapeD& t, const std::vector<Var>& v) {
      return hidden ? bpr_loss(t, {v[0], v[1], v[2], v[3], v[4]}, triples, 8) : bpr_loss(t, {v[0], v[1]}, triples, 8);
    };
    TapeD tape;
    std::vector<Var> vars;
    for (const auto& m : {u, i, w, hu, hi}) vars.push_back(tape.constant(TensorD::from_host(m)));
    CHECK(*tape.value(build(tape, vars)).data() == Approx(expected / 8).epsilon(1e-12));
    if (!hidden)  // no targets, whatever memory they have
      CHECK(*tape.value(bpr_loss(tape, {vars[0], vars[1]}, triples, 8, TensorD{0, 1})).data() ==
            *tape.value(bpr_loss(tape, {vars[0], vars[1]}, triples, 8)).data());
    check_gradients({u, i, w, hu, hi}, build);
  }
  TapeD tape;
  const auto users = tape.constant(TensorD::from_host(u)), items = tape.constant(TensorD::from_host(noise(4, 3, 1)));
  CHECK_THROWS_AS(bpr_loss(tape, {users, items}, triples, 8), ShapeError);
}

TEST_CASE("InfoNCE on a tape flows into both views") {
  const std::vector<Id> anchors{3, 0, 3};
  check_gradients({noise(5, 3, 1), noise(5, 3, 2)}, [&](TapeD& t, const std::vector<Var>& v) {
    const auto z1 = normalize_rows(t, v[0]), z2 = normalize_rows(t, v[1]);
    return sum_losses(t, {{info_nce_loss(t, z1, z2, anchors, 0.2, 4), 0.7}, {weigh(t, z2), 0.1}});
  });
}

TEST_CASE("the tape's results do not depend on the number of threads") {
  const auto run = [](int threads) {
    const ThreadLimit limit(threads);
    Tape<Cpu, float> tape;
    const auto make = [&](Index rows, Index cols, std::uint64_t seed) {
      return tape.variable(Tensor<Cpu, float>::from_host(noise(rows, cols, seed).view()));
    };
    const auto x = make(9000, 24, 1), w = make(16, 24, 2), b = make(1, 16, 3);
    const auto z = normalize_rows(tape, linear(tape, x, w, b, Activation::relu));
    std::vector<Id> users, positives, negatives;
    for (Id k = 0; k < 5000; ++k) {
      users.push_back(k * 7 % 9000);
      positives.push_back(k * 11 % 9000);
      negatives.push_back(k * 13 % 9000);
    }
    const auto loss = sum_losses(tape, {{bpr_loss(tape, {z, z}, {users, positives, negatives}, 5000), 1},
                                        {info_nce_loss(tape, z, z, std::span(users).first(100), 0.2, 100), 0.1}});
    tape.backward(loss);
    return std::tuple(tape.gradient(x).to_host(), tape.gradient(w).to_host(), tape.gradient(b).to_host());
  };
  CHECK(run(1) == run(2));
}
