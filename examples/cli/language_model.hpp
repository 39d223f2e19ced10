#pragma once
// Language models as subcommands open them, and as teachers.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command.hpp"
#include "reclm/instruct/language_model.hpp"
#include "reclm/instruct/teachers.hpp"
#include "reclm/lm/weight_matrix.hpp"

namespace CLI {
class Option;
}

namespace reclm::cli {

CLI::Option* add_precision_option(CLI::App& command, std::string& precision);

/// One of the names of --precision.
lm::Precision precision_named(const std::string& name);

struct ModelOptions {
  std::string path, precision = "auto";
};

void add_model_options(CLI::App& command, ModelOptions& options);

inline lm::Precision precision_of(const ModelOptions& options) { return precision_named(options.precision); }

/// Opening failures are the input's fault.
template <class Open>
auto open_input(const Open& open) {
  try {
    return open();
  } catch (const IoError& e) {
    throw BadInput(e.what());
  }
}

/// Weights, tokenizer and chat template of a GGUF file or Hugging Face folder. @throws BadInput, DataError
instruct::LanguageModel open_language_model(const std::string& path);

/// The weights alone, of an encoder too. @throws BadInput, DataError
std::shared_ptr<const lm::WeightSource> open_model_weights(const std::string& path);

/// A model's tokenizer by itself.
struct OpenTokenizer {
  std::function<std::vector<lm::TokenId>(std::string_view)> encode;  ///< with what the model wants at a text's borders
  lm::TokenId eos = -1;
  std::function<void(const std::filesystem::path&)> save;  ///< writes it into a folder
};
/// @throws BadInput, DataError
OpenTokenizer open_tokenizer(const std::string& path);

/// Any teacher behind one type.
struct AnyTeacher {
  instruct::TeacherFacts known;
  std::function<void(std::span<const instruct::TeacherRequest>, const instruct::AnswerSink&)> ask;
  std::function<Index(std::string_view)> count{};  ///< tokens of a text, where the teacher knows
  Index context = 0;                               ///< tokens that a dialogue may have; 0: unknown

  [[nodiscard]] instruct::TeacherFacts facts() const { return known; }
  void answer(std::span<const instruct::TeacherRequest> requests, const instruct::AnswerSink& sink) const {
    ask(requests, sink);
  }
};

/// One that passes on what `count` answers of `teacher` to each request agree on.
AnyTeacher consensus_teacher(AnyTeacher teacher, Index count);

/// How a local model writes.
struct WriterOptions {
  double temperature = 0.9, top_p = 0.9;
  double repetition_penalty = 1.05;  ///< over the prompt too: more keeps a model from naming what it read
  bool distinct_entries = false;     ///< no entry of a list begins like an earlier one
  Index max_tokens = 100;
  Index batch = 4;                 ///< texts under way at once
  bool only_profiles = false;      ///< kept inside the grammar, token by token
  int attempts = 3;                ///< at each prompt
  std::string precision = "auto";  ///< of the weights, see precision_named
};

/// A model on this machine, with the updates in the PEFT folder `adapter` ("": without). They are opened when the first
/// question comes. @throws BadInput, DataError
AnyTeacher local_teacher(instruct::LanguageModel model, const std::filesystem::path& adapter,
                         const WriterOptions& options);

}  // namespace reclm::cli
