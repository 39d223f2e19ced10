#pragma once
// The models and closed forms of plugin_study that it makes itself.
#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Dense>

#include "reclm/adapt.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/eval/protocol.hpp"
#include "reclm/eval/study.hpp"
#include "reclm/model/trainer.hpp"

namespace plugin_study {

using namespace reclm;

/// Alternating least squares for clicks (Hu, Koren, Volinsky, ICDM 2008): confidence 1 + alpha of a click.
inline PairModel ials(const Interactions& train, std::uint64_t seed) {
  static constexpr Index kWidth = 64, kRounds = 10;
  static constexpr float kAlpha = 10, kRidge = 10;
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Random random(seed, Stream::init, 0x69616C73u);
  Matrix<float> users(train.users(), kWidth), items(train.items(), kWidth);
  for (Index k = 0; k < items.size(); ++k)
    items.data()[k] = 0.2f * (random.uniform(static_cast<std::uint64_t>(k)) - 0.5f);
  const auto solve = [](const Interactions& clicks, const Matrix<float>& fixed, Matrix<float>& solved) {
    const Eigen::Map<const Rows> v(fixed.data(), fixed.rows(), fixed.cols());
    Eigen::MatrixXf all = v.transpose() * v;
    all.diagonal().array() += kRidge;
    parallel_for(clicks.users(), 16, [&](Index row) {
      Eigen::MatrixXf left = all;
      Eigen::VectorXf right = Eigen::VectorXf::Zero(kWidth);
      for (const Id other : clicks.of(static_cast<Id>(row))) {
        const Eigen::VectorXf x = v.row(other);
        left.selfadjointView<Eigen::Lower>().rankUpdate(x, kAlpha);
        right += (1 + kAlpha) * x;
      }
      Eigen::Map<Eigen::VectorXf>(solved.row(row).data(), kWidth) =
          left.selfadjointView<Eigen::Lower>().llt().solve(right);
    });
  };
  const Interactions back = train.transposed();
  for (Index round = 0; round < kRounds; ++round) {
    solve(train, items, users);
    solve(back, users, items);
  }
  return {std::move(users), std::move(items)};
}

/// Ridge regression from profiles to the rows of `targets`, which belong to `items`; all items' rows from it.
inline Matrix<float> ridge_rows(const Matrix<float>& profiles, const std::vector<Id>& items,
                                const Matrix<float>& targets, double ridge) {
  const CentredProfiles centred(profiles, items);
  const KernelRidge regression(detail::rows_of(centred.rows(), items), {.sharpness = 0}, 1 << 20, 1);
  const KernelHead head{centred, regression.kernel(), regression.landmarks(), regression.solve(targets, ridge), {}};
  return head.centred(centred.rows());
}

/// EASE's scores as ridge regression from text sees them; with `warm`, items of train keep EASE's own.
class RidgeOfEase {
 public:
  RidgeOfEase(const Interactions& train, const Matrix<float>& profiles, double ridge, bool warm)
      : ease_(train), train_(&train), warm_(warm) {
    Matrix<float> columns(ease_.weights().cols(), ease_.weights().rows());
    for (Index r = 0; r < columns.rows(); ++r)
      for (Index c = 0; c < columns.cols(); ++c) columns(r, c) = ease_.weights()(c, r);
    rows_ = ridge_rows(profiles, ease_.kept(), columns, ridge);
    place_.assign(static_cast<std::size_t>(train.items()), -1);
    for (std::size_t k = 0; k < ease_.kept().size(); ++k)
      place_[static_cast<std::size_t>(ease_.kept()[k])] = static_cast<Index>(k);
  }
  [[nodiscard]] Id users() const { return train_->users(); }
  [[nodiscard]] Id items() const { return train_->items(); }
  void score(Id user, std::span<const Id> items, std::span<float> out) const {
    if (warm_) ease_.score(user, items, out);
    for (std::size_t k = 0; k < items.size(); ++k) {
      if (warm_ && place_[static_cast<std::size_t>(items[k])] >= 0) continue;
      out[k] = 0;
      for (const Id clicked : train_->of(user))
        if (const Index place = place_[static_cast<std::size_t>(clicked)]; place >= 0) out[k] += rows_(items[k], place);
    }
  }

 private:
  Ease ease_;
  const Interactions* train_;
  bool warm_;
  Matrix<float> rows_;
  std::vector<Index> place_;
};

/// A model whose training stops where validation says so.
struct EpochTrained {
  PairModel model;
  int epochs = 0;  ///< of training
};

/// How such models are trained here: with `epochs`, for so many and without validation; with 0, for as many as are best
/// on `data.valid`.
inline const TrainOptions kEpochTraining{.epochs = 100, .learning_rate = 5e-3, .evaluate_every = 1, .patience = 10};

/// Recall@20 on the validation split: what epochs are chosen by.
template <Ranker R>
double validation_recall(const Dataset& data, const R& ranking) {
  EvalOptions options;
  options.catalogue = false;
  return evaluate(data, Setting::validation, ranking, options).mean("recall@20");
}

/// A backbone with ID tables: it knows clicks and nothing else.
inline EpochTrained train_backbone(BackboneKind kind, const Dataset& data, std::uint64_t seed, int epochs) {
  const auto model = make_model({kind, AdapterKind::id}, data, 32, seed);
  TrainOptions training = kEpochTraining;
  training.seed = seed;
  training.l2 = default_l2(kind);
  if (epochs > 0) {
    training.epochs = epochs;
    training.selection = Selection::last;
    train(*model, data.train, training);
    return {model->ranking(), epochs};
  }
  const TrainReport report = train<Cpu, float>(*model, data.train, training, [&](JointModel<>& trained, int) {
    return validation_recall(data, trained.ranking());
  });
  return {model->ranking(), report.best_epoch};
}

}  // namespace plugin_study
