#include "reclm/eval/comparison.hpp"

#include <numeric>

#include "reclm/eval/report_table.hpp"
#include "support/catch.hpp"

using namespace reclm;

namespace {

// Users' values that differ from `level` in a pattern of their own, so that differences are neither constant nor tied
// away.
SettingResult result_of(std::vector<float> values, Setting setting = Setting::full_shot, Id first_user = 0) {
  const auto users = std::make_shared<std::vector<Id>>(values.size());
  std::iota(users->begin(), users->end(), first_user);
  MetricResult metric{"recall@20", mean_of(values), std::move(values), users};
  return {setting, static_cast<Index>(users->size()), 50, {metric}};
}

SettingResult result_of(double level, std::uint32_t salt, Setting setting = Setting::full_shot) {
  std::vector<float> values;
  for (std::uint32_t user = 0; user < 120; ++user) {
    const auto mixed = user * 2654435761u + salt * 40503u;
    values.push_back(static_cast<float>(level + static_cast<double>(mixed % 1000) / 5000));
  }
  return result_of(std::move(values), setting);
}

ResultCube sample_cube() {
  ResultCube cube;
  cube.add({"Popularity", "", "world", 0}, result_of(0.30, 1));
  cube.add({"Random", "", "world", 0}, result_of(0.02, 2));
  for (const std::uint64_t seed : {1u, 2u}) {
    const auto salt = static_cast<std::uint32_t>(10 * seed);
    cube.add({"LightGCN", "RecLM (placebo)", "world", seed}, result_of(0.305, salt + 3));
    cube.add({"LightGCN", "RecLM (placebo users)", "world", seed}, result_of(0.21, salt + 4));
    cube.add({"LightGCN", "RecLM", "world", seed}, result_of(0.40, salt + 5));
    cube.add({"LightGCN", "Base", "world", seed}, result_of(0.20, salt + 6));
    cube.add({"NCF", "Base", "world", seed}, result_of(0.20, salt + 7));
    cube.add({"NCF", "RecLM", "world", seed}, result_of(0.1995, salt + 8));
    cube.add({"LightGCN", "RecLM", "world", seed}, result_of(0.40, salt + 5, Setting::validation));
  }
  return cube;
}

const Comparison& find(const std::vector<Comparison>& all, const std::string& model, Against against) {
  for (const Comparison& one : all)
    if (one.row.model == model && one.against == against) return one;
  throw Error("no such comparison");
}

}  // namespace

TEST_CASE("roles follow from adapter labels") {
  const ComparisonPlan plan;
  CHECK(role_of({"Popularity", "", ""}, plan) == RowRole::baseline);
  CHECK(role_of({"NCF", "Base", ""}, plan) == RowRole::plain);
  CHECK(role_of({"NCF", "ID", ""}, plan) == RowRole::plain);
  CHECK(role_of({"NCF", "RecLM", ""}, plan) == RowRole::enhanced);
  CHECK(role_of({"NCF", "RecLM (placebo)", ""}, plan) == RowRole::placebo);
}

TEST_CASE("enhanced rows meet their base, their strongest placebo and the best baseline") {
  const auto all = compare(sample_cube(), "world", {.bootstrap = {.resamples = 300}});
  REQUIRE(all.size() == 5);  // LightGCN: all three; NCF: no placebo was run
  const auto& base = find(all, "LightGCN", Against::base);
  CHECK(base.reference.adapter == "Base");
  CHECK(base.bootstrap.difference == Approx(0.2).margin(0.02));
  CHECK(base.verdict == Verdict::better);
  CHECK(base.users == 120);
  CHECK(base.seeds == 2);
  CHECK(base.seeds_won == 2);
  CHECK(find(all, "LightGCN", Against::placebo).reference.adapter == "RecLM (placebo)");
  CHECK(find(all, "LightGCN", Against::baseline).reference.model == "Popularity");
  CHECK(find(all, "NCF", Against::base).verdict == Verdict::open);
  CHECK(find(all, "NCF", Against::baseline).verdict == Verdict::worse);
  for (const Comparison& one : all) CHECK(one.p_holm >= one.p_wilcoxon);
}

TEST_CASE("a mean and ranks that contradict each other decide nothing") {
  // 800 users lose a little, 200 win much: both tests are sure, of opposite sides.
  std::vector<float> base, row;
  for (int user = 0; user < 1000; ++user) {
    base.push_back(0.2f + 0.0001f * static_cast<float>(user % 97));
    row.push_back(base.back() + (user % 5 == 0 ? 0.5f : -0.05f));
  }
  ResultCube cube;
  cube.add({"NCF", "Base", "world", 1}, result_of(base));
  cube.add({"NCF", "RecLM", "world", 1}, result_of(row));
  cube.add({"SGL", "Base", "world", 1}, result_of(row));
  cube.add({"SGL", "RecLM", "world", 1}, result_of(base));
  const auto all = compare(cube, "world", {.bootstrap = {.resamples = 300}});
  const auto &up = find(all, "NCF", Against::base), &down = find(all, "SGL", Against::base);
  CHECK(up.p_holm < 0.05);
  CHECK(up.bootstrap.low > 0);
  CHECK(up.rank_balance < 0);
  CHECK(up.verdict == Verdict::open);
  CHECK(down.bootstrap.high < 0);
  CHECK(down.rank_balance == -up.rank_balance);
  CHECK(down.verdict == Verdict::open);
}

