/// How texts go on: tokens of what is learned behind a prompt are those that the whole text has.
#include "lm/tokenizer_fixtures.hpp"
#include "reclm/instruct/open_language_model.hpp"
#include "reclm/lm/memory_weights.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::lm;

namespace {

TextCodec codec_of(const Tokenizer& tokenizer, const std::string& chat_template) {
  auto codec = instruct::language_model("m", std::make_shared<MemoryWeights>(ModelConfig{}), tokenizer).codec;
  codec.render = [format = recognise_chat_format(chat_template, "<s>", "</s>")](
                     std::span<const Message> messages, bool open) { return chat_text(format, messages, open); };
  return codec;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// llama2's normaliser as newer files have it: Metaspace.
std::string with_metaspace(const std::string& scheme) {
  std::string document = test::tokenizer_document("llama2");
  const auto from = document.find("\"normalizer\""), to = document.find("\"post_processor\"");
  REQUIRE((from != std::string::npos && to != std::string::npos && from < to));
  return document.replace(
      from, to - from,
      R"("normalizer":null,"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":")" + scheme +
          R"(","split":false},)");
}

constexpr const char* kTemplates[] = {"'<<SYS>>' '[INST] '", "bos_token '[INST] ' + message['content'] + ' [/INST]'",
                                      "bos_token ' [INST] ' + message['content'] + ' [/INST]' ' ' + message['content']",
                                      "bos_token '[INST]' + message['content'] + '[/INST]'"};

const Dialogue kDialogue{
    {"user", "the user"}, {"assistant", "the answer"}, {"user", "and more"}, {"assistant", "the end"}};

}  // namespace

TEST_CASE("a dialogue's sample has the tokens of the whole text, marks of beginnings included") {
  const std::string plain = test::tokenizer_document("llama2");
  for (const std::string& document :
       {plain, with_metaspace("always"), with_metaspace("first"), with_metaspace("never")})
    for (const char* chat_template : kTemplates) {
      const Tokenizer tokenizer = test::tokenizer_of(document);
      const TextCodec codec = codec_of(tokenizer, chat_template);
      CHECK(chat_sample(codec, kDialogue).tokens == tokenizer.encode(codec.render(kDialogue, false), false));
    }
}

TEST_CASE("an answer's tokens are those that a sample learns") {
  const Tokenizer tokenizer = test::tokenizer_of(test::tokenizer_document("llama2"));
  for (const char* chat_template : kTemplates) {
    const TextCodec codec = codec_of(tokenizer, chat_template);
    const Dialogue dialogue(kDialogue.begin(), kDialogue.begin() + 2);
    const std::span<const Message> asked(dialogue.data(), 1);
    const auto prompt = codec.encode(codec.render(asked, true));
    std::vector<TokenId> all = prompt;
    for (const TokenId token : answer_tokens(codec, asked, prompt, dialogue[1].content)) all.push_back(token);
    CHECK(all == chat_sample(codec, dialogue).tokens);
  }
}

TEST_CASE("a completion goes on where its prompt ends, behind what the model wants before a text") {
  const std::string prompt = "the inter", completion = "est of the user";
  for (const std::string& document :
       {test::tokenizer_document("llama2"), with_metaspace("always"), with_metaspace("first")}) {
    const Tokenizer tokenizer = test::tokenizer_of(document);
    const TextCodec codec = codec_of(tokenizer, "");
    const TrainingSample sample = completion_sample(codec, prompt, completion, -1);
    CHECK(tokenizer.decode(sample.tokens) == prompt + completion);
    // The prompt is what generation is given.
    const auto given = tokenizer.encode(prompt);
    CHECK(given.front() == 1);  // <s>
    REQUIRE(sample.tokens.size() > given.size());
    CHECK(std::equal(given.begin(), given.end(), sample.tokens.begin()));
    CHECK(sample.targets() == static_cast<Index>(sample.tokens.size() - given.size()));
    // Without a prompt the completion is the text.
    CHECK(completion_sample(codec, "", completion, -1).tokens == tokenizer.encode(completion));
    // A special token ends what there was, as in the whole text.
    CHECK(completion_sample(codec, "the</s>", "user", -1).tokens == tokenizer.encode("the</s>user"));
  }
}

TEST_CASE("tokenizers without marks of beginnings encode pieces by themselves") {
  for (const char* name : {"gpt2", "smollm", "llama3", "qwen2"}) {
    const Tokenizer tokenizer = test::tokenizer_of(test::tokenizer_document(name));
    for (const std::string text : {" goes on", "goes on", "\n\nx<|endoftext|> y", ""})
      CHECK(tokenizer.encode_behind(tokenizer.encode("A text", false), text) == tokenizer.encode(text, false));
  }
  // GPT-2's with a space before texts is one with marks.
  const Tokenizer spaced = test::tokenizer_of(
      replaced(test::tokenizer_document("gpt2"), R"("add_prefix_space":false)", R"("add_prefix_space":true)"));
  const auto begun = spaced.encode("the inter", false);
  CHECK(spaced.encode("est", false) == spaced.encode(" est", false));
  CHECK(spaced.encode_behind(begun, "est") != spaced.encode("est", false));
}
