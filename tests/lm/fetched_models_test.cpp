#include "lm/tokenizer_fixtures.hpp"
#include "reclm/lm/tokenizer/load_tokenizer.hpp"
#include "reclm/lm/tokenizer/save_tokenizer.hpp"
#include "support/catch.hpp"
#include "support/model_cache.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::lm;

namespace {

const std::string kText = "User identity: cinephile, 1990s fan; naïve café-goer's <|im_end|>";

}  // namespace

TEST_CASE("SmolLM2's GGUF file opens, and its tokenizer is Hugging Face's") {
  const auto path = test::smollm2();
  if (!path) return;
  const auto weights = open_weights(*path);
  const ModelConfig& config = weights->config();
  CHECK(config.architecture == Architecture::llama);
  CHECK(config.vocabulary == 49152);
  CHECK(config.layers == 30);
  CHECK(config.kv_heads == 3);
  CHECK(config.tied_embeddings);
  CHECK(config.rope_theta == 100000);
  CHECK(weights->get("model.embed_tokens.weight").type == StorageType::q8_0);
  CHECK(weights->get("model.layers.29.mlp.down_proj.weight").type == StorageType::q4_1);

  const Tokenizer tokenizer = load_tokenizer(*path);
  // As the tokenizers package says (tests/lm/peers/compare_tokenizers.py compares on large texts).
  const std::vector<TokenId> expected{11126, 3905,  42, 265,   462,   647,   552, 28,   216, 33,  41,  41, 32,
                                      99,    10136, 43, 15486, 46494, 37366, 29,  2345, 259, 506, 216, 2};
  const auto ids = tokenizer.encode(kText);
  CHECK(ids == expected);
  CHECK(tokenizer.decode(ids, false) == kText);
  CHECK(tokenizer.eos() == 2);
  CHECK(ids.back() == tokenizer.eos());
  CHECK(tokenizer.chat(std::vector<Message>{{"user", "Hi"}}, true) ==
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");

  const test::TemporaryFolder folder;
  save_tokenizer(folder / "t", tokenizer);
  const Tokenizer back = load_tokenizer(folder / "t");
  CHECK(back.encode(kText) == ids);
  CHECK(back.stops().front() == 2);
}

TEST_CASE("MiniLM's folder opens, and its tokenizer is Hugging Face's") {
  const auto path = test::minilm();
  if (!path) return;
  const auto weights = open_weights(*path);
  CHECK(weights->config().architecture == Architecture::bert);
  CHECK(weights->config().width == 384);
  CHECK(weights->get("encoder.layer.5.output.dense.weight").cols == 1536);
  const Tokenizer tokenizer = load_tokenizer(*path);
  CHECK(tokenizer.encode(kText) == std::vector<TokenId>{101,  5310, 4767,  1024, 25022, 2638, 24862, 1010, 4134,
                                                        5470, 1025, 15743, 7668, 1011,  2175, 2121,  1005, 1055,
                                                        1026, 1064, 10047, 1035, 2203,  1064, 1028,  102});
  CHECK(tokenizer.decode(tokenizer.encode(kText)) ==
        "user identity : cinephile, 1990s fan ; naive cafe - goer ' s < | im _ end | >");
}
