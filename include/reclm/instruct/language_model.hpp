#pragma once
/// @file language_model.hpp
/// A language model with what turns text into its tokens and back, as the stages of tuning take it.

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/samples.hpp"
#include "reclm/lm/generate.hpp"
#include "reclm/lm/training/samples.hpp"

namespace reclm::instruct {

/// Weights, tokenizer and chat template. Copying shares the weights.
struct LanguageModel {
  std::string name;  ///< as reports, stores and checkpoints name it
  std::shared_ptr<const lm::WeightSource> weights;
  lm::TextCodec codec{};
  lm::TokenTexts texts{};

  /// The tokens of a dialogue up to where the next answer begins.
  [[nodiscard]] std::vector<lm::TokenId> prompt(const lm::Dialogue& messages) const {
    return codec.encode(codec.render(messages, true));
  }
};

/// The same model after its weights were trained.
inline LanguageModel with_tuned_weights(const LanguageModel& model, std::shared_ptr<const lm::WeightSource> weights) {
  LanguageModel result = model;
  result.name = model.name + ", tuned";
  result.weights = std::move(weights);
  return result;
}

/// Dialogues as a training takes them. @param max_tokens a longer one is cut at its end; 0: never
inline std::vector<lm::TrainingSample> training_samples(const lm::TextCodec& codec,
                                                        std::span<const ChatSample> dialogues, Index max_tokens = 0) {
  std::vector<lm::TrainingSample> samples;
  samples.reserve(dialogues.size());
  for (const ChatSample& dialogue : dialogues) samples.push_back(lm::chat_sample(codec, dialogue.messages, max_tokens));
  return samples;
}

/// The text of an answer, with `kCutOff` behind one that max_tokens cut off. What a constraint led to its end by the
/// last token is whole.
inline std::string marked_answer(lm::Generation&& answer, bool constrained) {
  if (answer.finish == lm::Finish::length && !constrained) answer.text += kCutOff;
  return std::move(answer.text);
}

/// How profiles are drawn from a model.
struct AnswerOptions {
  lm::SamplingOptions sampling{.temperature = 0.9f, .top_p = 0.9f};  ///< RecLM adds repetition_penalty 1.3
  Index max_tokens = 100;
  Index batch = 16;
  std::uint64_t seed = 1;
  std::shared_ptr<const lm::TokenConstraint> constraint{};  ///< e.g. the profile grammar
  Observer observer{};
};

/// One answer a dialogue; behind one that max_tokens cut off stands `kCutOff` (see grammar.hpp). @throws ConfigError on
/// a prompt that the model's context does not hold
template <class B>
std::vector<std::string> answers(const LanguageModel& model, const lm::Decoder<B>& decoder,
                                 std::span<const lm::Dialogue> dialogues, const AnswerOptions& options = {}) {
  std::vector<lm::GenerationRequest> requests;
  for (const lm::Dialogue& messages : dialogues)
    requests.push_back({.prompt = model.prompt(messages),
                        .sampling = options.sampling,
                        .max_tokens = options.max_tokens,
                        .constraint = options.constraint,
                        .seed = options.seed});
  std::vector<std::string> texts;
  for (lm::Generation& g : lm::generate(decoder, model.texts, requests, {.batch = options.batch}, options.observer))
    texts.push_back(marked_answer(std::move(g), options.constraint != nullptr));
  return texts;
}

}  // namespace reclm::instruct
