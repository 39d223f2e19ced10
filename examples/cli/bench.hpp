#pragma once
// The parts of `reclm bench`.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "command.hpp"
#include "data.hpp"
#include "reclm/core/observer.hpp"
#include "training.hpp"

namespace reclm {
struct ProfileSource;
struct ReportInput;
}  // namespace reclm

namespace reclm::cli {

struct BenchOptions {
  CommonOptions common;
  DataOptions data;
  TrainingOptions training;
  std::string backbones = "lightgcn", adapters = "base,reclm";
  std::string settings = "full-shot,zero-shot,generalised-zero-shot";
  Index seeds = 1;
  std::uint64_t first_seed = 1;
  bool no_placebo = false, no_baselines = false, resume = false;
  std::string report;
};

/// The study that the options describe.
class BenchStudy {
 public:
  /// @throws ConfigError on a word that is unknown or does not fit
  explicit BenchStudy(const BenchOptions& options);
  ~BenchStudy();
  BenchStudy(const BenchStudy&) = delete;
  BenchStudy& operator=(const BenchStudy&) = delete;

  /// Models to train in all, placebos included.
  [[nodiscard]] Index models() const;

  /// Fills cube, curves and comparisons of `report`, and adds notes. @returns false when the observer stopped it
  /// @param ready called when data and study are known to fit, before anything is trained or read back
  bool run(const Dataset& data, const Observer& observer, ReportInput& report,
           const std::vector<ProfileSource>& sources, const std::function<void()>& ready = {}) const;

 private:
  struct Plan;
  std::unique_ptr<const Plan> plan_;
};

/// The kept runs of an earlier study in the report's folder: finished ones and one that was stopped.
class KeptRuns {
 public:
  explicit KeptRuns(const std::string& report_folder);

  [[nodiscard]] Index finished() const { return finished_; }
  [[nodiscard]] bool any() const { return any_; }
  /// Moves them to FOLDER/runs.previous, where only the latest such runs stay. @throws IoError
  void set_aside() const;

 private:
  std::string folder_;
  Index finished_ = 0;
  bool any_ = false;
};

}  // namespace reclm::cli
