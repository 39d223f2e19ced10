/// What files of the Llama family may or may not hold: biases of the inner layers, a head beside tied embeddings.
#include "lm/gguf_builder.hpp"
#include "reclm/lm/decoder.hpp"
#include "reclm/lm/training/finetune.hpp"
#include "reclm/lm/weights/open_weights.hpp"
#include "reclm/lm/weights/save_model.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::lm;

namespace {

ModelConfig small_config() {
  ModelConfig config;
  config.vocabulary = 48;
  config.width = 16;
  config.layers = 2;
  config.heads = 2;
  config.kv_heads = 1;
  config.head_width = 8;
  config.inner_width = 24;
  config.context = 64;
  config.tied_embeddings = true;
  return config;
}

Matrix<float> numbers(Index cols, std::uint64_t seed) { return Matrix<float>(1, cols, test::some_weights(cols, seed)); }

MemoryWeights biased_weights() {
  ModelConfig config = small_config();
  config.mlp_bias = true;
  MemoryWeights weights = random_weights(config, 3);
  std::uint64_t seed = 1;
  for (const std::string& name : weights.names())
    if (name.ends_with(".bias")) weights.put(name, numbers(weights.get(name).cols, seed++));
  return weights;
}

void save(const std::filesystem::path& folder, const WeightSource& weights) {
  std::vector<std::pair<std::string, StoredTensor>> tensors;
  for (const std::string& name : weights.names()) tensors.emplace_back(name, weights.get(name));
  save_model(folder, weights.config(), tensors);
}

const std::vector<TokenId> kTokens{1, 5, 9, 2, 40, 7, 7, 30};

/// Mean −log p of each next token, by the decoder that runs models.
double loss_of(const WeightSource& weights) {
  const auto logits = Decoder<>(weights).logits(kTokens);
  double sum = 0;
  for (std::size_t k = 0; k + 1 < kTokens.size(); ++k) {
    double total = 0;
    for (const float x : logits.row(static_cast<Index>(k))) total += std::exp(static_cast<double>(x));
    sum += std::log(total) - static_cast<double>(logits(static_cast<Index>(k), kTokens[k + 1]));
  }
  return sum / static_cast<double>(kTokens.size() - 1);
}

/// The same by the one that trains them.
double trained_loss(const WeightSource& weights) {
  const TrainingSample sample{kTokens, std::vector<std::uint8_t>(kTokens.size(), 1)};
  return mean_loss(TrainableDecoder<>(weights), std::span(&sample, 1));
}

}  // namespace

TEST_CASE("biases of the inner layers count, in files of both kinds") {
  const test::TemporaryFolder folder;
  const MemoryWeights weights = biased_weights();
  CHECK(weights.names().size() == random_weights(small_config(), 3).names().size() + 6);
  CHECK(loss_of(weights) == Approx(trained_loss(weights)).epsilon(1e-5));
  CHECK(std::abs(loss_of(weights) - loss_of(random_weights(small_config(), 3))) > 1e-4);

  save(folder / "m", weights);
  const auto back = open_weights(folder / "m");
  CHECK(back->config().mlp_bias);
  CHECK(loss_of(*back) == loss_of(weights));
  CHECK(config_json(small_config()).find("mlp_bias") == std::string::npos);
  // A configuration that promises biases needs them.
  ModelConfig promising = small_config();
  promising.mlp_bias = true;
  const MemoryWeights plain = random_weights(small_config(), 3);
  save(folder / "n", plain);
  folder.write("n/config.json", config_json(promising));
  CHECK_THROWS_AS(open_weights(folder / "n"), DataError);

  test::GgufBuilder file = test::small_llama();
  for (const std::string layer : {"blk.0.", "blk.1."}) {
    file.tensor(layer + "ffn_gate.bias", StorageType::f32, {96}, test::some_weights(96, 5));
    file.tensor(layer + "ffn_up.bias", StorageType::f32, {96}, test::some_weights(96, 6));
    file.tensor(layer + "ffn_down.bias", StorageType::f32, {64}, test::some_weights(64, 7));
  }
  const auto gguf = open_weights(folder.write("m.gguf", file.bytes()));
  CHECK(gguf->config().mlp_bias);
  CHECK(gguf->contains("model.layers.1.mlp.down_proj.bias"));
  const auto tokens = std::vector<TokenId>{1, 2, 3};
  const auto without = open_weights(folder.write("n.gguf", test::small_llama().bytes()));
  CHECK_FALSE(without->config().mlp_bias);
  CHECK_FALSE(Decoder<>(*gguf).logits(tokens) == Decoder<>(*without).logits(tokens));
}

