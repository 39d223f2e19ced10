#pragma once
/// @file training_state.hpp
/// Where a training stands between two steps, and that as texts by name for a checkpoint's metadata.

#include <array>
#include <charconv>
#include <cstddef>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "reclm/model/train_options.hpp"

namespace reclm {

/// What a training depends on, by name: kept in its checkpoint and compared when it is resumed.
using TrainingSettings = std::map<std::string, std::string>;

/// Where a training stands between two steps.
struct TrainingState {
  int epoch = 0;    ///< from 0
  Index batch = 0;  ///< batches of this epoch that are done
  Index steps = 0;
  double loss_sum = 0;  ///< of this epoch's steps
  int evaluations_since_best = 0;
  bool finished = false;
  TrainReport report{};
};

namespace detail {

/// The shortest text that reads back as the same number.
template <class Number>
std::string exact_text(Number x) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), x).ptr};
}

/// Reads a number from the front of `text` and takes it off there, with the blank or line end behind it.
/// @throws std::invalid_argument when there is none
template <class Number>
Number take_number(std::string_view& text) {
  Number x{};
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), x);
  const auto length = static_cast<std::size_t>(stop - text.data());
  const bool ends = length == text.size() || text[length] == ' ' || text[length] == '\n';
  if (failure != std::errc{} || !ends) throw std::invalid_argument("\"" + std::string(text) + "\" is no number");
  text.remove_prefix(length == text.size() ? length : length + 1);
  return x;
}

/// Lets `field(name, number)` see every number of a state but the history: one list for writing and reading.
template <class State, class Field>
void each_field(State& s, const Field& field) {
  field("epoch", s.epoch);
  field("batch", s.batch);
  field("steps", s.steps);
  field("loss_sum", s.loss_sum);
  field("evaluations_since_best", s.evaluations_since_best);
  field("best_epoch", s.report.best_epoch);
  field("best_metric", s.report.best_metric);
}

/// The state's metadata, under names that begin with "state.".
inline std::map<std::string, std::string> state_to_texts(const TrainingState& s) {
  std::map<std::string, std::string> texts;
  each_field(s, [&](const char* name, auto x) { texts[std::string("state.") + name] = exact_text(x); });
  texts["state.finished"] = s.finished ? "1" : "0";
  texts["state.stopped_early"] = s.report.stopped_early ? "1" : "0";
  std::string& history = texts["state.history"];
  for (const EpochRecord& e : s.report.history)
    history += exact_text(e.epoch) + " " + exact_text(e.loss) + " " + exact_text(e.metric) + "\n";
  return texts;
}

/// @throws std::out_of_range when something is missing or a count is out of range,
/// std::invalid_argument when it cannot be read
inline TrainingState state_from_texts(const std::map<std::string, std::string>& texts) {
  const auto at = [&](const std::string& name) -> std::string_view {
    const auto found = texts.find("state." + name);
    if (found == texts.end()) throw std::out_of_range("there is no \"state." + name + "\"");
    return found->second;
  };
  TrainingState s;
  each_field(s, [&](const char* name, auto& x) {
    std::string_view text = at(name);
    using Number = std::remove_reference_t<decltype(x)>;
    x = take_number<Number>(text);
    // The optimizer counts steps in 32 bits, and keeps a table of them.
    if constexpr (std::is_integral_v<Number>)
      if (x < 0 || static_cast<Index>(x) > std::numeric_limits<int>::max())
        throw std::out_of_range("\"state." + std::string(name) + "\" is " + std::to_string(x));
  });
  s.finished = at("finished") == "1";
  s.report.stopped_early = at("stopped_early") == "1";
  for (std::string_view history = at("history"); !history.empty();) {
    EpochRecord e;
    e.epoch = take_number<int>(history);
    e.loss = take_number<double>(history);
    e.metric = take_number<double>(history);
    s.report.history.push_back(e);
  }
  s.report.steps = s.steps;
  return s;
}

}  // namespace detail
}  // namespace reclm
