// Alternating least squares for clicks, written with Eigen, and enhanced.
//   eigen_als [DATA_FOLDER]
#include <random>

#include <Eigen/Dense>

#include "common.hpp"

// A click counts as 1 with confidence 1 + alpha, anything else as 0 with confidence 1 (Hu, Koren, Volinsky, ICDM 2008).
class Als {
 public:
  explicit Als(const reclm::Interactions& train, int width = 32, int rounds = 8) {
    std::mt19937 random(1);
    std::normal_distribution<float> start(0, 0.1f);
    items_ = Eigen::MatrixXf::NullaryExpr(width, train.items(), [&] { return start(random); });
    users_.resize(width, train.users());
    const reclm::Interactions clicked_by = train.transposed();
    for (int round = 0; round < rounds; ++round) {
      solve(train, items_, users_);
      solve(clicked_by, users_, items_);
    }
  }

  // Columns are users and items here; rows are what reclm wants. The transpose is a view: nothing is copied.
  auto user_factors() const { return by_rows(users_); }
  auto item_factors() const { return by_rows(items_); }

 private:
  using Rows = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
  static Rows by_rows(const Eigen::MatrixXf& columns) { return {columns.data(), columns.cols(), columns.rows()}; }

  // For each row of `clicks`: (V Vᵀ + alpha Σ v vᵀ + λ I) u = (1 + alpha) Σ v, over the columns v clicked.
  static void solve(const reclm::Interactions& clicks, const Eigen::MatrixXf& fixed, Eigen::MatrixXf& solved) {
    const float alpha = 10, lambda = 5;
    Eigen::MatrixXf all = fixed * fixed.transpose();
    all.diagonal().array() += lambda;
    for (reclm::Id row = 0; row < clicks.users(); ++row) {
      Eigen::MatrixXf left = all;
      Eigen::VectorXf right = Eigen::VectorXf::Zero(fixed.rows());
      for (const reclm::Id other : clicks.of(row)) {
        left.selfadjointView<Eigen::Lower>().rankUpdate(fixed.col(other), alpha);
        right += (1 + alpha) * fixed.col(other);
      }
      solved.col(row) = left.selfadjointView<Eigen::Lower>().llt().solve(right);
    }
  }

  Eigen::MatrixXf users_, items_;  // [width, users], [width, items]
};

int main(int argc, char** argv) {
  const reclm::Dataset data = example::data_of(argc, argv);
  return example::enhance_and_compare(data, "ALS", Als(data.train));
}
