/// The frozen tier does no harm: profiles without content, thin data, users whose like validation has not seen, and
/// test splits that come later.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "model/planted_clicks.hpp"
#include "reclm/adapt.hpp"
#include "reclm/data/splits.hpp"
#include "reclm/data/world.hpp"
#include "reclm/eval/protocol.hpp"
#include "reclm/model/baselines.hpp"
#include "reclm/model/pair_model.hpp"
#include "reclm/model/scorer_ranker.hpp"
#include "support/catch.hpp"
#include "support/sanitized.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

/// Factors as a model.
struct Factors {
  Matrix<float> u, v;
  [[nodiscard]] const Matrix<float>& user_factors() const { return u; }
  [[nodiscard]] const Matrix<float>& item_factors() const { return v; }
};

/// The whole ranking of each user, among items that train holds and, in the end, the others.
template <class Ranker>
TopK whole_lists(const Ranker& ranker, const Interactions& train, Id users) {
  std::vector<Id> who(static_cast<std::size_t>(users));
  std::iota(who.begin(), who.end(), Id{0});
  return ranker(who, items_of(train), &train, train.items());
}

bool same_start(const TopK& a, const TopK& b, Index row, Index length) {
  for (Index k = 0; k < length; ++k)
    if (a.items(row, k) != b.items(row, k)) return false;
  return true;
}

/// Clicks that follow nothing but the items' popularity: seven in ten users have one, the others two to four, the last
/// of which is for validation. A sixth of the items have no click in train.
Dataset thin_data(std::uint64_t seed) {
  const Random random(seed, Stream::evaluation);
  constexpr Id kUsers = 1200, kItems = 90, kSeen = 75;
  std::vector<Pair> train, valid;
  for (Id user = 0; user < kUsers; ++user) {
    const auto at = static_cast<std::uint64_t>(user) * 8;
    const Id clicks = random.below(at, 10) < 7 ? 1 : 2 + static_cast<Id>(random.below(at + 1, 3));
    for (Id c = 0; c < clicks; ++c) {
      const float place = random.uniform(at + 2 + static_cast<std::uint64_t>(c));
      const Id item = std::min(kSeen - 1, static_cast<Id>(kSeen * place * place * place));
      (c > 0 && c + 1 == clicks ? valid : train).push_back({user, item});
    }
  }
  Dataset data;
  data.name = "thin";
  data.train = Interactions::from_pairs(kUsers, kItems, train);
  std::erase_if(valid, [&](const Pair& pair) { return data.train.contains(pair.user, pair.item); });
  data.valid = Interactions::from_pairs(kUsers, kItems, valid);
  return data;
}

}  // namespace

TEST_CASE("profiles that carry nothing leave the ranking of seen items as it was, and unseen ones behind it") {
  const Dataset data = planted_data();
  const Factors model{tastes(data.train.users(), 6, 11), tastes(data.train.items(), 6, 12)};
  const auto seen = static_cast<Index>(items_of(data.train).size());
  const TopK alone = whole_lists(PairModel(model.u, model.v), data.train, data.train.users());
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    auto enhanced = adapt(model, make_profiles(random_matrix(data.train.items(), 8, 200 + seed)),
                          {.residual = false, .seed = seed});
    const FitReport report = enhanced.fit(data.train, data.valid);
    CHECK(report.choice.smoothing == 0);
    CHECK(std::isinf(report.choice.cold_offset));
    CHECK(report.enhanced == report.model_alone);
    const TopK now = whole_lists(enhanced, data.train, data.train.users());
    CHECK(now.items == alone.items);
    std::vector<Id> everybody(static_cast<std::size_t>(data.train.users()));
    std::iota(everybody.begin(), everybody.end(), Id{0});
    const TopK joint = enhanced.top_k(everybody, data.train.items());
    for (const Id user : everybody)
      CHECK(same_start(joint, alone, user, seen - static_cast<Index>(data.train.of(user).size())));
  }
}

