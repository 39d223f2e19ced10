#pragma once
/// @file feature_input.hpp
/// Constant vectors of users or items, as the input of a layer: dense rows, or mixtures of other rows.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "reclm/tensor/ops/linear.hpp"
#include "reclm/tensor/ops/rows.hpp"
#include "reclm/tensor/ops/sparse.hpp"

namespace reclm {

namespace detail {

/// Rows that several inputs of one layer stand on: their product with the layer's weight is computed once a tape, and
/// for the rows that training touches alone.
template <class B, class T>
class SharedRows {
 public:
  /// @param trained the rows that training touches, ascending
  SharedRows(MatrixView<const float> rows, std::vector<Id> trained)
      : values_(Tensor<B, T>::from_host(rows)),
        trained_(std::move(trained)),
        places_(static_cast<std::size_t>(rows.rows()), -1) {
    check_rows(trained_, rows.rows());
    for (std::size_t k = 0; k < trained_.size(); ++k)
      places_[static_cast<std::size_t>(trained_[k])] = static_cast<Id>(k);
  }

  [[nodiscard]] const Tensor<B, T>& values() const { return values_; }
  [[nodiscard]] std::span<const Id> trained_rows() const { return trained_; }
  [[nodiscard]] Index trained() const { return static_cast<Index>(trained_.size()); }

  /// trained rows · Wᵀ. @returns [trained, out]
  Var product(Tape<B, T>& tape, Var weight) const {
    if (tape.number() != tape_ || weight.id != weight_.id) {
      product_ = linear_of_rows(tape, values_, trained_, weight, Var{});
      tape_ = tape.number();
      weight_ = weight;
    }
    return product_;
  }

  /// Places of rows among the trained ones; nothing when one is not among them.
  [[nodiscard]] std::optional<std::vector<Id>> places(std::span<const Id> rows) const {
    check_rows(rows, values_.rows());
    std::vector<Id> result;
    result.reserve(rows.size());
    for (const Id row : rows) {
      const Id place = places_[static_cast<std::size_t>(row)];
      if (place < 0) return std::nullopt;
      result.push_back(place);
    }
    return result;
  }

 private:
  Tensor<B, T> values_;
  std::vector<Id> trained_, places_;
  mutable std::uint64_t tape_ = 0;
  mutable Var weight_, product_;
};

}  // namespace detail

/// [rows, width]. A mixture, rows = mix · base, is never multiplied out: a layer on it is mix · (base · Wᵀ), which
/// costs little where many rows mix few (users whose profile is the mean of their history's items).
template <class B, class T>
class FeatureInput {
 public:
  FeatureInput() = default;

  static FeatureInput dense(MatrixView<const float> rows) {
    FeatureInput input;
    input.dense_ = Tensor<B, T>::from_host(rows);
    return input;
  }

  /// Two inputs of one layer: `base` itself, and mixtures of those of its rows that training touches.
  /// @param mix     [rows, base rows]; its columns are among `trained`
  /// @param trained rows of `base`, ascending
  /// @returns the base, then the mixture  @throws ShapeError
  static std::pair<FeatureInput, FeatureInput> mixture(const CsrMatrix<T>& mix, MatrixView<const float> base,
                                                       std::vector<Id> trained) {
    require_size("FeatureInput::mixture", "columns of the mixture", mix.cols, base.rows());
    const auto shared = std::make_shared<const detail::SharedRows<B, T>>(base, std::move(trained));
    FeatureInput rows, mixed;
    rows.shared_ = mixed.shared_ = shared;
    CsrMatrix<T> local = mix;
    local.cols = shared->trained();
    auto columns = shared->places(mix.columns);
    if (!columns) throw ShapeError("FeatureInput::mixture: a row mixes a row that is not among the trained ones");
    local.columns = std::move(*columns);
    mixed.mix_ = std::make_shared<const Mixture>(Mixture{SparseMatrix<B, T>(local), std::move(local)});
    return {std::move(rows), std::move(mixed)};
  }

  [[nodiscard]] Index rows() const { return mix_ ? mix_->host.rows : all().rows(); }
  [[nodiscard]] Index width() const { return all().cols(); }

  /// The rows `ids` themselves, [ids, width].
  [[nodiscard]] Tensor<B, T> take(std::span<const Id> ids) const {
    Tape<B, T> tape(false);
    if (!mix_) return tape.value(gather_distinct_rows(tape, tape.constant(all()), ids));
    const Var base = gather_distinct_rows(tape, tape.constant(all()), shared_->trained_rows());
    return tape.value(sparse_product(tape, SparseMatrix<B, T>(mix_->host.select_rows(ids)), base));
  }

  /// activation(rows · Wᵀ + b) of all rows. @returns [rows, out]
  Var linear(Tape<B, T>& tape, Var weight, Var bias, Activation activation) const {
    if (!mix_) return reclm::linear(tape, tape.constant(all()), weight, bias, activation);
    const Var mixed = sparse_product(tape, mix_->device, shared_->product(tape, weight));
    return bias_activation(tape, mixed, bias, activation);
  }

  /// The same of the rows `ids`. @returns [ids, out]
  Var linear(Tape<B, T>& tape, Var weight, Var bias, Activation activation, std::span<const Id> ids) const {
    if (mix_) {
      const SparseMatrix<B, T> chosen(mix_->host.select_rows(ids));
      return bias_activation(tape, sparse_product(tape, chosen, shared_->product(tape, weight)), bias, activation);
    }
    const auto places = shared_ ? shared_->places(ids) : std::nullopt;
    if (!places) return linear_of_rows(tape, all(), ids, weight, bias, activation);
    const Var chosen = gather_distinct_rows(tape, shared_->product(tape, weight), *places);
    return bias_activation(tape, chosen, bias, activation);
  }

 private:
  struct Mixture {
    SparseMatrix<B, T> device;
    CsrMatrix<T> host;
  };

  [[nodiscard]] const Tensor<B, T>& all() const { return shared_ ? shared_->values() : dense_; }

  Tensor<B, T> dense_;
  std::shared_ptr<const detail::SharedRows<B, T>> shared_;
  std::shared_ptr<const Mixture> mix_;
};

}  // namespace reclm
