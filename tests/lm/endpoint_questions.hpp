#pragma once
/// How tests ask an endpoint: without waiting long, questions with numbers.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reclm/lm/http/endpoint.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

namespace reclm_test {

using namespace reclm;
using namespace reclm::lm;

inline EndpointOptions quick(const std::string& url) {
  return {.url = url,
          .model = "m",
          .key_variable = "RECLM_TEST_KEY",
          .concurrency = 3,
          .retries = 3,
          .first_wait = 0.002,
          .longest_wait = 0.02};
}

inline std::vector<Dialogue> questions(int count) {
  std::vector<Dialogue> dialogues;
  for (int k = 0; k < count; ++k)
    dialogues.push_back({{"system", "Be \"brief\"."}, {"user", "question " + std::to_string(k)}});
  return dialogues;
}

/// Answers by index; those that did not come are missing.
inline std::map<Index, std::string> ask(const Endpoint& endpoint, const std::vector<Dialogue>& dialogues,
                                        const ChatParameters& parameters = {}) {
  std::vector<ChatRequest> requests;
  for (const Dialogue& d : dialogues) requests.push_back({&d, 7});
  std::map<Index, std::string> answers;
  endpoint.chat(requests, parameters, [&](Index k, std::string text) {
    CHECK(answers.emplace(k, std::move(text)).second);
    return true;
  });
  return answers;
}

inline std::string refusal(const EndpointOptions& options, int* status = nullptr, int count = 1) {
  try {
    ask(Endpoint(options), questions(count));
  } catch (const EndpointError& e) {
    if (status != nullptr) *status = e.status();
    CHECK(contains(e.what(), "Remedy: "));
    CHECK(contains(e.what(), options.url));
    return e.what();
  }
  return "no such error";
}

inline std::string question_of(const httplib::Request& request) {
  return nlohmann::json::parse(request.body)["messages"][1]["content"].get<std::string>();
}

}  // namespace reclm_test
