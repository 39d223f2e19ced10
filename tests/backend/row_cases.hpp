#pragma once
/// Row kernels on any backend against plain loops in double.

#include "cases.hpp"
#include "reclm/backend/kernels/bpr.hpp"
#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/backend/kernels/rows.hpp"

namespace reclm_test {

inline constexpr Index kRowCounts[] = {1, 37};
inline constexpr Index kWidths[] = {1, 7, 32, 33, 100};

/// A host matrix in double that is read and written as m(row, col).
struct Plain {
  Index rows, cols;
  std::vector<double> values;
  Plain(Index r, Index c) : rows(r), cols(c), values(static_cast<std::size_t>(r * c), 0.0) {}
  template <class T>
  Plain(Index r, Index c, const std::vector<T>& v) : rows(r), cols(c), values(in_double(v)) {}
  double& operator()(Index row, Index col) { return values[static_cast<std::size_t>(row * cols + col)]; }
  double operator()(Index row, Index col) const { return values[static_cast<std::size_t>(row * cols + col)]; }
};

template <class F>
Plain plain(Index rows, Index cols, const F& f) {
  Plain m(rows, cols);
  for (Index row = 0; row < rows; ++row)
    for (Index col = 0; col < cols; ++col) m(row, col) = static_cast<double>(f(row, col));
  return m;
}

/// The sizes that all row kernels are tried on.
template <class F>
void for_sizes(const F& body) {
  for (const Index rows : kRowCounts)
    for (const Index cols : kWidths) {
      CAPTURE(rows, cols);
      body(rows, cols);
    }
}

/// What a kernel with a factor `beta` must make of its output: `base` where beta is 0, else beta · held + base.
/// `run(beta, out)` applies it to device memory.
template <class B, class T, class Run>
void check_beta(Index rows, Index cols, const Plain& base, const std::vector<T>& betas, const Run& run,
                double tolerance) {
  const auto held = numbers<T>(rows * cols, 77);
  for (const T beta : betas) {
    CAPTURE(beta);
    const auto out = on<B>(beta == T(0) ? garbage<T>(rows * cols) : held);
    run(beta, out.data());
    auto expected = base.values;
    for (std::size_t k = 0; k < expected.size() && beta != T(0); ++k)
      expected[k] += static_cast<double>(beta) * static_cast<double>(held[k]);
    CHECK(difference(out.host(), expected) < tolerance);
  }
}

template <class B, class T>
void check_gathering() {
  using namespace reclm::kernels;
  for_sizes([](Index rows, Index cols) {
    const Index count = 90;
    const auto x = numbers<T>(rows * cols, 1), y = numbers<T>(count * cols, 2);
    const auto chosen = ids(count, rows, 3);
    const Plain px(rows, cols, x), py(count, cols, y);
    const auto device_ids = on<B>(chosen);

    const auto gathered = on<B>(garbage<T>(count * cols));
    B::for_rows(count, cols, Gather<T>{on<B>(x).data(), device_ids.data(), gathered.data(), cols});
    const auto copies =
        plain(count, cols, [&](Index k, Index c) { return px(chosen[static_cast<std::size_t>(k)], c); });
    CHECK(difference(gathered.host(), copies.values) == 0);

    const Groups groups(chosen, rows);
    const auto offsets = on<B>(groups.offsets);
    const auto members = on<B>(groups.members);
    const auto device_y = on<B>(y);
    Plain sums(rows, cols);
    for (Index k = 0; k < count; ++k)
      for (Index c = 0; c < cols; ++c) sums(chosen[static_cast<std::size_t>(k)], c) += py(k, c);
    check_beta<B, T>(
        rows, cols, sums, {T(0), T(1)},
        [&](T beta, T* out) {
          B::for_rows(rows, cols, ScatterGroups<T>{device_y.data(), offsets.data(), members.data(), beta, out, cols});
        },
        rounding<T>(count));

    std::vector<Id> distinct;
    for (Id row = static_cast<Id>(rows) - 1; row >= 0; row -= 2) distinct.push_back(row);
    Plain added = px;
    for (std::size_t k = 0; k < distinct.size(); ++k)
      for (Index c = 0; c < cols; ++c) added(distinct[k], c) += py(static_cast<Index>(k), c);
    const auto to = on<B>(x);
    B::for_rows(static_cast<Index>(distinct.size()), cols,
                AddToRows<T>{device_y.data(), on<B>(distinct).data(), to.data(), cols});
    CHECK(difference(to.host(), added.values) < rounding<T>());
  });
}

template <class B, class T>
void check_normalizing() {
  using namespace reclm::kernels;
  for_sizes([](Index rows, Index cols) {
    auto x = numbers<T>(rows * cols, 4);
    const Index zero = rows / 2;  // one row of zeros
    std::fill_n(x.begin() + static_cast<std::ptrdiff_t>(zero * cols), cols, T(0));
    const auto dy = numbers<T>(rows * cols, 5);
    const Plain px(rows, cols, x), pg(rows, cols, dy);
    std::vector<double> lengths;
    for (Index row = 0; row < rows; ++row) {
      double squares = 0;
      for (Index c = 0; c < cols; ++c) squares += px(row, c) * px(row, c);
      lengths.push_back(std::max(std::sqrt(squares), 1e-12));
    }
    const auto length = [&](Index row) { return lengths[static_cast<std::size_t>(row)]; };
    const auto unit = plain(rows, cols, [&](Index row, Index c) { return px(row, c) / length(row); });
    const auto y = on<B>(garbage<T>(rows * cols)), norms = on<B>(garbage<T>(rows));
    B::for_rows(rows, cols, Normalize<T>{on<B>(x).data(), y.data(), norms.data(), cols});
    CHECK(difference(y.host(), unit.values) < rounding<T>());
    CHECK(difference(norms.host(), lengths) < rounding<T>(cols));

    // At a row of zeros the length is a constant 1e-12: the gradient is dy · 1e12.
    const auto gradient = plain(rows, cols, [&](Index row, Index c) {
      double along = 0;
      for (Index k = 0; k < cols; ++k) along += unit(row, k) * pg(row, k);
      return (pg(row, c) - unit(row, c) * along) / length(row);
    });
    const auto device_dy = on<B>(dy);
    check_beta<B, T>(
        rows, cols, gradient, {T(0), T(1)},
        [&](T beta, T* out) {
          B::for_rows(rows, cols, NormalizeBackward<T>{y.data(), norms.data(), device_dy.data(), beta, out, cols});
        },
        rounding<T>(10 * cols));
  });
}

template <class B, class T>
void check_row_products() {
  using namespace reclm::kernels;
  for_sizes([](Index rows, Index cols) {
    const auto a = numbers<T>(rows * cols, 6), b = numbers<T>(rows * cols, 7), weights = numbers<T>(cols, 8),
               ds = numbers<T>(rows, 9);
    const Plain pa(rows, cols, a), pb(rows, cols, b), pds(rows, 1, ds);
    const auto da = on<B>(a), db = on<B>(b), dw = on<B>(weights), dds = on<B>(ds);
    const double tolerance = rounding<T>(cols);
    for (const bool weighted : {false, true}) {
      CAPTURE(weighted);
      const T* const w = weighted ? dw.data() : nullptr;
      const auto weight = [&](Index c) {
        return weighted ? static_cast<double>(weights[static_cast<std::size_t>(c)]) : 1.0;
      };
      Plain dots(rows, 1);
      for (Index row = 0; row < rows; ++row)
        for (Index c = 0; c < cols; ++c) dots(row, 0) += weight(c) * pa(row, c) * pb(row, c);
      const auto s = on<B>(garbage<T>(rows));
      B::for_rows(rows, cols, RowDot<T>{da.data(), db.data(), w, s.data(), cols});
      CHECK(difference(s.host(), dots.values) < tolerance);
      check_beta<B, T>(
          rows, cols, plain(rows, cols, [&](Index row, Index c) { return pds(row, 0) * weight(c) * pb(row, c); }),
          {T(0), T(1)},
          [&](T beta, T* out) {
            B::for_rows(rows, cols, RowDotBackward<T>{db.data(), w, dds.data(), beta, out, cols});
          },
          tolerance);
    }
    const auto terms = on<B>(garbage<T>(rows * cols));
    B::for_rows(rows, cols, RowDotWeightTerms<T>{da.data(), db.data(), dds.data(), terms.data(), cols});
    const auto expected = plain(rows, cols, [&](Index row, Index c) { return pds(row, 0) * pa(row, c) * pb(row, c); });
    CHECK(difference(terms.host(), expected.values) < tolerance);

    Plain sums(rows, 1);
    for (Index row = 0; row < rows; ++row)
      for (Index c = 0; c < cols; ++c) sums(row, 0) += pa(row, c);
    check_beta<B, T>(
        rows, 1, sums, {T(0), T(1), T(-0.5)},
        [&](T beta, T* out) {
          B::for_rows(rows, cols, RowSum<T>{da.data(), beta, out, cols});
        },
        tolerance);
    check_beta<B, T>(
        rows, cols, plain(rows, cols, [&](Index row, Index) { return pds(row, 0); }), {T(0), T(1)},
        [&](T beta, T* out) {
          B::for_rows(rows, cols, RowSumBackward<T>{dds.data(), beta, out, cols});
        },
        tolerance);
  });
}

template <class B, class T>
void check_elementwise() {
  using namespace reclm::kernels;
  for_sizes([](Index rows, Index cols) {
    const Index n = rows * cols;
    const auto x = numbers<T>(n, 10), y = numbers<T>(n, 11), bias = numbers<T>(cols, 12), scale = numbers<T>(rows, 13);
    const Plain px(rows, cols, x), py(rows, cols, y), pbias(1, cols, bias), pscale(rows, 1, scale);
    const auto dx = on<B>(x), dy = on<B>(y), dbias = on<B>(bias), dscale = on<B>(scale);
    const auto relu = [](double value) { return std::max(value, 0.0); };
    // Runs a kernel on a copy of `held` and compares with f(row, col).
    const auto check = [&](const std::vector<T>& held, const auto& kernel_of, const auto& f) {
      const auto out = on<B>(held);
      B::for_rows(rows, cols, kernel_of(out.data()));
      CHECK(difference(out.host(), plain(rows, cols, f).values) < rounding<T>());
    };
    check(
        y,
        [&](T* out) {
          return AddScaled<T>{dx.data(), T(-1.5), out, cols};
        },
        [&](Index r, Index c) { return py(r, c) - 1.5 * px(r, c); });
    check(
        garbage<T>(n),
        [&](T* out) {
          return ScaleInto<T>{dx.data(), T(-1.5), T(0), out, cols};
        },
        [&](Index r, Index c) { return -1.5 * px(r, c); });
    check(
        y,
        [&](T* out) {
          return ScaleInto<T>{dx.data(), T(-1.5), T(0.25), out, cols};
        },
        [&](Index r, Index c) { return 0.25 * py(r, c) - 1.5 * px(r, c); });
    check(
        y,
        [&](T* out) {
          return BiasActivation<T>{nullptr, true, out, cols};
        },
        [&](Index r, Index c) { return relu(py(r, c)); });
    check(
        y,
        [&](T* out) {
          return BiasActivation<T>{dbias.data(), true, out, cols};
        },
        [&](Index r, Index c) { return relu(py(r, c) + pbias(0, c)); });
    check(
        y,
        [&](T* out) {
          return BiasActivation<T>{dbias.data(), false, out, cols};
        },
        [&](Index r, Index c) { return py(r, c) + pbias(0, c); });
    check(
        garbage<T>(n),
        [&](T* out) {
          return ReluBackward<T>{dy.data(), dx.data(), out, cols};
        },
        [&](Index r, Index c) { return py(r, c) > 0 ? px(r, c) : 0.0; });
    check(
        garbage<T>(n),
        [&](T* out) {
          return AddScaledRows<T>{nullptr, dscale.data(), dx.data(), out, cols};
        },
        [&](Index r, Index c) { return pscale(r, 0) * px(r, c); });
    check(
        y,
        [&](T* out) {
          return AddScaledRows<T>{out, dscale.data(), dx.data(), out, cols};
        },
        [&](Index r, Index c) { return py(r, c) + pscale(r, 0) * px(r, c); });
    check(
        y,
        [&](T* out) {
          return MultiplyRows<T>{dx.data(), out, cols};
        },
        [&](Index r, Index c) { return py(r, c) * px(r, c); });
    for (const bool weighted : {false, true})
      for (const T beta : {T(0), T(1)})
        check(
            beta == T(0) ? garbage<T>(n) : y,
            [&](T* out) {
              return WeightColumns<T>{dx.data(), weighted ? dbias.data() : nullptr, beta, out, cols};
            },
            [&](Index r, Index c) {
              return (beta == T(0) ? 0.0 : py(r, c)) + (weighted ? pbias(0, c) : 1.0) * px(r, c);
            });
  });
  for (const double value : {-1000.0, -30.0, -1.0, 0.0, 1e-3, 30.0, 1000.0}) {
    CAPTURE(value);
    const double exact = value > 0 ? value + std::log1p(std::exp(-value)) : std::log1p(std::exp(value));
    CHECK(static_cast<double>(softplus(static_cast<T>(value))) == Approx(exact).epsilon(rounding<T>()));
    CHECK(static_cast<double>(sigmoid(static_cast<T>(value))) ==
          Approx(1 / (1 + std::exp(-value))).epsilon(20 * rounding<T>()));
  }
}

}  // namespace reclm_test
