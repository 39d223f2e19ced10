#pragma once
/// A decoder on any backend against transformers' logits.

#include "reclm/lm/decoder.hpp"
#include "support/catch.hpp"
#include "tiny_weights.hpp"

namespace reclm_test {

inline double difference(const Matrix<float>& a, const Matrix<float>& b) {
  REQUIRE(a.rows() == b.rows());
  REQUIRE(a.cols() == b.cols());
  double largest = 0;
  for (Index i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a.data()[i]) - static_cast<double>(b.data()[i])));
  return largest;
}

/// Logits of every kind, in one piece and token by token.
template <class B>
void check_logits(double tolerance) {
  for (const std::string kind : {"llama", "linear", "dynamic", "llama3", "yarn", "mistral", "qwen2"}) {
    CAPTURE(kind);
    const TinyWeights weights = tiny_decoder(kind);
    const lm::Decoder<B> decoder(weights);
    const auto tokens = weights.file().vector<std::int32_t>("tokens");
    const auto expected = weights.file().matrix<float>("logits." + kind);
    CHECK(difference(decoder.logits(tokens), expected) < tolerance);

    if (kind == "dynamic") continue;  // its angles depend on the length so far
    lm::KvSequence<B> sequence;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const lm::NextTokens<B> next{&sequence, {&tokens[i], 1}};
      const auto row = decoder.forward({&next, 1}).logits.to_host();
      const auto whole = Matrix<float>(
          1, expected.cols(), {expected.row(static_cast<Index>(i)).begin(), expected.row(static_cast<Index>(i)).end()});
      CHECK(difference(row, whole) < tolerance);
    }
  }
}

}  // namespace reclm_test
