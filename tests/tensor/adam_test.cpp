/// Adam and AdamW against plain loops and PyTorch's numbers; lazy steps against dense ones.
#include "reclm/tensor/adam.hpp"

#include <array>
#include <cmath>
#include <functional>

#include "reclm/backend/cpu.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"
#include "support/catch.hpp"

using namespace reclm;

namespace {

template <class T>
Matrix<T> noise(Index rows, Index cols, std::uint64_t seed) {
  const Random random(seed, Stream::evaluation);
  Matrix<T> m(rows, cols);
  for (Index k = 0; k < m.size(); ++k)
    m.data()[k] = static_cast<T>(2 * static_cast<double>(random.uniform(static_cast<std::uint64_t>(k))) - 1);
  return m;
}

template <class T>
Parameter<Cpu, T> parameter(const Matrix<T>& start, const char* name = "p") {
  return {name, Tensor<Cpu, T>::from_host(start)};
}

template <class T>
void set_dense(Parameter<Cpu, T>& p, const Matrix<T>& gradient) {
  p.gradient = Tensor<Cpu, T>::from_host(gradient);
}

template <class T>
void set_rows(Parameter<Cpu, T>& p, const Matrix<T>& gradient, const std::vector<Id>& rows) {
  Matrix<T> chosen(static_cast<Index>(rows.size()), gradient.cols());
  for (std::size_t k = 0; k < rows.size(); ++k)
    std::ranges::copy(gradient.row(rows[k]), chosen.row(static_cast<Index>(k)).begin());
  p.row_gradient = {rows, Tensor<Cpu, T>::from_host(chosen)};
}

/// Adam from its paper, in double, one number at a time.
struct PlainAdam {
  AdamOptions o;
  int t = 0;
  Matrix<double> value, m, v;

  PlainAdam(const AdamOptions& options, const Matrix<double>& start)
      : o(options), value(start), m(start.rows(), start.cols()), v(start.rows(), start.cols()) {}

  void step(const Matrix<double>& gradient) {
    ++t;
    for (Index k = 0; k < value.size(); ++k) {
      double& p = value.data()[k];
      const double g = gradient.data()[k] + 2 * o.l2 * p;
      p *= 1 - o.learning_rate * o.decay;
      m.data()[k] = o.beta1 * m.data()[k] + (1 - o.beta1) * g;
      v.data()[k] = o.beta2 * v.data()[k] + (1 - o.beta2) * g * g;
      const double first = m.data()[k] / (1 - std::pow(o.beta1, t));
      const double second = v.data()[k] / (1 - std::pow(o.beta2, t));
      p -= o.learning_rate * first / (std::sqrt(second) + o.epsilon);
    }
  }
};

constexpr Index kRows = 37, kCols = 21;

/// The gradient of step `t`, and the rows that it is not zero in: few, many, or none.
template <class T>
struct SparseSteps {
  static std::vector<Id> rows(int t) {
    const Random random(5, Stream::evaluation, static_cast<std::uint32_t>(t));
    const float share = t % 7 == 3 ? 0.0f : t % 5 == 0 ? 0.9f : 0.1f;
    std::vector<Id> chosen;
    for (Id row = kRows - 1; row >= 0; --row)
      if (random.uniform(static_cast<std::uint64_t>(row)) < share) chosen.push_back(row);
    return chosen;
  }
  static Matrix<T> dense(int t) {
    const auto all = noise<T>(kRows, kCols, 100 + static_cast<std::uint64_t>(t));
    Matrix<T> g(kRows, kCols);
    for (const Id row : rows(t)) std::ranges::copy(all.row(row), g.row(row).begin());
    return g;
  }
};

struct Trajectory {
  Matrix<float> value, m, v;
  bool operator==(const Trajectory&) const = default;
};

Trajectory state_of(Parameter<Cpu, float>& p, Adam<Cpu, float>& adam) {
  adam.flush();
  const auto [m, v] = adam.moments(p);
  return {p.value.to_host(), m.to_host(), v.to_host()};
}

/// `between(step, adam, p)` is called before each step.
Trajectory run_lazy(const AdamOptions& options, int steps,
                    const std::function<void(int, Adam<Cpu, float>&, Parameter<Cpu, float>&)>& between = {}) {
  auto p = parameter(noise<float>(kRows, kCols, 1));
  Adam<Cpu, float> adam({&p}, options);
  for (int t = 0; t < steps; ++t) {
    if (between) between(t, adam, p);
    const auto rows = SparseSteps<float>::rows(t);
    if (!rows.empty()) set_rows(p, SparseSteps<float>::dense(t), rows);
    adam.step();
  }
  return state_of(p, adam);
}

Trajectory run_dense(const AdamOptions& options, int steps) {
  auto p = parameter(noise<float>(kRows, kCols, 1));
  Adam<Cpu, float> adam({&p}, options);
  for (int t = 0; t < steps; ++t) {
    set_dense(p, SparseSteps<float>::dense(t));
    adam.step();
  }
  return state_of(p, adam);
}

/// Largest difference in units in the last place of the larger number, numbers below `floor` left out.
double worst_ulps(const Matrix<float>& a, const Matrix<float>& b, float floor) {
  double worst = 0;
  for (Index k = 0; k < a.size(); ++k) {
    const float x = a.data()[k], y = b.data()[k], larger = std::max({std::abs(x), std::abs(y), floor});
    const float ulp = std::nextafter(larger, 2 * larger) - larger;
    worst = std::max(worst, static_cast<double>(std::abs(x - y)) / static_cast<double>(ulp));
  }
  return worst;
}

const AdamOptions kPlain{.learning_rate = 0.01}, kWithL2{.learning_rate = 0.01, .l2 = 0.003},
    kDecoupled{.learning_rate = 0.01, .decay = 0.05};

}  // namespace