TEST_CASE("rows of different users are not compared") {
  ResultCube cube;
  cube.add({"NCF", "Base", "world", 1}, result_of({0.1f, 0.2f, 0.3f}));
  cube.add({"NCF", "RecLM", "world", 1}, result_of({0.2f, 0.3f, 0.4f}, Setting::full_shot, 1000));
  std::string said;
  try {
    compare(cube, "world");
  } catch (const ShapeError& error) {
    said = error.what();
  }
  CHECK(said.find("NCF RecLM and NCF Base were measured by recall@20 on different users") != std::string::npos);
}

TEST_CASE("the legend says how strict the plan is") {
  CHECK(mark_legend({}).find("p < 0.05 and a 95% bootstrap") != std::string::npos);
  const ComparisonPlan strict{.alpha = 0.001, .bootstrap = {.confidence = 0.999}};
  CHECK(mark_legend(strict).find("p < 0.001 and a 99.9% bootstrap") != std::string::npos);
}

TEST_CASE("stages of a ladder meet the stage before, corrected among themselves") {
  ResultCube cube;
  const std::vector<std::string> stages{"Base", "raw", "first", "second"};
  const double levels[] = {0.20, 0.21, 0.30, 0.295};
  for (std::size_t k = 0; k < stages.size(); ++k)
    cube.add({"LightGCN", stages[k], "world", 1}, result_of(levels[k], static_cast<std::uint32_t>(k + 1)));
  const ComparisonPlan plan{.ladder = stages, .bootstrap = {.resamples = 300}};
  const auto all = compare(cube, "world", plan);
  std::vector<Comparison> steps;
  std::vector<double> raw;
  for (const Comparison& one : all)
    if (one.against == Against::previous) {
      steps.push_back(one);
      raw.push_back(one.p_wilcoxon);
    }
  REQUIRE(steps.size() == 3);
  REQUIRE(all.size() == 6);  // and each against Base
  for (std::size_t k = 0; k < steps.size(); ++k) {
    CHECK(steps[k].row.adapter == stages[k + 1]);
    CHECK(steps[k].reference.adapter == stages[k]);
    CHECK(steps[k].p_holm == holm_adjusted(raw)[k]);
  }
  CHECK(steps[1].verdict == Verdict::better);
  CHECK(steps[2].verdict != Verdict::better);
  const auto tables = report_tables(cube, plan);
  CHECK(marks_of(tables.tables[0].rows[2].cells[0]) == "▲↑");
  CHECK(mark_legend(plan).find("↑") != std::string::npos);
  CHECK(mark_legend({}).find("↑") == std::string::npos);
}

TEST_CASE("a placebo belongs to the longest adapter label that it starts with") {
  const std::vector<std::string> adapters{"Rec", "RecLM", "Base"};
  CHECK(detail::placebo_owner("RecLM (placebo)", adapters, {}) == "RecLM");
  CHECK(detail::placebo_owner("Rec (placebo)", adapters, {}) == "Rec");
  CHECK(detail::placebo_owner("placebo", adapters, {}).empty());
}

TEST_CASE("tables put baselines first, placebos behind their adapters, and mark the best real row") {
  const auto tables = report_tables(sample_cube(), {.bootstrap = {.resamples = 300}});
  REQUIRE(tables.tables.size() == 2);
  const auto& table = tables.tables.front();
  CHECK(table.setting == "full-shot");
  CHECK(table.users == 120);
  std::vector<std::string> labels;
  for (const TableRow& row : table.rows) labels.push_back(row.label);
  CHECK(labels == std::vector<std::string>{"Popularity", "Random", "LightGCN Base", "LightGCN + RecLM",
                                           "LightGCN + RecLM (placebo)", "LightGCN + RecLM (placebo users)", "NCF Base",
                                           "NCF + RecLM"});
  CHECK(table.rows[3].cells[0].best);
  CHECK(marks_of(table.rows[3].cells[0]) == "▲◆●");
  CHECK(marks_of(table.rows[2].cells[0]).empty());
  CHECK(std::count_if(table.rows.begin(), table.rows.end(), [](const TableRow& row) { return row.cells[0].best; }) ==
        1);
}

TEST_CASE("an empty cube has no tables and nothing to compare") {
  const auto tables = report_tables(ResultCube{});
  CHECK(tables.tables.empty());
  CHECK(tables.comparisons.empty());
}
