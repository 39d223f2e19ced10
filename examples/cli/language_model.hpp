#pragma once
// Language models as subcommands open them.

#include <string>
#include <vector>

#include "command.hpp"
#include "reclm/lm/tokenizer/load_tokenizer.hpp"
#include "reclm/lm/weight_matrix.hpp"

namespace reclm::cli {

struct ModelOptions {
  std::string path, precision = "stored";
};

inline void add_model_options(CLI::App& command, ModelOptions& options) {
  command.add_option("--model", options.path, "a .gguf file, a folder with one, or a Hugging Face folder")
      ->required()
      ->option_text("PATH REQUIRED");
  command.add_option("--precision", options.precision, "what weights are kept as in memory: stored, f32, bf16")
      ->check(CLI::IsMember({"stored", "f32", "bf16"}))
      ->option_text("KIND=stored");
}

inline lm::Precision precision_of(const ModelOptions& options) {
  return options.precision == "f32"    ? lm::Precision::f32
         : options.precision == "bf16" ? lm::Precision::bf16
                                       : lm::Precision::stored;
}

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
