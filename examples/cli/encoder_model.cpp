#include "encoder_model.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/parallel.hpp"
#include "reclm/data/fingerprint.hpp"
#include "reclm/data/npy.hpp"
#include "reclm/lm/encoder.hpp"

namespace reclm::cli {

namespace {

namespace fs = std::filesystem;

/// Texts of a part of the work; finished parts are files, by which a run that was stopped goes on.
constexpr std::size_t kPart = 2048;

/// What a part's vectors depend on.
std::string part_key(const EncoderOptions& options, std::span<const std::string> texts) {
  Fingerprint key;
  const auto add = [&](const std::string& word) { key.add(std::span<const char>(word)); };
  std::error_code ignored;
  add(options.model.path + "|" + options.model.precision + "|" + options.pooling + "|" +
      std::to_string(options.longest) + "|" + std::to_string(options.keep_length));
  add(std::to_string(fs::is_regular_file(options.model.path) ? fs::file_size(options.model.path, ignored) : 0));
  for (const std::string& text : texts) add(text);
  return key.text();
}

}  // namespace

EncodedTexts encode_texts(const EncoderOptions& options, std::span<const std::string> texts, const fs::path& folder,
                          const Observer& observer) {
  const OpenTokenizer tokenizer = open_tokenizer(options.model.path);
  const std::shared_ptr<const lm::WeightSource> weights = open_model_weights(options.model.path);
  const auto encoder = open_input([&] { return lm::Encoder<>(*weights, precision_of(options.model)); });
  const auto longest = static_cast<std::size_t>(std::min(options.longest, encoder.config().context));
  const lm::EncodeOptions how{
      .pooling = options.pooling == "mean" ? lm::EncodeOptions::Pooling::mean : lm::EncodeOptions::Pooling::first_token,
      .normalise = !options.keep_length};
  make_folder(folder);
  EncodedTexts result{Matrix<float>(static_cast<Index>(texts.size()), encoder.config().width)};
  for (std::size_t begin = 0; begin < texts.size(); begin += kPart) {
    const auto part = texts.subspan(begin, std::min(kPart, texts.size() - begin));
    const fs::path file = folder / (part_key(options, part) + ".npy");
    // Also where the vectors are there: how many texts are cut is told at the end, of all of them.
    std::vector<std::vector<lm::TokenId>> tokens(part.size());
    parallel_for(static_cast<Index>(part.size()), 64, [&](Index i) {
      tokens[static_cast<std::size_t>(i)] = tokenizer.encode(part[static_cast<std::size_t>(i)]);
    });
    for (auto& text : tokens)
      if (text.size() > longest) {  // what the model wants at the end stays there
        text[longest - 1] = text.back();
        text.resize(longest);
        ++result.cut;
      }
    Matrix<float> made;
    if (fs::exists(file)) {
      made = read_npy(file);
      if (made.rows() != static_cast<Index>(part.size()) || made.cols() != result.vectors.cols())
        throw BadInput(file.string() + ": it holds other vectors than it should. Remedy: remove the folder " +
                       folder.string());
    } else {
      bool stopped = false;
      made = encoder.encode(tokens, how, [&](const Progress& progress) {
        Progress whole = progress;
        whole.step += static_cast<Index>(begin);
        whole.total = static_cast<Index>(texts.size());
        stopped = !notify(observer, whole);
        return !stopped;
      });
      if (stopped) return result;
      write_npy(file, made);
    }
    std::copy_n(made.data(), made.size(), result.vectors.row(static_cast<Index>(begin)).data());
    result.done += static_cast<Index>(part.size());
  }
  return result;
}

}  // namespace reclm::cli
