/// The reward's terms by hand, their mixture, and the choice of its weights.
#include "reclm/data/fitted_text_encoder.hpp"
#include "reclm/data/world.hpp"
#include "reclm/instruct/reward/mixture.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::instruct;

namespace {

using Texts = std::vector<std::string>;
const float h = std::sqrt(0.5f);

double cosine(const Matrix<float>& m, Index a, Index b) {
  double dot = 0;
  for (Index c = 0; c < m.cols(); ++c) dot += static_cast<double>(m(a, c)) * m(b, c);
  return dot;
}

}  // namespace

TEST_CASE("distinctness is the mean distance of a profile's phrases") {
  CHECK(distinctness(Matrix<float>(0, 2)) == 0);
  CHECK(distinctness(Matrix<float>(1, 2, {1, 0})) == 0);
  CHECK(distinctness(Matrix<float>(2, 2, {1, 0, 1, 0})) == 0);
  CHECK(distinctness(Matrix<float>(2, 2, {1, 0, 0, 1})) == 1);
  CHECK(distinctness(Matrix<float>(2, 2, {1, 0, -1, 0})) == 1);  // opposite is no more than different
  CHECK(distinctness(Matrix<float>(3, 2, {1, 0, 0, 1, h, h})) == Approx((1 + 2 * (1 - std::sqrt(0.5))) / 3));
}

TEST_CASE("apartness is the distance from the neighbours' profiles") {
  const std::vector<float> profile{1, 0};
  CHECK(std::isnan(apartness(profile, Matrix<float>(0, 2))));
  CHECK(apartness(profile, Matrix<float>(2, 2, {1, 0, 0, 1})) == 0.5);
  CHECK(apartness(profile, Matrix<float>(1, 2, {1, 0})) == 0);
  CHECK_THROWS_AS(apartness(profile, Matrix<float>(1, 3, {1, 0, 0})), ShapeError);
}

TEST_CASE("coverage is how well the best phrase meets each item of the history") {
  const Matrix<float> phrases(2, 2, {1, 0, 0, 1});
  CHECK(coverage(phrases, Matrix<float>(2, 2, {1, 0, 0, 1})) == 1);
  CHECK(coverage(phrases, Matrix<float>(1, 2, {h, h})) == Approx(h));
  CHECK(coverage(Matrix<float>(0, 2), Matrix<float>(1, 2, {1, 0})) == 0);
  CHECK(std::isnan(coverage(phrases, Matrix<float>(0, 2))));
}

TEST_CASE("foresight is the area under the curve between held-out items and others") {
  const std::vector<float> profile{1, 0};
  CHECK(foresight(profile, Matrix<float>(1, 2, {1, 0}), Matrix<float>(2, 2, {0, 1, -1, 0})) == 1);
  CHECK(foresight(profile, Matrix<float>(1, 2, {0, 1}), Matrix<float>(2, 2, {1, 0, -1, 0})) == 0.5);
  CHECK(foresight(profile, Matrix<float>(1, 2, {0, 1}), Matrix<float>(1, 2, {0, 1})) == 0.5);
  CHECK(std::isnan(foresight(profile, Matrix<float>(0, 2), Matrix<float>(1, 2, {0, 1}))));
}

TEST_CASE("a mixture counts in deviations of its calibration set, unknown terms as average") {
  RewardMixture mixture{.weights = {1, 0.5, 0, 0, 0}};
  CHECK(mixture({3, 3, 3, 3, 3}) == 0);  // nothing is known yet
  for (const double x : {1.0, 2.0, 3.0}) mixture.calibrate({x, 10 * x, kUnknownTerm, 0, 0});
  CHECK(mixture.scales[0].mean == Approx(2));
  CHECK(mixture.scales[0].deviation() == Approx(1));
  CHECK(mixture.scales[2].count == 0);
  CHECK(mixture({3, 10, 7, 7, 7}) == Approx(1 - 0.5));
  CHECK(mixture({kUnknownTerm, 30, 0, 0, 0}) == Approx(0.5));
  CHECK(mixture({1000, 20, 0, 0, 0}) == 4);
}

