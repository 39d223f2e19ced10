#pragma once
/// @file world.hpp
/// The embedded world: a data set made from a seed, with known interests behind every click.

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/detail/world_items.hpp"
#include "reclm/data/detail/world_oracle.hpp"
#include "reclm/data/detail/world_text.hpp"
#include "reclm/data/detail/world_tuning.hpp"
#include "reclm/data/detail/world_users.hpp"
#include "reclm/data/splits.hpp"
#include "reclm/data/text_encoder.hpp"

namespace reclm {

/// How large a world is and which one. Whatever the size, its shape stays: see detail/world_tuning.hpp.
struct WorldOptions {
  Index users = 2000;            ///< 1 to 2^31 − 1
  Index items = 2600;            ///< 100 to 2^31 − 1
  double clicks = 15;            ///< median clicks a user, before and after the cut; at least 1
  double new_items = 0.18;       ///< share of items that come after the cut, 0 to 0.9
  double cut = 0.8;              ///< where test begins, as a share of the world's time; above 0, below 1
  int vocabulary = 0;            ///< 0: what people do in their free time; 1: science, work and public life
  bool vectors = true;           ///< false: no item_vectors and profile vectors, only texts
  TextEncoderOptions encoder{};  ///< how texts become vectors
  std::uint64_t seed = 1;
};

/// One click of the world.
struct WorldEvent {
  Id user = 0, item = 0;
  Index time = 0;  ///< Unix seconds
  bool operator==(const WorldEvent&) const = default;
};

/// A world and the truth behind it.
///
/// `dataset`: train holds the clicks before the cut, test those after it on items that train knows, zero those on items
/// that it does not; valid is empty; train_values holds the times. item_text has the columns title, abstract and
/// category. Everybody has a click in train; about a third of the users have at most five.
struct World {
  Dataset dataset;
  WorldOptions options;
  std::vector<std::string> topic_names;
  std::vector<std::string> interest_names, interest_identities;   ///< as profiles name them
  std::vector<Id> interest_topic;                                 ///< topic of each interest
  std::vector<std::vector<WorldInterest>> user_interests;         ///< of each user, heaviest first: one to five
  std::vector<std::vector<Id>> item_interests;                    ///< of each item, the main one first: one or two
  std::vector<std::string> user_profile_text, item_profile_text;  ///< "User identity: a, b, c; User interests: x, y, z"
  std::vector<WorldEvent> train_events, test_events, zero_events;  ///< by user, then time
};

namespace detail::world {

inline void check(const WorldOptions& options) {
  const auto require = [](bool fine, const char* rule) {
    if (!fine) throw ConfigError(std::string("WorldOptions: ") + rule);
  };
  constexpr Index kMostIds = 2147483647;
  require(options.users >= 1 && options.users <= kMostIds, "users must lie in 1 … 2^31 - 1");
  require(options.items >= 100 && options.items <= kMostIds, "items must lie in 100 … 2^31 - 1");
  require(options.clicks >= 1 && options.clicks <= 1e6, "clicks must lie in 1 … 10^6");
  require(options.new_items >= 0 && options.new_items <= 0.9, "new_items must lie in 0 … 0.9");
  require(options.cut > 0 && options.cut < 1, "cut must lie between 0 and 1");
  require(options.vocabulary == 0 || options.vocabulary == 1, "vocabulary must be 0 or 1");
}

// The world runs for half a year from 2024-01-01.
inline Index world_seconds(double time) { return 1704067200 + static_cast<Index>(time * 180 * 86400); }

inline void split_events(World& world, const std::vector<WorldUser>& people) {
  const WorldOptions& options = world.options;
  std::vector<char> seen(static_cast<std::size_t>(options.items), 0);
  for (const WorldUser& person : people)
    for (const WorldClick& click : person.clicks)
      if (click.time < options.cut) seen[static_cast<std::size_t>(click.item)] = 1;
  for (std::size_t u = 0; u < people.size(); ++u)
    for (const WorldClick& click : people[u].clicks) {
      auto& events = click.time < options.cut                     ? world.train_events
                     : seen[static_cast<std::size_t>(click.item)] ? world.test_events
                                                                  : world.zero_events;
      events.push_back({static_cast<Id>(u), click.item, world_seconds(click.time)});
    }
  const auto interactions = [&](const std::vector<WorldEvent>& events) {
    std::vector<Pair> pairs;
    pairs.reserve(events.size());
    for (const WorldEvent& event : events) pairs.push_back({event.user, event.item});
    return Interactions::from_pairs(static_cast<Id>(options.users), static_cast<Id>(options.items), pairs);
  };
  Dataset& data = world.dataset;
  data.train = interactions(world.train_events);
  std::vector<WorldEvent> in_order = world.train_events;
  std::sort(in_order.begin(), in_order.end(), [](const WorldEvent& a, const WorldEvent& b) {
    return std::pair(a.user, a.item) < std::pair(b.user, b.item);
  });
  for (const WorldEvent& event : in_order) data.train_values.timestamps.push_back(static_cast<double>(event.time));
  data.valid = interactions({});
  data.test = interactions(world.test_events);
  data.zero = interactions(world.zero_events);
  data.test_candidates = items_of(data.test);
  data.zero_candidates = items_of(data.zero);
}

inline void name_everything(World& world, const WorldVocabulary& vocabulary) {
  Dataset& data = world.dataset;
  data.name = world.options.vocabulary == 0 ? "world" : "world-knowledge";
  for (Index u = 0; u < world.options.users; ++u) data.users.insert("u" + std::to_string(u + 1));
  for (Index i = 0; i < world.options.items; ++i) data.items.insert("i" + std::to_string(i + 1));
  for (Id k = 0; k < static_cast<Id>(vocabulary.size()); ++k) {
    if (k % kInterestsPerTopic == 0) world.topic_names.emplace_back(vocabulary[k].topic);
    world.interest_names.emplace_back(vocabulary[k].interest);
    world.interest_identities.emplace_back(vocabulary[k].identity);
    world.interest_topic.push_back(k / kInterestsPerTopic);
  }
}

inline void write_items(World& world, const WorldVocabulary& vocabulary, const WorldItems& items,
                        const WorldTuning& tuning) {
  const auto count = static_cast<std::size_t>(world.options.items);
  TextColumn title{"title", std::vector<std::string>(count)}, abstract{"abstract", std::vector<std::string>(count)},
      category{"category", std::vector<std::string>(count)};
  const WorldWriter writer(world.options.seed, vocabulary, items, tuning);
  parallel_for(world.options.items, 64, [&](Index i) {
    const auto at = static_cast<std::size_t>(i);
    WorldText text = writer.write(i);
    title.values[at] = std::move(text.title);
    abstract.values[at] = std::move(text.abstract);
    category.values[at] = vocabulary[items.interests[at].front()].topic;
  });
  world.dataset.item_text = {std::move(title), std::move(abstract), std::move(category)};
}

inline void encode_world(World& world) {
  Dataset& data = world.dataset;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < data.item_text[0].values.size(); ++i)
    texts.push_back(data.item_text[0].values[i] + " " + data.item_text[1].values[i]);
  data.item_vectors = encode_text(texts, world.options.encoder);

