// A sequential model: what follows what. Its scores depend on the order of a user's clicks; reclm need not know.
//   sequential [DATA_FOLDER]    the data must have timestamps
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <unordered_map>
#include <vector>

#include "common.hpp"

// First-order Markov chain with memory: each of the last clicks j adds decay^age · P(i follows j).
class MarkovChain {
 public:
  MarkovChain(const reclm::Interactions& train, std::span<const double> timestamps)
      : last_(static_cast<std::size_t>(train.users())), next_(static_cast<std::size_t>(train.items())) {
    for (reclm::Id user = 0; user < train.users(); ++user) {
      const auto clicks = train.of(user);
      const auto first = static_cast<std::size_t>(train.offsets()[static_cast<std::size_t>(user)]);
      std::vector<std::size_t> order(clicks.size());
      for (std::size_t n = 0; n < order.size(); ++n) order[n] = n;
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return timestamps[first + a] < timestamps[first + b]; });
      auto& history = last_[static_cast<std::size_t>(user)];
      for (const std::size_t n : order) history.push_back(clicks[n]);
      // Sparse data: not only the very next click counts as following, but the next five, less and less.
      for (std::size_t from = 0; from < history.size(); ++from)
        for (std::size_t to = from + 1; to < std::min(from + 6, history.size()); ++to)
          next_[static_cast<std::size_t>(history[from])][history[to]] += 1.0f / static_cast<float>(to - from);
    }
    for (auto& followers : next_) {
      float total = 5;  // shrinks what few clicks say
      for (const auto& [item, count] : followers) total += count;
      for (auto& [item, count] : followers) count /= total;
    }
  }

  reclm::Id users() const { return static_cast<reclm::Id>(last_.size()); }
  reclm::Id items() const { return static_cast<reclm::Id>(next_.size()); }
  void score(reclm::Id user, std::span<const reclm::Id> items, std::span<float> out) const {
    std::vector<float> all(next_.size(), 0.0f);
    const auto& history = last_[static_cast<std::size_t>(user)];
    for (std::size_t age = 0; age < history.size(); ++age) {
      const auto click = static_cast<std::size_t>(history[history.size() - 1 - age]);
      const float weight = std::pow(0.9f, static_cast<float>(age));
      for (const auto& [item, probability] : next_[click]) all[static_cast<std::size_t>(item)] += weight * probability;
    }
    for (std::size_t k = 0; k < items.size(); ++k) out[k] = all[static_cast<std::size_t>(items[k])];
  }

 private:
  std::vector<std::vector<reclm::Id>> last_;                // a user's clicks, oldest first
  std::vector<std::unordered_map<reclm::Id, float>> next_;  // P(item | clicked)
};

int main(int argc, char** argv) {
  const reclm::Dataset data = example::data_of(argc, argv);
  if (data.train_values.timestamps.empty()) return std::puts("sequential: the data have no timestamps"), 1;
  return example::enhance_and_compare(data, "Markov", MarkovChain(data.train, data.train_values.timestamps));
}
