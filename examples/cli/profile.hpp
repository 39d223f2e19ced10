#pragma once
// The parts of `reclm profile`.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "command.hpp"
#include "data.hpp"
#include "reclm/core/observer.hpp"
#include "reclm/instruct/teachers.hpp"

namespace reclm::cli {

struct ProfileOptions {
  CommonOptions common;
  DataOptions data;
  std::string endpoint, model, answers, adapter;  // who writes
  std::string precision = "stored";               // of a local model
  std::string key_variable = "OPENAI_API_KEY", ca_file, extra;
  int concurrency = 4, retries = 5;
  double timeout = 120;
  Index max_tokens = 100;
  double temperature = 0.9, top_p = 0.9,
         repetition_penalty = 1.05;  // over the prompt too: more keeps a model from naming what it read
  bool only_profiles = false;
  std::string out;
  std::string about = "users,items";
  Index users = 0, items = 0;  // 0: all
  int attempts = 3;
  bool strict = false;
  std::string templates, columns, drop = "popular";
  Index history = 30, budget = 0;
  std::uint64_t seed = 1;
  std::string vectors;
};

/// Any teacher behind one type.
struct AnyTeacher {
  instruct::TeacherFacts known;
  std::function<void(std::span<const instruct::TeacherRequest>, const instruct::AnswerSink&)> ask;
  std::function<Index(std::string_view)> count{};  ///< tokens of a text, where the teacher knows
  Index context = 0;                               ///< tokens that a dialogue may have; 0: unknown

  [[nodiscard]] instruct::TeacherFacts facts() const { return known; }
  void answer(std::span<const instruct::TeacherRequest> requests, const instruct::AnswerSink& sink) const {
    ask(requests, sink);
  }
};

/// The model behind --endpoint. @throws ConfigError, also where this program was built without its client
AnyTeacher endpoint_teacher(const ProfileOptions& options);

/// The model in the file or folder --model. @throws BadInput, DataError; ConfigError where this program was built
/// without it
AnyTeacher local_teacher(const ProfileOptions& options);

}  // namespace reclm::cli
