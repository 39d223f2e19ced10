#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "reclm/eval/protocol.hpp"
#include "support/catch.hpp"

using namespace reclm;

namespace {

std::filesystem::path mind_folder() {
  const char* folder = std::getenv("RECLM_DATA");
  return std::filesystem::path(folder != nullptr ? folder : RECLM_SOURCE_DIR "/../shared/data") / "mind";
}

// The files of this data set hold plain numbers behind one header line.
Interactions read_pairs(const std::filesystem::path& file, Id users, Id items) {
  std::ifstream in(file);
  std::string header;
  std::getline(in, header);
  std::vector<Pair> pairs;
  for (Pair pair; in >> pair.user >> pair.item;) pairs.push_back(pair);
  return Interactions::from_pairs(users, items, pairs);
}

}  // namespace

TEST_CASE("popularity on MIND has the figures known for it") {
  if (!std::filesystem::exists(mind_folder() / "mind.train.inter")) {
    WARN("MIND is not here; set RECLM_DATA to the folder that holds mind/");
    return;
  }
  constexpr Id kUsers = 57128;
  constexpr Id kItems = 3827;
  Dataset data;
  data.name = "mind";
  data.train = read_pairs(mind_folder() / "mind.train.inter", kUsers, kItems);
  data.test = read_pairs(mind_folder() / "mind.test.inter", kUsers, kItems);
  data.zero = read_pairs(mind_folder() / "mind.zero.inter", kUsers, kItems);
  const auto clicks = data.train.item_counts();
  const auto popularity = [&](std::span<const Id> users, std::span<const Id> candidates, const Interactions* masked,
                              Index k) {
    std::vector<Id> order(candidates.begin(), candidates.end());
    std::stable_sort(order.begin(), order.end(), [&](Id a, Id b) {
      return clicks[static_cast<std::size_t>(a)] > clicks[static_cast<std::size_t>(b)];
    });
    const auto rows = static_cast<Index>(users.size());
    TopK lists{Matrix<Id>(rows, k, kNoItem), Matrix<float>(rows, k), {users.begin(), users.end()}};
    for (Index r = 0; r < rows; ++r) {
      Index rank = 0;
      for (std::size_t i = 0; i < order.size() && rank < k; ++i)
        if (masked == nullptr || !masked->contains(users[static_cast<std::size_t>(r)], order[i]))
          lists.items(r, rank++) = order[i];
    }
    return lists;
  };
  const auto full = evaluate(data, Setting::full_shot, popularity);
  CHECK(full.mean("recall@20") == Approx(0.0644).margin(0.0001));
  CHECK(full.mean("recall@40") == Approx(0.1100).margin(0.0001));
  CHECK(full.mean("ndcg@20") == Approx(0.0316).margin(0.0001));
  CHECK(full.mean("ndcg@40") == Approx(0.0424).margin(0.0001));
  // Some test items of MIND never occur in train: with them test is not all warm, and zero is all cold.
  const auto joint = evaluate(data, Setting::generalised_zero_shot, popularity);
  CHECK(joint.candidates == kItems);
  CHECK(joint.mean("cold_recall@20") == 0);
  CHECK(joint.mean("h_recall@20") == 0);
}
