#include "reclm/lm/weights/hf_folder.hpp"

#include "lm/encoder_cases.hpp"
#include "lm/gguf_builder.hpp"
#include "reclm/lm/weights/open_weights.hpp"
#include "reclm/lm/weights/save_model.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::lm;

namespace {

using Tensors = std::vector<std::pair<std::string, StoredTensor>>;

// The small model, whole, as float.
Tensors all_tensors(const WeightSource& source) {
  Tensors tensors;
  for (const auto& name : source.names()) tensors.emplace_back(name, source.get(name));
  return tensors;
}

std::string refusal(const std::filesystem::path& folder) {
  try {
    (void)open_weights(folder);
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a model saved as a Hugging Face folder comes back") {
  const test::TemporaryFolder folder;
  const auto gguf = open_weights(folder.write("m.gguf", test::small_llama().bytes()));
  ModelConfig config = gguf->config();
  config.bos = 1;
  config.eos = 2;
  config.stops = {2, 5};
  config.rope_scaling = {.kind = RopeScaling::Kind::llama3, .factor = 8, .original_context = 64};
  save_model(folder / "saved", config, all_tensors(*gguf));
  const auto back = open_weights(folder / "saved");
  CHECK(back->names() == gguf->names());
  for (const auto& name : back->names()) {
    const StoredTensor a = gguf->get(name), b = back->get(name);
    CHECK((a.rows == b.rows && a.cols == b.cols));
    CHECK(std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end()));
  }
  const ModelConfig& read = back->config();
  CHECK(config_json(read) == config_json(config));
  CHECK(read.stops == config.stops);
  CHECK(read.rope_scaling.factor == 8);
  CHECK(read.norm_epsilon == 1e-5);

  folder.write("saved/generation_config.json",
               R"({"eos_token_id": 7, "temperature": 0.7, "top_k": 40, "do_sample": true})");
  CHECK(open_weights(folder / "saved")->config().stops == std::vector<TokenId>{7});
  const GenerationDefaults defaults = read_generation_defaults(folder / "saved");
  CHECK(defaults.temperature == 0.7);
  CHECK(defaults.top_k == 40);
  CHECK_FALSE(defaults.top_p.has_value());

  const auto quantised = open_weights(folder.write("q.gguf", test::small_llama(StorageType::q8_0).bytes()));
  CHECK_THROWS_AS(save_model(folder / "q", quantised->config(), all_tensors(*quantised)), ConfigError);
}

TEST_CASE("stops and windows come back with a saved model") {
  const test::TemporaryFolder folder;
  const auto gguf = open_weights(folder.write("m.gguf", test::small_llama().bytes()));
  ModelConfig config = gguf->config();
  const auto back = [&] {
    save_model(folder / "m", config, all_tensors(*gguf));
    return open_weights(folder / "m")->config();
  };
  const auto stops = [&](TokenId eos, std::vector<TokenId> tokens) {
    config.eos = eos;
    config.stops = std::move(tokens);
    return back();
  };
  CHECK(stops(2, {5}).stops == std::vector<TokenId>{2, 5});
  CHECK(stops(2, {5}).eos == 2);
  CHECK(stops(2, {5, 2}).stops == std::vector<TokenId>{2, 5});
  CHECK(stops(-1, {5}).stops == std::vector<TokenId>{5});
  CHECK(stops(2, {}).stops == std::vector<TokenId>{2});
  CHECK(stops(-1, {}).stops.empty());
  CHECK(stops(2, {2}).stops == std::vector<TokenId>{2});
  CHECK(config_json(config).find("\"eos_token_id\": 2\n") != std::string::npos);

  CHECK(back().architecture == Architecture::llama);
  config.sliding_window = 3;  // GGUF files call Mistral a Llama
  CHECK(config_json(config).find("\"MistralForCausalLM\"") != std::string::npos);
  CHECK(back().sliding_window == 3);
  CHECK(config_json(back()) == config_json(config));
  config.architecture = Architecture::mistral;
  CHECK(back().sliding_window == 3);
  config.architecture = Architecture::qwen2;  // without biases, which Hugging Face's always has
  CHECK(back().sliding_window == 3);
  config.sliding_window = 0;
  CHECK_FALSE(back().qkv_bias);
}

TEST_CASE("BERT's norms are found under their first names, as bert-base-uncased has them") {
  const test::TemporaryFolder folder;
  const reclm_test::TinyWeights weights("tiny_encoder.safetensors", reclm_test::tiny_encoder_config());
  const auto texts = reclm_test::tiny_texts(weights);
  Tensors tensors;
  for (const ExpectedTensor& expected : expected_tensors(weights.config())) {
    std::string name = "bert." + expected.name;
    if (const auto at = name.find("LayerNorm."); at != std::string::npos)
      name.replace(at + 10, std::string::npos, name.ends_with("weight") ? "gamma" : "beta");
    tensors.emplace_back(name, weights.get(expected.name));
  }
  save_model(folder / "m", weights.config(), tensors);
  CHECK(text_of(folder / "m/model.safetensors").find("bert.embeddings.LayerNorm.gamma") != std::string::npos);
  const auto back = open_weights(folder / "m");
  CHECK(Encoder<>(*back).states(texts) == Encoder<>(weights).states(texts));
  tensors.emplace_back("bert.embeddings.LayerNorm.weight", weights.get("embeddings.LayerNorm.weight"));
  save_model(folder / "m", weights.config(), tensors);
  CHECK(refusal(folder / "m").find("appears twice") != std::string::npos);
}

TEST_CASE("shards are found through their index, and only inside the folder") {
  const test::TemporaryFolder folder;
  const auto gguf = open_weights(folder.write("m.gguf", test::small_llama().bytes()));
  const Tensors tensors = all_tensors(*gguf);
  const std::size_t half = tensors.size() / 2;
  save_model(folder / "a", gguf->config(), std::span(tensors).first(half));
  save_model(folder / "b", gguf->config(), std::span(tensors).subspan(half));
  std::string map;
  for (std::size_t k = 0; k < tensors.size(); ++k)
    map += (k > 0 ? ",\"" : "\"") + tensors[k].first + "\":\"" + (k < half ? "one" : "two") + ".safetensors\"";
  folder.write("c/config.json", text_of(folder / "a/config.json"));
  folder.write("c/one.safetensors", text_of(folder / "a/model.safetensors"));
  folder.write("c/two.safetensors", text_of(folder / "b/model.safetensors"));
  folder.write("c/model.safetensors.index.json", "{\"weight_map\":{" + map + "}}");
  CHECK(open_weights(folder / "c")->names() == gguf->names());

  const auto with_index = [&](const std::string& index) {
    folder.write("c/model.safetensors.index.json", index);
    return refusal(folder / "c");
  };
  CHECK(with_index("{}").find("no weight_map") != std::string::npos);
  CHECK(with_index(R"({"weight_map":{"x":"../a/model.safetensors"}})").find("not in a file of this folder") !=
        std::string::npos);
  CHECK(with_index(R"({"weight_map":{"x":7}})").find("not in a file") != std::string::npos);
  CHECK(with_index(R"({"weight_map":{"x":"one.safetensors"}})").find("no tensor \"x\"") != std::string::npos);
  CHECK(with_index(R"({"weight_map":{)" + map.substr(0, map.rfind(",\"")) + "}}").find("no tensor") !=
        std::string::npos);
}

TEST_CASE("folders with a wrong configuration are refused with the reason") {
  const test::TemporaryFolder folder;
  const auto gguf = open_weights(folder.write("m.gguf", test::small_llama().bytes()));
  save_model(folder / "m", gguf->config(), all_tensors(*gguf));
  const std::string good = text_of(folder / "m/config.json");
  const auto refused = [&](const std::string& config, const std::string& reason) {
    folder.write("m/config.json", config);
    const std::string message = refusal(folder / "m");
    INFO(message);
    CHECK(message.find(reason) != std::string::npos);
    CHECK(message.find("Remedy: ") != std::string::npos);
  };
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  refused("", "ends too early");
  refused("[]", "no JSON object");
  refused(std::string(1000, '['), "nested too deep");
  refused("{\"a\": \"\xFF\"}", "UTF-8");
  refused(R"({"a": 1e999})", "impossible number");
  refused("{\"a\":1}x", "something follows");
  refused(with("\"llama\"", "\"gpt_neo\""), "gpt_neo");
  refused(with("\"llama\"", "3"), "no text");
  refused(with("\"hidden_size\": 64", "\"hidden_size\": 1e18"), "no whole number");
  refused(with("\"hidden_size\": 64", "\"hidden_size\": 64.5"), "no whole number");
  refused(with("\"hidden_size\": 64", "\"hidden_size\": 128"), "configuration needs");
  refused(with("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"), "there is no tensor");
  refused(with("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3"), "do not divide");
  refused(with("\"silu\"", "\"relu\""), "relu");
  refused(with("\"rope_theta\"", "\"rope_scaling\": {\"type\": \"spiral\"}, \"rope_theta\""), "spiral");
  refused(with("\"rope_theta\"", "\"eos_token_id\": [2, -1], \"rope_theta\""), "no token");
  for (std::size_t length = 0; length < good.size() - 3; length += 7) refused(good.substr(0, length), "JSON");
  folder.write("m/config.json", good);
  std::filesystem::remove(folder / "m/model.safetensors");
  CHECK(refusal(folder / "m").find("no model.safetensors") != std::string::npos);
  CHECK_THROWS_AS(open_weights(folder / "absent"), IoError);
}
