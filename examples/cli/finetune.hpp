#pragma once
// What `reclm finetune` is asked for, and what comes of it.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "command.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/observer.hpp"

namespace reclm::cli {

struct FinetuneCommandOptions {
  CommonOptions common;
  std::string model, data, out, adapter, checkpoint;
  bool full = false, merge = false, recompute = false, resume = false;
  Index rank = 8;
  double alpha = 16, dropout = 0.05;
  std::string layers = "q_proj,v_proj";
  std::string weights = "stored";
  int epochs = 3, accumulate = 1;
  Index batch_tokens = 2048, max_tokens = 2048, checkpoint_every = 50;
  double learning_rate = 2e-4, warmup = 0.03, decay = 0, max_gradient_norm = 1;
  std::uint64_t seed = 1;
};

struct FinetuneOutcome {
  bool interrupted = false;
  Index samples = 0, skipped = 0, cut = 0, steps = 0, tokens = 0, trained_numbers = 0;
  double seconds = 0;
  std::vector<double> epoch_loss;
  bool folder_of_model = false;  ///< else a PEFT folder
};

/// Trains and, unless it was interrupted, writes options.out.
FinetuneOutcome finetune_model(const FinetuneCommandOptions& options, const std::filesystem::path& checkpoint,
                               const Observer& observer);

}  // namespace reclm::cli
