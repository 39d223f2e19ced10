/// The graph of graph backbones, propagation over it against dense matrices, and random views of it.
#include "reclm/backend/cpu.hpp"
#include "reclm/backend/kernels/views.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/model/backbones/light_gcn.hpp"
#include "support/catch.hpp"

using namespace reclm;

namespace {

constexpr Id kUsers = 23, kItems = 31;
constexpr Index kNodes = kUsers + kItems, kWidth = 19;

Interactions small_train() {
  // User 4 and item 30 have no clicks; item 0 is everybody else's.
  std::vector<Pair> pairs;
  const Random random(3, Stream::evaluation);
  for (Id user = 0; user < kUsers; ++user) {
    if (user == 4) continue;
    pairs.push_back({user, 0});
    for (std::uint64_t k = 0; k < 4; ++k)
      pairs.push_back({user, static_cast<Id>(random.below(10 * static_cast<std::uint64_t>(user) + k, kItems - 1))});
  }
  return Interactions::from_pairs(kUsers, kItems, pairs);
}

Matrix<double> noise(Index rows, Index cols, std::uint64_t seed) {
  const Random random(seed, Stream::evaluation);
  Matrix<double> m(rows, cols);
  for (Index k = 0; k < m.size(); ++k)
    m.data()[k] = 2 * static_cast<double>(random.uniform(static_cast<std::uint64_t>(k))) - 1;
  return m;
}

Matrix<double> product(const Matrix<double>& a, const Matrix<double>& b) {
  Matrix<double> c(a.rows(), b.cols());
  for (Index i = 0; i < a.rows(); ++i)
    for (Index k = 0; k < a.cols(); ++k)
      for (Index j = 0; j < b.cols(); ++j) c(i, j) += a(i, k) * b(k, j);
  return c;
}

/// Â from its definition.
Matrix<double> dense_graph(const Interactions& train) {
  Matrix<double> a(kNodes, kNodes);
  for (Index n = 0; n < kNodes; ++n) a(n, n) = 1;
  for (const Pair& pair : train.pairs()) a(pair.user, kUsers + pair.item) = a(kUsers + pair.item, pair.user) = 1;
  std::vector<double> degree(static_cast<std::size_t>(kNodes));
  for (Index r = 0; r < kNodes; ++r)
    for (Index c = 0; c < kNodes; ++c) degree[static_cast<std::size_t>(r)] += a(r, c);
  for (Index r = 0; r < kNodes; ++r)
    for (Index c = 0; c < kNodes; ++c)
      a(r, c) /= std::sqrt(degree[static_cast<std::size_t>(r)] * degree[static_cast<std::size_t>(c)]);
  return a;
}

Matrix<double> layer_sum(const Matrix<double>& graph, const Matrix<double>& start, int layers) {
  Matrix<double> x = start, total = start;
  for (int layer = 0; layer < layers; ++layer) {
    x = product(graph, x);
    for (Index k = 0; k < x.size(); ++k) total.data()[k] += x.data()[k];
  }
  return total;
}

Matrix<double> part(const Matrix<double>& all, Index first, Index count) {
  Matrix<double> rows(count, all.cols());
  std::copy_n(all.data() + first * all.cols(), rows.size(), rows.data());
  return rows;
}

void check_close(const Matrix<double>& actual, const Matrix<double>& expected) {
  REQUIRE(actual.rows() == expected.rows());
  REQUIRE(actual.cols() == expected.cols());
  double worst = 0;
  for (Index k = 0; k < actual.size(); ++k) worst = std::max(worst, std::abs(actual.data()[k] - expected.data()[k]));
  CHECK(worst < 1e-12);
}

using TapeD = Tape<Cpu, double>;
using TensorD = Tensor<Cpu, double>;

}  // namespace

TEST_CASE("the graph is D^-1/2 (A + I) D^-1/2, in blocks and as one matrix") {
  const Interactions train = small_train();
  const NormalizedGraph<double> graph(train);
  const Matrix<double> expected = dense_graph(train);
  CHECK(graph.nodes() == kNodes);
  CHECK(graph.user_items.entries() == train.size());

  const CsrMatrix<double> square = graph.square();
  CHECK(square.rows == kNodes);
  CHECK(square.cols == kNodes);
  CHECK(square.entries() == 2 * train.size() + kNodes);
  Matrix<double> dense(kNodes, kNodes);
  for (Index row = 0; row < kNodes; ++row)
    for (Index e = square.offsets[static_cast<std::size_t>(row)]; e < square.offsets[static_cast<std::size_t>(row) + 1];
         ++e) {
      const Id column = square.columns[static_cast<std::size_t>(e)];
      if (e > square.offsets[static_cast<std::size_t>(row)])
        CHECK(square.columns[static_cast<std::size_t>(e - 1)] < column);
      dense(row, column) = square.values[static_cast<std::size_t>(e)];
    }
  check_close(dense, expected);
  // A node without clicks has its self-loop alone.
  CHECK(graph.user_loops[4] == 1.0);
  CHECK(graph.item_loops[30] == 1.0);
}

