// The program that compare_tokenizers.py asks: tokenize MODEL [--quiet] < texts, each behind its length of four bytes.
// Writes each text's tokens and their decoded text, likewise; on stderr how long it took. MODEL "train:SIZE" trains a
// tokenizer on the texts instead and writes its tokenizer.json.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "reclm/lm/tokenizer/load_tokenizer.hpp"
#include "reclm/lm/tokenizer/save_tokenizer.hpp"
#include "reclm/lm/tokenizer/train_bpe.hpp"

using namespace reclm::lm;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void write_size(std::size_t size) {
  const auto number = static_cast<std::uint32_t>(size);
  std::fwrite(&number, sizeof number, 1, stdout);
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) return 2;
  const std::string input((std::istreambuf_iterator<char>(std::cin)), {});
  std::vector<std::string> texts;
  for (std::size_t at = 0; at + 4 <= input.size();) {
    std::uint32_t size = 0;
    std::memcpy(&size, input.data() + at, sizeof size);
    texts.push_back(input.substr(at + 4, size));
    at += 4 + size;
  }
  const double begin = now();
  if (const std::string model = words[1]; model.starts_with("train:")) {
    std::string corpus;
    for (const std::string& text : texts) corpus += text + "\n";
    BpeTrainOptions options;
    options.special_tokens = {"<|endoftext|>"};
    options.least_count = 0;
    const Tokenizer trained = train_bpe(corpus, std::stoll(model.substr(6)), options);
    std::fprintf(stderr, "%.3f s", now() - begin);
    const std::string document = tokenizer_json(trained);
    std::fwrite(document.data(), 1, document.size(), stdout);
    return 0;
  }
  const Tokenizer tokenizer = load_tokenizer(words[1]);
  const double loaded = now();
  std::vector<std::vector<TokenId>> tokens;
  std::size_t bytes = 0;
  for (const std::string& text : texts) {
    tokens.push_back(tokenizer.encode(text));
    bytes += text.size();
  }
  const double seconds = now() - loaded;
  std::fprintf(stderr, "%.3f s, %.1f MB/s (loaded in %.3f s)", seconds, static_cast<double>(bytes) / 1e6 / seconds,
               loaded - begin);
  if (count > 2) return 0;
  for (const auto& ids : tokens) {
    write_size(ids.size());
    std::fwrite(ids.data(), sizeof(TokenId), ids.size(), stdout);
    const std::string text = tokenizer.decode(ids);
    write_size(text.size());
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  return 0;
}
