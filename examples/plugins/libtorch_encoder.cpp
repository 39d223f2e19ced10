// A module of libtorch, trained in C++, and enhanced: its autograd carries gradients to vectors made of profiles.
//   libtorch_encoder [DATA_FOLDER]
#include <torch/nn/modules/linear.h>
#include <torch/optim/adam.h>

#include "common.hpp"

constexpr int kWidth = 32;
// A user is the user's own vector and those of the items clicked; a layer bends all vectors (one table, users first).
struct Net : torch::nn::Module {
  torch::nn::Linear layer;
  torch::Tensor clicks, links;  // [2, clicks]; [nodes, nodes], sparse: 1/√(clicks of the user)

  explicit Net(const reclm::Interactions& train) : layer(kWidth, kWidth) {
    register_module("layer", layer);
    std::vector<std::int64_t> ends;
    for (const auto& [user, item] : train.pairs()) ends.insert(ends.end(), {user, train.users() + item});
    const auto nodes = static_cast<std::int64_t>(train.users()) + train.items();
    clicks = torch::tensor(ends).view({-1, 2}).t();
    const auto scale = torch::bincount(clicks[0], {}, nodes).to(torch::kFloat).clamp_min(1).rsqrt();
    links = torch::sparse_coo_tensor(clicks, scale.index({clicks[0]}), {nodes, nodes});
  }
  torch::Tensor forward(const torch::Tensor& x) {
    return x + torch::mm(links, x) + 0.1 * torch::tanh(layer->forward(x));
  }
};

torch::Tensor view_of(auto m) { return torch::from_blob(const_cast<float*>(m.data()), {m.rows(), m.cols()}); }

// What reclm asks of an encoder. Autograd remembers in `forward` what `backward` needs, and the module learns on.
struct TorchEncoder {
  Net net;
  torch::optim::Adam own{net.parameters(), 1e-3};
  torch::Tensor in_{}, out_{};

  void forward(reclm::MatrixView<const float> in, reclm::MatrixView<float> out) {
    in_ = view_of(in).clone().set_requires_grad(true);
    out_ = net.forward(in_);
    view_of(out).copy_(out_.detach());
  }
  void backward(reclm::MatrixView<const float> d_out, reclm::MatrixView<float> d_in) {
    own.zero_grad();
    out_.backward(view_of(d_out));
    view_of(d_in).copy_(in_.grad());
    own.step();
  }
};

// The module alone, on a table of its own: BPR, all clicks a step.
reclm::PairModel train_alone(Net& net, const reclm::Interactions& train) {
  const auto users = train.users(), nodes = users + train.items();
  const auto table = (0.1 * torch::randn({nodes, kWidth})).set_requires_grad(true);
  torch::optim::Adam adam(net.parameters(), 0.02);
  adam.param_groups()[0].params().push_back(table);
  for (int epoch = 0; epoch < 60; ++epoch) {
    const auto x = net.forward(table), others = torch::randint(users, nodes, {train.size()});
    const auto gain = x.index({net.clicks[0]}) * (x.index({net.clicks[1]}) - x.index({others}));
    const auto loss = torch::softplus(-gain.sum(1)).mean() + 1e-4 * table.square().sum(1).mean();
    adam.zero_grad();
    loss.backward();
    adam.step();
  }
  const auto x = net.forward(table).detach().contiguous();
  const float* const first = x.data_ptr<float>();
  return {reclm::float_copy(reclm::MatrixView<const float>(first, users, kWidth), "users"),
          reclm::float_copy(reclm::MatrixView<const float>(first + users * kWidth, nodes - users, kWidth), "items")};
}

int main(int argc, char** argv) {
  torch::manual_seed(1);
  const reclm::Dataset data = example::data_of(argc, argv);
  TorchEncoder model{Net(data.train)};
  const reclm::PairModel alone = train_alone(model.net, data.train);
  const reclm::TrainOptions training{.epochs = 20, .batch_size = 2048, .learning_rate = 0.01};
  auto enhanced = reclm::adapt(model, reclm::profiles_of(data), {.width = kWidth, .training = training});
  enhanced.fit(data.train, data.valid);
  return example::compare(data, "libtorch", alone, std::cref(enhanced));
}