TEST_CASE("transposed places are where the mirrored entries stand") {
  const CsrMatrix<double> square = NormalizedGraph<double>(small_train()).square();
  const std::vector<Index> places = transposed_places(square);
  REQUIRE(places.size() == square.columns.size());
  for (Index row = 0; row < kNodes; ++row)
    for (Index e = square.offsets[static_cast<std::size_t>(row)]; e < square.offsets[static_cast<std::size_t>(row) + 1];
         ++e) {
      const Index mirrored = places[static_cast<std::size_t>(e)];
      const auto column = static_cast<std::size_t>(square.columns[static_cast<std::size_t>(e)]);
      CHECK(square.columns[static_cast<std::size_t>(mirrored)] == row);
      CHECK((square.offsets[column] <= mirrored && mirrored < square.offsets[column + 1]));
      CHECK(places[static_cast<std::size_t>(mirrored)] == e);
    }
  const CsrMatrix<double> lopsided{2, 2, {0, 2, 3}, {0, 1, 1}, {1, 1, 1}}, missing{2, 2, {0, 1, 1}, {1}, {1}};
  CHECK_THROWS_AS(transposed_places(lopsided), ShapeError);
  CHECK_THROWS_AS(transposed_places(missing), ShapeError);
}

TEST_CASE("rows of a sparse matrix are selected and transposed") {
  const CsrMatrix<double> m{3, 4, {0, 2, 2, 4}, {0, 2, 1, 2}, {0.5, -1.5, 2.0, 0.25}};
  const CsrMatrix<double> t = m.transposed();
  CHECK(t.offsets == std::vector<Index>{0, 1, 2, 4, 4});
  CHECK(t.columns == std::vector<Id>{0, 2, 0, 2});
  CHECK(t.values == std::vector<double>{0.5, 2.0, -1.5, 0.25});
  const std::vector<Id> rows{2, 1, 0};
  const CsrMatrix<double> chosen = m.select_rows(rows);
  CHECK(chosen.offsets == std::vector<Index>{0, 2, 2, 4});
  CHECK(chosen.columns == std::vector<Id>{1, 2, 0, 2});
  CHECK(chosen.values == std::vector<double>{2.0, 0.25, 0.5, -1.5});
}

TEST_CASE("propagation is the sum of the layers, for all users and for some, forward and backward") {
  const Interactions train = small_train();
  const Matrix<double> graph = dense_graph(train), start = noise(kNodes, kWidth, 1);
  const Matrix<double> users = part(start, 0, kUsers), items = part(start, kUsers, kItems);
  for (const int layers : {1, 2, 3, 4}) {
    INFO(layers << " layers");
    const GraphPropagation<Cpu, double> propagation(NormalizedGraph<double>(train), layers);
    CHECK(propagation.layers() == layers);
    const Matrix<double> expected = part(layer_sum(graph, start, layers), 0, kUsers);
    const auto run = [&](std::span<const Id> ids, const Matrix<double>& weights) {
      TapeD tape;
      const Var u = tape.variable(TensorD::from_host(users)), i = tape.variable(TensorD::from_host(items));
      const Var out = ids.empty() ? propagation(tape, u, i) : propagation(tape, u, i, ids);
      const Matrix<double> value = tape.value(out).to_host();
      tape.backward(out, TensorD::from_host(weights));
      return std::array{value, tape.gradient(u).to_host(), tape.gradient(i).to_host()};
    };
    // Â is symmetric, so the gradient of the layer sum is the layer sum of the gradient.
    Matrix<double> weights = noise(kUsers, kWidth, 2), seed(kNodes, kWidth);
    std::copy_n(weights.data(), weights.size(), seed.data());
    const Matrix<double> gradient = layer_sum(graph, seed, layers);
    const auto all = run({}, weights);
    check_close(all[0], expected);
    check_close(all[1], part(gradient, 0, kUsers));
    check_close(all[2], part(gradient, kUsers, kItems));

    for (const std::vector<Id>& ids : {std::vector<Id>{22, 4, 0, 7}, std::vector<Id>{4}, std::vector<Id>{5}}) {
      Matrix<double> chosen(static_cast<Index>(ids.size()), kWidth), chosen_weights = chosen;
      seed = Matrix<double>(kNodes, kWidth);
      for (std::size_t k = 0; k < ids.size(); ++k) {
        std::ranges::copy(expected.row(ids[k]), chosen.row(static_cast<Index>(k)).begin());
        std::ranges::copy(weights.row(ids[k]), chosen_weights.row(static_cast<Index>(k)).begin());
        std::ranges::copy(weights.row(ids[k]), seed.row(ids[k]).begin());
      }
      const auto some = run(ids, chosen_weights);
      const Matrix<double> gradient_of_some = layer_sum(graph, seed, layers);
      check_close(some[0], chosen);
      check_close(some[1], part(gradient_of_some, 0, kUsers));
      check_close(some[2], part(gradient_of_some, kUsers, kItems));
    }
  }
  CHECK_THROWS_AS((GraphPropagation<Cpu, double>(NormalizedGraph<double>(train), 0)), ConfigError);
}

