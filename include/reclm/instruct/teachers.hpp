#pragma once
/// @file teachers.hpp
/// Who writes profiles: any type that answers requests. Here: answers that are there already. world_teacher.hpp adds
/// the embedded world's oracle, imported_answers.hpp files, http/endpoint_teacher.hpp remote models.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/fingerprint.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/samples.hpp"

namespace reclm::instruct {

/// One question to a teacher.
struct TeacherRequest {
  const PromptSample* prompt = nullptr;
  std::uint64_t seed = 0;  ///< of sampling; a function of prompt and attempt alone
};

/// Takes the answer to request `index`, in any order; returning false asks the teacher to stop. Called by one thread at
/// a time, the one that called the teacher. An answer that was cut off before its end has `kCutOff` there, so that
/// `read_profile` refuses it.
using AnswerSink = std::function<bool(Index index, std::string text)>;

struct TeacherFacts {
  std::string model;            ///< what wrote the answers, as reports and stores name it
  std::string adapter{};        ///< the tuning on top of it, if any
  std::string settings{};       ///< a print of what else answers depend on, see add_settings; "": nothing is said
  bool answers_prompts = true;  ///< false: answers depend on whom a prompt is about, not on its words
};

/// Adds to `facts.settings` what answers depend on besides the names: bytes of an adapter, how texts are drawn. A store
/// keeps answers of other settings apart, as those of another writer.
inline void add_settings(TeacherFacts& facts, std::string_view text) {
  Fingerprint print;
  if (!facts.settings.empty()) print.add(std::span<const char>(facts.settings));
  facts.settings = print.add(std::span<const char>(text)).text();
}

/// The same of what counts as a profile, where that is not the usual.
inline void add_settings(TeacherFacts& facts, const GrammarRules& rules) {
  if (rules == GrammarRules{}) return;
  std::string text = "grammar";
  for (const Index number : {rules.least, rules.most, rules.longest_entry, Index{rules.strict}})
    text += " " + std::to_string(number);
  add_settings(facts, text);
}

/// Answers each request once at most. What it has no answer for it leaves out; when it fails it throws, after what it
/// has is delivered.
template <class T>
concept Teacher = requires(T& teacher, std::span<const TeacherRequest> requests, const AnswerSink& sink) {
  { teacher.facts() } -> std::convertible_to<TeacherFacts>;
  teacher.answer(requests, sink);
};

namespace detail {

/// Asks `teacher` and passes on what it answers. @throws ShapeError when it answers what was not asked, or twice
template <Teacher T>
void ask_teacher(T& teacher, std::span<const TeacherRequest> requests, const AnswerSink& sink) {
  std::vector<bool> answered(requests.size());
  teacher.answer(requests, [&](Index index, std::string text) {
    const auto place = static_cast<std::size_t>(index);
    if (place >= requests.size() || answered[place])
      throw ShapeError("the teacher " + teacher.facts().model + " answered request " + std::to_string(index) +
                       (place < requests.size() ? " twice" : " of " + std::to_string(requests.size())));
    answered[place] = true;
    return sink(index, std::move(text));
  });
}

}  // namespace detail

/// Answers by number of user or item: the oracle, imported answers.
class KnownAnswers {
 public:
  /// @param users, items texts of all users and items, "" where there is none; an empty list: none at all
  KnownAnswers(std::string name, std::vector<std::string> users, std::vector<std::string> items)
      : facts_{.model = std::move(name), .answers_prompts = false}, users_(std::move(users)), items_(std::move(items)) {
    Fingerprint content;
    for (const auto* texts : {&users_, &items_})
      for (const std::string& text : *texts) content.add(std::span<const char>(text));
    add_settings(facts_, content.text());
  }

  [[nodiscard]] TeacherFacts facts() const { return facts_; }

  void answer(std::span<const TeacherRequest> requests, const AnswerSink& sink) const {
    for (std::size_t k = 0; k < requests.size(); ++k) {
      const PromptSample& prompt = *requests[k].prompt;
      const std::string& text = prompt.user >= 0 ? of(users_, prompt.user) : of(items_, prompt.item);
      if (!text.empty() && !sink(static_cast<Index>(k), text)) return;
    }
  }

 private:
  static const std::string& of(const std::vector<std::string>& texts, Id id) {
    static const std::string none;
    return id < 0 || static_cast<std::size_t>(id) >= texts.size() ? none : texts[static_cast<std::size_t>(id)];
  }

  TeacherFacts facts_;
  std::vector<std::string> users_, items_;
};

}  // namespace reclm::instruct
