#pragma once
/// @file endpoint_teacher.hpp
/// A remote model as a teacher.

#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/teachers.hpp"
#include "reclm/lm/http/endpoint.hpp"

namespace reclm::instruct {

/// Asks an OpenAI-compatible server. With a server that takes seeds, the same requests get the same answers.
class EndpointTeacher {
 public:
  /// Asks the server for its model where the options name none. @throws ConfigError, EndpointError
  explicit EndpointTeacher(lm::EndpointOptions options, lm::ChatParameters parameters = {})
      : endpoint_(named(std::move(options))), parameters_(std::move(parameters)) {
    parameters_.cut_off = kCutOff;
  }

  [[nodiscard]] TeacherFacts facts() const {
    TeacherFacts facts{.model = endpoint_.options().model};
    std::ostringstream text;
    text.precision(17);
    text << parameters_.max_tokens << ' ' << parameters_.temperature << ' ' << parameters_.top_p << ' '
         << parameters_.extra;
    for (const std::string& stop : parameters_.stop) text << '\0' << stop;
    add_settings(facts, text.str());
    return facts;
  }

  void answer(std::span<const TeacherRequest> requests, const AnswerSink& sink) const {
    std::vector<lm::ChatRequest> chats;
    chats.reserve(requests.size());
    for (const TeacherRequest& request : requests) chats.push_back({&request.prompt->messages, request.seed});
    endpoint_.chat(chats, parameters_, sink);
  }

 private:
  static lm::Endpoint named(lm::EndpointOptions options) {
    if (options.model.empty()) options.model = lm::Endpoint(options).model_or_first();
    return lm::Endpoint(std::move(options));
  }

  lm::Endpoint endpoint_;
  lm::ChatParameters parameters_;
};

}  // namespace reclm::instruct
