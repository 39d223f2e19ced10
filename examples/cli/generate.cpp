// reclm generate: texts from a language model on this machine.

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "compiled_language.hpp"
#include "interrupt.hpp"
#include "language_model.hpp"
#include "reclm/core/atomic_file.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/data/jsonl.hpp"
#include "reclm/lm/training/peft.hpp"
#include "terminal.hpp"

namespace reclm::cli {

namespace {

struct GenerateOptions {
  CommonOptions common;
  ModelOptions model;
  std::string prompt, system, input, out, adapter;
  std::vector<std::string> stops;
  lm::SamplingOptions sampling;
  std::uint64_t seed = 1;
  Index max_tokens = 256, batch = 8;
  bool raw = false, profile = false;
};

/// What one text answers.
struct Question {
  std::string id;
  lm::Dialogue messages;  ///< empty: `text` as it is
  std::string text;
};

Question question_of(const GenerateOptions& options, const JsonRecord& record) {
  Question question{record.id("id"), {}, {}};
  if (question.id.empty()) question.id = std::to_string(record.line());
  if (!record.has("messages")) {
    question.text = record.text("prompt");
    return question;
  }
  const auto& messages = record.object()["messages"];
  if (!messages.is_array() || messages.empty()) record.fail("\"messages\" is no list", "give {role, content} objects");
  for (const auto& message : messages) {
    if (!message.is_object() || !message.contains("role") || !message.contains("content") ||
        !message["role"].is_string() || !message["content"].is_string())
      record.fail("a message has no role or no content", "give {\"role\": …, \"content\": …}");
    question.messages.push_back({message["role"], message["content"]});
  }
  if (question.messages.back().role == "assistant") question.messages.pop_back();
  if (options.raw) record.fail("--raw does not go with messages", "give \"prompt\" instead, or leave --raw out");
  return question;
}

std::vector<Question> questions_of(const GenerateOptions& options) {
  if (options.input.empty() == options.prompt.empty())
    throw ConfigError("what is the prompt? Remedy: give it as an argument, or a file by --input");
  std::vector<Question> questions;
  if (options.input.empty())
    questions.push_back({"", {}, options.prompt});
  else
    open_input([&] {
      for_each_json_line(options.input, [&](const JsonRecord& r) { questions.push_back(question_of(options, r)); });
      return 0;
    });
  if (questions.empty()) throw BadInput(options.input + ": there is no prompt. Remedy: one JSON object a line");
  return questions;
}

/// The prompt's tokens: by the model's chat template, or as it stands.
std::vector<lm::TokenId> tokens_of(const GenerateOptions& options, const instruct::LanguageModel& model,
                                   const OpenTokenizer& tokenizer, const Question& question) {
  if (options.raw) return tokenizer.encode(question.text);
  lm::Dialogue messages = question.messages;
  if (messages.empty()) messages.push_back({"user", question.text});
  if (!options.system.empty() && messages.front().role != "system")
    messages.insert(messages.begin(), {"system", options.system});
  return model.prompt(messages);
}

const char* finish_name(lm::Finish finish) {
  switch (finish) {
    case lm::Finish::stop_token:
    case lm::Finish::stop_string:
      return "stop";
    case lm::Finish::length:
      return "length";
    default:
      return "cancelled";
  }
}

std::string line_of(const Question& question, const lm::Generation& generation) {
  const nlohmann::ordered_json line{{"id", question.id},
                                    {"text", generation.text},
                                    {"finish", finish_name(generation.finish)},
                                    {"prompt_tokens", generation.prompt_tokens},
                                    {"tokens", generation.tokens.size()}};
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

ExitCode run(const GenerateOptions& options) {
  lm::check(options.sampling);
  const ThreadLimit limit(options.common.threads);
  const std::vector<Question> questions = questions_of(options);
  const instruct::LanguageModel model = open_language_model(options.model.path);
  const OpenTokenizer tokenizer = options.raw ? open_tokenizer(options.model.path) : OpenTokenizer{};
  lm::Decoder<> decoder(*model.weights, precision_of(options.model));
  if (!options.adapter.empty()) decoder.attach(open_input([&] { return lm::read_peft(options.adapter); }).adapter);
  const lm::TokenTexts& texts = model.texts;

  lm::GenerationRequest request;
  request.sampling = options.sampling;
  request.max_tokens = options.max_tokens;
  request.stops = options.stops;
  request.seed = options.seed;
  if (options.profile)
    request.constraint =
        std::make_shared<const lm::TokenConstraint>(lm::list_automaton(lm::ListGrammar::profile()), texts);
  std::vector<lm::GenerationRequest> requests(questions.size(), request);
  for (std::size_t i = 0; i < questions.size(); ++i)
    requests[i].prompt = tokens_of(options, model, tokenizer, questions[i]);

  // One prompt without --json shows its text as it comes.
  const bool stream = options.input.empty() && !options.common.json && options.out.empty();
  std::optional<AtomicFile> file;
  if (!options.out.empty()) file.emplace(options.out);
  lm::GenerationOptions how;
  how.batch = options.batch;
  if (stream)
    how.on_text = [](const lm::TextPiece& piece) {
      std::cout << piece.text;
      if (piece.finished) std::cout << '\n';
      std::cout.flush();
      return true;
    };
  ProgressDisplay display(options.common.quiet || stream);
  const InterruptGuard guard;
  const auto generations = lm::generate(decoder, texts, requests, how, display.observer());
  display.finish();
  for (std::size_t i = 0; i < generations.size() && !stream; ++i) {
    if (generations[i].tokens.empty()) continue;
    const std::string line = line_of(questions[i], generations[i]);
    if (file)
      file->write(line);
    else
      std::cout << line;
  }
  if (InterruptGuard::requested()) {
    std::cout.flush();
    std::cerr << "\nInterrupted; " << (file ? "nothing was written." : "texts end where they were.") << std::endl;
    return exit_interrupted;
  }
  if (file) file->commit();
  return exit_ok;
}

}  // namespace

void add_generate(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<GenerateOptions>();
  CLI::App* const command = add_command(
      app, "generate", "Writes texts by a language model on this machine.",
      "Llama, SmolLM2, Qwen2 and Mistral models as GGUF files or Hugging Face folders. A prompt becomes a\n"
      "user's message in the model's chat template, unless --raw; its answer appears as it is written. A\n"
      "file of prompts (JSON lines: id and prompt, or messages) gives a file of answers (id, text, finish),\n"
      "several at a time; beginnings that prompts share are computed once. The same seed gives the same\n"
      "texts, whatever --batch and --threads.",
      "  reclm generate --model SmolLM2.gguf \"Write a profile for someone who watched Alien and Heat\"\n"
      "  reclm generate --model SmolLM2.gguf --profile --temperature 0.7 \"She reads about space\"\n"
      "  reclm generate --model qwen2 --input prompts.jsonl --out answers.jsonl");
  command->add_option("prompt", options->prompt, "the prompt")->option_text("TEXT");
  add_model_options(*command, options->model);
  command->add_option("--adapter", options->adapter, "a PEFT folder: LoRA updates of the model")->option_text("DIR");
  command->add_option("--input", options->input, "prompts, a JSON object a line")->option_text("FILE");
  command->add_option("--out", options->out, "file instead of standard output; appears when complete")
      ->option_text("FILE");
  command->add_option("--system", options->system, "the system's message")->option_text("TEXT");
  command->add_flag("--raw", options->raw, "the prompt as it stands, without the chat template");
  command->add_flag("--profile", options->profile, "answers are profiles: User identity: …; User interests: …");
  command->add_option("--max-tokens", options->max_tokens, "longest answer")
      ->check(CLI::Range(1, 1 << 24))
      ->option_text("N=256");
  command->add_option("--temperature", options->sampling.temperature, "0: always the likeliest token")
      ->option_text("X=0");
  command->add_option("--top-k", options->sampling.top_k, "among the K likeliest tokens, 0: all")->option_text("K=0");
  command->add_option("--top-p", options->sampling.top_p, "among those that reach this probability")
      ->option_text("X=1");
  command->add_option("--min-p", options->sampling.min_p, "among those this likely beside the likeliest")
      ->option_text("X=0");
  command->add_option("--repetition-penalty", options->sampling.repetition_penalty, "above 1: fewer repetitions")
      ->option_text("X=1");
  command->add_flag("--distinct-entries", options->sampling.distinct_entries,
                    "no entry of a list (label: one, two) begins like an earlier one");
  command->add_option("--stop", options->stops, "a text that ends the answer; may be given again")
      ->allow_extra_args(false)  // else the prompt behind it would be one more
      ->option_text("TEXT");
  command->add_option("--seed", options->seed, "of the random numbers")->check(seed_fault)->option_text("N=1");
  command->add_option("--batch", options->batch, "answers under way at once")
      ->check(CLI::Range(1, 4096))
      ->option_text("N=8");
  add_common_options(*command, options->common);
  command->callback([&call, options] { call.run = [options] { return run(*options); }; });
}

}  // namespace reclm::cli
