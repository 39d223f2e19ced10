/// Causal attention in packed batches and rotary positions: values against plain loops, gradients against differences,
/// the CPU's blocks against the row kernels that other backends use.
#include "reclm/tensor/ops/attention.hpp"
#include "gradient_check.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/tensor/ops/loss.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

Segments<Cpu> segments_of(std::vector<Index> borders) { return Segments<Cpu>(borders); }

/// The definition, pair by pair.
Matrix<double> plain_attention(const Matrix<double>& q, const Matrix<double>& k, const Matrix<double>& v,
                               const std::vector<Index>& borders, const std::vector<Index>& prefixes,
                               const AttentionShape& shape) {
  const Index width = q.cols() / shape.heads;
  Matrix<double> y(q.rows(), q.cols());
  for (std::size_t s = 0; s + 1 < borders.size(); ++s)
    for (Index i = borders[s]; i < borders[s + 1]; ++i)
      for (Index h = 0; h < shape.heads; ++h) {
        const Index kv = h / (shape.heads / shape.kv_heads);
        std::vector<Index> seen;
        if (!prefixes.empty() && prefixes[s] >= 0) {
          const auto p = static_cast<std::size_t>(prefixes[s]);
          for (Index j = borders[p]; j < borders[p + 1]; ++j) seen.push_back(j);
        }
        for (Index j = shape.window > 0 ? std::max(borders[s], i - shape.window + 1) : borders[s]; j <= i; ++j)
          seen.push_back(j);
        std::vector<double> weights;
        double total = 0;
        for (const Index j : seen) {
          double score = 0;
          for (Index c = 0; c < width; ++c) score += q(i, h * width + c) * k(j, kv * width + c);
          weights.push_back(std::exp(score / std::sqrt(static_cast<double>(width))));
          total += weights.back();
        }
        for (std::size_t n = 0; n < seen.size(); ++n)
          for (Index c = 0; c < width; ++c) y(i, h * width + c) += weights[n] / total * v(seen[n], kv * width + c);
      }
  return y;
}

void check_equal(const Matrix<double>& a, const Matrix<double>& b, double margin = 1e-12) {
  REQUIRE(a.rows() == b.rows());
  REQUIRE(a.cols() == b.cols());
  double worst = 0;
  for (Index k = 0; k < a.size(); ++k) worst = std::max(worst, std::abs(a.data()[k] - b.data()[k]));
  CHECK(worst < margin);
}

}  // namespace

