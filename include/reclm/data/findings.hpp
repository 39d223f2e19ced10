#pragma once
/// @file findings.hpp
/// What is wrong with a data set, or worth knowing before a model is trained on it.

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "reclm/data/dataset.hpp"
#include "reclm/data/statistics.hpp"

namespace reclm {

enum class Severity {
  note,     ///< good to know
  warning,  ///< results will be worse or less certain than they need be
  error,    ///< results will be wrong, or there will be none
};

/// One thing found.
struct Finding {
  Severity severity = Severity::note;
  std::string problem;  ///< a sentence with its numbers
  std::string remedy;   ///< what to do; empty when there is nothing to do
};

/// "note", "warning", "error".
constexpr const char* severity_name(Severity severity) {
  return severity == Severity::error ? "error" : severity == Severity::warning ? "warning" : "note";
}

namespace detail {

// Shares above which a finding becomes a warning.
inline constexpr double kMuchRepeated = 0.1, kMuchEmpty = 0.1, kOneItemTooMuch = 0.25;
inline constexpr double kFewClicks = 5;

class Inspector {
 public:
  Inspector(const Dataset& data, const DatasetStatistics& numbers) : data_(data), numbers_(numbers) {}

  std::vector<Finding> run() {
    if (data_.train.empty()) error("train has no interactions", "check the .inter file and the rating threshold");
    inspect_targets("test", data_.test, data_.test_candidates);
    inspect_targets("zero", data_.zero, data_.zero_candidates);
    inspect_targets("valid", data_.valid, data_.valid_candidates);
    inspect_new_items();
    inspect_splits();
    inspect_clicks();
    for (const VectorSummary& vectors : numbers_.vectors) inspect_vectors(vectors);
    if (data_.item_vectors.empty())
      error("items have neither vectors nor texts: models with item texts, RecLM and content-kNN cannot run",
            "add item_text.npy, or text columns to the .item file");
    for (const auto* columns : {&numbers_.item_text, &numbers_.user_text})
      for (const TextSummary& column : *columns) inspect_texts(column);
    for (const std::string& notice : data_.notices) note(notice, "");
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
    return std::move(found_);
  }

 private:
  void add(Severity severity, std::string problem, std::string remedy) {
    found_.push_back({severity, std::move(problem), std::move(remedy)});
  }
  void note(std::string problem, std::string remedy) { add(Severity::note, std::move(problem), std::move(remedy)); }
  void warn(std::string problem, std::string remedy) { add(Severity::warning, std::move(problem), std::move(remedy)); }
  void error(std::string problem, std::string remedy) { add(Severity::error, std::move(problem), std::move(remedy)); }

  /// "12 of 300 (4.0%)".
  static std::string part(Index some, Index all) {
    char share[32];
    std::snprintf(share, sizeof share, " (%.1f%%)", 100 * fraction(some, all));
    return std::to_string(some) + " of " + std::to_string(all) + share;
  }
  static double fraction(Index some, Index all) {
    return all == 0 ? 0 : static_cast<double>(some) / static_cast<double>(all);
  }

  void inspect_targets(const std::string& split, const Interactions& targets, const std::vector<Id>& candidates) {
    Index known = 0, selected = 0, unranked = 0, strangers = 0;
    for (Id user = 0; user < targets.users(); ++user) {
      const auto items = targets.of(user);
      if (!items.empty() && data_.train.of(user).empty()) ++strangers;
      const bool validated = split != "valid" && user < data_.valid.users();
      for (const Id item : items) {
        known += data_.train.contains(user, item) ? 1 : 0;
        selected += validated && data_.valid.contains(user, item) ? 1 : 0;
        unranked += std::binary_search(candidates.begin(), candidates.end(), item) ? 0 : 1;
      }
    }
    if (known > 0)
      error(part(known, targets.size()) + " " + split +
                " targets are in train as well: rankings leave them out, so that "
                "they are never found",
            "remove them from one of the two files");
    if (selected > 0)
      error(part(selected, targets.size()) + " " + split +
                " targets are in valid as well: rankings that mask validation leave them out, and selection has seen "
                "them",
            "remove them from one of the two files");
    if (unranked > 0)
      error(part(unranked, targets.size()) + " " + split + " targets are no candidates, and never found",
            "add their items to the split's .candidates file");
    if (strangers > 0)
      warn(std::to_string(strangers) + " users have " + split +
               " targets and no train interactions: no model knows them",
           "leave them out, or give them profiles");
  }

