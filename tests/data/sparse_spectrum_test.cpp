/// The leading part of a sparse matrix against the matrix itself.
#include "reclm/data/sparse_spectrum.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/random_matrix.hpp"

using namespace reclm;
using reclm_test::random_matrix;

namespace {

// Row r is about direction r mod 3, in its own four of twelve columns: of rank 3.
SparseRows three_directions(Index rows) {
  const Matrix<float> weights = random_matrix(3, 4, 1);
  SparseRows a;
  a.cols = 12;
  for (Index r = 0; r < rows; ++r) {
    for (Index k = 0; k < 4; ++k) {
      a.columns.push_back(static_cast<std::int32_t>(4 * (r % 3) + k));
      a.values.push_back(static_cast<float>(1 + r) * weights(r % 3, k));
    }
    a.offsets.push_back(static_cast<Index>(a.columns.size()));
  }
  return a;
}

}  // namespace

TEST_CASE("the leading spectrum of a matrix of low rank is all of it") {
  for (const Index rows : {6, 60}) {
    const SparseRows a = three_directions(rows);
    const Spectrum spectrum = leading_spectrum(a, 5);
    REQUIRE(spectrum.magnitude.size() == 3);
    CHECK(spectrum.magnitude[0] >= spectrum.magnitude[1]);
    CHECK(spectrum.magnitude[1] >= spectrum.magnitude[2]);
    const auto product = [&](Index r, Index s) {  // (A·Aᵀ)[r, s]
      double total = 0;
      if (r % 3 == s % 3)
        for (std::size_t k = 0; k < 4; ++k)
          total += static_cast<double>(a.values[static_cast<std::size_t>(4 * r) + k]) *
                   static_cast<double>(a.values[static_cast<std::size_t>(4 * s) + k]);
      return total;
    };
    double largest = 0, worst = 0;
    for (Index r = 0; r < rows; ++r)
      for (Index s = 0; s < rows; ++s) {
        double made = 0;
        for (Index k = 0; k < 3; ++k)
          made += static_cast<double>(spectrum.left(r, k)) * static_cast<double>(spectrum.left(s, k)) *
                  std::pow(spectrum.magnitude[static_cast<std::size_t>(k)], 2);
        largest = std::max(largest, std::abs(product(r, s)));
        worst = std::max(worst, std::abs(made - product(r, s)));
      }
    CHECK(worst < 1e-4 * largest);
  }
}

TEST_CASE("the leading spectrum is narrower where that is asked for, and refuses what is no matrix") {
  const SparseRows a = three_directions(60);
  CHECK(leading_spectrum(a, 2).magnitude.size() == 2);
  CHECK(leading_spectrum(a, 2).left.cols() == 2);
  CHECK(leading_spectrum(SparseRows{}, 2).magnitude.empty());
  CHECK_THROWS_AS(leading_spectrum(a, 0), ConfigError);
  SparseRows beyond = a;
  beyond.columns[7] = 12;
  CHECK_THROWS_AS(leading_spectrum(beyond, 2), ShapeError);
  beyond.columns[7] = -1;
  CHECK_THROWS_AS(leading_spectrum(beyond, 2), ShapeError);
  SparseRows shorter = a;
  shorter.values.pop_back();
  CHECK_THROWS_AS(leading_spectrum(shorter, 2), ShapeError);
  for (const float broken : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    SparseRows unreal = a;
    unreal.values[5] = broken;
    CHECK_THROWS_AS(leading_spectrum(unreal, 2), NumericError);
  }
  SparseRows back = a;
  back.offsets[3] = 1;
  CHECK_THROWS_AS(leading_spectrum(back, 2), ShapeError);
}

TEST_CASE("large and small numbers have a spectrum too") {
  const SparseRows a = three_directions(60);
  const Spectrum usual = leading_spectrum(a, 5);
  for (const int exponent : {80, -80}) {
    CAPTURE(exponent);
    SparseRows scaled = a;
    for (float& value : scaled.values) value = std::ldexp(value, exponent);
    const Spectrum spectrum = leading_spectrum(scaled, 5);
    REQUIRE(spectrum.magnitude.size() == usual.magnitude.size());
    for (std::size_t k = 0; k < usual.magnitude.size(); ++k)
      CHECK(spectrum.magnitude[k] == Approx(std::ldexp(usual.magnitude[k], exponent)).epsilon(1e-4));
  }
}
