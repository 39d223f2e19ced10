/// Placebos: what is shuffled, and what stays.
#include <algorithm>
#include <set>
#include <vector>

#include "eval/small_world.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/eval/study.hpp"
#include "support/catch.hpp"

using namespace reclm;
using reclm_test::small_world;

namespace {

std::multiset<std::vector<float>> rows_of(const Matrix<float>& m) {
  std::multiset<std::vector<float>> rows;
  for (Index r = 0; r < m.rows(); ++r) rows.insert({m.row(r).begin(), m.row(r).end()});
  return rows;
}

}  // namespace

TEST_CASE("shuffled profiles are the same rows in another order, among items and among users") {
  const Dataset& data = small_world();
  const Dataset shuffled = with_shuffled_profiles(data, 1);
  CHECK(rows_of(shuffled.item_profiles) == rows_of(data.item_profiles));
  CHECK(rows_of(shuffled.user_profiles) == rows_of(data.user_profiles));
  const auto moved = [](const Matrix<float>& a, const Matrix<float>& b) {
    Index count = 0;
    for (Index r = 0; r < a.rows(); ++r) count += !std::ranges::equal(a.row(r), b.row(r));
    return static_cast<double>(count) / static_cast<double>(a.rows());
  };
  CHECK(moved(data.item_profiles, shuffled.item_profiles) > 0.9);
  CHECK(moved(data.user_profiles, shuffled.user_profiles) > 0.9);
  CHECK(shuffled.item_vectors == data.item_vectors);
  CHECK(shuffled.train == data.train);
  CHECK(with_shuffled_profiles(data, 1).item_profiles == shuffled.item_profiles);
  CHECK_FALSE(with_shuffled_profiles(data, 2).item_profiles == shuffled.item_profiles);
}

TEST_CASE("profiles of noise are worth what their placebo is, where users' profiles come from histories") {
  Dataset data = small_world();
  const Random random(5, Stream::evaluation);
  for (Index k = 0; k < data.item_profiles.size(); ++k)
    data.item_profiles.data()[k] = random.uniform(static_cast<std::uint64_t>(k)) - 0.5f;
  data.profile_from_history.assign(static_cast<std::size_t>(data.train.users()), 1);
  data.profile_from_history[3] = data.profile_from_history[8] = 0;  // two have one of their own
  refresh_history_profiles(data);
  const Dataset shuffled = with_shuffled_profiles(data, 1);
  // The link between users and their items stays: a placebo differs from noise by nothing.
  const Matrix<float> means = history_means(shuffled.train, shuffled.item_profiles);
  for (Index user = 0; user < data.train.users(); ++user)
    if (user != 3 && user != 8) CHECK(std::ranges::equal(shuffled.user_profiles.row(user), means.row(user)));
  CHECK(std::ranges::equal(shuffled.user_profiles.row(3), data.user_profiles.row(8)));
  CHECK(std::ranges::equal(shuffled.user_profiles.row(8), data.user_profiles.row(3)));
  CHECK(shuffled.profile_from_history == data.profile_from_history);
}

TEST_CASE("a placebo keeps who is written about: written rows and others are shuffled among themselves") {
  const Dataset& data = small_world();
  WrittenRows written;
  for (Index item = 0; item < data.item_profiles.rows(); ++item) written.items.push_back(item % 3 == 0 ? 1 : 0);
  const Dataset apart = with_shuffled_profiles(data, 1, false, written);
  const auto of_kind = [&](const Matrix<float>& rows, int kind) {
    std::vector<std::vector<float>> result;
    for (Index item = 0; item < rows.rows(); ++item)
      if (written.items[static_cast<std::size_t>(item)] == kind)
        result.emplace_back(rows.row(item).begin(), rows.row(item).end());
    std::sort(result.begin(), result.end());
    return result;
  };
  for (const int kind : {0, 1}) CHECK(of_kind(apart.item_profiles, kind) == of_kind(data.item_profiles, kind));
  CHECK_FALSE(apart.item_profiles == data.item_profiles);
  // Without a difference in kind the rows stand where they always stood.
  CHECK(apart.user_profiles == with_shuffled_profiles(data, 1).user_profiles);
  written.items.assign(written.items.size(), 1);
  CHECK(with_shuffled_profiles(data, 1, false, written).item_profiles == with_shuffled_profiles(data, 1).item_profiles);
  written.items.pop_back();
  CHECK_THROWS_AS(with_shuffled_profiles(data, 1, false, written), ShapeError);
}
