#pragma once
/// @file policy.hpp
/// What reinforcement learning asks of the model it trains.

#include <concepts>
#include <cstdint>
#include <span>
#include <vector>

#include "reclm/lm/model_config.hpp"
#include "reclm/tensor/tape.hpp"

namespace reclm::instruct {

/// An answer to a question.
struct Response {
  Index question = 0;               ///< number of the question among those asked
  std::vector<lm::TokenId> tokens;  ///< at least one; the token that ends the answer included
};

/// Log-probabilities of the answers' tokens and, where asked for, what the critic expects before each of them.
struct Evaluation {
  Var log_probs;    ///< [tokens, 1], answer after answer
  Var values = {};  ///< the same
};

/// A policy over answers, its frozen reference and its critic.
///
/// - `draw(questions, step)`: an answer to each question (a question may repeat); a function of the parameters, the
///   policy's seed and `step` alone.
/// - `evaluate(tape, answers, with_values)`: under the parameters as they stand.
/// - `reference(answers)`: log-probabilities of the tokens under the model that training started from.
/// - `parameters()`: what is trained.
template <class P, class B, class T>
concept RlPolicy = requires(P& policy, Tape<B, T>& tape, std::span<const Index> questions, std::uint64_t step,
                            std::span<const Response> answers) {
  { policy.draw(questions, step) } -> std::same_as<std::vector<Response>>;
  { policy.evaluate(tape, answers, true) } -> std::same_as<Evaluation>;
  { policy.reference(answers) } -> std::same_as<std::vector<double>>;
  { policy.parameters() } -> std::convertible_to<std::vector<Parameter<B, T>*>>;
};

}  // namespace reclm::instruct
