#pragma once
/// @file encoder.hpp
/// Encoders of the BERT family (Devlin et al., 2019; MiniLM, Wang et al., 2020): token states, and one vector a text as
/// sentence-transformers makes it.
///
///     const auto weights = open_weights("all-MiniLM-L6-v2");
///     Encoder<> encoder(*weights);
///     const Matrix<float> vectors = encoder.encode(texts);   // texts as tokens, [CLS] and [SEP] included
///
/// Texts of all lengths are computed together without padding. On the CPU a text's vector has the same bits whatever
/// texts stand beside it, and for any number of threads.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/backend/kernels/gated.hpp"
#include "reclm/backend/kernels/norm.hpp"
#include "reclm/core/observer.hpp"
#include "reclm/lm/kv_cache.hpp"
#include "reclm/lm/linear.hpp"

namespace reclm::lm {

/// How a text's token states become its vector.
struct EncodeOptions {
  enum class Pooling { mean, first_token };
  Pooling pooling = Pooling::mean;
  bool normalise = true;  ///< to unit length
};

template <class B = Cpu>
class Encoder {
 public:
  /// Copies (repacks) the weights; `weights` may go afterwards.
  /// @throws DataError when a weight is missing or has another shape than the configuration says; ConfigError when the
  /// model is no encoder
  explicit Encoder(const WeightSource& weights, Precision precision = Precision::automatic)
      : config_(weights.config()), layout_(page_layout<B>(config_)) {
    const ModelConfig& c = config_;
    if (c.architecture != Architecture::bert)
      throw ConfigError("this model is a decoder. Remedy: open it as a Decoder");
    if (c.width < 1 || c.heads < 1 || c.layers < 1 || c.kv_heads != c.heads || c.heads * c.head_width != c.width)
      throw ConfigError("the model's configuration is none of an encoder: " + std::to_string(c.width) + " wide, " +
                        std::to_string(c.heads) + " heads of " + std::to_string(c.head_width) +
                        ". Remedy: check config.json or the GGUF metadata");
    precision = chosen_precision(precision, weights.get("encoder.layer.0.output.dense.weight").type);
    const std::string embeddings = "embeddings.";
    const auto table = [&](const std::string& name, Index rows) {
      return EmbeddingTable<B>(get_matrix(weights, name, rows, c.width), precision, name);
    };
    words_ = table(embeddings + "word_embeddings.weight", c.vocabulary);
    positions_ = table(embeddings + "position_embeddings.weight", c.context);
    const EmbeddingTable<B> types = table(embeddings + "token_type_embeddings.weight", c.token_types);
    type_ = Tensor<B, float>{1, c.width};
    types.gather(std::vector<Id>{0}, type_.data());
    norm_ = load_norm(weights, embeddings + "LayerNorm");
    for (Index i = 0; i < c.layers; ++i) {
      const std::string name = "encoder.layer." + std::to_string(i) + ".";
      const auto linear = [&](const std::string& part, Index outputs, Index inputs) {
        return Linear<B>(weights, name + part, outputs, inputs, true, precision);
      };
      layers_.push_back(
          {linear("attention.self.query", c.width, c.width), linear("attention.self.key", c.width, c.width),
           linear("attention.self.value", c.width, c.width), linear("attention.output.dense", c.width, c.width),
           linear("intermediate.dense", c.inner_width, c.width), linear("output.dense", c.width, c.inner_width),
           load_norm(weights, name + "attention.output.LayerNorm"), load_norm(weights, name + "output.LayerNorm")});
    }
  }

  [[nodiscard]] const ModelConfig& config() const { return config_; }

  /// The last layer's states of all tokens, text after text, on the host: [tokens, width].
  /// @throws ConfigError for texts that are empty or longer than the context, and tokens outside the vocabulary
  [[nodiscard]] Matrix<float> states(std::span<const std::vector<TokenId>> texts) const {
    check_texts(texts);
    return run(texts).to_host();
  }

