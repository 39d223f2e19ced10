/// Fine-tuning: it learns, its schedule and clipping are what they say, and a stopped or killed one goes on to the same
/// bits.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "reclm/lm/training/finetune.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "training_fixture.hpp"

using namespace reclm;
using namespace reclm::lm;
using namespace reclm_test;

namespace {

using Model = TrainableDecoder<Cpu, float>;

/// Eleven samples of lengths 4 to 14 that follow a rule: token k + 1 is token k plus 5, modulo 48.
std::vector<TrainingSample> rule_samples() {
  std::vector<TrainingSample> samples;
  for (int s = 0; s < 11; ++s) {
    TrainingSample sample;
    for (int k = 0; k < 4 + s; ++k) sample.tokens.push_back((7 * s + 5 * k) % 48);
    sample.learn.assign(sample.tokens.size(), 1);
    samples.push_back(std::move(sample));
  }
  return samples;
}

FinetuneOptions small_options(const std::filesystem::path& checkpoint = {}) {
  return {.epochs = 3,
          .batch_tokens = 24,
          .accumulate = 2,
          .learning_rate = 0.01,
          .checkpoint = checkpoint,
          .resume = true};
}

Model lora_model() {
  static const TrainingFixture fixture;
  return Model(fixture.weights("llama"), {}, LoraOptions{.rank = 2, .dropout = 0.2, .layers = {"q_proj", "up_proj"}});
}

ParameterValues<float> trained(const FinetuneOptions& options, FinetuneReport* report = nullptr) {
  Model model = lora_model();
  const auto result = finetune(model, std::span<const TrainingSample>(rule_samples()), options);
  if (report != nullptr) *report = result;
  return copy_parameters(model.parameters());
}

}  // namespace

TEST_CASE("full training learns a rule, with and without recomputation, in float32 and with bf16 weights") {
  const TrainingFixture fixture;
  const auto samples = rule_samples();
  std::vector<double> losses;
  for (const auto& [bf16, recompute] : {std::pair{false, false}, {false, true}, {true, false}}) {
    Model model(fixture.weights("llama"), {.bf16 = bf16});
    const double before = mean_loss(model, std::span(samples));
    const auto report = finetune(model, std::span(samples),
                                 {.epochs = 40, .batch_tokens = 40, .learning_rate = 0.01, .recompute = recompute});
    CHECK(before > 3);
    CHECK(mean_loss(model, std::span(samples)) < 0.1);
    CHECK(report.epoch_loss.size() == 40);
    CHECK(report.epoch_loss.back() < 0.2);
    CHECK(report.tokens == 40 * 99);
    losses.push_back(report.epoch_loss[0]);
  }
  CHECK(losses[0] == Approx(losses[1]).epsilon(1e-4));
  CHECK(losses[0] == Approx(losses[2]).epsilon(0.05));
}

TEST_CASE("only an adapter changes, and it learns") {
  Model model = lora_model();
  const auto samples = rule_samples();
  const double before = mean_loss(model, std::span(samples));
  const auto base = model.merged().get("model.layers.0.mlp.gate_proj.weight");
  finetune(model, std::span(samples), {.epochs = 20, .batch_tokens = 40, .learning_rate = 0.02});
  CHECK(mean_loss(model, std::span(samples)) < 0.8 * before);
  const auto after = model.merged().get("model.layers.0.mlp.gate_proj.weight");
  CHECK(std::equal(base.bytes.begin(), base.bytes.end(), after.bytes.begin(), after.bytes.end()));
}

TEST_CASE("several batches a step have the gradient of one large batch") {
  const TrainingFixture fixture;
  const auto samples = rule_samples();
  const auto after_one_step = [&](Index batch_tokens, int accumulate) {
    Model model(fixture.weights("llama"));
    finetune(
        model, std::span(samples),
        {.epochs = 1, .batch_tokens = batch_tokens, .accumulate = accumulate, .learning_rate = 1e-3, .epsilon = 1e-3});
    return copy_parameters(model.parameters());
  };
  const auto whole = after_one_step(1000, 1), parts = after_one_step(25, 100);
  for (const auto& [name, values] : whole)
    for (Index k = 0; k < values.size(); ++k) CHECK(values.data()[k] == Approx(parts.at(name).data()[k]).margin(2e-6));
}

TEST_CASE("the rate rises, then falls along a cosine") {
  const FinetuneOptions options{.learning_rate = 1, .warmup = 0.2, .final_rate = 0.1};
  CHECK(scheduled_rate(options, 0, 100) == Approx(0.05));
  CHECK(scheduled_rate(options, 19, 100) == Approx(1));
  CHECK(scheduled_rate(options, 20, 100) == Approx(1));
  CHECK(scheduled_rate(options, 60, 100) == Approx(0.55));
  CHECK(scheduled_rate(options, 99, 100) == Approx(0.1).margin(0.001));
  CHECK(scheduled_rate({.learning_rate = 1, .warmup = 0}, 0, 1) == Approx(1));
}

TEST_CASE("gradients are clipped to a norm") {
  Parameter<Cpu, float> a("a", Tensor<Cpu, float>::zeros(1, 2)), b("b", Tensor<Cpu, float>::zeros(2, 1));
  a.gradient = Tensor<Cpu, float>::from_host(Matrix<float>(1, 2, {3, 0}));
  b.gradient = Tensor<Cpu, float>::from_host(Matrix<float>(2, 1, {0, 4}));
  const std::vector<Parameter<Cpu, float>*> both{&a, &b};
  CHECK(clip_gradients(both, 10) == Approx(5));
  CHECK(a.gradient.to_host()(0, 0) == 3);
  CHECK(clip_gradients(both, 1) == Approx(5));
  CHECK(gradient_norm(both) == Approx(1));
  CHECK(b.gradient.to_host()(1, 0) == Approx(0.8));
}

