#include "decoder_cases.hpp"

using namespace reclm;
using namespace reclm::lm;
using namespace reclm_test;

namespace {

std::vector<TokenId> random_tokens(Index count, std::uint64_t seed) {
  RandomSequence random(Random(seed, Stream::bootstrap));
  std::vector<TokenId> tokens;
  for (Index i = 0; i < count; ++i) tokens.push_back(static_cast<TokenId>(random.below(40)));
  return tokens;
}

LoraMatrices random_update(Index rank, Index outputs, Index inputs, std::uint64_t seed) {
  RandomSequence random(Random(seed, Stream::bootstrap));
  LoraMatrices update{Matrix<float>(rank, inputs), Matrix<float>(outputs, rank), 0.5f};
  for (Index i = 0; i < update.a.size(); ++i) update.a.data()[i] = random.uniform() - 0.5f;
  for (Index i = 0; i < update.b.size(); ++i) update.b.data()[i] = random.uniform() - 0.5f;
  return update;
}

}  // namespace

TEST_CASE("decoder: logits are those of transformers, for every family and scaling of positions") {
  check_logits<Cpu>(2e-5);
}

TEST_CASE("decoder: hidden states are those that transformers' head reads") {
  const TinyWeights weights = tiny_decoder("llama");
  const Decoder<> decoder(weights);
  const auto tokens = weights.file().vector<std::int32_t>("tokens");
  KvSequence<Cpu> sequence;
  const NextTokens<Cpu> next{&sequence, tokens};
  const auto result = decoder.forward({&next, 1}, {.every_token = true, .logits = false, .hidden = true});
  CHECK(result.logits.empty());
  CHECK(difference(result.hidden.to_host(), weights.file().matrix<float>("hidden.llama")) < 2e-5);
}

TEST_CASE("decoder: a sequence's logits have the same bits alone, in pieces, among others and from a shared prefix") {
  const Decoder<> decoder(tiny_decoder("mistral"));
  const auto first = random_tokens(45, 1), second = random_tokens(90, 2);
  const auto alone = decoder.logits(first);

  for (const Index cut : {1, 13, 32, 44}) {
    CAPTURE(cut);
    KvSequence<Cpu> a, b;
    const auto span = std::span<const TokenId>(first);
    const std::vector<NextTokens<Cpu>> begin{{&b, second}, {&a, span.first(static_cast<std::size_t>(cut))}};
    (void)decoder.forward(begin);
    KvSequence<Cpu> fork = a.prefix(cut);
    const std::vector<NextTokens<Cpu>> rest{{&a, span.subspan(static_cast<std::size_t>(cut))},
                                            {&b, span.first(2)},
                                            {&fork, span.subspan(static_cast<std::size_t>(cut))}};
    const auto logits = decoder.forward(rest, {.every_token = true}).logits.to_host();
    const Index left = 45 - cut;
    REQUIRE(logits.rows() == 2 * left + 2);
    for (Index i = 0; i < left; ++i)
      for (Index c = 0; c < 40; ++c) {
        REQUIRE(logits(i, c) == alone(cut + i, c));
        REQUIRE(logits(left + 2 + i, c) == alone(cut + i, c));
      }
  }
}

TEST_CASE("decoder: more tokens than pass at once, on any number of threads") {
  const Decoder<> decoder(tiny_decoder("qwen2"));
  const auto tokens = random_tokens(Decoder<>::kMostRows + 77, 3);
  const ThreadLimit four(4);
  const auto logits = decoder.logits(tokens);
  const ThreadLimit one(1);
  CHECK(decoder.logits(tokens) == logits);
  const auto head = decoder.logits(std::span(tokens).first(100));
  CHECK(std::equal(head.data(), head.data() + head.size(), logits.data()));
}

