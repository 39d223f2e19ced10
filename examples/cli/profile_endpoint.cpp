// The model behind `reclm profile --endpoint`.

#include <memory>

#include "profile.hpp"

#ifdef CPPHTTPLIB_OPENSSL_SUPPORT
#include "reclm/instruct/http/endpoint_teacher.hpp"
#endif

namespace reclm::cli {

#ifdef CPPHTTPLIB_OPENSSL_SUPPORT

AnyTeacher endpoint_teacher(const ProfileOptions& options) {
  lm::EndpointOptions endpoint;
  endpoint.url = options.endpoint;
  endpoint.model = options.model;
  endpoint.key_variable = options.key_variable;
  endpoint.concurrency = static_cast<int>(options.writer.batch);
  endpoint.retries = options.retries;
  endpoint.read_timeout = options.timeout;
  endpoint.seed = options.seed;
  endpoint.ca_file = options.ca_file;
  lm::ChatParameters parameters;
  parameters.max_tokens = options.writer.max_tokens;
  parameters.temperature = options.writer.temperature;
  parameters.top_p = options.writer.top_p;
  parameters.extra = options.extra;
  const auto teacher = std::make_shared<instruct::EndpointTeacher>(std::move(endpoint), std::move(parameters));
  return {.known = teacher->facts(),
          .ask = [teacher](auto requests, const auto& sink) { teacher->answer(requests, sink); }};
}

#else

AnyTeacher endpoint_teacher(const ProfileOptions&) {
  throw ConfigError(
      "this program was built without the client of remote models. Remedy: build it where cpp-httplib and "
      "OpenSSL are installed (Debian: libcpp-httplib-dev libssl-dev)");
}

#endif

}  // namespace reclm::cli
