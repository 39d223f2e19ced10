#include "reclm/data/world.hpp"

#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>

#include "reclm/data/load.hpp"
#include "reclm/data/world_files.hpp"
#include "reclm/eval/protocol.hpp"
#include "reclm/model/baselines.hpp"
#include "support/catch.hpp"
#include "support/sanitized.hpp"
#include "support/scorer_ranker.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;

namespace {

// Small, without vectors: for everything that is not about behaviour.
WorldOptions small() { return {.users = 300, .items = 400, .vectors = false}; }

template <class Scorer>
double recall_at_20(const Dataset& data, Setting setting, const Scorer& scorer) {
  EvalOptions options;
  options.metrics = {{MetricKind::recall}, {20}};
  options.catalogue = false;
  return evaluate(data, setting, test::sorted_ranker(scorer), options).mean("recall@20");
}

// Cosine of items' sets of users, summed over the history: the simplest collaborative filter.
struct ItemNeighbours {
  const Interactions& train;
  Matrix<float> similarity;

  explicit ItemNeighbours(const Interactions& pairs) : train(pairs), similarity(pairs.items(), pairs.items()) {
    const auto counts = pairs.item_counts();
    for (Id u = 0; u < pairs.users(); ++u)
      for (const Id a : pairs.of(u))
        for (const Id b : pairs.of(u)) similarity(a, b) += 1;
    for (Index a = 0; a < similarity.rows(); ++a)
      for (Index b = 0; b < similarity.cols(); ++b)
        if (similarity(a, b) > 0)
          similarity(a, b) /= std::sqrt(static_cast<float>(counts[static_cast<std::size_t>(a)]) *
                                        static_cast<float>(counts[static_cast<std::size_t>(b)])) +
                              5;
  }
  void score(Id user, std::span<const Id> items, std::span<float> out) const {
    std::fill(out.begin(), out.end(), 0.0f);
    for (const Id known : train.of(user))
      for (std::size_t k = 0; k < items.size(); ++k) out[k] += similarity(known, items[k]);
  }
};

std::vector<std::string> interests_named_in(const std::string& profile) {
  const std::string marker = "; User interests: ";
  std::vector<std::string> names(1);
  for (const char c : profile.substr(profile.find(marker) + marker.size()) + ",")
    if (c != ',')
      names.back() += c;
    else
      names.emplace_back();
  names.pop_back();
  for (std::size_t k = 1; k < names.size(); ++k) names[k].erase(0, 1);
  return names;
}

}  // namespace

TEST_CASE("the world's ratios lie within twice of those of MovieLens latest-small", "[long]") {
  struct Case {
    std::uint64_t seed;
    int vocabulary;
  };
  for (const Case& chosen : {Case{1, 0}, Case{2, 0}, Case{3, 0}, Case{4, 0}, Case{1, 1}, Case{5, 1}}) {
    CAPTURE(chosen.seed, chosen.vocabulary);
    const World world = make_world({.vocabulary = chosen.vocabulary, .seed = chosen.seed});
    const Dataset& data = world.dataset;
    const Popularity popularity(data.train);
    const ContentKnn content(data.train, data.item_vectors);
    const RandomOrder random(data.train.users(), data.train.items(), 1);
    const double popularity_full = recall_at_20(data, Setting::full_shot, popularity);
    const double content_full = recall_at_20(data, Setting::full_shot, content);
    const double content_zero = recall_at_20(data, Setting::zero_shot, content);
    const double random_full = recall_at_20(data, Setting::full_shot, random);
    const double random_zero = recall_at_20(data, Setting::zero_shot, random);
    const auto within_twice = [](double measured, double real) { return measured > real / 2 && measured < real * 2; };
    CAPTURE(popularity_full, content_full, content_zero, random_full, random_zero);
    CHECK(within_twice(popularity_full, 0.088));
    CHECK(within_twice(popularity_full / random_full, 0.088 / 0.007));
    CHECK(within_twice(content_zero / random_zero, 0.257 / 0.027));
    CHECK(within_twice(content_full / popularity_full, 0.067 / 0.088));
    CHECK(content_full < popularity_full);
  }
}

