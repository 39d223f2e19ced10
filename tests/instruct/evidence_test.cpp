/// Evidence for profiles by hand, its weights against their conditions, and what it tells on worlds: whose profile it
/// is, with weights learned on other topics, and that words nobody uses do not pay.
#include <array>

#include "reclm/data/world.hpp"
#include "reclm/instruct/dialogues.hpp"
#include "reclm/instruct/neighbours.hpp"
#include "reclm/instruct/preferences.hpp"
#include "reclm/instruct/reward/fit_evidence.hpp"
#include "reclm/instruct/reward/profile_reward.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::instruct;

namespace {

double log_loss(std::span<const EvidenceValues> pairs, const EvidenceWeights& weights) {
  double loss = 0;
  for (const EvidenceValues& pair : pairs) {
    double margin = 0;
    for (std::size_t k = 0; k < kEvidence; ++k) margin += weights[k] * pair[k];
    loss += std::log1p(std::exp(-margin));
  }
  return loss;
}

/// A world, its preference pairs and its evidence.
struct Town {
  World world;
  Dialogues dialogues;
  Neighbours neighbours;
  std::vector<PreferencePair> pairs;
  std::unique_ptr<ProfileEvidence> evidence;

  explicit Town(int vocabulary)
      : world(make_world({.users = 240, .items = 300, .vocabulary = vocabulary, .vectors = false, .seed = 5})),
        dialogues(world.dataset, {.columns = {"title"}}) {
    const Dataset& data = world.dataset;
    Matrix<float> clicks(data.train.users(), data.train.items());
    std::vector<Id> all;
    for (Id u = 0; u < static_cast<Id>(data.train.users()); ++u) {
      all.push_back(u);
      for (const Id item : data.train.of(u)) clicks(u, item) = 1;
    }
    neighbours = nearest_rows(MatrixView<const float>(clicks.view()), 5);
    pairs = preference_pairs(dialogues, all, neighbours.ids.view(), world.user_profile_text).samples;
    evidence = std::make_unique<ProfileEvidence>(EvidenceSources{.data = &data,
                                                                 .neighbours = neighbours.ids.view(),
                                                                 .profiles = world.user_profile_text,
                                                                 .item_profiles = world.item_profile_text});
  }
};

}  // namespace

TEST_CASE("lift counts a cosine in deviations over all items") {
  const Matrix<float> items(4, 2, {1, 0, 0, 1, 0.6f, 0.8f, -1, 0});
  const LiftScale scale(items);
  const Matrix<float> phrases(2, 2, {1, 0, 0.8f, 0.6f});
  const Matrix<float> history(2, 2, {1, 0, 0.6f, 0.8f});
  const std::array<std::uint8_t, 2> known{1, 1};
  const Matrix<double> lifts = scale(phrases, known, history);
  for (Index p = 0; p < 2; ++p) {
    double mean = 0, squares = 0;
    for (Index i = 0; i < 4; ++i) {
      const double dot =
          static_cast<double>(phrases(p, 0)) * items(i, 0) + static_cast<double>(phrases(p, 1)) * items(i, 1);
      mean += dot / 4;
      squares += dot * dot / 4;
    }
    for (Index h = 0; h < 2; ++h) {
      const double dot =
          static_cast<double>(phrases(p, 0)) * history(h, 0) + static_cast<double>(phrases(p, 1)) * history(h, 1);
      CHECK(lifts(p, h) == Approx((dot - mean) / std::sqrt(squares - mean * mean)));
    }
  }
  const std::array<std::uint8_t, 2> one{1, 0};
  CHECK(scale(phrases, one, history)(1, 0) == -1);
  CHECK(scale(phrases, one, history)(0, 1) == lifts(0, 1));
  CHECK_THROWS_AS(scale(phrases, std::span(known).first(1), history), ShapeError);
  CHECK_THROWS_AS(scale(Matrix<float>(1, 3), one, history), ShapeError);
}

