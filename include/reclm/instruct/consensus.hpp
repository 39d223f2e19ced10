#pragma once
/// @file consensus.hpp
/// What several profiles of one person agree on (self-consistency, Wang et al., ICLR 2023): no reward, no training,
/// only answers. One drawn answer names much by chance; what most of them name is what the model has read.
///
///     Consensus agreed(teacher, 8);
///     write_profiles(store, agreed, prompts, data);

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/several_answers.hpp"
#include "reclm/instruct/teachers.hpp"

namespace reclm::instruct {

namespace detail {

/// What `lists` name most often, whatever the case of letters, as first written and the earlier named first; as many
/// entries as a list has on average.
inline std::vector<std::string> most_named(std::span<const std::vector<std::string>* const> lists) {
  std::vector<std::string> names;
  std::vector<std::size_t> votes;
  std::unordered_map<std::string, std::size_t> place;
  std::size_t entries = 0;
  for (const auto* list : lists) {
    entries += list->size();
    std::vector<std::size_t> named;  // one vote a list
    for (const std::string& entry : *list) {
      const auto [found, is_new] = place.emplace(lowered(entry), names.size());
      if (is_new) {
        names.push_back(entry);
        votes.push_back(0);
      }
      if (std::find(named.begin(), named.end(), found->second) == named.end()) named.push_back(found->second);
    }
    for (const std::size_t k : named) ++votes[k];
  }
  std::vector<std::size_t> order(names.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return votes[a] > votes[b]; });
  order.resize(lists.empty() ? 0 : std::min(order.size(), (2 * entries + lists.size()) / (2 * lists.size())));
  std::vector<std::string> most;
  for (const std::size_t k : order) most.push_back(std::move(names[k]));
  return most;
}

}  // namespace detail

/// The identities and the interests that most of `profiles` name, as many as one of them has on average; of those
/// named equally often the earlier. Letters' case does not tell entries apart. Empty of no profiles.
/// Cost: linear in the entries of all profiles but for a sort of the different ones.
inline Profile consensus(std::span<const Profile> profiles) {
  std::vector<const std::vector<std::string>*> identities, interests;
  for (const Profile& profile : profiles) {
    identities.push_back(&profile.identities);
    interests.push_back(&profile.interests);
  }
  return {detail::most_named(identities), detail::most_named(interests)};
}

/// A teacher that has another one answer each request `count` times, with seeds of their own, and passes on their
/// consensus; it must outlive this. Answers that are no profiles have no vote; where none is one, the first is passed
/// on as it is, for the store to refuse. A teacher that always answers alike (temperature 0) agrees with itself.
template <Teacher T>
class Consensus {
 public:
  /// @param rules what counts as a profile  @throws ConfigError when count is below 1
  Consensus(T& teacher, Index count, GrammarRules rules = {})
      : teacher_(teacher), count_(static_cast<std::size_t>(count)), rules_(rules) {
    if (count < 1) throw ConfigError("Consensus: count must be 1 or more");
  }

  /// Those of the teacher; to the adapter's name is added of how many answers the consensus is, to the settings the
  /// rules.
  [[nodiscard]] TeacherFacts facts() const {
    TeacherFacts facts = teacher_.facts();
    facts.adapter += (facts.adapter.empty() ? "consensus of " : ", consensus of ") + std::to_string(count_);
    add_settings(facts, rules_);
    return facts;
  }

  /// A request of which some answers are missing is agreed on by the others, behind all complete ones.
  void answer(std::span<const TeacherRequest> requests, const AnswerSink& sink) {
    detail::answer_by_several(teacher_, count_, requests, sink,
                              [&](const PromptSample&, std::vector<std::string> answers) { return agreed(answers); });
  }

 private:
  [[nodiscard]] std::string agreed(std::vector<std::string>& answers) const {
    std::vector<Profile> profiles;
    for (const std::string& answer : answers)
      if (ProfileReading reading = read_profile(answer, rules_); reading.valid())
        profiles.push_back(std::move(reading.profile));
    return profiles.empty() ? std::move(answers.front()) : format_profile(consensus(profiles));
  }

  T& teacher_;
  std::size_t count_;
  GrammarRules rules_;
};

}  // namespace reclm::instruct
