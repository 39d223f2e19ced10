#pragma once
/// @file frozen_core.hpp
/// The frozen tier without the model's type: fitting, ranking, newcomers. Guarded by one lock, so that readers and
/// newcomers may come from any threads.

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/align/detail/fair_lock.hpp"
#include "reclm/align/detail/frozen_choice.hpp"
#include "reclm/align/detail/frozen_fit.hpp"
#include "reclm/align/detail/frozen_state.hpp"
#include "reclm/align/profiles.hpp"
#include "reclm/align/serving.hpp"
#include "reclm/backend/cpu/simd.hpp"
#include "reclm/backend/cpu/top_k.hpp"
#include "reclm/data/id_map.hpp"

namespace reclm::detail {

class FrozenCore {
 public:
  FrozenCore(FrozenSource source, Profiles profiles, FrozenOptions options)
      : source_(std::move(source)), options_(std::move(options)) {
    check_options();
    profiles_ = {.items = std::move(profiles.items),
                 .has_item = std::move(profiles.has_item),
                 .users = std::move(profiles.users),
                 .has_user = std::move(profiles.has_user)};
    item_width_ = profiles_.items.cols();
    if (profiles_.items.empty()) {
      profiles_.items = Matrix<float>(source_.items, 1);
      profiles_.has_item.assign(static_cast<std::size_t>(source_.items), 0);
    }
    const auto check_flags = [](const char* what, const std::vector<std::uint8_t>& flags, Index rows) {
      if (!flags.empty() && static_cast<Index>(flags.size()) != rows)
        throw ShapeError(std::string("adapt: ") + std::to_string(flags.size()) + " flags for " + std::to_string(rows) +
                         " profiles of " + what);
    };
    check_flags("items", profiles_.has_item, profiles_.items.rows());
    check_flags("users", profiles_.has_user, profiles_.users.rows());
    if (profiles_.items.rows() < source_.items)
      throw ShapeError("adapt: " + std::to_string(profiles_.items.rows()) + " item profiles for the model's " +
                       std::to_string(source_.items) + " items. Remedy: a row for each item, in the model's order");
    if (!profiles_.users.empty() && profiles_.users.rows() != source_.users)
      throw ShapeError("adapt: " + std::to_string(profiles_.users.rows()) + " user profiles for the model's " +
                       std::to_string(source_.users) + " users");
    require_finite_profiles(profiles_.items, profiles_.has_item, "item");
    require_finite_profiles(profiles_.users, profiles_.has_user, "user");
    source_.known = source_.items;
    source_.items = static_cast<Id>(profiles_.items.rows());
  }

  FitReport fit(const Interactions& train, const Interactions* valid) {
    check_train(train, "train");
    if (valid != nullptr) check_train(*valid, "validation");
    const Interactions none(train.users(), train.items(),
                            std::vector<Index>(static_cast<std::size_t>(train.users()) + 1, 0), {});
    FitReport report = FrozenChooser(source_, train, valid != nullptr ? *valid : none, profiles_, options_).choose();
    keep(FrozenFitter(source_, train, profiles_, report.choice, options_).fit(), report);
    return report;
  }
  void fit(const Interactions& train, const FrozenChoice& choice) {
    check_train(train, "train");
    if (const char* const flaw = flaw_of(choice); flaw != nullptr)
      throw ConfigError(std::string("FrozenChoice: ") + flaw + ". Remedy: the choice of a fit with validation");
    FitReport report;
    report.choice = choice;
    keep(FrozenFitter(source_, train, profiles_, choice, options_).fit(), report);
  }

  /// use(state, report) among other readers. @throws ConfigError before the first fit
  template <class Use>
  auto with_state(const Use& use) const {
    return lock_->read([&] { return use(fitted(), report_); });
  }
  [[nodiscard]] Id users() const {
    return lock_->read([&] { return state_ ? static_cast<Id>(state_->users.rows()) : source_.users; });
  }
  [[nodiscard]] Id items() const {
    return lock_->read([&] { return state_ ? static_cast<Id>(state_->items.rows()) : source_.items; });
  }
  [[nodiscard]] FitReport report() const {
    return lock_->read([&] { return report_; });
  }

  void score(Id user, std::span<const Id> items, std::span<float> out) const {
    with_state([&](const FrozenState& state, const FitReport&) {
      if (items.size() != out.size()) throw ShapeError("score: as many scores as items are needed");
      check_user(state, user);
      check_items(state, items, "score:");
      const Id one[] = {user};
      fill(state, one, items, {out.data(), 1, static_cast<Index>(out.size())});
    });
  }

