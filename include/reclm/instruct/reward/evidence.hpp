#pragma once
/// @file evidence.hpp
/// What speaks for a profile in the history that it is about: numbers that name no topic, so that their weights,
/// learned on one data set, hold on another.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/instruct/grammar.hpp"

namespace reclm::instruct {

/// What a reward model hears, all for a profile the larger it is.
enum class Evidence {
  text,      ///< the score of the sequence scorer, which reads question and answer
  whole,     ///< the answer is one profile and nothing else: 1 or 0
  distinct,  ///< different entries over all entries
  lift,      ///< how far the interests stand out in the history, see LiftScale
  kinship,   ///< the same of the identities
  reach,     ///< how far an item of the history is met by the interest that fits it best
};
inline constexpr std::size_t kEvidence = 6;

constexpr std::string_view name_of(Evidence evidence) {
  constexpr std::array<std::string_view, kEvidence> names{"text", "whole", "distinct", "lift", "kinship", "reach"};
  return names[static_cast<std::size_t>(evidence)];
}

using EvidenceValues = std::array<double, kEvidence>;

/// The lift of a phrase that nothing vouches for, and of one that is missing.
inline constexpr double kUnknownLift = -1;

/// Cosines of phrases with items, counted in standard deviations over all items of a data set: a phrase that fits every
/// item says nothing of one person, and a rare one that fits a few of theirs says much.
class LiftScale {
 public:
  LiftScale() = default;
  /// @param items [n, d] vectors of all items  Cost: O(n · d²)
  explicit LiftScale(const Matrix<float>& items)
      : mean_(static_cast<std::size_t>(items.cols()), 0), spread_(items.cols(), items.cols()) {
    const Index n = items.rows(), d = items.cols();
    if (n == 0) return;
    for (Index i = 0; i < n; ++i)
      for (Index c = 0; c < d; ++c) mean_[static_cast<std::size_t>(c)] += static_cast<double>(items(i, c));
    for (double& x : mean_) x /= static_cast<double>(n);
    std::vector<double> away(static_cast<std::size_t>(d));
    for (Index i = 0; i < n; ++i) {
      for (Index c = 0; c < d; ++c)
        away[static_cast<std::size_t>(c)] = static_cast<double>(items(i, c)) - mean_[static_cast<std::size_t>(c)];
      for (Index r = 0; r < d; ++r)
        for (Index c = 0; c < d; ++c)
          spread_(r, c) += away[static_cast<std::size_t>(r)] * away[static_cast<std::size_t>(c)];
    }
    for (Index k = 0; k < spread_.size(); ++k) spread_.data()[k] /= static_cast<double>(n);
  }

  /// [phrases, items of `history`]. @param known of each phrase, whether the data set has all its words: what nothing
  /// vouches for must not pay, and vectors of word parts would let it: such a phrase has kUnknownLift everywhere
  /// @throws ShapeError unless all vectors have one width
  [[nodiscard]] Matrix<double> operator()(const Matrix<float>& phrases, std::span<const std::uint8_t> known,
                                          const Matrix<float>& history) const {
    const Index d = phrases.cols();
    if (static_cast<Index>(known.size()) != phrases.rows() ||
        (phrases.rows() > 0 && (d != spread_.cols() || (history.rows() > 0 && history.cols() != d))))
      throw ShapeError("LiftScale: vectors of different widths, or not a mark for each phrase");
    Matrix<double> result(phrases.rows(), history.rows());
    for (Index p = 0; p < phrases.rows(); ++p) {
      double usual = 0, variance = 0;
      for (Index r = 0; r < d; ++r) {
        const auto x = static_cast<double>(phrases(p, r));
        usual += x * mean_[static_cast<std::size_t>(r)];
        double row = 0;
        for (Index c = 0; c < d; ++c) row += spread_(r, c) * static_cast<double>(phrases(p, c));
        variance += x * row;
      }
      const bool said = known[static_cast<std::size_t>(p)] != 0 && variance > 1e-9;
      const double deviation = std::sqrt(std::max(variance, 1e-9));
      for (Index i = 0; i < history.rows(); ++i) {
        double dot = 0;
        for (Index c = 0; c < d; ++c) dot += static_cast<double>(phrases(p, c)) * static_cast<double>(history(i, c));
        result(p, i) = said ? (dot - usual) / deviation : kUnknownLift;
      }
    }
    return result;
  }

 private:
  std::vector<double> mean_;
  Matrix<double> spread_;
};

/// Mean over the entries of their mean lift over the history's items. Where entries are fewer than `wanted`, those that
/// are missing have kUnknownLift, so that neither naming one sure thing alone nor saying it several times pays. 0
/// without a history.
inline double mean_lift(const Matrix<double>& lifts, Index wanted) {
  if (lifts.cols() == 0) return 0;
  double total = 0;
  for (Index k = 0; k < lifts.size(); ++k) total += lifts.data()[k];
  const Index all = std::max({wanted, lifts.rows(), Index{1}});
  return (total / static_cast<double>(lifts.cols()) + kUnknownLift * static_cast<double>(all - lifts.rows())) /
         static_cast<double>(all);
}

/// Mean over the history's items of the largest lift of an entry, within 0 … 4; 0 without either.
inline double mean_reach(const Matrix<double>& lifts) {
  double total = 0;
  for (Index i = 0; i < lifts.cols(); ++i) {
    double best = 0;
    for (Index p = 0; p < lifts.rows(); ++p) best = std::max(best, lifts(p, i));
    total += std::min(best, 4.0);
  }
  return lifts.cols() == 0 ? 0 : total / static_cast<double>(lifts.cols());
}

/// How an answer is written; nothing of it counts where it does not follow the grammar to the letter. Blanks around it
/// are the chat template's: behind Llama 2's and Mistral's every answer begins with one.
struct AnswerForm {
  bool whole = false;
  double distinct = 0;  ///< different entries over all entries, identities and interests
};

inline AnswerForm form_of(std::string_view text) {
  AnswerForm form;
  if (text.ends_with(kCutOff)) return form;
  const auto exact = detail::exact_profile(detail::trimmed(text));
  if (!exact) return form;
  form.whole = true;
  std::size_t all = 0, different = 0;
  for (const auto* entries : {&exact->identities, &exact->interests}) {
    std::vector<std::string> low;
    for (const std::string& entry : *entries) low.push_back(detail::lowered(entry));
    std::sort(low.begin(), low.end());
    all += low.size();
    different += static_cast<std::size_t>(std::unique(low.begin(), low.end()) - low.begin());
  }
  form.distinct = all == 0 ? 0 : static_cast<double>(different) / static_cast<double>(all);
  return form;
}

/// A weight for each kind of evidence. As given: the scorer alone.
using EvidenceWeights = std::array<double, kEvidence>;
inline constexpr EvidenceWeights kScorerAlone{1, 0, 0, 0, 0, 0};

}  // namespace reclm::instruct
