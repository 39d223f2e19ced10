#pragma once
/// An encoder on any backend against transformers' states and vectors.

#include "reclm/lm/encoder.hpp"
#include "support/catch.hpp"
#include "tiny_weights.hpp"

namespace reclm_test {

/// The configuration of tests/lm/peers/model_fixture.py.
inline lm::ModelConfig tiny_encoder_config() {
  lm::ModelConfig c;
  c.architecture = lm::Architecture::bert;
  c.vocabulary = 50;
  c.width = 24;
  c.layers = 2;
  c.heads = c.kv_heads = 3;
  c.head_width = 8;
  c.inner_width = 40;
  c.context = 32;
  c.norm_epsilon = 1e-12;
  c.token_types = 2;
  return c;
}

inline std::vector<std::vector<lm::TokenId>> tiny_texts(const TinyWeights& weights) {
  std::vector<std::vector<lm::TokenId>> texts;
  for (int i = 0; i < 6; ++i) texts.push_back(weights.file().vector<std::int32_t>("tokens." + std::to_string(i)));
  return texts;
}

template <class B>
void check_vectors(double tolerance) {
  const TinyWeights weights("tiny_encoder.safetensors", tiny_encoder_config());
  const lm::Encoder<B> encoder(weights);
  const auto texts = tiny_texts(weights);
  const auto states = encoder.states(texts);
  const auto vectors = encoder.encode(texts);
  Index row = 0;
  for (std::size_t t = 0; t < texts.size(); ++t) {
    CAPTURE(t);
    const auto expected = weights.file().matrix<float>("states." + std::to_string(t));
    for (Index i = 0; i < expected.rows(); ++i, ++row)
      for (Index c = 0; c < 24; ++c) REQUIRE(states(row, c) == Approx(expected(i, c)).margin(tolerance));
    const auto vector = weights.file().vector<float>("vector." + std::to_string(t));
    for (Index c = 0; c < 24; ++c)
      REQUIRE(vectors(static_cast<Index>(t), c) == Approx(vector[static_cast<std::size_t>(c)]).margin(tolerance));
  }
}

}  // namespace reclm_test
