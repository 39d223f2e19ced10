/// Kernel ridge regression of many rows on few landmarks: in blocks as at once.
#include "reclm/align/kernel_head.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/planted_clicks.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm_test;

TEST_CASE("weights do not depend on how many kernel values are held at a time") {
  std::vector<Id> all(300);
  std::iota(all.begin(), all.end(), Id{0});
  const CentredProfiles profiles(tastes(300, 8, 1), all);
  const Matrix<float> targets = random_matrix(300, 3, 2);
  const KernelRidge ridge(profiles.rows(), {3}, 20, 1);
  const Matrix<float> whole = ridge.solve(targets, 2);
  REQUIRE(whole.rows() == 20);
  float largest = 0;
  for (Index k = 0; k < whole.size(); ++k) largest = std::max(largest, std::abs(whole.data()[k]));
  CAPTURE(largest);
  for (const Index most : {1, 20 * 7, 20 * 299, 20 * 300}) {
    const Matrix<float> part = ridge.solve(targets, 2, most);
    for (Index k = 0; k < whole.size(); ++k) CHECK(part.data()[k] == Approx(whole.data()[k]).margin(2e-3 * largest));
  }
  CHECK(ridge.solve(targets, 2, 20 * 300) == whole);
}
