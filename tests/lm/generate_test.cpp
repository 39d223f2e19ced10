#include "reclm/lm/generate.hpp"

#include "reclm/lm/memory_weights.hpp"
#include "reclm/lm/weights/open_weights.hpp"
#include "support/catch.hpp"
#include "support/model_cache.hpp"
#include "tiny_weights.hpp"

using namespace reclm;
using namespace reclm::lm;
using namespace reclm_test;

namespace {

/// A vocabulary of all bytes, some pairs of letters, and one stop token.
TokenTexts byte_texts() {
  std::vector<std::string> bytes;
  for (int b = 0; b < 256; ++b) bytes.emplace_back(1, static_cast<char>(b));
  for (const char* pair : {"User", " identity", ": ", ", ", "; ", "er", "an", "th", " i", "in"})
    bytes.emplace_back(pair);
  bytes.emplace_back("");  // the stop
  const auto stop = static_cast<TokenId>(bytes.size() - 1);
  return {std::move(bytes), {stop}};
}

Decoder<> byte_decoder() {
  ModelConfig c;
  c.vocabulary = byte_texts().size();
  c.width = 16;
  c.layers = 2;
  c.heads = 2;
  c.kv_heads = 1;
  c.head_width = 8;
  c.inner_width = 24;
  c.context = 400;
  c.tied_embeddings = true;
  return Decoder<>(random_weights(c, 3));
}

std::vector<TokenId> tokens_of(const std::string& text) {
  std::vector<TokenId> tokens;
  for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
  return tokens;
}

/// Requests of several lengths and options; all but one share a beginning.
std::vector<GenerationRequest> some_requests() {
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 7; ++i) {
    GenerationRequest request;
    request.prompt = tokens_of("A beginning that all of the prompts have in common, then " + std::string(i, 'x') + "!");
    if (i == 3) request.prompt = tokens_of("Another");
    request.sampling = {.temperature = i % 2 == 0 ? 1.0f : 0.0f};
    if (i == 2) request.sampling.top_k = 20;
    if (i == 4) request.sampling.top_p = 0.8f;
    if (i == 6) request.sampling = {.temperature = 2, .min_p = 0.1f, .repetition_penalty = 1.3f};
    request.max_tokens = 5 + 7 * i;
    request.seed = 11;
    request.number = static_cast<std::uint64_t>(100 + i);
    requests.push_back(std::move(request));
  }
  return requests;
}

bool same(const Generation& a, const Generation& b) {
  return a.tokens == b.tokens && a.log_probabilities == b.log_probabilities && a.text == b.text && a.finish == b.finish;
}

}  // namespace

TEST_CASE("generate: greedy tokens are those of repeated whole passes, with their log-probabilities") {
  const Decoder<> decoder = byte_decoder();
  const TokenTexts texts = byte_texts();
  std::vector<GenerationRequest> requests(1);
  requests[0].prompt = tokens_of("Hello");
  requests[0].max_tokens = 20;
  const auto result = generate(decoder, texts, requests)[0];
  std::vector<TokenId> whole = requests[0].prompt;
  for (std::size_t i = 0; i < result.tokens.size(); ++i) {
    const auto logits = decoder.logits(whole);
    const auto last = logits.row(logits.rows() - 1);
    const auto best = std::max_element(last.begin(), last.end()) - last.begin();
    REQUIRE(result.tokens[i] == best);
    double total = 0;
    for (const float x : last) total += std::exp(static_cast<double>(x));
    CHECK(result.log_probabilities[i] ==
          Approx(static_cast<double>(last[static_cast<std::size_t>(best)]) - std::log(total)).margin(1e-5));
    whole.push_back(result.tokens[i]);
  }
  CHECK((result.finish == Finish::length ? result.tokens.size() == 20 : texts.is_stop(result.tokens.back())));
}

