#pragma once

namespace reclm_test {

/// Whether this build runs under the address sanitizer, whose tests need not be as large to touch the same memory.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized = __has_feature(address_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace reclm_test
