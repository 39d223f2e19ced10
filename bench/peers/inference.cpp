/// Decoding and encoding as bench/peers/lm/inference.py measures them beside other people's software.
///
///     peer_inference prefill MODEL [--tokens 256] [--batch 1]
///     peer_inference decode MODEL [--tokens 64] [--batch 1] [--prompt 16]
///     peer_inference encode MODEL [--tokens 40] [--batch 64]
///     peer_inference greedy MODEL [--tokens 64] < prompts (token numbers, a prompt a line)
///     peer_inference logits MODEL < texts (token numbers, a text a line): the logits behind each text
///     peer_inference vectors MODEL < texts
/// and for all of them [--precision auto|stored|f32|bf16|stored-bf16] [--threads 1] [--repeats 3].
///
/// Prints JSON: "seconds" and "cpu_seconds" a repeat, "tokens" (sentences) of one, "peak_rss_mb"; or lines of numbers.
#include <sys/resource.h>

#include <chrono>
#include <ctime>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "reclm/lm/decoder.hpp"
#include "reclm/lm/encoder.hpp"
#include "reclm/lm/generate.hpp"
#include "reclm/lm/weights/open_weights.hpp"

namespace {

using namespace reclm;
using namespace reclm::lm;

std::vector<TokenId> some_tokens(Index count, Index sample, Index vocabulary) {
  std::vector<TokenId> tokens;
  for (Index k = 0; k < count; ++k)
    tokens.push_back(static_cast<TokenId>((sample * 7919 + k * 104729 + 11) % (vocabulary - 1000) + 500));
  return tokens;
}

std::vector<std::vector<TokenId>> read_lines() {
  std::vector<std::vector<TokenId>> lines;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream numbers(line);
    std::vector<TokenId>& tokens = lines.emplace_back();
    for (TokenId token = 0; numbers >> token;) tokens.push_back(token);
  }
  return lines;
}

/// Runs `body` once to warm up and `repeats` times for the clock.
template <class Body>
void measure(int repeats, Index count, const Body& body) {
  std::string seconds, cpu;
  for (int repeat = -1; repeat < repeats; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu_start = std::clock();
    body();
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    if (repeat < 0) continue;
    seconds += (repeat > 0 ? ", " : "") + std::to_string(passed.count());
    cpu += (repeat > 0 ? ", " : "") + std::to_string(static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::cout << "{\"seconds\": [" << seconds << "], \"cpu_seconds\": [" << cpu << "], \"tokens\": " << count
            << ", \"peak_rss_mb\": " << usage.ru_maxrss / 1024 << "}" << std::endl;
}

void decode(const std::string& what, const Decoder<>& decoder, Index tokens, Index batch, Index prompt, int repeats) {
  const Index vocabulary = decoder.config().vocabulary;
  const auto start = [&](std::vector<KvSequence<Cpu>>& sequences, Index length) {
    std::vector<std::vector<TokenId>> prompts;
    std::vector<NextTokens<Cpu>> next;
    for (Index b = 0; b < batch; ++b) prompts.push_back(some_tokens(length, b, vocabulary));
    for (Index b = 0; b < batch; ++b)
      next.push_back({&sequences[static_cast<std::size_t>(b)], prompts[static_cast<std::size_t>(b)]});
    return decoder.forward(next);
  };
  if (what == "prefill") {
    measure(repeats, tokens * batch, [&] {
      std::vector<KvSequence<Cpu>> sequences(static_cast<std::size_t>(batch));
      (void)start(sequences, tokens);
    });
    return;
  }
  std::vector<KvSequence<Cpu>> begun(static_cast<std::size_t>(batch));
  (void)start(begun, prompt);
  measure(repeats, tokens * batch, [&] {
    auto sequences = begun;
    std::vector<TokenId> last(static_cast<std::size_t>(batch), 700);
    for (Index t = 0; t < tokens; ++t) {
      std::vector<NextTokens<Cpu>> next;
      for (std::size_t b = 0; b < last.size(); ++b) next.push_back({&sequences[b], {&last[b], 1}});
      const auto logits = decoder.forward(next).logits;
      for (std::size_t b = 0; b < last.size(); ++b) {
        const float* const row = logits.data() + static_cast<Index>(b) * vocabulary;
        last[b] = static_cast<TokenId>(std::max_element(row, row + vocabulary) - row);
      }
    }
  });
}

}  // namespace

int main(int argc, char** argv) try {
  std::map<std::string, std::string> options{{"--tokens", ""},   {"--batch", ""},    {"--precision", "stored"},
                                             {"--prompt", "16"}, {"--threads", "1"}, {"--repeats", "3"}};
  if (argc < 3) throw ConfigError("usage: peer_inference prefill|decode|encode|greedy|logits|vectors MODEL [options]");
  for (int k = 3; k + 1 < argc; k += 2) options[argv[k]] = argv[k + 1];
  const std::string what = argv[1], kind = options["--precision"];
  const auto number = [&](const char* name, int otherwise) {
    return options[name].empty() ? otherwise : std::stoi(options[name]);
  };
  const ThreadLimit limit(number("--threads", 1));
  const auto weights = open_weights(argv[2]);
  const Precision precision = kind == "f32"           ? Precision::f32
                              : kind == "bf16"        ? Precision::bf16
                              : kind == "stored-bf16" ? Precision::stored_bf16
                              : kind == "auto"        ? Precision::automatic
                                                      : Precision::stored;
  if (what == "prefill" || what == "decode") {
    decode(what, Decoder<>(*weights, precision), number("--tokens", what == "decode" ? 64 : 256), number("--batch", 1),
           number("--prompt", 16), number("--repeats", 3));
  } else if (what == "greedy") {
    const Decoder<> decoder(*weights, precision);
    std::vector<GenerationRequest> requests;
    for (auto& prompt : read_lines())
      requests.push_back({.prompt = std::move(prompt), .max_tokens = number("--tokens", 64)});
    for (const Generation& generation : generate(decoder, TokenTexts(), requests)) {
      for (const TokenId token : generation.tokens) std::cout << token << ' ';
      std::cout << '\n';
    }
  } else if (what == "logits") {
    const Decoder<> decoder(*weights, precision);
    for (const auto& text : read_lines()) {
      KvSequence<Cpu> sequence;
      const NextTokens<Cpu> next{&sequence, text};
      const Matrix<float> logits = decoder.forward({&next, 1}).logits.to_host();
      std::cout.write(reinterpret_cast<const char*>(logits.data()),
                      static_cast<std::streamsize>(logits.size() * static_cast<Index>(sizeof(float))));
    }
  } else if (what == "encode") {
    const Encoder<> encoder(*weights, precision);
    std::vector<std::vector<TokenId>> texts;
    for (Index b = 0; b < number("--batch", 64); ++b)
      texts.push_back(some_tokens(number("--tokens", 40), b, encoder.config().vocabulary));
    measure(number("--repeats", 3), static_cast<Index>(texts.size()), [&] { (void)encoder.encode(texts); });
  } else if (what == "vectors") {
    const Matrix<float> vectors = Encoder<>(*weights, precision).encode(read_lines());
    for (Index row = 0; row < vectors.rows(); ++row) {
      for (const float x : vectors.row(row)) std::cout << x << ' ';
      std::cout << '\n';
    }
  } else {
    throw ConfigError("peer_inference does not know \"" + what + "\"");
  }
  return 0;
} catch (const std::exception& e) {
  std::cerr << "peer_inference: " << e.what() << std::endl;
  return 1;
}