TEST_CASE("attention is causal, grouped, windowed and kept within segments and their prefixes") {
  struct Case {
    std::vector<Index> borders;
    AttentionShape shape;
    Index width;
    std::vector<Index> prefixes{};
  };
  // Lengths on both sides of the blocks' borders (48 queries, 128 keys), an empty segment, widths that fill no
  // register; prefixes shorter and longer than a block, empty, with and without a segment that continues them.
  const Case cases[] = {{{0, 7, 7, 8, 21}, {4, 2, 0}, 6},
                        {{0, 130, 305}, {2, 1, 0}, 8},
                        {{0, 49, 300}, {3, 3, 100}, 5},
                        {{0, 20}, {2, 2, 1}, 4},
                        {{0, 5, 9, 9, 12, 20, 23, 24}, {4, 2, 0}, 6, {-1, 0, 0, 0, -1, -1, 5}},
                        {{0, 140, 200, 330, 331, 333, 340}, {2, 1, 0}, 8, {-1, 0, 0, -1, -1, 4}},
                        {{0, 0, 3, 60}, {2, 2, 0}, 5, {-1, 0, 0}}};
  for (const auto& [borders, shape, width, prefixes] : cases) {
    const Index tokens = borders.back();
    const auto q = noise(tokens, shape.heads * width, 1), k = noise(tokens, shape.kv_heads * width, 2),
               v = noise(tokens, shape.kv_heads * width, 3), upstream = noise(tokens, shape.heads * width, 4);
    const Segments<Cpu> segments(borders, prefixes);
    TapeD tape;
    const auto vq = tape.variable(TensorD::from_host(q)), vk = tape.variable(TensorD::from_host(k)),
               vv = tape.variable(TensorD::from_host(v));
    const auto y = causal_attention(tape, vq, vk, vv, segments, shape);
    const TensorD value = tape.value(y);
    check_equal(value.to_host(), plain_attention(q, k, v, borders, prefixes, shape));
    tape.backward(y, TensorD::from_host(upstream));

    // The row kernels, which are what the definition's gradient is checked on below.
    TensorD out{tokens, q.cols()}, sums{tokens, shape.heads}, along{tokens, shape.heads};
    TensorD dq{tokens, q.cols()}, dk{tokens, k.cols()}, dv{tokens, k.cols()};
    const auto tq = TensorD::from_host(q), tk = TensorD::from_host(k), tv = TensorD::from_host(v),
               dy = TensorD::from_host(upstream);
    const AttentionInput<double> in{tq.data(),
                                    tk.data(),
                                    tv.data(),
                                    tokens,
                                    shape.heads,
                                    shape.kv_heads,
                                    width,
                                    shape.window,
                                    1 / std::sqrt(static_cast<double>(width)),
                                    segments.begin(),
                                    segments.end(),
                                    segments.prefix_begin(),
                                    segments.prefix_end(),
                                    segments.borders(),
                                    segments.families()};
    Cpu::for_rows(tokens * shape.heads, 1, kernels::Attention<double>{in, out.data(), sums.data()});
    Cpu::for_rows(
        tokens * shape.heads, 1,
        kernels::AttentionQueriesBackward<double>{in, out.data(), sums.data(), dy.data(), dq.data(), along.data()});
    Cpu::for_rows(
        tokens * shape.kv_heads, 1,
        kernels::AttentionKeysBackward<double>{in, sums.data(), along.data(), dy.data(), dk.data(), dv.data()});
    check_equal(out.to_host(), value.to_host());
    check_equal(tape.gradient(vq).to_host(), dq.to_host());
    check_equal(tape.gradient(vk).to_host(), dk.to_host());
    check_equal(tape.gradient(vv).to_host(), dv.to_host());
  }
}

TEST_CASE("attention's gradients are its differences") {
  const std::vector<Index> borders{0, 4, 5, 9};
  const Segments<Cpu> apart(borders), alike(borders, std::vector<Index>{-1, 0, 0});
  const auto check = [](const Segments<Cpu>& segments, const AttentionShape& shape) {
    check_gradients({noise(9, shape.heads * 3, 1), noise(9, shape.kv_heads * 3, 2), noise(9, shape.kv_heads * 3, 3)},
                    [&](TapeD& t, const std::vector<Var>& v) {
                      return weigh(t, causal_attention(t, v[0], v[1], v[2], segments, shape));
                    });
  };
  check(apart, {4, 2, 0});
  check(apart, {2, 2, 2});
  check(alike, {4, 2, 0});
}

TEST_CASE("large scores overflow nothing") {
  Tape<Cpu, float> tape;
  Matrix<float> q(3, 4, 300.0f), v(3, 4);
  v(2, 0) = 1;
  const auto at = [&](const Matrix<float>& m) { return tape.constant(Tensor<Cpu, float>::from_host(m)); };
  const auto y = tape.value(causal_attention(tape, at(q), at(q), at(v), segments_of({0, 3}), {1, 1, 0})).to_host();
  CHECK(y(2, 0) == Approx(1.0 / 3));
  CHECK(y(1, 0) == 0);
}