  /// @param masked nullptr: nothing
  TopK top_k(std::span<const Id> users, std::span<const Id> candidates, const Interactions* masked, Index k) const {
    const cpu::MaskView mask =
        masked == nullptr ? cpu::MaskView{} : cpu::MaskView{masked->offsets(), masked->columns()};
    return with_state([&](const FrozenState& state, const FitReport&) {
      for (const Id user : users) check_user(state, user);
      check_items(state, candidates, "top_k: candidate");
      return rank(state, users, candidates, mask, k);
    });
  }
  TopK top_k(std::span<const Id> users, Index k) const {
    return with_state([&](const FrozenState& state, const FitReport&) {
      for (const Id user : users) check_user(state, user);
      return rank(state, users, all_items_, {state.history.offsets, state.history.columns}, k);
    });
  }

  [[nodiscard]] MatrixView<const float> user_factors() const {
    return with_state([](const FrozenState& state, const FitReport&) { return state.users.view(); });
  }
  [[nodiscard]] MatrixView<const float> item_factors() const {
    return with_state([](const FrozenState& state, const FitReport&) { return state.items.view(); });
  }
  [[nodiscard]] ServingModel serving() const {
    return with_state([](const FrozenState& s, const FitReport&) {
      return ServingModel(s.users.copy(), s.items.copy(),
                          Interactions(static_cast<Id>(s.users.rows()), static_cast<Id>(s.items.rows()),
                                       s.history.offsets, s.history.columns));
    });
  }

  Id add_item(std::span<const float> profile) {
    return lock_->write([&] { return append_item(profile); });
  }
  Id add_item(IdMap& ids, std::string_view id, std::span<const float> profile) {
    return lock_->write([&] {
      if (ids.find(id)) throw ShapeError("add_item: the id \"" + std::string(id) + "\" is known already");
      if (ids.size() != static_cast<Id>(fitted().items.rows()))
        throw ShapeError("add_item: there are " + std::to_string(ids.size()) + " ids for " +
                         std::to_string(fitted().items.rows()) +
                         " items. Remedy: the ids of the model's items and of those added since the last fit");
      const Id item = append_item(profile);
      ids.insert(id);
      return item;
    });
  }

  Id add_user(std::span<const Id> history, std::span<const float> profile) {
    return lock_->write([&] { return append_user(history, profile); });
  }

  void use(FrozenState state, FitReport report) { keep(std::move(state), std::move(report)); }
  [[nodiscard]] const FrozenOptions& options() const { return options_; }
  [[nodiscard]] const FrozenSource& source() const { return source_; }

 private:
  Id append_item(std::span<const float> profile) {
    FrozenState& state = fitted();
    std::vector<float> row(static_cast<std::size_t>(state.layout.width()), 0.0f);
    row.back() = 1;
    const auto mean_item = [&] {
      return state.head.weights.empty() ? Matrix<float>()
                                        : state.head.centred(Matrix<float>(1, state.head.landmarks.cols()));
    };
    const Matrix<float> head = profile.empty() ? mean_item() : apply(state.head, profile, "item", item_width_);
    if (!head.empty()) fill_unseen(head.row(0), state.choice, state.layout, row);
    state.items.push_back(row);
    if (!state.product) {
      state.exact.push_back(row);
      state.own.push_back(0);
    }
    state.seen.push_back(0);
    all_items_.push_back(static_cast<Id>(all_items_.size()));
    return all_items_.back();
  }

  Id append_user(std::span<const Id> history, std::span<const float> profile) {
    FrozenState& state = fitted();
    std::vector<Id> clicks(history.begin(), history.end());
    std::sort(clicks.begin(), clicks.end());
    clicks.erase(std::unique(clicks.begin(), clicks.end()), clicks.end());
    if (!clicks.empty() && (clicks.front() < 0 || clicks.back() >= static_cast<Id>(state.items.rows())))
      throw ShapeError("add_user: item " + std::to_string(clicks.front() < 0 ? clicks.front() : clicks.back()) +
                       " lies outside the " + std::to_string(state.items.rows()) + " items");
    const Matrix<float> head =
        profile.empty() ? Matrix<float>() : apply(state.user_head, profile, "user", profiles_.users.cols());
    state.users.push_back(new_user(state, clicks, head));
    state.history.push_back(clicks);
    return static_cast<Id>(state.users.rows()) - 1;
  }

  void check_options() const {
    const FrozenOptions& o = options_;
    const auto require = [](bool fine, const char* rule) {
      if (!fine) throw ConfigError(std::string("FrozenOptions: ") + rule);
    };
    require(o.warm_floor >= 0 && o.warm_floor <= 1, "warm_floor must lie in [0, 1]");
    require(o.rank >= 1 && o.landmarks >= 1 && o.residual_items >= 1 && o.validation_users >= 1 && o.cutoff >= 1,
            "rank, landmarks, residual_items, validation_users and cutoff must be at least 1");
    require(o.pseudo_cold >= 0 && o.pseudo_cold < 1, "pseudo_cold must lie in [0, 1)");
  }

