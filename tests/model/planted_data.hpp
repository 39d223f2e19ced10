#pragma once
/// Models for the data set with four tastes.

#include <array>
#include <memory>
#include <string>

#include "model/planted_clicks.hpp"
#include "reclm/align/make_vectors.hpp"
#include "reclm/model/joint_model.hpp"
#include "reclm/model/make_backbone.hpp"

namespace reclm_test {

/// The sources of vectors without an alignment loss.
inline constexpr std::array kPlainAdapters{reclm::AdapterKind::base, reclm::AdapterKind::id, reclm::AdapterKind::reclm};

/// A model of width 16 for it.
inline std::unique_ptr<reclm::JointModel<>> small_model(reclm::BackboneKind backbone, reclm::AdapterKind adapter,
                                                        const Dataset& data, std::uint64_t seed = 1) {
  const reclm::Initializer init(seed);
  return std::make_unique<reclm::JointModel<>>(
      std::string(backbone_name(backbone)) + " + " + std::string(adapter_name(adapter)),
      reclm::make_vectors<reclm::Cpu, float>(adapter, data, 16, default_id_start(backbone), init),
      reclm::make_backbone<reclm::Cpu, float>(backbone, data.train, 16, init));
}

}  // namespace reclm_test
