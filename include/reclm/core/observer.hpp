#pragma once
/// @file observer.hpp
/// How long work tells the outside where it stands, and how the outside stops it.

#include <functional>
#include <span>
#include <string_view>

#include "reclm/core/config.hpp"

namespace reclm {

/// One named figure of a report.
struct Metric {
  std::string_view name;
  double value = 0;
};

/// Where a piece of long work stands.
struct Progress {
  std::string_view stage;             ///< e.g. "train LightGCN", "read train.inter"
  Index step = 0;                     ///< steps finished
  Index total = 0;                    ///< steps in all; 0 when unknown
  double loss = 0;                    ///< latest loss; 0 where the stage has none
  std::span<const Metric> metrics{};  ///< anything else worth showing
};

/// Called after each step; returning false stops the work cleanly after that step. An empty observer never stops.
using Observer = std::function<bool(const Progress&)>;

/// True when work should go on.
inline bool notify(const Observer& observer, const Progress& progress) { return !observer || observer(progress); }

}  // namespace reclm
