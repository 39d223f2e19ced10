#pragma once
/// A server in this process, on loopback alone, that answers as a test wants.
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "reclm/lm/http/detail/session.hpp"  // brings httplib in its order with Eigen

namespace reclm_test {

template <class Server = httplib::Server>
class LocalServer {
 public:
  using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;

  template <class... Arguments>
  explicit LocalServer(Handler handler, Arguments&&... arguments) : server_(std::forward<Arguments>(arguments)...) {
    server_.Post(".*", handler);
    server_.Get(".*", handler);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~LocalServer() {
    server_.stop();
    thread_.join();
  }
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;

  [[nodiscard]] std::string url(const std::string& scheme = "http", const std::string& host = "127.0.0.1") const {
    return scheme + "://" + host + ":" + std::to_string(port_) + "/v1";
  }

 private:
  Server server_;
  int port_ = 0;
  std::thread thread_;
};

inline void reply(httplib::Response& response, const std::string& body, int status = 200) {
  response.status = status;
  response.set_content(body, "application/json");
}

/// {"choices": [{"message": {"content": text}}]}; the text must need no escapes.
inline std::string completion(const std::string& text) {
  return "{\"choices\": [{\"message\": {\"role\": \"assistant\", \"content\": \"" + text + "\"}}]}";
}

}  // namespace reclm_test
