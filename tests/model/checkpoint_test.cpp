/// Checkpoints: a training that is stopped or killed goes on to the same bits, and nothing half-written is ever taken.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "reclm/core/parallel.hpp"
#include "reclm/data/safetensors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"
#include "training_helpers.hpp"

using namespace reclm;
using namespace reclm_test;
namespace fs = std::filesystem;

namespace {

constexpr Index kBatch = 64;

TrainOptions small_training(const fs::path& checkpoint = {}) {
  return {
      .epochs = 3, .batch_size = kBatch, .learning_rate = 0.01, .l2 = 1e-5, .checkpoint = checkpoint, .resume = true};
}

std::unique_ptr<JointModel<>> model_of(const Dataset& data, BackboneKind kind = BackboneKind::bias_mf,
                                       AdapterKind adapter = AdapterKind::reclm) {
  return small_model(kind, adapter, data);
}

Outcome uninterrupted(const Dataset& data, BackboneKind kind, AdapterKind adapter) {
  const auto model = model_of(data, kind, adapter);
  return outcome_of(*model, train(*model, data.train, small_training(), validation_of(data)));
}

Outcome resumed(const Dataset& data, BackboneKind kind, AdapterKind adapter, const fs::path& checkpoint) {
  // Start values of its own are overwritten; without a checkpoint it begins as the others did.
  const auto model = fs::exists(checkpoint) ? small_model(kind, adapter, data, 99) : model_of(data, kind, adapter);
  return outcome_of(*model, train(*model, data.train, small_training(checkpoint), validation_of(data)));
}

/// The files of a folder that are not `checkpoint`.
std::vector<std::string> strangers(const fs::path& folder, const fs::path& checkpoint) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path() != checkpoint) names.push_back(entry.path().filename().string());
  return names;
}

template <class E>
std::string message(const std::function<void()>& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return "no such error";
}

/// A finished training's checkpoint.
fs::path finished_checkpoint(const test::TemporaryFolder& folder, const Dataset& data) {
  const fs::path path = folder / "training.safetensors";
  const auto model = model_of(data);
  train(*model, data.train, small_training(path), validation_of(data));
  return path;
}

}  // namespace

TEST_CASE("a stopped training goes on to the same bits") {
  const Dataset data = planted_data();
  const Index batches = (data.train.size() + kBatch - 1) / kBatch;
  const std::pair<BackboneKind, AdapterKind> models[] = {{BackboneKind::bias_mf, AdapterKind::id},
                                                         {BackboneKind::ncf, AdapterKind::reclm},
                                                         {BackboneKind::sgl, AdapterKind::base}};
  for (const auto& [kind, adapter] : models) {
    const Outcome whole = uninterrupted(data, kind, adapter);
    for (const int checkpoint_every : {0, 3})
      for (const Index stop : {Index{1}, batches - 1, batches, batches + 2, 3 * batches - 1, 3 * batches}) {
        INFO(backbone_name(kind) << ", checkpoint every " << checkpoint_every << ", stopped after step " << stop);
        const test::TemporaryFolder folder;
        const fs::path path = folder / "training.safetensors";
        TrainOptions options = small_training(path);
        options.checkpoint_every = checkpoint_every;
        options.observer = [&](const Progress& p) { return p.step < stop; };
        const auto first = model_of(data, kind, adapter);
        const TrainReport report = train(*first, data.train, options, validation_of(data));
        CHECK(report.interrupted);
        CHECK(report.steps == stop);
        CHECK(resumed(data, kind, adapter, path) == whole);
        CHECK(strangers(folder.path(), path).empty());
      }
  }
}

