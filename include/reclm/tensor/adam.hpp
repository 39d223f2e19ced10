#pragma once
/// @file adam.hpp
/// Adam and AdamW over dense and row-sparse gradients. Sparse steps are lazy and exact: a row that gets no gradient is
/// left alone, and its missed steps (momentum and weight decay move it nevertheless) are replayed before it is read.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/backend/kernels/adam.hpp"
#include "reclm/core/error.hpp"
#include "reclm/tensor/parameter.hpp"
#include "reclm/tensor/row_groups.hpp"

namespace reclm {

struct AdamOptions {
  double learning_rate = 1e-3;        ///< above 0
  double beta1 = 0.9, beta2 = 0.999;  ///< 0 to below 1
  double epsilon = 1e-8;              ///< above 0, also in the parameters' precision
  double l2 = 0;  ///< λ of λ‖θ‖² in the loss: 2λθ joins the gradient (Adam with coupled weight decay), 0 or more
  double decay = 0;  ///< AdamW: θ ← θ (1 − learning_rate · decay) in every step, 0 or more
};

/// Updates parameters in place (Kingma and Ba, ICLR 2015; decoupled decay: Loshchilov and Hutter, ICLR 2019).
///
/// State: two arrays of a parameter's size each. The trajectory is that of dense Adam with zero gradients where none
/// were given, whichever way gradients come.
template <class B, class T>
class Adam {
 public:
  /// The parameters must outlive the optimizer and keep their addresses.
  /// @throws ConfigError on options out of range, and on a parameter that is named twice
  Adam(std::vector<Parameter<B, T>*> parameters, const AdamOptions& options) : options_(options) {
    const auto check = [](bool good, const char* what) {
      if (!good) throw ConfigError(std::string("AdamOptions: ") + what + " is out of range");
    };
    check(options.learning_rate > 0 && std::isfinite(options.learning_rate), "learning_rate");
    check(options.beta1 >= 0 && options.beta1 < 1 && static_cast<T>(options.beta1) < 1, "beta1");
    check(options.beta2 >= 0 && options.beta2 < 1 && static_cast<T>(options.beta2) < 1, "beta2");
    check(static_cast<T>(options.epsilon) > 0, "epsilon");
    check(options.l2 >= 0 && std::isfinite(options.l2), "l2");
    check(options.decay >= 0 && options.learning_rate * options.decay < 1, "decay");
    rates_ = {static_cast<T>(options.beta1), static_cast<T>(options.beta2), static_cast<T>(options.epsilon),
              static_cast<T>(2 * options.l2), static_cast<T>(options.learning_rate * options.decay)};
    for (auto* p : parameters) {
      if (place_.contains(p))
        throw ConfigError("Adam: the parameter " + p->name() + " is named twice. Remedy: name shared ones once");
      State state{p,
                  Tensor<B, T>::zeros(p->value.rows(), p->value.cols()),
                  Tensor<B, T>::zeros(p->value.rows(), p->value.cols()),
                  {},
                  0};
      place_.emplace(p, states_.size());
      states_.push_back(std::move(state));
    }
  }

  /// Steps taken.
  [[nodiscard]] std::uint32_t steps() const { return taken_; }
  [[nodiscard]] const AdamOptions& options() const { return options_; }

  /// The rate of the steps from now on, 0 or more: for warm-up and decay. What lags behind is brought up to date first.
  void set_learning_rate(double rate) {
    if (!(rate >= 0 && std::isfinite(rate) && rate * options_.decay < 1))
      throw ConfigError("Adam::set_learning_rate: " + std::to_string(rate) + " is out of range");
    flush();
    options_.learning_rate = rate;
    rates_.decay = static_cast<T>(rate * options_.decay);
  }

  /// Applies the gradients that the parameters hold, and clears them. Parameters without one take the step later.
  void step() {
    append_factors();
    for (State& state : states_) {
      auto& p = *state.parameter;
      if (p.has_dense_gradient()) {
        replay_all(state, taken_);
        const Index rows = p.value.rows(), cols = p.value.cols();
        B::for_rows(rows, 8 * cols,
                    kernels::AdamDense<T>{rates_, factors_.back(), p.gradient.data(), p.value.data(), state.m.data(),
                                          state.v.data(), cols});
        state.all_until = taken_ + 1;
      } else if (p.has_row_gradient()) {
        apply_rows(state);
      }
      p.clear_gradient();
    }
    ++taken_;
  }

  /// Brings rows up to date, each named once; to be called before a step reads them. @throws ShapeError on a row
  /// outside the parameter or named twice
  void catch_up(Parameter<B, T>& parameter, std::span<const Id> rows) {
    State& state = state_of(parameter);
    if (rows.empty() || (!state.since && state.all_until == taken_)) return;
    check_distinct_rows(rows, parameter.value.rows());
    begin_lazy(state);
    const std::shared_ptr<Id> ids = upload<B, Id>(rows);
    replay(state, ids.get(), static_cast<Index>(rows.size()), taken_);
  }

  /// Brings the whole parameter up to date.
  void catch_up(Parameter<B, T>& parameter) { replay_all(state_of(parameter), taken_); }

  /// Brings everything up to date, as reading parameters from outside, ranking and saving need.
  void flush() {
    for (State& state : states_) replay_all(state, taken_);
  }