TEST_CASE("Adam and AdamW follow their definition in double") {
  const auto start = noise<double>(5, 3, 1);
  for (const AdamOptions& options :
       {AdamOptions{}, AdamOptions{.learning_rate = 0.3, .beta1 = 0.5, .beta2 = 0.9, .epsilon = 1e-3, .l2 = 0.2},
        AdamOptions{.learning_rate = 0.05, .decay = 0.7}, AdamOptions{.beta1 = 0, .beta2 = 0}}) {
    PlainAdam reference(options, start);
    auto p = parameter(start);
    Adam<Cpu, double> adam({&p}, options);
    for (std::uint64_t t = 0; t < 40; ++t) {
      const auto gradient = noise<double>(5, 3, 10 + t);
      reference.step(gradient);
      set_dense(p, gradient);
      adam.step();
      CHECK_FALSE(p.has_dense_gradient());
    }
    CHECK(adam.steps() == 40);
    const auto value = p.value.to_host();
    for (Index k = 0; k < value.size(); ++k)
      CHECK(value.data()[k] == Approx(reference.value.data()[k]).epsilon(1e-11).margin(1e-13));
  }
}

TEST_CASE("Adam and AdamW give PyTorch's numbers") {
  // torch.optim 2.15 in float64, lr 0.1; step t's gradient of element k is sin(1.3 t + 0.7 k), a hundredth of it for
  // k = 1; values after steps 1, 2 and 6. PyTorch's weight_decay of Adam is 2 λ.
  struct Case {
    AdamOptions options;
    double after[3][3];
  };
  const Case cases[] = {{{.learning_rate = 0.1},
                         {{0.40000000103782, -0.349999890025104, 1.90000000233984},
                          {0.305807826401565, -0.40329303281859, 1.93186736908891},
                          {0.272243436661005, -0.385361775330436, 2.00000053447677}}},
                        {{.learning_rate = 0.1, .l2 = 0.01},
                         {{0.40000000102716, -0.349999755679491, 1.90000000213959},
                          {0.305736176073151, -0.31167916754619, 1.92588142652997},
                          {0.268559024087809, -0.0853730836597247, 1.97313454697803}}},
                        {{.learning_rate = 0.1, .beta1 = 0.5, .beta2 = 0.9, .epsilon = 1e-3, .l2 = 0.1},
                         {{0.400093935682774, -0.152386234724462, 1.90012071756254},
                          {0.31178010531391, -0.0590791024641924, 1.89623108634315},
                          {0.319552786057459, 0.00263256087178396, 1.71403276303804}}},
                        {{.learning_rate = 0.1, .decay = 0.1},
                         {{0.39500000103782, -0.347499890025104, 1.88000000233984},
                          {0.296857826391186, -0.397318033918339, 1.89306736906551},
                          {0.252086997359738, -0.364847458689731, 1.88419147666801}}}};
  const int recorded[] = {1, 2, 6};
  for (const Case& c : cases) {
    auto p = parameter(Matrix<double>(1, 3, {0.5, -0.25, 2.0}));
    Adam<Cpu, double> adam({&p}, c.options);
    int next = 0;
    for (int t = 1; t <= 6; ++t) {
      Matrix<double> gradient(1, 3);
      for (int k = 0; k < 3; ++k) gradient(0, k) = std::sin(1.3 * t + 0.7 * k) * (k == 1 ? 0.01 : 1.0);
      set_dense(p, gradient);
      adam.step();
      if (t != recorded[next]) continue;
      for (int k = 0; k < 3; ++k) CHECK(p.value.data()[k] == Approx(c.after[next][k]).epsilon(1e-12));
      ++next;
    }
  }
}

