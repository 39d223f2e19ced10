#pragma once
// The parts of `reclm profile`.

#include <cstdint>
#include <string>

#include "command.hpp"
#include "data.hpp"
#include "language_model.hpp"

namespace reclm::cli {

struct ProfileOptions {
  CommonOptions common;
  DataOptions data;
  std::string endpoint, model, answers, adapter;  // who writes
  std::string key_variable = "OPENAI_API_KEY", ca_file, extra;
  int retries = 5;
  double timeout = 120;
  WriterOptions writer;  // `batch`: requests to a server at a time
  std::string out;
  std::string about = "users,items";
  Index users = 0, items = 0;  // 0: all
  bool strict = false;
  Index consensus = 1;  // above 1: a profile is what so many answers agree on
  std::string templates, columns, drop = "popular";
  Index history = 30, budget = 0;
  std::uint64_t seed = 1;
  std::string vectors;
};

/// The model behind --endpoint. @throws ConfigError, also where this program was built without its client
AnyTeacher endpoint_teacher(const ProfileOptions& options);

}  // namespace reclm::cli
