#pragma once
/// @file pack_panels.hpp
/// Stored weights → panels for the CPU's products (backend/cpu/panel_formats.hpp). Blocks keep their bits: scales of
/// Q8_0, Q4_0, Q4_1 and Q5_0 as they are, those of Q5_1 as float32, those of the K formats multiplied out (exact in
/// float32).

#include <cstring>
#include <string>

#include "reclm/backend/cpu/panel_product.hpp"
#include "reclm/core/error.hpp"
#include "reclm/lm/stored_tensor.hpp"
#include "reclm/lm/weights/block_formats.hpp"

namespace reclm::lm::detail {

/// How panels are kept.
enum class PanelKind { f32, f16, bf16, q8, q8_fine, q8_offset, q4, q4_offset, q4_wide_offset };

using Half = std::uint16_t;
using Q8 = cpu::panel::Blocks<8, 32, Half, false>;            // Q8_0, Q5_0
using Q8Fine = cpu::panel::Blocks<8, 16, float, false>;       // Q6_K
using Q8Offset = cpu::panel::Blocks<8, 32, float, true>;      // Q5_K, Q5_1
using Q4 = cpu::panel::Blocks<4, 32, Half, false>;            // Q4_0
using Q4Offset = cpu::panel::Blocks<4, 32, Half, true>;       // Q4_1
using Q4WideOffset = cpu::panel::Blocks<4, 32, float, true>;  // Q4_K

/// Calls f with the format's type.
template <class F>
decltype(auto) with_format(PanelKind kind, const F& f) {
  switch (kind) {
    case PanelKind::f32:
      return f(cpu::panel::F32{});
    case PanelKind::f16:
      return f(cpu::panel::F16{});
    case PanelKind::bf16:
      return f(cpu::panel::Bf16{});
    case PanelKind::q8:
      return f(Q8{});
    case PanelKind::q8_fine:
      return f(Q8Fine{});
    case PanelKind::q8_offset:
      return f(Q8Offset{});
    case PanelKind::q4:
      return f(Q4{});
    case PanelKind::q4_offset:
      return f(Q4Offset{});
    case PanelKind::q4_wide_offset:
      return f(Q4WideOffset{});
  }
  throw ConfigError("no such panel format");
}

/// The panels that keep a stored type's bits.
constexpr PanelKind panel_kind(StorageType type) {
  switch (type) {
    case StorageType::f16:
      return PanelKind::f16;
    case StorageType::bf16:
      return PanelKind::bf16;
    case StorageType::q8_0:
    case StorageType::q5_0:
      return PanelKind::q8;
    case StorageType::q4_0:
      return PanelKind::q4;
    case StorageType::q4_1:
      return PanelKind::q4_offset;
    case StorageType::q4_k:
      return PanelKind::q4_wide_offset;
    case StorageType::q5_k:
    case StorageType::q5_1:
      return PanelKind::q8_offset;
    case StorageType::q6_k:
      return PanelKind::q8_fine;
    default:
      return PanelKind::f32;
  }
}

/// The columns that share a scale, of one row: the bytes of scale and offset as panels keep them, and the integers.
struct PanelGroup {
  std::byte scale[4], offset[4];
  int q[32];
};

/// Group `number` of a stored row.
inline PanelGroup read_group(StorageType type, const std::byte* row, Index number) {
  PanelGroup group;
  const auto put = [](std::byte* to, float value) { std::memcpy(to, &value, sizeof value); };
  switch (type) {
    case StorageType::q8_0: {
      const std::byte* const block = row + number * 34;
      std::memcpy(group.scale, block, 2);
      for (int k = 0; k < 32; ++k) group.q[k] = signed_at(block + 2, k);
      return group;
    }
    case StorageType::q4_0:
    case StorageType::q4_1: {
      const Index head = type == StorageType::q4_0 ? 2 : 4;
      const std::byte* const block = row + number * (16 + head);
      std::memcpy(group.scale, block, 2);
      if (head == 4) std::memcpy(group.offset, block + 2, 2);
      for (int k = 0; k < 16; ++k) {
        group.q[k] = byte_at(block + head, k) & 15;
        group.q[k + 16] = byte_at(block + head, k) >> 4;
      }
      return group;
    }
    case StorageType::q5_0: {
      const std::byte* const block = row + number * 22;
      std::memcpy(group.scale, block, 2);
      for (int k = 0; k < 32; ++k) group.q[k] = five_bits(block + 2, k) - 16;
      return group;
    }
    case StorageType::q5_1: {
      const std::byte* const block = row + number * 24;
      put(group.scale, half_at(block));
      put(group.offset, half_at(block + 2));
      for (int k = 0; k < 32; ++k) group.q[k] = five_bits(block + 4, k);
      return group;
    }
    case StorageType::q4_k:
    case StorageType::q5_k: {
      const bool five = type == StorageType::q5_k;
      const std::byte* const block = row + number / 8 * (five ? 176 : 144);
      const int eighth = static_cast<int>(number % 8);
      const auto [scale, minimum] = scale_and_minimum(block + 4, eighth);
      put(group.scale, half_at(block) * scale);
      put(group.offset, -half_at(block + 2) * minimum);
      const std::byte* const quarter = block + (five ? 48 : 16) + 32 * (eighth / 2);
      for (int k = 0; k < 32; ++k) {
        group.q[k] = byte_at(quarter, k) >> 4 * (eighth % 2) & 15;
        if (five) group.q[k] |= (byte_at(block + 16, k) >> eighth & 1) << 4;
      }
      return group;
    }
    case StorageType::q6_k: {
      const std::byte* const block = row + number / 16 * 210;
      const int place = static_cast<int>(number % 16), half = place / 8, part = place % 8 / 2, side = place % 2;
      put(group.scale, half_at(block + 208) * static_cast<float>(signed_at(block + 192, place)));
      for (int k = 0; k < 16; ++k) {
        const int at = 16 * side + k;
        const int low = byte_at(block + 64 * half, 32 * (part % 2) + at) >> 4 * (part / 2) & 15;
        const int high = byte_at(block + 128 + 32 * half, at) >> 2 * part & 3;
        group.q[k] = (low | high << 4) - 32;
      }
      return group;
    }
    default:
      throw ConfigError("this format has no blocks");
  }
}

/// Packs rows [first, first + count) of a stored block matrix into one panel, count ≤ kPanelWidth; rows behind are
/// zero.
template <int Bits, Index Group, class Scale, bool Offset>
void pack_panel(cpu::panel::Blocks<Bits, Group, Scale, Offset>, const StoredTensor& w, Index first, Index count,
                std::byte* panel) {
  using Format = cpu::panel::Blocks<Bits, Group, Scale, Offset>;
  constexpr Index width = cpu::kPanelWidth, half = cpu::panel::kHalfWidth;
  const Index bytes = row_bytes(w.type, w.cols);
  std::memset(panel, 0, static_cast<std::size_t>(cpu::panel_bytes<Format>(w.cols)));
  for (Index r = 0; r < count; ++r) {
    std::byte* to = panel;
    for (Index g = 0; g < w.cols / Group; ++g, to += Format::kGroupBytes) {
      const PanelGroup group = read_group(w.type, w.bytes.data() + (first + r) * bytes, g);
      std::memcpy(to + r * static_cast<Index>(sizeof(Scale)), group.scale, sizeof(Scale));
      if (Offset) std::memcpy(to + (width + r) * static_cast<Index>(sizeof(Scale)), group.offset, sizeof(Scale));
      std::byte* column = to + Format::kHeadBytes;
      for (Index k = 0; k < Group; ++k, column += Format::kColumnBytes) {
        if (Bits == 8)
          column[r] = static_cast<std::byte>(static_cast<std::int8_t>(group.q[k]));
        else
          column[r % half] |= static_cast<std::byte>(r < half ? group.q[k] : group.q[k] << 4);
      }
    }
  }
}

/// The same for plain elements; the stored type is converted.
template <class Format>
void pack_panel(Format, const StoredTensor& w, Index first, Index count, std::byte* panel) {
  constexpr Index width = cpu::kPanelWidth;
  const Index bytes = row_bytes(w.type, w.cols);
  std::memset(panel, 0, static_cast<std::size_t>(cpu::panel_bytes<Format>(w.cols)));
  std::vector<float> row(static_cast<std::size_t>(w.cols));
  for (Index r = 0; r < count; ++r) {
    const auto stored = w.bytes.subspan(static_cast<std::size_t>((first + r) * bytes), static_cast<std::size_t>(bytes));
    dequantise_row(w.type, stored, row);
    for (Index k = 0; k < w.cols; ++k) {
      const float value = row[static_cast<std::size_t>(k)];
      if constexpr (std::is_same_v<Format, cpu::panel::F32>) {
        std::memcpy(panel + (k * width + r) * 4, &value, 4);
      } else {
        const std::uint16_t small = std::is_same_v<Format, cpu::panel::F16> ? to_half(value) : to_bfloat16(value);
        std::memcpy(panel + (k * width + r) * 2, &small, 2);
      }
    }
  }
}

/// @throws DataError unless the bytes are those of the shape
inline void check_stored(const StoredTensor& w, const std::string& name) {
  const std::string shape = "[" + std::to_string(w.rows) + ", " + std::to_string(w.cols) + "]";
  if (w.rows < 0 || w.cols < 0 || static_cast<Index>(w.bytes.size()) != w.rows * row_bytes(w.type, w.cols))
    throw DataError(name, 0, std::to_string(w.bytes.size()) + " bytes do not hold a matrix " + shape,
                    "check where the weights come from");
}

}  // namespace reclm::lm::detail