TEST_CASE("decoder: an adapter's update equals weights that hold it, and goes again") {
  const TinyWeights weights = tiny_decoder("llama");
  Decoder<> decoder(weights);
  const auto tokens = random_tokens(20, 4);
  const auto plain = decoder.logits(tokens);
  const LoraAdapter adapter{{"model.layers.0.self_attn.q_proj", random_update(3, 24, 24, 5)},
                            {"model.layers.1.mlp.down_proj", random_update(2, 24, 44, 6)},
                            {"lm_head", random_update(4, 40, 24, 7)}};
  decoder.attach(adapter);
  const auto adapted = decoder.logits(tokens);
  CHECK(difference(adapted, plain) > 0.1);

  // The same weights with the product added.
  class Merged final : public WeightSource {
   public:
    Merged(const TinyWeights& base, const LoraAdapter& updates) : base_(base) {
      for (const auto& [name, update] : updates) {
        auto merged = base.file().matrix<float>(name + ".weight");
        for (Index o = 0; o < merged.rows(); ++o)
          for (Index i = 0; i < merged.cols(); ++i)
            for (Index r = 0; r < update.a.rows(); ++r) merged(o, i) += update.scale * update.b(o, r) * update.a(r, i);
        merged_.emplace(name + ".weight", std::move(merged));
      }
    }
    [[nodiscard]] const ModelConfig& config() const override { return base_.config(); }
    [[nodiscard]] bool contains(std::string_view name) const override { return base_.contains(name); }
    [[nodiscard]] StoredTensor get(std::string_view name) const override {
      const auto found = merged_.find(std::string(name));
      return found == merged_.end() ? base_.get(name) : stored_view(found->second);
    }
    [[nodiscard]] std::vector<std::string> names() const override { return base_.names(); }

   private:
    const TinyWeights& base_;
    std::map<std::string, Matrix<float>> merged_;
  };
  CHECK(difference(adapted, Decoder<>(Merged(weights, adapter)).logits(tokens)) < 1e-4);
  decoder.detach();
  CHECK(decoder.logits(tokens) == plain);

  CHECK(contains(message_of([&] {
                   decoder.attach({{"model.layers.9.self_attn.q_proj", random_update(3, 24, 24, 5)}});
                 }),
                 "model.layers.9.self_attn.q_proj"));
  CHECK_THROWS_AS(decoder.attach({{"model.layers.0.self_attn.k_proj", random_update(3, 24, 24, 5)}}), ShapeError);
  CHECK(decoder.logits(tokens) == plain);
}

TEST_CASE("decoder: bf16 weights change logits a little") {
  const TinyWeights weights = tiny_decoder("llama");
  const auto tokens = random_tokens(20, 8);
  const auto exact = Decoder<>(weights).logits(tokens), rounded = Decoder<>(weights, Precision::bf16).logits(tokens);
  CHECK(difference(exact, rounded) > 0);
  CHECK(difference(exact, rounded) < 0.1);
  CHECK(Decoder<>(weights, Precision::f32).logits(tokens) == exact);
}

TEST_CASE("decoder: what does not fit is refused with a message") {
  auto weights = tiny_decoder("llama");
  const Decoder<> decoder(weights);
  CHECK(contains(message_of([&] {
                   (void)decoder.logits(std::vector<TokenId>{1, 40});
                 }),
                 "token 40 is outside the vocabulary of 40"));
  CHECK_THROWS_AS(decoder.logits(std::vector<TokenId>{-1}), ConfigError);
  CHECK_THROWS_AS(decoder.logits(std::vector<TokenId>{}), ConfigError);
  KvSequence<Cpu> sequence;
  const std::vector<TokenId> one{1};
  const std::vector<NextTokens<Cpu>> twice{{&sequence, one}, {&sequence, one}};
  CHECK(contains(message_of([&] { (void)decoder.forward(twice); }), "twice"));
  CHECK_THROWS_AS(sequence.prefix(1), ShapeError);

  weights.hidden = "model.layers.1.mlp.up_proj.weight";
  CHECK_THROWS_AS(Decoder<>(weights), DataError);
  ModelConfig wrong = tiny_decoder_config("llama");
  wrong.inner_width = 45;
  const auto open = [&] { (void)Decoder<>(TinyWeights("tiny_decoder.safetensors", wrong)); };
  CHECK(contains(message_of(open), "model.layers.0.mlp.gate_proj.weight: the shape is [44, 24] where [45, 24]"));
  wrong = tiny_decoder_config("llama");
  wrong.kv_heads = 3;
  CHECK_THROWS_AS(open(), ConfigError);
  wrong.architecture = Architecture::bert;
  CHECK(contains(message_of(open), "Encoder"));
}
