#pragma once
/// @file report_chapter.hpp
/// Parts of a report beside the tables of recommenders: figures, curves and texts in a form that all writers know.

#include <string>
#include <utility>
#include <vector>

#include "reclm/eval/series.hpp"

namespace reclm {

/// A column of figures and how they are read.
struct ChapterColumn {
  std::string title;
  int digits = 3;        ///< decimals
  bool percent = false;  ///< figures are shares
};

/// A line of a table. NaN was not measured.
struct ChapterRow {
  std::string label;
  std::vector<double> figures;
};

struct ChapterTable {
  std::string title, note;
  std::vector<ChapterColumn> columns;
  std::vector<ChapterRow> rows;
};

/// Lines over one axis.
struct ChapterChart {
  std::string title, x;
  std::vector<Series> lines;
};

/// Texts beside each other: whose, and what stands after each stage.
struct ChapterSample {
  std::string title;
  std::vector<std::pair<std::string, std::string>> texts;
};

struct ReportChapter {
  std::string title;
  std::string text;  ///< a paragraph, plain text
  std::vector<ChapterTable> tables;
  std::vector<ChapterChart> charts;
  std::vector<ChapterSample> samples;
};

}  // namespace reclm
