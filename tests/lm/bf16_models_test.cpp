#include "lm/decoder_cases.hpp"
#include "reclm/lm/encoder.hpp"
#include "reclm/lm/generate.hpp"
#include "reclm/lm/tokenizer/load_tokenizer.hpp"
#include "reclm/lm/training/stored_matrix.hpp"
#include "reclm/lm/weights/open_weights.hpp"
#include "reclm/tensor/ops/projection.hpp"
#include "support/model_cache.hpp"

using namespace reclm;
using namespace reclm::lm;

namespace {

double nearest_bf16(float x) { return static_cast<double>(from_bfloat16(to_bfloat16(x))); }

Matrix<float> uniform_rows(Index rows, Index cols, std::uint64_t seed) {
  RandomSequence random(Random(seed, Stream::bootstrap));
  Matrix<float> x(rows, cols);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = random.uniform() - 0.5f;
  return x;
}

}  // namespace

TEST_CASE("a frozen layer in bf16: values and gradients are those of the rounded numbers") {
  if (!cpu::bf16_products()) {
    WARN("no products in bf16 here: skipped");
    return;
  }
  for (const bool rounded : {true, false})
    for (const auto& [outputs, inputs] : {std::pair<Index, Index>{45, 33}, {2100, 64}, {40, 2081}}) {
      CAPTURE(rounded, outputs, inputs);
      constexpr Index rows = 21;
      const Matrix<float> w = uniform_rows(outputs, inputs, 1), x = uniform_rows(rows, inputs, 2),
                          upstream = uniform_rows(rows, outputs, 3);
      const StoredTensor stored = stored_view(w);
      const auto layer = std::make_shared<StoredMatrix<Cpu, float>>(rounded ? rounded_to_bf16(stored) : stored, true);
      Tape<Cpu, float> tape;
      const Var in = tape.variable(Tensor<Cpu, float>::from_host(x.view()));
      const Var y = projection<Cpu, float>(tape, in, {layer, {}});
      const auto values = tape.value(y).to_host();
      tape.backward(y, Tensor<Cpu, float>::from_host(upstream.view()));
      const auto gradient = tape.gradient(in).to_host();
      double worst = 0;
      const auto check = [&](double expected, double size, float got) {
        worst = std::max(worst, std::abs(expected - static_cast<double>(got)) / size);
      };
      for (Index r = 0; r < rows; ++r) {
        for (Index o = 0; o < outputs; ++o) {
          double expected = 0, size = 0;
          for (Index k = 0; k < inputs; ++k) {
            const double term = nearest_bf16(x(r, k)) * nearest_bf16(w(o, k));
            expected += term;
            size += std::abs(term);
          }
          check(expected, size, values(r, o));
        }
        for (Index k = 0; k < inputs; ++k) {
          double expected = 0, size = 0;
          for (Index o = 0; o < outputs; ++o) {
            const double term = nearest_bf16(upstream(r, o)) * nearest_bf16(w(o, k));
            expected += term;
            size += std::abs(term);
          }
          check(expected, size, gradient(r, k));
        }
      }
      CHECK(worst < 1e-6);

      // Added to what was there.
      Matrix<float> sum(rows, inputs, 1);
      layer->times(upstream.data(), rows, 1.0f, sum.data());
      for (Index i = 0; i < sum.size(); ++i) REQUIRE(sum.data()[i] == Approx(1 + gradient.data()[i]).margin(2e-6));
    }
}