TEST_CASE("the chosen weights pick the profiles that turn out well") {
  // Quality follows coverage with some apartness; the model's term misleads.
  std::vector<std::vector<JudgedProfile>> users(200);
  RewardMixture calibrated;
  RandomSequence random(Random(3, Stream::evaluation));
  const auto draw = [&] { return static_cast<double>(random.uniform()); };
  for (auto& user : users)
    for (int k = 0; k < 6; ++k) {
      const TermValues terms{draw(), draw(), draw(), draw(), kUnknownTerm};
      user.push_back({terms, 2 * terms[3] + terms[2] - 0.5 * terms[0]});
      calibrated.calibrate(terms);
    }
  const auto choice = choose_weights(users, calibrated.scales, {true, true, true, true, false});
  CHECK(choice.weights[3] >= 0.6);
  CHECK(choice.weights[2] >= 0.2);
  CHECK(choice.weights[0] == 0);
  CHECK(choice.quality > choice.average + 0.8 * (choice.ceiling - choice.average));
  const auto only = choose_weights(users, calibrated.scales, {true, true, false, false, false});
  CHECK(only.weights[2] == 0);
  CHECK(only.weights[0] + only.weights[1] == Approx(1));
  CHECK(only.quality < choice.quality);
  // Weights that stand give way to what is surely better alone: here the second term is no better than by luck.
  const TermWeights standing{0, 0, 0.4, 0.6, 0};
  CHECK(choose_weights(users, calibrated.scales, {true, true, true, true, false}, {1, 0, 0, 0, 0}).weights ==
        choice.weights);
  const auto kept = choose_weights(users, calibrated.scales, {true, true, true, true, false}, standing);
  CHECK(kept.weights == standing);
  CHECK(kept.quality <= choice.quality);
  CHECK(kept.gain <= 3 * kept.error);
  CHECK(choose_weights(users, calibrated.scales, {true, true, false, false, false}, standing).weights == only.weights);
  CHECK_THROWS_AS(choose_weights({}, calibrated.scales, {true, true, true, true, true}), ConfigError);
}

TEST_CASE("a fitted encoder's vectors can be compared between calls and follow meaning as encode_text's do") {
  WorldOptions options{.users = 100, .items = 300};
  options.vectors = false;
  const World world = make_world(options);
  const auto& titles = world.dataset.item_text[0].values;
  const FittedTextEncoder encoder(world.item_profile_text, {.width = 48});
  const Matrix<float> all = encoder(world.item_profile_text);
  CHECK(all.cols() == 48);
  const Texts some{world.item_profile_text[7], "", "zzqx"};
  const Matrix<float> again = encoder(some);
  for (Index c = 0; c < 48; ++c) CHECK(again(0, c) == all(7, c));
  CHECK(cosine(again, 1, 1) == 0);
  CHECK(cosine(all, 7, 7) == Approx(1).epsilon(1e-5));

  // Items of one main interest lie closer together than others.
  double same = 0, different = 0, same_pairs = 0, different_pairs = 0;
  for (Index a = 0; a < 150; ++a)
    for (Index b = a + 1; b < 150; ++b) {
      const bool alike = world.item_interests[static_cast<std::size_t>(a)].front() ==
                         world.item_interests[static_cast<std::size_t>(b)].front();
      (alike ? same : different) += cosine(all, a, b);
      ++(alike ? same_pairs : different_pairs);
    }
  CHECK(same / same_pairs > different / different_pairs + 0.2);
  CHECK(FittedTextEncoder(Texts{})(titles).rows() == 300);
  CHECK_THROWS_AS(FittedTextEncoder(titles, {.width = 0}), ConfigError);
}