TEST_CASE("generate: a text is the same whatever the batch, its company and the number of threads") {
  const Decoder<> decoder = byte_decoder();
  const TokenTexts texts = byte_texts();
  const auto requests = some_requests();
  const auto together = generate(decoder, texts, requests, {.batch = 3});
  CHECK(together[0].shared_tokens == 0);
  CHECK(together[1].shared_tokens >= 50);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    CAPTURE(i);
    const ThreadLimit one(1);
    CHECK(same(generate(decoder, texts, std::span(requests).subspan(i, 1))[0], together[i]));
  }
  auto reversed = requests;
  std::reverse(reversed.begin(), reversed.end());
  const ThreadLimit four(4);
  const auto backwards = generate(decoder, texts, reversed, {.batch = 7});
  for (std::size_t i = 0; i < requests.size(); ++i) CHECK(same(backwards[6 - i], together[i]));
  auto other = requests;
  other[0].seed = 12;
  CHECK_FALSE(same(generate(decoder, texts, other)[0], together[0]));
}

TEST_CASE("generate: stop strings are cut off, and pieces add up to the text") {
  const Decoder<> decoder = byte_decoder();
  const TokenTexts texts = byte_texts();
  auto requests = some_requests();
  requests.resize(3);
  for (auto& request : requests) request.max_tokens = 60;
  const auto free = generate(decoder, texts, requests);
  requests[0].stops = {"never appears", free[0].text.substr(20, 3)};
  std::vector<std::string> pieces(3);
  std::vector<int> ends(3);
  GenerationOptions options;
  options.on_text = [&](const TextPiece& piece) {
    pieces[piece.request] += piece.text;
    ends[piece.request] += piece.finished ? 1 : 0;
    return true;
  };
  const auto stopped = generate(decoder, texts, requests, options);
  CHECK(stopped[0].finish == Finish::stop_string);
  std::string before = free[0].text.substr(0, free[0].text.find(requests[0].stops[1]));
  before.resize(before.size() - lm::detail::unfinished_character(before));  // random bytes may begin one there
  CHECK(stopped[0].text == before);
  CHECK(stopped[1].text == free[1].text);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(pieces[i] == stopped[i].text);
    CHECK(ends[i] == 1);
  }
}

TEST_CASE("generate: a text and its pieces hold whole characters, however it ends") {
  const Decoder<> decoder = byte_decoder();
  // Each token ends one character and begins the next.
  std::vector<std::string> halves(static_cast<std::size_t>(byte_texts().size()), "\xA9\xC3");
  const TokenTexts texts(std::move(halves), {});
  std::vector<GenerationRequest> requests(1);
  requests[0].prompt = tokens_of("x");
  requests[0].max_tokens = 5;
  std::string shown;
  int ends = 0;
  GenerationOptions options;
  options.on_text = [&](const TextPiece& piece) {
    CHECK_FALSE(piece.text.ends_with('\xC3'));
    shown += piece.text;
    ends += piece.finished ? 1 : 0;
    return true;
  };
  const auto whole = generate(decoder, texts, requests, options)[0];
  CHECK(whole.finish == Finish::length);
  CHECK(whole.text == shown);
  CHECK(ends == 1);
  shown.clear();
  int passes = 0;
  const auto cancelled = generate(decoder, texts, requests, options, [&](const Progress&) { return ++passes < 3; })[0];
  CHECK(cancelled.finish == Finish::cancelled);
  CHECK(cancelled.text == shown);
  CHECK(shown.size() == 5);
  CHECK(ends == 2);
}