TEST_CASE("lift and reach of a profile: missing entries are worth what unknown ones are") {
  const Matrix<double> lifts(2, 3, {3, 0, 0, 0, 6, -2});
  CHECK(mean_lift(lifts, 2) == Approx((1 + 4.0 / 3) / 2));
  CHECK(mean_lift(lifts, 1) == mean_lift(lifts, 2));
  CHECK(mean_lift(lifts, 4) == Approx((1 + 4.0 / 3 - 2) / 4));
  CHECK(mean_lift(Matrix<double>(0, 3), 3) == kUnknownLift);
  CHECK(mean_lift(Matrix<double>(0, 3), 0) == kUnknownLift);
  CHECK(mean_lift(Matrix<double>(2, 0), 2) == 0);
  CHECK(mean_reach(lifts) == Approx((3 + 4 + 0) / 3.0));
  CHECK(mean_reach(Matrix<double>(0, 0)) == 0);
  CHECK(form_of("User identity: a, A; User interests: b, c").distinct == 0.75);
  CHECK(form_of("User identity: a, b; User interests: c, d").whole);
  CHECK(form_of(" User identity: a, b; User interests: c, d\n").whole);  // behind Llama 2's chat template
  CHECK_FALSE(form_of("Sure! User identity: a; User interests: c").whole);
  CHECK_FALSE(form_of("User identity: a; User interests: b User identity: c; User interests: d").whole);
}

TEST_CASE("evidence is weighed by the pairs: at the optimum no weight wants to move") {
  RandomSequence random(Random(7, Stream::evaluation));
  std::vector<EvidenceValues> pairs;
  for (int k = 0; k < 300; ++k) {
    EvidenceValues pair{};
    for (double& x : pair) x = static_cast<double>(random.uniform()) - 0.5;
    pair[5] = 0;  // says nothing
    // The first speaks for the chosen answer, the second a little, the third against it.
    const double margin = 6 * pair[0] + 2 * pair[1] - 4 * pair[2];
    if (static_cast<double>(random.uniform()) > 1 / (1 + std::exp(-margin)))
      for (double& x : pair) x = -x;
    pairs.push_back(pair);
  }
  const EvidenceWeights weights = fit_evidence(pairs);
  CHECK(weights[0] > weights[1]);
  CHECK(weights[1] > 0);
  CHECK(weights[2] == 0);
  CHECK(weights[5] == 0);
  // The ridge is on weights in the evidence's spread.
  const auto objective = [&](const EvidenceWeights& w) {
    double total = log_loss(pairs, w);
    for (std::size_t k = 0; k < kEvidence; ++k) {
      double squares = 0;
      for (const EvidenceValues& pair : pairs) squares += pair[k] * pair[k] / 300;
      total += 0.5 * w[k] * w[k] * squares;
    }
    return total;
  };
  for (std::size_t k = 0; k < 5; ++k) {
    EvidenceWeights more = weights, less = weights;
    more[k] += 1e-4;
    less[k] -= 1e-4;
    const double slope = (objective(more) - objective(less)) / 2e-4;
    if (weights[k] > 0)
      CHECK(slope == Approx(0).margin(1e-4));
    else
      CHECK(slope > 0);
  }
}

TEST_CASE("the weights are the minimum, however evidence goes together") {
  RandomSequence random(Random(8, Stream::evaluation));
  const auto noise = [&] { return static_cast<double>(random.uniform()) - 0.5; };
  double steepest = 0;
  for (int problem = 0; problem < 500; ++problem) {
    std::array<std::array<double, 3>, kEvidence> mixing{};
    for (auto& row : mixing)
      for (double& x : row) x = noise();
    std::vector<EvidenceValues> pairs(60);
    for (EvidenceValues& pair : pairs) {
      const std::array<double, 3> causes{noise(), noise(), noise() + 0.2};
      for (std::size_t k = 0; k < kEvidence; ++k)
        pair[k] = mixing[k][0] * causes[0] + mixing[k][1] * causes[1] + mixing[k][2] * causes[2] + 0.1 * noise();
    }
    const EvidenceWeights weights = fit_evidence(pairs);
    for (std::size_t k = 0; k < kEvidence; ++k) {
      double squares = 0, slope = 0;
      for (const EvidenceValues& pair : pairs) squares += pair[k] * pair[k] / 60;
      slope = weights[k] * squares;
      for (const EvidenceValues& pair : pairs) {
        double margin = 0;
        for (std::size_t j = 0; j < kEvidence; ++j) margin += weights[j] * pair[j];
        slope -= pair[k] / (1 + std::exp(margin));
      }
      slope /= std::sqrt(squares);
      CHECK(weights[k] >= 0);
      steepest = std::max(steepest, weights[k] > 0 ? std::abs(slope) : -slope);  // at 0 it may want to be negative
    }
  }
  CHECK(steepest < 1e-6);
}