  // Users and items in one call: their profiles must be comparable.
  texts = world.item_profile_text;
  texts.insert(texts.end(), world.user_profile_text.begin(), world.user_profile_text.end());
  const Matrix<float> all = encode_text(texts, world.options.encoder);
  data.item_profiles = Matrix<float>(world.options.items, all.cols());
  data.user_profiles = Matrix<float>(world.options.users, all.cols());
  std::copy_n(all.data(), data.item_profiles.size(), data.item_profiles.data());
  std::copy_n(all.data() + data.item_profiles.size(), data.user_profiles.size(), data.user_profiles.data());
}

inline World make(const WorldOptions& options, const WorldTuning& tuning) {
  check(options);
  World world;
  world.options = options;
  const WorldVocabulary vocabulary(options.vocabulary);
  const WorldLayout layout(options.seed, vocabulary.size());
  const WorldItems items(options.seed, options.items, options.new_items, options.cut, layout, tuning);
  const WorldPopulation population(options.seed, options.clicks, options.cut, layout, items, tuning);
  std::vector<WorldUser> people(static_cast<std::size_t>(options.users));
  parallel_for(options.users, 32, [&](Index u) { people[static_cast<std::size_t>(u)] = population.make(u); });

  name_everything(world, vocabulary);
  split_events(world, people);
  write_items(world, vocabulary, items, tuning);
  const WorldOracle oracle(options.seed, vocabulary, layout, items, tuning);
  world.user_profile_text.resize(people.size());
  world.item_profile_text.resize(static_cast<std::size_t>(options.items));
  parallel_for(options.users, 64, [&](Index u) {
    const auto at = static_cast<std::size_t>(u);
    world.user_profile_text[at] = oracle.user_profile(u, people[at], world.dataset.train.of(static_cast<Id>(u)));
  });
  parallel_for(options.items, 64,
               [&](Index i) { world.item_profile_text[static_cast<std::size_t>(i)] = oracle.item_profile(i); });
  for (WorldUser& person : people) world.user_interests.push_back(std::move(person.interests));
  world.item_interests = items.interests;
  if (options.vectors) encode_world(world);
  return world;
}

}  // namespace detail::world

/// Makes the world of `options.seed`: the same bits for any number of threads.
///
/// Users have one to five interests and a taste; items are about one or two interests and have a style. A click is the
/// choice among a slate of items, shown by interest, by popularity or because they are new. Style and taste show in
/// texts only partly, and which interests go together not at all, so that clicks say more than texts.
/// @throws ConfigError when an option is out of range
/// Cost: about 1 s on one core at the defaults, most of it for vectors; linear in users × clicks and in text.
inline World make_world(const WorldOptions& options = {}) { return detail::world::make(options, {}); }

}  // namespace reclm