TEST_CASE("clicks say more than popularity and text", "[long]") {
  const World world = make_world({.seed = 1});
  const Dataset& data = world.dataset;
  const double popularity = recall_at_20(data, Setting::full_shot, Popularity(data.train));
  const double content = recall_at_20(data, Setting::full_shot, ContentKnn(data.train, data.item_vectors));
  const double neighbours = recall_at_20(data, Setting::full_shot, ItemNeighbours(data.train));
  CAPTURE(popularity, content, neighbours);
  CHECK(neighbours > 1.15 * popularity);
  CHECK(neighbours > 1.3 * content);
}

TEST_CASE("profile vectors carry the interests", "[long]") {
  const World world = make_world({.users = 600, .seed = 3});
  const Dataset& data = world.dataset;
  REQUIRE(data.user_profiles.rows() == 600);
  REQUIRE(data.item_profiles.rows() == 2600);
  const double random = recall_at_20(data, Setting::zero_shot, RandomOrder(600, 2600, 1));
  CHECK(recall_at_20(data, Setting::zero_shot, ContentKnn(data.train, data.item_profiles)) > 3 * random);
}

TEST_CASE("the splits are what they say") {
  const World world = make_world(small());
  const Dataset& data = world.dataset;
  CHECK(data.users.size() == 300);
  CHECK(data.items.size() == 400);
  CHECK(data.valid.empty());
  const auto clicks = data.train.item_counts();
  for (const Id item : data.test.columns()) REQUIRE(clicks[static_cast<std::size_t>(item)] > 0);
  for (const Id item : data.zero.columns()) REQUIRE(clicks[static_cast<std::size_t>(item)] == 0);
  CHECK(std::includes(data.test_candidates.begin(), data.test_candidates.end(), data.test.columns().begin(),
                      data.test.columns().begin() + 1));
  CHECK(std::is_sorted(data.zero_candidates.begin(), data.zero_candidates.end()));
  for (Id u = 0; u < 300; ++u) {
    REQUIRE_FALSE(data.train.of(u).empty());
    for (const Id item : data.test.of(u)) REQUIRE_FALSE(data.train.contains(u, item));
  }
  Index latest_train = 0;
  for (const WorldEvent& event : world.train_events) latest_train = std::max(latest_train, event.time);
  for (const auto* later : {&world.test_events, &world.zero_events})
    for (const WorldEvent& event : *later) REQUIRE(event.time >= latest_train);
  REQUIRE(data.train_values.timestamps.size() == static_cast<std::size_t>(data.train.size()));
  const auto pairs = data.train.pairs();
  for (const WorldEvent& event : world.train_events) {
    const auto place = std::lower_bound(pairs.begin(), pairs.end(), Pair{event.user, event.item}) - pairs.begin();
    REQUIRE(data.train_values.timestamps[static_cast<std::size_t>(place)] == static_cast<double>(event.time));
  }
}

TEST_CASE("users are sparse with a long tail, items skewed, a fifth of them new") {
  const World world = make_world({.vectors = false});
  const Interactions& train = world.dataset.train;
  std::vector<Index> lengths;
  for (Id u = 0; u < train.users(); ++u) lengths.push_back(static_cast<Index>(train.of(u).size()));
  std::sort(lengths.begin(), lengths.end());
  const auto few = std::upper_bound(lengths.begin(), lengths.end(), Index{5}) - lengths.begin();
  CHECK(static_cast<double>(few) / 2000 > 0.2);
  CHECK(static_cast<double>(few) / 2000 < 0.45);
  CHECK(lengths.back() > 10 * lengths[lengths.size() / 2]);
  auto clicks = train.item_counts();
  const auto unseen = std::count(clicks.begin(), clicks.end(), Index{0});
  CHECK(static_cast<double>(unseen) / 2600 == Approx(0.19).margin(0.04));
  std::sort(clicks.rbegin(), clicks.rend());
  const double top = std::accumulate(clicks.begin(), clicks.begin() + 26, 0.0);
  CHECK(top / static_cast<double>(train.size()) > 0.08);
}