  /// First and second moments of a parameter, up to date after `flush()`.
  [[nodiscard]] std::pair<Tensor<B, T>, Tensor<B, T>> moments(const Parameter<B, T>& parameter) const {
    const State& state = states_[place_.at(&parameter)];
    return {state.m, state.v};
  }

  /// Goes on from a saved state, everything up to date at `steps` steps. @throws ShapeError
  void restore(Parameter<B, T>& parameter, const Matrix<T>& m, const Matrix<T>& v, std::uint32_t steps) {
    State& state = state_of(parameter);
    require_same_shape("Adam::restore", m, parameter.value);
    require_same_shape("Adam::restore", v, parameter.value);
    B::from_host(state.m.data(), m.data(), m.size());
    B::from_host(state.v.data(), v.data(), v.size());
    taken_ = 0;
    factors_.clear();
    while (taken_ < steps) {
      append_factors();
      ++taken_;
    }
    device_factors_ = nullptr;
    state.since = nullptr;
    state.all_until = steps;
  }

 private:
  struct State {
    Parameter<B, T>* parameter;
    Tensor<B, T> m, v;
    std::shared_ptr<std::uint32_t> since;  // steps done, by row; null while all rows stand at `all_until`
    std::uint32_t all_until;
  };

  State& state_of(const Parameter<B, T>& parameter) {
    const auto found = place_.find(&parameter);
    if (found == place_.end())
      throw ConfigError("Adam: parameter " + parameter.name() + " is not among those it was made for");
    return states_[found->second];
  }

  void append_factors() {
    const double t = static_cast<double>(taken_) + 1;
    factors_.push_back({static_cast<T>(options_.learning_rate / (1 - std::pow(options_.beta1, t))),
                        static_cast<T>(1 / std::sqrt(1 - std::pow(options_.beta2, t)))});
  }

  void begin_lazy(State& state) {
    if (state.since) return;
    const Index rows = state.parameter->value.rows();
    const std::vector<std::uint32_t> since(static_cast<std::size_t>(rows), state.all_until);
    state.since = upload<B, std::uint32_t>(std::span<const std::uint32_t>(since));
  }

  void apply_rows(State& state) {
    auto& p = *state.parameter;
    begin_lazy(state);
    const auto& rows = p.row_gradient.rows;
    const Index count = static_cast<Index>(rows.size()), cols = p.value.cols();
    const std::shared_ptr<Id> ids = upload<B, Id>(std::span<const Id>(rows));
    replay(state, ids.get(), count, taken_);
    B::for_rows(count, 8 * cols,
                kernels::AdamRows<T>{rates_, factors_.back(), ids.get(), count, p.row_gradient.values.data(),
                                     p.value.data(), state.m.data(), state.v.data(), cols});
    B::for_rows(count, 1, kernels::SetRows{ids.get(), taken_ + 1, state.since.get()});
  }

  void replay_all(State& state, std::uint32_t until) {
    if (!state.since) {
      if (state.all_until != until) replay_uniform(state, until);
    } else {
      replay(state, nullptr, state.parameter->value.rows(), until);
      state.since = nullptr;
    }
    state.all_until = until;
  }

  // All elements missed the same steps, so the array's shape does not matter: long rows fill the registers.
  void replay_uniform(State& state, std::uint32_t until) {
    constexpr Index run = 256;
    auto& value = state.parameter->value;
    const Index whole = value.size() / run, rest = value.size() % run, behind = whole * run;
    const auto pass = [&](Index first, Index rows, Index cols) {
      run_replay({rates_, factors_on_device(), nullptr, rows, nullptr, state.all_until, until, value.data() + first,
                  state.m.data() + first, state.v.data() + first, cols});
    };
    pass(0, whole, run);
    if (rest > 0) pass(behind, 1, rest);
  }

  void replay(State& state, const Id* ids, Index count, std::uint32_t until) {
    run_replay({rates_, factors_on_device(), ids, count, state.since.get(), 0, until, state.parameter->value.data(),
                state.m.data(), state.v.data(), state.parameter->value.cols()});
  }

  static void run_replay(const kernels::AdamReplay<T>& kernel) {
    const Index teams = kernels::AdamReplay<T>::teams(kernel.count, B::on_device);
    B::for_rows(teams, teams > 0 ? 64 * kernel.cols * (kernel.count / teams) : 1, kernel);
  }

  // On the CPU the host's table serves; a device gets a copy that grows in steps.
  const kernels::AdamStep<T>* factors_on_device() {
    if constexpr (!B::on_device) {
      return factors_.data();
    } else {
      if (device_count_ < factors_.size() || !device_factors_) {
        device_factors_ = upload<B, kernels::AdamStep<T>>(std::span<const kernels::AdamStep<T>>(factors_));
        device_count_ = factors_.size();
      }
      return device_factors_.get();
    }
  }

  AdamOptions options_;
  kernels::AdamRates<T> rates_{};
  std::vector<State> states_;
  std::map<const Parameter<B, T>*, std::size_t> place_;
  std::vector<kernels::AdamStep<T>> factors_;  // by step
  std::shared_ptr<kernels::AdamStep<T>> device_factors_;
  std::size_t device_count_ = 0;
  std::uint32_t taken_ = 0;
};

}  // namespace reclm
