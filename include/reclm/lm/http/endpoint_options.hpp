#pragma once
/// @file endpoint_options.hpp
/// Where a remote model is, how patient its client is, and what can go wrong.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"

namespace reclm::lm {

/// A server that speaks OpenAI's HTTP interface: vLLM, llama-server, Ollama, LM Studio, hosted ones.
struct EndpointOptions {
  std::string url = "http://127.0.0.1:8000/v1";  ///< what stands before /chat/completions
  std::string model{};                           ///< as the server names it; empty: the first that it lists
  /// The environment variable that holds the key; unset or empty: no key is sent. The key is read for each run, kept
  /// nowhere, blotted out of error texts, and sent over https or to this machine alone.
  std::string key_variable = "OPENAI_API_KEY";
  int concurrency = 4;          ///< requests at a time, 1 to 256
  double connect_timeout = 10;  ///< seconds
  double read_timeout = 120;    ///< seconds without a byte: a model may think for long before the first
  double total_timeout = 600;   ///< seconds of a whole answer
  int retries = 5;              ///< after the first try, on 408, 429, 5xx, lost connections, timeouts, broken answers
  double first_wait = 0.5;      ///< seconds; doubles with each retry, halved at random (by `seed`) by up to a half
  double longest_wait = 30;
  double longest_retry_after = 300;  ///< a server that asks for more is taken at its word: the run ends
  std::uint64_t seed = 1;
  std::string ca_file{};  ///< PEM certificates to trust beside the system's, for servers of one's own
};

/// How answers are sampled. What is not set is left to the server.
struct ChatParameters {
  Index max_tokens = 100;
  double temperature = 0.9, top_p = 0.9;
  std::vector<std::string> stop{};
  /// Merged into each request, a JSON object: {"repetition_penalty": 1.3}. For what servers add to the interface.
  std::string extra{};
  std::string cut_off{};  ///< put behind answers that the server cut off at max_tokens ("finish_reason": "length")
};

/// A request that failed for good. `status` is HTTP's, 0 where no answer came.
class EndpointError : public Error {
 public:
  EndpointError(int status, const std::string& text) : Error(text), status_(status) {}
  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  int status_;
};

namespace detail {

/// A URL as error texts may show it: what stands before '@' is blotted out, and what follows '?' or '#'.
inline std::string without_secrets(std::string_view url) {
  const auto scheme = url.find("://");
  std::string shown(url.substr(0, scheme == std::string_view::npos ? 0 : scheme + 3));
  const std::string_view rest = url.substr(shown.size());
  const auto end = std::min(rest.find_first_of("?#"), rest.size()), at = rest.rfind('@');
  if (at == std::string_view::npos) {
    shown += rest.substr(0, end + 1);
  } else if (at > end) {
    return shown + "***";  // that may be a password with a '?' in it
  } else {
    shown.append("***").append(rest.substr(at, end - at + 1));
  }
  return end < rest.size() ? shown + "***" : shown;
}

/// "https://host:port/v1" in its parts.
struct ServerAddress {
  std::string origin;  ///< "https://host:port"
  std::string path;    ///< "/v1"; no slash at the end
  bool secure = false;
  bool local = false;  ///< this machine

  /// @throws ConfigError on what is no http or https URL
  static ServerAddress parse(const std::string& url) {
    ServerAddress result;
    std::string_view rest = url;
    const auto refuse = [&](const char* why) {
      throw ConfigError("the endpoint's URL \"" + without_secrets(url) + "\" " + why +
                        ". Remedy: write http://HOST:PORT/v1 or https://HOST/v1");
    };
    if (rest.starts_with("https://"))
      result.secure = true, rest.remove_prefix(8);
    else if (rest.starts_with("http://"))
      rest.remove_prefix(7);
    else
      refuse("begins with neither http:// nor https://");
    const auto slash = std::min(rest.find('/'), rest.size());
    const std::string_view host = rest.substr(0, slash);
    for (const char c : url)
      if (static_cast<unsigned char>(c) <= ' ' || c == '?' || c == '#') refuse("holds a blank, ? or #");
    if (host.empty() || host.find('@') != std::string_view::npos) refuse("has no plain host");
    const bool six = host.starts_with('[');
    const std::string_view name = host.substr(0, six ? host.find(']') + 1 : std::min(host.find(':'), host.size()));
    result.local = name == "localhost" || name == "[::1]" ||
                   (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos);
    result.origin = std::string(result.secure ? "https://" : "http://") + std::string(host);
    result.path = rest.substr(slash);
    while (result.path.ends_with('/')) result.path.pop_back();
    return result;
  }
};

/// @throws ConfigError naming the option
inline void check(const EndpointOptions& options) {
  const auto require = [](bool fine, const char* rule) {
    if (!fine) throw ConfigError(std::string("EndpointOptions: ") + rule);
  };
  require(options.concurrency >= 1 && options.concurrency <= 256, "concurrency must lie in 1 … 256");
  require(options.connect_timeout > 0 && options.read_timeout > 0 && options.total_timeout > 0,
          "timeouts must be above 0");
  require(options.retries >= 0 && options.retries <= 30, "retries must lie in 0 … 30");
  require(options.first_wait >= 0 && options.longest_wait >= options.first_wait && options.longest_retry_after >= 0,
          "0 ≤ first_wait ≤ longest_wait and longest_retry_after ≥ 0 are needed");
}

}  // namespace detail

}  // namespace reclm::lm