TEST_CASE("a training stopped at every epoch's end and evaluated seldom goes on to the same bits") {
  const Dataset data = planted_data();
  const auto evaluator = validation_of(data);
  const auto options_for = [](const fs::path& path) {
    TrainOptions options = small_training(path);
    options.epochs = 6;
    options.evaluate_every = 2;
    options.patience = 2;
    return options;
  };
  const auto model = model_of(data);
  const Outcome whole = outcome_of(*model, train(*model, data.train, options_for({}), evaluator));
  const test::TemporaryFolder folder;
  const fs::path path = folder / "training.safetensors";
  for (int tries = 0;; ++tries) {
    REQUIRE(tries < 10);
    TrainOptions options = options_for(path);
    options.observer = [](const Progress& p) { return p.metrics.empty(); };
    // Only the first one's start values matter.
    const auto next =
        small_model(BackboneKind::bias_mf, AdapterKind::reclm, data, 1 + static_cast<std::uint64_t>(tries));
    const TrainReport report = train(*next, data.train, options, evaluator);
    if (report.interrupted) continue;
    CHECK(outcome_of(*next, report) == whole);
    CHECK(tries >= 5);
    break;
  }
}

TEST_CASE("a killed training goes on to the same bits") {
  const Dataset data = planted_data();
  // The child has no worker threads.
  const ThreadLimit one(1);
  const Outcome whole = uninterrupted(data, BackboneKind::bias_mf, AdapterKind::reclm);
  const test::TemporaryFolder folder;
  const fs::path path = folder / "training.safetensors";
  enum class Ending { exit, pause };
  const auto start_child = [&](const Observer& observer, Ending ending) {
    const pid_t child = ::fork();
    if (child == 0) {
      int code = 0;
      try {
        TrainOptions options = small_training(path);
        options.checkpoint_every = 1;
        options.observer = observer;
        const auto model = model_of(data);
        train(*model, data.train, options, validation_of(data));
      } catch (...) {
        code = 1;
      }
      if (ending == Ending::pause) ::pause();
      ::_exit(code);
    }
    REQUIRE(child > 0);
    return child;
  };
  const auto wait_for = [](pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  };
  // After a step, before its checkpoint.
  for (const Index step : {1, 2, 7, 8, 12}) {
    const int status = wait_for(start_child(
        [step](const Progress& p) {
          if (p.step == step) ::raise(SIGKILL);
          return true;
        },
        Ending::exit));
    CHECK(WIFSIGNALED(status));
  }
  CHECK(resumed(data, BackboneKind::bias_mf, AdapterKind::reclm, path) == whole);
  // At any moment, writing included. A child that is done waits for its end.
  std::chrono::duration<double> whole_time{};
  for (int round = 0; round < 12; ++round) {
    fs::remove(path);
    const auto start = std::chrono::steady_clock::now();
    const pid_t child = start_child({}, round == 0 ? Ending::exit : Ending::pause);
    if (round == 0) {
      const int status = wait_for(child);
      CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
      whole_time = std::chrono::steady_clock::now() - start;
      continue;
    }
    std::this_thread::sleep_for(whole_time *
                                Random(31, Stream::evaluation, static_cast<std::uint32_t>(round)).uniform(0));
    ::kill(child, SIGKILL);
    CHECK(WIFSIGNALED(wait_for(child)));
    if (fs::exists(path)) CHECK_NOTHROW(SafetensorsFile::open(path));
    CHECK(resumed(data, BackboneKind::bias_mf, AdapterKind::reclm, path) == whole);
  }
  // What the killed ones left half-written is gone.
  CHECK(strangers(folder.path(), path).empty());
}

TEST_CASE("a finished training is resumed at once") {
  const Dataset data = planted_data();
  const test::TemporaryFolder folder;
  const fs::path path = finished_checkpoint(folder, data);
  const auto model = small_model(BackboneKind::bias_mf, AdapterKind::reclm, data, 7);
  TrainOptions options = small_training(path);
  options.observer = [](const Progress&) -> bool { throw std::logic_error("a step was taken"); };
  const TrainReport report = train(*model, data.train, options, validation_of(data));
  CHECK(outcome_of(*model, report) == uninterrupted(data, BackboneKind::bias_mf, AdapterKind::reclm));
  CHECK(report.history.size() == 3);
  // Without `resume` the file is written anew.
  options.resume = false;
  CHECK_THROWS_AS(train(*model, data.train, options, validation_of(data)), std::logic_error);
}

