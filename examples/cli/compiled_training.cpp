#include "compiled.hpp"

template std::unique_ptr<reclm::InitialVectors<reclm::Cpu, float>> reclm::make_vectors<reclm::Cpu, float>(
    reclm::AdapterKind, const reclm::Dataset&, reclm::Index, reclm::IdStart, const reclm::Initializer&);

template reclm::TrainReport reclm::train<reclm::Cpu, float>(reclm::JointModel<reclm::Cpu, float>&,
                                                            const reclm::Interactions&, const reclm::TrainOptions&,
                                                            const reclm::Evaluator<reclm::Cpu, float>&);

template reclm::SettingResult reclm::evaluate<reclm::PairModel>(const reclm::Dataset&, reclm::Setting,
                                                                const reclm::PairModel&, const reclm::EvalOptions&);
