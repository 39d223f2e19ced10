// A model on this machine as a teacher.

#include <memory>
#include <utility>

#include "compiled_language.hpp"
#include "language_model.hpp"
#include "reclm/instruct/consensus.hpp"
#include "reclm/instruct/decoder_teacher.hpp"
#include "reclm/lm/training/peft.hpp"

namespace reclm::cli {

AnyTeacher local_teacher(instruct::LanguageModel model, const std::filesystem::path& adapter,
                         const WriterOptions& options) {
  instruct::DecoderTeacherOptions how;
  how.sampling = {.temperature = static_cast<float>(options.temperature),
                  .top_p = static_cast<float>(options.top_p),
                  .repetition_penalty = static_cast<float>(options.repetition_penalty),
                  .distinct_entries = options.distinct_entries};
  how.max_tokens = options.max_tokens;
  how.batch = options.batch;
  how.only_profiles = options.only_profiles;
  // Everything that a teacher holds references to.
  struct Writer {
    instruct::LanguageModel model;
    lm::Decoder<> decoder;
    instruct::DecoderTeacher<> teacher;
    Writer(instruct::LanguageModel m, const std::filesystem::path& adapter, const instruct::TeacherFacts& facts,
           lm::Precision precision, const instruct::DecoderTeacherOptions& how)
        : model(std::move(m)),
          decoder(*model.weights, precision),
          teacher(
              facts, decoder, model.texts, [this](const lm::Dialogue& messages) { return model.prompt(messages); },
              how) {
      if (!adapter.empty()) decoder.attach(open_input([&] { return lm::read_peft(adapter); }).adapter);
    }
  };
  const auto last_name = [](const std::filesystem::path& path) {
    const auto whole = path.lexically_normal();
    return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  };
  const instruct::TeacherFacts facts{.model = model.name, .adapter = adapter.empty() ? "" : last_name(adapter)};
  const Index context = model.weights->config().context;
  const auto encode = model.codec.encode;
  const auto writer = std::make_shared<std::unique_ptr<Writer>>();
  return {.known = facts,
          .ask =
              [writer, model = std::move(model), adapter, facts, precision = precision_named(options.precision), how](
                  auto requests, const auto& sink) {
                if (!*writer) *writer = std::make_unique<Writer>(model, adapter, facts, precision, how);
                (*writer)->teacher.answer(requests, sink);
              },
          .count = [encode](std::string_view text) { return static_cast<Index>(encode(text).size()); },
          .context = context};
}

AnyTeacher consensus_teacher(AnyTeacher teacher, Index count) {
  const auto facts = instruct::Consensus(teacher, count).facts();
  auto count_tokens = teacher.count;
  const Index context = teacher.context;
  return {.known = facts,
          .ask = [teacher = std::move(teacher), count](
                     auto requests, const auto& sink) { instruct::Consensus(teacher, count).answer(requests, sink); },
          .count = std::move(count_tokens),
          .context = context};
}

}  // namespace reclm::cli
