#pragma once
/// @file report_input.hpp
/// What a report is made from.

#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/version.hpp"
#include "reclm/eval/comparison.hpp"
#include "reclm/eval/cube.hpp"
#include "reclm/eval/report_chapter.hpp"
#include "reclm/eval/series.hpp"

namespace reclm {

/// How one training run went.
struct Curve {
  RunKey run;
  Series loss;                                                       ///< mean loss by epoch
  Series validation;                                                 ///< validation metric by epoch; may be empty
  double selected_epoch = std::numeric_limits<double>::quiet_NaN();  ///< the epoch whose parameters were evaluated
};

/// A data set in figures.
struct DatasetFacts {
  std::string name;
  Index users = 0, items = 0;
  Index train = 0, valid = 0, test = 0, zero = 0;  ///< interactions of each split
  std::vector<Index> item_clicks;                  ///< train interactions of each item, any order; may be empty
};

inline DatasetFacts facts_of(const Dataset& data) {
  return {data.name,         data.train.users(), data.train.items(), data.train.size(),
          data.valid.size(), data.test.size(),   data.zero.size(),   data.train.item_counts()};
}

/// How the figures came about. Empty fields are left out of reports.
struct RunFacts {
  std::string command;
  std::string version = RECLM_VERSION_STRING;
  std::string started;  ///< date and time as the caller wants it read
  std::string machine;  ///< processor, memory
  int threads = 0;
  double seconds = 0;
  std::vector<std::pair<std::string, std::string>> details;  ///< anything else, name and value
};

struct ReportInput {
  std::string title = "reclm results";
  ResultCube cube;
  ComparisonPlan comparisons;
  std::vector<Curve> curves;
  std::vector<DatasetFacts> datasets;
  std::vector<ReportChapter> chapters;  ///< behind the findings, before the tables
  RunFacts run;
  std::map<std::string, std::string> row_meanings;  ///< of adapter labels that the guide cannot know
  std::vector<std::string> notes;                   ///< paragraphs the author wants read, plain text
};

}  // namespace reclm