  /// A vector for each text, on the host: [texts, width]. @param observer  "encode": texts done; returning false stops,
  /// and vectors not made yet are zero  @throws as `states`
  /// Cost: about 2 · parameters of the layers a token; memory of kMostRows tokens a thread.
  [[nodiscard]] Matrix<float> encode(std::span<const std::vector<TokenId>> texts, const EncodeOptions& options = {},
                                     const Observer& observer = {}) const {
    check_texts(texts);
    Matrix<float> vectors(static_cast<Index>(texts.size()), config_.width);
    // Whole texts up to kMostRows tokens; a thread takes a batch, and a stop is looked for after each round of them.
    std::vector<std::size_t> borders{0};
    Index rows = 0;
    for (std::size_t t = 0; t < texts.size(); ++t) {
      const auto more = static_cast<Index>(texts[t].size());
      if (rows > 0 && rows + more > kMostRows) {
        borders.push_back(t);
        rows = 0;
      }
      rows += more;
    }
    borders.push_back(texts.size());
    const auto batches = static_cast<Index>(borders.size()) - 1,
               round = std::max<Index>(1, B::on_device ? 1 : thread_count());
    for (Index begin = 0; begin < batches && !texts.empty(); begin += round) {
      const Index end = std::min(begin + round, batches);
      parallel_for(end - begin, 1, [&](Index i) {
        const std::size_t first = borders[static_cast<std::size_t>(begin + i)];
        const auto batch = texts.subspan(first, borders[static_cast<std::size_t>(begin + i + 1)] - first);
        const Matrix<float> part = pool(batch, run(batch), options);
        std::copy_n(part.data(), part.size(), vectors.row(static_cast<Index>(first)).data());
      });
      if (!notify(observer, {.stage = "encode",
                             .step = static_cast<Index>(borders[static_cast<std::size_t>(end)]),
                             .total = static_cast<Index>(texts.size())}))
        break;
    }
    return vectors;
  }

  /// Tokens that are computed together (a longer text is computed alone).
  static constexpr Index kMostRows = 480;

 private:
  static constexpr Index kInnerRows = 96;

  struct Norm {
    Tensor<B, float> weight, bias;
  };
  struct Layer {
    Linear<B> q, k, v, o, up, down;
    Norm attention_norm, inner_norm;
  };

  [[nodiscard]] Norm load_norm(const WeightSource& weights, const std::string& name) const {
    return {load_vector<B>(weights, name + ".weight", config_.width),
            load_vector<B>(weights, name + ".bias", config_.width)};
  }

  void check_texts(std::span<const std::vector<TokenId>> texts) const {
    for (std::size_t t = 0; t < texts.size(); ++t) {
      if (texts[t].empty()) throw ConfigError("text " + std::to_string(t) + " has no tokens");
      if (static_cast<Index>(texts[t].size()) > config_.context)
        throw ConfigError("text " + std::to_string(t) + " has " + std::to_string(texts[t].size()) +
                          " tokens, but the model reads " + std::to_string(config_.context) +
                          ". Remedy: cut texts to that length");
      for (const TokenId token : texts[t])
        if (token < 0 || token >= config_.vocabulary)
          throw ConfigError("token " + std::to_string(token) + " of text " + std::to_string(t) +
                            " is outside the vocabulary of " + std::to_string(config_.vocabulary) +
                            ". Remedy: use the tokenizer of this model");
    }
  }