TEST_CASE("generate: an observer stops all, a callback stops one") {
  const Decoder<> decoder = byte_decoder();
  const TokenTexts texts = byte_texts();
  auto requests = some_requests();
  for (auto& request : requests) request.max_tokens = 30;
  const auto whole = generate(decoder, texts, requests);
  GenerationOptions options;
  options.batch = 2;
  options.on_text = [](const TextPiece& piece) { return piece.request != 0; };
  Index calls = 0;
  const auto some = generate(decoder, texts, requests, options, [&](const Progress& progress) {
    CHECK(progress.stage == "generate");
    CHECK(progress.total == 7);
    return ++calls < 25;
  });
  CHECK(calls == 25);
  CHECK(some[0].finish == Finish::cancelled);
  CHECK(some[0].text.size() < whole[0].text.size());
  CHECK(some[6].finish == Finish::cancelled);
  CHECK(some[6].tokens.empty());
  for (std::size_t i = 0; i < requests.size(); ++i) CHECK(whole[i].text.starts_with(some[i].text));
}

TEST_CASE("generate: the profile grammar holds for any model, seed, temperature and length") {
  const Decoder<> decoder = byte_decoder();
  const TokenTexts texts = byte_texts();
  const ListGrammar grammar{{{"User identity: ", 2, 3}, {"User interests: ", 1, 4}}, "; ", 2, 6};
  const auto constraint = std::make_shared<const TokenConstraint>(list_automaton(grammar), texts);
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 24; ++i) {
    GenerationRequest request;
    request.prompt = tokens_of("Who is this?");
    request.constraint = constraint;
    request.sampling.temperature = 0.5f * static_cast<float>(i % 6);
    request.max_tokens = constraint->least_tokens() + 3 * i;
    requests.push_back(request);
  }
  for (const Generation& generation : generate(decoder, texts, requests)) {
    CAPTURE(generation.text);
    CHECK(generation.finish != Finish::cancelled);
    CHECK(constraint->automaton().accepts(generation.text));
  }
  requests.resize(1);
  requests[0].max_tokens = constraint->least_tokens() - 1;
  CHECK(contains(message_of([&] { (void)generate(decoder, texts, requests); }), "raise max_tokens"));
}

TEST_CASE("list entries: what began an entry is refused where the same list's next ones begin") {
  ListEntries entries;
  TokenId next = 0;
  const auto take = [&](std::string_view text) { entries.take(next++, text); };
  const auto refused = [&] { return std::vector<TokenId>(entries.refused().begin(), entries.refused().end()); };
  take("No list, ");  // 0: no colon came before it
  take("yet");
  CHECK(refused().empty());
  take(" identity:");  // 2
  take(" cook");       // 3 begins an entry
  take("ing");
  CHECK(refused().empty());
  take(",");
  CHECK(refused() == std::vector<TokenId>{3});
  take(" ");  // a space by itself begins nothing
  CHECK(refused() == std::vector<TokenId>{3});
  take("read");  // 7
  take(", ");
  CHECK(refused() == std::vector<TokenId>{3, 7});
  take(" angler");
  take(";");  // the list's end
  CHECK(refused().empty());
  take(" interests:");
  CHECK(refused().empty());
  take(" cook");  // 12: another list
  take(",");
  CHECK(refused() == std::vector<TokenId>{12});
}

TEST_CASE("generate: distinct entries are distinct for any model, and other texts are as ever") {
  const Decoder<> decoder = byte_decoder();
  const TokenTexts texts = byte_texts();
  const auto constraint = std::make_shared<const TokenConstraint>(list_automaton(ListGrammar::profile(3, 3)), texts);
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 40; ++i)
    requests.push_back({.prompt = tokens_of("Who?"),
                        .sampling = {.temperature = i % 4 == 0 ? 0.0f : 0.7f, .top_k = 4},
                        .max_tokens = 120,
                        .stops = {},
                        .constraint = constraint,
                        .seed = 5,
                        .number = {}});
  const auto twice = [&](const Generation& g) {
    ListEntries entries;
    for (const TokenId token : g.tokens) {
      const auto refused = entries.refused();
      if (std::find(refused.begin(), refused.end(), token) != refused.end()) return true;
      entries.take(token, texts[token]);
    }
    return false;
  };
  Index before = 0, after = 0;
  for (const Generation& g : generate(decoder, texts, requests)) before += twice(g) ? 1 : 0;
  for (GenerationRequest& request : requests) request.sampling.distinct_entries = true;
  for (const Generation& g : generate(decoder, texts, requests)) after += twice(g) ? 1 : 0;
  CHECK(before > 5);
  CHECK(after == 0);
}