TEST_CASE("attention gives the same bits for any number of threads") {
  const auto run = [](int threads) {
    const ThreadLimit limit(threads);
    Tape<Cpu, float> tape;
    std::vector<Var> v;
    for (const Index width : {32, 16, 16})
      v.push_back(
          tape.variable(Tensor<Cpu, float>::from_host(noise(260, width, static_cast<std::uint64_t>(width)).view())));
    const auto y = causal_attention(tape, v[0], v[1], v[2], segments_of({0, 100, 260}), {4, 2, 0});
    const auto value = tape.value(y).to_host();
    tape.backward(y, Tensor<Cpu, float>::from_host(noise(260, 32, 9).view()));
    return std::tuple(value, tape.gradient(v[0]).to_host(), tape.gradient(v[1]).to_host(),
                      tape.gradient(v[2]).to_host());
  };
  CHECK(run(1) == run(2));
}

TEST_CASE("rotary positions turn the halves of heads, and back") {
  const auto segments = segments_of({0, 2, 5});
  Matrix<double> cosines(3, 2), sines(3, 2);
  for (Index p = 0; p < 3; ++p)
    for (Index c = 0; c < 2; ++c) {
      const double angle = static_cast<double>(p) * std::pow(10000.0, -static_cast<double>(c) / 2);
      cosines(p, c) = std::cos(angle);
      sines(p, c) = std::sin(angle);
    }
  const auto tc = TensorD::from_host(cosines), ts = TensorD::from_host(sines);
  const auto x = noise(5, 8, 1);
  TapeD tape;
  const auto y = tape.value(rope(tape, tape.constant(TensorD::from_host(x)), segments, tc, ts)).to_host();
  const Index positions[] = {0, 1, 0, 1, 2};
  for (Index row = 0; row < 5; ++row)
    for (Index head = 0; head < 2; ++head)
      for (Index c = 0; c < 2; ++c) {
        const Index p = positions[row], a = head * 4 + c, b = a + 2;
        CHECK(y(row, a) == Approx(x(row, a) * cosines(p, c) - x(row, b) * sines(p, c)));
        CHECK(y(row, b) == Approx(x(row, b) * cosines(p, c) + x(row, a) * sines(p, c)));
      }
  check_gradients({x}, [&](TapeD& t, const std::vector<Var>& v) {
    return sum_losses(t, {{weigh(t, rope(t, v[0], segments, tc, ts)), 1}, {weigh(t, v[0], 5), 0.5}});
  });
  CHECK_THROWS_AS(rope(tape, tape.constant(TensorD::from_host(noise(4, 8, 1))), segments_of({0, 4}), tc, ts),
                  ShapeError);
}

TEST_CASE("attention refuses shapes that do not fit") {
  TapeD tape;
  const auto at = [&](Index rows, Index cols) { return tape.constant(TensorD::from_host(noise(rows, cols, 1))); };
  CHECK_THROWS_AS(causal_attention(tape, at(4, 8), at(4, 8), at(4, 8), segments_of({0, 3}), {2, 2, 0}), ShapeError);
  CHECK_THROWS_AS(causal_attention(tape, at(4, 8), at(4, 8), at(4, 8), segments_of({0, 4}), {2, 1, 0}), ShapeError);
  CHECK_THROWS_AS(causal_attention(tape, at(4, 8), at(4, 8), at(4, 8), segments_of({0, 4}), {3, 2, 0}), ShapeError);
  CHECK_THROWS_AS(segments_of({1, 4}), ShapeError);
  CHECK_THROWS_AS(segments_of({0, 4, 3}), ShapeError);
  const std::vector<Index> borders{0, 2, 3, 4};
  const auto with = [&](std::vector<Index> prefixes) { return Segments<Cpu>(borders, prefixes); };
  CHECK_THROWS_AS(with({-1, 0}), ShapeError);
  CHECK_THROWS_AS(with({0, -1, -1}), ShapeError);  // continues itself
  CHECK_THROWS_AS(with({-1, 0, 1}), ShapeError);   // continues what continues
  CHECK_THROWS_AS(with({-1, -1, 0}), ShapeError);  // does not stand behind it
  CHECK_THROWS_AS(causal_attention(tape, at(4, 8), at(4, 8), at(4, 8), with({-1, 0, 0}), {2, 2, 3}), ConfigError);
}
