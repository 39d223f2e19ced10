// A model on this machine as a teacher.

#include "language_teacher.hpp"

#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "compiled_language.hpp"
#include "reclm/data/fingerprint.hpp"
#include "reclm/instruct/consensus.hpp"
#include "reclm/instruct/decoder_teacher.hpp"
#include "reclm/lm/training/peft.hpp"

namespace reclm::cli {

std::string files_print(const std::filesystem::path& folder, std::initializer_list<const char*> names) {
  Fingerprint print;
  for (const char* name : names) {
    std::ifstream in(folder / name, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    print.add(std::as_bytes(std::span(bytes)));
  }
  return print.text();
}

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
  instruct::TeacherFacts facts{.model = model.name, .adapter = adapter.empty() ? "" : last_name(adapter)};
  add_settings(facts, "precision " + options.precision);
  if (!adapter.empty()) add_settings(facts, files_print(adapter, {"adapter_config.json", "adapter_model.safetensors"}));
  instruct::TeacherFacts known = facts;
  add_settings(known, how);
  const Index context = model.weights->config().context;
  const auto encode = model.codec.encode;
  const auto writer = std::make_shared<std::unique_ptr<Writer>>();
  return {.known = known,
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
  return consensus_teacher(std::move(teacher), count, {});
}

AnyTeacher consensus_teacher(AnyTeacher teacher, Index count, const instruct::GrammarRules& rules) {
  const auto facts = instruct::Consensus(teacher, count, rules).facts();
  auto count_tokens = teacher.count;
  const Index context = teacher.context;
  return {.known = facts,
          .ask = [teacher = std::move(teacher), count, rules](
                     auto requests,
                     const auto& sink) { instruct::Consensus(teacher, count, rules).answer(requests, sink); },
          .count = std::move(count_tokens),
          .context = context};
}

}  // namespace reclm::cli
