#pragma once
/// @file initialization.hpp
/// Start values of parameters. A value is a function of (seed, parameter's name, position), so adding a parameter
/// changes no other.

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "reclm/core/matrix.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/tensor/parameter.hpp"

namespace reclm {

/// Makes parameters of a model from one seed.
class Initializer {
 public:
  explicit Initializer(std::uint64_t seed) : seed_(seed) {}

  [[nodiscard]] std::uint64_t seed() const { return seed_; }

  /// Uniform in ±sqrt(6 / (rows + cols)) (Glorot and Bengio, AISTATS 2010, eq. 16).
  template <class B, class T>
  [[nodiscard]] Parameter<B, T> xavier_uniform(std::string name, Index rows, Index cols) const {
    const double bound = std::sqrt(6.0 / static_cast<double>(rows + cols));
    return uniform<B, T>(std::move(name), rows, cols, -bound, bound);
  }

  /// Uniform in [low, high).
  template <class B, class T>
  [[nodiscard]] Parameter<B, T> uniform(std::string name, Index rows, Index cols, double low, double high) const {
    const Random random(seed_, Stream::init, address(name));
    Matrix<T> values(rows, cols);
    for (Index k = 0; k < values.size(); ++k)
      values.data()[k] =
          static_cast<T>(low + (high - low) * static_cast<double>(random.uniform(static_cast<std::uint64_t>(k))));
    return {std::move(name), Tensor<B, T>::from_host(values)};
  }

  template <class B, class T>
  [[nodiscard]] Parameter<B, T> zeros(std::string name, Index rows, Index cols) const {
    return {std::move(name), Tensor<B, T>::zeros(rows, cols)};
  }

 private:
  // FNV-1a.
  static std::uint32_t address(std::string_view name) {
    std::uint32_t hash = 2166136261u;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return hash;
  }

  std::uint64_t seed_;
};

}  // namespace reclm
