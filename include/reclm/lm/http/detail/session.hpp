#pragma once
/// @file session.hpp
/// One connection to a server: a request, its retries, and what to make of its failures.

// First: httplib brings resolv.h, which makes a macro of _res, a name in Eigen's products.
#include <Eigen/Core>

#include <httplib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "reclm/core/config.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/lm/http/endpoint_options.hpp"

namespace reclm::lm::detail {

/// Thrown by readers of answers whose text is not what it should be; such an answer is asked for again.
class BrokenAnswer : public Error {
 public:
  using Error::Error;
};

/// The key of the environment, "" for none. @throws ConfigError when it cannot be a header or would travel in the open
inline std::string key_of(const EndpointOptions& options, const ServerAddress& address) {
  const char* const found = options.key_variable.empty() ? nullptr : std::getenv(options.key_variable.c_str());
  std::string key = found == nullptr ? "" : found;
  for (const char c : key)
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f')
      throw ConfigError("the key in " + options.key_variable + " holds a blank or a line end. Remedy: set it anew");
  if (!key.empty() && !address.secure && !address.local)
    throw ConfigError("the key in " + options.key_variable + " would be sent unencrypted to " + address.origin +
                      ". Remedy: use https, or unset the variable where the server needs no key");
  return key;
}

/// Seconds that a Retry-After header asks for: a number, or a date of HTTP. Nothing when it says neither.
inline std::optional<double> retry_after_seconds(const std::string& text, std::time_t now) {
  if (!text.empty() && text.find_first_not_of("0123456789.") == std::string::npos)
    return std::strtod(text.c_str(), nullptr);
  std::tm date{};
  if (text.empty() || ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr) return std::nullopt;
  return std::max(0.0, std::difftime(::timegm(&date), now));
}

class Session {
 public:
  /// @param stopped  asked between tries and while waiting  @param pause  waits, and returns false when stopped
  Session(const EndpointOptions& options, const ServerAddress& address, const std::string& key,
          std::function<bool(double seconds)> pause)
      : options_(options), address_(address), key_(key), pause_(std::move(pause)), client_(address.origin) {
    const auto time = [](double seconds) { return std::chrono::microseconds(std::llround(seconds * 1e6)); };
    client_.set_connection_timeout(time(options.connect_timeout));
    client_.set_read_timeout(time(options.read_timeout));
    client_.set_write_timeout(time(options.read_timeout));
    client_.set_keep_alive(true);
    client_.set_follow_location(false);  // a key must not travel on
    if (address.secure) {
      if (!options.ca_file.empty()) {
        client_.set_ca_cert_path(options.ca_file);
        SSL_CTX_set_default_verify_paths(client_.ssl_context());  // which httplib leaves out beside a file
      }
      client_.enable_server_certificate_verification(true);
    }
  }

  /// Breaks off a request of another thread.
  void stop() { client_.stop(); }

  /// Sends until `read(body)` takes the answer. @param number  of the request, which chooses its jitter
  /// @returns false when stopped  @throws EndpointError
  template <class Read>
  bool request(const std::string& method, const std::string& path, const std::string& body, Index number,
               const Read& read) {
    for (int attempt = 0;; ++attempt) {
      Outcome outcome = send(method, path, body);
      if (outcome.status >= 200 && outcome.status < 300) {
        try {
          read(outcome.body);
          return true;
        } catch (const BrokenAnswer& e) {
          outcome.problem = e.what();
          outcome.worth_retrying = true;
        }
      }
      if (!outcome.worth_retrying || attempt >= options_.retries) fail(outcome, path, attempt);
      double wait = std::min(options_.longest_wait, options_.first_wait * std::ldexp(1.0, attempt));
      wait *= 1 - 0.5 * Random(options_.seed, Stream::retries, static_cast<std::uint32_t>(attempt))
                            .uniform(static_cast<std::uint64_t>(number));
      if (outcome.retry_after) {
        if (*outcome.retry_after > options_.longest_retry_after) fail(outcome, path, attempt);
        wait = std::max(wait, *outcome.retry_after);
      }
      if (!pause_(wait)) return false;
    }
  }

 private:
  struct Outcome {
    int status = 0;  // 0: no answer
    std::string body, problem;
    bool worth_retrying = false;
    std::optional<double> retry_after;
    std::string remedy = "see the server's log";
  };

