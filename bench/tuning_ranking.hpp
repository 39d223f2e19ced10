#pragma once
// What a recommender makes of profiles in tuning_study: unseen items ranked by cosines. Nothing is learned from clicks.
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "reclm/align/kernel_head.hpp"
#include "reclm/data/text_encoder.hpp"
#include "reclm/eval/protocol.hpp"
#include "reclm/model/baselines.hpp"
#include "reclm/model/pair_model.hpp"

namespace tuning_study {

using namespace reclm;

/// Zero-shot Recall@20 of each of some users that has unseen targets.
class UnseenItems {
 public:
  using Recall = std::vector<float>;

  /// @param data       must outlive the object
  /// @param raw        the items' texts  @param described vectors of their texts and profiles
  UnseenItems(const Dataset& data, std::vector<Id> users, const std::vector<std::string>& raw,
              const Matrix<float>& described)
      : data_(data),
        users_(std::move(users)),
        items_(CentredProfiles(described, items_of(data.train)).rows()),
        texts_(data.train, encode_text(raw)),
        history_(unit_rows(texts_.user_factors())),
        described_(data.train, described) {}

  /// By the cosine with a profile. @param vectors of items' width; those of the users lie from row `first` on
  [[nodiscard]] Recall by_profiles(const Matrix<float>& vectors, Index first) const {
    return measured(of_users(vectors, first), Matrix<float>(items_));
  }
  /// By that cosine and the one of the history's texts with the item's text, added.
  [[nodiscard]] Recall beside_history(const Matrix<float>& vectors, Index first) const {
    return measured(side_by_side(history_, unit_rows(of_users(vectors, first))),
                    side_by_side(texts_.item_factors(), items_));
  }
  /// By the second cosine alone.
  [[nodiscard]] Recall by_history() const { return measured(texts_.user_factors(), texts_.item_factors()); }
  /// The same where items are told of by their profiles, too.
  [[nodiscard]] Recall by_described_history() const {
    return measured(described_.user_factors(), described_.item_factors());
  }
  [[nodiscard]] Recall by_chance(std::uint64_t seed) const {
    Matrix<float> noise(data_.train.users(), items_.cols());
    const Random random(seed, Stream::evaluation, 0x6e6f6973u);
    for (Index k = 0; k < noise.size(); ++k) noise.data()[k] = random.uniform(static_cast<std::uint64_t>(k)) - 0.5f;
    return measured(std::move(noise), Matrix<float>(items_));
  }

 private:
  static Matrix<float> unit_rows(Matrix<float> rows) {
    for (Index r = 0; r < rows.rows(); ++r) {
      float squares = 0;
      for (const float x : rows.row(r)) squares += x * x;
      if (squares > 0)
        for (float& x : rows.row(r)) x /= std::sqrt(squares);
    }
    return rows;
  }
  static Matrix<float> side_by_side(const Matrix<float>& a, const Matrix<float>& b) {
    Matrix<float> both(a.rows(), a.cols() + b.cols());
    for (Index r = 0; r < a.rows(); ++r) {
      std::ranges::copy(a.row(r), both.row(r).begin());
      std::ranges::copy(b.row(r), both.row(r).begin() + a.cols());
    }
    return both;
  }
  [[nodiscard]] Matrix<float> of_users(const Matrix<float>& vectors, Index first) const {
    Matrix<float> all(data_.train.users(), vectors.cols());
    for (std::size_t k = 0; k < users_.size(); ++k)
      std::ranges::copy(vectors.row(first + static_cast<Index>(k)), all.row(users_[k]).begin());
    return all;
  }

  [[nodiscard]] Recall measured(Matrix<float> users, Matrix<float> items) const {
    EvalOptions how;
    how.metrics = {.kinds = {MetricKind::recall}, .cutoffs = {20}};
    how.catalogue = false;
    const SettingResult result =
        evaluate(data_, Setting::zero_shot, PairModel(std::move(users), std::move(items)), how);
    const MetricResult& recall = *result.find("recall@20");
    std::vector<std::uint8_t> asked(static_cast<std::size_t>(data_.train.users()), 0);
    for (const Id user : users_) asked[static_cast<std::size_t>(user)] = 1;
    Recall theirs;
    for (std::size_t k = 0; k < recall.per_user.size(); ++k)
      if (asked[static_cast<std::size_t>((*recall.users)[k])]) theirs.push_back(recall.per_user[k]);
    return theirs;
  }

  const Dataset& data_;
  std::vector<Id> users_;
  Matrix<float> items_;
  ContentKnn texts_;
  Matrix<float> history_;
  ContentKnn described_;
};

}  // namespace tuning_study
