#pragma once
// Models and rules by the words of the command line.

#include <algorithm>
#include <cctype>
#include <string>

#include "reclm/core/error.hpp"
#include "reclm/eval/study_options.hpp"

namespace reclm::cli {

/// "base", "id", "reclm", "rlmrec-con", …, in any case; `placebo` where that is allowed. @throws ConfigError
inline ModelSpec parse_adapter(const std::string& option, std::string name, bool placebo_allowed) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  if (name == "placebo" && placebo_allowed) return {.adapter = AdapterKind::reclm, .placebo = true};
  std::string known;
  for (const AdapterKind kind : kAdapters) {
    std::string own(adapter_name(kind));
    std::transform(own.begin(), own.end(), own.begin(), [](unsigned char c) { return std::tolower(c); });
    if (name == own) return {.adapter = kind};
    known += (known.empty() ? "" : ", ") + own;
  }
  throw ConfigError(option + ": there is no adapter \"" + name + "\". Remedy: choose from " + known +
                    (placebo_allowed ? ", placebo" : ""));
}

inline SelectionRule parse_selection(const std::string& name) {
  return name == "last"           ? SelectionRule::last
         : name == "best-on-test" ? SelectionRule::best_on_test
                                  : SelectionRule::validation;
}

}  // namespace reclm::cli
