#pragma once
/// @file packed_batch.hpp
/// Samples of text as training takes them: tokens, and which of them the loss counts; several one behind the other in a
/// batch without padding, none of which sees another. What some begin with alike can be there once for all of them.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/lm/model_config.hpp"
#include "reclm/tensor/ops/token_loss.hpp"

namespace reclm::lm {

/// One text. Token k is predicted from those before it; it counts in the loss where learn[k] is not 0 (the first token
/// never does: nothing stands before it).
struct TrainingSample {
  std::vector<TokenId> tokens;
  std::vector<std::uint8_t> learn;  ///< as long as tokens

  /// Tokens that count.
  [[nodiscard]] Index targets() const {
    Index count = 0;
    for (std::size_t k = 1; k < learn.size(); ++k) count += learn[k] != 0 ? 1 : 0;
    return count;
  }
};

/// Segments packed: segment s has the rows borders[s] … borders[s + 1] − 1.
struct PackedBatch {
  std::vector<TokenId> tokens;
  std::vector<Index> borders{0};
  std::vector<Index> prefixes;  ///< by segment, the one that it continues, or −1
  ChosenTokens targets;         ///< row of the state that predicts, and the token that follows

  /// Tokens with which the samples begin that are added next; they pass the model once for all of these.
  /// @returns the prefix as `add` takes it
  Index add_prefix(std::span<const TokenId> beginning) {
    tokens.insert(tokens.end(), beginning.begin(), beginning.end());
    borders.push_back(static_cast<Index>(tokens.size()));
    prefixes.push_back(-1);
    return static_cast<Index>(prefixes.size()) - 1;
  }

  /// @param prefix  what `sample` continues, see add_prefix; −1: nothing. Its first token never counts in either case
  /// @throws ShapeError when `learn` has another length than `tokens`
  void add(const TrainingSample& sample, Index prefix = -1) {
    if (sample.learn.size() != sample.tokens.size())
      throw ShapeError("TrainingSample: " + std::to_string(sample.tokens.size()) + " tokens, but " +
                       std::to_string(sample.learn.size()) + " marks of what to learn");
    const auto first = static_cast<Id>(tokens.size());
    for (std::size_t k = 1; k < sample.tokens.size(); ++k)
      if (sample.learn[k] != 0) {
        targets.rows.push_back(first + static_cast<Id>(k) - 1);
        targets.tokens.push_back(sample.tokens[k]);
      }
    tokens.insert(tokens.end(), sample.tokens.begin(), sample.tokens.end());
    borders.push_back(static_cast<Index>(tokens.size()));
    prefixes.push_back(prefix);
  }
};

/// Texts that follow each other and begin alike.
struct SharedBeginning {
  std::size_t texts = 1;   ///< so many from the first on
  std::size_t tokens = 0;  ///< of their beginning; each text has at least one more
};

/// Of how many texts the beginning should pass the model once: another text is taken along as long as that saves
/// tokens.
inline SharedBeginning shared_beginning(std::span<const std::vector<TokenId>> texts) {
  SharedBeginning found;
  for (std::size_t next = 1; next < texts.size(); ++next) {
    const auto &first = texts.front(), &text = texts[next];
    const auto differs = std::mismatch(first.begin(), first.end(), text.begin(), text.end()).first - first.begin();
    std::size_t alike = std::min({static_cast<std::size_t>(differs), first.size() - 1, text.size() - 1});
    if (next > 1) alike = std::min(alike, found.tokens);
    if (next * alike <= (next - 1) * found.tokens) break;
    found = {next + 1, alike};
  }
  return found;
}

inline PackedBatch pack(std::span<const TrainingSample> samples) {
  PackedBatch batch;
  for (const TrainingSample& sample : samples) batch.add(sample);
  return batch;
}

/// Whole samples in batches of at most `tokens` tokens each, in an order shuffled by (seed, epoch): sample numbers.
/// A sample longer than `tokens` has a batch of its own. A function of its arguments alone.
inline std::vector<std::vector<Index>> plan_batches(std::span<const TrainingSample> samples, Index tokens,
                                                    std::uint64_t seed, Index epoch) {
  std::vector<Index> order(samples.size());
  std::iota(order.begin(), order.end(), Index{0});
  RandomSequence draws(Random(seed, Stream::shuffle, static_cast<std::uint32_t>(epoch)));
  for (std::size_t k = order.size(); k > 1; --k)
    std::swap(order[k - 1], order[draws.below(static_cast<std::uint32_t>(k))]);
  std::vector<std::vector<Index>> batches;
  Index filled = tokens;
  for (const Index sample : order) {
    const auto length = static_cast<Index>(samples[static_cast<std::size_t>(sample)].tokens.size());
    if (batches.empty() || filled + length > tokens) {
      batches.emplace_back();
      filled = 0;
    }
    batches.back().push_back(sample);
    filled += length;
  }
  return batches;
}

}  // namespace reclm::lm