TEST_CASE("lazy row steps end where dense steps with zero gradients end") {
  for (const AdamOptions& options : {kPlain, kWithL2, kDecoupled}) {
    const Trajectory lazy = run_lazy(options, 60), dense = run_dense(options, 60);
    INFO("l2 " << options.l2 << ", decay " << options.decay);
    CHECK(worst_ulps(lazy.value, dense.value, 0.01f) <= 1);
    CHECK(worst_ulps(lazy.m, dense.m, 1e-3f) <= 1);
    CHECK(worst_ulps(lazy.v, dense.v, 1e-6f) <= 1);
  }
}

TEST_CASE("lazy row steps follow the definition in double") {
  PlainAdam reference(kWithL2, noise<double>(kRows, kCols, 1));
  auto p = parameter(noise<double>(kRows, kCols, 1));
  Adam<Cpu, double> adam({&p}, kWithL2);
  for (int t = 0; t < 60; ++t) {
    const auto rows = SparseSteps<double>::rows(t);
    const auto gradient = SparseSteps<double>::dense(t);
    reference.step(gradient);
    if (!rows.empty()) set_rows(p, gradient, rows);
    adam.step();
    // A row that is read is up to date.
    const std::vector<Id> read{static_cast<Id>(t % kRows)};
    adam.catch_up(p, read);
    for (Index c = 0; c < kCols; ++c)
      CHECK(p.value.data()[read[0] * kCols + c] == Approx(reference.value(read[0], c)).epsilon(1e-11).margin(1e-13));
  }
}

TEST_CASE("where replays are cut changes no bit") {
  for (const AdamOptions& options : {kPlain, kWithL2, kDecoupled}) {
    const Trajectory whole = run_lazy(options, 60);
    CHECK(whole == run_lazy(options, 60, [](int, auto& adam, auto&) { adam.flush(); }));
    CHECK(whole == run_lazy(options, 60, [](int t, auto& adam, auto& p) {
            if (t % 4 == 1) adam.catch_up(p);
            const std::vector<Id> some{static_cast<Id>((t * 5) % kRows), static_cast<Id>((t * 5 + 11) % kRows)};
            adam.catch_up(p, some);
            if (t % 17 == 0) adam.flush();
          }));
  }
}

TEST_CASE("a parameter may take dense steps, row steps and none in any order") {
  PlainAdam reference(kWithL2, noise<double>(kRows, kCols, 1));
  auto p = parameter(noise<float>(kRows, kCols, 1));
  auto bystander = parameter(noise<float>(3, 2, 7), "bystander");
  Adam<Cpu, float> adam({&bystander, &p}, kWithL2);
  for (int t = 0; t < 60; ++t) {
    Matrix<float> gradient(kRows, kCols);
    if (t % 3 == 1) {
      gradient = noise<float>(kRows, kCols, 300 + static_cast<std::uint64_t>(t));
      set_dense(p, gradient);
    } else if (const auto rows = SparseSteps<float>::rows(t); t % 3 == 2 && !rows.empty()) {
      gradient = SparseSteps<float>::dense(t);
      set_rows(p, gradient, rows);
    }
    reference.step(Matrix<double>::copy_of(gradient.view()));
    adam.step();
    CHECK_FALSE(p.has_dense_gradient());
    CHECK_FALSE(p.has_row_gradient());
  }
  const Trajectory end = state_of(p, adam);
  for (Index k = 0; k < end.value.size(); ++k)
    CHECK(end.value.data()[k] == Approx(reference.value.data()[k]).epsilon(1e-5).margin(5e-6));
  // A parameter that never had a gradient is moved by weight decay alone.
  PlainAdam alone(kWithL2, noise<double>(3, 2, 7));
  for (int t = 0; t < 60; ++t) alone.step(Matrix<double>(3, 2));
  for (Index k = 0; k < 6; ++k)
    CHECK(bystander.value.data()[k] == Approx(alone.value.data()[k]).epsilon(1e-5).margin(1e-6));
}

