#pragma once
/// InfoNCE of any backend against the dense formula in double and against central differences.

#include "cases.hpp"
#include "reclm/core/error.hpp"

namespace reclm_test {

/// Two views, a list of anchors, and what the loss and its gradients are by the definition.
template <class T>
struct InfoNceReference {
  Index nodes, width;
  double temperature;
  std::vector<T> z1, z2;
  std::vector<Id> anchors;
  double loss = 0;
  std::vector<double> d_z1, d_z2;

  /// Rows of one length, one of zeros. `same`: both views are one.
  InfoNceReference(Index node_count, Index d, std::vector<Id> listed, double tau, bool same = false, double length = 1)
      : nodes(node_count), width(d), temperature(tau), anchors(std::move(listed)) {
    z1 = unit_rows(1);
    z2 = same ? z1 : unit_rows(2);
    for (std::vector<T>* z : {&z1, &z2})
      for (T& x : *z) x *= static_cast<T>(length);
    evaluate();
  }

  void evaluate() {
    loss = 0;
    d_z1.assign(z1.size(), 0.0);
    d_z2.assign(z2.size(), 0.0);
    std::vector<double> logits(static_cast<std::size_t>(nodes));
    for (const Id anchor : anchors) {
      for (Index j = 0; j < nodes; ++j) {
        double& logit = logits[static_cast<std::size_t>(j)];
        logit = 0;
        for (Index k = 0; k < width; ++k) logit += at(z1, anchor, k) * at(z2, j, k) / temperature;
      }
      const double largest = *std::max_element(logits.begin(), logits.end());
      double total = 0;
      for (const double logit : logits) total += std::exp(logit - largest);
      loss += largest + std::log(total) - logits[static_cast<std::size_t>(anchor)];
      for (Index j = 0; j < nodes; ++j) {
        const double slope =
            (std::exp(logits[static_cast<std::size_t>(j)] - largest) / total - (j == anchor ? 1 : 0)) / temperature;
        for (Index k = 0; k < width; ++k) {
          d_z1[place(anchor, k)] += slope * at(z2, j, k);
          d_z2[place(j, k)] += slope * at(z1, anchor, k);
        }
      }
    }
  }

  [[nodiscard]] std::size_t place(Index row, Index col) const { return static_cast<std::size_t>(row * width + col); }

