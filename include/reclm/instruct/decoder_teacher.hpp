#pragma once
/// @file decoder_teacher.hpp
/// A language model in this process as a teacher: the tuned model itself, or any other.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/instruct/teachers.hpp"
#include "reclm/lm/byte_automaton.hpp"
#include "reclm/lm/decoder.hpp"
#include "reclm/lm/generate.hpp"
#include "reclm/lm/sampling.hpp"
#include "reclm/lm/token_constraint.hpp"
#include "reclm/lm/token_texts.hpp"

namespace reclm::instruct {

struct DecoderTeacherOptions {
  lm::SamplingOptions sampling{.temperature = 0.9f, .top_p = 0.9f, .repetition_penalty = 1.3f};  ///< RecLM's
  Index max_tokens = 100;
  std::vector<std::string> stops{};
  bool only_profiles = false;  ///< mask what would leave the grammar: every answer is a profile
  Index least = 3, most = 5;   ///< identities, and interests, of `only_profiles`
  Index batch = 16;            ///< texts under way at once
};

/// Adds how texts are drawn: all of the options that an answer depends on.
inline void add_settings(TeacherFacts& facts, const DecoderTeacherOptions& options) {
  const lm::SamplingOptions& how = options.sampling;
  std::ostringstream text;
  text.precision(9);
  text << how.temperature << ' ' << how.top_k << ' ' << how.top_p << ' ' << how.min_p << ' ' << how.repetition_penalty
       << ' ' << how.distinct_entries << ' ' << options.max_tokens;
  if (options.only_profiles) text << " profiles of " << options.least << " to " << options.most;
  for (const std::string& stop : options.stops) text << '\0' << stop;
  add_settings(facts, text.str());
}

/// Holds references: decoder and texts must outlive it. A request's answer depends on its prompt and seed alone.
template <class B = Cpu>
class DecoderTeacher {
 public:
  /// A dialogue as the model's tokens, up to where its answer begins.
  using Encode = std::function<std::vector<lm::TokenId>(const lm::Dialogue&)>;

  /// @param facts  the names of model and adapter in stores; its settings say what else the model depends on, such as
  ///               the adapter's bytes
  /// @throws ConfigError on options that cannot be
  DecoderTeacher(TeacherFacts facts, const lm::Decoder<B>& decoder, const lm::TokenTexts& texts, Encode encode,
                 DecoderTeacherOptions options = {})
      : facts_(std::move(facts)),
        decoder_(decoder),
        texts_(texts),
        encode_(std::move(encode)),
        options_(std::move(options)) {
    add_settings(facts_, options_);
    lm::check(options_.sampling);
    if (options_.max_tokens < 1 || options_.batch < 1)
      throw ConfigError("DecoderTeacherOptions: max_tokens and batch must be at least 1");
    if (options_.only_profiles)
      constraint_ = std::make_shared<const lm::TokenConstraint>(
          lm::list_automaton(lm::ListGrammar::profile(options_.least, options_.most)), texts_);
  }

  [[nodiscard]] TeacherFacts facts() const { return facts_; }

  /// @throws ConfigError naming a prompt that fills the model's context. Remedy: a TokenBudget for the dialogues
  void answer(std::span<const TeacherRequest> requests, const AnswerSink& sink) const {
    constexpr std::size_t kAtOnce = 2048;  // prompts held as tokens
    bool go_on = true;
    for (std::size_t begin = 0; begin < requests.size() && go_on; begin += kAtOnce) {
      const auto part = requests.subspan(begin, std::min(kAtOnce, requests.size() - begin));
      std::vector<lm::GenerationRequest> generations(part.size());
      for (std::size_t k = 0; k < part.size(); ++k) {
        generations[k].prompt = encode_(part[k].prompt->messages);
        generations[k].sampling = options_.sampling;
        generations[k].max_tokens = options_.max_tokens;
        generations[k].stops = options_.stops;
        generations[k].constraint = constraint_;
        generations[k].seed = part[k].seed;
        generations[k].number = 0;  // the seed alone tells requests apart
      }
      std::vector<std::string> written(part.size());
      lm::GenerationOptions how;
      how.batch = options_.batch;
      how.on_text = [&](const lm::TextPiece& piece) {
        written[piece.request] += piece.text;
        // What a constraint led to its end by the last token is whole.
        if (piece.finish == lm::Finish::length && !constraint_) written[piece.request] += kCutOff;
        if (piece.finished && go_on)
          go_on = sink(static_cast<Index>(begin + piece.request), std::move(written[piece.request]));
        return true;
      };
      // What is under way when the caller stops is not finished, and not delivered.
      lm::generate(decoder_, texts_, std::span<const lm::GenerationRequest>(generations), how,
                   [&](const Progress&) { return go_on; });
    }
  }

 private:
  TeacherFacts facts_;
  const lm::Decoder<B>& decoder_;
  const lm::TokenTexts& texts_;
  Encode encode_;
  DecoderTeacherOptions options_;
  std::shared_ptr<const lm::TokenConstraint> constraint_;
};

}  // namespace reclm::instruct
