#pragma once
/// @file preferences.hpp
/// A3: pairs of a good and a bad profile for the reward model, and who is for which part of A3 and A4.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/instruct/dialogues.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/samples.hpp"

namespace reclm::instruct {

/// Users of A3 and A4, each in one part, in the order in which they were given.
struct TuningSplit {
  std::vector<Id> evaluation, reward, policy;
};

/// 20% for evaluation, 40% for the reward model, 40% for reinforcement learning (both shares rounded), by `seed`.
inline TuningSplit split_for_tuning(std::span<const Id> users, std::uint64_t seed = 1) {
  const Random random(seed, Stream::split, 0x74756e65u);  // its own step of the stream
  std::vector<std::pair<std::uint32_t, std::size_t>> order;
  for (std::size_t k = 0; k < users.size(); ++k)
    order.emplace_back(random.bits(static_cast<std::uint64_t>(users[k])), k);
  std::sort(order.begin(), order.end());
  const auto share = [&](double part) {
    return static_cast<std::size_t>(std::llround(part * static_cast<double>(users.size())));
  };
  const std::size_t evaluation = share(0.2), reward = share(0.6);
  std::vector<int> part(users.size(), 2);
  for (std::size_t k = 0; k < order.size(); ++k) part[order[k].second] = k < evaluation ? 0 : k < reward ? 1 : 2;
  TuningSplit split;
  for (std::size_t k = 0; k < users.size(); ++k)
    (part[k] == 0 ? split.evaluation : part[k] == 1 ? split.reward : split.policy).push_back(users[k]);
  return split;
}

/// The bad answer of a kind, from the user's own and a neighbour's profile.
inline std::string rejected_answer(Rejection kind, const Profile& own, const std::string& neighbour) {
  Profile changed = own;
  switch (kind) {
    case Rejection::neighbour:
      return neighbour;
    case Rejection::run_together:
      return format_profile(own) + " " + neighbour;
    case Rejection::identities_only: {
      const std::string whole = format_profile(own);
      return whole.substr(0, whole.find(';'));
    }
    case Rejection::repeated_identity:
      // Also where there is one identity: as many as there are interests.
      changed.identities.assign(std::max({own.identities.size(), own.interests.size(), std::size_t{2}}),
                                own.identities.front());
      return format_profile(changed);
    case Rejection::bare_prefix:
      return std::string(kIdentityLabel) + " ";
    case Rejection::full_stop:
      break;
  }
  return ".";
}

namespace detail {

/// `count` kinds in the shares of kRejectionShares, as exactly as whole numbers allow (largest remainders), shuffled.
inline std::vector<Rejection> rejection_kinds(std::size_t count, std::uint64_t seed) {
  std::vector<Rejection> kinds;
  std::vector<std::pair<double, std::size_t>> remainders;
  for (std::size_t k = 0; k < kRejections; ++k) {
    const double exact = kRejectionShares[k] * static_cast<double>(count);
    const double whole = std::floor(exact + 1e-9);
    kinds.insert(kinds.end(), static_cast<std::size_t>(whole), static_cast<Rejection>(k));
    remainders.emplace_back(whole - exact, k);  // the largest remainder first
  }
  std::sort(remainders.begin(), remainders.end());
  for (std::size_t k = 0; kinds.size() < count; ++k)
    kinds.push_back(static_cast<Rejection>(remainders[k % kRejections].second));
  std::vector<std::pair<std::uint32_t, std::size_t>> order;
  const Random random(seed, Stream::dialogues, 0x6b696e64u);
  for (std::size_t k = 0; k < kinds.size(); ++k) order.emplace_back(random.bits(k), k);
  std::sort(order.begin(), order.end());
  std::vector<Rejection> shuffled;
  for (const auto& [key, k] : order) shuffled.push_back(kinds[k]);
  return shuffled;
}

}  // namespace detail

/// A3: a pair for each user of `users`. Chosen is the user's own profile; rejected are 30% a neighbour's profile, 30%
/// own and neighbour's run together, 10% identities alone, 10% one identity repeated, 10% the bare "User identity: ",
/// 10% ".". Users without a profile, or without a neighbour that has another one, are left out, so that the shares are
/// exact.
/// @param neighbours, profiles as in `collaborative_dialogues`
inline Built<PreferencePair> preference_pairs(const Dialogues& dialogues, std::span<const Id> users,
                                              MatrixView<const Id> neighbours, std::span<const std::string> profiles) {
  if (neighbours.rows() != dialogues.data().train.users())
    throw ShapeError("preference_pairs: " + std::to_string(neighbours.rows()) + " rows of neighbours for " +
                     std::to_string(dialogues.data().train.users()) + " users");
  const DialogueOptions& options = dialogues.options();
  Built<PreferencePair> built;
  std::vector<std::string> neighbour_profiles;
  const Random random(options.seed, Stream::dialogues, 0x6f746872u);
  for (const Id user : users) {
    const std::string own = Dialogues::profile_text(profiles, user, built.skipped);
    if (own.empty()) continue;
    std::vector<std::string> others;
    SkipCounts ignored;
    for (Index k = 0; k < neighbours.cols() && static_cast<Index>(others.size()) < options.neighbours; ++k)
      if (const Id other = neighbours(user, k); other >= 0)
        if (std::string text = Dialogues::profile_text(profiles, other, ignored); !text.empty() && text != own)
          others.push_back(std::move(text));
    if (others.empty()) {
      ++built.skipped.no_neighbour;
      continue;
    }
    // The longest answer there is: own and neighbour's profile.
    std::string& neighbour =
        others[random.below(static_cast<std::uint64_t>(user), static_cast<std::uint32_t>(others.size()))];
    const Index answer =
        options.budget.limited() ? options.budget.count(own + " " + neighbour) + options.budget.per_message : 0;
    auto prompt = dialogues.user_prompt(user, answer, built.skipped);
    if (!prompt) continue;
    built.samples.push_back({user, std::nullopt, std::move(*prompt), own, {}});
    neighbour_profiles.push_back(std::move(neighbour));
  }
  const std::vector<Rejection> kinds = detail::rejection_kinds(built.samples.size(), options.seed);
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    PreferencePair& pair = built.samples[k];
    pair.kind = kinds[k];
    pair.rejected = rejected_answer(kinds[k], read_profile(pair.chosen).profile, neighbour_profiles[k]);
  }
  return built;
}

}  // namespace reclm::instruct
