/// Seconds of one full ranking, as bench/peers/cf/rank.py measures it: top 20 of every user over all items, train items
/// masked, random vectors of the data set's size.
///
///     peer_rank --data DIR --threads 1 [--repeats 5]
///     peer_rank --items 1000000 --width 64 [--users 512] [--threads 1] [--repeats 5]
///
/// The second form asks a ServingModel of so many items for one user's list, and for the lists of all users at once.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "reclm/align/serving.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/data/load.hpp"
#include "reclm/model/pair_model.hpp"

namespace {

using namespace reclm;

Matrix<float> vectors(Index rows, Index width, std::uint64_t seed) {
  const Random random(seed, Stream::evaluation);
  Matrix<float> m(rows, width);
  parallel_for(rows, 1024, [&](Index r) {
    for (Index k = 0; k < width; ++k) m(r, k) = random.uniform(static_cast<std::uint64_t>(r * width + k)) - 0.5f;
  });
  return m;
}

/// Seconds of each of `repeats` runs after one that is not counted.
template <class Action>
nlohmann::json seconds(int repeats, const Action& action) {
  nlohmann::json result = nlohmann::json::array();
  for (int repeat = 0; repeat <= repeats; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    action(repeat);
    if (repeat > 0) result.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return result;
}

nlohmann::json rank_catalogue(Index items, Index users, Index width, int repeats) {
  const ServingModel model(vectors(users, width, 1), vectors(items, width, 2),
                           Interactions(static_cast<Id>(users), static_cast<Id>(items),
                                        std::vector<Index>(static_cast<std::size_t>(users) + 1, 0), {}));
  std::vector<Id> all(static_cast<std::size_t>(users));
  std::iota(all.begin(), all.end(), 0);
  return {{"one_seconds", seconds(8 * repeats, [&](int r) { return model.recommend(static_cast<Id>(r % users), 20); })},
          {"batch_seconds", seconds(repeats, [&](int) { return model.top_k(all, 20); })}};
}

nlohmann::json rank_data(const std::string& folder, int repeats) {
  LoadOptions load;
  load.features = false;
  const Dataset data = load_dataset(folder, load);
  const PairModel model(vectors(data.train.users(), 32, 1), vectors(data.train.items(), 32, 2));
  std::vector<Id> users(static_cast<std::size_t>(model.users())), items(static_cast<std::size_t>(model.items()));
  std::iota(users.begin(), users.end(), 0);
  std::iota(items.begin(), items.end(), 0);
  return {{"rank_seconds", seconds(repeats, [&](int) { return model.top_k(users, items, &data.train, 20); })}};
}

}  // namespace

int main(int argc, char** argv) try {
  std::map<std::string, std::string> options{{"threads", "1"}, {"repeats", "5"}, {"users", "512"}, {"width", "64"}};
  for (int k = 1; k + 1 < argc; k += 2) options[std::string(argv[k]).substr(2)] = argv[k + 1];
  const ThreadLimit limit(std::stoi(options["threads"]));
  const int repeats = std::stoi(options["repeats"]);
  const nlohmann::json result = options.contains("items")
                                    ? rank_catalogue(std::stoll(options["items"]), std::stoll(options["users"]),
                                                     std::stoll(options["width"]), repeats)
                                    : rank_data(options["data"], repeats);
  std::cout << result.dump() << std::endl;
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "peer_rank: %s\n", e.what());
  return 1;
}
