// Combinations of policies that must not compile, each with its message (tests/support/refused.cmake looks for
// them).
#include "reclm/align/presets.hpp"
#include "reclm/backend/cpu.hpp"

using namespace reclm;

template <class P>
constexpr bool tried = detail::sensible_policies<P, Cpu, float>();

// expect: these policies never look at profiles
static_assert(tried<Policies<OwnTables, MlpHead, KeepFusion, NoAlignment>>);
// expect: this fusion joins own vectors with profiles, but OwnNothing has none
static_assert(tried<Policies<OwnNothing, MlpHead, GateFusion, NoAlignment>>);
// expect: ReplaceFusion drops the own vectors
static_assert(tried<Policies<OwnText, MlpHead, ReplaceFusion, NoAlignment>>);
// expect: vectors that are made of profiles alone cannot be aligned with them
static_assert(tried<Policies<OwnNothing, MlpHead, ReplaceFusion, ProfileContrast>>);
// expect: needs a profile head
static_assert(tried<Policies<OwnText, NoHead, ConcatFusion, NoAlignment>>);
// expect: the profile head would be trained in vain
static_assert(tried<Policies<OwnTables, MlpHead, KeepFusion, Reconstruction>>);
