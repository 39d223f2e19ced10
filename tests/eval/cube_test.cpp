#include <cmath>

#include "reclm/eval/cube.hpp"
#include "support/catch.hpp"

using namespace reclm;

namespace {

SettingResult result_of(Setting setting, std::vector<float> per_user, const std::string& name = "recall@20") {
  std::vector<Id> users;
  for (std::size_t u = 0; u < per_user.size(); ++u) users.push_back(static_cast<Id>(u));
  SettingResult result{setting, static_cast<Index>(users.size()), 50, {}};
  result.metrics.push_back({name, mean_of(per_user), per_user, std::make_shared<const std::vector<Id>>(users)});
  result.metrics.push_back({"coverage@20", 0.5, {}, nullptr});
  return result;
}

}  // namespace

TEST_CASE("the cube grows in every direction and forgets nothing") {
  ResultCube cube;
  CHECK(cube.empty());
  CHECK(cube.rows("world", "full-shot").empty());
  CHECK(cube.settings("world").empty());
  std::vector<std::pair<RunKey, double>> added;
  int count = 0;
  for (const char* dataset : {"world", "ml"})
    for (const std::uint64_t seed : {3u, 1u, 2u})
      for (const char* model : {"BiasMF", "LightGCN"})
        for (const char* adapter : {"Base", "RecLM"}) {
          const RunKey run{model, adapter, dataset, seed};
          const auto value = static_cast<float>(++count) / 64;
          cube.add(run, result_of(Setting::full_shot, {value, value}));
          if (seed == 1) cube.add(run, result_of(Setting::zero_shot, {value}, "ndcg@20"));
          added.emplace_back(run, value);
        }
  for (const auto& [run, value] : added) {
    CHECK(cube.value(run, "full-shot", "recall@20") == Approx(value));
    CHECK(cube.value(run, "full-shot", "coverage@20") == 0.5);
    CHECK(std::isnan(cube.value(run, "full-shot", "ndcg@20")));
    CHECK(std::isnan(cube.value(run, "zero-shot", "ndcg@20")) == (run.seed != 1));
  }
  CHECK(cube.labels(ResultCube::kSeed) == std::vector<std::string>{"3", "1", "2"});
  CHECK(cube.values().dimension() == 6);
  CHECK(cube.values().size() == 2u * 2 * 2 * 2 * 3 * 3);
  CHECK(cube.settings("ml") == std::vector<std::string>{"full-shot", "zero-shot"});
  CHECK(cube.metrics("ml", "zero-shot") == std::vector<std::string>{"coverage@20", "ndcg@20"});
  CHECK(cube.rows("ml", "zero-shot").size() == 4);
  CHECK(cube.extent("world", "full-shot") == std::pair<Index, Index>{2, 50});
  CHECK(cube.extent("nowhere", "full-shot") == std::pair<Index, Index>{0, 0});
}

TEST_CASE("mean and deviation run over the seeds that exist") {
  ResultCube cube;
  for (const auto& [seed, value] : {std::pair{1, 0.25f}, {2, 0.5f}, {5, 0.75f}})
    cube.add({"LightGCN", "Base", "world", static_cast<std::uint64_t>(seed)},
             result_of(Setting::full_shot, {value, 0.0f}));
  cube.add({"Popularity", "", "world", 0}, result_of(Setting::full_shot, {1, 1}));
  const auto summary = cube.summary({"LightGCN", "Base", "world"}, "full-shot", "recall@20");
  CHECK(summary.seeds == 3);
  CHECK(summary.mean == Approx(0.25));
  CHECK(summary.sd == Approx(0.125));
  const auto single = cube.summary({"Popularity", "", "world"}, "full-shot", "recall@20");
  CHECK(single.seeds == 1);
  CHECK(single.mean == 1);
  CHECK(std::isnan(single.sd));
  CHECK(cube.summary({"Nobody", "", "world"}, "full-shot", "recall@20").seeds == 0);
  CHECK(cube.per_user({"LightGCN", "Base", "world"}, "full-shot", "recall@20") == std::vector<float>{0.5f, 0.0f});
  CHECK(cube.per_user({"LightGCN", "Base", "world"}, "full-shot", "coverage@20").empty());
  CHECK(cube.per_user({"Nobody", "", "world"}, "full-shot", "recall@20").empty());
}

TEST_CASE("a cell is filled once, and all seeds of a row measure the same users") {
  ResultCube cube;
  const RunKey run{"LightGCN", "Base", "world", 1};
  cube.add(run, result_of(Setting::full_shot, {1, 0}));
  CHECK_THROWS_AS(cube.add(run, result_of(Setting::full_shot, {1, 0})), ConfigError);
  CHECK_THROWS_AS(cube.add({"LightGCN", "Base", "world", 2}, result_of(Setting::full_shot, {1, 0, 1})), ShapeError);
  CHECK(cube.value(run, "full-shot", "recall@20") == 0.5);
  CHECK(*cube.users({"LightGCN", "Base", "world"}, "full-shot", "recall@20") == std::vector<Id>{0, 1});
  CHECK(cube.users({"LightGCN", "Base", "world"}, "full-shot", "coverage@20") == nullptr);
}

TEST_CASE("a result that is refused leaves the cube as it was") {
  ResultCube cube;
  cube.add({"LightGCN", "Base", "world", 1}, result_of(Setting::full_shot, {1, 0}));
  const RunKey second{"LightGCN", "Base", "world", 2};
  SettingResult result = result_of(Setting::full_shot, {1, 1, 1});
  std::swap(result.metrics[0], result.metrics[1]);  // the one at fault comes last
  CHECK_THROWS_AS(cube.add(second, result), ShapeError);
  result = result_of(Setting::full_shot, {1, 1});
  result.metrics.push_back(result.metrics[0]);
  CHECK_THROWS_AS(cube.add(second, result), ConfigError);
  result = result_of(Setting::full_shot, {1, 1});
  result.metrics[0].per_user.push_back(1);
  CHECK_THROWS_AS(cube.add(second, result), ShapeError);
  const RowKey row{"LightGCN", "Base", "world"};
  CHECK(cube.labels(ResultCube::kSeed) == std::vector<std::string>{"1"});
  CHECK(cube.summary(row, "full-shot", "recall@20").seeds == 1);
  CHECK(cube.summary(row, "full-shot", "coverage@20").seeds == 1);
  cube.add(second, result_of(Setting::full_shot, {1, 1}));
  CHECK(cube.per_user(row, "full-shot", "recall@20") == std::vector<float>{1.0f, 0.5f});
}

TEST_CASE("a result without metrics leaves an empty cube usable") {
  ResultCube cube;
  cube.add({"LightGCN", "Base", "world", 1}, SettingResult{});
  CHECK(cube.empty());
  CHECK(cube.rows("world", "full-shot").empty());
  CHECK(cube.metrics("world", "full-shot").empty());
  CHECK(std::isnan(cube.value({"LightGCN", "Base", "world", 1}, "full-shot", "recall@20")));
}
