#pragma once
/// The pairwise loss's kernels on any backend against plain loops in double.

#include "reclm/backend/kernels/bpr.hpp"
#include "row_cases.hpp"

namespace reclm_test {

/// One model over pairs and its triples, on the host in double and in a backend's memory.
template <class B, class T>
struct BprCase {
  static constexpr Index users = 11, items = 17, triples = 60;
  Index width, hidden;
  bool weighted;
  std::vector<T> u, i, w, hu, hi;
  std::vector<Id> user_of, positive_of, negative_of;
  Array<B, T> du, di, dw, dhu, dhi;
  Array<B, Id> d_user_of, d_positive_of, d_negative_of;

  BprCase(Index width_, Index hidden_, bool weighted_)
      : width(width_),
        hidden(hidden_),
        weighted(weighted_),
        u(numbers<T>(users * width, 1)),
        i(numbers<T>(items * width, 2)),
        w(numbers<T>(width, 3)),
        hu(numbers<T>(users * hidden, 4)),
        hi(numbers<T>(items * hidden, 5)),
        user_of(ids(triples, users, 6)),
        positive_of(ids(triples, items, 7)),
        negative_of(ids(triples, items, 8)),
        du(u),
        di(i),
        dw(w),
        dhu(hu),
        dhi(hi),
        d_user_of(user_of),
        d_positive_of(positive_of),
        d_negative_of(negative_of) {}

  [[nodiscard]] reclm::kernels::BprInput<T> input() const {
    const bool layer = hidden > 0;
    return {du.data(),
            di.data(),
            weighted ? dw.data() : nullptr,
            layer ? dhu.data() : nullptr,
            layer ? dhi.data() : nullptr,
            width,
            hidden,
            d_user_of.data(),
            d_positive_of.data(),
            d_negative_of.data(),
            triples};
  }
  [[nodiscard]] double weight(Index c) const {
    return weighted ? static_cast<double>(w[static_cast<std::size_t>(c)]) : 1.0;
  }
  [[nodiscard]] double score(Index user, Index item) const {
    const Plain pu(users, width, u), pi(items, width, i), phu(users, hidden, hu), phi(items, hidden, hi);
    double total = 0;
    for (Index c = 0; c < width; ++c) total += weight(c) * pu(user, c) * pi(item, c);
    for (Index k = 0; k < hidden; ++k) total += std::max(phu(user, k) + phi(item, k), 0.0);
    return total;
  }
};

template <class B, class T>
void check_bpr_case(Index width, Index hidden, bool weighted) {
  using namespace reclm::kernels;
  using Case = BprCase<B, T>;
  CAPTURE(width, hidden, weighted);
  const Case at(width, hidden, weighted);
  const auto in = at.input();
  const Index triples = Case::triples;
  std::vector<double> losses, slopes;
  for (std::size_t b = 0; b < at.user_of.size(); ++b) {
    const double margin = at.score(at.user_of[b], at.positive_of[b]) - at.score(at.user_of[b], at.negative_of[b]);
    losses.push_back(std::log1p(std::exp(-margin)));
    slopes.push_back(-1 / (1 + std::exp(margin)));
  }
  const double tolerance = rounding<T>(10 * (width + hidden));
  const auto loss = on<B>(garbage<T>(triples)), slope = on<B>(garbage<T>(triples));
  B::for_rows(triples, width, BprForward<T>{in, loss.data(), slope.data()});
  CHECK(difference(loss.host(), losses) < tolerance);
  CHECK(difference(slope.host(), slopes) < tolerance);

  const Plain pu(Case::users, width, at.u), pi(Case::items, width, at.i), phu(Case::users, hidden, at.hu),
      phi(Case::items, hidden, at.hi);
  Plain to_users(Case::users, width), to_items(Case::items, width), to_user_layer(Case::users, hidden),
      to_item_layer(Case::items, hidden);
  const double factor = 0.75;
  for (std::size_t b = 0; b < slopes.size(); ++b) {
    const Id user = at.user_of[b], positive = at.positive_of[b], negative = at.negative_of[b];
    const double s = factor * slopes[b];
    for (Index c = 0; c < width; ++c) {
      to_users(user, c) += s * (pi(positive, c) - pi(negative, c));
      to_items(positive, c) += s * pu(user, c);
      to_items(negative, c) -= s * pu(user, c);
    }
    for (Index k = 0; k < hidden; ++k) {
      const double p = phu(user, k) + phi(positive, k) > 0 ? s : 0, n = phu(user, k) + phi(negative, k) > 0 ? s : 0;
      to_user_layer(user, k) += p - n;
      to_item_layer(positive, k) += p;
      to_item_layer(negative, k) -= n;
    }
  }
  auto both = at.positive_of;
  both.insert(both.end(), at.negative_of.begin(), at.negative_of.end());
  const Groups by_user(at.user_of, Case::users), by_item(both, Case::items);
  const auto user_offsets = on<B>(by_user.offsets), item_offsets = on<B>(by_item.offsets);
  const auto user_members = on<B>(by_user.members), item_members = on<B>(by_item.members);
  const T f = static_cast<T>(factor);
  const auto users = on<B>(garbage<T>(Case::users * width)), items = on<B>(garbage<T>(Case::items * width));
  B::for_rows(Case::users, width,
              BprUserGradient<T>{in, slope.data(), user_offsets.data(), user_members.data(), f, users.data()});
  CHECK(difference(users.host(), to_users.values) < tolerance);
  B::for_rows(Case::items, width,
              BprItemGradient<T>{in, slope.data(), item_offsets.data(), item_members.data(), f, items.data()});
  CHECK(difference(items.host(), to_items.values) < tolerance);
  if (hidden == 0) return;
  check_beta<B, T>(
      Case::users, hidden, to_user_layer, {T(0), T(1)},
      [&](T beta, T* out) {
        B::for_rows(Case::users, hidden,
                    BprUserHiddenGradient<T>{in, slope.data(), user_offsets.data(), user_members.data(), f, beta, out});
      },
      tolerance);
  check_beta<B, T>(
      Case::items, hidden, to_item_layer, {T(0), T(1)},
      [&](T beta, T* out) {
        B::for_rows(Case::items, hidden,
                    BprItemHiddenGradient<T>{in, slope.data(), item_offsets.data(), item_members.data(), f, beta, out});
      },
      tolerance);
}

template <class B, class T>
void check_bpr() {
  for (const Index width : {1, 8, 33})
    for (const Index hidden : {0, 5, 32})
      for (const bool weighted : {false, true}) check_bpr_case<B, T>(width, hidden, weighted);
}

}  // namespace reclm_test