TEST_CASE("sampling follows the options") {
  const std::vector<float> logits{1, 4, 2, 3, -1, 4};
  const auto count = [&](const SamplingOptions& options, const std::vector<TokenId>* allowed = nullptr,
                         const std::vector<TokenId>& seen = {}) {
    std::vector<int> counts(logits.size());
    for (int i = 0; i < 4000; ++i)
      ++counts[static_cast<std::size_t>(
          choose(logits, options, seen, allowed, (static_cast<float>(i) + 0.5f) / 4000).token)];
    return counts;
  };
  CHECK(count({})[1] == 4000);
  double total = 0;
  for (const float x : logits) total += std::exp(static_cast<double>(x) / 2);
  const auto warm = count({.temperature = 2});
  for (std::size_t i = 0; i < logits.size(); ++i)
    CHECK(warm[i] == Approx(4000 * std::exp(static_cast<double>(logits[i]) / 2) / total).margin(2));
  CHECK(count({.temperature = 1, .top_k = 1})[1] == 4000);
  const auto three = count({.temperature = 1, .top_k = 3});
  CHECK(three[0] + three[2] + three[4] == 0);
  CHECK(three[3] > 0);
  const auto nucleus = count({.temperature = 1, .top_p = 0.75f});  // two fours hold 0.78 of it
  CHECK(nucleus[1] + nucleus[5] == 4000);
  CHECK(nucleus[1] == Approx(2000).margin(2));
  const auto likely = count({.temperature = 1, .min_p = 0.2f});  // e^-1 stays, e^-2 goes
  CHECK(likely[3] > 0);
  CHECK(likely[2] == 0);
  const std::vector<TokenId> allowed{0, 4};
  CHECK(count({}, &allowed)[0] == 4000);
  CHECK(count({.repetition_penalty = 2}, nullptr, {1, 5, 1})[3] == 4000);
  CHECK(choose(logits, {}, {}, nullptr, 0.5f, std::vector<TokenId>{1, 5}).token == 3);
  CHECK(choose(logits, {}, {}, &allowed, 0.5f, std::vector<TokenId>{0, 4}).token == 0);  // nothing else is left
  CHECK(choose(logits, {}, {}, nullptr, 0).log_probability == Approx(4 - std::log([&] {
                                                                       double sum = 0;
                                                                       for (const float x : logits)
                                                                         sum += std::exp(static_cast<double>(x));
                                                                       return sum;
                                                                     }())));

  CHECK_THROWS_AS(check(SamplingOptions{.temperature = -1}), ConfigError);
  CHECK_THROWS_AS(check(SamplingOptions{.top_k = -1}), ConfigError);
  CHECK_THROWS_AS(check(SamplingOptions{.top_p = 0}), ConfigError);
  CHECK_THROWS_AS(check(SamplingOptions{.min_p = 2}), ConfigError);
  CHECK_THROWS_AS(check(SamplingOptions{.repetition_penalty = 0}), ConfigError);
  CHECK_THROWS_AS(choose(std::vector<float>{1, NAN}, {}, {}, nullptr, 0), NumericError);
  const std::vector<TokenId> beyond{6, 7}, none;  // of a vocabulary larger than the model's
  CHECK_THROWS_AS(choose(std::vector<float>{1, 2}, {}, {}, &beyond, 0), ConfigError);
  CHECK_THROWS_AS(choose(std::vector<float>{1, 2}, {.temperature = 0}, {}, &none, 0), ConfigError);
}

