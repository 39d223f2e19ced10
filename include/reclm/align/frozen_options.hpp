#pragma once
/// @file frozen_options.hpp
/// What can be asked of the adapter of frozen models, what it chose, and what it saw.

#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "reclm/align/ease.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/observer.hpp"

namespace reclm {

/// Which parts may be used. What is on is used only as far as validation shows a gain.
struct FrozenOptions {
  /// The one knob of the joint ranking of seen and unseen items, in [0, 1]: so much of the model's own warm Recall must
  /// remain on validation; of users whom validation knows nothing of, so much of the enhanced ranking's, since their
  /// gain has not been seen and must not be spent. It must remain by a standard error. Within that, unseen items are
  /// ranked as high as makes H, the harmonic mean of warm and cold Recall, largest, but no higher than what is within a
  /// standard error of the largest H. 0.99: warm items give up next to nothing on validation, and elsewhere as far as
  /// validation lies as those clicks do: the latest ones (`CarveOptions::by_time`) where what is asked is later in
  /// time. 0: the best H.
  double warm_floor = 0.99;
  bool residual = true;           ///< an item-to-item learner (Ease) beside the model
  bool smoothing = true;          ///< profiles correct the scores of seen items
  Index rank = 512;               ///< columns that stand for a scorer's scores, and for the residual; at least 1
  Index landmarks = 4096;         ///< profiles that the kernel head compares with; exact below
  Index residual_items = 6000;    ///< see EaseOptions::items
  Index validation_users = 2048;  ///< choices are made on at most so many users with validation targets
  double pseudo_cold = 0;  ///< share of the seen items that play unseen ones on validation, at most 1/3; 0: as large as
                           ///< the share of unseen items is, from 0.2 up
  Index cutoff = 20;       ///< K of the Recall@K that decides
  std::uint64_t seed = 1;
  Observer observer{};  ///< told after each stage; stopping raises `FitStopped`
};

/// The observer stopped a fit; the adapter is as it was before.
class FitStopped : public Error {
 public:
  using Error::Error;
};

/// Everything that was chosen: with it, a fit on other interactions (train and validation together) needs no
/// validation.
///
/// T(u, i) = (1 − residual)·s/σ_s + residual·h/σ_h: s the model's score, h the residual's, each in units of its mean
/// deviation within a user. P: the same of the two's profile heads. Seen items score (1 − smoothing)·T + smoothing·P,
/// unseen ones cold_gain·(P − c_u) + w_u + cold_offset·σ_u, where w_u and c_u are what the best hundredth of the user's
/// seen and unseen items reaches, and σ_u deviates the user's seen items' scores.
struct FrozenChoice {
  EaseOptions ease{};
  double residual = 0;       ///< in [0, 1]
  Index min_history = 0;     ///< users with fewer clicks get nothing from the residual
  double sharpness = 3;      ///< of ProfileKernel
  double ridge = 2;          ///< of KernelRidge
  double cold_residual = 0;  ///< the residual's share in P, in [0, 1]
  double smoothing = 0;      ///< in [0, 1)
  double cold_gain = 1.5;    ///< > 0
  double cold_offset = -1;   ///< −∞: unseen items behind all seen ones; −1 left 99% of warm Recall on MovieLens
};

/// What is wrong with a choice, for one that comes from elsewhere; nullptr: nothing.
inline const char* flaw_of(const FrozenChoice& c) {
  const auto within = [](double x, double low, double high) { return x >= low && x <= high; };
  constexpr double kMost = std::numeric_limits<double>::max();
  if (!within(c.residual, 0, 1) || !within(c.cold_residual, 0, 1))
    return "residual and cold_residual must lie in [0, 1]";
  if (!(c.smoothing >= 0 && c.smoothing < 1)) return "smoothing must lie in [0, 1)";
  if (c.min_history < 0) return "min_history must be at least 0";
  if (!within(c.sharpness, 0, kMost)) return "sharpness must be finite, at least 0";
  if (!(c.ridge > 0 && c.ridge <= kMost) || !(c.cold_gain > 0 && c.cold_gain <= kMost))
    return "ridge and cold_gain must be finite, above 0";
  if (!(c.cold_offset <= kMost)) return "cold_offset must be finite, or minus infinity";
  if (!(c.ease.ridge > 0 && c.ease.ridge <= kMost) || !within(c.ease.content, 0, kMost) || c.ease.items < 1)
    return "ease needs a ridge and items above 0, content at least 0";
  return nullptr;
}

/// One place on the way from "unseen items last" to "unseen items first".
struct CalibrationPoint {
  double offset = 0, warm = 0, cold = 0;  ///< cold_offset, and Recall@K of warm and of cold targets in one ranking
  double h = 0;                           ///< harmonic mean of the two
  double error = 0;                       ///< standard error of h over users
  double warm_error = 0;                  ///< of what warm Recall loses or gains against the model alone
};

/// What a fit saw on validation; figures are NaN where it measured none.
struct FitReport {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  Index validation_users = 0;  ///< with a target: a click on a seen item that train does not hold
  double model_alone = kNone;  ///< full-shot Recall@K of the model
  double enhanced = kNone;     ///< the same with the adapter; never below `model_alone`
  double zero_shot = kNone;    ///< Recall@K of pseudo-cold targets among pseudo-cold items
  double warm_alone = kNone;   ///< warm Recall@K of the model in the joint ranking, unseen items last
  FrozenChoice choice;
  double warm_enhanced = kNone;           ///< the same of the adapter
  double coverage = kNone;                ///< share of train's users who have clicks in validation, in [0, 1]
  std::vector<CalibrationPoint> curve{};  ///< ascending offsets, for `choice.cold_gain`
  std::map<double, std::vector<CalibrationPoint>> curves{};  ///< the same for every gain that was tried
};

}  // namespace reclm
