#pragma once
/// @file samples.hpp
/// What the stages of tuning learn from: dialogues, preference pairs, prompts. As JSONL in TRL's forms: see jsonl.hpp.

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/lm/chat.hpp"

namespace reclm::instruct {

/// The stages of RecLM's tuning.
enum class Stage {
  distillation,   ///< A1: history → the teacher's profile
  collaborative,  ///< A2: two turns, with neighbours and a held-out item
  reward,         ///< A3: a good profile beside a bad one
  policy,         ///< A4: prompts that the model answers by itself
  items,          ///< A5: item text and neighbours → profile of the people it is for
};

constexpr std::string_view stage_name(Stage stage) {
  constexpr std::string_view names[] = {"distillation", "collaborative", "reward", "policy", "items"};
  return names[static_cast<std::size_t>(stage)];
}

/// A dialogue to learn from; the loss is on the assistant's messages alone.
struct ChatSample {
  Stage stage = Stage::distillation;
  Id user = -1, item = -1;    ///< whom and what it is about; −1: nobody, nothing
  std::optional<bool> chose;  ///< A2: the right answer to the last question
  lm::Dialogue messages;
  bool operator==(const ChatSample&) const = default;
};

/// How a rejected answer is made of good ones, and how often.
enum class Rejection { neighbour, run_together, identities_only, repeated_identity, bare_prefix, full_stop };
inline constexpr std::size_t kRejections = 6;
inline constexpr std::array<double, kRejections> kRejectionShares{0.3, 0.3, 0.1, 0.1, 0.1, 0.1};

constexpr std::string_view rejection_name(Rejection kind) {
  constexpr std::string_view names[] = {"neighbour",         "run together", "identities only",
                                        "repeated identity", "bare prefix",  "full stop"};
  return names[static_cast<std::size_t>(kind)];
}

/// Two answers to one prompt, the better one first.
struct PreferencePair {
  Id user = -1;
  std::optional<Rejection> kind;  ///< nothing: made elsewhere
  lm::Dialogue prompt;
  std::string chosen, rejected;
  bool operator==(const PreferencePair&) const = default;
};

/// What a model or a teacher is to answer.
struct PromptSample {
  Stage stage = Stage::policy;
  Id user = -1, item = -1;
  lm::Dialogue messages;
  bool operator==(const PromptSample&) const = default;
};

/// What was left out while samples were made, and why.
struct SkipCounts {
  Index no_profile = 0;     ///< nobody wrote one, or it does not follow the grammar
  Index no_history = 0;     ///< no train interactions (A2: fewer than two)
  Index no_neighbour = 0;   ///< none with a profile (A3: none whose profile differs)
  Index no_question = 0;    ///< A2: no item that a neighbour shares, or none that only neighbours have
  Index over_budget = 0;    ///< too long even with the least that a sample needs
  Index dropped_items = 0;  ///< items of histories that the budget or the limit of items left out
  [[nodiscard]] Index samples() const { return no_profile + no_history + no_neighbour + no_question + over_budget; }
};

template <class T>
struct Built {
  std::vector<T> samples;
  SkipCounts skipped;
};

}  // namespace reclm::instruct
