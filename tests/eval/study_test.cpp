/// Studies: what they run, what they keep, and how they go on.
#include "reclm/eval/study.hpp"

#include <filesystem>
#include <set>

#include "eval/small_world.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using reclm_test::small_world;
namespace fs = std::filesystem;

namespace {

StudyOptions small_study(const fs::path& folder = {}) {
  StudyOptions options;
  options.backbones = {BackboneKind::bias_mf, BackboneKind::light_gcn};
  options.seeds = {1, 2};
  options.width = 8;
  options.training.epochs = 2;
  options.training.batch_size = 256;
  options.folder = folder.string();
  return options;
}

/// All figures and the values of all users, to the bit; NaN is written so.
std::string text_of(const ResultCube& cube) {
  std::string text;
  const auto add = [&](double x) {
    text += std::isnan(x) ? "nan " : std::to_string(std::bit_cast<std::int64_t>(x)) + " ";
  };
  for (std::size_t axis = 0; axis < ResultCube::kAxes; ++axis)
    for (const auto& label : cube.labels(static_cast<ResultCube::Axis>(axis))) text += label + ";";
  for (const double x : cube.values()) add(x);
  for (const auto& dataset : cube.labels(ResultCube::kDataset))
    for (const auto& setting : cube.settings(dataset)) {
      const auto [users, candidates] = cube.extent(dataset, setting);
      text += std::to_string(users) + "/" + std::to_string(candidates) + " ";
      for (const RowKey& row : cube.rows(dataset, setting))
        for (const auto& metric : cube.metrics(dataset, setting))
          for (const float x : cube.per_user(row, setting, metric)) add(static_cast<double>(x));
    }
  return text;
}

std::string text_of(const std::vector<Curve>& curves) {
  std::string text;
  for (const Curve& c : curves) {
    text += c.run.model + " " + c.run.adapter + " " + std::to_string(c.run.seed) + " " + c.validation.name + " " +
            std::to_string(c.selected_epoch);
    for (const Series* s : {&c.loss, &c.validation})
      for (std::size_t k = 0; k < s->y.size(); ++k)
        text += " " + std::to_string(s->x[k]) + ":" + std::to_string(std::bit_cast<std::int64_t>(s->y[k]));
    text += "\n";
  }
  return text;
}

std::vector<std::string> row_names(const ResultCube& cube, std::string_view setting) {
  std::vector<std::string> names;
  for (const RowKey& row : cube.rows("world", setting))
    names.push_back(row.adapter.empty() ? row.model : row.model + " + " + row.adapter);
  return names;
}

std::set<std::string> files_of(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder / "runs")) names.insert(entry.path().filename().string());
  return names;
}

