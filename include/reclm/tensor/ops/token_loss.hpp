#pragma once
/// @file token_loss.hpp
/// Losses and probabilities of chosen tokens from hidden states, on a tape. Logits exist for some rows at a time:
/// memory is O(rows · width + chunk · vocabulary), never [rows, vocabulary].

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "reclm/backend/kernels/rows.hpp"
#include "reclm/backend/kernels/token_loss.hpp"
#include "reclm/tensor/ops/projection.hpp"

namespace reclm {

/// Tokens asked for: at row rows[k] of the hidden states the token tokens[k].
struct ChosenTokens {
  std::vector<Id> rows;    ///< distinct
  std::vector<Id> tokens;  ///< of the vocabulary
};

namespace detail {

// Rows of logits at a time: 16 Mi numbers at most, whole tiles of the products.
inline Index logit_rows(Index vocabulary) {
  return std::clamp<Index>((Index{1} << 24) / std::max<Index>(1, vocabulary) / 48 * 48, 48, 4096);
}

/// Goes through the chosen rows chunk by chunk: logits, kernels::TokenLoss, and where `gradients` is given the
/// gradients of the hidden states' chosen rows (overwritten) and of the head (added).
template <class B, class T>
struct TokenLossRun {
  const Tensor<B, T>& hidden;
  const ConstantMatrix<B, T>& head;
  const ChosenTokens& chosen;

