#pragma once
/// @file large_table_allocator.hpp
/// Memory for tables that are read at random places.

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace reclm::detail {

/// Allocates in huge pages where the system has them: with pages of 4 KiB, half of the time of random look-ups in a
/// table of 16 MiB goes into address translation.
template <class T>
struct LargeTableAllocator {
  using value_type = T;

  LargeTableAllocator() = default;
  template <class U>
  LargeTableAllocator(const LargeTableAllocator<U>&) {}  // NOLINT(google-explicit-constructor)

  T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / 2 / sizeof(T)) throw std::bad_array_new_length();
    const std::size_t bytes = count * sizeof(T);
    void* memory = ::operator new(bytes, alignment(bytes));
#if defined(MADV_HUGEPAGE)
    if (bytes >= kHugePage) ::madvise(memory, bytes, MADV_HUGEPAGE);  // a wish; refusal costs speed alone
#endif
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) noexcept { ::operator delete(memory, alignment(count * sizeof(T))); }

  bool operator==(const LargeTableAllocator&) const { return true; }

 private:
  static constexpr std::size_t kHugePage = std::size_t{1} << 21;
  static std::align_val_t alignment(std::size_t bytes) {
    return std::align_val_t{bytes >= kHugePage ? kHugePage : std::size_t{64}};
  }
};

}  // namespace reclm::detail
