#pragma once
// A model as many people have one: two matrices, and a training loop of its own.
#include <cmath>
#include <random>

#include <Eigen/Core>

#include "reclm/data/interactions.hpp"

/// All that reclm asks of it: to show its factors. No base class, no registration, no copy.
struct MyModel {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Matrix users, items;

  const Matrix& user_factors() const { return users; }
  const Matrix& item_factors() const { return items; }
};

/// Bayesian personalised ranking (Rendle et al., UAI 2009) by plain stochastic gradient steps.
inline MyModel train_my_model(const reclm::Interactions& train, int width = 32, int epochs = 30) {
  std::mt19937 random(1);
  std::normal_distribution<float> start(0, 0.1f);
  std::uniform_int_distribution<reclm::Id> any_item(0, train.items() - 1);
  MyModel model{MyModel::Matrix::NullaryExpr(train.users(), width, [&] { return start(random); }),
                MyModel::Matrix::NullaryExpr(train.items(), width, [&] { return start(random); })};
  for (int epoch = 0; epoch < epochs; ++epoch)
    for (reclm::Id user = 0; user < train.users(); ++user)
      for (const reclm::Id clicked : train.of(user)) {
        if (static_cast<reclm::Id>(train.of(user).size()) == train.items()) break;  // nothing to prefer it to
        reclm::Id other = any_item(random);
        while (train.contains(user, other)) other = any_item(random);
        const MyModel::Matrix u = model.users.row(user);
        const MyModel::Matrix difference = model.items.row(clicked) - model.items.row(other);
        const float step = 0.05f / (1 + std::exp(u.cwiseProduct(difference).sum()));
        model.users.row(user) += step * difference - 5e-4f * u;
        model.items.row(clicked) += step * u - 5e-4f * model.items.row(clicked);
        model.items.row(other) -= step * u + 5e-4f * model.items.row(other);
      }
  return model;
}
