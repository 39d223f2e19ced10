#pragma once
/// Weights of a safetensors file under a configuration that the test gives.

#include "reclm/data/safetensors.hpp"
#include "reclm/lm/stored_tensor.hpp"
#include "support/contains.hpp"

namespace reclm_test {

using namespace reclm;

/// What `f` throws; empty when nothing.
template <class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

class TinyWeights final : public lm::WeightSource {
 public:
  TinyWeights(const std::string& fixture, lm::ModelConfig config)
      : file_(SafetensorsFile::open(std::string(RECLM_SOURCE_DIR "/tests/fixtures/") + fixture)),
        config_(std::move(config)) {}

  [[nodiscard]] const lm::ModelConfig& config() const override { return config_; }
  [[nodiscard]] bool contains(std::string_view name) const override {
    return name != hidden && file_.contains(name) && !(name == "lm_head.weight" && config_.tied_embeddings);
  }
  [[nodiscard]] lm::StoredTensor get(std::string_view name) const override {
    if (!contains(name)) throw DataError("tiny", 0, "there is no tensor " + std::string(name), "none");
    const TensorBytes tensor = file_.tensor(name);
    return {tensor.dtype == DType::f16 ? lm::StorageType::f16 : lm::StorageType::f32,
            tensor.shape.size() == 1 ? 1 : tensor.shape[0], tensor.shape.back(), tensor.bytes, nullptr};
  }
  [[nodiscard]] std::vector<std::string> names() const override { return file_.names(); }
  [[nodiscard]] const SafetensorsFile& file() const { return file_; }

  std::string hidden;  ///< a name that the file shall seem to lack

 private:
  SafetensorsFile file_;
  lm::ModelConfig config_;
};

/// The configurations of tests/lm/peers/model_fixture.py.
inline lm::ModelConfig tiny_decoder_config(const std::string& kind) {
  using Scaling = lm::RopeScaling::Kind;
  lm::ModelConfig c;
  c.vocabulary = 40;
  c.width = 24;
  c.layers = 2;
  c.heads = 4;
  c.kv_heads = 2;
  c.head_width = 6;
  c.inner_width = 44;
  c.context = 64;
  c.rope_theta = 500;
  lm::RopeScaling& rope = c.rope_scaling;
  rope.original_context = 16;
  if (kind == "linear") rope.kind = Scaling::linear, rope.factor = 2;
  if (kind == "dynamic") rope.kind = Scaling::dynamic, rope.factor = 2;
  if (kind == "llama3") rope.kind = Scaling::llama3, rope.factor = 4;
  if (kind == "yarn") rope.kind = Scaling::yarn, rope.factor = 4, rope.beta_fast = 8;
  if (kind == "mistral") c.architecture = lm::Architecture::mistral, c.sliding_window = 7;
  if (kind == "qwen2") c.architecture = lm::Architecture::qwen2, c.tied_embeddings = true, c.qkv_bias = true;
  return c;
}

inline TinyWeights tiny_decoder(const std::string& kind) {
  return {"tiny_decoder.safetensors", tiny_decoder_config(kind)};
}

}  // namespace reclm_test
