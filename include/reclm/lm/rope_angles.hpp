#pragma once
/// @file rope_angles.hpp
/// The angles of rotary positions (Su et al., 2021) and how models stretch them beyond the context they were trained
/// on: linear (Chen et al., 2023), dynamic NTK, Llama 3's, YaRN (Peng et al., 2023). Formulas and float32 roundings are
/// those of Hugging Face transformers.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "reclm/lm/model_config.hpp"

namespace reclm::lm {

class RopeAngles {
 public:
  RopeAngles() = default;
  explicit RopeAngles(const ModelConfig& config) : config_(config), frequencies_(computed(0)) {
    const RopeScaling& scaling = config.rope_scaling;
    if (scaling.kind == RopeScaling::Kind::yarn)
      magnitude_ = scaling.attention_factor != 0 ? scaling.attention_factor
                   : scaling.factor > 1          ? 0.1 * std::log(scaling.factor) + 1
                                                 : 1;
  }

  /// Turns a position per step, half a head of them, in a sequence that has `length` positions with the tokens of the
  /// call. (The length matters to dynamic scaling alone.)
  [[nodiscard]] std::vector<float> frequencies(Index length) const {
    return depend_on(length) ? computed(length) : frequencies_;
  }
  /// Whether they are other ones than a shorter sequence's.
  [[nodiscard]] bool depend_on(Index length) const {
    return config_.rope_scaling.kind == RopeScaling::Kind::dynamic && length > original_context();
  }

  /// Writes the cosines and sines of a position.
  void write(Index position, const std::vector<float>& frequencies, float* cosines, float* sines) const {
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
      const float angle = static_cast<float>(position) * frequencies[i];
      cosines[i] = static_cast<float>(std::cos(static_cast<double>(angle)) * magnitude_);
      sines[i] = static_cast<float>(std::sin(static_cast<double>(angle)) * magnitude_);
    }
  }

 private:
  [[nodiscard]] Index original_context() const {
    return config_.rope_scaling.original_context > 0 ? config_.rope_scaling.original_context : config_.context;
  }

  [[nodiscard]] std::vector<float> computed(Index length) const {
    using Kind = RopeScaling::Kind;
    const RopeScaling& scaling = config_.rope_scaling;
    const auto width = static_cast<double>(config_.head_width);
    const auto original = static_cast<double>(original_context());
    double base = config_.rope_theta;
    if (scaling.kind == Kind::dynamic && static_cast<double>(length) > original)
      base *=
          std::pow(scaling.factor * static_cast<double>(length) / original - (scaling.factor - 1), width / (width - 2));
    // The frequencies between which YaRN fades from interpolation to none, as places in a head.
    const auto place = [&](double rotations) {
      return width * std::log(original / (rotations * 2 * std::numbers::pi)) / (2 * std::log(base));
    };
    double low = 0, high = 0;
    if (scaling.kind == Kind::yarn) {
      low = std::max(std::floor(place(scaling.beta_fast)), 0.0);
      high = std::min(std::ceil(place(scaling.beta_slow)), width - 1);
      if (low == high) high += 0.001;
    }
    std::vector<float> result;
    for (Index i = 0; 2 * i < config_.head_width; ++i) {
      double frequency = 1 / std::pow(base, 2 * static_cast<double>(i) / width);
      if (scaling.kind == Kind::linear) frequency /= scaling.factor;
      if (scaling.kind == Kind::llama3) {
        const double turns = original * frequency / (2 * std::numbers::pi);  // within the original context
        const double keep = std::clamp(
            (turns - scaling.low_frequency_factor) / (scaling.high_frequency_factor - scaling.low_frequency_factor),
            0.0, 1.0);
        frequency = (1 - keep) * frequency / scaling.factor + keep * frequency;
      }
      if (scaling.kind == Kind::yarn) {
        const double stretch = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
        frequency = frequency / scaling.factor * stretch + frequency * (1 - stretch);
      }
      result.push_back(static_cast<float>(frequency));
    }
    return result;
  }

  ModelConfig config_;
  std::vector<float> frequencies_;
  double magnitude_ = 1;
};

}  // namespace reclm::lm
