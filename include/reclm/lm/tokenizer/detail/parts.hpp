#pragma once
/// @file parts.hpp
/// What a tokenizer is made of, whatever file described it.

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/lm/detail/json.hpp"
#include "reclm/lm/model_config.hpp"
#include "reclm/lm/tokenizer/detail/unicode.hpp"

namespace reclm::lm::detail {

/// A token that is found in the text before anything else happens to it.
struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool single_word = false, lstrip = false, rstrip = false, normalized = false, special = false;
};

/// The steps around the model are kept as tokenizer.json writes them.
struct TokenizerParts {
  enum class Model { bpe, word_piece };

  std::string path;  // for messages
  Json normalizer, pre_tokenizer, post_processor, decoder;
  Model model = Model::bpe;
  std::vector<std::string> tokens;                  // by id; "" where the model has none
  std::vector<std::pair<TokenId, TokenId>> merges;  // by rank
  std::string unknown, continuing_prefix = "##";
  bool fuse_unknown = false, byte_fallback = false, ignore_merges = false;
  Index longest_word = 100;
  std::vector<AddedToken> added;

  TokenId bos = -1, eos = -1, pad = -1;
  std::vector<TokenId> stops;
  std::string chat_template;

  [[nodiscard]] DataError error(const std::string& problem,
                                const std::string& remedy = "check the file or download it again") const {
    return {path, 0, problem, remedy};
  }
};

/// The printable character that stands for each byte in vocabularies of byte-level BPE (GPT-2's alphabet).
inline const std::array<std::uint32_t, 256>& byte_alphabet() {
  static const std::array<std::uint32_t, 256> alphabet = [] {
    std::array<std::uint32_t, 256> chars{};
    std::uint32_t next = 256;
    for (std::uint32_t b = 0; b < 256; ++b) {
      const bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      chars[b] = printable ? b : next++;
    }
    return chars;
  }();
  return alphabet;
}

inline std::string bytes_to_alphabet(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) append_utf8(text, byte_alphabet()[static_cast<unsigned char>(c)]);
  return text;
}

/// The bytes that a token of that alphabet stands for; false when some character is not of it.
inline bool alphabet_to_bytes(std::string_view text, std::string& bytes) {
  static const std::array<int, 324> places = [] {
    std::array<int, 324> bytes_of{};
    bytes_of.fill(-1);
    for (int b = 0; b < 256; ++b) bytes_of[byte_alphabet()[static_cast<std::size_t>(b)]] = b;
    return bytes_of;
  }();
  bytes.clear();
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t c = next_char(text, at);
    if (c >= places.size() || places[c] < 0) return false;
    bytes += static_cast<char>(static_cast<unsigned char>(places[c]));
  }
  return true;
}

}  // namespace reclm::lm::detail