TEST_CASE("generate: prompts that dynamic RoPE turns by their length share nothing, and are the same in any company") {
  ModelConfig c = byte_decoder().config();
  c.rope_scaling = {.kind = RopeScaling::Kind::dynamic, .factor = 4, .original_context = 64};
  const Decoder<> decoder(random_weights(c, 3));
  std::vector<GenerationRequest> requests;
  for (const std::size_t length : {150, 90, 60, 50})
    requests.push_back({.prompt = tokens_of(std::string(150, 'a').replace(40, 3, "xyz").substr(0, length)),
                        .sampling = {.temperature = 1},
                        .max_tokens = 30,
                        .seed = 1,
                        .number = length});
  const auto together = generate(decoder, byte_texts(), requests);
  const Index shared[] = {0, 0, 0, 49};  // those within the original context alone
  for (std::size_t k = 0; k < requests.size(); ++k) {
    CHECK(together[k].shared_tokens == shared[k]);
    CHECK(same(generate(decoder, byte_texts(), std::span(requests).subspan(k, 1))[0], together[k]));
  }
}

TEST_CASE("generate: without stop tokens a text ends where its constraint has no more") {
  ByteAutomaton yes;
  ByteAutomaton::State at = 0;
  for (const char c : std::string("yes")) {
    const auto next = yes.add_state(c == 's');
    yes.connect(at, c, next);
    at = next;
  }
  std::vector<std::string> bytes;
  for (TokenId id = 0; id < byte_texts().size(); ++id) bytes.emplace_back(byte_texts()[id]);
  const TokenTexts texts(bytes, {});
  std::vector<GenerationRequest> requests(2);
  for (auto& request : requests) request.prompt = tokens_of("x"), request.max_tokens = 10;
  requests[1].constraint = std::make_shared<const TokenConstraint>(yes, texts);
  const auto result = generate(byte_decoder(), texts, requests);
  CHECK(result[0].tokens.size() == 10);
  CHECK(result[1].text == "yes");
  CHECK(result[1].finish == Finish::stop_token);
}

TEST_CASE("generate: requests that do not fit are refused, and named") {
  const Decoder<> decoder = byte_decoder();
  const TokenTexts texts = byte_texts();
  std::vector<GenerationRequest> requests(2);
  for (auto& request : requests) request.prompt = tokens_of("x");
  const auto message = [&] { return message_of([&] { (void)generate(decoder, texts, requests); }); };
  CHECK(message().empty());
  requests[1].prompt.clear();
  CHECK(contains(message(), "request 1: the prompt has no tokens"));
  requests[1].prompt.assign(400, 5);
  CHECK(contains(message(), "context of 400"));
  requests[1].prompt = {1};
  requests[1].stops = {""};
  CHECK(contains(message(), "stop string is empty"));
  requests[1].stops.clear();
  requests[1].max_tokens = 0;
  CHECK(contains(message(), "max_tokens"));
  requests[1].max_tokens = 5000;  // the context ends it
  requests[1].constraint = nullptr;
  const auto result = generate(decoder, texts, requests, {});
  CHECK((result[1].finish == Finish::stop_token || result[1].tokens.size() == 399));
}

TEST_CASE("generate: SmolLM2's greedy texts are those of transformers") {
  const auto path = test::smollm2();
  if (!path) return;
  const Decoder<> decoder(*open_weights(*path));
  const auto expected = SafetensorsFile::open(RECLM_SOURCE_DIR "/tests/fixtures/real_models.safetensors");
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 3; ++i)
    requests.push_back({.prompt = expected.vector<TokenId>("prompt." + std::to_string(i)), .max_tokens = 24});
  const auto texts = generate(decoder, TokenTexts(), requests);
  for (int i = 0; i < 3; ++i)
    CHECK(texts[static_cast<std::size_t>(i)].tokens == expected.vector<TokenId>("greedy." + std::to_string(i)));
}
