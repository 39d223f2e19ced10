#include "reclm/data/statistics.hpp"

#include <functional>
#include <limits>
#include <string>

#include "reclm/data/findings.hpp"
#include "support/catch.hpp"

using namespace reclm;

namespace {

// Six users and six items; item 5 is new. Nothing is wrong with it.
Dataset small() {
  Dataset data;
  data.name = "small";
  std::vector<Pair> train;
  for (Id user = 0; user < 6; ++user)
    for (Id item = 0; item < 5; ++item) train.push_back({user, item});
  std::erase(train, Pair{0, 4});
  std::erase(train, Pair{1, 4});
  std::erase(train, Pair{0, 3});
  data.train = Interactions::from_pairs(6, 6, train);
  data.test = Interactions::from_pairs(6, 6, std::vector<Pair>{{0, 3}, {0, 4}, {1, 4}});
  data.test_candidates = {3, 4};
  data.valid = Interactions::from_pairs(6, 6, std::vector<Pair>{});
  data.zero = Interactions::from_pairs(6, 6, std::vector<Pair>{{2, 5}});
  data.zero_candidates = {5};
  data.item_text = {{"title", {"one", "two words", "now three words", "a b c d", "x y z x y", "p q"}}};
  data.item_vectors = Matrix<float>(6, 2, std::vector<float>{1, 0, 0, 1, 3, 4, 0, 2, -1, 0, 5, 12});
  return data;
}

bool finds(const Dataset& data, Severity severity, const std::string& words) {
  for (const Finding& f : findings(data, statistics(data)))
    if (f.severity == severity && f.problem.find(words) != std::string::npos) return true;
  return false;
}

// Whether `change` makes the finding appear that was not there before.
bool provokes(Severity severity, const std::string& words, const std::function<void(Dataset&)>& change) {
  Dataset data = small();
  if (finds(data, severity, words)) return false;
  change(data);
  return finds(data, severity, words);
}

Interactions with(const Interactions& pairs, std::vector<Pair> more) {
  auto all = pairs.pairs();
  all.insert(all.end(), more.begin(), more.end());
  return Interactions::from_pairs(pairs.users(), pairs.items(), all);
}

}  // namespace

TEST_CASE("interactions are counted by split, user and item") {
  const DatasetStatistics s = statistics(small());
  CHECK(s.users == 6);
  CHECK(s.items == 6);
  REQUIRE(s.splits.size() == 3);  // no validation
  CHECK(s.splits[0].interactions == 27);
  CHECK(s.splits[0].items == 5);
  CHECK(s.splits[1].name == "test");
  CHECK(s.splits[1].interactions == 3);
  CHECK(s.splits[1].users == 2);
  CHECK(s.splits[1].candidates == 2);
  CHECK(s.splits[2].name == "zero");
  CHECK(s.density == Approx(27.0 / 36));
  // Users have 3, 4, 5, 5, 5, 5; items 6, 6, 6, 5, 4 and none.
  CHECK(s.per_user.least == 3);
  CHECK(s.per_user.most == 5);
  CHECK(s.per_user.median == 5);
  CHECK(s.per_user.mean == Approx(4.5));
  CHECK(s.per_user.none == 0);
  CHECK(s.per_item.least == 4);
  CHECK(s.per_item.median == 6);
  CHECK(s.per_item.mean == Approx(5.4));
  CHECK(s.per_item.none == 1);
  CHECK(s.top_1_percent == Approx(6.0 / 27));
  CHECK(s.top_10_percent == Approx(6.0 / 27));
  // Gini by its definition: the mean difference of two items over twice the mean.
  const double counts[] = {6, 6, 6, 5, 4, 0};
  double differences = 0;
  for (const double a : counts)
    for (const double b : counts) differences += std::abs(a - b);
  CHECK(s.gini == Approx(differences / (2 * 36 * 27.0 / 6)));
}

TEST_CASE("vectors and texts are counted") {
  Dataset data = small();
  data.item_vectors =
      Matrix<float>(5, 2, std::vector<float>{3, 4, 0, 0, 3, 4, std::numeric_limits<float>::quiet_NaN(), 1, 0, 1});
  data.item_text = {{"title", {"one", "", "  ", "one", "two  words\there"}}};
  const DatasetStatistics s = statistics(data);
  REQUIRE(s.vectors.size() == 1);
  CHECK(s.vectors[0].name == "item_vectors");
  CHECK(s.vectors[0].rows == 5);
  CHECK(s.vectors[0].width == 2);
  CHECK(s.vectors[0].zero_rows == 1);
  CHECK(s.vectors[0].not_finite == 1);
  CHECK(s.vectors[0].repeated_rows == 1);
  CHECK(s.vectors[0].mean_norm == Approx((5 + 5 + 1) / 3.0));
  REQUIRE(s.item_text.size() == 1);
  CHECK(s.item_text[0].rows == 5);
  CHECK(s.item_text[0].empty == 2);
  CHECK(s.item_text[0].repeated == 1);
  CHECK(s.item_text[0].median_words == 1);
}