  void inspect_new_items() {
    const std::vector<Index> train = data_.train.item_counts(), zero = data_.zero.item_counts();
    Index known = 0, items = 0;
    for (std::size_t item = 0; item < zero.size() && item < train.size(); ++item) {
      items += zero[item] > 0 ? 1 : 0;
      known += zero[item] > 0 && train[item] > 0 ? 1 : 0;
    }
    if (known > 0)
      error(part(known, items) + " items of the zero split occur in train: they are not unseen",
            "move their interactions to the test split, or out of train");
    const auto& candidates = data_.zero_candidates;
    const auto seen = std::count_if(candidates.begin(), candidates.end(), [&](Id candidate) {
      const auto item = static_cast<std::size_t>(candidate);
      return item < train.size() && train[item] > 0 && (item >= zero.size() || zero[item] == 0);
    });
    if (seen > 0)
      error(part(seen, static_cast<Index>(candidates.size())) +
                " zero candidates occur in train: unseen items would be ranked among seen ones",
            "take them out of the .zero.candidates file");
  }

  void inspect_splits() {
    if (data_.test.empty() && data_.zero.empty()) {
      warn("there is neither a test nor a zero split: nothing can be measured",
           "add .test.inter or .zero.inter, or let one NAME.inter be split");
      return;
    }
    if (data_.test.empty()) note("there is no test split: full-shot settings are left out", "");
    if (data_.zero.empty()) note("there is no zero split: zero-shot settings are left out", "");
    if (data_.valid.empty())
      note("there is no validation split: one is carved out of train when models are selected", "");
  }

  void inspect_clicks() {
    if (data_.train.empty()) return;
    const CountSummary& users = numbers_.per_user;
    if (users.median < kFewClicks)
      note("half of the users have at most " + std::to_string(static_cast<Index>(users.median)) +
               " train interactions: differences between models will be small against chance",
           "use several seeds, and look at the significance marks");
    if (users.none > 0) note(part(users.none, numbers_.users) + " users have no train interactions", "");
    const std::vector<Index> counts = data_.train.item_counts();
    const auto top = std::max_element(counts.begin(), counts.end());
    const auto item = static_cast<Id>(top - counts.begin());
    if (fraction(*top, data_.train.size()) > kOneItemTooMuch)
      warn("item " + (item < data_.items.size() ? std::string(data_.items.name(item)) : std::to_string(item)) +
               " has " + part(*top, data_.train.size()) + " train interactions",
           "look for a page that everybody passes, and leave it out");
  }

  void inspect_vectors(const VectorSummary& v) {
    if (v.not_finite > 0)
      error(v.name + ": " + part(v.not_finite, v.rows) + " rows hold NaN or infinite values", "write the file again");
    if (v.zero_rows > 0)
      warn(v.name + ": " + part(v.zero_rows, v.rows) + " rows are zero, and say nothing",
           "find out why these have no text; items alike in everything are ranked alike");
    if (v.repeated_rows > 0) {
      const std::string problem = v.name + ": " + part(v.repeated_rows, v.rows) + " rows equal an earlier one";
      if (fraction(v.repeated_rows, v.rows) > kMuchRepeated && v.name != "user_profiles")
        warn(problem, "check that the encoder saw each text");
      else
        note(problem, "");
    }
  }

  void inspect_texts(const TextSummary& column) {
    if (column.empty > 0) {
      const std::string problem = "column " + column.name + ": " + part(column.empty, column.rows) + " texts are empty";
      if (fraction(column.empty, column.rows) > kMuchEmpty)
        warn(problem, "fill them from another source; such rows have little to be recognised by");
      else
        note(problem, "");
    }
    // A column of categories repeats itself by nature.
    if (column.repeated > 0 && 2 * column.repeated < column.rows)
      note("column " + column.name + ": " + part(column.repeated, column.rows) + " texts equal an earlier one", "");
  }

  const Dataset& data_;
  const DatasetStatistics& numbers_;
  std::vector<Finding> found_;
};

}  // namespace detail

/// Looks a data set over: errors first, then warnings, then notes, the loader's among them. @param numbers what
/// `statistics` found in the same data. Cost: O(interactions · log(candidates)).
inline std::vector<Finding> findings(const Dataset& data, const DatasetStatistics& numbers) {
  return detail::Inspector(data, numbers).run();
}

}  // namespace reclm