  void check_train(const Interactions& train, const char* what) const {
    if (train.users() != source_.users || train.items() != source_.items)
      throw ShapeError(std::string("adapt: ") + what + " has " + std::to_string(train.users()) + " users and " +
                       std::to_string(train.items()) + " items, model and profiles " + std::to_string(source_.users) +
                       " and " + std::to_string(source_.items) +
                       ". Remedy: the clicks the model was trained on; resized(users, items) where profiles have more "
                       "items; users and items added since count in no fit");
    for (const Id item : train.columns())
      if (item >= source_.known)
        throw ShapeError("adapt: " + std::string(what) + " has clicks on item " + std::to_string(item) +
                         ", but the model knows only " + std::to_string(source_.known) + " items");
  }

  void keep(FrozenState state, FitReport report) {
    std::vector<Id> all(static_cast<std::size_t>(state.items.rows()));
    std::iota(all.begin(), all.end(), Id{0});
    lock_->write([&] { state_ = std::move(state), report_ = std::move(report), all_items_ = std::move(all); });
  }

  [[nodiscard]] const FrozenState& fitted() const {
    if (!state_) throw ConfigError("the enhanced model is not fitted. Remedy: call fit(train) or load(path) first");
    return *state_;
  }
  [[nodiscard]] FrozenState& fitted() { return const_cast<FrozenState&>(std::as_const(*this).fitted()); }

  static void check_user(const FrozenState& state, Id user) {
    if (user < 0 || user >= static_cast<Id>(state.users.rows()))
      throw ShapeError("user " + std::to_string(user) + " lies outside the " + std::to_string(state.users.rows()) +
                       " users");
  }

  static void check_items(const FrozenState& state, std::span<const Id> items, const char* who) {
    for (const Id item : items)
      if (item < 0 || item >= static_cast<Id>(state.items.rows()))
        throw ShapeError(std::string(who) + " item " + std::to_string(item) + " lies outside the " +
                         std::to_string(state.items.rows()) + " items");
  }

  /// @param width of the profiles that the adapter was made with; 0: it was made without
  static Matrix<float> apply(const KernelHead& head, std::span<const float> profile, const char* whose, Index width) {
    if (head.weights.empty() && width == 0)
      throw ShapeError(std::string("the model was fitted without ") + whose + " profiles. Remedy: pass none here");
    for (const float x : profile)
      if (!std::isfinite(x))
        throw NumericError(std::string("the ") + whose + "'s profile has a number that is not finite");
    if (head.weights.empty()) {
      if (static_cast<Index>(profile.size()) != width)
        throw ShapeError(std::string("the ") + whose + "'s profile is " + std::to_string(profile.size()) +
                         " wide, the others are " + std::to_string(width));
      return {};
    }
    return head(
        Matrix<float>(1, static_cast<Index>(profile.size()), std::vector<float>(profile.begin(), profile.end())));
  }

  // Clicks and profile each give a vector; the profile counts as much as one click. Without either: the mean user.
  [[nodiscard]] std::vector<float> new_user(const FrozenState& state, std::span<const Id> clicks,
                                            const Matrix<float>& head) const {
    const FrozenLayout& layout = state.layout;
    const SeenItems seen(state.columns, state.items.rows());
    std::vector<float> row = state.mean_user;
    if (!head.empty())
      for (std::size_t k = 0; k < row.size(); ++k) row[k] += head(0, static_cast<Index>(k));
    Matrix<float> mean(1, layout.model);
    const Index known = mean_of_clicks(state.model_items, seen, clicks, mean.row(0));
    if (known > 0) {
      const float of_head = head.empty() ? 0.0f : 1.0f / static_cast<float>(known + 1);
      const Matrix<float> folded = product(mean, state.fold_in);
      std::vector<float> residual(static_cast<std::size_t>(layout.residual), 0.0f);
      if (static_cast<Index>(clicks.size()) >= state.choice.min_history)
        add_clicks(state.residual_map, seen, clicks, residual);
      for (Index k = 0; k < layout.offset(); ++k) {
        const float own = k < layout.model ? folded(0, k) : residual[static_cast<std::size_t>(k - layout.model)];
        float& x = row[static_cast<std::size_t>(k)];
        x = of_head * x + (1 - of_head) * own;
      }
    }
    lift_unseen(state, clicks, row);
    return row;
  }