TEST_CASE("a checkpoint of other settings is refused by the setting's name") {
  const Dataset data = planted_data();
  const test::TemporaryFolder folder;
  const fs::path path = finished_checkpoint(folder, data);
  const auto model = model_of(data);
  const Values before = values_of(*model);
  const auto refusal = [&](const std::function<void(TrainOptions&)>& change) {
    TrainOptions options = small_training(path);
    change(options);
    return message<ConfigError>([&] { train(*model, data.train, options, validation_of(data)); });
  };
  CHECK(contains(refusal([](TrainOptions& o) { o.epochs = 4; }), "made with epochs = 3, this training has 4"));
  CHECK(contains(refusal([](TrainOptions& o) { o.batch_size = 65; }), "batch_size"));
  CHECK(contains(refusal([](TrainOptions& o) { o.learning_rate = 0.0100001; }), "learning_rate"));
  CHECK(contains(refusal([](TrainOptions& o) { o.l2 = 0; }), "l2"));
  CHECK(contains(refusal([](TrainOptions& o) { o.seed = 2; }), "seed"));
  CHECK(contains(refusal([](TrainOptions& o) { o.negatives = NegativeDistribution::popularity; }), "negatives"));
  CHECK(contains(refusal([](TrainOptions& o) { o.selection = Selection::last; }), "selection"));
  CHECK(contains(refusal([](TrainOptions& o) { o.evaluate_every = 2; }), "evaluate_every"));
  CHECK(contains(refusal([](TrainOptions& o) { o.patience = 1; }), "patience"));
  CHECK(contains(refusal([](TrainOptions& o) { o.epochs = 4; }), path.string()));
  CHECK(contains(refusal([](TrainOptions& o) { o.subject = "other texts"; }),
                 "made with subject = nothing, this training has other texts"));
  CHECK(values_of(*model) == before);

  const auto other = model_of(data, BackboneKind::ncf);
  CHECK(contains(message<ConfigError>([&] { train(*other, data.train, small_training(path), validation_of(data)); }),
                 "model = BiasMF + RecLM, this"));
  // One name and one shape of all parameters, but another model.
  const auto propagating = [&](auto backbone) {
    return JointModel<>("mine", make_vectors<Cpu, float>(AdapterKind::id, data, 16, IdStart::xavier, Initializer(1)),
                        std::move(backbone));
  };
  const fs::path graph = folder / "graph.safetensors";
  auto two = propagating(std::make_unique<LightGcn<Cpu, float>>(data.train));
  train(two, data.train, small_training(graph), validation_of(data));
  auto three = propagating(std::make_unique<LightGcn<Cpu, float>>(data.train, 3));
  CHECK(contains(message<ConfigError>([&] { train(three, data.train, small_training(graph), validation_of(data)); }),
                 "made with backbone = layers 2, this training has layers 3"));
  CHECK(Sgl<Cpu, float>(data.train, {.contrastive = {.weight = 0.5}, .keep = 0.25}).settings() ==
        "layers 2, weight 0.5, temperature 0.1, keep 0.25");
  CHECK(SimGcl<Cpu, float>(data.train, {.noise = 0.125}).settings() ==
        "layers 2, weight 0.01, temperature 0.1, noise 0.125");

  // As many clicks, but not the same ones.
  auto pairs = data.train.pairs();
  pairs[0].item = data.train.contains(pairs[0].user, 79) ? 78 : 79;
  const auto moved = Interactions::from_pairs(data.train.users(), data.train.items(), pairs);
  REQUIRE(moved.size() == data.train.size());
  CHECK(contains(message<ConfigError>([&] { train(*model, moved, small_training(path), validation_of(data)); }),
                 "interactions"));
}

