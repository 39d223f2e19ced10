#pragma once
/// @file sampler.hpp
/// Triples (user, positive, negative) for Bayesian personalised ranking (Rendle et al., UAI 2009).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/data/detail/alias_table.hpp"
#include "reclm/data/detail/keyed_permutation.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm {

/// A batch: three lists of equal length.
struct Triples {
  std::vector<Id> users, positives, negatives;
};

/// How negatives are distributed over the items that a user has not touched.
enum class NegativeDistribution {
  uniform,
  popularity,  ///< by train interactions to the power of `popularity_power`
};

struct BprSamplerOptions {
  std::uint64_t seed = 1;
  NegativeDistribution negatives = NegativeDistribution::uniform;
  double popularity_power = 0.75;  ///< 0 or more; 1 is the popularity itself
  bool only_trained_items = true;  ///< negatives have at least one train interaction; else any item (uniform only)
};

/// Shuffles the train pairs every epoch and gives each a negative that its user never touched.
///
/// Triple t of epoch e is a pure function of (seed, e, t): neither the batch size nor the number of threads, nor what
/// was sampled before, changes it, so a resumed run draws the same ones. Every pair appears exactly once an epoch, but
/// for those of users who have touched every item that could be a negative: nothing can be learned from their order.
/// Memory: 8 bytes a pair, 8 a user, 4 an item (popularity: 8 more). Needs no access to the train matrix afterwards.
class BprSampler {
 public:
  /// @throws ConfigError when `train` is empty, an option is out of range, or all users have touched every item that
  /// could be a negative
  explicit BprSampler(const Interactions& train, BprSamplerOptions options = {}) : options_(options), offsets_{0} {
    if (train.empty()) throw ConfigError("BprSampler: the train split holds no interactions");
    if (!(options.popularity_power >= 0) || !std::isfinite(options.popularity_power))
      throw ConfigError("BprSamplerOptions: popularity_power must be a finite number, 0 or more");
    const std::vector<Index> counts = train.item_counts();
    std::vector<Id> rank_of(counts.size());
    const bool all = !options.only_trained_items && options.negatives == NegativeDistribution::uniform;
    for (std::size_t item = 0; item < counts.size(); ++item)
      if (all || counts[item] > 0) {
        rank_of[item] = static_cast<Id>(choices_.size());
        choices_.push_back(static_cast<Id>(item));
      }
    ranks_.reserve(train.columns().size());
    users_.reserve(train.columns().size());
    for (Id user = 0; user < train.users(); ++user) {
      const auto row = train.of(user);
      if (row.size() < choices_.size()) {
        users_.insert(users_.end(), row.size(), user);
        for (const Id item : row) ranks_.push_back(rank_of[static_cast<std::size_t>(item)]);
      }
      offsets_.push_back(static_cast<Index>(ranks_.size()));
    }
    if (users_.empty())
      throw ConfigError("BprSampler: every user has touched all " + std::to_string(choices_.size()) +
                        " items that could be negatives. Remedy: more data, or only_trained_items = false when there "
                        "are other items");
    ranks_.resize(ranks_.size() + kShortRow, 0);
    if (options.negatives == NegativeDistribution::popularity) {
      for (const Id item : choices_)
        weights_.push_back(
            std::pow(static_cast<double>(counts[static_cast<std::size_t>(item)]), options.popularity_power));
      const double sum = std::accumulate(weights_.begin(), weights_.end(), 0.0);
      if (!std::isfinite(sum * static_cast<double>(weights_.size())))
        throw ConfigError("BprSamplerOptions: popularity_power " + std::to_string(options.popularity_power) +
                          " makes weights that are too large for numbers. Remedy: lower it");
      alias_ = detail::AliasTable(weights_);
    }
  }

  /// Triples of an epoch: as many as train pairs of users who can have negatives.
  [[nodiscard]] Index size() const { return static_cast<Index>(users_.size()); }

  /// Batches of an epoch; the last may be smaller. @param batch_size at least 1
  [[nodiscard]] Index batches(Index batch_size) const {
    if (batch_size < 1) throw ConfigError("BprSampler: the batch size must be at least 1");
    return (size() - 1) / batch_size + 1;
  }

  /// Fills `out` with triples batch_number·batch_size … of epoch `epoch`, in parallel.
  /// @param epoch 0 … 2^32 − 1  @throws ConfigError when there is no such batch
  /// Cost: about 30 ns a triple on one core, and a binary search in the user's items.
  void batch(Index epoch, Index batch_number, Index batch_size, Triples& out) const {
    if (batch_number < 0 || batch_number >= batches(batch_size) || epoch < 0 ||
        epoch > Index{std::numeric_limits<std::uint32_t>::max()})
      throw ConfigError("BprSampler: there is no batch " + std::to_string(batch_number) + " of epoch " +
                        std::to_string(epoch));
    const Index first = batch_number * batch_size;
    const Index count = std::min(batch_size, size() - first);
    for (std::vector<Id>* list : {&out.users, &out.positives, &out.negatives})
      list->resize(static_cast<std::size_t>(count));
    const auto step = static_cast<std::uint32_t>(epoch);
    const detail::KeyedPermutation shuffle(static_cast<std::uint64_t>(size()),
                                           Random(options_.seed, Stream::shuffle, step));
    const Random random(options_.seed, Stream::negatives, step);
    // In groups: the shuffle's arithmetic runs ahead of the look-ups, which wait for memory together.
    constexpr Index kGroup = 512;
    parallel_chunks(count, 4 * kGroup, [&](Index begin, Index end, Index) {
      std::array<std::size_t, kGroup> pairs;
      std::array<Row, kGroup> rows;
      for (Index at = begin; at < end; at += kGroup) {
        const auto group = static_cast<std::size_t>(std::min(kGroup, end - at));
        const auto triple = static_cast<std::uint64_t>(first + at);
        for (std::size_t k = 0; k < group; ++k) {
          pairs[k] = static_cast<std::size_t>(shuffle(triple + k));
          __builtin_prefetch(&users_[pairs[k]]);
          __builtin_prefetch(&ranks_[pairs[k]]);
        }
        for (std::size_t k = 0; k < group; ++k)
          __builtin_prefetch(&offsets_[static_cast<std::size_t>(users_[pairs[k]])]);
        for (std::size_t k = 0; k < group; ++k) rows[k] = row_of(users_[pairs[k]]);
        fill({pairs.data(), group}, {rows.data(), group}, triple, static_cast<std::size_t>(at), random, out);
      }
    });
  }

