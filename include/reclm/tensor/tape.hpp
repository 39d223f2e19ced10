#pragma once
/// @file tape.hpp
/// Reverse-mode automatic differentiation: operations append their result and a backward function; `backward()` runs
/// the functions in reverse.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/core/error.hpp"
#include "reclm/tensor/parameter.hpp"

namespace reclm {

/// A value on a tape; meaningful together with its tape only.
struct Var {
  Index id = -1;
  [[nodiscard]] bool valid() const { return id >= 0; }
};

/// Where an operation's backward function leaves an input's gradient: `beta` is 0 when `gradient` holds nothing yet
/// (overwrite it) and 1 when it must be added to.
template <class B, class T>
struct GradientSlot {
  Tensor<B, T>& gradient;
  T beta;
};

template <class B, class T>
class Tape {
 public:
  using TensorType = Tensor<B, T>;

  Tape() = default;
  /// With `training` false nothing needs a gradient: operations only compute.
  explicit Tape(bool training) : training_(training) {}

  [[nodiscard]] bool training() const { return training_; }

  /// Tells this tape from every other of the process, whatever memory they lie in.
  [[nodiscard]] std::uint64_t number() const { return number_; }

  using Backward = std::function<void(Tape&, const TensorType& output_gradient)>;

  /// A value that needs no gradient.
  Var constant(TensorType value) { return push({std::move(value), {}, false, {}, nullptr}); }

  /// A value whose gradient is wanted and read by `gradient()` after `backward()`.
  Var variable(TensorType value) { return push({std::move(value), {}, training_, {}, nullptr}); }

  /// A whole parameter; `backward()` leaves its dense gradient in the parameter, in the place of what an earlier tape
  /// left there. One parameter may be used repeatedly. @throws ConfigError when look_up reads rows of it on this tape
  Var parameter(Parameter<B, T>& p) {
    for (const auto& [known, var] : parameters_)
      if (known == &p) return var;
    if (std::find(by_rows_.begin(), by_rows_.end(), &p) != by_rows_.end()) refuse(p);
    const Var var = push({p.value, {}, training_, {}, &p});
    parameters_.emplace_back(&p, var);
    return var;
  }

  /// For look_up: rows of `p` are read, once, and leave a row gradient. @throws ConfigError when this tape uses it
  /// already
  void claim_rows(const Parameter<B, T>& p) {
    if (!training_) return;
    const auto is_whole = [&](const auto& known) { return known.first == &p; };
    if (std::find(by_rows_.begin(), by_rows_.end(), &p) != by_rows_.end() ||
        std::any_of(parameters_.begin(), parameters_.end(), is_whole))
      refuse(p);
    by_rows_.push_back(&p);
  }

  /// Appends a result. `backward` is kept only when `needs_gradient`.
  Var record(TensorType value, bool needs_gradient, Backward backward) {
    needs_gradient = needs_gradient && training_;
    return push({std::move(value), {}, needs_gradient, needs_gradient ? std::move(backward) : Backward{}, nullptr});
  }

  /// Frees the value of `v` and keeps its shape: for a value that neither the program nor a backward function reads any
  /// more. (Operations of transformers keep what their backward functions read themselves.)
  void forget(Var v) {
    Node& node = nodes_[static_cast<std::size_t>(v.id)];
    node.value = node.value.shape_only();
  }

  [[nodiscard]] const TensorType& value(Var v) const { return nodes_[static_cast<std::size_t>(v.id)].value; }
  [[nodiscard]] bool needs_gradient(Var v) const { return nodes_[static_cast<std::size_t>(v.id)].needs_gradient; }
  template <class... Vars>
  [[nodiscard]] bool any_needs_gradient(Vars... vars) const {
    return (needs_gradient(vars) || ...);
  }

  /// The gradient after `backward()`; empty where none flowed.
  [[nodiscard]] const TensorType& gradient(Var v) const { return nodes_[static_cast<std::size_t>(v.id)].gradient; }

  /// For backward functions: the place for the gradient of `v`. Memory is made on first use and not initialised then.
  GradientSlot<B, T> slot(Var v) {
    Node& node = nodes_[static_cast<std::size_t>(v.id)];
    if (!node.gradient.empty()) return {node.gradient, T(1)};
    node.gradient = TensorType::like(node.value);
    return {node.gradient, T(0)};
  }

  /// For backward functions: adds `g`, of the shape of `v`, to the gradient of `v`.
  void add_gradient(Var v, const TensorType& g) { add(v, g, false); }

  /// The same for a `g` that the caller neither reads nor passes on afterwards: its memory is taken over when it is the
  /// first. A backward function may so pass on its output's gradient, once, as its last act.
  void pass_gradient(Var v, const TensorType& g) { add(v, g, true); }

  /// Differentiates the 1×1 value `loss`. Gradients of parameters end in the parameters; values that only led to the
  /// loss are freed on the way, the loss itself is not. Call once a tape.
  void backward(Var loss) {
    require_size("Tape::backward", "number of loss elements", value(loss).size(), 1);
    const T one(1);
    TensorType seed{1, 1};
    B::from_host(seed.data(), &one, 1);
    backward(loss, seed);
  }

  /// The same for a value of any shape, from the gradient by it.
  void backward(Var v, const TensorType& seed) {
    require_same_shape("Tape::backward", value(v), seed);
    add_gradient(v, seed);
    for (Index id = v.id; id >= 0; --id) {
      Node& node = nodes_[static_cast<std::size_t>(id)];
      if (node.backward && !node.gradient.empty()) {
        const Backward backward = std::move(node.backward);
        const TensorType output_gradient = std::move(node.gradient);
        node.gradient = {};
        backward(*this, output_gradient);
        if (id != v.id || seed.size() > 1) nodes_[static_cast<std::size_t>(id)].value = {};
      }
    }
    for (auto& [p, var] : parameters_) {
      p->row_gradient = {};  // of a step that was given up
      p->gradient = std::move(nodes_[static_cast<std::size_t>(var.id)].gradient);
    }
  }

 private:
  struct Node {
    TensorType value;
    TensorType gradient;
    bool needs_gradient;
    Backward backward;
    Parameter<B, T>* parameter;
  };

  void add(Var v, const TensorType& g, bool may_take) {
    Node& node = nodes_[static_cast<std::size_t>(v.id)];
    if (!node.needs_gradient) return;
    if (node.gradient.empty())
      node.gradient = may_take ? g : g.clone();
    else
      B::for_rows(g.rows(), 3 * g.cols(), kernels::AddScaled<T>{g.data(), T(1), node.gradient.data(), g.cols()});
  }

  [[noreturn]] static void refuse(const Parameter<B, T>& p) {
    throw ConfigError("Tape: rows of the parameter " + p.name() +
                      " are looked up, and it is used once more on the same tape: one of the gradients would be lost. "
                      "Remedy: look up all rows at once, or use tape.parameter() and gather_rows");
  }

  Var push(Node node) {
    nodes_.push_back(std::move(node));
    return {static_cast<Index>(nodes_.size()) - 1};
  }

  static std::uint64_t next_number() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }

  std::uint64_t number_ = next_number();
  bool training_ = true;
  std::vector<Node> nodes_;
  std::vector<std::pair<Parameter<B, T>*, Var>> parameters_;
  std::vector<const Parameter<B, T>*> by_rows_;
};

}  // namespace reclm