TEST_CASE("a restored optimizer goes on with the same bits") {
  for (const int cut : {0, 1, 23}) {
    auto first = parameter(noise<float>(kRows, kCols, 1));
    Adam<Cpu, float> before({&first}, kWithL2);
    const auto advance = [](Adam<Cpu, float>& adam, Parameter<Cpu, float>& p, int from, int to) {
      for (int t = from; t < to; ++t) {
        if (t % 11 == 10)
          set_dense(p, noise<float>(kRows, kCols, static_cast<std::uint64_t>(t)));
        else if (const auto rows = SparseSteps<float>::rows(t); !rows.empty())
          set_rows(p, SparseSteps<float>::dense(t), rows);
        adam.step();
      }
    };
    advance(before, first, 0, cut);
    const Trajectory saved = state_of(first, before);
    auto second = parameter(saved.value);
    Adam<Cpu, float> after({&second}, kWithL2);
    after.restore(second, saved.m, saved.v, before.steps());
    CHECK(after.steps() == static_cast<std::uint32_t>(cut));
    advance(before, first, cut, 60);
    advance(after, second, cut, 60);
    CHECK(state_of(first, before) == state_of(second, after));
  }
}

TEST_CASE("Adam's bits do not depend on the number of threads") {
  const auto run = [](int threads) {
    const ThreadLimit limit(threads);
    auto table = parameter(noise<float>(20000, 16, 1));
    auto weight = parameter(noise<float>(3000, 40, 2), "weight");
    Adam<Cpu, float> adam({&table, &weight}, kWithL2);
    for (int t = 0; t < 6; ++t) {
      std::vector<Id> rows;
      for (Id row = t; row < 20000; row += 3 + t) rows.push_back(row);
      set_rows(table, noise<float>(20000, 16, 40 + static_cast<std::uint64_t>(t)), rows);
      set_dense(weight, noise<float>(3000, 40, 80 + static_cast<std::uint64_t>(t)));
      adam.step();
    }
    adam.flush();
    return std::pair(table.value.to_host(), weight.value.to_host());
  };
  CHECK(run(1) == run(2));
}

TEST_CASE("Adam refuses what would move a row or a parameter twice") {
  auto p = parameter(noise<float>(4, 2, 1));
  CHECK_THROWS_AS((Adam<Cpu, float>({&p, &p}, {})), ConfigError);
  CHECK_THROWS_AS((Adam<Cpu, float>({&p}, {.epsilon = 1e-46})), ConfigError);  // 0 in float
  Adam<Cpu, float> adam({&p}, {});
  set_dense(p, noise<float>(4, 2, 2));
  adam.step();
  adam.step();  // all rows lag behind by one
  const std::vector<Id> twice{1, 1}, outside{4}, negative{-1};
  CHECK_THROWS_AS(adam.catch_up(p, twice), ShapeError);
  CHECK_THROWS_AS(adam.catch_up(p, outside), ShapeError);
  CHECK_THROWS_AS(adam.catch_up(p, negative), ShapeError);
}

TEST_CASE("Adam refuses options out of range, strangers and states of another shape") {
  auto p = parameter(noise<float>(4, 2, 1)), stranger = parameter(noise<float>(4, 2, 1), "stranger");
  const double nan = std::nan("");
  for (const AdamOptions& bad :
       {AdamOptions{.learning_rate = 0}, AdamOptions{.learning_rate = nan}, AdamOptions{.beta1 = 1},
        AdamOptions{.beta1 = -0.1}, AdamOptions{.beta2 = 1}, AdamOptions{.beta2 = 0.99999999},
        AdamOptions{.beta2 = nan}, AdamOptions{.epsilon = 0}, AdamOptions{.l2 = -1e-9}, AdamOptions{.l2 = nan},
        AdamOptions{.decay = -1}, AdamOptions{.learning_rate = 0.5, .decay = 2}})
    CHECK_THROWS_AS((Adam<Cpu, float>({&p}, bad)), ConfigError);
  Adam<Cpu, float> adam({&p}, {});
  CHECK_THROWS_AS(adam.catch_up(stranger), ConfigError);
  CHECK_THROWS_AS(adam.restore(p, Matrix<float>(4, 2), Matrix<float>(3, 2), 1), ShapeError);
  CHECK_THROWS_AS(adam.restore(p, Matrix<float>(2, 4), Matrix<float>(4, 2), 1), ShapeError);
}