TEST_CASE("thin data in which nothing is to be learned leave popularity as it was") {
  for (std::uint64_t seed = 1; seed <= (reclm_test::kSanitized ? 1 : 2); ++seed) {
    const Dataset data = thin_data(seed);
    const Popularity popularity(data.train);
    auto enhanced = adapt(popularity, make_profiles(random_matrix(data.train.items(), 8, 300 + seed)), {.seed = seed});
    const FitReport report = enhanced.fit(data.train, data.valid);
    CHECK(report.validation_users > 200);
    CHECK(report.choice.residual == 0);
    CHECK(report.choice.smoothing == 0);
    CHECK(std::isinf(report.choice.cold_offset));
    const TopK alone = whole_lists(ScorerRanker(popularity), data.train, 200);
    CHECK(whole_lists(enhanced, data.train, 200).items == alone.items);
  }
}

TEST_CASE("users with shorter histories than validation has seen keep the model's ranking") {
  // Half of the users lose all but one click of train, and their clicks of validation.
  const Dataset whole = planted_data(161, 81, 12);
  std::vector<Pair> train, valid;
  const auto thin = [](Id user) { return user % 2 == 1; };
  for (const Pair& pair : whole.train.pairs())
    if (!thin(pair.user) || whole.train.of(pair.user).front() == pair.item) train.push_back(pair);
  for (const Pair& pair : whole.valid.pairs())
    if (!thin(pair.user)) valid.push_back(pair);
  const auto clicks = Interactions::from_pairs(161, 81, train), later = Interactions::from_pairs(161, 81, valid);
  const Factors model{random_matrix(161, 5, 7), random_matrix(81, 5, 8)};  // knows nothing

  auto enhanced = adapt(model, make_profiles(whole.item_profiles));
  const FitReport report = enhanced.fit(clicks, later);
  CHECK(report.choice.residual > 0);
  CHECK(report.choice.smoothing == 0);
  CHECK(report.choice.min_history > 1);
  CHECK(report.enhanced > report.model_alone + 0.1);
  const TopK now = whole_lists(enhanced, clicks, 160);
  const TopK alone = whole_lists(PairModel(model.u, model.v), clicks, 160);
  const auto seen = static_cast<Index>(items_of(clicks).size());
  for (Id user = 0; user < 160; ++user) {
    const auto length = static_cast<Index>(clicks.of(user).size());
    const bool kept = length < report.choice.min_history;
    CHECK(same_start(now, alone, user, seen - length) == kept);
    if (thin(user)) CHECK(kept);
  }

  // So do newcomers: with a click or two what they look at decides as the model alone would have it.
  const Id one = enhanced.add_user(std::array<Id, 1>{4});
  const auto row = enhanced.user_factors().row(one);
  for (std::size_t k = static_cast<std::size_t>(model.v.cols()); k + 1 < row.size(); ++k) CHECK(row[k] == 0);
}

TEST_CASE("too few validation users change nothing") {
  Dataset data = planted_data();
  std::vector<Pair> few;
  for (const Pair& pair : data.valid.pairs())
    if (pair.user < 12) few.push_back(pair);
  const Factors model{random_matrix(61, 5, 7), random_matrix(81, 5, 8)};
  auto enhanced = adapt(model, make_profiles(data.item_profiles));
  const FitReport report = enhanced.fit(data.train, Interactions::from_pairs(61, 81, few));
  CHECK(report.choice.residual == 0);
  CHECK(report.choice.smoothing == 0);
  CHECK(whole_lists(enhanced, data.train, 61).items == whole_lists(PairModel(model.u, model.v), data.train, 61).items);
}

TEST_CASE("what was chosen on earlier clicks loses nothing on later ones", "[long]") {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    const TextEncoderOptions quick{.width = 48, .longest_gram = 0, .hash_bits = 12};
    Dataset data = make_world({.users = 400, .items = 300, .encoder = quick, .seed = seed}).dataset;
    carve_validation(data, {.seed = seed});
    const Popularity popularity(data.train);
    const double alone = evaluate(data, Setting::full_shot, ScorerRanker(popularity)).mean("recall@20");
    for (const bool placebo : {false, true}) {
      Profiles profiles = profiles_of(data);
      if (placebo) profiles = make_profiles(random_matrix(data.train.items(), 16, seed));
      auto enhanced = adapt(popularity, std::move(profiles), {.seed = seed});
      const FitReport report = enhanced.fit(data.train, data.valid);
      CHECK(report.enhanced >= report.model_alone);
      const auto later = evaluate(data, Setting::full_shot, enhanced);
      CHECK(later.mean("recall@20") >= 0.98 * alone);
      // Behind all there is, profiles of noise push nothing forward.
      if (placebo) CHECK(std::isinf(report.choice.cold_offset));
    }
  }
}
