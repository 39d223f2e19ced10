#pragma once
/// @file endpoint.hpp
/// A client of OpenAI-compatible servers: chat completions and embeddings, several at a time, with retries.
/// Certificates of https servers are verified, always.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/lm/chat.hpp"
#include "reclm/lm/http/detail/request_pool.hpp"
#include "reclm/lm/http/endpoint_options.hpp"

namespace reclm::lm {

/// A dialogue to be answered.
struct ChatRequest {
  const Dialogue* messages = nullptr;
  std::optional<std::uint64_t> seed{};  ///< of sampling, for servers that take one
};

/// One server and model. Const members may be called from several threads.
class Endpoint {
 public:
  /// Asks nothing yet. @throws ConfigError
  explicit Endpoint(EndpointOptions options)
      : options_(std::move(options)), address_(detail::ServerAddress::parse(options_.url)) {
    detail::check(options_);
  }

  /// Answers by index, in the order of arrival, `concurrency` at a time; `answer` is called on this thread and returns
  /// false to stop (requests under way are then broken off). What came before a failure has been handed over, so that a
  /// caller who keeps it asks again for the rest alone.
  /// @throws EndpointError naming status, the server's words and a remedy: on a dialogue that the server refuses (400,
  /// 413, 422) after all others are answered, else as soon as retries are used up
  void chat(std::span<const ChatRequest> requests, const ChatParameters& parameters,
            const std::function<bool(Index, std::string)>& answer) const {
    if (requests.empty()) return;
    const nlohmann::json frame = chat_frame(parameters);
    detail::RequestPool<std::string> pool(options_, address_);
    pool.run(
        static_cast<Index>(requests.size()), "/chat/completions",
        [&](Index k) { return chat_body(frame, requests[static_cast<std::size_t>(k)]); },
        [&](const std::string& text) { return chat_answer(text, parameters.cut_off); }, answer);
  }

  /// Vectors [texts, width], `batch` texts a request. @throws EndpointError; ConfigError on batch < 1
  [[nodiscard]] Matrix<float> embed(std::span<const std::string> texts, Index batch = 64) const {
    if (batch < 1) throw ConfigError("Endpoint::embed: batch must be at least 1");
    const auto count = static_cast<Index>(texts.size());
    if (count == 0) return {};
    const std::string model = model_or_first();
    const auto part = [&](Index k) {
      return texts.subspan(static_cast<std::size_t>(k * batch),
                           static_cast<std::size_t>(std::min(batch, count - k * batch)));
    };
    std::vector<Matrix<float>> parts(static_cast<std::size_t>((count + batch - 1) / batch));
    detail::RequestPool<Matrix<float>> pool(options_, address_);
    pool.run(
        static_cast<Index>(parts.size()), "/embeddings",
        [&](Index k) {
          nlohmann::json body{{"model", model}, {"encoding_format", "float"}};
          for (const std::string& text : part(k)) body["input"].push_back(text);
          return to_text(body);
        },
        [](const std::string& text) { return vectors_of(text); },
        [&](Index k, Matrix<float> vectors) {
          if (vectors.rows() != static_cast<Index>(part(k).size()))
            throw EndpointError(200, options_.url + "/embeddings: " + std::to_string(vectors.rows()) + " vectors for " +
                                         std::to_string(part(k).size()) + " texts. Remedy: see the server's log");
          parts[static_cast<std::size_t>(k)] = std::move(vectors);
          return true;
        });
    Matrix<float> result(count, parts.front().cols());
    Index row = 0;
    for (const Matrix<float>& vectors : parts) {
      if (vectors.cols() != result.cols())
        throw EndpointError(200, options_.url + "/embeddings: vectors of " + std::to_string(result.cols()) +
                                     " and of " + std::to_string(vectors.cols()) +
                                     " numbers. Remedy: see the server's log");
      std::copy_n(vectors.data(), vectors.size(), result.data() + row * result.cols());
      row += vectors.rows();
    }
    return result;
  }
  /// The same, as text encoders are called.
  Matrix<float> operator()(std::span<const std::string> texts) const { return embed(texts); }

  /// The models that the server has. @throws EndpointError
  [[nodiscard]] std::vector<std::string> models() const {
    std::vector<std::string> names;
    const std::string key = detail::key_of(options_, address_);
    detail::Session session(options_, address_, key, [](double seconds) {
      std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
      return true;
    });
    session.request("GET", "/models", {}, 0, [&](const std::string& text) {
      names.clear();
      const nlohmann::json answer = parse(text);
      for (const auto& model : member(answer, "data")) names.push_back(text_of(member(model, "id")));
    });
    return names;
  }

  /// The model's name, asked for where the options have none. @throws EndpointError
  [[nodiscard]] std::string model_or_first() const {
    if (!options_.model.empty()) return options_.model;
    const auto names = models();
    if (names.empty())
      throw EndpointError(200, options_.url + "/models: the server names no model. Remedy: say which one");
    return names.front();
  }

  [[nodiscard]] const EndpointOptions& options() const { return options_; }

 private:
  using Json = nlohmann::json;

