#pragma once
/// @file attention.hpp
/// Attention and rotary positions on a tape, for sequences packed one behind the other.

#include <cmath>
#include <utility>

#include "reclm/backend/kernels/attention.hpp"
#include "reclm/backend/kernels/rope.hpp"
#include "reclm/tensor/segments.hpp"
#include "reclm/tensor/tape.hpp"

namespace reclm {

/// How rows divide into heads.
struct AttentionShape {
  Index heads = 1;
  Index kv_heads = 1;  ///< divides heads: so many queries share a key (Ainslie et al., EMNLP 2023)
  Index window = 0;    ///< positions that a token sees at most, itself included; 0: all before it
};

/// softmax(q · kᵀ / √head_width) · v by head; a token sees itself and what stands before it in its own segment, and the
/// segment that this one continues.
///
/// @param q    [tokens, heads · head_width]
/// @param k, v [tokens, kv_heads · head_width]
/// @returns    [tokens, heads · head_width]
/// @throws ShapeError; ConfigError for a window over segments that continue others
/// Cost: 2 (backward 5) products of head_width operations for each pair of tokens that see each other. Memory
/// O(tokens · width): scores are never kept, the backward pass computes them again.
template <class B, class T>
Var causal_attention(Tape<B, T>& tape, Var q, Var k, Var v, const Segments<B>& segments, const AttentionShape& shape) {
  const Tensor<B, T> queries = tape.value(q), keys = tape.value(k), values = tape.value(v);
  require_same_shape("causal_attention", keys, values);
  require_size("causal_attention", "number of keys", keys.rows(), queries.rows());
  require_size("causal_attention", "number of rows", queries.rows(), segments.rows());
  if (shape.heads < 1 || shape.kv_heads < 1 || shape.heads % shape.kv_heads != 0 || queries.cols() % shape.heads != 0)
    throw ShapeError("causal_attention: " + std::to_string(queries.cols()) + " columns do not divide into " +
                     std::to_string(shape.heads) + " heads over " + std::to_string(shape.kv_heads));
  if (shape.window > 0 && segments.has_prefixes())
    throw ConfigError("causal_attention: a window and segments that continue others do not go together");
  const Index head_width = queries.cols() / shape.heads;
  require_size("causal_attention", "width of the keys", keys.cols(), shape.kv_heads * head_width);
  const auto input = [=](const Segments<B>& s) {
    return AttentionInput<T>{
        queries.data(), keys.data(),  values.data(),
        queries.rows(), shape.heads,  shape.kv_heads,
        head_width,     shape.window, static_cast<T>(1 / std::sqrt(static_cast<double>(head_width))),
        s.begin(),      s.end(),      s.prefix_begin(),
        s.prefix_end(), s.borders(),  s.families()};
  };
  const AttentionInput<T> in = input(segments);
  const Index rows = in.tokens * in.heads, work = 8 * head_width * std::max<Index>(1, segments.longest());
  auto y = Tensor<B, T>::like(queries);
  Tensor<B, T> log_sums{in.tokens, in.heads};
  if constexpr (requires { B::attention(in, y.data(), log_sums.data()); })
    B::attention(in, y.data(), log_sums.data());
  else
    B::for_rows(rows, work, kernels::Attention<T>{in, y.data(), log_sums.data()});
  const Tensor<B, T> result = y;
  return tape.record(std::move(y), tape.any_needs_gradient(q, k, v), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    const AttentionInput<T> again = input(segments);
    auto dq = Tensor<B, T>::like(queries);
    auto dk = Tensor<B, T>::like(keys), dv = Tensor<B, T>::like(values);
    if constexpr (requires {
                    B::attention_backward(again, dy.data(), dy.data(), dy.data(), dq.data(), dk.data(), dv.data());
                  }) {
      B::attention_backward(again, result.data(), log_sums.data(), dy.data(), dq.data(), dk.data(), dv.data());
    } else {
      Tensor<B, T> along{again.tokens, again.heads};
      B::for_rows(rows, work,
                  kernels::AttentionQueriesBackward<T>{again, result.data(), log_sums.data(), dy.data(), dq.data(),
                                                       along.data()});
      B::for_rows(
          again.tokens * again.kv_heads, work * again.heads / again.kv_heads,
          kernels::AttentionKeysBackward<T>{again, log_sums.data(), along.data(), dy.data(), dk.data(), dv.data()});
    }
    t.pass_gradient(q, dq);
    t.pass_gradient(k, dk);
    t.pass_gradient(v, dv);
  });
}

/// Turns each head of x by its row's position within its segment.
///
/// @param x              [tokens, heads · head_width]
/// @param cosines, sines [positions, head_width / 2], constant; as many positions as the longest segment, or more
/// @throws ShapeError
template <class B, class T>
Var rope(Tape<B, T>& tape, Var x, const Segments<B>& segments, const Tensor<B, T>& cosines, const Tensor<B, T>& sines) {
  const Index tokens = tape.value(x).rows(), width = tape.value(x).cols(), head_width = 2 * cosines.cols();
  require_same_shape("rope", cosines, sines);
  require_size("rope", "number of rows", tokens, segments.rows());
  if (head_width == 0 || width % head_width != 0)
    require_size("rope", "width beyond whole heads", head_width == 0 ? width : width % head_width, 0);
  if (segments.longest() > cosines.rows())
    throw ShapeError("rope: a segment of " + std::to_string(segments.longest()) + " tokens is longer than the " +
                     std::to_string(cosines.rows()) + " positions of the table");
  const auto turn = [=](const T* from, T direction, T beta, T* to) {
    B::for_rows(tokens, 3 * width,
                kernels::Rope<T>{from, segments.positions(), cosines.data(), sines.data(), width / head_width,
                                 head_width, direction, beta, to});
  };
  auto y = Tensor<B, T>::like(tape.value(x));
  turn(tape.value(x).data(), T(1), T(0), y.data());
  return tape.record(std::move(y), tape.needs_gradient(x), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    auto [dx, beta] = t.slot(x);
    turn(dy.data(), T(-1), beta, dx.data());
  });
}

}  // namespace reclm
