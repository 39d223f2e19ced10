#pragma once
// The large templates of training language models, compiled once for all subcommands: compiled_tuning.cpp holds the
// code.

#include <span>

#include "compiled_language.hpp"
#include "reclm/lm/training/finetune.hpp"

namespace reclm {

extern template class lm::TrainableLinear<Cpu, float>;
extern template class lm::TrainableDecoder<Cpu, float>;
extern template lm::FinetuneReport lm::finetune<Cpu, float>(lm::TrainableDecoder<Cpu, float>&,
                                                            std::span<const lm::TrainingSample>,
                                                            const lm::FinetuneOptions&);
extern template double lm::mean_loss<Cpu, float>(const lm::TrainableDecoder<Cpu, float>&,
                                                 std::span<const lm::TrainingSample>, Index);

}  // namespace reclm
