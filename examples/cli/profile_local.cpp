// The model in a file behind `reclm profile --model PATH`.

#include <filesystem>
#include <memory>

#include "language_model.hpp"
#include "profile.hpp"

#include "reclm/instruct/decoder_teacher.hpp"
#include "reclm/lm/tokenizer/load_tokenizer.hpp"
#include "reclm/lm/training/peft.hpp"
#include "reclm/lm/weights/open_weights.hpp"

namespace reclm::cli {

namespace {

lm::TokenTexts texts_of(const lm::Tokenizer& tokenizer) {
  std::vector<std::string> bytes;
  for (lm::TokenId id = 0; id < static_cast<lm::TokenId>(tokenizer.vocabulary()); ++id)
    bytes.emplace_back(tokenizer.token_bytes(id));
  return {std::move(bytes), tokenizer.stops()};
}

/// Everything that a teacher holds references to.
struct Local {
  lm::Tokenizer tokenizer;
  lm::Decoder<> decoder;
  lm::TokenTexts texts;
};

}  // namespace

AnyTeacher local_teacher(const ProfileOptions& options) {
  const auto open = [&] {
    try {
      const lm::Tokenizer tokenizer = lm::load_tokenizer(options.model);
      auto local = std::make_shared<Local>(
          Local{tokenizer, lm::Decoder<>(*lm::open_weights(options.model), precision_named(options.precision)),
                texts_of(tokenizer)});
      if (!options.adapter.empty()) local->decoder.attach(lm::read_peft(options.adapter).adapter);
      return local;
    } catch (const IoError& e) {
      throw BadInput(e.what());
    }
  };
  const std::shared_ptr<Local> local = open();
  const auto name_of = [](const std::string& path) {
    const auto whole = std::filesystem::path(path).lexically_normal();
    return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  };
  instruct::DecoderTeacherOptions how;
  how.sampling = {.temperature = static_cast<float>(options.temperature),
                  .top_p = static_cast<float>(options.top_p),
                  .repetition_penalty = static_cast<float>(options.repetition_penalty)};
  how.max_tokens = options.max_tokens;
  how.batch = options.concurrency;
  how.only_profiles = options.only_profiles;
  const auto teacher = std::make_shared<instruct::DecoderTeacher<>>(
      instruct::TeacherFacts{.model = name_of(options.model),
                             .adapter = options.adapter.empty() ? "" : name_of(options.adapter)},
      local->decoder, local->texts,
      [local](const lm::Dialogue& messages) {
        return local->tokenizer.encode(local->tokenizer.chat(messages, true), false);
      },
      how);
  return {
      .known = teacher->facts(),
      .ask = [local, teacher](auto requests, const auto& sink) { teacher->answer(requests, sink); },
      .count =
          [local](std::string_view text) { return static_cast<Index>(local->tokenizer.encode(text, false).size()); },
      .context = local->decoder.config().context};
}

}  // namespace reclm::cli