bool mentions(const std::vector<std::string>& notes, const std::string& part) {
  return std::ranges::any_of(notes, [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

/// Fails the test when a model is trained.
bool no_training(const Progress& progress) {
  if (progress.stage.starts_with("train ")) throw std::logic_error("trained " + std::string(progress.stage));
  return true;
}

}  // namespace

TEST_CASE("a study has a row for every model, its placebo and the baselines, in every setting") {
  const StudyResult result = run_study(small_world(), small_study());
  CHECK_FALSE(result.interrupted);
  const std::vector<std::string> expected{"Popularity",      "Random",           "Content-kNN",
                                          "BiasMF + Base",   "BiasMF + RecLM",   "BiasMF + RecLM (placebo)",
                                          "LightGCN + Base", "LightGCN + RecLM", "LightGCN + RecLM (placebo)"};
  for (const char* setting : {"full-shot", "zero-shot", "generalised-zero-shot"}) {
    auto names = row_names(result.cube, setting);
    CHECK(std::set<std::string>(names.begin(), names.end()) == std::set<std::string>(expected.begin(), expected.end()));
    CHECK(names.size() == expected.size());
    for (const RowKey& row : result.cube.rows("world", setting)) {
      INFO(row.model << " " << row.adapter << " " << setting);
      const SeedSummary recall = result.cube.summary(row, setting, "recall@20");
      CHECK(recall.mean >= 0);
      CHECK(recall.mean <= 1);
      CHECK(recall.seeds == (row.model == "Popularity" || row.model == "Content-kNN" ? 1 : 2));
    }
  }
  CHECK(result.cube.settings("world").size() == 3);
  // A curve for each of 2 backbones × 3 adapters × 2 seeds, each with its epochs.
  REQUIRE(result.curves.size() == 12);
  for (const Curve& curve : result.curves) {
    CHECK(curve.loss.y.size() == 2);
    CHECK(curve.validation.y.size() == 2);
    CHECK(curve.validation.name == "recall@20");
    CHECK((curve.selected_epoch == 1 || curve.selected_epoch == 2));
  }
  CHECK(mentions(result.notes, "no validation split"));
  CHECK_FALSE(mentions(result.notes, "test split"));
  // Seeds make a difference, and so does the placebo.
  const auto value = [&](const char* adapter, std::uint64_t seed) {
    return result.cube.value({"LightGCN", adapter, "world", seed}, "zero-shot", "ndcg@40");
  };
  CHECK(value("RecLM", 1) != value("RecLM", 2));
  CHECK(value("RecLM", 1) != value("RecLM (placebo)", 1));
}

TEST_CASE("a study compares profiles of several sources, and keeps the runs of each") {
  const test::TemporaryFolder folder;
  StudyOptions options = small_study(folder.path());
  options.backbones = {BackboneKind::light_gcn};
  options.seeds = {1};
  options.baselines = false;
  int asked = 0;
  const auto zeros = [&](Dataset& data) {
    CHECK_FALSE(data.valid.empty());  // carved already
    data.item_profiles = Matrix<float>(data.item_profiles.rows(), data.item_profiles.cols());
    ++asked;
  };
  options.sources = {{"own", [&](Dataset&) { ++asked; }, true}, {"nothing", zeros, false}};
  const StudyResult result = run_study(small_world(), options);
  CHECK(row_names(result.cube, "zero-shot") == std::vector<std::string>{"LightGCN + Base", "LightGCN + own",
                                                                        "LightGCN + own (placebo)",
                                                                        "LightGCN + nothing"});
  CHECK(asked == 2);
  const auto value = [](const StudyResult& of, const char* adapter) {
    return of.cube.value({"LightGCN", adapter, "world", 1}, "zero-shot", "ndcg@40");
  };
  StudyOptions plain = small_study();
  plain.backbones = options.backbones;
  plain.seeds = {1};
  const StudyResult usual = run_study(small_world(), plain);
  CHECK(value(result, "own") == value(usual, "RecLM"));
  CHECK(value(result, "own (placebo)") == value(usual, "RecLM (placebo)"));
  CHECK(value(result, "nothing") != value(usual, "RecLM"));

  options.observer = no_training;
  CHECK(text_of(run_study(small_world(), options).cube) == text_of(result.cube));
  // Other profiles under the same name are another run.
  options.sources[1].put = [](Dataset& data) { data.user_profiles = Matrix<float>(data.user_profiles.rows(), 24); };
  CHECK_THROWS_AS(run_study(small_world(), options), std::logic_error);
}

TEST_CASE("a study gives the same figures again") {
  StudyOptions options = small_study();
  options.backbones = {BackboneKind::light_gcn};
  const StudyResult a = run_study(small_world(), options), b = run_study(small_world(), options);
  CHECK(text_of(a.cube) == text_of(b.cube));
  CHECK(text_of(a.curves) == text_of(b.curves));
}

TEST_CASE("a study whose runs are kept repeats them without training") {
  const test::TemporaryFolder folder;
  StudyOptions options = small_study(folder.path());
  const StudyResult first = run_study(small_world(), options);
  const auto files = files_of(folder.path());
  CHECK(files.size() == 12);
  CHECK(std::ranges::any_of(files, [](const std::string& file) {
    return file.starts_with("LightGCN.RecLM--placebo-.world.2.") && file.ends_with(".safetensors");
  }));
  options.observer = no_training;
  const StudyResult again = run_study(small_world(), options);
  CHECK(text_of(again.cube) == text_of(first.cube));
  CHECK(text_of(again.curves) == text_of(first.curves));
  CHECK(again.notes == first.notes);
  CHECK(files_of(folder.path()) == files);
  // More seeds: only the new ones are trained.
  options.seeds = {1, 2, 3};
  int trained = 0;
  options.observer = [&](const Progress& progress) {
    trained += progress.stage.starts_with("train ") && progress.step == 1;
    return true;
  };
  const StudyResult more = run_study(small_world(), options);
  CHECK(trained == 6);
  CHECK(more.cube.value({"BiasMF", "RecLM", "world", 2}, "full-shot", "recall@20") ==
        first.cube.value({"BiasMF", "RecLM", "world", 2}, "full-shot", "recall@20"));
}

TEST_CASE("a kept run is not taken for other settings or other data") {
  const test::TemporaryFolder folder;
  StudyOptions options = small_study(folder.path());
  options.backbones = {BackboneKind::bias_mf};
  options.seeds = {1};
  options.placebo = options.baselines = false;
  run_study(small_world(), options);
  const auto trains = [&](const Dataset& data, const std::function<void(StudyOptions&)>& change) {
    StudyOptions changed = options;
    change(changed);
    changed.observer = [](const Progress& progress) { return !progress.stage.starts_with("train "); };
    return run_study(data, changed).interrupted;
  };
  CHECK_FALSE(trains(small_world(), [](StudyOptions&) {}));
  CHECK(trains(small_world(), [](StudyOptions& o) { o.width = 9; }));
  CHECK(trains(small_world(), [](StudyOptions& o) { o.training.epochs = 3; }));
  CHECK(trains(small_world(), [](StudyOptions& o) { o.selection = SelectionRule::last; }));
  CHECK(trains(small_world(), [](StudyOptions& o) { o.carve.seed = 2; }));
  CHECK(trains(small_world(), [](StudyOptions& o) { o.evaluation.metrics.kinds.push_back(MetricKind::mrr); }));
  CHECK(trains(small_world(), [](StudyOptions& o) { o.settings = {Setting::full_shot}; }));
  Dataset other = small_world();
  other.item_profiles(7, 3) += 0.01f;
  CHECK(trains(other, [](StudyOptions&) {}));
  // The interrupted ones left the finished ones alone.
  CHECK_FALSE(trains(small_world(), [](StudyOptions&) {}));
}

TEST_CASE("an interrupted study goes on to the figures of one that was not") {
  StudyOptions options = small_study();
  options.backbones = {BackboneKind::light_gcn};
  options.seeds = {1};
  const StudyResult whole = run_study(small_world(), options);
  const test::TemporaryFolder folder;
  options.folder = folder.path().string();
  // It is stopped again and again, wherever it has got to: in baselines, training steps, epochs' ends, evaluations.
  int interruptions = 0;
  for (int patience = 3;; ++patience) {
    REQUIRE(interruptions < 60);
    int told = 0;
    options.observer = [&](const Progress&) { return ++told < patience; };
    const StudyResult part = run_study(small_world(), options);
    if (!part.interrupted) {
      CHECK(text_of(part.cube) == text_of(whole.cube));
      CHECK(text_of(part.curves) == text_of(whole.curves));
      break;
    }
    ++interruptions;
  }
  CHECK(interruptions > 5);
  CHECK(files_of(folder.path()).size() == 3);
}

TEST_CASE("an unfinished run with other settings is neither gone on from nor in the way") {
  const test::TemporaryFolder folder;
  StudyOptions options = small_study(folder.path());
  options.backbones = {BackboneKind::bias_mf};
  options.adapters = {AdapterKind::base};
  options.seeds = {1};
  options.baselines = false;
  const auto stop_in_training = [](const Progress& progress) { return progress.step < 2; };
  options.observer = stop_in_training;
  CHECK(run_study(small_world(), options).interrupted);
  CHECK(files_of(folder.path()).size() == 1);
  options.observer = {};
  options.training.epochs = 1;
  const StudyResult shorter = run_study(small_world(), options);
  CHECK(shorter.curves.at(0).loss.y.size() == 1);
  CHECK(files_of(folder.path()).size() == 2);
  // A finished run of other settings does not cost an unfinished one its checkpoint, and stays itself.
  options.training.epochs = 2;
  options.observer = stop_in_training;
  CHECK(run_study(small_world(), options).interrupted);
  Index first_step = 0;
  options.observer = [&](const Progress& progress) {
    if (first_step == 0) first_step = progress.step;
    return true;
  };
  CHECK_FALSE(run_study(small_world(), options).interrupted);
  CHECK(first_step == 4);
  options.training.epochs = 1;
  options.observer = [](const Progress& progress) { return !progress.stage.starts_with("train "); };
  CHECK_FALSE(run_study(small_world(), options).interrupted);
}

TEST_CASE("a study with nothing to measure, or without what it needs, is refused before it begins") {
  StudyOptions options = small_study();
  int begun = 0;
  options.ready = [&] { ++begun; };
  const auto refused = [&](const Dataset& data, const StudyOptions& study) {
    CHECK_THROWS_AS(run_study(data, study), ConfigError);
    CHECK(begun == 0);
  };
  Dataset blind = small_world();
  blind.test = {};
  blind.zero = {};
  refused(blind, options);
  Dataset mute = small_world();
  mute.item_vectors = {};
  refused(mute, options);
  StudyOptions twice = options;
  twice.evaluation.metrics.cutoffs = {20, 20};
  refused(small_world(), twice);
  blind.zero = small_world().zero;
  options.backbones = {BackboneKind::bias_mf};
  options.seeds = {1};
  const StudyResult rest = run_study(blind, options);
  CHECK(begun == 1);
  CHECK(mentions(rest.notes, "no test split"));
}

TEST_CASE("selection is said in the notes and decides the epoch") {
  StudyOptions options = small_study();
  options.backbones = {BackboneKind::bias_mf};
  options.adapters = {AdapterKind::base};
  options.seeds = {1};
  options.baselines = false;
  options.selection = SelectionRule::best_on_test;
  const StudyResult on_test = run_study(small_world(), options);
  CHECK(mentions(on_test.notes, "selected on the test split"));
  CHECK_FALSE(mentions(on_test.notes, "no validation split"));
  // What was selected by is what is reported.
  const Curve& curve = on_test.curves.at(0);
  const double best = *std::ranges::max_element(curve.validation.y);
  CHECK(on_test.cube.value({"BiasMF", "Base", "world", 1}, "full-shot", "recall@20") == best);
  // Also where validation clicks are not hidden.
  Dataset carved = small_world();
  carve_validation(carved);
  options.evaluation.mask_validation = false;
  options.metric = "ndcg@20";
  const StudyResult open = run_study(carved, options);
  CHECK(open.cube.value({"BiasMF", "Base", "world", 1}, "full-shot", "ndcg@20") ==
        *std::ranges::max_element(open.curves.at(0).validation.y));
  options.selection = SelectionRule::last;
  const StudyResult last = run_study(small_world(), options);
  CHECK(last.notes.empty());
  CHECK(last.curves.at(0).validation.y.empty());
  CHECK(last.curves.at(0).selected_epoch == 2);
}

TEST_CASE("what no study could end well is refused before anything is trained") {
  const auto refusal = [](const std::function<void(StudyOptions&)>& change, const Dataset& data = small_world()) {
    StudyOptions options = small_study();
    change(options);
    options.observer = no_training;
    try {
      run_study(data, options);
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const auto refuses = [&](const std::string& part, const std::function<void(StudyOptions&)>& change,
                           const Dataset& data = small_world()) {
    const std::string text = refusal(change, data);
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
    CHECK(text.find("Remedy") != std::string::npos);
  };
  const auto source = [](const char* name) { return ProfileSource{name, [](Dataset&) {}}; };
  refuses("backbone BiasMF is named twice", [](auto& o) { o.backbones.assign(2, BackboneKind::bias_mf); });
  refuses("adapter RecLM is named twice", [](auto& o) { o.adapters.push_back(AdapterKind::reclm); });
  refuses("setting full-shot is named twice", [](auto& o) { o.settings.push_back(Setting::full_shot); });
  refuses("seed 2 is named twice", [](auto& o) { o.seeds.push_back(2); });
  refuses("row \"sft\" is named twice", [&](auto& o) { o.sources = {source("sft"), source("sft")}; });
  refuses("row \"AlphaRec\" is named twice", [&](auto& o) {
    o.adapters = {AdapterKind::alpha_rec, AdapterKind::reclm};
    o.sources = {source("AlphaRec")};
  });
  for (const char* name : {"", "Base", "ID", "sft (placebo)"})
    refuses("cannot be called \"" + std::string(name) + "\"", [&](auto& o) { o.sources = {source(name)}; });
  refuses("carve.cold_items", [](auto& o) { o.carve.cold_items = 0.3; });

  Dataset data = small_world();
  const auto nothing = Interactions::from_pairs(data.train.users(), data.train.items(), std::vector<Pair>{});
  data.test = nothing;
  refuses(
      "no test clicks", [](auto& o) { o.selection = SelectionRule::best_on_test; }, data);
  data = small_world();
  refuses(
      "no validation clicks", [](auto& o) { o.carve.share = 0; }, data);
}

TEST_CASE("settings without targets are left out and said; impossible options are refused") {
  Dataset data = small_world();
  data.zero = Interactions::from_pairs(data.train.users(), data.train.items(), std::vector<Pair>{});
  StudyOptions options = small_study();
  options.backbones = {BackboneKind::bias_mf};
  options.adapters = {AdapterKind::id};
  options.seeds = {1};
  const StudyResult result = run_study(data, options);
  CHECK(mentions(result.notes, "no zero-shot split"));
  CHECK(result.cube.settings("world") == std::vector<std::string>{"full-shot"});
  // Ids use no profiles, so they have no placebo.
  CHECK(row_names(result.cube, "full-shot") ==
        std::vector<std::string>{"Popularity", "Random", "Content-kNN", "BiasMF + ID"});

  options.metric = "recall@7";
  CHECK_THROWS_AS(run_study(data, options), ConfigError);
  options = small_study();
  options.seeds.clear();
  CHECK_THROWS_AS(run_study(data, options), ConfigError);
  options = small_study();
  options.settings.clear();
  CHECK_THROWS_AS(run_study(data, options), ConfigError);
  options = small_study();
  options.baselines = false;
  data.user_profiles = {};
  CHECK_THROWS_AS(run_study(data, options), ConfigError);
}
