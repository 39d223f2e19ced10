#pragma once
/// @file reclm.hpp
/// Everything for the CPU, except what is heavy to compile and rarely needed: the embedded world
/// (reclm/data/world.hpp), studies (reclm/eval/study.hpp), reports (reclm/eval/report.hpp) and xtensor arrays
/// (reclm/data/xtensor.hpp).

#include "reclm/align/make_vectors.hpp"
#include "reclm/backend/cpu.hpp"
#include "reclm/backend/cpu/top_k.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/observer.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/core/version.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/load.hpp"
#include "reclm/data/npy.hpp"
#include "reclm/data/safetensors.hpp"
#include "reclm/data/sampler.hpp"
#include "reclm/data/splits.hpp"
#include "reclm/data/text_encoder.hpp"
#include "reclm/eval/protocol.hpp"
#include "reclm/eval/significance.hpp"
#include "reclm/model/baselines.hpp"
#include "reclm/model/concepts.hpp"
#include "reclm/model/encoder_backbone.hpp"
#include "reclm/model/make_backbone.hpp"
#include "reclm/model/scorer_ranker.hpp"
#include "reclm/model/trainer.hpp"
