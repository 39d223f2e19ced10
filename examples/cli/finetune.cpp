// reclm finetune: a language model learns to write answers.

#include "finetune.hpp"

#include <iostream>
#include <memory>
#include <system_error>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "interrupt.hpp"
#include "reclm/core/parallel.hpp"
#include "terminal.hpp"

namespace reclm::cli {

namespace {

namespace fs = std::filesystem;

/// The file that was named, else one beside the result, which goes when the result is there.
fs::path checkpoint_of(const FinetuneCommandOptions& options) {
  if (!options.checkpoint.empty()) return options.checkpoint;
  fs::path out = fs::path(options.out).lexically_normal();
  if (!out.has_filename()) out = out.parent_path();  // "folder/"
  return out.string() + ".checkpoint.safetensors";
}

void check_options(const FinetuneCommandOptions& options, const fs::path& checkpoint) {
  if (options.full && (options.merge || !options.adapter.empty()))
    throw ConfigError("--full trains every weight: --merge and --adapter do not go with it. Remedy: drop one");
  std::error_code failure;
  if (!options.resume && fs::exists(checkpoint, failure))
    throw ConfigError(checkpoint.string() +
                      " holds the state of an earlier training. Remedy: add --resume to go on with it, or remove it");
  if (fs::exists(options.out, failure) && !fs::is_directory(options.out, failure))
    throw ConfigError("--out " + options.out + " is a file. Remedy: name a folder");
}

nlohmann::ordered_json json_of(const FinetuneCommandOptions& options, const FinetuneOutcome& outcome) {
  return {{"out", options.out},
          {"kind", outcome.folder_of_model ? "model" : "adapter"},
          {"samples", outcome.samples},
          {"skipped", outcome.skipped},
          {"cut", outcome.cut},
          {"steps", outcome.steps},
          {"trained_numbers", outcome.trained_numbers},
          {"epoch_loss", outcome.epoch_loss},
          {"tokens", outcome.tokens},
          {"seconds", outcome.seconds}};
}

void print(const FinetuneCommandOptions& options, const FinetuneOutcome& outcome) {
  std::cout << outcome.samples << " samples";
  if (outcome.cut > 0) std::cout << ", " << outcome.cut << " cut to " << options.max_tokens << " tokens";
  if (outcome.skipped > 0) std::cout << ", " << outcome.skipped << " without anything to learn left out";
  std::cout << "; " << outcome.trained_numbers << " numbers trained in " << outcome.steps << " steps\n";
  if (!outcome.epoch_loss.empty())
    std::cout << "Loss a token: " << outcome.epoch_loss.front() << " in the first epoch, " << outcome.epoch_loss.back()
              << " in the last\n";
  if (outcome.folder_of_model)
    std::cout << "Model: " << options.out << "\nTexts: reclm generate --model " << options.out << " \"...\"\n";
  else
    std::cout << "Adapter: " << options.out << "\nTexts: reclm generate --model " << options.model << " --adapter "
              << options.out << " \"...\"\n";
}

ExitCode run(const FinetuneCommandOptions& options, const Invocation& call) {
  const fs::path checkpoint = checkpoint_of(options);
  check_options(options, checkpoint);
  const ThreadLimit limit(options.common.threads);
  ProgressDisplay display(options.common.quiet);
  const FinetuneOutcome outcome = [&] {
    const InterruptGuard guard;
    return finetune_model(options, checkpoint, display.observer());
  }();
  display.finish();
  if (outcome.interrupted) {
    std::cerr << "Interrupted after step " << outcome.steps << "; the state is in " << checkpoint.string()
              << ". Go on with:\n  " << command_line(call, "--resume") << "\n";
    return exit_interrupted;
  }
  std::error_code ignored;
  if (options.checkpoint.empty()) fs::remove(checkpoint, ignored);
  if (options.common.json)
    std::cout << json_of(options, outcome).dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
              << "\n";
  else
    print(options, outcome);
  return exit_ok;
}

}  // namespace

void add_finetune(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<FinetuneCommandOptions>();
  CLI::App* const command = add_command(
      app, "finetune", "Tunes a language model on dialogues.",
      "Trains a decoder (GGUF or a Hugging Face folder) on JSON lines as TRL takes them: {\"messages\": [{\"role\",\n"
      "\"content\"}, ...]}, or \"prompt\" and \"completion\". Only the assistant's answers are learned. The result is "
      "a\n"
      "LoRA adapter as a PEFT folder, or with --merge or --full a Hugging Face folder. The state is kept beside it "
      "(or\n"
      "in --checkpoint FILE) every few steps and on Ctrl-C; --resume goes on from there, even after a power cut, and\n"
      "ends with the same bits.",
      "  reclm finetune --model model.gguf --data chats.jsonl --out adapter\n"
      "  reclm finetune --model HF_DIR --data chats.jsonl --out tuned --merge --epochs 2 --resume");
  const auto number = [&](const char* name, auto& value, const char* text, const char* form, const char* group) {
    return command->add_option(name, value, text)->option_text(form)->group(group);
  };
  const auto flag = [&](const char* name, bool& value, const char* text, const char* group) {
    command->add_flag(name, value, text)->group(group);
  };
  const char *const input = "Input and output", *const model = "What is trained", *const training = "Training",
                    *const running = "Running";
  command->add_option("--model", options->model, "a .gguf file, a folder with one, or a Hugging Face folder")
      ->required()
      ->option_text("PATH REQUIRED")
      ->group(input);
  command->add_option("--data", options->data, "the dialogues, a .jsonl file")
      ->required()
      ->option_text("FILE REQUIRED")
      ->group(input);
  command->add_option("--out", options->out, "the result's folder")
      ->required()
      ->option_text("DIR REQUIRED")
      ->group(input);
  number("--max-tokens", options->max_tokens, "longer samples are cut at the end; 0: none", "N=2048", input);
  number("--rank", options->rank, "of the updates", "N=8", model);
  number("--alpha", options->alpha, "updates are scaled by alpha / rank", "X=16", model);
  number("--dropout", options->dropout, "of the updates' inputs", "X=0.05", model);
  number("--layers", options->layers, "that get updates: ends of names", "LIST=q_proj,v_proj", model);
  number("--adapter", options->adapter, "go on from this PEFT folder, with its rank and layers", "DIR", model);
  flag("--full", options->full, "every weight instead of updates", model);
  flag("--merge", options->merge, "write the model with the updates merged in, not an adapter", model);
  command
      ->add_option("--weights,--precision", options->weights,
                   "what frozen weights are held as: stored, f32 (faster\nfor GGUF), bf16; stored-bf16 keeps them as "
                   "stored. Both with bf16\nin their names also multiply in bf16 where that can be; trained\nweights "
                   "are float32")
      ->check(CLI::IsMember({"stored", "f32", "bf16", "stored-bf16"}))
      ->option_text("KIND=stored")
      ->group(model);
  number("--epochs", options->epochs, "passes over the data", "N=3", training);
  number("--learning-rate", options->learning_rate, "the highest; a cosine lowers it to a tenth", "X=2e-4", training);
  number("--warmup", options->warmup, "share of the steps in which the rate rises", "X=0.03", training);
  number("--decay", options->decay, "AdamW's weight decay", "X=0", training);
  number("--clip", options->max_gradient_norm, "gradients are scaled down to this norm; 0: never", "X=1", training);
  number("--batch-tokens", options->batch_tokens, "of packed samples at most", "N=2048", training);
  number("--accumulate", options->accumulate, "batches a step", "N=1", training);
  flag("--recompute", options->recompute, "less memory, a third more time", training);
  number("--seed", options->seed, "of start values, order and dropout", "N=1", training)->check(seed_fault);
  number("--checkpoint", options->checkpoint, "keeps the state, also when it is over", "FILE", running);
  number("--checkpoint-every", options->checkpoint_every, "steps; 0: once an epoch", "N=50", running);
  flag("--resume", options->resume, "go on with the state where there is one", running);
  add_common_options(*command, options->common);
  command->callback([&call, options] { call.run = [&call, options] { return run(*options, call); }; });
}

}  // namespace reclm::cli