TEST_CASE("decoder in bf16: a token's logits have the same bits in any company and in pieces") {
  const reclm_test::TinyWeights weights = reclm_test::tiny_decoder("llama");
  const Decoder<> decoder(weights, Precision::bf16);
  const auto tokens = weights.file().vector<std::int32_t>("tokens");
  const Matrix<float> whole = decoder.logits(tokens);
  KvSequence<Cpu> sequence;
  for (std::size_t i = 0; i + 2 <= tokens.size(); i += 2) {
    const NextTokens<Cpu> next{&sequence, {&tokens[i], 2}};
    const auto rows = decoder.forward({&next, 1}, {.every_token = true}).logits.to_host();
    CHECK(std::equal(rows.data(), rows.data() + rows.size(), whole.row(static_cast<Index>(i)).data()));
  }
  // A token alone, beside a prompt and before it: computed in float32 there, the same bits each time, near the others.
  const auto half = static_cast<std::ptrdiff_t>(tokens.size() / 2);
  const std::span<const TokenId> begun = std::span(tokens).first(static_cast<std::size_t>(half)),
                                 one = std::span(tokens).subspan(static_cast<std::size_t>(half), 1);
  const auto continued = [&](bool company) {
    KvSequence<Cpu> mine, other;
    const NextTokens<Cpu> start{&mine, begun};
    (void)decoder.forward({&start, 1});
    const std::vector<NextTokens<Cpu>> next{{&other, tokens}, {&mine, one}};
    const auto rows = decoder.forward(std::span(next).subspan(company ? 0 : 1)).logits.to_host();
    const auto last = rows.row(rows.rows() - 1);
    if (company) CHECK(std::equal(rows.row(0).begin(), rows.row(0).end(), whole.row(whole.rows() - 1).begin()));
    return std::vector<float>(last.begin(), last.end());
  };
  const std::vector<float> alone = continued(false);
  CHECK(alone == continued(true));
  for (std::size_t c = 0; c < alone.size(); ++c)
    CHECK(alone[c] == Approx(whole(static_cast<Index>(half), static_cast<Index>(c))).margin(0.1));
}

TEST_CASE("SmolLM2 in bf16 writes nearly what it writes in float32, whatever it writes beside it", "[long]") {
  const auto path = test::smollm2();
  if (!path) return;
  const auto weights = open_weights(*path);
  const Tokenizer tokenizer = load_tokenizer(*path);
  const Decoder<> exact(*weights, Precision::stored), rounded(*weights, Precision::stored_bf16);
  std::vector<GenerationRequest> requests;
  for (const char* question : {"Name three films about space.", "What is the capital of France?", "Write a haiku."})
    requests.push_back(
        {.prompt = tokenizer.encode(tokenizer.chat(std::vector<Message>{{"user", question}}, true), false),
         .max_tokens = 12});
  // Logits: the same favourite nearly everywhere, and close.
  double furthest = 0, largest = 0;
  Index same = 0, all = 0;
  for (const GenerationRequest& request : requests) {
    const Matrix<float> a = exact.logits(request.prompt), b = rounded.logits(request.prompt);
    for (Index r = 0; r < a.rows(); ++r, ++all) {
      const auto best = [](std::span<const float> row) {
        return std::max_element(row.begin(), row.end()) - row.begin();
      };
      same += best(a.row(r)) == best(b.row(r)) ? 1 : 0;
      for (Index c = 0; c < a.cols(); ++c) {
        furthest = std::max(furthest, static_cast<double>(std::abs(a(r, c) - b(r, c))));
        largest = std::max(largest, static_cast<double>(std::abs(a(r, c))));
      }
    }
  }
  CAPTURE(furthest, largest, same, all);
  CHECK(furthest < 0.05 * largest);
  CHECK(same * 100 >= all * 95);
  // Sampled texts do not depend on their company.
  for (GenerationRequest& request : requests) {
    request.sampling = {.temperature = 0.8f};
    request.seed = 7;
  }
  const auto together = generate(rounded, TokenTexts(), requests),
             alone = generate(rounded, TokenTexts(), requests, {.batch = 1});
  for (std::size_t i = 0; i < requests.size(); ++i) CHECK(alone[i].tokens == together[i].tokens);
}

TEST_CASE("MiniLM in bf16: cosines with float32 of at least .9998") {
  const auto path = test::minilm();
  if (!path) return;
  const auto weights = open_weights(*path);
  const Tokenizer tokenizer = load_tokenizer(*path);
  std::vector<std::vector<TokenId>> texts;
  for (const char* text : {"A film about space.", "User identity: cinephile, 1990s fan; naïve café-goer's",
                           "The committee approved the new stadium after a long debate about its costs and its site.",
                           "a", "Top 10 recipes for a quick dinner: pasta, soup, salad and more"})
    texts.push_back(tokenizer.encode(text));
  const Matrix<float> exact = Encoder<>(*weights).encode(texts),
                      rounded = Encoder<>(*weights, Precision::bf16).encode(texts);
  for (Index r = 0; r < exact.rows(); ++r) {
    double cosine = 0;
    for (Index c = 0; c < exact.cols(); ++c)
      cosine += static_cast<double>(exact(r, c)) * static_cast<double>(rounded(r, c));
    CAPTURE(r);
    CHECK(cosine > 0.9998);
  }
}
