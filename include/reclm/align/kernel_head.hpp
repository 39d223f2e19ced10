#pragma once
/// @file kernel_head.hpp
/// Kernel ridge regression from profiles to a model's item vectors: the closed-form profile head of frozen models.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/align/detail/dense.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"

namespace reclm {

/// Profiles less their mean, rows of unit length or zero. What two profiles share beyond what all share.
class CentredProfiles {
 public:
  CentredProfiles() = default;
  /// @param rows [n, p]  @param known rows that the mean is taken over; not empty unless n is 0
  CentredProfiles(const Matrix<float>& rows, std::span<const Id> known) : mean_(static_cast<std::size_t>(rows.cols())) {
    std::vector<double> sum(mean_.size());
    for (const Id r : known) {
      const auto row = rows.row(r);
      for (std::size_t c = 0; c < row.size(); ++c) sum[c] += static_cast<double>(row[c]);
    }
    for (std::size_t c = 0; c < sum.size(); ++c)
      mean_[c] = static_cast<float>(sum[c] / static_cast<double>(std::max<std::size_t>(known.size(), 1)));
    rows_ = (*this)(rows);
  }
  explicit CentredProfiles(std::vector<float> mean) : mean_(std::move(mean)) {}

  /// Other profiles, treated the same way. @throws ShapeError on another width
  [[nodiscard]] Matrix<float> operator()(const Matrix<float>& rows) const {
    if (rows.cols() != static_cast<Index>(mean_.size()))
      throw ShapeError("profiles are " + std::to_string(rows.cols()) + " wide; the model was fitted on " +
                       std::to_string(mean_.size()));
    Matrix<float> result(rows.rows(), rows.cols());
    parallel_for(rows.rows(), 256, [&](Index r) {
      const auto from = rows.row(r);
      const auto to = result.row(r);
      double squares = 0;
      for (std::size_t c = 0; c < from.size(); ++c) {
        to[c] = from[c] - mean_[c];
        squares += static_cast<double>(to[c]) * to[c];
      }
      const double norm = std::sqrt(squares);
      constexpr double kNothing = 1e-6;  // what rounding leaves of a row that is the mean itself
      for (float& x : to) x = norm > kNothing ? static_cast<float>(x / norm) : 0.0f;
    });
    return result;
  }
  [[nodiscard]] const Matrix<float>& rows() const { return rows_; }
  [[nodiscard]] const std::vector<float>& mean() const { return mean_; }
  /// Takes row `r` for the mean of all: a profile that is not there.
  void forget(Index r) { std::fill(rows_.row(r).begin(), rows_.row(r).end(), 0.0f); }

 private:
  std::vector<float> mean_;
  Matrix<float> rows_;
};

/// k(x, y) of unit-length x and y: exp(−sharpness·(1 − ⟨x, y⟩)), or ⟨x, y⟩ where sharpness is 0 (a linear head).
struct ProfileKernel {
  double sharpness = 3;  ///< ≥ 0; half the inverse squared width of a Gaussian on the sphere

  /// [rows of a, rows of b]
  [[nodiscard]] Matrix<float> operator()(const Matrix<float>& a, const Matrix<float>& b) const {
    Matrix<float> k = detail::product(a, Op::none, b, Op::transpose);
    if (sharpness > 0) {
      const auto s = static_cast<float>(sharpness);
      parallel_for(k.rows(), 64, [&](Index r) {
        for (float& x : k.row(r)) x = std::exp(s * (x - 1));
      });
    }
    return k;
  }
};

/// The regression before its targets: K of the chosen rows with the landmarks. Exact while all rows are landmarks;
/// with more rows than `landmarks`, random ones stand for all (subset of regressors).
class KernelRidge {
 public:
  /// @param rows [n, p] as CentredProfiles makes them  @param landmarks at least 1  @throws ConfigError
  KernelRidge(Matrix<float> rows, ProfileKernel kernel, Index landmarks, std::uint64_t seed)
      : kernel_(kernel), rows_(rows.rows()) {
    if (landmarks < 1) throw ConfigError("KernelRidge: landmarks must be at least 1");
    if (!(kernel.sharpness >= 0)) throw ConfigError("KernelRidge: sharpness must be at least 0");
    exact_ = rows.rows() <= landmarks;
    landmarks_ = exact_ ? std::move(rows) : sample(rows, landmarks, seed);
    if (!exact_) all_ = std::move(rows);
    among_ = kernel_(landmarks_, landmarks_);
  }

