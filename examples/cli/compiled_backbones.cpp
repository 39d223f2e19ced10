#include "compiled.hpp"

template std::unique_ptr<reclm::Backbone<reclm::Cpu, float>> reclm::make_backbone<reclm::Cpu, float>(
    reclm::BackboneKind, const reclm::Interactions&, reclm::Index, const reclm::Initializer&);
