/// Training: it learns, selects, stops, gives the same bits for any number of threads, and says where it broke.
#include "reclm/core/parallel.hpp"
#include "support/catch.hpp"
#include "support/sanitized.hpp"
#include "support/temporary_folder.hpp"
#include "training_helpers.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

/// Figures by epoch, made up; remembers the parameters that it was shown.
struct Script {
  std::vector<double> figures;
  std::vector<int> epochs{};
  std::vector<Values> shown{};

  Evaluator<Cpu, float> evaluator() {
    return [this](JointModel<>& model, int epoch) {
      epochs.push_back(epoch);
      shown.push_back(values_of(model));
      return figures[static_cast<std::size_t>(epoch - 1)];
    };
  }
};

const double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string numeric_error(JointModel<>& model, const Interactions& train_split, const TrainOptions& options,
                          const Evaluator<Cpu, float>& evaluator = {}) {
  try {
    train(model, train_split, options, evaluator);
  } catch (const NumericError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("every backbone learns a small world under every adapter") {
  const Dataset data = planted_data();
  for (const BackboneKind kind : kBackbones)
    for (const AdapterKind adapter : kPlainAdapters) {
      const auto model = small_model(kind, adapter, data);
      INFO(model->name());
      const TrainReport report =
          train(*model, data.train, {.epochs = 15, .batch_size = 64, .learning_rate = 0.01, .l2 = default_l2(kind)});
      REQUIRE(report.history.size() == 15);
      CHECK(report.history.back().loss < 0.97 * report.history.front().loss);
      CHECK(report.steps == 15 * ((data.train.size() + 63) / 64));
      CHECK_FALSE(report.interrupted);
      CHECK_FALSE(report.stopped_early);
      CHECK(report.best_epoch == 0);
      CHECK(area_under_curve(*model, data.train, data.train) > 0.75);
      // What was learned is taste, not pairs: it holds for clicks that were held out.
      if (adapter != AdapterKind::id) CHECK(area_under_curve(*model, data.valid, data.train) > 0.7);
    }
}

TEST_CASE("training's bits do not depend on the number of threads") {
  const Dataset data = reclm_test::kSanitized ? planted_data(401, 301) : planted_data(1201, 901);
  const std::pair<BackboneKind, AdapterKind> models[] = {{BackboneKind::light_gcn, AdapterKind::reclm},
                                                         {BackboneKind::bias_mf, AdapterKind::id},
                                                         {BackboneKind::bias_mf, AdapterKind::reclm},
                                                         {BackboneKind::ncf, AdapterKind::base},
                                                         {BackboneKind::sgl, AdapterKind::base}};
  for (const auto& [kind, adapter] : models) {
    const auto run = [&, kind = kind, adapter = adapter](int threads) {
      const ThreadLimit limit(threads);
      const auto model = small_model(kind, adapter, data);
      const auto report = train(*model, data.train, {.epochs = 2, .batch_size = 2048, .l2 = 1e-6}, validation_of(data));
      return outcome_of(*model, report);
    };
    INFO(backbone_name(kind) << " + " << adapter_name(adapter));
    CHECK(run(1) == run(2));
  }
}

TEST_CASE("another seed gives another course, the same seed the same") {
  const Dataset data = planted_data();
  const auto run = [&](std::uint64_t seed) {
    const auto model = small_model(BackboneKind::bias_mf, AdapterKind::id, data);
    return outcome_of(*model, train(*model, data.train, {.epochs = 1, .batch_size = 64, .seed = seed}));
  };
  CHECK(run(1) == run(1));
  CHECK_FALSE(run(1) == run(2));
}

TEST_CASE("selection ends with the best epoch's parameters, or the last ones") {
  const Dataset data = planted_data();
  TrainOptions options{.epochs = 5, .batch_size = 64};
  for (const Selection selection : {Selection::best, Selection::last}) {
    options.selection = selection;
    Script script{{0.1, 0.5, 0.3, 0.5, 0.2}};
    // Lazy rows lag behind between evaluations; an evaluator must not see that.
    const auto model = small_model(BackboneKind::bias_mf, AdapterKind::id, data);
    const TrainReport report = train(*model, data.train, options, script.evaluator());
    CHECK(script.epochs == std::vector<int>{1, 2, 3, 4, 5});
    CHECK(report.best_epoch == 2);
    CHECK(report.best_metric == 0.5);
    CHECK(report.history[3].metric == 0.5);
    CHECK(values_of(*model) == script.shown[selection == Selection::best ? 1 : 4]);
  }
}

TEST_CASE("a figure that could not be measured is never the best while another is") {
  const Dataset data = planted_data();
  const auto model = small_model(BackboneKind::bias_mf, AdapterKind::id, data);
  Script script{{kNaN, 0.5, kNaN}};
  const TrainReport report = train(*model, data.train, {.epochs = 3, .batch_size = 64}, script.evaluator());
  CHECK(report.best_epoch == 2);
  CHECK(report.best_metric == 0.5);
  CHECK(values_of(*model) == script.shown[1]);
}

TEST_CASE("figures that can never be measured select nothing and stop nothing") {
  const Dataset data = planted_data();
  const auto model = small_model(BackboneKind::bias_mf, AdapterKind::id, data);
  Script script{{kNaN, kNaN, kNaN, kNaN}};
  const TrainReport report =
      train(*model, data.train, {.epochs = 4, .batch_size = 64, .patience = 1}, script.evaluator());
  CHECK(report.history.size() == 4);
  CHECK(report.best_epoch == 0);
  CHECK(std::isnan(report.best_metric));
  CHECK_FALSE(report.stopped_early);
  CHECK(values_of(*model) == script.shown[3]);
}

TEST_CASE("patience ends a training that no longer gets better") {
  const Dataset data = planted_data();
  const auto model = small_model(BackboneKind::light_gcn, AdapterKind::base, data);
  Script script{{0.1, 0.4, 0.4, 0.3, 0.9, 0.9}};
  const TrainReport report =
      train(*model, data.train, {.epochs = 6, .batch_size = 64, .patience = 2}, script.evaluator());
  CHECK(script.epochs == std::vector<int>{1, 2, 3, 4});
  CHECK(report.history.size() == 4);
  CHECK(report.stopped_early);
  CHECK_FALSE(report.interrupted);
  CHECK(values_of(*model) == script.shown[1]);

  const auto other = small_model(BackboneKind::light_gcn, AdapterKind::base, data);
  Script late{{0.5, 0.4, 0.6, 0.5, 0.5, 0.7}};
  const TrainReport whole = train(*other, data.train, {.epochs = 5, .batch_size = 64, .patience = 2}, late.evaluator());
  CHECK(whole.history.size() == 5);
  // Patience and the last epoch coincide: nothing was cut short.
  CHECK_FALSE(whole.stopped_early);
  CHECK(values_of(*other) == late.shown[2]);
}

TEST_CASE("evaluations come every so many epochs and after the last one") {
  const Dataset data = planted_data();
  const auto model = small_model(BackboneKind::bias_mf, AdapterKind::id, data);
  Script script{{0, 1, 2, 3, 4}};
  const TrainReport report =
      train(*model, data.train, {.epochs = 5, .batch_size = 64, .evaluate_every = 2}, script.evaluator());
  CHECK(script.epochs == std::vector<int>{2, 4, 5});
  CHECK(std::isnan(report.history[0].metric));
  CHECK(report.history[1].metric == 1);
  CHECK(report.best_epoch == 5);
}

TEST_CASE("the observer is told of every step and every epoch") {
  const Dataset data = planted_data();
  const Index batches = (data.train.size() + 63) / 64;
  const auto model = small_model(BackboneKind::bias_mf, AdapterKind::id, data);
  Index told = 0, epochs = 0, last = 0;
  bool sound = true;
  Script script{{0.25, 0.5}};
  TrainOptions options{.epochs = 2, .batch_size = 64};
  options.observer = [&](const Progress& p) {
    ++told;
    epochs += !p.metrics.empty();
    sound = sound && p.stage == "train BiasMF + ID" && p.total == 2 * batches && p.step >= last && p.loss > 0;
    if (!p.metrics.empty()) sound = sound && p.metrics[1].value == 0.25 * static_cast<double>(epochs);
    last = p.step;
    return true;
  };
  train(*model, data.train, options, script.evaluator());
  CHECK(sound);
  CHECK(told == 2 * batches + 2);
  CHECK(epochs == 2);
  CHECK(last == 2 * batches);
}

TEST_CASE("a loss that is no number ends training and names model, step and loss") {
  const Dataset data = planted_data();
  for (const BackboneKind kind : kBackbones) {
    const auto model = small_model(kind, AdapterKind::id, data);
    const std::string text = numeric_error(*model, data.train, {.epochs = 3, .batch_size = 64, .learning_rate = 1e30});
    INFO(text);
    CHECK(text.find(model->name()) != std::string::npos);
    CHECK(text.find("step 2") != std::string::npos);
    CHECK(text.find("epoch 1, batch 2") != std::string::npos);
    CHECK((text.find("nan") != std::string::npos || text.find("inf") != std::string::npos));
    CHECK(text.find("Remedy") != std::string::npos);
  }
}

TEST_CASE("extreme features and steps end training before the model is saved or evaluated") {
  const Dataset data = planted_data();
  Dataset extreme = data;
  for (float& x : extreme.item_vectors.row(data.train.of(0)[0])) x = 3e38f;
  const test::TemporaryFolder folder;
  for (const BackboneKind kind : {BackboneKind::bias_mf, BackboneKind::light_gcn}) {
    const auto refusal = [&](const Dataset& d, double learning_rate) {
      const auto model = small_model(kind, AdapterKind::base, d);
      bool evaluated = false;
      const std::string text = numeric_error(
          *model, d.train, {.epochs = 1, .learning_rate = learning_rate, .checkpoint = folder / "c.safetensors"},
          [&](JointModel<>&, int) { return evaluated = true; });
      INFO(text);
      CHECK(text.find(model->name() + ": ") == 0);
      CHECK(text.find("step 1") != std::string::npos);
      CHECK(text.find("loss") != std::string::npos);
      CHECK_FALSE(evaluated);
      CHECK(std::filesystem::is_empty(folder.path()));
      return text;
    };
    CHECK(refusal(extreme, 1e-3).find("the loss is") != std::string::npos);
    CHECK(refusal(data, 1e39).find("parameter user.id is no longer finite") != std::string::npos);
  }
}

TEST_CASE("who has clicked all that anybody clicked stops no training") {
  Dataset data;
  data.train = Interactions::from_pairs(2, 4, std::vector<Pair>{{0, 0}, {0, 1}, {0, 2}, {1, 0}});
  CHECK(train(*small_model(BackboneKind::bias_mf, AdapterKind::id, data), data.train, {.epochs = 1}).steps == 1);
  data.train = Interactions::from_pairs(2, 4, std::vector<Pair>{{0, 0}, {1, 0}});
  CHECK_THROWS_AS(train(*small_model(BackboneKind::bias_mf, AdapterKind::id, data), data.train, {.epochs = 1}),
                  ConfigError);
}

TEST_CASE("training refuses options out of range and data of another model") {
  const Dataset data = planted_data();
  const auto model = small_model(BackboneKind::bias_mf, AdapterKind::id, data);
  const Values before = values_of(*model);
  for (const TrainOptions& bad :
       {TrainOptions{.epochs = 0}, TrainOptions{.batch_size = 0}, TrainOptions{.learning_rate = 0},
        TrainOptions{.l2 = -1}, TrainOptions{.evaluate_every = 0}, TrainOptions{.patience = -1},
        TrainOptions{.checkpoint_every = -1}})
    CHECK_THROWS_AS(train(*model, data.train, bad), ConfigError);
  CHECK_THROWS_AS(train(*model, planted_data(60).train, {}), ShapeError);
  CHECK_THROWS_AS(train(*model, planted_data(61, 85).train, {}), ShapeError);
  CHECK_THROWS_AS(train(*model, Interactions::from_pairs(61, 81, std::vector<Pair>{}), {}), ConfigError);
  CHECK(values_of(*model) == before);
}
