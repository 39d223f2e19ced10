#pragma once
/// @file write_profiles.hpp
/// A teacher's profiles into a store: asks once for each prompt, asks again for what breaks the grammar, goes on where
/// an earlier run stopped.

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/observer.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/profile_store.hpp"
#include "reclm/instruct/samples.hpp"
#include "reclm/instruct/teachers.hpp"

namespace reclm::instruct {

struct WriteProfilesOptions {
  int attempts = 3;        ///< at each prompt, those of earlier runs counted
  std::uint64_t seed = 1;  ///< with other seeds, models, adapters or settings profiles are written anew, behind the
                           ///< old ones
  GrammarRules grammar{};  ///< what counts as a profile
  Observer observer{};     ///< after each answer; metrics: rejected
};

struct WriteProfilesReport {
  Index prompts = 0;
  Index written = 0;      ///< by the teacher, now
  Index shared = 0;       ///< copied, now, from an equal prompt about somebody else
  Index kept = 0;         ///< there before
  Index failed = 0;       ///< without a profile after all attempts
  Index unanswered = 0;   ///< the teacher had no answer
  GrammarCounts answers;  ///< all answers of this run
  bool interrupted = false;
};

/// The seed of one attempt at one prompt: the same whatever else is asked.
inline std::uint64_t attempt_seed(std::uint64_t seed, const std::string& hash, Index attempt) {
  std::uint64_t number = 0;
  std::from_chars(hash.data(), hash.data() + hash.size(), number, 16);
  const PhiloxBlock block = Random(seed, Stream::retries, static_cast<std::uint32_t>(attempt)).block(number);
  return static_cast<std::uint64_t>(block.word[0]) << 32 | block.word[1];
}

namespace detail {

/// What is known about the answers to one prompt.
struct PromptState {
  std::string hash;
  std::vector<std::size_t> prompts;  ///< those that share the answer, in their order
  std::string profile;               ///< "" as long as there is none
  Index attempts = 0;
};

class ProfileWriter {
 public:
  ProfileWriter(ProfileStore& store, TeacherFacts facts, std::span<const PromptSample> prompts, const Dataset& data,
                const WriteProfilesOptions& options)
      : store_(store), facts_(std::move(facts)), prompts_(prompts), data_(data), options_(options) {
    // Lines say of the writer what a store can hold.
    facts_.model = as_stored(facts_.model);
    facts_.adapter = as_stored(facts_.adapter);
    add_settings(facts_, options.grammar);
    if (options.attempts < 1) throw ConfigError("write_profiles: attempts must be at least 1");
    report_.prompts = static_cast<Index>(prompts.size());
    has_line_.resize(prompts.size());
    collect();
    recall();
    share_known();
  }

  template <class T>
  WriteProfilesReport run(T& teacher) {
    for (Index attempt = 1; attempt <= options_.attempts && !report_.interrupted; ++attempt) {
      std::vector<TeacherRequest> requests;
      std::vector<std::size_t> whose;
      for (std::size_t s = 0; s < states_.size(); ++s)
        if (states_[s].profile.empty() && states_[s].attempts == attempt - 1) {
          requests.push_back(
              {&prompts_[states_[s].prompts.front()], attempt_seed(options_.seed, states_[s].hash, attempt)});
          whose.push_back(s);
        }
      if (requests.empty()) continue;
      total_ = done_ + static_cast<Index>(requests.size());
      ask_teacher(teacher, requests, [&](Index index, std::string text) {
        return take(states_[whose[static_cast<std::size_t>(index)]], attempt, std::move(text));
      });
    }
    for (const PromptState& state : states_)
      if (state.profile.empty())
        (state.attempts >= options_.attempts ? report_.failed : report_.unanswered) +=
            static_cast<Index>(state.prompts.size());
    store_.sync();
    return report_;
  }

 private:
  // Prompts that share answers are one state, in the order of their first.
  void collect() {
    std::unordered_map<std::string, std::size_t> known;
    for (std::size_t p = 0; p < prompts_.size(); ++p) {
      const PromptSample& prompt = prompts_[p];
      if ((prompt.user < 0) == (prompt.item < 0))
        throw ConfigError("write_profiles: prompt " + std::to_string(p) + " must be about a user or an item");
      if (prompt.user >= data_.users.size() || prompt.item >= data_.items.size())
        throw ShapeError("write_profiles: prompt " + std::to_string(p) + " is about nobody of the data set");
      json_id(id_of(prompt), prompt.user >= 0 ? "user" : "item");  // before anybody is asked
      const std::string hash = prompt_hash(prompt.messages);
      const auto [place, fresh] = known.emplace(key(hash, prompt.user < 0, id_of(prompt)), states_.size());
      if (fresh) states_.push_back({hash, {}, {}, 0});
      states_[place->second].prompts.push_back(p);
    }
    keys_ = std::move(known);
  }

