#pragma once
// A matrix factorisation that lives in libtorch, its tables and its optimizer. Only torch_mf.cpp sees torch's headers.
#include <cstdint>
#include <memory>
#include <span>

#include "plugin_models.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/data/dataset.hpp"

namespace plugin_study {

/// Two torch::nn::Embedding of width 32 under torch::optim::Adam. Models `TrainableFactorModel`.
class TorchMf {
 public:
  TorchMf(const Interactions& train, std::uint64_t seed);
  ~TorchMf();
  TorchMf(const TorchMf&) = delete;
  TorchMf& operator=(const TorchMf&) = delete;

  [[nodiscard]] MatrixView<const float> user_factors() const;
  [[nodiscard]] MatrixView<const float> item_factors() const;
  void add_user_gradient(std::span<const Id> rows, MatrixView<const float> gradient);
  void add_item_gradient(std::span<const Id> rows, MatrixView<const float> gradient);
  void step();

  /// One pass over the clicks by BPR, through torch's autograd.
  void pass(const Interactions& train);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// The model alone; see EpochTrained.
EpochTrained train_torch_mf(const Dataset& data, std::uint64_t seed, int epochs);

}  // namespace plugin_study
