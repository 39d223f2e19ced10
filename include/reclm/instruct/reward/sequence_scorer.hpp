#pragma once
/// @file sequence_scorer.hpp
/// The reward model (A3): a decoder with low-rank updates whose last token's hidden state becomes one number.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "reclm/data/fingerprint.hpp"
#include "reclm/data/safetensors.hpp"
#include "reclm/instruct/language_model.hpp"
#include "reclm/instruct/rl/losses.hpp"
#include "reclm/lm/training/trainable_decoder.hpp"
#include "reclm/tensor/ops/linear.hpp"
#include "reclm/tensor/ops/rows.hpp"

namespace reclm::instruct {

namespace detail {
inline constexpr const char* kScorerFormat = "reclm reward model 1";

inline DataError scorer_error(const std::filesystem::path& path, const std::string& problem) {
  return {path.string(), 0, problem, "load it with the model and LoRA options that it was trained with"};
}

inline std::string scorer_fact(const SafetensorsFile& file, const char* key) {
  const auto found = file.metadata().find(key);
  return found == file.metadata().end() ? std::string() : found->second;
}
}  // namespace detail

/// The low-rank updates of the scorer in a file that SequenceScorer::save wrote; nothing where it does not say so, as
/// before version 0.3. @throws IoError, DataError
inline std::optional<lm::LoraOptions> saved_updates(const std::filesystem::path& path) {
  const auto file = SafetensorsFile::open(path);
  const std::string rank = detail::scorer_fact(file, "rank"), alpha = detail::scorer_fact(file, "alpha"),
                    layers = detail::scorer_fact(file, "layers");
  if (rank.empty() && alpha.empty() && layers.empty()) return std::nullopt;
  lm::LoraOptions updates;
  updates.layers.clear();
  std::istringstream names(layers);
  for (std::string name; std::getline(names, name, ',');) updates.layers.push_back(name);
  const auto read = [](const std::string& text, auto& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
  };
  if (!read(rank, updates.rank) || updates.rank < 1 || !read(alpha, updates.alpha) || !std::isfinite(updates.alpha) ||
      updates.layers.empty())
    throw detail::scorer_error(
        path, "rank, alpha or layers cannot be read: \"" + rank + "\", \"" + alpha + "\", \"" + layers + "\"");
  bool there = false;  // what is made by this rank must lie in the file
  for (const std::string& name : file.names())
    if (name.ends_with(".lora_A.weight")) {
      const std::vector<Index> shape = file.tensor(name).shape;
      there = shape.size() == 2 && shape.front() == updates.rank;
      if (!there) break;
    }
  if (!there) throw detail::scorer_error(path, "its tensors are none of rank " + rank);
  return updates;
}

/// Reads "Question: q\n\nAnswer: a" and scores the answer.
template <class B = Cpu>
class SequenceScorer {
 public:
  /// @param start updates to begin with (rank and layers as `lora`); empty: none
  SequenceScorer(const LanguageModel& model, const lm::LoraOptions& lora, const lm::LoraAdapter& start = {},
                 const lm::TrainableOptions& held = {})
      : codec_(model.codec),
        model_name_(model.name),
        decoder_(*model.weights, held, lora),
        head_("score.weight", Tensor<B, float>::zeros(1, model.weights->config().width)),
        context_(model.weights->config().context) {
    if (!start.empty()) decoder_.set_adapter(start);
  }

  /// The tokens of a question and an answer; of a too long question the beginning is left out, of the
  /// answer blanks around it.
  [[nodiscard]] std::vector<lm::TokenId> tokens(const lm::Dialogue& question, std::string_view answer) const {
    std::string text = "Question:";
    for (const lm::Message& message : question) text += " " + message.content;
    std::vector<lm::TokenId> all = codec_.encode(text);
    const auto end = lm::detail::encode_behind(codec_, all, "\n\nAnswer: " + std::string(detail::trimmed(answer)));
    all.insert(all.end(), end.begin(), end.end());
    if (context_ > 0 && static_cast<Index>(all.size()) > context_) all.erase(all.begin(), all.end() - context_);
    return all;
  }

  /// [sequences, 1]. What sequences that follow each other begin with passes the model once.
  /// @throws ShapeError on a sequence without tokens
  Var scores(Tape<B, float>& tape, std::span<const std::vector<lm::TokenId>> sequences,
             const lm::PassOptions& options = {}) {
    for (const auto& sequence : sequences)
      if (sequence.empty()) throw ShapeError("SequenceScorer: a sequence has no tokens");
    lm::PackedBatch batch;
    std::vector<Id> last;
    while (last.size() < sequences.size()) {
      const auto rest = sequences.subspan(last.size());
      const auto [texts, tokens] = decoder_.shares_prefixes() ? lm::shared_beginning(rest) : lm::SharedBeginning{};
      const Index prefix = texts > 1 ? batch.add_prefix(std::span(rest.front()).first(tokens)) : -1;
      for (const auto& sequence : rest.first(texts)) {
        const std::vector<lm::TokenId> end(sequence.begin() + static_cast<std::ptrdiff_t>(tokens), sequence.end());
        batch.add({end, std::vector<std::uint8_t>(end.size(), 0)}, prefix);
        last.push_back(static_cast<Id>(batch.tokens.size()) - 1);
      }
    }
    const Var hidden = decoder_.forward(tape, batch, options);
    return linear(tape, gather_distinct_rows(tape, hidden, std::span<const Id>(last)), tape.parameter(head_), Var{});
  }

