/// Seconds of one full ranking, as bench/peers/cf/rank.py measures it: top 20 of every user over all items, train items
/// masked, random vectors of the data set's size.
///
///     peer_rank --data DIR --threads 1 [--repeats 5]
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/data/load.hpp"
#include "reclm/model/pair_model.hpp"

int main(int argc, char** argv) try {
  using namespace reclm;
  std::map<std::string, std::string> options{{"threads", "1"}, {"repeats", "5"}};
  for (int k = 1; k + 1 < argc; k += 2) options[std::string(argv[k]).substr(2)] = argv[k + 1];
  const ThreadLimit limit(std::stoi(options["threads"]));
  LoadOptions load;
  load.features = false;
  const Dataset data = load_dataset(options["data"], load);
  const auto vectors = [](Index rows, std::uint64_t seed) {
    const Random random(seed, Stream::evaluation);
    Matrix<float> m(rows, 32);
    for (Index k = 0; k < m.size(); ++k) m.data()[k] = random.uniform(static_cast<std::uint64_t>(k)) - 0.5f;
    return m;
  };
  const PairModel model(vectors(data.train.users(), 1), vectors(data.train.items(), 2));
  std::vector<Id> users(static_cast<std::size_t>(model.users())), items(static_cast<std::size_t>(model.items()));
  std::iota(users.begin(), users.end(), 0);
  std::iota(items.begin(), items.end(), 0);
  nlohmann::json seconds = nlohmann::json::array();
  for (int repeat = 0; repeat <= std::stoi(options["repeats"]); ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    const TopK lists = model.top_k(users, items, &data.train, 20);
    if (repeat > 0) seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::cout << nlohmann::json{{"rank_seconds", seconds}}.dump() << std::endl;
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "peer_rank: %s\n", e.what());
  return 1;
}
