#include "reclm/lm/tokenizer/train_bpe.hpp"

#include "lm/tokenizer_fixtures.hpp"
#include "reclm/lm/tokenizer/save_tokenizer.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::lm;

TEST_CASE("training merges the most frequent pair first, of equals the one of the smallest numbers") {
  BpeTrainOptions options;
  options.special_tokens = {"<|endoftext|>"};
  const Tokenizer tokenizer = train_bpe("hug hug pug pun bun hugs", 262, options);
  std::vector<std::string> learned;
  for (TokenId id = 257; id < static_cast<TokenId>(tokenizer.vocabulary()); ++id)
    learned.emplace_back(tokenizer.token_bytes(id));
  // "u g" ×4, then "h ug" ×3, then of those ×2: "u n" before "Ġ p", because u's character is before Ġ's, and "Ġ hug".
  CHECK(learned == std::vector<std::string>{"ug", "hug", "un", " p", " hug"});
  CHECK(tokenizer.encode(" hug").size() == 1);
  CHECK(tokenizer.bos() == 0);
  CHECK(tokenizer.eos() == 0);
}

TEST_CASE("runs of one letter are counted without counting a pair twice") {
  BpeTrainOptions options;
  options.special_tokens.clear();
  const Tokenizer tokenizer = train_bpe("aaaaaaaa aaaaaaaa", 300, options);
  CHECK(tokenizer.decode(tokenizer.encode("aaaaaaaaaaa")) == "aaaaaaaaaaa");
  CHECK(tokenizer.encode("aaaaaaaa").size() == 1);
}

TEST_CASE("a trained tokenizer covers all bytes, speaks ChatML and survives being saved") {
  const std::string corpus = test::text_of(RECLM_SOURCE_DIR "/tests/fixtures/tokenizers/expected.json");
  const Tokenizer tokenizer = train_bpe(corpus, 600);
  CHECK(tokenizer.vocabulary() == 600);
  CHECK(tokenizer_json(tokenizer) == tokenizer_json(train_bpe(corpus, 600)));
  const std::string text = "Größe 日本 \x01 \"quoted\"\n";
  CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
  CHECK(tokenizer.chat(std::vector<Message>{{"user", "Hi"}}, true) ==
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");

  const test::TemporaryFolder folder;
  save_tokenizer(folder / "t", tokenizer);
  const Tokenizer back = load_tokenizer(folder / "t");
  CHECK(back.encode(corpus) == tokenizer.encode(corpus));
  CHECK(back.eos() == tokenizer.eos());
  CHECK(back.pad() == tokenizer.pad());
  CHECK(back.chat_format().family == ChatFormat::Family::chat_ml);
  CHECK(tokenizer_json(back) == tokenizer_json(tokenizer));

  CHECK_THROWS_AS(train_bpe(corpus, 100), ConfigError);
  CHECK(train_bpe("", 300).vocabulary() == 259);
}

TEST_CASE("every kind of tokenizer survives being saved") {
  for (const char* name : {"llama2", "qwen2", "bert"}) {
    const Tokenizer tokenizer = test::tokenizer_of(test::tokenizer_document(name));
    const Tokenizer back = test::tokenizer_of(tokenizer_json(tokenizer));
    for (const std::string text : {"Hello world's 123", " Größe <pad> [MASK] 日本"})
      CHECK(back.encode(text) == tokenizer.encode(text));
  }
}
