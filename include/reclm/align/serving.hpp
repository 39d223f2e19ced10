#pragma once
/// @file serving.hpp
/// An enhanced model as a server needs it: factors, histories, top-K. No training code comes with this header.

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/backend/cpu/simd.hpp"
#include "reclm/backend/cpu/top_k.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/large_pages.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/top_k.hpp"
#include "reclm/data/interactions.hpp"
#include "reclm/data/safetensors.hpp"

namespace reclm {

/// One line of a list.
struct Recommendation {
  Id item = 0;
  float score = 0;
};

/// Ranks by the products of rows. Models `FactorModel` and `Scorer`; const members may be called from several threads.
///
/// The file: safetensors with `users` [users, k] and `items` [items, k] in float32, `history.offsets` [users + 1] and
/// `history.items` as int64 and int32; score(u, i) = users[u] · items[i].
class ServingModel {
 public:
  ServingModel() = default;
  /// @throws ShapeError unless the parts fit each other
  ServingModel(Matrix<float> users, Matrix<float> items, Interactions history)
      : users_(std::move(users)),
        items_(std::move(items)),
        history_(std::move(history)),
        all_(static_cast<std::size_t>(items_.rows())) {
    std::iota(all_.begin(), all_.end(), Id{0});
    if (users_.cols() != items_.cols() || history_.users() != users_.rows() || history_.items() != items_.rows())
      throw ShapeError("ServingModel: users, items and histories do not fit each other");
    use_large_pages(items_.data(), static_cast<std::size_t>(items_.size()) * sizeof(float));
  }

  /// Files without metadata, as other people's programs write them, are taken by their tensors.
  /// @throws IoError; DataError when the file holds something else
  static ServingModel load(const std::filesystem::path& path) {
    const SafetensorsFile file = SafetensorsFile::open(path);
    const auto refuse = [&](const std::string& problem) {
      return DataError(path.string(), 0, problem, "save the enhanced model anew");
    };
    const auto is = [&](const char* key, const char* value) {
      const auto found = file.metadata().find(key);
      return found == file.metadata().end() || found->second == value;
    };
    if (!is("format", kFormat))
      throw DataError(path.string(), 0, "this is no serving model", "what serving().save(path) of an adapter writes");
    if (!is("version", kVersion)) throw refuse("the format's version is not " + std::string(kVersion));
    Matrix<float> users = file.matrix<float>("users"), items = file.matrix<float>("items");
    for (const Matrix<float>* part : {&users, &items})
      for (Index k = 0; k < part->size(); ++k)
        if (!(part->data()[k] - part->data()[k] == 0.0f)) throw refuse("a factor is not a finite number");
    try {
      Interactions history(static_cast<Id>(users.rows()), static_cast<Id>(items.rows()),
                           file.vector<Index>("history.offsets"), file.vector<Id>("history.items"));
      return {std::move(users), std::move(items), std::move(history)};
    } catch (const ShapeError& error) {
      throw refuse(error.what());
    }
  }

  /// Writes the file, atomically. @throws IoError
  void save(const std::filesystem::path& path) const {
    const std::vector<Index> offsets(history_.offsets().begin(), history_.offsets().end());
    const std::vector<Id> columns(history_.columns().begin(), history_.columns().end());
    const std::vector<NamedTensor> tensors{NamedTensor::of("users", users_), NamedTensor::of("items", items_),
                                           NamedTensor::of("history.offsets", offsets),
                                           NamedTensor::of("history.items", columns)};
    write_safetensors(path, tensors, {{"format", kFormat}, {"version", kVersion}});
  }

  [[nodiscard]] Id users() const { return static_cast<Id>(users_.rows()); }
  [[nodiscard]] Id items() const { return static_cast<Id>(items_.rows()); }
  [[nodiscard]] const Matrix<float>& user_factors() const { return users_; }
  [[nodiscard]] const Matrix<float>& item_factors() const { return items_; }
  [[nodiscard]] const Interactions& history() const { return history_; }

  /// out[k] = score of items[k]. @throws ShapeError on ids that there are not, and on another number of scores
  void score(Id user, std::span<const Id> items, std::span<float> out) const {
    if (items.size() != out.size()) throw ShapeError("score: as many scores as items are needed");
    const auto check = [](const char* what, Id id, Index count) {
      if (id < 0 || id >= count)
        throw ShapeError("score: " + std::string(what) + " " + std::to_string(id) + " lies outside the " +
                         std::to_string(count) + " " + what + "s");
    };
    check("user", user, users_.rows());
    for (const Id item : items) check("item", item, items_.rows());
    const auto u = users_.row(user);
    for (std::size_t k = 0; k < items.size(); ++k)
      out[k] = simd::dot(u.data(), items_.row(items[k]).data(), users_.cols());
  }

  /// The best `k` of all items for each user, those of the user's history left out. @throws ShapeError, ConfigError
  [[nodiscard]] TopK top_k(std::span<const Id> users, Index k) const {
    return cpu::top_k({.users = users_, .items = items_}, users, all_, {history_.offsets(), history_.columns()}, k);
  }

  /// The same for one user. @throws ShapeError, ConfigError
  [[nodiscard]] std::vector<Recommendation> recommend(Id user, Index k) const {
    k = std::min(k, std::max<Index>(items(), 1));
    const TopK lists = top_k(std::span(&user, 1), k);
    std::vector<Recommendation> result;
    for (Index c = 0; c < k && lists.items(0, c) != kNoItem; ++c)
      result.push_back({lists.items(0, c), lists.scores(0, c)});
    return result;
  }

 private:
  static constexpr const char *kFormat = "reclm serving model", *kVersion = "1";

  Matrix<float> users_, items_;
  Interactions history_;
  std::vector<Id> all_;  // the numbers of all items: for millions, writing them for each user would take a tenth
};

}  // namespace reclm