TEST_CASE("a world is the same bits for one and two threads, and another for another seed") {
  WorldOptions options = small();
  options.vectors = true;
  if (reclm_test::kSanitized) options.users = 100, options.items = 150;
  World one, two;
  {
    const ThreadLimit limit(1);
    one = make_world(options);
  }
  {
    const ThreadLimit limit(2);
    two = make_world(options);
  }
  CHECK(one.train_events == two.train_events);
  CHECK(one.user_profile_text == two.user_profile_text);
  CHECK(one.dataset.item_text[1].values == two.dataset.item_text[1].values);
  CHECK(one.dataset.item_vectors == two.dataset.item_vectors);
  CHECK(one.dataset.user_profiles == two.dataset.user_profiles);
  options.seed = 2;
  options.vectors = false;
  CHECK_FALSE(make_world(options).train_events == one.train_events);
}

TEST_CASE("titles and abstracts read like sentences") {
  const World world = make_world(small());
  const auto& text = world.dataset.item_text;
  REQUIRE(text.size() == 3);
  CHECK(text[0].name == "title");
  CHECK(text[1].name == "abstract");
  CHECK(text[2].name == "category");
  int without = 0;
  std::set<std::string> titles;
  for (std::size_t i = 0; i < 400; ++i) {
    const std::string &title = text[0].values[i], &abstract = text[1].values[i];
    titles.insert(title);
    REQUIRE_FALSE(title.empty());
    REQUIRE(std::isupper(static_cast<unsigned char>(title.front())));
    REQUIRE((title + abstract).find_first_of("{}_\t\n") == std::string::npos);
    if (abstract.empty())
      ++without;
    else
      REQUIRE(abstract.back() == '.');
    REQUIRE(text[2].values[i] == world.topic_names[static_cast<std::size_t>(
                                     world.interest_topic[static_cast<std::size_t>(world.item_interests[i].front())])]);
  }
  CHECK(without > 0);
  CHECK(without < 60);
  CHECK(titles.size() > 350);
}

TEST_CASE("the oracle's profiles have the grammar, and name many true interests but not all") {
  const World world = make_world({.vectors = false});
  const std::set<std::string> known(world.interest_names.begin(), world.interest_names.end());
  Index named = 0, true_ones = 0;
  for (std::size_t u = 0; u < world.user_profile_text.size(); ++u) {
    const std::string& profile = world.user_profile_text[u];
    REQUIRE(profile.rfind("User identity: ", 0) == 0);
    const auto names = interests_named_in(profile);
    REQUIRE(names.size() == 3);
    REQUIRE(std::set<std::string>(names.begin(), names.end()).size() == 3);
    for (const std::string& name : names) REQUIRE(known.count(name) == 1);
    for (const WorldInterest& interest : world.user_interests[u]) {
      const std::string& name = world.interest_names[static_cast<std::size_t>(interest.interest)];
      named += std::count(names.begin(), names.end(), name);
      ++true_ones;
    }
  }
  const double recall = static_cast<double>(named) / static_cast<double>(true_ones);
  const double precision = static_cast<double>(named) / static_cast<double>(3 * world.user_profile_text.size());
  CAPTURE(recall, precision);
  CHECK(recall > 0.5);
  CHECK(recall < 0.85);
  CHECK(precision > 0.4);
  CHECK(precision < 0.8);
  for (const std::string& profile : world.item_profile_text) REQUIRE(interests_named_in(profile).size() == 3);
}

TEST_CASE("users' interests are one to five shares that sum to one, heaviest first") {
  const World world = make_world(small());
  for (const auto& interests : world.user_interests) {
    REQUIRE(interests.size() >= 1);
    REQUIRE(interests.size() <= 5);
    float total = 0;
    for (std::size_t k = 0; k < interests.size(); ++k) {
      total += interests[k].weight;
      if (k > 0) REQUIRE(interests[k].weight <= interests[k - 1].weight);
    }
    REQUIRE(total == Approx(1.0f));
  }
}

