#pragma once
/// @file presets.hpp
/// The policies of published methods, under their names.

#include "reclm/align/alignment/distillation.hpp"
#include "reclm/align/alignment/none.hpp"
#include "reclm/align/alignment/pair_contrast.hpp"
#include "reclm/align/alignment/profile_contrast.hpp"
#include "reclm/align/alignment/reconstruction.hpp"
#include "reclm/align/fusion/concat.hpp"
#include "reclm/align/fusion/gate.hpp"
#include "reclm/align/fusion/plain.hpp"
#include "reclm/align/fusion/shared_private.hpp"
#include "reclm/align/heads/linear.hpp"
#include "reclm/align/heads/mixture_of_experts.hpp"
#include "reclm/align/profile_vectors.hpp"

namespace reclm {

namespace presets {

/// RecLM (arXiv 2412.19302, section 3; the public code's "Augmented"): profiles are injected before the backbone.
struct RecLM : Policies<OwnText, MlpHead, ConcatFusion, NoAlignment> {};

/// RLMRec-Con (Ren et al., WWW 2024): ID tables, aligned with profiles by a contrast.
struct RlmRecCon : Policies<OwnTables, MlpHead, KeepFusion, ProfileContrast> {
  static AlignmentOptions alignment() { return {.weight = 0.01, .temperature = 0.2}; }
};

/// RLMRec-Gen (the same): ID tables, from whose hidden rows' neighbours profiles are regained.
struct RlmRecGen : Policies<OwnTables, NoHead, KeepFusion, Reconstruction> {
  static AlignmentOptions alignment() { return {.weight = 0.1, .temperature = 0.2, .mask = 0.1}; }
};

/// AlphaRec (Sheng et al., ICLR 2025): no tables; items are an MLP of their text, users of the mean of their history's
/// texts. Over LightGCN, as published; items are scored before propagation, as this library's LightGCN does.
struct AlphaRec : Policies<OwnNothing, MlpHead, ReplaceFusion, PairContrast> {
  static AlignmentOptions alignment() { return {.weight = 1, .temperature = 0.15, .negatives = 256}; }
};

/// KAR (Xi et al., RecSys 2024): profiles through experts are further features beside the model's own.
struct Kar : Policies<OwnText, MixtureOfExperts, ConcatFusion, NoAlignment> {};

}  // namespace presets

template <class B, class T>
using RecLmVectors = ProfileVectors<B, T, presets::RecLM>;

}  // namespace reclm