  static void lift_unseen(const FrozenState& state, std::span<const Id> clicks, std::vector<float>& row) {
    const auto score = [&](std::span<const float> item) {
      return simd::dot(row.data(), item.data(), static_cast<Index>(row.size()));
    };
    std::vector<float> warm, cold;
    row.back() = 0;
    for (const Id item : state.columns)
      if (!std::binary_search(clicks.begin(), clicks.end(), item)) warm.push_back(score(state.items.row(item)));
    for (std::size_t k = 0; k < state.cold_probes.size(); ++k)
      if (!std::binary_search(clicks.begin(), clicks.end(), state.cold_probes[k]))
        cold.push_back(score(state.cold_rows.row(static_cast<Index>(k))));
    row.back() = offset_between(reach_of(warm), reach_of(cold), state.choice);
  }

  // The model's own users are scored by the model itself, newcomers by the product alone.
  void fill(const FrozenState& state, std::span<const Id> users, std::span<const Id> items,
            MatrixView<float> out) const {
    std::vector<Index> own_rows, other_rows;
    for (Index r = 0; r < out.rows(); ++r)
      (!state.product && users[static_cast<std::size_t>(r)] < source_.users ? own_rows : other_rows).push_back(r);
    multiply(state.users, users, own_rows, state.exact, items, out);
    multiply(state.users, users, other_rows, state.items, items, out);
    std::vector<Id> own;
    std::vector<std::size_t> places;
    for (std::size_t k = 0; k < items.size() && !own_rows.empty(); ++k)
      if (state.own[static_cast<std::size_t>(items[k])] > 0) own.push_back(items[k]), places.push_back(k);
    if (own.empty()) return;
    std::vector<Id> scored;
    for (const Index r : own_rows) scored.push_back(users[static_cast<std::size_t>(r)]);
    Matrix<float> scores(static_cast<Index>(scored.size()), static_cast<Index>(own.size()));
    source_.fill(scored, own, scores);
    parallel_for(scores.rows(), 16, [&](Index r) {
      const auto to = out.row(own_rows[static_cast<std::size_t>(r)]);
      const auto from = scores.row(r);
      for (std::size_t k = 0; k < own.size(); ++k)
        to[places[k]] += state.own[static_cast<std::size_t>(own[k])] * from[k];
    });
  }

  // out[r, k] = ⟨vector of users[r], vector of items[k]⟩ for each r of `rows`.
  static void multiply(const GrowingRows& user_vectors, std::span<const Id> users, const std::vector<Index>& rows,
                       const GrowingRows& item_vectors, std::span<const Id> items, MatrixView<float> out) {
    constexpr std::size_t kFew = 4;        // rows that do not repay a copy of all items' vectors
    constexpr std::size_t kAtOnce = 8192;  // items whose vectors are gathered
    if (rows.size() < kFew) {
      for (const Index r : rows) {
        const auto row = user_vectors.row(users[static_cast<std::size_t>(r)]);
        for (std::size_t k = 0; k < items.size(); ++k)
          out(r, static_cast<Index>(k)) = simd::dot(row.data(), item_vectors.row(items[k]).data(), item_vectors.cols());
      }
      return;
    }
    std::vector<Id> whose;
    for (const Index r : rows) whose.push_back(users[static_cast<std::size_t>(r)]);
    const Matrix<float> a = rows_of(user_vectors, whose);
    const bool all = a.rows() == out.rows();
    for (std::size_t first = 0; first < items.size(); first += kAtOnce) {
      const Matrix<float> b = rows_of(item_vectors, items.subspan(first, std::min(kAtOnce, items.size() - first)));
      const auto place = static_cast<Index>(first);
      Matrix<float> part(all ? 0 : a.rows(), b.rows());
      cpu_gemm<float>(Op::none, Op::transpose, a.rows(), b.rows(), a.cols(), 1.0f, a.data(), a.cols(), b.data(),
                      b.cols(), 0.0f, all ? out.data() + place : part.data(), all ? out.row_stride() : part.cols());
      for (Index r = 0; r < part.rows(); ++r)
        std::ranges::copy(part.row(r), out.row(rows[static_cast<std::size_t>(r)]).begin() + place);
    }
  }

  TopK rank(const FrozenState& state, std::span<const Id> users, std::span<const Id> candidates,
            const cpu::MaskView& mask, Index k) const {
    if (state.product)
      return cpu::top_k({.users = state.users.view(), .items = state.items.view()}, users, candidates, mask, k);
    return cpu::top_k_scores(users, candidates, mask, k,
                             [&](std::span<const Id> batch, std::span<const Id> items, MatrixView<float> scores) {
                               fill(state, batch, items, scores);
                             });
  }

  FrozenSource source_;
  FrozenProfiles profiles_;
  FrozenOptions options_;
  Index item_width_ = 0;  // of the items' profiles; 0: there are none
  std::optional<FrozenState> state_;
  FitReport report_;
  std::vector<Id> all_items_;
  std::unique_ptr<FairLock> lock_ = std::make_unique<FairLock>();
};

}  // namespace reclm::detail
