#pragma once
/// @file kv_cache.hpp
/// What a decoder remembers of a sequence: keys and values of all layers, in pages that sequences may share.

#include <memory>
#include <vector>

#include "reclm/backend/cpu/paged_attention.hpp"
#include "reclm/backend/kernels/paged_attention.hpp"
#include "reclm/core/error.hpp"
#include "reclm/lm/model_config.hpp"

namespace reclm::lm {

/// A sequence's keys and values. A copy shares the pages, and so does `prefix`; a page that is shared is copied before
/// something is added to it. A page of kPage positions takes 4 · 2 · layers · kv_heads · head_width · kPage bytes.
template <class B>
class KvSequence {
 public:
  KvSequence() = default;

  /// Positions that are filled.
  [[nodiscard]] Index length() const { return length_; }

  /// The first `n` positions. @throws ShapeError when there are fewer
  [[nodiscard]] KvSequence prefix(Index n) const {
    if (n < 0 || n > length_)
      throw ShapeError("KvSequence::prefix: " + std::to_string(n) + " of " + std::to_string(length_) + " positions");
    KvSequence part;
    part.pages_.assign(pages_.begin(), pages_.begin() + static_cast<std::ptrdiff_t>((n + kPage - 1) / kPage));
    part.length_ = n;
    return part;
  }

  /// Makes room for `more` positions of `page_size` floats a page, and counts them as filled. For the decoder.
  void extend(Index more, Index page_size) {
    if (more > 0 && length_ % kPage != 0 && pages_.back().use_count() > 1) {
      auto own = B::template allocate<float>(page_size);
      B::copy(own.get(), pages_.back().get(), page_size);
      pages_.back() = std::move(own);
    }
    length_ += more;
    while (static_cast<Index>(pages_.size()) * kPage < length_) {
      pages_.push_back(B::template allocate<float>(page_size));
      B::zero(pages_.back().get(), page_size);
    }
  }

  [[nodiscard]] const std::vector<std::shared_ptr<float>>& pages() const { return pages_; }

 private:
  std::vector<std::shared_ptr<float>> pages_;
  Index length_ = 0;
};

/// How a backend's pages are laid out for a model.
template <class B>
PageLayout page_layout(const ModelConfig& config) {
  return {config.kv_heads, config.head_width, B::on_device ? kPage : cpu::kPageLanes};
}

}  // namespace reclm::lm
