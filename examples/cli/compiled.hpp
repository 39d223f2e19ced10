#pragma once
// The library's large templates, compiled once for all subcommands: compiled_*.cpp hold the code.

#include <memory>

#include "reclm/align/make_vectors.hpp"
#include "reclm/eval/protocol.hpp"
#include "reclm/model/make_backbone.hpp"
#include "reclm/model/trainer.hpp"

namespace reclm {

extern template std::unique_ptr<Backbone<Cpu, float>> make_backbone<Cpu, float>(BackboneKind, const Interactions&,
                                                                                Index, const Initializer&);
extern template std::unique_ptr<InitialVectors<Cpu, float>> make_vectors<Cpu, float>(AdapterKind, const Dataset&, Index,
                                                                                     IdStart, const Initializer&);
extern template TrainReport train<Cpu, float>(JointModel<Cpu, float>&, const Interactions&, const TrainOptions&,
                                              const Evaluator<Cpu, float>&);
extern template SettingResult evaluate<PairModel>(const Dataset&, Setting, const PairModel&, const EvalOptions&);

}  // namespace reclm