  /// Scores without a gradient, `batch_tokens` at a time.
  std::vector<double> score(std::span<const std::vector<lm::TokenId>> sequences, Index batch_tokens = 4096) {
    std::vector<double> result;
    for (std::size_t first = 0; first < sequences.size();) {
      Index filled = 0;
      std::size_t last = first;
      do filled += static_cast<Index>(sequences[last++].size());
      while (last < sequences.size() && filled + static_cast<Index>(sequences[last].size()) <= batch_tokens);
      Tape<B, float> tape(false);
      const auto part = detail::host_values(tape.value(scores(tape, sequences.subspan(first, last - first))));
      result.insert(result.end(), part.begin(), part.end());
      first = last;
    }
    return result;
  }

  std::vector<Parameter<B, float>*> parameters() {
    auto all = decoder_.parameters();
    all.push_back(&head_);
    return all;
  }
  void refresh() { decoder_.refresh(); }
  [[nodiscard]] const std::string& model_name() const { return model_name_; }

  /// What the updates are by their options, for the settings of a training.
  [[nodiscard]] std::string updates_text() const {
    return "rank " + std::to_string(updates().rank) + ", alpha " + alpha() + ", dropout " +
           std::to_string(updates().dropout) + ", " + layers();
  }

  /// Writes the updates and the head as one safetensors file.
  void save(const std::filesystem::path& path) {
    std::vector<std::pair<std::string, Matrix<float>>> matrices;
    for (const auto* p : parameters()) matrices.emplace_back(p->name(), p->value.to_host());
    std::vector<NamedTensor> tensors;
    for (const auto& [name, values] : matrices) tensors.push_back(NamedTensor::of(name, values));
    write_safetensors(path, tensors,
                      {{"format", detail::kScorerFormat},
                       {"model", model_name_},
                       {"reading", reading()},
                       {"rank", std::to_string(updates().rank)},
                       {"alpha", alpha()},
                       {"layers", layers()}});
  }

  /// Takes over what `save` wrote. @throws DataError when it is no scorer, or of other updates or another base model:
  /// one of another name or, since 0.3, with other tokens
  void load(const std::filesystem::path& path) {
    const auto file = SafetensorsFile::open(path);
    const auto refuse = [&](const std::string& problem) { return detail::scorer_error(path, problem); };
    const auto text = [&](const char* key) { return detail::scorer_fact(file, key); };
    if (text("format") != detail::kScorerFormat)
      throw refuse(std::string("the file is no \"") + detail::kScorerFormat + "\"");
    if (!text("alpha").empty() && text("alpha") != alpha())
      throw refuse("its updates' alpha is " + text("alpha") + ", not " + alpha());
    if (text("model") != model_name_)
      throw refuse("it scores with the model \"" + text("model") + "\", not \"" + model_name_ + "\"");
    if (!text("reading").empty() && text("reading") != reading())
      throw refuse("its model \"" + model_name_ + "\" has other tokens for the same text than this one of that name");
    std::vector<Matrix<float>> values;
    for (const auto* p : parameters()) {
      values.push_back(file.matrix<float>(p->name()));
      if (values.back().rows() != p->value.rows() || values.back().cols() != p->value.cols())
        throw refuse("tensor " + p->name() + " has another shape than the model's");
      for (Index k = 0; k < values.back().size(); ++k)
        if (!std::isfinite(values.back().data()[k])) throw refuse("tensor " + p->name() + " is not finite");
    }
    std::size_t k = 0;
    for (auto* p : parameters()) {
      B::from_host(p->value.data(), values[k].data(), p->value.size());
      ++k;
    }
    refresh();
  }

 private:
  [[nodiscard]] const lm::LoraOptions& updates() const { return decoder_.lora().value(); }
  [[nodiscard]] std::string alpha() const {
    char text[40];
    std::snprintf(text, sizeof text, "%.17g", updates().alpha);
    return text;
  }
  // Tiny models are of one name and size, but each has a vocabulary of its own.
  [[nodiscard]] std::string reading() const {
    const auto tokens = codec_.encode(
        "Question: 1 Which news, films or books does this person read? Say it in 23 words.\n\nAnswer: "
        "User identity: Traveller; User interests: Sports, music and history of science");
    return Fingerprint().add(std::span<const lm::TokenId>(tokens)).text();
  }
  [[nodiscard]] std::string layers() const {
    std::string names;
    for (const std::string& layer : updates().layers) names.append(names.empty() ? "" : ",").append(layer);
    return names;
  }

  lm::TextCodec codec_;
  std::string model_name_;
  lm::TrainableDecoder<B, float> decoder_;
  Parameter<B, float> head_;
  Index context_;
};

}  // namespace reclm::instruct
