#include "compiled_language.hpp"

template class reclm::lm::Linear<reclm::Cpu>;
template class reclm::lm::Decoder<reclm::Cpu>;
template std::vector<reclm::lm::Generation> reclm::lm::generate<reclm::Cpu>(
    const reclm::lm::Decoder<reclm::Cpu>&, const reclm::lm::TokenTexts&, std::span<const reclm::lm::GenerationRequest>,
    const reclm::lm::GenerationOptions&, const reclm::Observer&);
