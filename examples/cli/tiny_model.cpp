// The model that `reclm run` trains where it is given none.

#include "compiled_tuning.hpp"
#include "reclm/instruct/tiny_language_model.hpp"
#include "reclm/instruct/tiny_recipe.hpp"
#include "tuning.hpp"

namespace reclm::cli {

std::optional<instruct::LanguageModel> tiny_model(const TaughtData& taught, const std::filesystem::path& folder,
                                                  std::optional<Index> tokens, const TuningCommandOptions& options,
                                                  const Observer& observer) {
  lm::TinyOptions how = instruct::tiny_model_recipe(options.seed);
  if (tokens) how.tokens = *tokens;
  how.observer = observer;
  const auto corpus = [&] {
    instruct::DialogueOptions wording = instruct::tiny_dialogues(options.seed);
    wording.columns = columns_of(ModelSize::tiny, options, taught.data);
    return instruct::TinyCorpus{instruct::tiny_texts_of(taught.data, taught.user_profiles, options.seed, wording)};
  };
  if (!instruct::make_tiny_model(folder, corpus, how)) return std::nullopt;
  return open_language_model(folder.string());
}

}  // namespace reclm::cli
