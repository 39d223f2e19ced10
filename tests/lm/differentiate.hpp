#pragma once
/// A model's loss and gradients on any backend, and how far two matrices are apart.

#include <map>
#include <string>
#include <utility>

#include "reclm/lm/training/trainable_decoder.hpp"
#include "support/catch.hpp"

namespace reclm_test {

using namespace reclm;
using namespace reclm::lm;

template <class T>
using Gradients = std::map<std::string, Matrix<T>>;

/// Loss, and gradients by parameter.
template <class B, class T>
std::pair<double, Gradients<T>> differentiate(const TrainableDecoder<B, T>& model, const PackedBatch& batch,
                                              double divisor, const PassOptions& options = {}) {
  Tape<B, T> tape;
  const Var loss = model.loss(tape, model.forward(tape, batch, options), batch.targets, divisor);
  const auto value = static_cast<double>(tape.value(loss).to_host()(0, 0));
  tape.backward(loss);
  Gradients<T> gradients;
  for (auto* p : model.parameters()) {
    gradients.emplace(p->name(), p->gradient.to_host());
    p->clear_gradient();
  }
  return {value, gradients};
}

/// Largest difference, relative to the largest number.
template <class A, class C>
double distance(const Matrix<A>& a, const Matrix<C>& b) {
  REQUIRE(a.rows() * a.cols() == b.rows() * b.cols());
  double worst = 0, size = 1e-12;
  for (Index k = 0; k < a.size(); ++k) {
    worst = std::max(worst, std::abs(static_cast<double>(a.data()[k]) - static_cast<double>(b.data()[k])));
    size = std::max(size, std::abs(static_cast<double>(b.data()[k])));
  }
  return worst / size;
}

/// Two batches of the same samples, all of which begin alike: whole, and with their beginning once.
struct AlikeSamples {
  PackedBatch apart, shared;

  AlikeSamples() {
    const std::vector<TokenId> beginning{3, 17, 5, 40, 9}, ends[] = {{8, 21, 2}, {8, 30}, {11}, {2, 2, 7, 19}};
    const Index prefix = shared.add_prefix(std::span(beginning).first(4));
    for (const auto& end : ends) {
      TrainingSample whole{beginning, std::vector<std::uint8_t>(5, 0)}, rest{{9}, {0}};
      for (TrainingSample* sample : {&whole, &rest}) {
        sample->tokens.insert(sample->tokens.end(), end.begin(), end.end());
        sample->learn.insert(sample->learn.end(), end.size(), 1);
      }
      apart.add(whole);
      shared.add(rest, prefix);
    }
  }
};

}  // namespace reclm_test