  /// Weights [landmarks, d] that map a row's kernel values to its target.
  /// @param targets [n, d]  @param ridge > 0  @param most kernel values in memory at a time, 256 MB of them by default
  [[nodiscard]] Matrix<float> solve(const Matrix<float>& targets, double ridge, Index most = Index{1} << 26) const {
    if (!(ridge > 0)) throw ConfigError("KernelRidge: ridge must be above 0");
    if (targets.rows() != rows_) throw ShapeError("KernelRidge: as many targets as profiles are needed");
    const auto r = static_cast<float>(ridge);
    Matrix<float> system = among_;
    Matrix<float> right = targets;
    if (!exact_) {
      for (Index k = 0; k < system.size(); ++k) system.data()[k] *= r;
      right = Matrix<float>(system.rows(), targets.cols());
      const Index block = std::max<Index>(1, most / system.rows());
      for (Index begin = 0; begin < rows_; begin += block) {
        const Index count = std::min(block, rows_ - begin);
        const Matrix<float> k = kernel_(stretch(all_, begin, count), landmarks_);
        add(system, detail::product(k, Op::transpose, k, Op::none));
        add(right, detail::product(k, Op::transpose, stretch(targets, begin, count), Op::none));
      }
    }
    // Beyond the ridge itself the diagonal needs what rounding in float32 may take away: a linear kernel's squares have
    // few large eigenvalues, up to the trace, and zeros.
    float trace = 0;
    for (Index k = 0; k < system.rows(); ++k) trace += system(k, k);
    const float diagonal =
        exact_ ? r : std::max(1e-4f * static_cast<float>(rows_) / static_cast<float>(landmarks_.rows()), 5e-7f * trace);
    for (Index k = 0; k < system.rows(); ++k) system(k, k) += std::max(diagonal, 1e-3f);
    if (system.rows() > 0) detail::Cholesky(system, "KernelRidge").solve(right);
    return right;
  }

  [[nodiscard]] const Matrix<float>& landmarks() const { return landmarks_; }
  [[nodiscard]] ProfileKernel kernel() const { return kernel_; }

 private:
  static void add(Matrix<float>& to, const Matrix<float>& more) {
    for (Index k = 0; k < to.size(); ++k) to.data()[k] += more.data()[k];
  }
  static Matrix<float> stretch(const Matrix<float>& rows, Index begin, Index count) {
    const float* const first = rows.data() + begin * rows.cols();
    return Matrix<float>(count, rows.cols(), std::vector<float>(first, first + count * rows.cols()));
  }
  static Matrix<float> sample(const Matrix<float>& rows, Index count, std::uint64_t seed) {
    const Random random(seed, Stream::init, 0x6C616E64u);
    Matrix<float> some(count, rows.cols());
    for (Index k = 0; k < count; ++k) {  // one of each of as many equal stretches
      const Index first = k * rows.rows() / count, last = (k + 1) * rows.rows() / count;
      const auto from =
          rows.row(first + random.below(static_cast<std::uint64_t>(k), static_cast<std::uint32_t>(last - first)));
      std::copy(from.begin(), from.end(), some.row(k).begin());
    }
    return some;
  }

  ProfileKernel kernel_;
  Index rows_;
  bool exact_ = true;
  Matrix<float> landmarks_, among_, all_;  // all_: the rows, where not all are landmarks
};

/// A fitted head: profile [p] → target [d].
struct KernelHead {
  CentredProfiles centre;
  ProfileKernel kernel;
  Matrix<float> landmarks;  ///< [landmarks, p]
  Matrix<float> weights;    ///< [landmarks, d]
  std::vector<float> base;  ///< [d], what is added to every row: the mean of the targets; empty: zeros

  /// @param profiles [n, p], raw  @returns [n, d]
  [[nodiscard]] Matrix<float> operator()(const Matrix<float>& profiles) const { return centred(centre(profiles)); }
  /// The same for rows that are centred already. Blocks bound the memory to 4·1024·landmarks bytes.
  [[nodiscard]] Matrix<float> centred(const Matrix<float>& rows) const {
    constexpr Index kBlock = 1024;
    Matrix<float> result(rows.rows(), weights.cols());
    for (Index begin = 0; begin < rows.rows(); begin += kBlock) {
      const Index count = std::min(kBlock, rows.rows() - begin);
      Matrix<float> block(count, rows.cols());
      std::copy_n(rows.data() + begin * rows.cols(), block.size(), block.data());
      const Matrix<float> part = detail::product(kernel(block, landmarks), weights);
      std::copy_n(part.data(), part.size(), result.data() + begin * result.cols());
    }
    for (Index r = 0; r < result.rows() && !base.empty(); ++r)
      for (Index c = 0; c < result.cols(); ++c) result(r, c) += base[static_cast<std::size_t>(c)];
    return result;
  }
};

}  // namespace reclm