  /// The states of a batch's tokens.
  [[nodiscard]] Tensor<B, float> run(std::span<const std::vector<TokenId>> texts) const {
    const ModelConfig& c = config_;
    std::vector<Id> tokens, places, ends;
    std::vector<Index> first_page;
    Index pages_needed = 0;
    for (const auto& text : texts) {
      for (std::size_t i = 0; i < text.size(); ++i) {
        tokens.push_back(text[i]);
        places.push_back(static_cast<Id>(i));
        ends.push_back(static_cast<Id>(text.size()));
        first_page.push_back(pages_needed);
      }
      pages_needed += (static_cast<Index>(text.size()) + kPage - 1) / kPage;
    }
    const auto n = static_cast<Index>(tokens.size());
    // Keys and values of one layer at a time; what pages hold behind a text's end must be finite.
    Tensor<B, float> memory = Tensor<B, float>::zeros(pages_needed, layout_.size());
    std::vector<float*> page_list;
    for (Index p = 0; p < pages_needed; ++p) page_list.push_back(memory.data() + p * layout_.size());
    const auto pages = upload<B>(std::span<float* const>(page_list));
    const auto device_first = upload<B>(std::span<const Index>(first_page));
    const auto device_places = upload<B>(std::span<const Id>(places)),
               device_ends = upload<B>(std::span<const Id>(ends));
    PagedRows paged;
    paged.layout = layout_;
    paged.pages = pages.get();
    paged.first_page = device_first.get();
    paged.positions = device_places.get();
    paged.ends = device_ends.get();
    paged.rows = n;
    paged.heads = c.heads;
    paged.scale = 1.0f / std::sqrt(static_cast<float>(c.head_width));

    const Index inner_rows = B::on_device ? n : std::min(n, kInnerRows);
    Tensor<B, float> x{n, c.width}, q{n, c.width}, k{n, c.width}, v{n, c.width}, back{n, c.width},
        inner{inner_rows, c.inner_width}, activated;
    Tensor<B, float> statistics{n, 2}, scores;
    const Index longest = *std::max_element(ends.begin(), ends.end());
    if constexpr (B::on_device) {
      scores = Tensor<B, float>{n * c.heads, longest};
      activated = Tensor<B, float>{inner_rows, c.inner_width};
    }
    const auto add = [&](const Tensor<B, float>& from, Tensor<B, float>& to) {
      B::for_rows(n, c.width, kernels::AddScaled<float>{from.data(), 1.0f, to.data(), c.width});
    };
    const auto layer_norm = [&](const Norm& norm, const Tensor<B, float>& from, Tensor<B, float>& to,
                                const float* residual = nullptr) {
      B::for_rows(n, 4 * c.width,
                  kernels::LayerNorm<float>{from.data(), norm.weight.data(), norm.bias.data(),
                                            static_cast<float>(c.norm_epsilon), to.data(), statistics.data(), c.width,
                                            residual});
    };

    words_.gather(tokens, back.data());
    positions_.gather(places, q.data());
    add(q, back);
    B::for_rows(n, c.width, kernels::BiasActivation<float>{type_.data(), false, back.data(), c.width});
    layer_norm(norm_, back, x);
    for (const Layer& layer : layers_) {
      const LayerInput attention_input(x.data(), n, c.width);
      layer.q.apply(attention_input, q.data());
      layer.k.apply(attention_input, k.data());
      layer.v.apply(attention_input, v.data());
      if constexpr (B::on_device) {
        B::for_rows(n, 8 * c.width, kernels::StoreKeysValues{paged, k.data(), v.data()});
        B::for_rows(n * c.heads, longest * c.head_width,
                    kernels::PagedAttention{paged, q.data(), scores.data(), longest, k.data()});
      } else {
        cpu::store_keys_values(paged, k.data(), v.data());
        cpu::paged_attention(paged, q.data(), k.data());
      }
      layer.o.apply({k.data(), n, c.width}, back.data());
      layer_norm(layer.attention_norm, back, x, x.data());
      // Some rows at a time, so that the wide inner states stay in the second-level cache.
      for (Index row = 0; row < n; row += inner_rows) {
        const Index rows = std::min(inner_rows, n - row);
        const LayerInput outer_input(x.data() + row * c.width, rows, c.width);
        float* const to = back.data() + row * c.width;
        if constexpr (B::on_device) {
          layer.up.apply(outer_input, inner.data());
          B::for_rows(rows, 16 * c.inner_width,
                      kernels::Gelu<float>{inner.data(), nullptr, kernels::GeluKind::exact, 0, activated.data(),
                                           c.inner_width});
          layer.down.apply({activated.data(), rows, c.inner_width}, to);
        } else if (auto rounded = layer.up.apply_gelu(outer_input)) {
          layer.down.apply(LayerInput(*std::move(rounded), c.inner_width), to);
        } else {
          layer.up.apply(outer_input, inner.data());
          parallel_for(rows, 16, [&](Index r) { cpu::gelu(inner.data() + r * c.inner_width, c.inner_width); });
          layer.down.apply({inner.data(), rows, c.inner_width}, to);
        }
      }
      layer_norm(layer.inner_norm, back, x, x.data());
    }
    return x;
  }

  [[nodiscard]] Matrix<float> pool(std::span<const std::vector<TokenId>> texts, const Tensor<B, float>& states,
                                   const EncodeOptions& options) const {
    // A sparse matrix that takes the mean of each text's rows, or its first row.
    const auto count = static_cast<Index>(texts.size());
    std::vector<Index> offsets{0};
    std::vector<Id> columns;
    std::vector<float> shares;
    Index first = 0;
    for (const auto& text : texts) {
      const auto length = static_cast<Index>(text.size());
      const Index rows = options.pooling == EncodeOptions::Pooling::mean ? length : 1;
      for (Index i = 0; i < rows; ++i) {
        columns.push_back(static_cast<Id>(first + i));
        shares.push_back(1.0f / static_cast<float>(rows));
      }
      offsets.push_back(static_cast<Index>(columns.size()));
      first += length;
    }
    const auto device_offsets = upload<B>(std::span<const Index>(offsets));
    const auto device_columns = upload<B>(std::span<const Id>(columns));
    const auto device_shares = upload<B>(std::span<const float>(shares));
    Tensor<B, float> pooled{count, config_.width}, unit{count, config_.width}, norms{count, 1};
    B::spmm(CsrView<float>{count, first, device_offsets.get(), device_columns.get(), device_shares.get()},
            states.data(), config_.width, 0.0f, static_cast<const float*>(nullptr), pooled.data());
    if (!options.normalise) return pooled.to_host();
    B::for_rows(count, 4 * config_.width,
                kernels::Normalize<float>{pooled.data(), unit.data(), norms.data(), config_.width});
    return unit.to_host();
  }

  ModelConfig config_;
  PageLayout layout_;
  EmbeddingTable<B> words_, positions_;
  Tensor<B, float> type_;
  Norm norm_;
  std::vector<Layer> layers_;
};

}  // namespace reclm::lm
