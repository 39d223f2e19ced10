#pragma once
/// @file token_constraint.hpp
/// Keeps a generation inside a byte automaton: which tokens may come next. The last tokens of a limited length lead to
/// an accepted text, so a generation that ends by its length is valid too.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "reclm/lm/byte_automaton.hpp"
#include "reclm/lm/token_texts.hpp"

namespace reclm::lm {

/// Shared by all generations with the same automaton and vocabulary; safe to use from many threads. Which tokens a
/// state allows is found when a generation first comes there: about a millisecond for 50,000 tokens.
class TokenConstraint {
 public:
  using State = ByteAutomaton::State;

  /// @throws ConfigError when the automaton accepts nothing, or when the vocabulary has no token for a byte that a way
  /// to acceptance may need
  TokenConstraint(ByteAutomaton automaton, TokenTexts texts)
      : automaton_(std::move(automaton)), texts_(std::move(texts)), distance_(automaton_.distances()) {
    if (distance_[0] < 0) throw ConfigError("TokenConstraint: the automaton accepts no text");
    std::vector<bool> byte(256, false);
    for (TokenId id = 0; id < static_cast<TokenId>(texts_.size()); ++id)
      if (texts_[id].size() == 1) byte[static_cast<unsigned char>(texts_[id][0])] = true;
    for (State s = 0; s < static_cast<State>(automaton_.states()); ++s)
      for (int b = 0; b < 128; ++b)
        if (!byte[static_cast<std::size_t>(b)] && automaton_.next(s, static_cast<char>(b)) != ByteAutomaton::kDead)
          throw ConfigError("TokenConstraint: no token of the vocabulary is the byte " + std::to_string(b) +
                            " alone, which the grammar needs. Remedy: use a model with byte-level tokens");
  }

  [[nodiscard]] const ByteAutomaton& automaton() const { return automaton_; }
  [[nodiscard]] const TokenTexts& texts() const { return texts_; }

  /// Tokens that any text needs at most; a generation needs a max_tokens of at least this.
  [[nodiscard]] Index least_tokens() const { return distance_[0]; }

  [[nodiscard]] State next(State state, TokenId token) const { return automaton_.next(state, texts_[token]); }
  [[nodiscard]] bool accepting(State state) const { return automaton_.accepting(state); }

  /// Tokens that may follow in `state` when `left` more tokens fit, itself included; stop tokens where the text may
  /// end. Empty where it must end and there is no stop token.
  [[nodiscard]] std::vector<TokenId> allowed(State state, Index left) const {
    std::vector<TokenId> result;
    for (const auto& [token, distance] : choices(state))
      if (distance < left) result.push_back(token);
    if (accepting(state)) result.insert(result.end(), texts_.stops().begin(), texts_.stops().end());
    return result;
  }

 private:
  /// A token and the bytes that are needed behind it.
  using Choice = std::pair<TokenId, Index>;

  [[nodiscard]] const std::vector<Choice>& choices(State state) const {
    const std::lock_guard lock(mutex_);
    auto& found = choices_[state];
    if (!found) {
      found = std::make_unique<std::vector<Choice>>();
      for (TokenId id = 0; id < static_cast<TokenId>(texts_.size()); ++id) {
        if (texts_[id].empty() || texts_.is_stop(id)) continue;
        const State to = next(state, id);
        if (to != ByteAutomaton::kDead && distance_[static_cast<std::size_t>(to)] >= 0)
          found->emplace_back(id, distance_[static_cast<std::size_t>(to)]);
      }
    }
    return *found;
  }

  ByteAutomaton automaton_;
  TokenTexts texts_;
  std::vector<Index> distance_;  // bytes to acceptance, by state
  mutable std::mutex mutex_;
  mutable std::unordered_map<State, std::unique_ptr<std::vector<Choice>>> choices_;
};

}  // namespace reclm::lm
