#pragma once
/// @file loss.hpp
/// Losses on a tape: pairwise ranking (BPR), InfoNCE between two views, and sums of losses.

#include <initializer_list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "reclm/backend/info_nce.hpp"
#include "reclm/backend/kernels/bpr.hpp"
#include "reclm/tensor/row_groups.hpp"
#include "reclm/tensor/tape.hpp"

namespace reclm {

/// The pairs of a batch and the values that score them:
/// s(u, i) = Σ_c weight_c users_uc items_ic + Σ_k relu(user_hidden_uk + item_hidden_ik).
struct PairScoreInputs {
  Var users, items;                        ///< [m, d], [n, d]
  Var weight = {};                         ///< d elements; ones when invalid
  Var user_hidden = {}, item_hidden = {};  ///< [m, h], [n, h]; none when invalid, both or neither
};

/// Triples by row of `users` and of `items`, three lists of one length.
struct LocalTriples {
  std::span<const Id> users, positives, negatives;
};

namespace detail {

template <class B>
struct BprIndex {
  RowGroups<B> users, items;  // items: all positives, then all negatives

  BprIndex(const LocalTriples& triples, Index user_rows, Index item_rows)
      : users(triples.users, user_rows), items(joined(triples), item_rows) {}

  static std::vector<Id> joined(const LocalTriples& triples) {
    std::vector<Id> all(triples.positives.begin(), triples.positives.end());
    all.insert(all.end(), triples.negatives.begin(), triples.negatives.end());
    return all;
  }
};

template <class B, class T>
void bpr_backward(Tape<B, T>& tape, const PairScoreInputs& v, const kernels::BprInput<T>& in, const BprIndex<B>& index,
                  const Tensor<B, T>& slope, T factor) {
  const auto side = [&](Var var, const RowGroups<B>& groups, auto kernel_of, bool weight_too) {
    if (!tape.needs_gradient(var) && !weight_too) return;
    Tensor<B, T> g{groups.rows(), in.width};
    B::for_rows(groups.rows(), 4 * in.width, kernel_of(g.data()));
    if (tape.needs_gradient(var)) {
      auto [d, beta] = tape.slot(var);
      B::for_rows(groups.rows(), 3 * in.width,
                  kernels::WeightColumns<T>{g.data(), in.weight, beta, d.data(), in.width});
    }
    if (weight_too) {
      B::for_rows(groups.rows(), 2 * in.width, kernels::MultiplyRows<T>{in.users, g.data(), in.width});
      auto [dw, beta] = tape.slot(v.weight);
      B::column_sums(g.data(), groups.rows(), in.width, beta != T(0), dw.data());
    }
  };
  const bool weight_wanted = v.weight.valid() && tape.needs_gradient(v.weight);
  side(
      v.users, index.users,
      [&](T* g) {
        return kernels::BprUserGradient<T>{in, slope.data(), index.users.offsets(), index.users.members(), factor, g};
      },
      weight_wanted);
  side(
      v.items, index.items,
      [&](T* g) {
        return kernels::BprItemGradient<T>{in, slope.data(), index.items.offsets(), index.items.members(), factor, g};
      },
      false);
  if (!v.user_hidden.valid()) return;
  if (tape.needs_gradient(v.user_hidden)) {
    auto [d, beta] = tape.slot(v.user_hidden);
    B::for_rows(index.users.rows(), 4 * in.hidden,
                kernels::BprUserHiddenGradient<T>{in, slope.data(), index.users.offsets(), index.users.members(),
                                                  factor, beta, d.data()});
  }
  if (tape.needs_gradient(v.item_hidden)) {
    auto [d, beta] = tape.slot(v.item_hidden);
    B::for_rows(index.items.rows(), 4 * in.hidden,
                kernels::BprItemHiddenGradient<T>{in, slope.data(), index.items.offsets(), index.items.members(),
                                                  factor, beta, d.data()});
  }
}

}  // namespace detail

/// Bayesian personalised ranking: Σ_b softplus(−(s(u_b, p_b) − s(u_b, n_b))) / divisor (Rendle et al., UAI 2009).
///
/// @param triples rows of the inputs, repeats allowed
/// @param divisor what the sum is divided by, usually the nominal batch size
/// @param targets what another model takes for the probability that the positive is the better one, [0, 1] a triple:
///                the loss is then the cross-entropy with it; empty: 1, the triples as they are
/// @returns       [1, 1]
/// @throws ShapeError on widths or rows that do not fit
template <class B, class T>
Var bpr_loss(Tape<B, T>& tape, const PairScoreInputs& v, const LocalTriples& triples, double divisor,
             const Tensor<B, T>& targets = {}) {
  const auto& users = tape.value(v.users);
  const auto& items = tape.value(v.items);
  const auto count = static_cast<Index>(triples.users.size());
  require_size("bpr_loss", "width of the items", items.cols(), users.cols());
  require_size("bpr_loss", "number of positives", static_cast<Index>(triples.positives.size()), count);
  require_size("bpr_loss", "number of negatives", static_cast<Index>(triples.negatives.size()), count);
  if (!targets.empty()) require_size("bpr_loss", "number of targets", targets.size(), count);
  if (v.weight.valid()) require_size("bpr_loss", "number of weights", tape.value(v.weight).size(), users.cols());
  const detail::BprIndex<B> index(triples, users.rows(), items.rows());
  const Id* item_ids = index.items.ids();
  kernels::BprInput<T> in{users.data(),      items.data(), nullptr,          nullptr, nullptr, users.cols(), 0,
                          index.users.ids(), item_ids,     item_ids + count, count};
  if (v.weight.valid()) in.weight = tape.value(v.weight).data();
  bool wanted = tape.any_needs_gradient(v.users, v.items) || (v.weight.valid() && tape.needs_gradient(v.weight));
  if (v.user_hidden.valid()) {
    const auto& hidden = tape.value(v.user_hidden);
    require_size("bpr_loss", "rows of the users' hidden part", hidden.rows(), users.rows());
    require_size("bpr_loss", "rows of the items' hidden part", tape.value(v.item_hidden).rows(), items.rows());
    require_size("bpr_loss", "width of the items' hidden part", tape.value(v.item_hidden).cols(), hidden.cols());
    in.user_hidden = hidden.data();
    in.item_hidden = tape.value(v.item_hidden).data();
    in.hidden = hidden.cols();
    wanted = wanted || tape.any_needs_gradient(v.user_hidden, v.item_hidden);
  }
  Tensor<B, T> terms{count, 1}, slope{count, 1};
  B::for_rows(count, 4 * (in.width + in.hidden),
              kernels::BprForward<T>{in, terms.data(), slope.data(), targets.empty() ? nullptr : targets.data()});
  Tensor<B, T> loss{1, 1};
  const T total = static_cast<T>(B::sum(terms.data(), count) / divisor);
  B::from_host(loss.data(), &total, 1);
  return tape.record(std::move(loss), wanted, [=](Tape<B, T>& t, const Tensor<B, T>& d_loss) {
    T upstream;
    B::to_host(&upstream, d_loss.data(), 1);
    detail::bpr_backward(t, v, in, index, slope, static_cast<T>(static_cast<double>(upstream) / divisor));
  });
}

/// InfoNCE of the anchors' rows in one view against all rows of the other:
/// Σ_b ( −z1_b · z2_b / τ + log Σ_j exp(z1_b · z2_j / τ) ) / divisor. Gradients flow into both views.
///
/// @param z1, z2      [n, d], rows of unit length
/// @param anchors     rows; a row counts as often as it occurs
/// @param temperature τ > 0
/// @returns           [1, 1]
/// Cost: 6 · anchors · n · d operations; memory O(n · d). Loss and gradient come from one pass, at the time of the
/// call.
template <class B, class T>
Var info_nce_loss(Tape<B, T>& tape, Var z1, Var z2, std::span<const Id> anchors, double temperature, double divisor) {
  const auto& a = tape.value(z1);
  const auto& b = tape.value(z2);
  require_same_shape("info_nce_loss", a, b);
  const bool wanted = tape.any_needs_gradient(z1, z2);
  const InfoNceProblem<T> problem{{a.data(), a.rows(), a.cols()}, {b.data(), b.rows(), b.cols()}, anchors, temperature};
  Tensor<B, T> d1, d2;
  double sum = 0;
  if (wanted) {
    d1 = Tensor<B, T>::zeros(a.rows(), a.cols());
    d2 = Tensor<B, T>::zeros(b.rows(), b.cols());
    sum = B::info_nce(
        problem, InfoNceGradient<T>{{d1.data(), a.rows(), a.cols()}, {d2.data(), b.rows(), b.cols()}, 1.0 / divisor});
  } else {
    sum = B::info_nce(problem);
  }
  const T total = static_cast<T>(sum / divisor);
  Tensor<B, T> loss{1, 1};
  B::from_host(loss.data(), &total, 1);
  return tape.record(std::move(loss), wanted, [=](Tape<B, T>& t, const Tensor<B, T>& d_loss) {
    T upstream;
    B::to_host(&upstream, d_loss.data(), 1);
    const auto add = [&](Var z, const Tensor<B, T>& d) {
      if (!t.needs_gradient(z)) return;
      auto [g, beta] = t.slot(z);
      B::for_rows(d.rows(), 3 * d.cols(), kernels::ScaleInto<T>{d.data(), upstream, beta, g.data(), d.cols()});
    };
    add(z1, d1);
    add(z2, d2);
  });
}

/// A loss and its weight in a sum.
struct WeightedLoss {
  Var loss;
  double weight = 1;
};

/// Σ weight · loss of 1×1 values. @returns [1, 1]
template <class B, class T>
Var sum_losses(Tape<B, T>& tape, std::initializer_list<WeightedLoss> terms) {
  double total = 0;
  bool wanted = false;
  for (const auto& [loss, weight] : terms) {
    require_size("sum_losses", "number of elements", tape.value(loss).size(), 1);
    T value;
    B::to_host(&value, tape.value(loss).data(), 1);
    total += weight * static_cast<double>(value);
    wanted = wanted || tape.needs_gradient(loss);
  }
  Tensor<B, T> sum{1, 1};
  const T rounded = static_cast<T>(total);
  B::from_host(sum.data(), &rounded, 1);
  return tape.record(std::move(sum), wanted,
                     [kept = std::vector<WeightedLoss>(terms)](Tape<B, T>& t, const Tensor<B, T>& d) {
                       for (const auto& [loss, weight] : kept) {
                         if (!t.needs_gradient(loss)) continue;
                         auto [g, beta] = t.slot(loss);
                         B::for_rows(1, 1, kernels::ScaleInto<T>{d.data(), static_cast<T>(weight), beta, g.data(), 1});
                       }
                     });
}

}  // namespace reclm