TEST_CASE("what is no checkpoint, or not of this model, is refused and left as it is") {
  const Dataset data = planted_data();
  const test::TemporaryFolder folder;
  const fs::path good = finished_checkpoint(folder, data);
  const auto model = model_of(data);
  const Values before = values_of(*model);
  const auto refusal = [&](const fs::path& path) {
    return message<DataError>([&] { train(*model, data.train, small_training(path), validation_of(data)); });
  };
  const auto size = fs::file_size(good);
  for (const auto kept : {std::uintmax_t{0}, std::uintmax_t{7}, size / 3, size - 1}) {
    const fs::path cut = folder / "cut.safetensors";
    fs::copy_file(good, cut, fs::copy_options::overwrite_existing);
    fs::resize_file(cut, kept);
    INFO(kept << " bytes");
    const std::string text = refusal(cut);
    CHECK(contains(text, cut.string()));
    CHECK(contains(text, "Remedy"));
    CHECK(fs::file_size(cut) == kept);
  }
  CHECK(contains(refusal(folder.write("notes.txt", "not a checkpoint at all, only words\n")), "notes.txt"));

  const Matrix<float> weights(2, 2);
  const fs::path foreign = folder / "foreign.safetensors";
  write_safetensors(foreign, std::array{NamedTensor::of("weights", weights)}, {});
  CHECK(contains(refusal(foreign), "is no \"reclm training checkpoint"));

  // The same name and settings, but another width; a state that is cut; a parameter that is missing.
  const auto file = SafetensorsFile::open(good);
  std::vector<std::pair<std::string, Matrix<float>>> matrices;
  for (const auto& name : file.names()) matrices.emplace_back(name, file.matrix<float>(name));
  const auto rewrite = [&](std::map<std::string, std::string> metadata) {
    const fs::path path = folder / "rewritten.safetensors";
    std::vector<NamedTensor> tensors;
    for (const auto& [name, values] : matrices) tensors.push_back(NamedTensor::of(name, values));
    write_safetensors(path, tensors, metadata);
    return path;
  };
  CHECK(refusal(rewrite(file.metadata())) == "no such error");
  set_parameters(model->parameters(), before);
  auto metadata = file.metadata();
  metadata["state.history"] = "1 0.5";
  CHECK(contains(refusal(rewrite(metadata)), "state cannot be read"));
  metadata = file.metadata();
  metadata["state.epoch"] = "first";
  CHECK(contains(refusal(rewrite(metadata)), "\"first\" is no number"));
  for (const char* count : {"-1", "4294967296"}) {
    metadata = file.metadata();
    metadata["state.steps"] = count;
    CHECK(contains(refusal(rewrite(metadata)), "\"state.steps\" is " + std::string(count)));
  }
  metadata = file.metadata();
  metadata.erase("setting.subject");
  CHECK(contains(
      message<ConfigError>([&] { train(*model, data.train, small_training(rewrite(metadata)), validation_of(data)); }),
      "does not say what its subject was"));
  metadata = file.metadata();
  metadata.erase("state.epoch");
  CHECK(contains(refusal(rewrite(metadata)), "there is no \"state.epoch\""));
  for (auto& [name, values] : matrices)
    if (name == "adam.v.user.id") values = Matrix<float>(values.rows(), 15);
  CHECK(contains(refusal(rewrite(file.metadata())), "adam.v.user.id has another shape"));
  std::erase_if(matrices, [](const auto& entry) { return entry.first == "adam.v.user.id"; });
  CHECK(contains(refusal(rewrite(file.metadata())), "adam.v.user.id"));
  CHECK(values_of(*model) == before);
}

TEST_CASE("a checkpoint that cannot be written ends training, and the old one stays good") {
  const Dataset data = planted_data();
  const auto model = model_of(data);
  CHECK(contains(message<IoError>([&] {
                   train(*model, data.train, small_training("no/such/folder/training.safetensors"),
                         validation_of(data));
                 }),
                 "no/such/folder"));

  const test::TemporaryFolder folder;
  const fs::path path = folder / "training.safetensors";
  TrainOptions options = small_training(path);
  options.checkpoint_every = 1;
  // No file may grow beyond a few hundred bytes once a step is done and saved: as a full disk would have it.
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  options.observer = [&](const Progress& p) {
    rlimit limit = before;
    limit.rlim_cur = 300;
    if (p.step == 5) ::setrlimit(RLIMIT_FSIZE, &limit);
    return true;
  };
  const auto full = model_of(data);
  const std::string text = message<IoError>([&] { train(*full, data.train, options, validation_of(data)); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(contains(text, path.string()));
  CHECK(contains(text, "space"));
  CHECK(strangers(folder.path(), path).empty());
  CHECK(resumed(data, BackboneKind::bias_mf, AdapterKind::reclm, path) ==
        uninterrupted(data, BackboneKind::bias_mf, AdapterKind::reclm));
}