  // What stands in every request.
  [[nodiscard]] Json chat_frame(const ChatParameters& parameters) const {
    if (parameters.max_tokens < 1 || parameters.temperature < 0 || !(parameters.top_p > 0 && parameters.top_p <= 1))
      throw ConfigError("ChatParameters: max_tokens ≥ 1, temperature ≥ 0 and 0 < top_p ≤ 1 are needed");
    Json frame{{"model", model_or_first()},
               {"max_tokens", parameters.max_tokens},
               {"temperature", parameters.temperature},
               {"top_p", parameters.top_p}};
    if (!parameters.stop.empty()) frame["stop"] = parameters.stop;
    if (parameters.extra.empty()) return frame;
    const Json extra = Json::parse(parameters.extra, nullptr, false);
    if (!extra.is_object())
      throw ConfigError("ChatParameters: extra is no JSON object. Remedy: write {\"NAME\": value}");
    frame.update(extra);
    return frame;
  }

  static std::string chat_body(Json body, const ChatRequest& request) {
    Json messages = Json::array();
    for (const Message& message : *request.messages)
      messages.push_back({{"role", message.role}, {"content", message.content}});
    body["messages"] = std::move(messages);
    // Servers keep seeds in 32 or 63 bits.
    if (request.seed) body["seed"] = *request.seed & 0x7FFFFFFFu;
    return to_text(body);
  }

  static std::string to_text(const Json& body) { return body.dump(-1, ' ', false, Json::error_handler_t::replace); }

  static Json parse(const std::string& text) {
    Json answer = Json::parse(text, nullptr, false);
    if (answer.is_discarded()) throw detail::BrokenAnswer("the answer is no JSON");
    return answer;
  }

  static const Json& member(const Json& object, const char* key) {
    if (!object.is_object() || !object.contains(key))
      throw detail::BrokenAnswer("the answer has no \"" + std::string(key) + "\"");
    return object[key];
  }

  static std::string text_of(const Json& value) {
    if (!value.is_string()) throw detail::BrokenAnswer("the answer holds something else where a text is needed");
    return value.get<std::string>();
  }

  static std::string chat_answer(const std::string& text, const std::string& cut_off) {
    const Json answer = parse(text);
    const Json& choices = member(answer, "choices");
    if (!choices.is_array() || choices.empty()) throw detail::BrokenAnswer("the answer has no choice");
    const auto reason = choices[0].find("finish_reason");
    const bool cut = reason != choices[0].end() && *reason == "length";
    const Json& content = member(member(choices[0], "message"), "content");
    // Of a model that was still thinking when its tokens ended some servers say that there is no content.
    if (cut && content.is_null()) return cut_off;
    return cut ? text_of(content) + cut_off : text_of(content);
  }

  static Matrix<float> vectors_of(const std::string& text) {
    const Json answer = parse(text);
    const Json& data = member(answer, "data");
    if (!data.is_array() || data.empty()) throw detail::BrokenAnswer("the answer has no vectors");
    Matrix<float> vectors;
    std::vector<bool> seen(data.size());
    for (std::size_t k = 0; k < data.size(); ++k) {
      const std::vector<double> vector = vector_of(member(data[k], "embedding"));
      if (k == 0) vectors = Matrix<float>(static_cast<Index>(data.size()), static_cast<Index>(vector.size()));
      const auto place =
          data[k].contains("index") && data[k]["index"].is_number_unsigned() ? data[k]["index"].get<std::size_t>() : k;
      if (static_cast<Index>(vector.size()) != vectors.cols() || place >= data.size() || seen[place])
        throw detail::BrokenAnswer("the answer's vectors do not form a matrix");
      seen[place] = true;
      for (Index c = 0; c < vectors.cols(); ++c) {
        vectors(static_cast<Index>(place), c) = static_cast<float>(vector[static_cast<std::size_t>(c)]);
        if (!std::isfinite(vectors(static_cast<Index>(place), c)))
          throw detail::BrokenAnswer("a vector of the answer holds what is no finite number");
      }
    }
    return vectors;
  }

  // A list of numbers; or, of servers that do not pool (llama.cpp with a chat model), one such list a token: their
  // mean.
  static std::vector<double> vector_of(const Json& embedding) {
    if (!embedding.is_array() || embedding.empty()) throw detail::BrokenAnswer("an embedding is no list");
    std::vector<double> vector;
    if (!embedding[0].is_array()) {
      for (const Json& number : embedding) vector.push_back(number.is_number() ? number.get<double>() : std::nan(""));
      return vector;
    }
    for (const Json& token : embedding) {
      if (!token.is_array() || (!vector.empty() && token.size() != vector.size()))
        throw detail::BrokenAnswer("an embedding's lists differ in length");
      vector.resize(token.size());
      for (std::size_t c = 0; c < token.size(); ++c)
        vector[c] +=
            (token[c].is_number() ? token[c].get<double>() : std::nan("")) / static_cast<double>(embedding.size());
    }
    return vector;
  }

  EndpointOptions options_;
  detail::ServerAddress address_;
};

}  // namespace reclm::lm
