#pragma once
/// @file policies.hpp
/// An adapter of jointly trained models is put together from four policies: where a node's own vector comes from, the
/// head that maps its profile into the model's space, the fusion of the two, and the loss that aligns vectors with
/// profiles. `presets.hpp` names the usual combinations; any other that makes sense may be written down in the same
/// way:
///
///     using Mine = reclm::Policies<reclm::OwnTables, reclm::MlpHead, reclm::GateFusion, reclm::ProfileContrast>;

#include <functional>
#include <span>
#include <type_traits>

#include "reclm/core/config.hpp"
#include "reclm/data/sampler.hpp"

namespace reclm {

enum class Side { users, items };

/// What a teacher says of the triples of a batch: out[b] = score of the positive less that of the negative.
using Teacher = std::function<void(const Triples& batch, std::span<float> out)>;

/// Settings of the alignment losses; each reads what concerns it.
struct AlignmentOptions {
  double weight = 0.1;       ///< of the alignment in the loss; BPR has 1. 0 or more. Of no effect on `PairContrast`
                             ///< where it stands for BPR
  double temperature = 0.2;  ///< τ of a contrast, above 0; of a distillation, the size of a sure difference of scores
  bool learn_temperature = false;  ///< τ is trained from there, and stays at or above 0.01
  Index negatives = 0;  ///< of a contrast, shared by a batch; 0: all others of the batch (`ProfileContrast`),
                        ///< all negatives of the batch (`PairContrast`)
  double mask = 0.1;    ///< of `Reconstruction`: share of the nodes whose vectors are hidden, above 0, below 1
  Teacher teacher{};    ///< of `Distillation`
};

/// No profile head, for alignments that need none.
template <class B, class T>
struct NoHead {};

/// The four policies. Each is a class template over backend and scalar.
template <template <class, class> class OwnPolicy, template <class, class> class HeadPolicy,
          template <class, class> class FusionPolicy, template <class, class> class AlignmentPolicy>
struct Policies {
  template <class B, class T>
  using Own = OwnPolicy<B, T>;
  template <class B, class T>
  using Head = HeadPolicy<B, T>;
  template <class B, class T>
  using Fusion = FusionPolicy<B, T>;
  template <class B, class T>
  using Alignment = AlignmentPolicy<B, T>;

  static AlignmentOptions alignment() { return {}; }
};

namespace detail {

template <class Head, class B, class T>
inline constexpr bool is_no_head = std::is_same_v<Head, NoHead<B, T>>;

/// Stops the compilation of a combination in which a part would have no effect or no meaning.
template <class P, class B, class T>
constexpr bool sensible_policies() {
  using Own = typename P::template Own<B, T>;
  using Head = typename P::template Head<B, T>;
  using Fusion = typename P::template Fusion<B, T>;
  using Alignment = typename P::template Alignment<B, T>;
  static_assert(Fusion::uses_profile || Alignment::uses_profile,
                "reclm: these policies never look at profiles: the fusion keeps the own vectors and the alignment does "
                "without profiles. Choose another fusion (ConcatFusion, GateFusion, …) or an alignment with profiles "
                "(ProfileContrast, Reconstruction)");
  static_assert(!Fusion::uses_own || Own::exists,
                "reclm: this fusion joins own vectors with profiles, but OwnNothing has none. Choose OwnTables or "
                "OwnText, or ReplaceFusion");
  static_assert(Fusion::uses_own || !Own::exists,
                "reclm: ReplaceFusion drops the own vectors, which would be trained in vain. Choose OwnNothing");
  static_assert(Fusion::uses_own || !Alignment::uses_profile,
                "reclm: vectors that are made of profiles alone cannot be aligned with them: that would be a contrast "
                "or a reconstruction of a thing with itself. Choose PairContrast, Distillation or NoAlignment");
  static_assert(!is_no_head<Head, B, T> || !(Fusion::uses_profile || Alignment::uses_head),
                "reclm: this fusion or alignment needs a profile head; NoHead is none. Choose MlpHead, LinearHead or "
                "MixtureOfExperts");
  static_assert(
      is_no_head<Head, B, T> || Fusion::uses_profile || Alignment::uses_head,
      "reclm: the profile head would be trained in vain: neither fusion nor alignment uses it. Choose NoHead");
  return true;
}

}  // namespace detail
}  // namespace reclm
