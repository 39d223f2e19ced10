#pragma once
/// @file make_backbone.hpp
/// The built-in backbones by name, for command lines and studies.

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <string>
#include <string_view>

#include "reclm/model/backbones/contrastive.hpp"
#include "reclm/model/backbones/light_gcn.hpp"
#include "reclm/model/backbones/matrix_factorization.hpp"
#include "reclm/model/initial_vectors.hpp"

namespace reclm {

enum class BackboneKind { bias_mf, ncf, light_gcn, sgl, sim_gcl };

inline constexpr std::array kBackbones{BackboneKind::bias_mf, BackboneKind::ncf, BackboneKind::light_gcn,
                                       BackboneKind::sgl, BackboneKind::sim_gcl};

/// The name in reports.
constexpr std::string_view backbone_name(BackboneKind kind) {
  constexpr std::string_view names[] = {"BiasMF", "NCF", "LightGCN", "SGL", "SimGCL"};
  return names[static_cast<std::size_t>(kind)];
}

/// The backbone of that name, in any case. @throws ConfigError listing the names
inline BackboneKind parse_backbone(std::string_view name) {
  const auto same = [&](std::string_view other) {
    return std::ranges::equal(name, other,
                              [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
  };
  std::string known;
  for (const BackboneKind kind : kBackbones) {
    if (same(backbone_name(kind))) return kind;
    known += (known.empty() ? "" : ", ") + std::string(backbone_name(kind));
  }
  throw ConfigError("there is no backbone \"" + std::string(name) + "\". Remedy: choose one of " + known);
}

/// λ of the weight decay that goes with a backbone in RecLM's public code.
constexpr double default_l2(BackboneKind kind) {
  return kind == BackboneKind::sgl || kind == BackboneKind::sim_gcl ? 1e-5 : 1e-7;
}

/// How the ID tables of a backbone start.
constexpr IdStart default_id_start(BackboneKind kind) {
  return kind == BackboneKind::bias_mf ? IdStart::unit : IdStart::xavier;
}

/// @param width d of the initial vectors
template <class B, class T>
std::unique_ptr<Backbone<B, T>> make_backbone(BackboneKind kind, const Interactions& train, Index width,
                                              const Initializer& init) {
  switch (kind) {
    case BackboneKind::bias_mf:
      return std::make_unique<BiasMf<B, T>>(init, train.users(), train.items());
    case BackboneKind::ncf:
      return std::make_unique<Ncf<B, T>>(init, train.users(), train.items(), width);
    case BackboneKind::light_gcn:
      return std::make_unique<LightGcn<B, T>>(train);
    case BackboneKind::sgl:
      return std::make_unique<Sgl<B, T>>(train);
    case BackboneKind::sim_gcl:
      return std::make_unique<SimGcl<B, T>>(train);
  }
  throw ConfigError("make_backbone: unknown kind");
}

}  // namespace reclm