  void recall() {
    std::unordered_map<std::string, std::vector<std::size_t>> by_line;
    for (std::size_t p = 0; p < prompts_.size(); ++p)
      by_line[line_key(prompts_[p].user < 0, id_of(prompts_[p]))].push_back(p);
    std::unordered_set<std::string> overtaken;  // whose last profile is another writer's, or of other prompts
    for (const StoreLine& line : store_.lines()) {
      const std::string whose = line_key(line.about_item, line.id);
      if (!line.rejected()) overtaken.insert(whose);
      if (line.model != facts_.model || line.adapter != facts_.adapter || line.settings != facts_.settings ||
          line.seed != options_.seed)
        continue;
      const auto found = keys_.find(key(line.hash, line.about_item, line.id));
      if (found == keys_.end()) continue;
      PromptState& state = states_[found->second];
      state.attempts = line.rejected() ? std::max(state.attempts, line.attempt) : line.attempt;
      if (line.rejected()) continue;
      state.profile = line.text;
      const auto same = by_line.find(whose);
      if (same == by_line.end()) continue;
      for (const std::size_t p : same->second) {
        if (std::find(state.prompts.begin(), state.prompts.end(), p) == state.prompts.end()) continue;
        overtaken.erase(whose);
        report_.kept += has_line_[p] ? 0 : 1;
        has_line_[p] = true;
      }
    }
    // Of several profiles the last one counts, so those that hold again go behind the others.
    for (const PromptState& state : states_)
      for (const std::size_t p : state.prompts)
        if (has_line_[p] && overtaken.contains(line_key(prompts_[p].user < 0, id_of(prompts_[p]))))
          store_.add(line_of(p, state, state.profile, {}, state.attempts));
  }

  void share_known() {
    for (PromptState& state : states_)
      if (!state.profile.empty()) share(state);
  }

  void share(const PromptState& state) {
    for (const std::size_t p : state.prompts) {
      if (has_line_[p]) continue;
      store_.add(line_of(p, state, state.profile, {}, state.attempts));
      has_line_[p] = true;
      ++report_.shared;
    }
  }

  bool take(PromptState& state, Index attempt, std::string text) {
    const ProfileReading reading = read_profile(text, options_.grammar);
    report_.answers.add(reading.fault);
    state.attempts = attempt;
    const std::size_t first = state.prompts.front();
    if (reading.valid()) {
      state.profile = format_profile(reading.profile);
      store_.add(line_of(first, state, state.profile, {}, attempt));
      has_line_[first] = true;
      ++report_.written;
      share(state);
    } else {
      text = without_cut_mark(std::move(text));
      constexpr std::size_t kLongest = 4096;  // of what is kept to look at
      text.resize(std::min(text.size(), kLongest));
      store_.add(line_of(first, state, std::move(text), std::string(fault_name(reading.fault)), attempt));
    }
    const Metric rejected{"rejected", static_cast<double>(report_.answers.total() - report_.answers.valid())};
    report_.interrupted = !notify(options_.observer, {"write profiles", ++done_, total_, 0, {&rejected, 1}});
    return !report_.interrupted;
  }

  [[nodiscard]] StoreLine line_of(std::size_t p, const PromptState& state, std::string text, std::string fault,
                                  Index attempt) const {
    return {.about_item = prompts_[p].user < 0,
            .id = id_of(prompts_[p]),
            .text = std::move(text),
            .fault = std::move(fault),
            .hash = state.hash,
            .model = facts_.model,
            .adapter = facts_.adapter,
            .settings = facts_.settings,
            .seed = options_.seed,
            .attempt = attempt};
  }

  [[nodiscard]] std::string id_of(const PromptSample& prompt) const {
    return std::string(prompt.user >= 0 ? data_.users.name(prompt.user) : data_.items.name(prompt.item));
  }
  [[nodiscard]] std::string key(const std::string& hash, bool item, const std::string& id) const {
    return facts_.answers_prompts ? hash : hash + line_key(item, id);
  }
  static std::string line_key(bool item, const std::string& id) { return (item ? "i" : "u") + id; }

  ProfileStore& store_;
  TeacherFacts facts_;
  std::span<const PromptSample> prompts_;
  const Dataset& data_;
  const WriteProfilesOptions& options_;
  std::vector<PromptState> states_;
  std::unordered_map<std::string, std::size_t> keys_;
  std::vector<bool> has_line_;
  WriteProfilesReport report_;
  Index done_ = 0, total_ = 0;
};

}  // namespace detail

/// Asks `teacher` for the profiles of `prompts`, which are about users or items of `data`, and appends them to `store`.
///
/// Equal prompts are asked once, and everybody whom they are about gets a line. What breaks the grammar is kept as a
/// rejected line and asked again with another seed, behind all first attempts, up to `attempts` times. A prompt that
/// the store answers already, by the same model, adapter, settings and seed, is not asked; so a run that was stopped,
/// killed or failed goes on where it was, and a teacher that answers in order leaves the same file as without the
/// interruption. Where another writer, or other prompts, came after such an answer, it is written once more: in a store
/// the last profile of a user or item counts.
/// @throws ConfigError, ShapeError on prompts that do not fit; ShapeError on a teacher that answers what was not asked,
/// or twice; ConfigError on ids that are no UTF-8; IoError; what the teacher throws, what it answered before being kept
template <Teacher T>
WriteProfilesReport write_profiles(ProfileStore& store, T& teacher, std::span<const PromptSample> prompts,
                                   const Dataset& data, const WriteProfilesOptions& options = {}) {
  return detail::ProfileWriter(store, teacher.facts(), prompts, data, options).run(teacher);
}

}  // namespace reclm::instruct