TEST_CASE("the two vocabularies share no topic, interest, identity or word") {
  std::set<std::string_view> seen[2];
  for (int v = 0; v < 2; ++v) {
    const detail::WorldVocabulary vocabulary(v);
    REQUIRE(vocabulary.size() == 66);
    std::set<std::string_view> interests, identities;
    for (Id k = 0; k < 66; ++k) {
      REQUIRE(vocabulary[k].topic == vocabulary[k / 3 * 3].topic);
      REQUIRE(vocabulary.words(k).size() == 10);
      interests.insert(vocabulary[k].interest);
      identities.insert(vocabulary[k].identity);
      for (const auto name : {vocabulary[k].topic, vocabulary[k].interest, vocabulary[k].identity})
        seen[v].insert(name);
    }
    CHECK(interests.size() == 66);
    CHECK(identities.size() == 66);
  }
  for (const std::string_view name : seen[0]) CHECK(seen[1].count(name) == 0);
  const detail::WorldVocabulary first(0), second(1);
  std::set<std::string> words;
  for (Id k = 0; k < 66; ++k) words.insert(first.words(k).begin(), first.words(k).end());
  CHECK(words.size() >= 650);
  for (Id k = 0; k < 66; ++k)
    for (const std::string& word : second.words(k)) CHECK(words.count(word) == 0);
}

TEST_CASE("a written world loads as the same data set") {
  const test::TemporaryFolder folder;
  WorldOptions options = small();
  options.vectors = true;
  options.encoder.width = 32;
  const World world = make_world(options);
  write_world(folder / "made" / "world", world);
  const Dataset loaded = load_dataset(folder / "made" / "world");
  CHECK(loaded.name == "world");
  CHECK(loaded.users == world.dataset.users);
  CHECK(loaded.items == world.dataset.items);
  CHECK(loaded.train == world.dataset.train);
  CHECK(loaded.test == world.dataset.test);
  CHECK(loaded.zero == world.dataset.zero);
  CHECK(loaded.train_values.timestamps == world.dataset.train_values.timestamps);
  CHECK(loaded.test_candidates == world.dataset.test_candidates);
  CHECK(loaded.zero_candidates == world.dataset.zero_candidates);
  CHECK(loaded.item_vectors == world.dataset.item_vectors);
  CHECK(loaded.item_profiles == world.dataset.item_profiles);
  CHECK(loaded.user_profiles == world.dataset.user_profiles);
  REQUIRE(loaded.item_text.size() >= 2);
  CHECK(loaded.item_text[0].values == world.dataset.item_text[0].values);
  CHECK(loaded.item_text[1].values == world.dataset.item_text[1].values);
  std::ifstream profiles(folder / "made" / "world" / "user_profiles.jsonl");
  std::string line;
  REQUIRE(std::getline(profiles, line));
  CHECK(line == "{\"user_id\": \"u1\", \"profile\": \"" + world.user_profile_text[0] + "\"}");
}

TEST_CASE("a world without new items is written without a zero split, also over one that had it") {
  const test::TemporaryFolder folder;
  WorldOptions options = small();
  write_world(folder.path(), make_world(options));
  CHECK(std::filesystem::exists(folder / "world.zero.inter"));
  options.new_items = 0;
  options.users = 5000;  // so that every item is clicked before the cut
  options.items = 100;
  options.vectors = false;
  const World world = make_world(options);
  REQUIRE(world.zero_events.empty());
  folder.write("world.valid.inter", "user_id:token\titem_id:token\nu1\ti1\n");
  folder.write("world.test.candidates", "i1\n");
  write_world(folder.path(), world);
  CHECK_FALSE(std::filesystem::exists(folder / "world.zero.inter"));
  for (const char* stale : {"item_text.npy", "item_profile.npy", "user_profile.npy", "world.valid.inter"})
    CHECK_FALSE(std::filesystem::exists(folder / stale));
  CHECK(load_dataset(folder.path(), {.features = false}).test_candidates == world.dataset.test_candidates);
  CHECK(load_dataset(folder.path(), {.features = false}).test == world.dataset.test);
}

TEST_CASE("world options out of range are refused, and a folder that cannot be made is named") {
  CHECK_THROWS_AS(make_world({.users = 0}), ConfigError);
  CHECK_THROWS_AS(make_world({.items = 10}), ConfigError);
  CHECK_THROWS_AS(make_world({.clicks = 0}), ConfigError);
  CHECK_THROWS_AS(make_world({.new_items = 1}), ConfigError);
  CHECK_THROWS_AS(make_world({.cut = 1}), ConfigError);
  CHECK_THROWS_AS(make_world({.vocabulary = 2}), ConfigError);
  const test::TemporaryFolder folder;
  const auto file = folder.write("file", "not a folder");
  CHECK_THROWS_AS(write_world(file / "world", make_world(small())), IoError);
}