TEST_CASE("pairs that are told apart without fault have finite weights, and what is no number is refused") {
  const EvidenceValues sure{0, 1, 0, 0, 0, 0};
  const EvidenceWeights finite = fit_evidence(std::vector<EvidenceValues>(50, sure));
  CHECK(finite[1] > 1);
  CHECK(finite[1] < 10);
  CHECK_THROWS_AS(fit_evidence({}), ConfigError);
  CHECK_THROWS_AS(fit_evidence(std::vector<EvidenceValues>(1, sure), 0), ConfigError);
  CHECK_THROWS_AS(fit_evidence(std::vector<EvidenceValues>(1, EvidenceValues{NAN})), NumericError);
}

TEST_CASE("evidence tells whose profile it is, with weights from other topics too") {
  Town leisure(0), knowledge(1);
  ProfileReward<> here(nullptr, *leisure.evidence), there(nullptr, *knowledge.evidence);
  const std::span<const PreferencePair> learned(leisure.pairs.data(), 80);
  here.mixture.evidence = there.mixture.evidence = fit_evidence(evidence_differences(here, learned));
  CHECK(here.mixture.evidence[static_cast<std::size_t>(Evidence::lift)] > 0);
  const PairAccuracy own = pair_accuracy(here, std::span<const PreferencePair>(leisure.pairs).subspan(80));
  const PairAccuracy other = pair_accuracy(there, std::span<const PreferencePair>(knowledge.pairs));
  CHECK(own.count > 100);
  CHECK(own.all > 0.93);
  CHECK(other.all > 0.9);
  CHECK(own.by_kind[static_cast<std::size_t>(Rejection::neighbour)] > 0.8);
  CHECK(other.by_kind[static_cast<std::size_t>(Rejection::neighbour)] > 0.8);
  // Nobody's: a pair from elsewhere is judged by its form alone.
  const PreferencePair foreign{-1, Rejection::full_stop, {}, leisure.pairs[0].chosen, "."};
  CHECK(pair_accuracy(here, std::span<const PreferencePair>(&foreign, 1)).all == 1);
}

TEST_CASE("neither invented words nor repetition nor one sure thing alone pays") {
  Town town(0);
  ProfileReward<> reward(nullptr, *town.evidence);
  reward.mixture.evidence = fit_evidence(evidence_differences(reward, std::span<const PreferencePair>(town.pairs)));
  CHECK(town.evidence->known("bread baking"));
  CHECK_FALSE(town.evidence->known("breador bakor"));
  CHECK_FALSE(town.evidence->known(" ,"));
  double own_total = 0, invented_total = 0, repeated_total = 0, alone_total = 0;
  for (std::size_t k = 0; k < 60; ++k) {
    const PreferencePair& pair = town.pairs[k];
    const Profile own = read_profile(pair.chosen).profile;
    Profile invented = own, repeated = own, alone = own;
    for (std::string& entry : invented.interests) entry += "or";
    repeated.interests.assign(3, own.interests[0]);
    alone.interests.resize(1);
    alone.identities.resize(1);
    std::vector<ProfileAnswer> answers;
    for (const Profile& profile : {own, invented, repeated, alone})
      answers.push_back({pair.user, nullptr, format_profile(profile)});
    const auto values = reward.evidence(answers);
    own_total += reward.model_score(values[0]);
    invented_total += reward.model_score(values[1]);
    repeated_total += reward.model_score(values[2]);
    alone_total += reward.model_score(values[3]);
    CHECK(values[1][static_cast<std::size_t>(Evidence::lift)] == -1);
  }
  CHECK(own_total > invented_total);
  CHECK(own_total > repeated_total);
  CHECK(own_total > alone_total);
}

