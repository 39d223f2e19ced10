/// Neighbours against brute force in double.
#include "reclm/instruct/neighbours.hpp"

#include <cmath>

#include "reclm/core/philox.hpp"
#include "reclm/model/pair_model.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::instruct;

namespace {

/// Vectors with small whole numbers: many cosines are equal.
Matrix<float> whole_numbers(Index rows, Index cols, std::uint32_t values, std::uint64_t seed) {
  Matrix<float> m(rows, cols);
  const Random random(seed, Stream::evaluation);
  for (Index k = 0; k < m.size(); ++k)
    m.data()[k] = static_cast<float>(random.below(static_cast<std::uint64_t>(k), values)) - 1.0f;
  return m;
}

double cosine(const Matrix<float>& m, Index a, Index b) {
  double ab = 0, aa = 0, bb = 0;
  for (Index c = 0; c < m.cols(); ++c) {
    const double x = m(a, c), y = m(b, c);
    ab += x * y, aa += x * x, bb += y * y;
  }
  return aa == 0 || bb == 0 ? -2 : ab / std::sqrt(aa * bb);
}

void check_against_brute_force(const Matrix<float>& m, Index k) {
  const Neighbours found = nearest_rows(MatrixView<const float>(m), k);
  REQUIRE(found.ids.rows() == m.rows());
  REQUIRE(found.ids.cols() == k);
  for (Index row = 0; row < m.rows(); ++row) {
    std::vector<double> all;
    for (Index other = 0; other < m.rows(); ++other)
      if (other != row && cosine(m, row, other) >= -1.5) all.push_back(cosine(m, row, other));
    std::sort(all.rbegin(), all.rend());
    std::vector<Id> seen;
    for (Index n = 0; n < k; ++n) {
      const Id id = found.ids(row, n);
      if (n >= static_cast<Index>(all.size())) {
        CHECK(id == kNoItem);
        continue;
      }
      REQUIRE(id >= 0);
      REQUIRE(id != row);
      CHECK(std::find(seen.begin(), seen.end(), id) == seen.end());
      seen.push_back(id);
      CHECK(std::abs(cosine(m, row, id) - all[static_cast<std::size_t>(n)]) < 1e-6);
      CHECK(std::abs(found.similarity(row, n) - static_cast<float>(cosine(m, row, id))) < 1e-6f);
      if (n > 0 && found.similarity(row, n) == found.similarity(row, n - 1)) CHECK(found.ids(row, n - 1) < id);
    }
  }
}

}  // namespace

TEST_CASE("neighbours are those of brute force, ties by number, zero rows aside") {
  check_against_brute_force(whole_numbers(70, 3, 3, 1), 5);
  check_against_brute_force(whole_numbers(200, 17, 60000, 2), 5);
  check_against_brute_force(whole_numbers(4, 2, 3, 3), 5);
  check_against_brute_force(Matrix<float>(3, 4), 2);
}

TEST_CASE("equal rows are neighbours by their number, and lengths do not matter") {
  const Matrix<float> m(5, 2, std::vector<float>{1, 1, 1e30f, 1e30f, 0, 0, 1e-30f, 1e-30f, 1, 1});
  const Neighbours found = nearest_rows(MatrixView<const float>(m), 3);
  CHECK(std::vector<Id>(found.ids.row(0).begin(), found.ids.row(0).end()) == std::vector<Id>{1, 3, 4});
  CHECK(std::vector<Id>(found.ids.row(3).begin(), found.ids.row(3).end()) == std::vector<Id>{0, 1, 4});
  CHECK(std::vector<Id>(found.ids.row(2).begin(), found.ids.row(2).end()) == std::vector<Id>(3, kNoItem));
  CHECK(found.similarity(4, 2) == Approx(1.0f));
}

TEST_CASE("neighbours come from those that may be, in the order that they have among all") {
  const Matrix<float> m = whole_numbers(60, 5, 4, 3);
  const std::vector<Id> among{2, 3, 11, 17, 40, 41, 59};
  const Neighbours all = nearest_rows(MatrixView<const float>(m), 60),
                   some = nearest_rows(MatrixView<const float>(m), 5, among);
  for (Index row = 0; row < m.rows(); ++row) {
    std::vector<Id> expected;
    for (const Id id : all.ids.row(row))
      if (std::ranges::binary_search(among, id) && expected.size() < 5) expected.push_back(id);
    expected.resize(5, kNoItem);
    CHECK(std::ranges::equal(some.ids.row(row), expected));
  }
  const std::vector<Id> unsorted{3, 2}, beyond{60};
  CHECK_THROWS_AS(nearest_rows(MatrixView<const float>(m), 5, unsorted), ConfigError);
  CHECK_THROWS_AS(nearest_rows(MatrixView<const float>(m), 5, beyond), ConfigError);
}

TEST_CASE("a model shows its users' and items' neighbours; threads change nothing; bad numbers are named") {
  const PairModel model(whole_numbers(300, 8, 1000, 4), whole_numbers(90, 8, 1000, 5));
  const auto with = [&](int threads) {
    const ThreadLimit limit(threads);
    return user_neighbours(model);
  };
  CHECK(with(1).ids == with(2).ids);
  CHECK(with(1).similarity == with(2).similarity);
  CHECK(with(1).ids.rows() == 300);
  CHECK(item_neighbours(model, 7).ids.rows() == 90);
  struct Rows {
    std::vector<std::vector<double>> users{{1, 0}, {0, 1}, {2, 1}}, items{{1}};
    const auto& user_factors() const { return users; }
    const auto& item_factors() const { return items; }
  };
  CHECK(user_neighbours(Rows{}, 1).ids == Matrix<Id>(3, 1, std::vector<Id>{2, 2, 0}));
  Matrix<float> bad(3, 2, 1.0f);
  bad(1, 1) = std::nanf("");
  CHECK_THROWS_WITH(nearest_rows(MatrixView<const float>(bad), 1),
                    "neighbours: row 1, column 1 is not a finite number. Remedy: look at the model's training");
  CHECK_THROWS_AS(nearest_rows(MatrixView<const float>(bad), 0), ConfigError);
}