 private:
  [[nodiscard]] double at(const std::vector<T>& z, Index row, Index col) const {
    return static_cast<double>(z[place(row, col)]);
  }
  [[nodiscard]] std::vector<T> unit_rows(std::uint64_t seed) const {
    auto z = numbers<T>(nodes * width, seed);
    for (Index row = 0; row < nodes; ++row) {
      double squares = 0;
      for (Index k = 0; k < width; ++k) squares += at(z, row, k) * at(z, row, k);
      for (Index k = 0; k < width; ++k)
        z[place(row, k)] = row == 3 ? T(0) : static_cast<T>(at(z, row, k) / std::sqrt(squares));
    }
    return z;
  }
};

/// Values in rows `step` ≥ width apart, `gap` between them.
template <class T>
std::vector<T> spread(const std::vector<T>& packed, Index rows, Index width, Index step, T gap) {
  std::vector<T> values(static_cast<std::size_t>(rows * step), gap);
  for (Index row = 0; row < rows; ++row)
    std::copy_n(packed.begin() + static_cast<std::ptrdiff_t>(row * width), width,
                values.begin() + static_cast<std::ptrdiff_t>(row * step));
  return values;
}

/// Loss and gradients of one case, rows `gap` elements apart, added to gradients that hold something already.
/// `tolerance` is relative to the largest gradient.
template <class B, class T>
void check_info_nce_case(const InfoNceReference<T>& r, double tolerance, Index gap = 0, bool one_memory = false) {
  CAPTURE(r.nodes, r.width, r.anchors.size(), r.temperature, gap, one_memory);
  const Index step = r.width + gap;
  const auto view = [&](const auto& array) { return reclm::MatrixView<const T>(array.data(), r.nodes, r.width, step); };
  const T quiet = std::numeric_limits<T>::quiet_NaN();
  const auto z1 = on<B>(spread(r.z1, r.nodes, r.width, step, quiet));
  const auto z2 = on<B>(spread(r.z2, r.nodes, r.width, step, quiet));
  const reclm::InfoNceProblem<T> problem{view(z1), one_memory ? view(z1) : view(z2), r.anchors, r.temperature};
  CHECK(B::info_nce(problem) == Approx(r.loss).epsilon(tolerance).margin(tolerance));

  const double scale = 0.25;
  const auto held1 = numbers<T>(r.nodes * r.width, 21), held2 = numbers<T>(r.nodes * r.width, 22);
  const T mark = T(-7);
  const auto d1 = on<B>(spread(held1, r.nodes, r.width, step, mark));
  const auto d2 = on<B>(spread(held2, r.nodes, r.width, step, mark));
  const double loss = B::info_nce(
      problem,
      reclm::InfoNceGradient<T>{{d1.data(), r.nodes, r.width, step}, {d2.data(), r.nodes, r.width, step}, scale});
  CHECK(loss == Approx(r.loss).epsilon(tolerance).margin(tolerance));
  double largest = 1;
  for (const auto* d : {&r.d_z1, &r.d_z2})
    for (const double value : *d) largest = std::max(largest, scale * std::abs(value));
  const auto check = [&](const Array<B, T>& actual, const std::vector<T>& held, const std::vector<double>& gradient) {
    std::vector<double> expected;
    for (std::size_t k = 0; k < gradient.size(); ++k)
      expected.push_back((static_cast<double>(held[k]) + scale * gradient[k]) / largest);
    expected = spread(expected, r.nodes, r.width, step, static_cast<double>(mark) / largest);
    auto values = in_double(actual.host());
    for (double& value : values) value /= largest;
    CHECK(difference(values, expected) < tolerance);
  };
  check(d1, held1, r.d_z1);
  check(d2, held2, r.d_z2);
  // Rows of d_z1 that are no anchors keep every bit.
  const auto after = d1.host();
  bool kept = true;
  for (Index row = 0; row < r.nodes; ++row) {
    if (std::find(r.anchors.begin(), r.anchors.end(), row) != r.anchors.end()) continue;
    for (Index k = 0; k < r.width; ++k)
      kept = kept && after[static_cast<std::size_t>(row * step + k)] == held1[r.place(row, k)];
  }
  CHECK(kept);
}

template <class T>
double info_nce_tolerance(double temperature) {
  // Rounding of a logit, at most 1/τ, enters through the exponential.
  return rounding<T>(100) * std::max(1.0, 1 / temperature);
}

template <class B, class T>
void check_info_nce() {
  for (const Index nodes : {1, 5, 33, 700})
    for (const Index width : {1, 7, 16, 19, 32, 40})
      check_info_nce_case<B, T>({nodes, width, ids(9, nodes, 3), 0.2}, info_nce_tolerance<T>(0.2));
  // More anchors than a tile, most of them twice or more; more nodes than a chunk.
  check_info_nce_case<B, T>({1500, 24, ids(400, 200, 3), 0.1}, info_nce_tolerance<T>(0.1));
  check_info_nce_case<B, T>({130, 21, ids(200, 130, 3), 0.1}, info_nce_tolerance<T>(0.1), 3);
  check_info_nce_case<B, T>({90, 16, ids(70, 90, 3), 0.1}, info_nce_tolerance<T>(0.1), 16);
  check_info_nce_case<B, T>({40, 8, {}, 0.1}, 1e-12);
}

template <class B, class T>
void check_info_nce_small_temperature() {
  for (const double temperature : {0.02, 0.01, 0.0005})
    for (const Index width : {13, 32})
      check_info_nce_case<B, T>({300, width, ids(80, 300, 5), temperature}, info_nce_tolerance<T>(temperature));
}

/// Rows longer than 1 make logits as a small temperature does.
template <class B, class T>
void check_info_nce_long_rows() {
  for (const double length : {2.0, 5.0, 20.0})
    check_info_nce_case<B, T>({150, 19, ids(80, 150, 5), 0.2, false, length},
                              info_nce_tolerance<T>(0.2 / (length * length)));
}

/// Both views in one memory, as when one propagation serves both.
template <class B, class T>
void check_info_nce_one_memory() {
  for (const Index width : {16, 19})
    check_info_nce_case<B, T>({120, width, ids(70, 120, 6), 0.1, true}, info_nce_tolerance<T>(0.1), 0, true);
}

/// Gradients against differences of the loss, in double.
template <class B>
void check_info_nce_differences() {
  using T = double;
  const InfoNceReference<T> r(40, 9, {0, 7, 7, 39, 12}, 0.3);
  const auto loss = [&](const std::vector<T>& z1, const std::vector<T>& z2) {
    const auto a = on<B>(z1), b = on<B>(z2);
    return B::info_nce(
        reclm::InfoNceProblem<T>{{a.data(), r.nodes, r.width}, {b.data(), r.nodes, r.width}, r.anchors, r.temperature});
  };
  const auto z1 = on<B>(r.z1), z2 = on<B>(r.z2);
  const std::vector<T> zeros(r.z1.size(), 0.0);
  const auto d1 = on<B>(zeros), d2 = on<B>(zeros);
  B::info_nce(
      reclm::InfoNceProblem<T>{{z1.data(), r.nodes, r.width}, {z2.data(), r.nodes, r.width}, r.anchors, r.temperature},
      reclm::InfoNceGradient<T>{{d1.data(), r.nodes, r.width}, {d2.data(), r.nodes, r.width}, 1.0});
  const auto g1 = d1.host(), g2 = d2.host();
  constexpr double h = 1e-5;
  double worst = 0;
  for (std::size_t k = 0; k < r.z1.size(); k += 3) {
    auto up = r.z1, down = r.z1;
    up[k] += h;
    down[k] -= h;
    worst = std::max(worst, std::abs((loss(up, r.z2) - loss(down, r.z2)) / (2 * h) - g1[k]));
    up = down = r.z2;
    up[k] += h;
    down[k] -= h;
    worst = std::max(worst, std::abs((loss(r.z1, up) - loss(r.z1, down)) / (2 * h) - g2[k]));
  }
  CHECK(worst < 1e-7);
}

template <class B>
void check_info_nce_refusals() {
  using Problem = reclm::InfoNceProblem<float>;
  using Gradient = reclm::InfoNceGradient<float>;
  using View = reclm::MatrixView<const float>;
  const auto memory = on<B>(numbers<float>(200, 1));
  float* const z = memory.data();
  const View good(z, 10, 8);
  const std::vector<Id> anchors{1, 9}, beyond{10}, negative{-1};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double temperature : {0.0, -0.1, nan})
    CHECK_THROWS_AS(B::info_nce(Problem{good, good, anchors, temperature}), reclm::ConfigError);
  CHECK_THROWS_AS(B::info_nce(Problem{good, good, beyond, 0.1}), reclm::ShapeError);
  CHECK_THROWS_AS(B::info_nce(Problem{good, good, negative, 0.1}), reclm::ShapeError);
  CHECK_THROWS_AS(B::info_nce(Problem{good, View(z, 9, 8), anchors, 0.1}), reclm::ShapeError);
  CHECK_THROWS_AS(B::info_nce(Problem{good, View(z, 10, 7), anchors, 0.1}), reclm::ShapeError);
  CHECK_THROWS_AS(B::info_nce(Problem{View(z, 10, 8, 1, 10), good, anchors, 0.1}), reclm::ShapeError);
  const Problem sound{good, good, anchors, 0.1};
  CHECK_THROWS_AS(B::info_nce(sound, Gradient{{z, 10, 8}, {z, 10, 7}, 1.0}), reclm::ShapeError);
  CHECK_THROWS_AS(B::info_nce(sound, Gradient{{z, 10, 8, 1, 10}, {z, 10, 8}, 1.0}), reclm::ShapeError);
}

}  // namespace reclm_test
