#pragma once
/// @file lm_policy.hpp
/// A decoder with low-rank updates as a policy: drawn from by the batched generator, trained on a tape, compared with
/// the decoder that it began as.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/instruct/language_model.hpp"
#include "reclm/instruct/rl/losses.hpp"
#include "reclm/instruct/rl/policy.hpp"
#include "reclm/lm/training/trainable_decoder.hpp"
#include "reclm/tensor/ops/linear.hpp"
#include "reclm/tensor/ops/rows.hpp"

namespace reclm::instruct {

struct LmPolicyOptions {
  lm::LoraOptions lora{.rank = 4, .alpha = 8};
  lm::TrainableOptions held{};                      ///< how the frozen weights of policy and reference are held
  lm::Precision precision = lm::Precision::stored;  ///< of the generator: by default that of policy and reference
  Index max_tokens = 100;                           ///< of an answer
  Index batch = 32;                                 ///< answers drawn at once
  bool recompute = false;                           ///< see lm::PassOptions
  std::shared_ptr<const lm::TokenConstraint> constraint{};
  bool distinct_entries = false;  ///< see lm::SamplingOptions
  std::uint64_t seed = 1;
};

/// Answers are drawn at temperature 1 from the whole vocabulary, so that the log-probabilities that the losses see are
/// those by which they were drawn (but for what a constraint or distinct_entries refuse there). The critic is a linear
/// layer on the last hidden states; its gradient stops there. Where answers to one question stand together, as the
/// trainer leaves them, their prompt passes the model once.
///
/// Memory: the frozen weights once for training (the reference shares them where they are float32), once more as the
/// generator packs them; two sets of updates.
template <class B = Cpu>
class LmPolicy {
 public:
  /// @param start the updates that the policy and its reference begin with; empty: none
  /// @param prompts tokens of each question, one or more
  /// @throws ConfigError on a prompt without tokens; so do members for a question that is none of theirs
  LmPolicy(const LanguageModel& model, const lm::LoraAdapter& start, std::vector<std::vector<lm::TokenId>> prompts,
           const LmPolicyOptions& options)
      : model_(model),
        options_(options),
        prompts_(std::move(prompts)),
        policy_(*model.weights, options.held, options.lora),
        reference_(*model.weights, options.held, options.lora),
        decoder_(*model.weights, options.precision),
        critic_("critic.weight", Tensor<B, float>::zeros(1, model.weights->config().width)),
        critic_bias_("critic.bias", Tensor<B, float>::zeros(1, 1)) {
    for (std::size_t k = 0; k < prompts_.size(); ++k)
      if (prompts_[k].empty())
        throw ConfigError("LmPolicy: the prompt of question " + std::to_string(k) + " has no tokens");
    if (!start.empty()) {
      policy_.set_adapter(start);
      reference_.set_adapter(start);
    }
  }

  std::vector<Response> draw(std::span<const Index> questions, std::uint64_t step) {
    decoder_.attach(policy_.adapter());
    std::vector<lm::GenerationRequest> requests;
    for (std::size_t k = 0; k < questions.size(); ++k)
      requests.push_back({.prompt = prompt_of(questions[k]),
                          .sampling = {.temperature = 1, .distinct_entries = options_.distinct_entries},
                          .max_tokens = options_.max_tokens,
                          .constraint = options_.constraint,
                          .seed = options_.seed,
                          .number = step << 24 | k});
    std::vector<Response> responses;
    texts_.clear();
    auto drawn = lm::generate(decoder_, model_.texts, requests, {.batch = options_.batch});
    for (std::size_t k = 0; k < drawn.size(); ++k) {
      responses.push_back({questions[k], std::move(drawn[k].tokens)});
      texts_.push_back(marked_answer(std::move(drawn[k]), options_.constraint != nullptr));
    }
    return responses;
  }

  /// The texts of the answers drawn last, as `answers` gives them.
  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }

  /// The token of `answer` in which the byte before `end` of its text stands; the last one beyond the text.
  [[nodiscard]] Index token_before(const Response& answer, std::size_t end) const {
    std::size_t bytes = 0;
    for (std::size_t t = 0; t < answer.tokens.size(); ++t) {
      bytes += model_.texts[answer.tokens[t]].size();
      if (bytes >= end) return static_cast<Index>(t);
    }
    return static_cast<Index>(answer.tokens.size()) - 1;
  }

  Evaluation evaluate(Tape<B, float>& tape, std::span<const Response> answers, bool with_values) {
    const lm::PackedBatch batch = packed(answers);
    const Var hidden = policy_.forward(tape, batch, {.recompute = options_.recompute});
    Evaluation result{policy_.log_probabilities(tape, hidden, batch.targets)};
    if (with_values)
      result.values =
          linear(tape, gather_distinct_rows(tape, tape.constant(tape.value(hidden)), std::span(batch.targets.rows)),
                 tape.parameter(critic_), tape.parameter(critic_bias_));
    return result;
  }

  std::vector<double> reference(std::span<const Response> answers) {
    const lm::PackedBatch batch = packed(answers);
    Tape<B, float> tape(false);
    return detail::host_values(
        tape.value(reference_.log_probabilities(tape, reference_.forward(tape, batch), batch.targets)));
  }

  std::vector<Parameter<B, float>*> parameters() {
    auto all = policy_.parameters();
    all.push_back(&critic_);
    all.push_back(&critic_bias_);
    return all;
  }
  void refresh() { policy_.refresh(); }

  [[nodiscard]] lm::LoraAdapter adapter() const { return policy_.adapter(); }
  [[nodiscard]] Index questions() const { return static_cast<Index>(prompts_.size()); }

 private:
  [[nodiscard]] const std::vector<lm::TokenId>& prompt_of(Index question) const {
    if (question < 0 || question >= questions())
      throw ConfigError("LmPolicy: question " + std::to_string(question) + " is none of its " +
                        std::to_string(questions()));
    return prompts_[static_cast<std::size_t>(question)];
  }

  // A prompt passes once for the answers to it that stand together: all of it but its last token, whose state predicts
  // each answer's first.
  [[nodiscard]] lm::PackedBatch packed(std::span<const Response> answers) const {
    const bool share = policy_.shares_prefixes();
    lm::PackedBatch batch;
    Index prefix = -1;
    for (std::size_t k = 0; k < answers.size(); ++k) {
      const auto& prompt = prompt_of(answers[k].question);
      if (share && (k == 0 || answers[k].question != answers[k - 1].question))
        prefix = batch.add_prefix(std::span(prompt).first(prompt.size() - 1));
      lm::TrainingSample sample{prompt, {}};
      if (share) sample.tokens = {prompt.back()};
      sample.learn.assign(sample.tokens.size(), 0);
      sample.tokens.insert(sample.tokens.end(), answers[k].tokens.begin(), answers[k].tokens.end());
      sample.learn.insert(sample.learn.end(), answers[k].tokens.size(), 1);
      batch.add(sample, prefix);
    }
    return batch;
  }

  LanguageModel model_;
  LmPolicyOptions options_;
  std::vector<std::vector<lm::TokenId>> prompts_;
  lm::TrainableDecoder<B, float> policy_, reference_;
  lm::Decoder<B> decoder_;
  Parameter<B, float> critic_, critic_bias_;
  std::vector<std::string> texts_;
};

}  // namespace reclm::instruct
