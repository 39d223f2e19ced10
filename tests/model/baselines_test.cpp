#include "reclm/model/baselines.hpp"

#include <cstdlib>
#include <filesystem>
#include <numeric>

#include "reclm/data/load.hpp"
#include "reclm/eval/protocol.hpp"
#include "support/catch.hpp"
#include "support/scorer_ranker.hpp"

using namespace reclm;

namespace {

Interactions three_users() {
  const std::vector<Pair> pairs{{0, 0}, {0, 1}, {1, 1}};
  return Interactions::from_pairs(3, 4, pairs);
}

template <class Scorer>
std::vector<float> all_scores(const Scorer& scorer, Id user) {
  std::vector<Id> items;
  for (Id i = 0; i < scorer.items(); ++i) items.push_back(i);
  std::vector<float> out(items.size());
  scorer.score(user, items, out);
  return out;
}

template <class Scorer>
double recall_at_20(const Dataset& data, Setting setting, const Scorer& scorer) {
  EvalOptions options;
  options.metrics = {{MetricKind::recall}, {20}};
  options.catalogue = false;
  return evaluate(data, setting, test::sorted_ranker(scorer), options).mean("recall@20");
}

}  // namespace

TEST_CASE("popularity scores by the number of train events") {
  const Popularity popularity(three_users());
  CHECK(popularity.users() == 3);
  CHECK(popularity.items() == 4);
  CHECK(all_scores(popularity, 2) == std::vector<float>{1, 2, 0, 0});
}

TEST_CASE("random order depends on seed, user and item alone, and is uniform") {
  const RandomOrder random(100, 200, 7);
  CHECK(random.users() == 100);
  CHECK(random.items() == 200);
  const auto scores = all_scores(random, 3);
  CHECK(scores == all_scores(RandomOrder(100, 200, 7), 3));
  CHECK(scores != all_scores(random, 4));
  CHECK(scores != all_scores(RandomOrder(100, 200, 8), 3));
  float single = 0;
  const Id item = 150;
  random.score(3, {&item, 1}, {&single, 1});
  CHECK(single == scores[150]);
  CHECK(std::accumulate(scores.begin(), scores.end(), 0.0) / 200 == Approx(0.5).margin(0.08));
}

TEST_CASE("content-kNN is the cosine to the mean of the history, centred by the known items") {
  // Known items 0 and 1 have the mean (1, 1); centred: (1, 0), (−1, 0) … so do the reference by hand.
  const Matrix<float> vectors(4, 2, std::vector<float>{2, 1, 0, 1, 1, 3, 4, 5});
  const ContentKnn knn(three_users(), vectors);
  CHECK(knn.users() == 3);
  CHECK(knn.items() == 4);
  // Centred and normalised: (1,0), (−1,0), (0,1), (.6,.8).
  const Matrix<float>& items = knn.item_factors();
  CHECK(items(3, 0) == Approx(0.6f));
  CHECK(items(3, 1) == Approx(0.8f));
  // User 0's history cancels out, user 1 has (−1, 0), user 2 nothing.
  CHECK(all_scores(knn, 0) == std::vector<float>{0, 0, 0, 0});
  const auto scores = all_scores(knn, 1);
  CHECK(scores[0] == Approx(-1.0f));
  CHECK(scores[1] == Approx(1.0f));
  CHECK(scores[2] == Approx(0.0f).margin(1e-6));
  CHECK(scores[3] == Approx(-0.6f));
  CHECK(all_scores(knn, 2) == std::vector<float>{0, 0, 0, 0});
  CHECK(knn.user_factors().rows() == 3);
  CHECK(knn.user_factors()(1, 0) == Approx(-1.0f));
}

TEST_CASE("content-kNN takes any strides and refuses a wrong number of vectors") {
  const std::vector<float> by_columns{2, 0, 1, 4, 1, 1, 3, 5};
  const MatrixView<const float> view(by_columns.data(), 4, 2, 1, 4);
  CHECK(all_scores(ContentKnn(three_users(), view), 1)[3] == Approx(-0.6f));
  CHECK_THROWS_AS(ContentKnn(three_users(), Matrix<float>(3, 2)), ShapeError);
}

TEST_CASE("content-kNN gives the same bits for one and two threads") {
  Matrix<float> vectors(500, 16);
  const Random random(1, Stream::init);
  for (Index k = 0; k < vectors.size(); ++k) vectors.data()[k] = random.uniform(static_cast<std::uint64_t>(k));
  std::vector<Pair> pairs;
  for (Id k = 0; k < 3000; ++k) pairs.push_back({k % 300, static_cast<Id>(random.below(9000 + k, 500))});
  const Interactions train = Interactions::from_pairs(300, 500, pairs);
  const auto fit = [&](int threads) {
    const ThreadLimit limit(threads);
    return ContentKnn(train, vectors);
  };
  const ContentKnn one = fit(1), two = fit(2);
  CHECK(one.user_factors() == two.user_factors());
  CHECK(one.item_factors() == two.item_factors());
}

TEST_CASE("the baselines have their known figures on MovieLens latest-small") {
  const char* root = std::getenv("RECLM_DATA");
  const auto folder = std::filesystem::path(root != nullptr ? root : RECLM_SOURCE_DIR "/../shared/data") / "ml-small";
  if (!std::filesystem::exists(folder / "ml-small.train.inter")) {
    WARN("MovieLens latest-small is not here; set RECLM_DATA to the folder that holds ml-small/");
    return;
  }
  const Dataset data = load_dataset(folder);
  const Popularity popularity(data.train);
  const ContentKnn content(data.train, data.item_vectors);
  const auto random = [&](Setting setting) {
    double sum = 0;
    for (std::uint64_t seed = 1; seed <= 8; ++seed)
      sum += recall_at_20(data, setting, RandomOrder(data.train.users(), data.train.items(), seed));
    return sum / 8;
  };
  CHECK(recall_at_20(data, Setting::full_shot, popularity) == Approx(0.088).margin(0.0005));
  CHECK(recall_at_20(data, Setting::full_shot, content) == Approx(0.067).margin(0.0008));
  CHECK(recall_at_20(data, Setting::zero_shot, content) == Approx(0.257).margin(0.0005));
  CHECK(random(Setting::full_shot) == Approx(0.007).margin(0.001));
  CHECK(random(Setting::zero_shot) == Approx(0.027).margin(0.002));
}
