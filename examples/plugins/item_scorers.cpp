// Item-kNN and EASE: models that have no factors, only scores, enhanced as `Scorer`.
//   item_scorers [DATA_FOLDER]
#include <algorithm>

#include <Eigen/Dense>

#include "common.hpp"

// A user's score of an item is the sum of the weights that lead to it from what the user clicked.
struct ItemToItem {
  reclm::Interactions train;
  Eigen::MatrixXf weights;  // [to, from]

  reclm::Id users() const { return train.users(); }
  reclm::Id items() const { return train.items(); }
  void score(reclm::Id user, std::span<const reclm::Id> items, std::span<float> out) const {
    Eigen::VectorXf all = Eigen::VectorXf::Zero(weights.rows());
    for (const reclm::Id clicked : train.of(user)) all += weights.col(clicked);
    for (std::size_t k = 0; k < items.size(); ++k) out[k] = all[items[k]];
  }
};

// How often two items were clicked by one user.
Eigen::MatrixXf counts(const reclm::Interactions& train) {
  Eigen::MatrixXf together = Eigen::MatrixXf::Zero(train.items(), train.items());
  for (reclm::Id user = 0; user < train.users(); ++user)
    for (const reclm::Id a : train.of(user))
      for (const reclm::Id b : train.of(user)) together(a, b) += 1;
  return together;
}

// Cosine of two items' columns of clicks, shrunk where few speak for it; the 50 nearest count.
Eigen::MatrixXf item_knn(const reclm::Interactions& train) {
  Eigen::MatrixXf weights = counts(train);
  const Eigen::ArrayXf norm = weights.diagonal().array().sqrt();
  for (Eigen::Index item = 0; item < weights.cols(); ++item) {
    weights.col(item).array() /= norm * norm[item] + 5.0f;
    weights(item, item) = 0;
    Eigen::VectorXf order = weights.col(item);
    const auto limit = order.data() + std::min<Eigen::Index>(50, order.size() - 1);
    std::nth_element(order.data(), limit, order.data() + order.size(), std::greater<>());
    weights.col(item) = (weights.col(item).array() < *limit).select(0.0f, weights.col(item));
  }
  return weights;
}

// The closed form of Steck, "Embarrassingly shallow autoencoders" (WWW 2019): B = I − P diag(P)⁻¹.
Eigen::MatrixXf ease(const reclm::Interactions& train, float lambda = 100) {
  Eigen::MatrixXf gram = counts(train);
  gram.diagonal().array() += lambda;
  const Eigen::MatrixXf p = gram.llt().solve(Eigen::MatrixXf::Identity(gram.rows(), gram.cols()));
  Eigen::MatrixXf weights = p.array().rowwise() / -p.diagonal().transpose().array();
  weights.diagonal().setZero();
  return weights.transpose();
}

int main(int argc, char** argv) {
  const reclm::Dataset data = example::data_of(argc, argv);
  const ItemToItem knn{data.train, item_knn(data.train)};
  const int failed = example::enhance_and_compare(data, "item-kNN", knn);
  return failed + example::enhance_and_compare(data, "EASE", ItemToItem{data.train, ease(data.train)});
}