TEST_CASE("an empty data set has statistics and an error") {
  const Dataset data;
  CHECK(statistics(data).density == 0);
  CHECK(statistics(data).gini == 0);
  CHECK(finds(data, Severity::error, "train has no interactions"));
}

TEST_CASE("each fault is found, and only where it is") {
  for (const Finding& f : findings(small(), statistics(small()))) CHECK(f.severity == Severity::note);
  using enum Severity;
  CHECK(provokes(error, "1 of 4 (25.0%) test targets are in train", [](Dataset& d) {
    d.test = with(d.test, {{2, 3}});
  }));
  CHECK(provokes(error, "1 of 3 (33.3%) test targets are no candidates", [](Dataset& d) { d.test_candidates = {4}; }));
  CHECK(provokes(error, "1 of 1 (100.0%) zero targets are no candidates", [](Dataset& d) { d.zero_candidates = {}; }));
  CHECK(provokes(error, "items of the zero split occur in train", [](Dataset& d) {
    d.train = with(d.train, {{0, 5}});
  }));
  CHECK(provokes(error, "1 of 2 (50.0%) zero candidates occur in train", [](Dataset& d) {
    d.zero_candidates = {4, 5};
  }));
  CHECK(provokes(error, "1 of 3 (33.3%) test targets are in valid", [](Dataset& d) {
    d.valid = with(d.valid, {{0, 3}});
  }));
  CHECK(provokes(error, "1 of 1 (100.0%) zero targets are in valid", [](Dataset& d) {
    d.valid = with(d.valid, {{2, 5}});
  }));
  CHECK(provokes(error, "neither vectors nor texts", [](Dataset& d) { d.item_vectors = {}; }));
  CHECK(provokes(error, "NaN", [](Dataset& d) { d.item_vectors(2, 1) = std::numeric_limits<float>::infinity(); }));
  CHECK(provokes(warning, "1 of 6 (16.7%) rows are zero", [](Dataset& d) { d.item_vectors(0, 0) = 0; }));
  CHECK(provokes(warning, "rows equal an earlier one", [](Dataset& d) { d.item_vectors(0, 0) = -1; }));
  CHECK(provokes(warning, "texts are empty", [](Dataset& d) { d.item_text[0].values[2] = " "; }));
  CHECK(provokes(note, "texts equal an earlier one", [](Dataset& d) { d.item_text[0].values[2] = "one"; }));
  CHECK(provokes(warning, "1 users have test targets and no train", [](Dataset& d) {
    d.train = std::move(d.train).resized(7, 6);
    d.test = with(std::move(d.test).resized(7, 6), {{6, 3}});
  }));
  CHECK(provokes(note, "users have no train interactions",
                 [](Dataset& d) { d.train = std::move(d.train).resized(8, 6); }));
  CHECK(provokes(warning, "neither a test nor a zero split", [](Dataset& d) { d.test = d.zero = {}; }));
  CHECK(provokes(note, "no zero split", [](Dataset& d) { d.zero = {}; }));
  CHECK(provokes(note, "half of the users have at most 1", [](Dataset& d) {
    d.train = Interactions::from_pairs(6, 6, std::vector<Pair>{{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 0}});
  }));
  CHECK(provokes(note, "12 lines were merged", [](Dataset& d) { d.notices = {"12 lines were merged"}; }));
}

TEST_CASE("an item that everybody passes is named") {
  Dataset data = small();
  for (const char* name : {"a", "b", "home", "d", "e", "f"}) data.items.insert(name);
  std::vector<Pair> pairs;
  for (Id user = 0; user < 6; ++user) pairs.push_back({user, 2}), pairs.push_back({user, user == 2 ? 3 : user % 5});
  data.train = Interactions::from_pairs(6, 6, pairs);
  CHECK(finds(data, Severity::warning, "item home has"));
}

TEST_CASE("findings begin with what is worst") {
  Dataset data = small();
  data.notices = {"a note"};
  data.item_vectors(0, 0) = 0;
  data.test_candidates = {4};
  const auto found = findings(data, statistics(data));
  CHECK(std::is_sorted(found.begin(), found.end(),
                       [](const Finding& a, const Finding& b) { return a.severity > b.severity; }));
  CHECK(found.front().severity == Severity::error);
}
