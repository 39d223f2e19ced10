#pragma once
/// @file setting.hpp
/// The questions that an evaluation can ask, and their names.

#include <array>
#include <cstddef>
#include <string_view>

namespace reclm {

/// What is ranked and whose targets count. Evaluated users are those with at least one such target.
enum class Setting {
  validation,             ///< targets `valid`, its candidates, train masked: what selection looks at
  full_shot,              ///< targets `test`, its candidates, train (and validation) masked
  sparse,                 ///< full-shot of the users with few train clicks
  zero_shot,              ///< targets `zero`, candidates the unseen items alone, nothing masked
  generalised_zero_shot,  ///< targets `test` and `zero`, all items ranked jointly, train (and validation) masked
};

inline constexpr std::array kSettings{Setting::validation, Setting::full_shot, Setting::sparse, Setting::zero_shot,
                                      Setting::generalised_zero_shot};

/// The name in cubes, files and on the command line.
constexpr std::string_view setting_name(Setting setting) {
  constexpr std::string_view names[] = {"validation", "full-shot", "sparse", "zero-shot", "generalised-zero-shot"};
  return names[static_cast<std::size_t>(setting)];
}

/// One sentence for the reader of a report; empty for a name that is no setting of this library.
constexpr std::string_view setting_explanation(std::string_view name) {
  if (name == "validation") return "Held-out clicks on which models and epochs were selected; not a result.";
  if (name == "full-shot")
    return "The held-out clicks of all users; what a user clicked in training is not ranked again.";
  if (name == "sparse") return "The full-shot question, asked only for users with few training clicks.";
  if (name == "zero-shot") return "Only items that nobody clicked in training are ranked, so only content can tell.";
  if (name == "generalised-zero-shot")
    return "Known and unseen items compete in one list. Warm: recall of the targets that occur in training. Cold: "
           "recall of those that never do. "
           "H: their harmonic mean, high only when both are.";
  return {};
}

}  // namespace reclm
