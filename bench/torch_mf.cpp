#include "torch_mf.hpp"

#include <torch/nn/modules/embedding.h>
#include <torch/optim/adam.h>

namespace plugin_study {

namespace {

constexpr std::int64_t kWidth = 32, kBatch = 1024;

MatrixView<const float> view_of(const torch::nn::Embedding& table) {
  return {table->weight.data_ptr<float>(), table->weight.size(0), table->weight.size(1)};
}

void add_gradient(const torch::nn::Embedding& table, std::span<const Id> rows, MatrixView<const float> gradient) {
  torch::Tensor& sum = table->weight.mutable_grad();
  if (!sum.defined()) sum = torch::zeros_like(table->weight);
  const auto places = torch::empty({static_cast<std::int64_t>(rows.size())}, torch::kLong);
  std::copy(rows.begin(), rows.end(), places.data_ptr<std::int64_t>());
  const auto values = torch::empty({gradient.rows(), gradient.cols()});
  for (Index r = 0; r < gradient.rows(); ++r)
    std::copy(gradient.row(r).begin(), gradient.row(r).end(), values.data_ptr<float>() + r * gradient.cols());
  sum.index_add_(0, places, values);
}

}  // namespace

struct TorchMf::Parts : torch::nn::Module {
  torch::nn::Embedding users, items;
  torch::optim::Adam adam;
  std::int64_t user_count, item_count;

  explicit Parts(const Interactions& train)
      : users(train.users(), kWidth),
        items(train.items(), kWidth),
        adam({users->weight, items->weight}, kEpochTraining.learning_rate),
        user_count(train.users()),
        item_count(train.items()) {
    const torch::NoGradGuard guard;
    for (const auto& table : {users, items}) table->weight.mul_(0.1);
  }
};

TorchMf::TorchMf(const Interactions& train, std::uint64_t seed) {
  torch::manual_seed(seed);
  torch::set_num_threads(1);  // so that sums have one order
  parts_ = std::make_unique<Parts>(train);
}
TorchMf::~TorchMf() = default;

MatrixView<const float> TorchMf::user_factors() const { return view_of(parts_->users); }
MatrixView<const float> TorchMf::item_factors() const { return view_of(parts_->items); }
void TorchMf::add_user_gradient(std::span<const Id> rows, MatrixView<const float> gradient) {
  add_gradient(parts_->users, rows, gradient);
}
void TorchMf::add_item_gradient(std::span<const Id> rows, MatrixView<const float> gradient) {
  add_gradient(parts_->items, rows, gradient);
}
void TorchMf::step() {
  parts_->adam.step();
  parts_->adam.zero_grad();
}

void TorchMf::pass(const Interactions& train) {
  std::vector<std::int64_t> ends;
  for (const auto& [user, item] : train.pairs()) ends.insert(ends.end(), {user, item});
  const auto pairs = torch::tensor(ends, torch::kLong).view({-1, 2});
  const auto order = torch::randperm(pairs.size(0));
  for (const torch::Tensor& batch : order.split(kBatch)) {
    const auto clicks = pairs.index_select(0, batch);
    const auto u = parts_->users->forward(clicks.select(1, 0)), i = parts_->items->forward(clicks.select(1, 1));
    const auto j = parts_->items->forward(torch::randint(parts_->item_count, {batch.size(0)}, torch::kLong));
    const auto loss =
        torch::softplus(-(u * (i - j)).sum(1)).mean() + 1e-4 * (u.square() + i.square() + j.square()).sum(1).mean();
    loss.backward();
    step();
  }
}

EpochTrained train_torch_mf(const Dataset& data, std::uint64_t seed, int epochs) {
  TorchMf model(data.train, seed);
  const auto factors = [&] {
    return PairModel(float_copy(model.user_factors(), "user factors"),
                     float_copy(model.item_factors(), "item factors"));
  };
  EpochTrained best;
  double highest = -1;
  for (int epoch = 1; epoch <= (epochs > 0 ? epochs : kEpochTraining.epochs); ++epoch) {
    model.pass(data.train);
    if (epochs > 0) continue;
    PairModel now = factors();
    const double recall = validation_recall(data, now);
    if (recall > highest) highest = recall, best = {std::move(now), epoch};
    if (epoch - best.epochs >= kEpochTraining.patience) break;
  }
  return epochs > 0 ? EpochTrained{factors(), epochs} : best;
}

}  // namespace plugin_study