  /// @param factors     device, one a row or (step 0) one for all; null: no gradients
  /// @param losses      device, one a row, or null
  /// @param d_rows      [chosen, width], or null
  /// @param d_head      [vocabulary, width], or null; `beta` of what it holds
  void operator()(const T* factors, Index factor_step, T* losses, T* d_rows, T* d_head, T beta) const {
    const Index width = hidden.cols(), vocabulary = head.rows(), count = static_cast<Index>(chosen.rows.size());
    const std::shared_ptr<Id> rows = upload<B, Id>(std::span<const Id>(chosen.rows));
    const std::shared_ptr<Id> tokens = upload<B, Id>(std::span<const Id>(chosen.tokens));
    const Index step = std::min(logit_rows(vocabulary), count);
    Tensor<B, T> x{step, width}, logits{step, vocabulary};
    for (Index first = 0; first < count; first += step) {
      const Index n = std::min(step, count - first);
      B::for_rows(n, 2 * width, kernels::Gather<T>{hidden.data(), rows.get() + first, x.data(), width});
      head.times_transposed(x.data(), n, logits.data());
      B::for_rows(n, 16 * vocabulary,
                  kernels::TokenLoss<T>{logits.data(), tokens.get() + first,
                                        factors == nullptr ? nullptr : factors + first * factor_step, factor_step,
                                        losses == nullptr ? nullptr : losses + first, vocabulary});
      if (d_rows != nullptr) head.times(logits.data(), n, T(0), d_rows + first * width);
      if (d_head != nullptr)
        B::gemm(Op::transpose, Op::none, vocabulary, width, n, T(1), logits.data(), vocabulary, x.data(), width,
                first == 0 ? beta : T(1), d_head, width);
    }
  }
};

template <class B, class T>
void check_chosen(const char* where, const Tensor<B, T>& hidden, const ConstantMatrix<B, T>& head,
                  const ChosenTokens& chosen) {
  require_size(where, "width of the hidden states", hidden.cols(), head.cols());
  require_size(where, "number of tokens", static_cast<Index>(chosen.tokens.size()),
               static_cast<Index>(chosen.rows.size()));
  check_distinct_rows(chosen.rows, hidden.rows());
  check_rows(chosen.tokens, head.rows());
}

// Adds scale · the gradients of the chosen rows to the hidden states' gradient.
template <class B, class T>
void scatter_chosen(Tape<B, T>& t, Var hidden, const ChosenTokens& chosen, const Tensor<B, T>& d_rows) {
  auto [d, beta] = t.slot(hidden);
  if (beta == T(0)) B::zero(d.data(), d.size());
  const std::shared_ptr<Id> rows = upload<B, Id>(std::span<const Id>(chosen.rows));
  B::for_rows(d_rows.rows(), 3 * d_rows.cols(),
              kernels::AddToRows<T>{d_rows.data(), rows.get(), d.data(), d_rows.cols()});
}

}  // namespace detail

/// −Σ_k log softmax(head · hidden[rows[k]])[tokens[k]] / divisor.
///
/// @param hidden  [n, width]
/// @param head    [vocabulary, width]
/// @param divisor what the sum is divided by, usually the number of tokens of a step
/// @returns       [1, 1]
/// @throws ShapeError on widths, rows or tokens that do not fit
/// Cost: three products of [rows, width, vocabulary], two where the head is not trained. Loss and gradient come from
/// one pass, at the time of the call.
template <class B, class T>
Var token_loss(Tape<B, T>& tape, Var hidden, const WeightInput<B, T>& head, const ChosenTokens& chosen,
               double divisor) {
  const Tensor<B, T> x = tape.value(hidden);
  detail::check_chosen("token_loss", x, *head.matrix, chosen);
  const Index count = static_cast<Index>(chosen.rows.size());
  const bool to_hidden = tape.needs_gradient(hidden), to_head = head.trained.valid();
  Tensor<B, T> losses{count, 1}, d_rows, d_head, factor;
  if (to_hidden) d_rows = Tensor<B, T>{count, x.cols()};
  if (to_head) d_head = Tensor<B, T>::zeros(head.matrix->rows(), head.matrix->cols());
  if (to_hidden || to_head) {
    const T value = static_cast<T>(1 / divisor);
    factor = Tensor<B, T>{1, 1};
    B::from_host(factor.data(), &value, 1);
  }
  detail::TokenLossRun<B, T>{x, *head.matrix, chosen}(factor.data(), 0, losses.data(), d_rows.data(), d_head.data(),
                                                      T(1));
  Tensor<B, T> loss{1, 1};
  const T total = static_cast<T>(B::sum(losses.data(), count) / divisor);
  B::from_host(loss.data(), &total, 1);
  const Var trained = head.trained;
  return tape.record(std::move(loss), to_hidden || to_head, [=](Tape<B, T>& t, const Tensor<B, T>& d_loss) {
    T upstream;
    B::to_host(&upstream, d_loss.data(), 1);
    const auto scale = [&](Tensor<B, T> d) {
      if (upstream != T(1))
        B::for_rows(d.rows(), 2 * d.cols(), kernels::ScaleInto<T>{d.data(), upstream, T(0), d.data(), d.cols()});
      return d;
    };
    if (to_hidden) detail::scatter_chosen(t, hidden, chosen, scale(d_rows));
    if (to_head) t.pass_gradient(trained, scale(d_head));
  });
}

/// log softmax(head · hidden[rows[k]])[tokens[k]] for each k: what policy gradients and KL penalties are made of.
///
/// @returns [rows, 1]
/// @throws ShapeError on widths, rows or tokens that do not fit
/// Cost: one product of [rows, width, vocabulary] forward, and two or three backward, because logits are computed
/// again.
template <class B, class T>
Var token_log_probabilities(Tape<B, T>& tape, Var hidden, const WeightInput<B, T>& head, const ChosenTokens& chosen) {
  const Tensor<B, T> x = tape.value(hidden);
  detail::check_chosen("token_log_probabilities", x, *head.matrix, chosen);
  const Index count = static_cast<Index>(chosen.rows.size());
  Tensor<B, T> y{count, 1};
  detail::TokenLossRun<B, T>{x, *head.matrix, chosen}(nullptr, 0, y.data(), nullptr, nullptr, T(0));
  B::for_rows(count, 2, kernels::ScaleInto<T>{y.data(), T(-1), T(0), y.data(), 1});
  const bool to_hidden = tape.needs_gradient(hidden), to_head = head.trained.valid();
  return tape.record(std::move(y), to_hidden || to_head, [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    auto factors = Tensor<B, T>::like(dy);
    B::for_rows(count, 2, kernels::ScaleInto<T>{dy.data(), T(-1), T(0), factors.data(), 1});
    Tensor<B, T> d_rows;
    if (to_hidden) d_rows = Tensor<B, T>{count, x.cols()};
    T* d_head = nullptr;
    T head_beta(0);
    if (to_head) {
      auto [d, beta] = t.slot(head.trained);
      d_head = d.data();
      head_beta = beta;
      if (count == 0 && beta == T(0)) B::zero(d.data(), d.size());
    }
    detail::TokenLossRun<B, T>{x, *head.matrix, chosen}(factors.data(), 1, nullptr, d_rows.data(), d_head, head_beta);
    if (to_hidden) detail::scatter_chosen(t, hidden, chosen, d_rows);
  });
}

}  // namespace reclm
