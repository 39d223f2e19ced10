#pragma once
/// @file sparse.hpp
/// `SparseMatrix<Backend, T>`: a constant CSR matrix and its transpose in a backend's memory.

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "reclm/tensor/tensor.hpp"

namespace reclm {

/// A CSR matrix on the host. Columns ascend within a row.
template <class T>
struct CsrMatrix {
  Index rows = 0, cols = 0;
  std::vector<Index> offsets{0};  ///< rows + 1
  std::vector<Id> columns{};
  std::vector<T> values{};

  [[nodiscard]] Index entries() const { return static_cast<Index>(columns.size()); }

  /// O(entries + rows + cols).
  [[nodiscard]] CsrMatrix transposed() const {
    CsrMatrix t{cols, rows, std::vector<Index>(static_cast<std::size_t>(cols) + 1, 0), std::vector<Id>(columns.size()),
                std::vector<T>(values.size())};
    for (const Id column : columns) ++t.offsets[static_cast<std::size_t>(column) + 1];
    for (std::size_t c = 1; c < t.offsets.size(); ++c) t.offsets[c] += t.offsets[c - 1];
    std::vector<Index> next(t.offsets.begin(), t.offsets.end() - 1);
    for (Index row = 0; row < rows; ++row)
      for (Index e = offsets[static_cast<std::size_t>(row)]; e < offsets[static_cast<std::size_t>(row) + 1]; ++e) {
        const auto to =
            static_cast<std::size_t>(next[static_cast<std::size_t>(columns[static_cast<std::size_t>(e)])]++);
        t.columns[to] = static_cast<Id>(row);
        t.values[to] = values[static_cast<std::size_t>(e)];
      }
    return t;
  }

  /// The listed rows, in the order listed.
  [[nodiscard]] CsrMatrix select_rows(std::span<const Id> chosen) const {
    CsrMatrix part{static_cast<Index>(chosen.size()), cols, {}, {}, {}};
    part.offsets.reserve(chosen.size() + 1);
    part.offsets.push_back(0);
    for (const Id row : chosen) {
      const auto r = static_cast<std::size_t>(row);
      part.offsets.push_back(part.offsets.back() + offsets[r + 1] - offsets[r]);
    }
    part.columns.resize(static_cast<std::size_t>(part.offsets.back()));
    part.values.resize(part.columns.size());
    std::size_t to = 0;
    for (const Id row : chosen) {
      const auto r = static_cast<std::size_t>(row);
      for (auto e = static_cast<std::size_t>(offsets[r]); e < static_cast<std::size_t>(offsets[r + 1]); ++e, ++to) {
        part.columns[to] = columns[e];
        part.values[to] = values[e];
      }
    }
    return part;
  }
};

/// Copies share memory. The transpose is kept beside the matrix, because a backward pass multiplies by it.
template <class B, class T>
class SparseMatrix {
 public:
  SparseMatrix() = default;

  explicit SparseMatrix(const CsrMatrix<T>& m) : SparseMatrix(m, m.transposed()) {}

  /// With a transpose made by the caller.
  SparseMatrix(const CsrMatrix<T>& m, const CsrMatrix<T>& transpose) : forward_(m), backward_(transpose) {}

  /// A matrix that equals its transpose is kept once.
  static SparseMatrix symmetric(const CsrMatrix<T>& m) {
    SparseMatrix result;
    result.forward_ = result.backward_ = Side(m);
    return result;
  }

  [[nodiscard]] Index rows() const { return forward_.rows; }
  [[nodiscard]] Index cols() const { return forward_.cols; }
  [[nodiscard]] Index entries() const { return forward_.entries; }
  [[nodiscard]] CsrView<T> view() const { return forward_.view(); }
  [[nodiscard]] CsrView<T> transposed_view() const { return backward_.view(); }

  /// The same structure with other values, `entries()` of them for the matrix and for its transpose.
  [[nodiscard]] SparseMatrix with_values(std::shared_ptr<T> values, std::shared_ptr<T> transposed) const {
    SparseMatrix result = *this;
    result.forward_.values = std::move(values);
    result.backward_.values = std::move(transposed);
    return result;
  }

 private:
  struct Side {
    Side() = default;
    explicit Side(const CsrMatrix<T>& m)
        : rows(m.rows),
          cols(m.cols),
          entries(m.entries()),
          offsets(upload<B, Index>(m.offsets)),
          columns(upload<B, Id>(m.columns)),
          values(upload<B, T>(m.values)) {}
    [[nodiscard]] CsrView<T> view() const { return {rows, cols, offsets.get(), columns.get(), values.get()}; }

    Index rows = 0, cols = 0, entries = 0;
    std::shared_ptr<Index> offsets;
    std::shared_ptr<Id> columns;
    std::shared_ptr<T> values;
  };

  Side forward_, backward_;
};

}  // namespace reclm