  Outcome send(const std::string& method, const std::string& path, const std::string& body) {
    constexpr std::size_t kLargestAnswer = std::size_t{1} << 28;
    Outcome outcome;
    const auto start = std::chrono::steady_clock::now();
    bool too_slow = false, too_large = false;
    httplib::Request request;
    request.method = method;
    request.path = address_.path + path;
    request.headers = {{"Accept", "application/json"}, {"Accept-Encoding", "identity"}, {"User-Agent", "reclm"}};
    if (!key_.empty()) request.headers.emplace("Authorization", "Bearer " + key_);
    if (method == "POST") {
      request.headers.emplace("Content-Type", "application/json");
      request.body = body;
    }
    request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
      too_slow = passed.count() > options_.total_timeout;
      too_large = outcome.body.size() + size > kLargestAnswer;
      if (too_slow || too_large) return false;
      outcome.body.append(data, size);
      return true;
    };
    const httplib::Result result = client_.send(request);
    if (too_large) {
      outcome.problem = "the answer is larger than 256 MiB";
    } else if (too_slow) {
      outcome.problem = "the answer took longer than the total timeout";
      outcome.worth_retrying = true;
      outcome.remedy = "allow more time, or ask for fewer tokens";
    } else if (result) {
      judge(*result, outcome);
    } else {
      judge(result.error(), outcome);
    }
    return outcome;
  }

  static void judge(const httplib::Response& response, Outcome& outcome) {
    outcome.status = response.status;
    outcome.problem = "the server answered " + std::to_string(response.status) +
                      (response.reason.empty() ? "" : " " + response.reason);
    switch (response.status) {
      case 400:
      case 413:
      case 422:
        outcome.remedy = "look at what the server says; a shorter prompt often helps";
        break;
      case 401:
      case 403:
        outcome.remedy = "set the environment variable that holds the key, or ask for access";
        break;
      case 404:
        outcome.remedy = "check the URL (does it end in /v1?) and the model's name";
        break;
      case 429:
        outcome.remedy = "lower the concurrency, or wait and resume";
        break;
      default:
        break;
    }
    outcome.worth_retrying = response.status == 408 || response.status == 409 || response.status == 425 ||
                             response.status == 429 || response.status >= 500;
    outcome.retry_after = retry_after_seconds(response.get_header_value("Retry-After"), std::time(nullptr));
    if (response.status >= 300 && response.status < 400)
      outcome.problem += " to " + response.get_header_value("Location"),
          outcome.remedy = "name the URL that it points to; redirections are not followed";
  }

  void judge(httplib::Error error, Outcome& outcome) const {
    outcome.worth_retrying = true;
    outcome.remedy = "check that the server runs and the URL is right";
    switch (error) {
      case httplib::Error::SSLLoadingCerts:
        outcome.worth_retrying = false;
        outcome.problem = "no certificates could be read from ca_file, \"" + options_.ca_file + "\"";
        outcome.remedy = "name a readable file with -----BEGIN CERTIFICATE----- in it (PEM), or none";
        break;
      case httplib::Error::SSLServerVerification:
        outcome.worth_retrying = false;
        outcome.problem = "the server's certificate is not to be trusted";
        outcome.remedy = "use a host with a valid certificate; for one of your own name its CA file";
        break;
      case httplib::Error::SSLConnection:
        outcome.problem = "no secure connection came about";
        break;
      case httplib::Error::Connection:
        outcome.problem = "no connection came about";
        break;
      case httplib::Error::ConnectionTimeout:
        outcome.problem = "no connection came about in time";
        break;
      case httplib::Error::Read:
        outcome.problem = "the connection broke off or was silent for longer than the read timeout";
        break;
      default:
        outcome.problem = "the connection broke off (" + httplib::to_string(error) + ")";
        break;
    }
  }

  [[noreturn]] void fail(const Outcome& outcome, const std::string& path, int attempt) const {
    std::string text = address_.origin + address_.path + path + ": " + outcome.problem;
    if (attempt > 0) text += " (" + std::to_string(attempt + 1) + " tries)";
    if (outcome.retry_after && *outcome.retry_after > options_.longest_retry_after)
      text += "; it asks to wait for " + std::to_string(std::llround(*outcome.retry_after)) + " s";
    if (const std::string said = excerpt(outcome.body); !said.empty()) text += ": \"" + said + "\"";
    throw EndpointError(outcome.status, text + ". Remedy: " + outcome.remedy);
  }

  // The first words of an answer on one line, without the key should the server repeat it.
  [[nodiscard]] std::string excerpt(std::string body) const {
    constexpr std::string_view blot = "***";
    if (!key_.empty())  // goes on behind the blot, which may hold a key of asterisks
      for (auto at = body.find(key_); at != std::string::npos; at = body.find(key_, at + blot.size()))
        body.replace(at, key_.size(), blot);
    constexpr std::size_t kLongest = 300;
    std::string said;
    for (const char c : std::string_view(body).substr(0, kLongest))
      said += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    return body.size() > kLongest ? said + "…" : said;
  }

  const EndpointOptions& options_;
  const ServerAddress& address_;
  const std::string& key_;
  std::function<bool(double)> pause_;
  httplib::Client client_;
};

}  // namespace reclm::lm::detail