 private:
  static constexpr std::size_t kShortRow = 16;  // so many ranks may be read from the start of any row
  // Draws that may hit the user's own items before the exact way is taken.
  static constexpr std::uint64_t kBlocksOfTries = 4;

  /// Where a user's pairs lie.
  struct Row {
    Index begin, size;
  };

  [[nodiscard]] Row row_of(Id user) const {
    const Index* const offset = offsets_.data() + user;
    return {offset[0], offset[1] - offset[0]};
  }

  /// Triples `triple` … of the epoch, made from `pairs`, to places `at` … of `out`.
  void fill(std::span<const std::size_t> pairs, std::span<const Row> rows, std::uint64_t triple, std::size_t at,
            Random random, Triples& out) const {
    PhiloxBlock block = random.block(triple / 4);
    for (std::size_t k = 0; k < pairs.size(); ++k) {
      const std::span<const Id> row = touched(rows[k]);
      // Uniform negatives: four neighbouring triples share a block of random words.
      if (triple % 4 == 0) block = random.block(triple / 4);
      const Id negative = options_.negatives == NegativeDistribution::uniform
                              ? uniform_negative(row, block.word[triple % 4])
                              : popular_negative(row, triple, random);
      out.users[at] = users_[pairs[k]];
      out.positives[at] = choices_[static_cast<std::size_t>(ranks_[pairs[k]])];
      out.negatives[at] = choices_[static_cast<std::size_t>(negative)];
      ++triple;
      ++at;
    }
  }

  [[nodiscard]] std::span<const Id> touched(Row row) const {
    return std::span<const Id>(ranks_).subspan(static_cast<std::size_t>(row.begin), static_cast<std::size_t>(row.size));
  }

  /// The k-th choice that the user has not touched, k uniform: exact, without rejection.
  [[nodiscard]] Id uniform_negative(std::span<const Id> row, std::uint32_t word) const {
    const std::uint64_t free = choices_.size() - row.size();
    const auto k = static_cast<Id>((word * free) >> 32);
    // row[j] − j counts the untouched choices before row[j], and never descends.
    if (row.size() <= kShortRow) {
      // Most rows are short, and a search's turns cannot be predicted: all are compared, what lies behind left out.
      const auto size = static_cast<Id>(row.size());
      const Id* const first = row.data();
      Id below = 0;
#pragma omp simd reduction(+ : below)
      for (Id j = 0; j < static_cast<Id>(kShortRow); ++j) below += j < size && first[j] - j <= k ? 1 : 0;
      return k + below;
    }
    std::size_t low = 0, high = row.size();
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (row[middle] - static_cast<Id>(middle) <= k)
        low = middle + 1;
      else
        high = middle;
    }
    return k + static_cast<Id>(low);
  }

  [[nodiscard]] Id popular_negative(std::span<const Id> row, std::uint64_t triple, Random random) const {
    for (std::uint64_t tries = 0; tries < kBlocksOfTries; ++tries) {
      const PhiloxBlock block = random.block(tries * users_.size() + triple);
      for (int half = 0; half < 4; half += 2) {
        const Id drawn = alias_.draw(block.word[half], block.word[half + 1]);
        if (!std::binary_search(row.begin(), row.end(), drawn)) return drawn;
      }
    }
    return exact_popular_negative(row, random.bits(4 * (kBlocksOfTries * users_.size() + triple)));
  }

  /// By walking over all weights, for users who touched most of what is popular. O(items).
  [[nodiscard]] Id exact_popular_negative(std::span<const Id> row, std::uint32_t word) const {
    const auto walk = [&](const auto& visit) {
      std::size_t next = 0;
      for (std::size_t rank = 0; rank < weights_.size(); ++rank) {
        if (next < row.size() && static_cast<std::size_t>(row[next]) == rank)
          ++next;
        else if (visit(static_cast<Id>(rank), weights_[rank]))
          return;
      }
    };
    double total = 0;
    walk([&](Id, double weight) { return total += weight, false; });
    double left = total * (static_cast<double>(word) + 0.5) * 0x1p-32;
    Id chosen = 0;
    walk([&](Id rank, double weight) {
      chosen = rank;
      left -= weight;
      return left < 0;
    });
    return chosen;
  }

  BprSamplerOptions options_;
  std::vector<Index> offsets_;   // of each user's pairs
  std::vector<Id> users_;        // of each pair
  std::vector<Id> ranks_;        // of each pair's item among choices_; kShortRow more
  std::vector<Id> choices_;      // items that may be negatives, ascending; holds every train item
  std::vector<double> weights_;  // of choices_, for popularity
  detail::AliasTable alias_;
};

}  // namespace reclm
