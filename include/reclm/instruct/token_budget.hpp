#pragma once
/// @file token_budget.hpp
/// How long a dialogue may be, counted by any tokenizer.

#include <algorithm>
#include <functional>
#include <string_view>

#include "reclm/core/config.hpp"
#include "reclm/lm/chat.hpp"

namespace reclm::instruct {

/// Tokens of English text without a tokenizer: one for three bytes, which few tokenizers exceed.
inline Index approximate_tokens(std::string_view text) { return (static_cast<Index>(text.size()) + 2) / 3; }

/// A limit in tokens. Histories lose their least informative items until a dialogue fits.
struct TokenBudget {
  Index tokens = 0;       ///< of a whole dialogue, answers included; 0: no limit
  Index answer = 100;     ///< kept free in prompts, which have no answer yet
  Index per_message = 8;  ///< what a chat template adds to each message
  std::function<Index(std::string_view)> count = approximate_tokens;

  [[nodiscard]] bool limited() const { return tokens > 0; }
  [[nodiscard]] Index of(const lm::Dialogue& messages) const {
    Index total = 0;
    for (const lm::Message& message : messages) total += count(message.content) + per_message;
    return total;
  }
};

}  // namespace reclm::instruct
