/// A whole model's losses and gradients against torch's autograd, and the ways of computing them against each other.
#include "differentiate.hpp"
#include "reclm/lm/weights/open_weights.hpp"
#include "reclm/lm/weights/save_model.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "training_fixture.hpp"

using namespace reclm;
using namespace reclm::lm;
using namespace reclm_test;

namespace {

LoraAdapter peft_adapter(const TrainingFixture& fixture) {
  LoraAdapter adapter;
  for (Index layer = 0; layer < 2; ++layer)
    for (const std::string part : {"self_attn.q_proj", "mlp.down_proj"}) {
      const std::string name = "model.layers." + std::to_string(layer) + "." + part;
      adapter[name] = {fixture.file.matrix<float>("peft.w.base_model.model." + name + ".lora_A.weight"),
                       fixture.file.matrix<float>("peft.w.base_model.model." + name + ".lora_B.weight"), 3};
    }
  return adapter;
}

const LoraOptions kPeftShape{.rank = 2, .alpha = 6, .layers = {"q_proj", "down_proj"}};

}  // namespace

TEST_CASE("every weight's gradient is torch's") {
  const TrainingFixture fixture;
  const PackedBatch batch = pack(fixture.samples());
  for (const std::string name : {"llama", "qwen2"}) {
    const auto weights = fixture.weights(name);
    const TrainableDecoder<Cpu, double> model(weights);
    for (const bool recompute : {false, true}) {
      const auto [loss, gradients] = differentiate(model, batch, fixture.divisor, {.recompute = recompute});
      CHECK(loss == Approx(fixture.file.matrix<double>(name + ".loss")(0, 0)).epsilon(1e-6));
      CHECK(gradients.size() == weights.names().size());
      for (const auto& [parameter, gradient] : gradients) {
        INFO(name << ", " << parameter);
        CHECK(distance(gradient, fixture.file.matrix<double>(name + ".g." + parameter)) < 2e-6);
      }
    }
  }
}

TEST_CASE(
    "an adapter's loss and gradients are PEFT's, and neither merging nor saving the merged model changes the loss") {
  const TrainingFixture fixture;
  const PackedBatch batch = pack(fixture.samples());
  TrainableDecoder<Cpu, double> model(fixture.weights("llama"), {}, kPeftShape);
  model.set_adapter(peft_adapter(fixture));
  const auto [loss, gradients] = differentiate(model, batch, fixture.divisor);
  const double expected = fixture.file.matrix<double>("peft.loss")(0, 0);
  CHECK(loss == Approx(expected).epsilon(1e-6));
  CHECK(gradients.size() == 8);
  for (const auto& [parameter, gradient] : gradients)
    CHECK(distance(gradient, fixture.file.matrix<double>("peft.g.base_model.model." + parameter)) < 2e-6);

  const MemoryWeights merged_weights = model.merged();
  const TrainableDecoder<Cpu, double> merged(merged_weights);
  CHECK(differentiate(merged, batch, fixture.divisor).first == Approx(expected).epsilon(1e-6));

  const test::TemporaryFolder folder;
  std::vector<std::pair<std::string, StoredTensor>> tensors;
  for (const std::string& name : merged_weights.names()) tensors.emplace_back(name, merged_weights.get(name));
  save_model(folder / "merged", merged_weights.config(), tensors);
  const auto saved = open_weights(folder / "merged");
  CHECK(saved->names() == merged_weights.names());
  const TrainableDecoder<Cpu, double> reopened(*saved);
  CHECK(differentiate(reopened, batch, fixture.divisor).first == Approx(expected).epsilon(1e-6));
  CHECK(model.adapter().at("model.layers.1.mlp.down_proj").b ==
        peft_adapter(fixture).at("model.layers.1.mlp.down_proj").b);
}

TEST_CASE("log-probabilities add up to the loss") {
  const TrainingFixture fixture;
  const PackedBatch batch = pack(fixture.samples());
  const TrainableDecoder<Cpu, double> model(fixture.weights("qwen2"));
  Tape<Cpu, double> tape(false);
  const Var log_p = model.log_probabilities(tape, model.forward(tape, batch), batch.targets);
  double total = 0;
  for (Index k = 0; k < tape.value(log_p).rows(); ++k) total -= tape.value(log_p).data()[k];
  CHECK(total / fixture.divisor == Approx(fixture.file.matrix<double>("qwen2.loss")(0, 0)).epsilon(1e-6));
}

TEST_CASE("a batch's samples do not see each other") {
  const TrainingFixture fixture;
  const auto samples = fixture.samples();
  const TrainableDecoder<Cpu, double> model(fixture.weights("llama"));
  double apart = 0;
  for (const auto& sample : samples)
    if (sample.targets() > 0) apart += differentiate(model, pack(std::span(&sample, 1)), 1.0).first;
  CHECK(differentiate(model, pack(samples), 1.0).first == Approx(apart).epsilon(1e-10));
}

