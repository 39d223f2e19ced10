#pragma once
// The language models' large templates, compiled once for all subcommands: compiled_language.cpp holds the code.

#include <span>
#include <vector>

#include "reclm/instruct/language_model.hpp"
#include "reclm/lm/decoder.hpp"
#include "reclm/lm/generate.hpp"

namespace reclm {

extern template class lm::Linear<Cpu>;
extern template class lm::Decoder<Cpu>;
extern template std::vector<lm::Generation> lm::generate<Cpu>(const lm::Decoder<Cpu>&, const lm::TokenTexts&,
                                                              std::span<const lm::GenerationRequest>,
                                                              const lm::GenerationOptions&, const Observer&);

}  // namespace reclm
