/// A model in this process as a teacher: valid profiles by constraint, the same answers whatever the company.
#include "reclm/instruct/decoder_teacher.hpp"

#include <map>

#include "lm/tiny_weights.hpp"
#include "reclm/instruct/dialogues.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/lm/memory_weights.hpp"
#include "small_town.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;

namespace {

lm::TokenTexts bytes_and_stop() {
  std::vector<std::string> bytes;
  for (int b = 0; b < 256; ++b) bytes.emplace_back(1, static_cast<char>(b));
  bytes.emplace_back("");
  return {std::move(bytes), {256}};
}

lm::Decoder<> untrained_decoder() {
  lm::ModelConfig c;
  c.vocabulary = 257;
  c.width = 16;
  c.layers = 1;
  c.heads = 2;
  c.kv_heads = 1;
  c.head_width = 8;
  c.inner_width = 24;
  c.context = 900;
  c.tied_embeddings = true;
  return lm::Decoder<>(random_weights(c, 3));
}

std::vector<lm::TokenId> bytes_of(const lm::Dialogue& messages) {
  std::vector<lm::TokenId> tokens;
  for (const char c : messages.back().content) tokens.push_back(static_cast<unsigned char>(c));
  return tokens;
}

}  // namespace

TEST_CASE("a local model writes profiles that follow the grammar, by its seed alone") {
  const Dataset data = small_town();
  const std::vector<Id> users{0, 1, 2};
  const auto prompts =
      Dialogues(data, {.templates = {.user_profile = "{form}\n{history}"}}).user_prompts(users).samples;
  const lm::Decoder<> decoder = untrained_decoder();
  const lm::TokenTexts texts = bytes_and_stop();
  const auto ask = [&](std::vector<TeacherRequest> requests, DecoderTeacherOptions options) {
    options.max_tokens = 160;
    const DecoderTeacher<> teacher({.model = "tiny"}, decoder, texts, bytes_of, options);
    static_assert(Teacher<const DecoderTeacher<>>);
    CHECK(teacher.facts().model == "tiny");
    std::map<Index, std::string> answers;
    teacher.answer(requests, [&](Index k, std::string text) {
      CHECK(answers.emplace(k, std::move(text)).second);
      return true;
    });
    return answers;
  };
  const std::vector<TeacherRequest> all{{&prompts[0], 5}, {&prompts[1], 5}, {&prompts[2], 6}};
  const auto answers = ask(all, {.only_profiles = true, .least = 2, .most = 3});
  REQUIRE(answers.size() == 3);
  for (const auto& [k, text] : answers) {
    INFO(text);
    CHECK(read_profile(text, {.least = 2, .most = 3}).valid());
  }
  CHECK(ask({{&prompts[2], 6}}, {.only_profiles = true, .least = 2, .most = 3, .batch = 1}).at(0) == answers.at(2));
  CHECK(ask({{&prompts[2], 7}}, {.only_profiles = true, .least = 2, .most = 3}).at(0) != answers.at(2));

  // A caller that stops gets nothing more.
  const DecoderTeacher<> teacher({.model = "tiny"}, decoder, texts, bytes_of, {.max_tokens = 4, .batch = 1});
  int delivered = 0;
  teacher.answer(all, [&](Index, const std::string&) { return ++delivered < 2; });
  CHECK(delivered == 2);
  CHECK_THROWS_AS((DecoderTeacher<>({}, decoder, texts, bytes_of, {.batch = 0})), ConfigError);
}

TEST_CASE("answers that max_tokens cut off say so, and those that ended do not") {
  const lm::Decoder<> decoder = untrained_decoder();
  const lm::TokenTexts texts = bytes_and_stop();
  PromptSample prompt;
  prompt.messages = {{"user", "Who?"}};
  std::vector<TeacherRequest> requests;
  std::vector<lm::GenerationRequest> same;
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    requests.push_back({&prompt, seed});
    same.push_back({.prompt = bytes_of(prompt.messages),
                    .sampling = {.temperature = 1},
                    .max_tokens = 200,
                    .seed = seed,
                    .number = 0});
  }
  const auto generated = lm::generate(decoder, texts, same);
  const DecoderTeacher<> teacher({.model = "tiny"}, decoder, texts, bytes_of,
                                 {.sampling = {.temperature = 1}, .max_tokens = 200});
  int cut = 0, whole = 0;
  teacher.answer(requests, [&](Index k, const std::string& text) {
    const lm::Generation& g = generated[static_cast<std::size_t>(k)];
    const bool by_length = g.finish == lm::Finish::length;
    CHECK(text == (by_length ? g.text + kCutOff : g.text));
    ++(by_length ? cut : whole);
    return true;
  });
  CHECK(cut > 0);
  CHECK(whole > 0);
}
