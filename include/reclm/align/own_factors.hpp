#pragma once
/// @file own_factors.hpp
/// A user's own factor model as the source of own vectors: its rows are read, and their gradients handed to it.

#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "reclm/align/own_vectors.hpp"
#include "reclm/align/policies.hpp"
#include "reclm/core/as_matrix.hpp"
#include "reclm/model/concepts.hpp"

namespace reclm {

/// Own vectors are rows of `Model`'s factors. After a backward pass the model gets the gradients of the rows that the
/// batch touched, each row once, and after the optimizer's step one call of its step().
template <class Model>
struct FactorsOf {
  static_assert(TrainableFactorModel<Model>,
                "reclm: a model whose factors are trained jointly needs user_factors(), item_factors(), "
                "add_user_gradient(rows, gradient), add_item_gradient(rows, gradient) and step()");

  template <class B, class T>
  class Own {
   public:
    static constexpr bool exists = true;
    static constexpr bool unit_items = false;

    /// Refers to `model`, which must outlive it.
    explicit Own(Model& model) : model_(&model) {}

    Var users(const TrainingStep<B, T>& step, std::span<const Id> ids) { return rows(step, Side::users, ids); }
    Var items(const TrainingStep<B, T>& step, std::span<const Id> ids) { return rows(step, Side::items, ids); }
    Var all_users(const TrainingStep<B, T>& step) { return all(step, Side::users); }
    Var all_items(const TrainingStep<B, T>& step) { return all(step, Side::items); }
    void finish_step() { ModelTraits<Model>::step(*model_); }
    void add_parameters(ParameterList<B, T>&) {}

   private:
    template <class Use>
    auto with_factors(Side side, const Use& use) const {
      const Model& model = *model_;
      if (side == Side::users) {
        decltype(auto) factors = ModelTraits<Model>::user_factors(model);
        return use(as_matrix(factors));
      }
      decltype(auto) factors = ModelTraits<Model>::item_factors(model);
      return use(as_matrix(factors));
    }

    Var all(const TrainingStep<B, T>& step, Side side) {
      std::vector<Id> ids(static_cast<std::size_t>(with_factors(side, [](const auto& m) { return m.rows(); })));
      std::iota(ids.begin(), ids.end(), Id{0});
      return rows(step, side, ids);
    }

    Var rows(const TrainingStep<B, T>& step, Side side, std::span<const Id> ids) {
      const Matrix<T> values = with_factors(side, [&](const auto& factors) {
        Matrix<T> copy(static_cast<Index>(ids.size()), factors.cols());
        for (Index r = 0; r < copy.rows(); ++r)
          for (Index c = 0; c < copy.cols(); ++c)
            copy(r, c) = static_cast<T>(factors(ids[static_cast<std::size_t>(r)], c));
        return copy;
      });
      return step.tape.record(
          Tensor<B, T>::from_host(values), true,
          [side, model = model_, kept = std::vector<Id>(ids.begin(), ids.end())](Tape<B, T>&, const Tensor<B, T>& dy) {
            const Matrix<float> gradient = host_floats(dy);
            if (side == Side::users)
              ModelTraits<Model>::add_user_gradient(*model, kept, gradient.view());
            else
              ModelTraits<Model>::add_item_gradient(*model, kept, gradient.view());
          });
    }

    Model* model_;
  };
};

/// The policies `P` with the factors of `Model` in place of own vectors.
template <class P, class Model>
struct OnFactorsOf : P {
  template <class B, class T>
  using Own = typename FactorsOf<Model>::template Own<B, T>;
};

}  // namespace reclm
