#include "encoder_cases.hpp"
#include "reclm/lm/weights/open_weights.hpp"
#include "support/model_cache.hpp"

using namespace reclm;
using namespace reclm::lm;
using namespace reclm_test;

TEST_CASE("encoder: states and vectors are those of transformers") { check_vectors<Cpu>(1e-5); }

TEST_CASE("encoder: a text's vector has the same bits alone and among many, on any number of threads") {
  const TinyWeights weights("tiny_encoder.safetensors", tiny_encoder_config());
  const Encoder<> encoder(weights);
  auto texts = tiny_texts(weights);
  for (std::size_t i = 0; i < 120; ++i) texts.push_back(texts[i % 6]);
  const ThreadLimit three(3);
  const auto together = encoder.encode(texts);
  const ThreadLimit one(1);
  CHECK(encoder.encode(texts) == together);
  for (std::size_t t = 0; t < 6; ++t) {
    const auto alone = encoder.encode(std::span(texts).subspan(t, 1));
    CHECK(std::equal(alone.data(), alone.data() + 24, together.row(static_cast<Index>(t)).data()));
    CHECK(std::equal(alone.data(), alone.data() + 24, together.row(static_cast<Index>(t + 60)).data()));
  }
}

TEST_CASE("encoder: pooling by the first token, vectors of any length, and stopping") {
  const TinyWeights weights("tiny_encoder.safetensors", tiny_encoder_config());
  const Encoder<> encoder(weights);
  auto texts = tiny_texts(weights);
  const auto states = encoder.states(texts);
  const auto first = encoder.encode(texts, {.pooling = EncodeOptions::Pooling::first_token, .normalise = false});
  CHECK(std::equal(first.data(), first.data() + 24, states.data()));
  CHECK(std::equal(first.data() + 24, first.data() + 48, states.row(9).data()));

  for (std::size_t i = 0; i < 200; ++i) texts.push_back(texts[2]);
  const ThreadLimit one(1);
  Index done = 0;
  const auto some = encoder.encode(texts, {}, [&](const Progress& progress) {
    CHECK(progress.total == 206);
    done = progress.step;
    return false;
  });
  CHECK(done > 0);
  CHECK(done < 206);
  CHECK(some(done - 1, 0) != 0);
  CHECK(some(done, 0) == 0);
}

TEST_CASE("encoder: what does not fit is refused with a message") {
  const TinyWeights weights("tiny_encoder.safetensors", tiny_encoder_config());
  const Encoder<> encoder(weights);
  const auto message = [&](std::vector<TokenId> text) {
    return message_of([&] { (void)encoder.encode(std::vector{std::vector<TokenId>{1}, std::move(text)}); });
  };
  CHECK(contains(message({}), "text 1 has no tokens"));
  CHECK(contains(message(std::vector<TokenId>(33, 1)), "reads 32"));
  CHECK(contains(message({50}), "outside the vocabulary"));
  CHECK(encoder.encode({}).rows() == 0);
  CHECK(contains(message_of([] { (void)Encoder<>(tiny_decoder("llama")); }), "Decoder"));
}

TEST_CASE("encoder: MiniLM's vectors are those of transformers") {
  const auto path = test::minilm();
  if (!path) return;
  const Encoder<> encoder(*open_weights(*path));
  const auto expected = SafetensorsFile::open(RECLM_SOURCE_DIR "/tests/fixtures/real_models.safetensors");
  std::vector<std::vector<TokenId>> texts;
  for (int i = 0; i < 3; ++i) texts.push_back(expected.vector<TokenId>("text." + std::to_string(i)));
  const auto vectors = encoder.encode(texts);
  for (Index i = 0; i < 3; ++i) {
    const auto vector = expected.vector<float>("vector." + std::to_string(i));
    double cosine = 0;
    for (Index c = 0; c < vectors.cols(); ++c)
      cosine += static_cast<double>(vectors(i, c)) * static_cast<double>(vector[static_cast<std::size_t>(c)]);
    CHECK(cosine > 0.99999);
  }
}
