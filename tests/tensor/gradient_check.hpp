#pragma once
/// Central differences against a tape's gradients, in double.

#include <functional>
#include <vector>

#include "reclm/backend/cpu.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/tensor/tape.hpp"
#include "support/catch.hpp"

namespace reclm_test {

using reclm::Index;
using TapeD = reclm::Tape<reclm::Cpu, double>;
using TensorD = reclm::Tensor<reclm::Cpu, double>;

/// [rows, cols] of numbers in −1 … 1, none nearer to 0 than 0.05, so that no kink lies within a difference's step.
inline reclm::Matrix<double> noise(Index rows, Index cols, std::uint64_t seed) {
  const reclm::Random random(seed, reclm::Stream::evaluation);
  reclm::Matrix<double> m(rows, cols);
  for (Index k = 0; k < m.size(); ++k) {
    const double x = 2.0 * static_cast<double>(random.uniform(static_cast<std::uint64_t>(k))) - 1.0;
    m.data()[k] = x < 0 ? x - 0.05 : x + 0.05;
  }
  return m;
}

/// Σ weights ∘ x, with fixed weights, as a 1×1 value: makes any result a loss that depends on every element.
inline reclm::Var weigh(TapeD& tape, reclm::Var x, std::uint64_t seed = 99) {
  const auto value = tape.value(x);
  const auto weights = noise(value.rows(), value.cols(), seed);
  double total = 0;
  for (Index k = 0; k < value.size(); ++k) total += weights.data()[k] * value.data()[k];
  TensorD loss{1, 1};
  *loss.data() = total;
  return tape.record(std::move(loss), true, [x, weights](TapeD& t, const TensorD& d) {
    auto scaled = TensorD::from_host(weights);
    for (Index k = 0; k < scaled.size(); ++k) scaled.data()[k] *= *d.data();
    t.add_gradient(x, scaled);
  });
}

using Build = std::function<reclm::Var(TapeD&, const std::vector<reclm::Var>&)>;

/// Checks d build / d input for every element of every input; `build` returns a 1×1 value.
inline void check_gradients(const std::vector<reclm::Matrix<double>>& inputs, const Build& build,
                            double tolerance = 1e-7) {
  const auto run = [&](const std::vector<reclm::Matrix<double>>& at, std::vector<reclm::Matrix<double>>* gradients) {
    TapeD tape;
    std::vector<reclm::Var> vars;
    for (const auto& m : at) vars.push_back(tape.variable(TensorD::from_host(m)));
    const auto loss = build(tape, vars);
    const double value = *tape.value(loss).data();
    if (gradients != nullptr) {
      tape.backward(loss);
      for (std::size_t k = 0; k < vars.size(); ++k)
        gradients->push_back(tape.gradient(vars[k]).empty() ? reclm::Matrix<double>(at[k].rows(), at[k].cols())
                                                            : tape.gradient(vars[k]).to_host());
    }
    return value;
  };
  std::vector<reclm::Matrix<double>> gradients;
  run(inputs, &gradients);
  constexpr double step = 1e-6;
  for (std::size_t k = 0; k < inputs.size(); ++k)
    for (Index e = 0; e < inputs[k].size(); ++e) {
      auto at = inputs;
      at[k].data()[e] += step;
      const double above = run(at, nullptr);
      at[k].data()[e] -= 2 * step;
      const double below = run(at, nullptr);
      const double expected = (above - below) / (2 * step);
      INFO("input " << k << ", element " << e);
      CHECK(gradients[k].data()[e] == Approx(expected).epsilon(1e-6).margin(tolerance));
    }
}

}  // namespace reclm_test
