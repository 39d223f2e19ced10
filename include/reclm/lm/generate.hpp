#pragma once
/// @file generate.hpp
/// Texts from a decoder: many requests at once, each admitted when another ends (continuous batching, Yu et al., OSDI
/// 2022), beginnings that prompts share computed once.
///
///     const auto texts = generate(decoder, TokenTexts(tokenizer), {{.prompt = tokenizer.encode("Once upon")}});
///
/// On the CPU a request's text depends on its prompt, options, seed and number alone: not on the other requests, the
/// batch size or the number of threads. (With dynamic RoPE prompts beyond the original context share nothing.)

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/observer.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/lm/decoder.hpp"
#include "reclm/lm/list_entries.hpp"
#include "reclm/lm/sampling.hpp"
#include "reclm/lm/token_constraint.hpp"
#include "reclm/lm/token_texts.hpp"

namespace reclm::lm {

/// One text to be written.
struct GenerationRequest {
  std::vector<TokenId> prompt;  ///< at least one token
  SamplingOptions sampling{};
  Index max_tokens = 256;            ///< the context's end comes first where it is nearer
  std::vector<std::string> stops{};  ///< strings that end the text; they are cut off
  std::shared_ptr<const TokenConstraint> constraint{};
  std::uint64_t seed = 0;
  std::optional<std::uint64_t> number{};  ///< of its random numbers; its place among the requests when not given
};

enum class Finish {
  stop_token,   ///< the model ended the text, or the constraint has no more to add and there is no stop token
  stop_string,  ///< a string of `stops` appeared
  length,       ///< max_tokens, or the context is full
  cancelled,    ///< an observer stopped the work; the text is what there was
};

struct Generation {
  std::vector<TokenId> tokens;           ///< what was generated, a stop token included
  std::vector<float> log_probabilities;  ///< of `tokens`; see Choice
  std::string text;  ///< their bytes, without stop tokens, stop strings and a character begun at the end
  Finish finish = Finish::cancelled;
  Index prompt_tokens = 0;
  Index shared_tokens = 0;  ///< of the prompt, taken from another request's
};

/// A piece of a text as it appears.
struct TextPiece {
  std::size_t request = 0;         ///< its place among the requests
  std::string_view text;           ///< whole characters; never part of a stop string; all pieces are the text
  bool finished = false;           ///< the last piece (it may be empty)
  std::optional<Finish> finish{};  ///< why, with the last piece
};

struct GenerationOptions {
  Index batch = 16;  ///< texts under way at once; each takes a KvSequence
  /// Called for each piece in the order of its text; returning false cancels this request alone.
  std::function<bool(const TextPiece&)> on_text{};
};

namespace detail {

/// Bytes at the end of `text` that begin a character whose rest has not come yet.
inline std::size_t unfinished_character(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

/// The longest end of `text` that begins one of the strings.
inline std::size_t begun_stop(std::string_view text, const std::vector<std::string>& stops) {
  std::size_t longest = 0;
  for (const std::string& stop : stops)
    for (std::size_t n = std::min(stop.size(), text.size()); n > longest; --n)
      if (text.ends_with(std::string_view(stop).substr(0, n))) longest = n;
  return longest;
}

/// Tokens that two texts have in common at their beginnings.
inline Index common_beginning(std::span<const TokenId> a, std::span<const TokenId> b) {
  return std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
}

template <class B>
class Generator {
 public:
  Generator(const lm::Decoder<B>& decoder, const TokenTexts& texts, std::span<const GenerationRequest> requests,
            const GenerationOptions& options, const Observer& observer)
      : decoder_(decoder), texts_(texts), requests_(requests), options_(options), observer_(observer) {
    if (options.batch < 1) throw ConfigError("generate: batch must be 1 or more");
    for (std::size_t r = 0; r < requests.size(); ++r) check_request(r);
    results_.resize(requests.size());
    for (std::size_t r = 0; r < requests.size(); ++r) results_[r].prompt_tokens = prompt_size(r);
  }

  std::vector<Generation> run() {
    const auto start = std::chrono::steady_clock::now();
    Index tokens = 0;
    while (waiting_ < requests_.size() || !active_.empty()) {
      admit();
      step();
      tokens += static_cast<Index>(active_.size());
      finish_texts();
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      const Metric speed{"tokens/s", static_cast<double>(tokens) / std::max(1e-9, seconds.count())};
      if (!notify(observer_, {.stage = "generate",
                              .step = finished_,
                              .total = static_cast<Index>(requests_.size()),
                              .metrics = {&speed, 1}}))
        break;
    }
    for (Text& text : active_) end(text, Finish::cancelled);
    return std::move(results_);
  }

 private:
  /// A text under way.
  struct Text {
    std::size_t request = 0;
    KvSequence<B> sequence;
    std::vector<TokenId> fed;   // prompt and generated tokens that are in the sequence
    std::vector<TokenId> next;  // to be fed now
    std::size_t shown = 0;      // bytes that on_text has had
    ByteAutomaton::State state = 0;
    ListEntries entries{};  // of what is generated
    bool done = false;
  };

  [[nodiscard]] Index prompt_size(std::size_t request) const {
    return static_cast<Index>(requests_[request].prompt.size());
  }

  void check_request(std::size_t number) const {
    const GenerationRequest& request = requests_[number];
    const std::string where = "request " + std::to_string(number) + ": ";
    check(request.sampling);
    if (request.prompt.empty()) throw ConfigError(where + "the prompt has no tokens");
    if (request.max_tokens < 1) throw ConfigError(where + "max_tokens must be 1 or more");
    const Index context = decoder_.config().context;
    if (context > 0 && prompt_size(number) >= context)
      throw ConfigError(where + "the prompt's " + std::to_string(prompt_size(number)) +
                        " tokens fill the model's context of " + std::to_string(context) +
                        ". Remedy: a shorter prompt, or a model with a longer context");
    if (request.constraint != nullptr && room(number) < request.constraint->least_tokens())
      throw ConfigError(where + "the constraint's shortest texts may take " +
                        std::to_string(request.constraint->least_tokens()) + " tokens, but " +
                        std::to_string(room(number)) + " fit. Remedy: raise max_tokens, or shorten the prompt");
    for (const std::string& stop : request.stops)
      if (stop.empty()) throw ConfigError(where + "a stop string is empty");
  }

  /// Tokens that a request may generate.
  [[nodiscard]] Index room(std::size_t request) const {
    const Index context = decoder_.config().context;
    return context > 0 ? std::min(requests_[request].max_tokens, context - prompt_size(request))
                       : requests_[request].max_tokens;
  }

  /// Takes waiting requests in. One whose beginning is about to be computed for another waits for that.
  void admit() {
    while (static_cast<Index>(active_.size()) < options_.batch && waiting_ < requests_.size()) {
      const std::vector<TokenId>& prompt = requests_[waiting_].prompt;
      const Text* donor = nullptr;
      Index shared = 0, soon = 0;
      // The last token must be computed, for its logits. Where lone tokens are computed otherwise, it must not be
      // alone, and what is taken must have been computed as a prompt's: else a text depended on its company.
      const bool apart = decoder_.lone_tokens_differ();
      const Index most = prompt_size(waiting_) - (apart ? 2 : 1), least = apart ? 2 : 1;
      const bool alike = !decoder_.turned_by_length(prompt_size(waiting_));
      const auto shareable = [&](const Text& text) {
        return alike && !decoder_.turned_by_length(prompt_size(text.request));
      };
      const auto consider = [&](const Text& text) {
        if (!shareable(text)) return;
        const Index there = apart ? prompt_size(text.request) : most;
        const Index common = std::min({most, there, common_beginning(prompt, text.fed)});
        if (common > shared && common >= least) {
          shared = common;
          donor = &text;
        }
      };
      for (const Text& text : active_) {
        consider(text);
        if (shareable(text) && static_cast<Index>(text.fed.size()) < prompt_size(text.request))
          soon = std::max(soon, std::min(most, common_beginning(prompt, requests_[text.request].prompt)));
      }
      if (last_) consider(*last_);
      constexpr Index worth_waiting = 16;
      if (soon >= shared + worth_waiting) return;
      Text text;
      text.request = waiting_;
      if (shared > 0) text.sequence = donor->sequence.prefix(shared);
      text.fed.assign(prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(shared));
      text.next.assign(prompt.begin() + static_cast<std::ptrdiff_t>(shared), prompt.end());
      results_[waiting_].shared_tokens = shared;
      active_.push_back(std::move(text));
      ++waiting_;
    }
  }

  /// One forward pass for all, and a token for each.
  void step() {
    std::vector<NextTokens<B>> next;
    for (Text& text : active_) next.push_back({&text.sequence, text.next});
    const ForwardResult<B> result = decoder_.forward(next);
    Matrix<float> copied;
    const float* logits = result.logits.data();
    if constexpr (B::on_device) {
      copied = result.logits.to_host();
      logits = copied.data();
    }
    const auto vocabulary = static_cast<std::size_t>(decoder_.config().vocabulary);
    parallel_for(static_cast<Index>(active_.size()), 1, [&](Index i) {
      Text& text = active_[static_cast<std::size_t>(i)];
      text.fed.insert(text.fed.end(), text.next.begin(), text.next.end());
      text.next.clear();
      append(text, {logits + static_cast<std::size_t>(i) * vocabulary, vocabulary});
    });
  }

  /// Chooses a token behind a text.
  void append(Text& text, std::span<const float> logits) {
    const GenerationRequest& request = requests_[text.request];
    Generation& result = results_[text.request];
    const auto position = static_cast<Index>(result.tokens.size());
    std::vector<TokenId> allowed;
    if (request.constraint) {
      allowed = request.constraint->allowed(text.state, room(text.request) - position);
      if (allowed.empty() && request.constraint->accepting(text.state)) return finish(text, Finish::stop_token);
    }
    const Random random(request.seed, Stream::generation, static_cast<std::uint32_t>(position));
    const Choice choice = choose(logits, request.sampling, text.fed, request.constraint ? &allowed : nullptr,
                                 random.uniform(request.number.value_or(text.request)), text.entries.refused());
    result.tokens.push_back(choice.token);
    result.log_probabilities.push_back(choice.log_probability);
    text.next.push_back(choice.token);
    if (texts_.is_stop(choice.token)) {
      finish(text, Finish::stop_token);
      return;
    }
    if (request.sampling.distinct_entries) text.entries.take(choice.token, texts_[choice.token]);
    if (request.constraint) text.state = request.constraint->next(text.state, choice.token);
    const std::size_t before = result.text.size();
    result.text += texts_[choice.token];
    std::size_t cut = std::string::npos;
    for (const std::string& stop : request.stops)
      cut = std::min(cut, result.text.find(stop, before - std::min(before, stop.size() - 1)));
    if (cut != std::string::npos) {
      result.text.resize(cut);
      finish(text, Finish::stop_string);
    } else if (position + 1 >= room(text.request)) {
      finish(text, Finish::length);
    }
  }

  void finish(Text& text, Finish how) {
    Generation& result = results_[text.request];
    result.finish = how;
    result.text.resize(result.text.size() - unfinished_character(result.text));
    text.done = true;
  }

  /// Shows what is new, and lets finished texts go.
  void finish_texts() {
    for (Text& text : active_) {
      if (!options_.on_text) break;
      const std::string_view piece = unshown(text);
      if (piece.empty() && !text.done) continue;
      const bool go_on = options_.on_text(
          {text.request, piece, text.done, text.done ? std::optional(results_[text.request].finish) : std::nullopt});
      text.shown += piece.size();
      if (!go_on && !text.done) finish(text, Finish::cancelled);
    }
    for (auto text = active_.begin(); text != active_.end();) {
      if (!text->done) {
        ++text;
        continue;
      }
      ++finished_;
      last_ = std::move(*text);
      text = active_.erase(text);
    }
    if (waiting_ == requests_.size()) last_.reset();
  }

  void end(Text& text, Finish how) {
    finish(text, how);
    if (options_.on_text) options_.on_text({text.request, unshown(text), true, how});
  }

  /// What can be shown of a text beyond what was: whole characters, and nothing that may become a stop string.
  [[nodiscard]] std::string_view unshown(const Text& text) const {
    const std::string_view whole = results_[text.request].text;
    std::size_t ready = whole.size();
    if (!text.done) {
      ready -= begun_stop(whole, requests_[text.request].stops);
      ready -= unfinished_character(whole.substr(0, ready));
    }
    return ready > text.shown ? whole.substr(text.shown, ready - text.shown) : std::string_view();
  }

  const lm::Decoder<B>& decoder_;  // lm::detail has a tokenizers' Decoder too
  const TokenTexts& texts_;
  std::span<const GenerationRequest> requests_;
  const GenerationOptions& options_;
  const Observer& observer_;
  std::vector<Generation> results_;
  std::vector<Text> active_;
  std::optional<Text> last_;  // the text that finished last: others may begin like it
  std::size_t waiting_ = 0;   // the first request that is not admitted
  Index finished_ = 0;
};

}  // namespace detail

/// Writes all texts. @param texts  the tokens of the decoder's vocabulary; its stop tokens end a text
/// @param observer  "generate": finished texts of all, metric tokens/s; returning false stops after the current tokens
/// @return one generation a request, in their order; those that were stopped or never begun say `cancelled`
/// @throws ConfigError naming the request whose options do not fit
template <class B>
std::vector<Generation> generate(const Decoder<B>& decoder, const TokenTexts& texts,
                                 std::span<const GenerationRequest> requests, const GenerationOptions& options = {},
                                 const Observer& observer = {}) {
  return detail::Generator<B>(decoder, texts, requests, options, observer).run();
}

}  // namespace reclm::lm