TEST_CASE("the configuration says whether queries, keys and values have biases, for running and for training") {
  const test::TemporaryFolder folder;
  const auto layer = [](int i, const char* part) {
    return "model.layers." + std::to_string(i) + ".self_attn." + part + ".bias";
  };
  const auto put_biases = [&](MemoryWeights& weights) {
    for (int i = 0; i < 2; ++i) {
      weights.put(layer(i, "q_proj"), numbers(16, 1));
      weights.put(layer(i, "k_proj"), numbers(8, 2));
      weights.put(layer(i, "v_proj"), numbers(8, 3));
    }
  };
  const double plain = loss_of(random_weights(small_config(), 3));

  // Llama without attention_bias has none, whatever the file holds.
  MemoryWeights llama = random_weights(small_config(), 3);
  put_biases(llama);
  llama.put("lm_head.bias", numbers(48, 4));
  save(folder / "llama", llama);
  const auto without = open_weights(folder / "llama");
  CHECK(without->contains(layer(0, "q_proj")));
  CHECK_FALSE(without->config().qkv_bias);
  CHECK(loss_of(*without) == plain);
  CHECK(trained_loss(*without) == Approx(plain).epsilon(1e-5));
  CHECK_FALSE(TrainableDecoder<>(*without).merged().contains(layer(0, "q_proj")));

  // Qwen2 has them, whatever attention_bias says.
  ModelConfig config = small_config();
  config.architecture = Architecture::qwen2;
  config.qkv_bias = true;
  MemoryWeights qwen(config);
  for (const std::string& name : random_weights(small_config(), 3).names())
    qwen.put(name, random_weights(small_config(), 3).get(name));
  put_biases(qwen);
  save(folder / "qwen", qwen);
  std::string text = config_json(config);
  const std::string said = "\"attention_bias\": true";
  for (const std::string says : {"\"attention_bias\": true", "\"attention_bias\": false", "\"x\": 0"}) {
    folder.write("qwen/config.json", std::string(text).replace(text.find(said), said.size(), says));
    const auto with = open_weights(folder / "qwen");
    CHECK(with->config().qkv_bias);
    CHECK(loss_of(*with) == loss_of(qwen));
    CHECK(std::abs(loss_of(*with) - plain) > 1e-4);
    CHECK(trained_loss(*with) == Approx(loss_of(qwen)).epsilon(1e-5));
  }
}

TEST_CASE("tied embeddings are the head, even beside a head in the file") {
  const test::TemporaryFolder folder;
  MemoryWeights weights = random_weights(small_config(), 3);
  const double tied = loss_of(weights);
  weights.put("lm_head.weight", random_weights(small_config(), 9).get("model.embed_tokens.weight"));
  CHECK(loss_of(weights) == tied);
  CHECK(trained_loss(weights) == Approx(tied).epsilon(1e-5));
  save(folder / "m", weights);
  CHECK(loss_of(*open_weights(folder / "m")) == tied);

  MemoryWeights apart([] {
    ModelConfig config = small_config();
    config.tied_embeddings = false;
    return config;
  }());
  for (const std::string& name : weights.names()) apart.put(name, weights.get(name));
  CHECK(loss_of(apart) != tied);
  CHECK(trained_loss(apart) == Approx(loss_of(apart)).epsilon(1e-5));
  save(folder / "n", apart);
  CHECK(loss_of(*open_weights(folder / "n")) == loss_of(apart));
}

TEST_CASE("integers of a configuration are written as integers") {
  ModelConfig config = small_config();
  config.vocabulary = 100000;
  config.context = 2000000;
  config.bos = 99999;
  config.eos = 10000000;
  config.rope_theta = 1e6;
  const std::string text = config_json(config);
  for (const char* part :
       {"\"vocab_size\": 100000,", "\"max_position_embeddings\": 2000000,", "\"bos_token_id\": 99999,",
        "\"eos_token_id\": 10000000\n", "\"rope_theta\": 1000000,", "\"rms_norm_eps\": 1e-05,"})
    CHECK(text.find(part) != std::string::npos);
  CHECK(lm::detail::json_number(0.5) == "0.5");
  CHECK(lm::detail::json_number(-3e5) == "-300000");
  CHECK(lm::detail::json_number(1e300) == "1e+300");
}
