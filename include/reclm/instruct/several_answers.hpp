#pragma once
/// @file several_answers.hpp
/// One answer out of several: how any teacher is asked each request repeatedly. best_of.hpp and consensus.hpp say what
/// becomes of the answers.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/philox.hpp"
#include "reclm/instruct/teachers.hpp"

namespace reclm::instruct::detail {

/// Asks `teacher` each request `count` times, with seeds of their own that are a function of the request's, and passes
/// on what `merge(prompt, answers)` makes of them. A request of which some answers are missing is merged of the others,
/// behind all complete ones; without any it stays unanswered.
template <Teacher T, class Merge>
void answer_by_several(T& teacher, std::size_t count, std::span<const TeacherRequest> requests, const AnswerSink& sink,
                       const Merge& merge) {
  const auto seed = [](std::uint64_t of_request, std::size_t number) {
    const PhiloxBlock block = Random(of_request, Stream::retries).block(number);
    return static_cast<std::uint64_t>(block.word[0]) << 32 | block.word[1];
  };
  std::vector<TeacherRequest> repeated;
  for (const TeacherRequest& request : requests)
    for (std::size_t k = 0; k < count; ++k) repeated.push_back({request.prompt, seed(request.seed, k)});
  std::vector<std::vector<std::string>> answers(repeated.size());  // 0 or 1 each
  std::vector<std::size_t> missing(requests.size(), count);
  bool go_on = true;
  const auto pass_on = [&](std::size_t request) {
    std::vector<std::string> there;
    for (std::size_t k = request * count; k < (request + 1) * count; ++k)
      for (std::string& text : answers[k]) there.push_back(std::move(text));
    if (!there.empty()) go_on = sink(static_cast<Index>(request), merge(*requests[request].prompt, std::move(there)));
  };
  ask_teacher(teacher, repeated, [&](Index index, std::string text) {
    const auto place = static_cast<std::size_t>(index), request = place / count;
    answers[place].push_back(std::move(text));
    if (--missing[request] == 0) pass_on(request);
    return go_on;
  });
  for (std::size_t request = 0; request < requests.size() && go_on; ++request)
    if (missing[request] > 0) pass_on(request);
}

}  // namespace reclm::instruct::detail