TEST_CASE("a reward by entry adds up, and a stranger's interest earns less than one's own") {
  Town town(0);
  ProfileReward<> reward(nullptr, *town.evidence);
  reward.mixture.evidence = {0, 1, 1.5, 0.6, 0.4, 0.8};
  reward.mixture.weights = {0.75, 0, 0, 0.25, 0};
  const auto& texts = town.world.user_profile_text;
  std::vector<ProfileAnswer> answers;
  for (Id u = 0; u < 40; ++u) {
    Profile mixed = read_profile(texts[static_cast<std::size_t>(u)]).profile;
    mixed.interests.back() = read_profile(texts[static_cast<std::size_t>(u) + 60]).profile.interests.front();
    answers.push_back({u, nullptr, format_profile(mixed)});
  }
  answers.push_back({0, nullptr, "nothing"});
  reward.calibrate(answers);
  const std::vector<double> totals = reward(answers);
  const auto evidence = reward.evidence(answers);
  const auto by_entry = reward.by_entry(answers);
  REQUIRE(by_entry.size() == answers.size());
  double own = 0, foreign = 0;
  for (std::size_t k = 0; k + 1 < answers.size(); ++k) {
    CHECK(by_entry[k].total == totals[k]);
    const Profile profile = read_profile(answers[k].text).profile;
    std::vector<std::string> entries = profile.identities;
    entries.insert(entries.end(), profile.interests.begin(), profile.interests.end());
    REQUIRE(by_entry[k].entries.size() == entries.size());
    double sum = 0;
    for (std::size_t e = 0; e < entries.size(); ++e) {
      const std::size_t end = by_entry[k].entries[e].end;
      CHECK(answers[k].text.substr(end - entries[e].size(), entries[e].size()) == entries[e]);
      sum += by_entry[k].entries[e].amount;
    }
    const auto beyond = [&](Evidence e, double without) {  // what a profile without entries has
      return reward.mixture.evidence[static_cast<std::size_t>(e)] *
             (evidence[k][static_cast<std::size_t>(e)] - without);
    };
    const double expected =
        beyond(Evidence::lift, kUnknownLift) + beyond(Evidence::kinship, kUnknownLift) + beyond(Evidence::reach, 0);
    CHECK(sum == Approx(0.75 * expected / reward.mixture.scales[0].deviation()).margin(1e-9));
    own += by_entry[k].entries[profile.identities.size()].amount;
    foreign += by_entry[k].entries.back().amount;
  }
  CHECK(own > 2 * foreign);
  // What is missing or said twice earns nothing, and interests keep their places.
  const Profile profile = read_profile(texts[0]).profile;
  const std::string name = profile.interests[0];
  const std::string twice =
      "User identity: " + name + " friend, " + name + " friend; User interests: " + name + ", " + name;
  const auto repeated = reward.by_entry(std::vector<ProfileAnswer>{{0, nullptr, twice}}).front().entries;
  REQUIRE(repeated.size() == 4);
  const std::size_t label = twice.find(kInterestLabel);
  CHECK(repeated[0].end == twice.find(','));
  CHECK(repeated[1].amount == 0);
  CHECK(repeated[2].amount == 0);
  CHECK(repeated[2].end > label);
  CHECK(repeated[3].end == twice.find(name, label) + name.size());
  // What stands in the text in another form than it is read in is owed to the end.
  const std::string spaced = "User identity: reader; User interests: " + name + " and  more";
  const auto unknown = reward.by_entry(std::vector<ProfileAnswer>{{0, nullptr, spaced}}).front().entries;
  REQUIRE(unknown.size() == 4);
  CHECK(unknown.back().end == spaced.size());
  CHECK(by_entry.back().entries.empty());
  CHECK(by_entry.back().total == reward.mixture.malformed);
}
