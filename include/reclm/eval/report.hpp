#pragma once
/// @file report.hpp
/// Writes a study's results as a folder: a page for people, tables for notes, files for programs.

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "reclm/core/atomic_file.hpp"
#include "reclm/core/error.hpp"
#include "reclm/eval/report_csv.hpp"
#include "reclm/eval/report_html.hpp"
#include "reclm/eval/report_input.hpp"
#include "reclm/eval/report_json.hpp"
#include "reclm/eval/report_markdown.hpp"
#include "reclm/eval/report_table.hpp"

namespace reclm {

/// Writes index.html, report.md, STEM.json and, of recommenders, STEM.csv, comparisons.csv and curves.csv into
/// `folder`, which is made when missing. All texts are ready before the first file is touched, and each file replaces
/// its predecessor at once.
///
/// @param stem of the files for programs
/// @return the path of index.html
/// @throws IoError when the folder or a file cannot be written; ShapeError when a curve's x and y differ in length
inline std::filesystem::path write_report(const std::filesystem::path& folder, const ReportInput& input,
                                          const std::string& stem = "results") {
  for (const Curve& curve : input.curves)
    for (const Series* series : {&curve.loss, &curve.validation})
      if (series->x.size() != series->y.size())
        throw ShapeError("report: curve " + series->name + " of " + curve.run.model + " has " +
                         std::to_string(series->x.size()) + " epochs and " + std::to_string(series->y.size()) +
                         " values");
  const ReportTables tables = report_tables(input.cube, input.comparisons);
  std::vector<std::pair<std::string, std::string>> files{{stem + ".json", report_json(input, tables)},
                                                         {"report.md", report_markdown(input, tables)},
                                                         {"index.html", report_html(input, tables)}};
  if (!input.cube.empty() || input.chapters.empty()) {
    files.emplace_back(stem + ".csv", results_csv(input.cube));
    files.emplace_back("comparisons.csv", comparisons_csv(tables.comparisons));
    files.emplace_back("curves.csv", curves_csv(input.curves));
  }
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure)
    throw IoError("cannot create " + folder.string() + ": " + failure.message() +
                  ". Remedy: name a folder that can be written");
  for (const auto& [name, text] : files) {
    remove_abandoned(folder / name);
    write_file(folder / name, text);
  }
  return folder / "index.html";
}

}  // namespace reclm