TEST_CASE("rows are numbered by first appearance, and anew after each batch") {
  detail::RowNumbering numbering(10);
  const std::vector<Id> first{7, 3, 7, 9}, second{3, 1};
  CHECK(numbering.number(first) == std::vector<Id>{0, 1, 0, 2});
  CHECK(numbering.number(second) == std::vector<Id>{1, 3});
  CHECK(numbering.take() == std::vector<Id>{7, 3, 9, 1});
  CHECK(numbering.take().empty());
  CHECK(numbering.number(second) == std::vector<Id>{0, 1});
}

TEST_CASE("edges are dropped by their address: half of them, each view and step its own") {
  constexpr Index entries = 20011;
  const std::vector<float> ones(entries, 3.0f);
  const auto view = [&](std::uint64_t seed, std::uint32_t step, int number, float keep) {
    std::vector<float> kept(entries);
    kernels::drop_edges<Cpu>(Random(seed, Stream::edge_drop, step), number * entries, entries, keep, ones.data(),
                             kept.data());
    return kept;
  };
  const auto first = view(1, 0, 0, 0.5f);
  const Random random(1, Stream::edge_drop, 0);
  Index kept = 0;
  for (Index e = 0; e < entries; ++e) {
    const bool expected = random.uniform(static_cast<std::uint64_t>(e)) < 0.5f;
    if (first[static_cast<std::size_t>(e)] != (expected ? 6.0f : 0.0f)) FAIL("entry " << e);
    kept += expected;
  }
  // Five deviations of a binomial share.
  CHECK(static_cast<double>(kept) / entries == Approx(0.5).margin(5 * 0.5 / std::sqrt(entries)));
  const auto agreement = [&](const std::vector<float>& a, const std::vector<float>& b) {
    Index same = 0;
    for (std::size_t e = 0; e < a.size(); ++e) same += (a[e] == 0) == (b[e] == 0);
    return static_cast<double>(same) / entries;
  };
  for (const auto& other : {view(1, 0, 1, 0.5f), view(1, 1, 0, 0.5f), view(2, 0, 0, 0.5f)})
    CHECK(agreement(first, other) == Approx(0.5).margin(5 * 0.5 / std::sqrt(entries)));
  const ThreadLimit one(1);
  CHECK(first == view(1, 0, 0, 0.5f));
  CHECK(view(1, 0, 0, 1.0f) == ones);
  const auto rare = view(1, 0, 0, 0.1f);
  CHECK(static_cast<double>(std::ranges::count(rare, 0.0f)) / entries == Approx(0.9).margin(0.011));
}

TEST_CASE("noise has its length and the sign of what it is added to") {
  constexpr Index rows = 501, cols = 21;
  Matrix<double> x = noise(rows, cols, 5);
  x(3, 4) = 0;
  const auto noised = [&](std::uint32_t step, Index first) {
    Matrix<double> y = x;
    kernels::add_sign_noise<Cpu>(Random(9, Stream::view_noise, step), first, rows, cols, 0.9, y.data());
    return y;
  };
  const Matrix<double> y = noised(2, 0);
  const Random random(9, Stream::view_noise, 2);
  for (Index r = 0; r < rows; ++r) {
    double squares = 0, length = 0;
    for (Index c = 0; c < cols; ++c) {
      const double u = static_cast<double>(random.uniform(static_cast<std::uint64_t>(r * cols + c)));
      squares += u * u;
    }
    for (Index c = 0; c < cols; ++c) {
      const double u = static_cast<double>(random.uniform(static_cast<std::uint64_t>(r * cols + c)));
      const double sign = x(r, c) > 0 ? 1 : x(r, c) < 0 ? -1 : 0;
      const double moved = y(r, c) - x(r, c);
      if (moved != Approx(0.9 * sign * u / std::sqrt(squares)).margin(1e-13)) FAIL("row " << r << ", column " << c);
      length += moved * moved;
    }
    if (r != 3) CHECK(std::sqrt(length) == Approx(0.9).epsilon(1e-12));
  }
  CHECK(y(3, 4) == 0);
  CHECK(y == noised(2, 0));
  CHECK_FALSE(y == noised(3, 0));
  CHECK_FALSE(y == noised(2, rows * cols));
  const ThreadLimit one(1);
  CHECK(y == noised(2, 0));
}