TEST_CASE("a stopped fine-tuning goes on to the same bits") {
  FinetuneReport whole_report;
  const auto whole = trained(small_options(), &whole_report);
  REQUIRE(whole_report.steps >= 7);
  for (Index stop = 1; stop <= whole_report.steps; ++stop) {
    const test::TemporaryFolder folder;
    const auto path = folder / "state.safetensors";
    FinetuneOptions options = small_options(path);
    options.observer = [&](const Progress& p) { return p.step != stop; };
    FinetuneReport report;
    trained(options, &report);
    CHECK(report.interrupted);
    CHECK(report.steps == stop);
    CHECK(trained(small_options(path), &report) == whole);
    CHECK(report.epoch_loss == whole_report.epoch_loss);
  }
}

TEST_CASE("a killed fine-tuning goes on to the same bits") {
  const ThreadLimit one(1);  // the child has no worker threads
  const auto whole = trained(small_options());
  const test::TemporaryFolder folder;
  const auto path = folder / "state.safetensors";
  for (const Index stop : {2, 3, 5}) {
    const pid_t child = ::fork();
    if (child == 0) {
      FinetuneOptions options = small_options(path);
      options.checkpoint_every = 2;
      options.observer = [&](const Progress& p) {
        if (p.step == stop) ::raise(SIGKILL);
        return true;
      };
      trained(options);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status));
  }
  CHECK(trained(small_options(path)) == whole);
}

TEST_CASE("a checkpoint of another training is refused") {
  const test::TemporaryFolder folder;
  const auto path = folder / "state.safetensors";
  trained(small_options(path));
  FinetuneOptions other = small_options(path);
  other.learning_rate = 0.02;
  CHECK_THROWS_AS(trained(other), ConfigError);
  for (double FinetuneOptions::*option :
       {&FinetuneOptions::beta1, &FinetuneOptions::beta2, &FinetuneOptions::epsilon}) {
    other = small_options(path);
    other.*option /= 2;
    CHECK_THROWS_AS(trained(other), ConfigError);
  }
  Model full(TrainingFixture().weights("llama"));
  CHECK_THROWS_AS(finetune(full, std::span<const TrainingSample>(rule_samples()), small_options(path)), Error);
}

TEST_CASE("options out of range, samples without targets and exploding losses are refused") {
  Model model = lora_model();
  const auto run = [&](std::vector<TrainingSample> samples, FinetuneOptions options) {
    finetune(model, std::span<const TrainingSample>(samples), options);
  };
  CHECK_THROWS_AS(run(rule_samples(), {.epochs = 0}), ConfigError);
  CHECK_THROWS_AS(run(rule_samples(), {.learning_rate = 0}), ConfigError);
  CHECK_THROWS_AS(run(rule_samples(), {.warmup = 1}), ConfigError);
  CHECK_THROWS_AS(run({{{1, 2, 3}, {1, 0, 0}}}, {}), ConfigError);
  CHECK_THROWS_AS(run({{{1, 2, 3}, {1, 1}}}, {}), ShapeError);
  MemoryWeights weights = TrainingFixture().weights("llama");
  weights.put("model.norm.weight", Matrix<float>(1, 16, std::numeric_limits<float>::infinity()));
  Model broken(weights, {}, LoraOptions{.rank = 2});
  const auto before = copy_parameters(broken.parameters());
  CHECK_THROWS_AS(finetune(broken, std::span<const TrainingSample>(rule_samples()), {}), NumericError);
  CHECK(copy_parameters(broken.parameters()) == before);
}

TEST_CASE("texts share as much of their beginnings as saves the most tokens") {
  using Texts = std::vector<std::vector<TokenId>>;
  const auto check = [](const Texts& texts, std::size_t count, std::size_t tokens) {
    const SharedBeginning found = shared_beginning(texts);
    CHECK(found.texts == count);
    CHECK(found.tokens == tokens);
  };
  check({{1, 2, 3}}, 1, 0);
  check({{1, 2, 3}, {4, 2, 3}}, 1, 0);
  check({{1, 2, 3}, {1, 2, 4}, {7}}, 2, 2);
  check({{1, 2}, {1, 2}, {1, 2}}, 3, 1);                                   // each keeps a token of its own
  check({{1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 7}, {1, 2, 3, 4, 8}}, 3, 4);  // 8 saved, with two texts 5
  check({{1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 7}, {1, 2, 8, 9}}, 2, 5);     // 5 saved, with three texts 4
}

TEST_CASE("batches hold every sample once, within the limit, in another order each epoch") {
  const auto samples = rule_samples();
  const auto first = plan_batches(samples, 24, 1, 0);
  std::vector<Index> seen;
  for (const auto& batch : first) {
    Index tokens = 0;
    for (const Index k : batch) {
      seen.push_back(k);
      tokens += static_cast<Index>(samples[static_cast<std::size_t>(k)].tokens.size());
    }
    CHECK((tokens <= 24 || batch.size() == 1));
  }
  std::sort(seen.begin(), seen.end());
  CHECK(seen.size() == 11);
  CHECK(std::unique(seen.begin(), seen.end()) == seen.end());
  CHECK(first == plan_batches(samples, 24, 1, 0));
  CHECK(first != plan_batches(samples, 24, 1, 1));
}
