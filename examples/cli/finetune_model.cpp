// The work of `reclm finetune`, apart because it is long to compile.

#include <optional>
#include <span>
#include <utility>

#include "compiled_tuning.hpp"
#include "finetune.hpp"
#include "language_model.hpp"
#include "reclm/lm/training/jsonl.hpp"
#include "reclm/lm/training/peft.hpp"
#include "reclm/lm/training/samples.hpp"
#include "reclm/lm/weights/save_model.hpp"

namespace reclm::cli {

namespace {

namespace fs = std::filesystem;

std::vector<lm::TrainingSample> samples_of(const std::vector<lm::TuningText>& texts,
                                           const FinetuneCommandOptions& options, const instruct::LanguageModel& source,
                                           const OpenTokenizer& tokenizer, FinetuneOutcome& outcome) {
  std::vector<lm::TrainingSample> samples;
  for (const lm::TuningText& text : texts) {
    lm::TrainingSample sample;
    try {
      sample = text.messages.empty() ? lm::completion_sample(source.codec, text.prompt, text.completion, tokenizer.eos)
                                     : lm::chat_sample(source.codec, text.messages);
    } catch (const ConfigError& e) {
      throw BadInput(options.data + ":" + std::to_string(text.line) + ": " + e.what());
    }
    if (options.max_tokens > 0 && static_cast<Index>(sample.tokens.size()) > options.max_tokens) {
      lm::detail::shorten(sample, options.max_tokens);
      ++outcome.cut;
    }
    samples.push_back(std::move(sample));
  }
  outcome.samples = static_cast<Index>(samples.size());
  return samples;
}

void write_result(const FinetuneCommandOptions& options, const lm::TrainableDecoder<>& model,
                  const OpenTokenizer& tokenizer, FinetuneOutcome& outcome) {
  outcome.folder_of_model = options.full || options.merge;
  if (!outcome.folder_of_model) {
    lm::write_peft(options.out, model.adapter(), {options.model, options.dropout}, model.config().layers);
    return;
  }
  const lm::MemoryWeights merged = model.merged();
  std::vector<std::pair<std::string, lm::StoredTensor>> tensors;
  for (const std::string& name : merged.names()) tensors.emplace_back(name, merged.get(name));
  lm::save_model(options.out, merged.config(), tensors);
  tokenizer.save(options.out);
}

}  // namespace

FinetuneOutcome finetune_model(const FinetuneCommandOptions& options, const fs::path& checkpoint,
                               const Observer& observer) {
  FinetuneOutcome outcome;
  const auto texts = open_input([&] { return lm::read_tuning_jsonl(options.data); });
  const instruct::LanguageModel source = open_language_model(options.model);
  const OpenTokenizer tokenizer = open_tokenizer(options.model);
  const std::vector<lm::TrainingSample> samples = samples_of(texts, options, source, tokenizer, outcome);

  std::optional<lm::LoraOptions> lora;
  lm::PeftFolder start;
  if (!options.adapter.empty()) {
    start = open_input([&] { return lm::read_peft(options.adapter); });
    lora = start.options();
    lora->dropout = options.dropout;
  } else if (!options.full) {
    lora = lm::LoraOptions{.rank = options.rank,
                           .alpha = options.alpha,
                           .dropout = options.dropout,
                           .layers = split_list("--layers", options.layers),
                           .seed = options.seed};
  }
  lm::TrainableDecoder<> model(*source.weights,
                               {.full = options.full,
                                .bf16 = options.weights == "bf16",
                                .bf16_products = options.weights == "stored-bf16",
                                .decode = options.weights == "f32"},
                               lora);
  if (!options.adapter.empty()) model.set_adapter(start.adapter);
  for (const auto* p : model.parameters()) outcome.trained_numbers += p->value.size();

  const lm::FinetuneReport report =
      lm::finetune(model, std::span<const lm::TrainingSample>(samples),
                   {.epochs = options.epochs,
                    .batch_tokens = options.batch_tokens,
                    .accumulate = options.accumulate,
                    .learning_rate = options.learning_rate,
                    .warmup = options.warmup,
                    .decay = options.decay,
                    .max_gradient_norm = options.max_gradient_norm,
                    .recompute = options.recompute,
                    .seed = options.seed,
                    .model_name = options.model + (options.adapter.empty() ? "" : " with " + options.adapter),
                    .checkpoint = checkpoint,
                    .checkpoint_every = options.checkpoint_every,
                    .resume = options.resume,
                    .observer = observer});
  outcome.interrupted = report.interrupted;
  outcome.skipped = report.skipped_samples;
  outcome.steps = report.steps;
  outcome.tokens = report.tokens;
  outcome.seconds = report.seconds;
  outcome.epoch_loss = report.epoch_loss;
  if (!outcome.interrupted) write_result(options, model, tokenizer, outcome);
  return outcome;
}

}  // namespace reclm::cli