TEST_CASE("samples that share their beginning have the loss and gradients that they have apart") {
  const TrainingFixture fixture;
  auto [apart, shared] = AlikeSamples();
  // Beside them a sample of its own, whose beginning counts.
  const TrainingSample other = fixture.samples().front();
  apart.add(other);
  shared.add(other);
  CHECK(shared.tokens.size() + 12 == apart.tokens.size());
  CHECK(shared.targets.tokens == apart.targets.tokens);
  for (const std::string name : {"llama", "qwen2"}) {
    const TrainableDecoder<Cpu, double> model(fixture.weights(name));
    const auto [expected, gradients] = differentiate(model, apart, 1.0);
    for (const bool recompute : {false, true}) {
      const auto [loss, found] = differentiate(model, shared, 1.0, {.recompute = recompute});
      CHECK(loss == Approx(expected).epsilon(1e-12));
      for (const auto& [parameter, gradient] : gradients) {
        INFO(name << ", " << parameter);
        CHECK(distance(found.at(parameter), gradient) < 1e-10);
      }
    }
  }
}

TEST_CASE("weights held as bf16 give the loss of rounded weights, trained or frozen") {
  const TrainingFixture fixture;
  const PackedBatch batch = pack(fixture.samples());
  const auto weights = fixture.weights("llama");
  MemoryWeights rounded(weights.config());
  for (const std::string& name : weights.names()) {
    const StoredTensor tensor = weights.get(name);
    if (name.find("norm") != std::string::npos)
      rounded.put(name, tensor);
    else
      rounded.put(name, rounded_to_bf16(tensor));
  }
  const TrainableDecoder<Cpu, float> expected(rounded), trained(weights, {.bf16 = true}),
      frozen(weights, {.bf16 = true}, LoraOptions{});
  const auto [loss, gradients] = differentiate(expected, batch, fixture.divisor);
  // Where the CPU has products in bf16, activations and their gradients are rounded too.
  const double of_loss = cpu::bf16_products() ? 2e-3 : 1e-5, of_gradients = cpu::bf16_products() ? 2e-2 : 1e-4;
  CHECK(differentiate(trained, batch, fixture.divisor).first == Approx(loss).epsilon(of_loss));
  CHECK(differentiate(frozen, batch, fixture.divisor).first == Approx(loss).epsilon(of_loss));
  const auto of_master = differentiate(trained, batch, fixture.divisor).second;
  for (const auto& [name, gradient] : gradients) CHECK(distance(of_master.at(name), gradient) < of_gradients);
  // The master keeps what rounding loses.
  const auto bytes = [](const StoredTensor& t) { return std::vector<std::byte>(t.bytes.begin(), t.bytes.end()); };
  const std::string name = "model.layers.0.mlp.up_proj.weight";
  CHECK(bytes(trained.merged().get(name)) == bytes(weights.get(name)));
}

TEST_CASE("dropout is drawn again for recomputation, and differs by step") {
  const TrainingFixture fixture;
  const PackedBatch batch = pack(fixture.samples());
  LoraOptions lora = kPeftShape;
  lora.dropout = 0.5;
  TrainableDecoder<Cpu, double> model(fixture.weights("llama"), {}, lora);
  model.set_adapter(peft_adapter(fixture));
  const auto at = [&](std::uint32_t step, bool recompute) {
    return differentiate(model, batch, 1.0, {.recompute = recompute, .dropout = {true, 3, step}});
  };
  const auto [loss, gradients] = at(1, false);
  const auto [again, gradients_again] = at(1, true);
  CHECK(loss == again);
  CHECK(gradients == gradients_again);
  CHECK(loss != at(2, false).first);
}

TEST_CASE("an adapter comes into the parameters that are there") {
  const TrainingFixture fixture;
  TrainableDecoder<> model(fixture.weights("llama"), {}, kPeftShape);
  const auto parameters = model.parameters();
  const LoraAdapter adapter = peft_adapter(fixture);
  model.set_adapter(adapter);
  CHECK(model.parameters() == parameters);
  REQUIRE(parameters[0]->name() == "model.layers.0.self_attn.q_proj.lora_A.weight");
  CHECK(parameters[0]->value.to_host() == adapter.at("model.layers.0.self_attn.q_proj").a);
}

TEST_CASE("models and adapters that do not fit are refused") {
  const TrainingFixture fixture;
  const auto weights = fixture.weights("llama");
  using Model = TrainableDecoder<Cpu, float>;
  CHECK_THROWS_AS(Model(weights, {}, LoraOptions{.layers = {"nothing"}}), ConfigError);
  CHECK_THROWS_AS(Model(weights, {}, LoraOptions{.rank = 0}), ConfigError);
  CHECK_THROWS_AS(Model(weights, {}, LoraOptions{.dropout = 1}), ConfigError);
  Model model(weights, {}, kPeftShape);
  LoraAdapter adapter = peft_adapter(fixture);
  adapter.begin()->second.a = Matrix<float>(2, 5);
  const auto before = model.adapter();
  CHECK_THROWS_AS(model.set_adapter(adapter), ShapeError);
  LoraAdapter last_wrong = peft_adapter(fixture);
  last_wrong.rbegin()->second.b = Matrix<float>(2, 5);
  CHECK_THROWS_AS(model.set_adapter(last_wrong), ShapeError);
  for (const auto& [name, update] : model.adapter()) CHECK(update.a == before.at(name).a);
  adapter.erase(adapter.begin());
  CHECK_THROWS_AS(model.set_adapter(adapter), ConfigError);
  MemoryWeights broken = fixture.weights("llama");
  broken.put("model.norm.weight", Matrix<float>(1, 15));
  CHECK_THROWS_AS(Model(broken), DataError);
  PackedBatch batch = pack(fixture.samples());
  batch.tokens[3] = 48;
  Tape<Cpu, float> tape;
  CHECK_THROWS_AS(model.forward(tape, batch), ShapeError);
}
