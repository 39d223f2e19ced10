#pragma once
/// @file onednn.hpp
/// Tiles of products in bf16 by oneDNN, one thread a tile: which thread computes what stays with reclm's own loops.
/// For builds with RECLM_WITH_ONEDNN.

#include <dlfcn.h>

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include <oneapi/dnnl/dnnl.hpp>

#include "reclm/backend/cpu/bf16_panels.hpp"

namespace reclm::cpu::onednn {

/// C[rows, 32 · panels] = A[rows, depth] · panels, all of them dense. `depth` is a multiple of kBf16Depth.
struct TileShape {
  Index rows, panels, depth;
  auto operator<=>(const TileShape&) const = default;
};

namespace detail {

/// While it lives, oneDNN plans for one thread: an OpenMP runtime would else start threads of its own.
class OneThread {
 public:
  OneThread() {
    if (set_ != nullptr && get_ != nullptr) {
      before_ = get_();
      set_(1);
    }
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
  ~OneThread() {
    if (before_ > 0) set_(before_);
  }

 private:
  using Set = void (*)(int);
  using Get = int (*)();
  static inline const Set set_ = reinterpret_cast<Set>(::dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  static inline const Get get_ = reinterpret_cast<Get>(::dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
  int before_ = 0;
};

inline const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

/// A compiled product. Not to be used by two threads.
class TileProduct {
 public:
  explicit TileProduct(const TileShape& shape) {
    using dnnl::memory;
    using Tag = memory::format_tag;
    using Type = memory::data_type;
    const OneThread one;
    const Index outputs = shape.panels * kBf16Panel;
    const memory::desc a({shape.rows, shape.depth}, Type::bf16, Tag::ab);
    const memory::desc b({shape.depth, outputs}, Type::bf16, Tag::BA16a32b2a);
    const memory::desc c({shape.rows, outputs}, Type::f32, Tag::ab);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::matmul::primitive_desc plan(engine(), a, b, c, attributes);
#else
    const dnnl::matmul::primitive_desc plan(dnnl::matmul::desc(a, b, c), attributes, engine());
#endif
    name_ = plan.impl_info_str();
    product_ = dnnl::matmul(plan);
    stream_ = dnnl::stream(engine());
    arguments_ = {{DNNL_ARG_SRC, memory(a, engine(), nullptr)},
                  {DNNL_ARG_WEIGHTS, memory(b, engine(), nullptr)},
                  {DNNL_ARG_DST, memory(c, engine(), nullptr)},
                  {DNNL_ARG_SCRATCHPAD, memory(plan.scratchpad_desc(), engine())}};
  }

  void operator()(const std::uint16_t* a, const std::uint16_t* panels, float* c) {
    // oneDNN's interface takes what it reads as void* too.
    arguments_.at(DNNL_ARG_SRC).set_data_handle(const_cast<std::uint16_t*>(a));
    arguments_.at(DNNL_ARG_WEIGHTS).set_data_handle(const_cast<std::uint16_t*>(panels));
    arguments_.at(DNNL_ARG_DST).set_data_handle(c);
    product_.execute(stream_, arguments_);
  }

  /// oneDNN's name of what it chose.
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
  dnnl::matmul product_;
  dnnl::stream stream_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

}  // namespace detail

/// Whether this processor multiplies bf16 by instructions of its own, and oneDNN by them: its replacements for others
/// are slower than float32.
inline bool available() {
  static const bool fast = [] {
    try {
      constexpr auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
      return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & wanted) == wanted &&
             detail::TileProduct({kBf16Rows, 1, kBf16Depth}).name().starts_with("brg");
    } catch (const dnnl::error&) {
      return false;
    }
  }();
  return fast;
}

inline void multiply_tile(const TileShape& shape, const std::uint16_t* a, const std::uint16_t* panels, float* c) {
  // A thread's own: oneDNN's work memory is not shared then, and no lock is needed.
  thread_local std::map<TileShape, std::unique_ptr<detail::TileProduct>> products;
  auto& product = products[shape];
  if (!product) product = std::make_unique<detail::TileProduct>(shape);
  (*product)(a, panels, c);
}

}  // namespace reclm::cpu::onednn
