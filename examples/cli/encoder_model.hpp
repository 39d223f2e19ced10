#pragma once
// Texts → vectors by an encoder on this machine.

#include <filesystem>
#include <span>
#include <string>

#include "language_model.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/observer.hpp"

namespace reclm::cli {

struct EncoderOptions {
  ModelOptions model;
  std::string pooling = "mean";
  Index longest = 256;  ///< tokens; longer texts are cut
  bool keep_length = false;
};

struct EncodedTexts {
  Matrix<float> vectors;
  Index cut = 0;   ///< texts that were too long
  Index done = 0;  ///< texts; all, unless the observer stopped it
};

/// Finished parts of the work are files in `folder`, by which the same call goes on where one was stopped. They stay.
/// @throws BadInput, DataError
EncodedTexts encode_texts(const EncoderOptions& options, std::span<const std::string> texts,
                          const std::filesystem::path& folder, const Observer& observer);

}  // namespace reclm::cli
