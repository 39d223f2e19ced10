#pragma once
// Language models as subcommands open them.

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "command.hpp"
#include "reclm/lm/tokenizer/load_tokenizer.hpp"
#include "reclm/lm/weight_matrix.hpp"

namespace reclm::cli {

inline CLI::Option* add_precision_option(CLI::App& command, std::string& precision) {
  return command
      .add_option("--precision", precision,
                  "what weights are kept as: stored, f32, bf16; stored-bf16 keeps\nthem as stored; both with bf16 in "
                  "their names also multiply in\nbf16 where the processor and this program can")
      ->check(CLI::IsMember({"stored", "f32", "bf16", "stored-bf16"}))
      ->option_text("KIND=stored");
}

/// One of the names of --precision.
inline lm::Precision precision_named(const std::string& name) {
  return name == "f32"           ? lm::Precision::f32
         : name == "bf16"        ? lm::Precision::bf16
         : name == "stored-bf16" ? lm::Precision::stored_bf16
                                 : lm::Precision::stored;
}

struct ModelOptions {
  std::string path, precision = "stored";
};

inline void add_model_options(CLI::App& command, ModelOptions& options) {
  command.add_option("--model", options.path, "a .gguf file, a folder with one, or a Hugging Face folder")
      ->required()
      ->option_text("PATH REQUIRED");
  add_precision_option(command, options.precision);
}

inline lm::Precision precision_of(const ModelOptions& options) { return precision_named(options.precision); }

/// Opening failures are the input's fault.
template <class Open>
auto open_model(const Open& open) {
  try {
    return open();
  } catch (const IoError& e) {
    throw BadInput(e.what());
  }
}

}  // namespace reclm::cli
