#include "compiled_tuning.hpp"

template class reclm::lm::TrainableLinear<reclm::Cpu, float>;
template class reclm::lm::TrainableDecoder<reclm::Cpu, float>;
template reclm::lm::FinetuneReport reclm::lm::finetune<reclm::Cpu, float>(
    reclm::lm::TrainableDecoder<reclm::Cpu, float>&, std::span<const reclm::lm::TrainingSample>,
    const reclm::lm::FinetuneOptions&);
template double reclm::lm::mean_loss<reclm::Cpu, float>(const reclm::lm::TrainableDecoder<reclm::Cpu, float>&,
                                                        std::span<const reclm::lm::TrainingSample>, reclm::Index);
