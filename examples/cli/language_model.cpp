// What is long to compile of opening language models, once for all subcommands.

#include "language_model.hpp"

#include <CLI/CLI.hpp>

#include "reclm/instruct/open_language_model.hpp"
#include "reclm/lm/tokenizer/save_tokenizer.hpp"

namespace reclm::cli {

CLI::Option* add_precision_option(CLI::App& command, std::string& precision) {
  return command
      .add_option("--precision", precision,
                  "what weights are kept as: stored, f32, bf16; stored-bf16 keeps\nthem as stored; both with bf16 in "
                  "their names also multiply in\nbf16 where the processor and this program can. auto:\nstored-bf16 for "
                  "GGUF's blocks, else stored")
      ->check(CLI::IsMember({"auto", "stored", "f32", "bf16", "stored-bf16"}))
      ->option_text("KIND=auto");
}

lm::Precision precision_named(const std::string& name) {
  return name == "auto"          ? lm::Precision::automatic
         : name == "f32"         ? lm::Precision::f32
         : name == "bf16"        ? lm::Precision::bf16
         : name == "stored-bf16" ? lm::Precision::stored_bf16
                                 : lm::Precision::stored;
}

void add_model_options(CLI::App& command, ModelOptions& options) {
  command.add_option("--model", options.path, "a .gguf file, a folder with one, or a Hugging Face folder")
      ->required()
      ->option_text("PATH REQUIRED");
  add_precision_option(command, options.precision);
}

instruct::LanguageModel open_language_model(const std::string& path) {
  return open_input([&] { return instruct::open_language_model(path); });
}

std::shared_ptr<const lm::WeightSource> open_model_weights(const std::string& path) {
  return open_input([&] { return std::shared_ptr<const lm::WeightSource>(lm::open_weights(path)); });
}

OpenTokenizer open_tokenizer(const std::string& path) {
  const lm::Tokenizer tokenizer = open_input([&] { return lm::load_tokenizer(path); });
  return {[tokenizer](std::string_view text) { return tokenizer.encode(text); }, tokenizer.eos(),
          [tokenizer](const std::filesystem::path& folder) { lm::save_tokenizer(folder, tokenizer); }};
}

}  // namespace reclm::cli
