#pragma once
/// @file world_tuning.hpp
/// The numbers that make the embedded world behave like real data.
///
/// Chosen so that, over seeds, popularity Recall@20, content-kNN against a random order zero-shot and content-kNN
/// against popularity full-shot lie within 2x of MovieLens latest-small's (.088, 9.5x, .76x; vectors of a sentence
/// transformer), and matrix factorisation beats popularity as it does there (1.5x). tests/data/world_test.cpp holds
/// them there.

#include "reclm/core/config.hpp"

namespace reclm::detail {

struct WorldTuning {
  // Items
  double popularity_exponent = 0.88;  ///< weight of the item of rank r: r^-exponent, before style
  double popularity_offset = 5;       ///< weight (rank + offset)^-exponent
  double oldest_share = 0.6;          ///< of the items that are there before the cut: there from the first day
  double second_interest = 0.3;       ///< share of items about two interests
  double untold = 0.06;               ///< share of items whose text does not say what they are about
  double stray_words = 0.3;           ///< share of a text's subject words that come from anywhere
  double style_told = 0.3;            ///< chance that a marked style shows in the text
  // Users
  double more_interests = 0.6;          ///< chance of yet another interest, up to five
  double same_topic = 0.25;             ///< where the next interest comes from: the same topic,
  double companion = 0.4;               ///< or the interest that goes with the last one; else anywhere
  double interest_concentration = 2.5;  ///< Dirichlet parameter of the interests' shares
  double activity_spread = 1.1;         ///< log-normal spread of clicks a user
  // Clicks: a slate of items is shown, one is clicked.
  double by_interest = 0.62;   ///< chance that a slate's item comes from the user's interests
  double by_freshness = 0.15;  ///< chance that it is one of the new ones
  double fresh_days = 0.08;    ///< how long an item is new, as a share of the world's time
  int slate = 6;               ///< items shown
  double taste = 1.4;          ///< weight of the match of style and taste in the choice
  // Oracle
  double sees_shown = 0.85;  ///< chance that the oracle names a true interest that the history shows
  double sees_hidden = 0.2;  ///< or one that it does not show
  double confuses = 0.1;     ///< chance that it names a neighbouring interest instead
  double sees_style = 0.6;   ///< chance that it reads the strongest trait right
};

inline constexpr int kToldStyles = 5;    ///< style dimensions that words exist for
inline constexpr int kHiddenStyles = 3;  ///< and those that no text ever shows
inline constexpr int kStyles = kToldStyles + kHiddenStyles;

}  // namespace reclm::detail
