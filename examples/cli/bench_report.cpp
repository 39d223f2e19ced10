// Reports as tables, JSON and a folder, and what a study kept.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>

#include "bench.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/eval/report.hpp"
#include "reclm/eval/report_terminal.hpp"
#include "report.hpp"
#include "terminal.hpp"

namespace reclm::cli {

namespace {

// The value behind "NAME : value" in a file of /proc; empty where there is none.
std::string proc_value(const char* file, const std::string& name) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name)) continue;
    const auto colon = line.find(':');
    const auto begin = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? std::string() : line.substr(begin);
  }
  return {};
}

}  // namespace

KeptRuns::KeptRuns(const std::string& report_folder) : folder_(report_folder) {
  if (folder_.empty()) return;
  std::error_code failure;
  std::filesystem::directory_iterator entry(std::filesystem::path(folder_) / "runs", failure);
  for (const std::filesystem::directory_iterator end; !failure && entry != end; entry.increment(failure)) {
    const std::string name = entry->path().filename().string();
    if (!name.ends_with(".safetensors")) continue;
    any_ = true;
    if (!name.ends_with(".checkpoint.safetensors")) ++finished_;
  }
}

void KeptRuns::set_aside() const {
  namespace fs = std::filesystem;
  const fs::path runs = fs::path(folder_) / "runs", previous = fs::path(folder_) / "runs.previous";
  std::error_code failure;
  fs::remove_all(previous, failure);
  if (!failure) fs::rename(runs, previous, failure);
  if (failure)
    throw IoError("cannot move " + runs.string() + " to " + previous.string() + ": " + failure.message() +
                  ". Remedy: name another folder by --report, or add --resume to go on with the runs there");
}

std::string machine_text() {
  std::string text = proc_value("/proc/cpuinfo", "model name");
  const std::string memory = proc_value("/proc/meminfo", "MemTotal");
  const double gigabytes = std::atof(memory.c_str()) / (1024 * 1024);
  if (gigabytes > 0) {
    char size[32];
    std::snprintf(size, sizeof size, "%.0f GB", gigabytes);
    text += (text.empty() ? "" : ", ") + std::string(size);
  }
  return text;
}

std::string now_text() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm local{};
  ::localtime_r(&now, &local);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z", &local)};
}

ReportInput begun_report(const std::string& title, const Invocation& call) {
  ReportInput report;
  report.title = title;
  report.run.command = command_line(call);
  report.run.started = now_text();
  report.run.machine = machine_text();
  report.run.threads = thread_count();
  return report;
}

void publish(const ReportInput& report, const CommonOptions& common, const std::string& folder,
             const std::string& stem) {
  const ReportTables tables = report_tables(report.cube, report.comparisons);
  // First, for who reads the other may stop reading.
  const std::filesystem::path page = folder.empty() ? std::filesystem::path() : write_report(folder, report, stem);
  if (common.json) {
    std::cout << report_json(report, tables);
  } else {
    const Terminal terminal = terminal_of(STDOUT_FILENO);
    const TerminalOptions how{.width = terminal.width, .color = terminal.color};
    for (const ReportChapter& chapter : report.chapters) std::cout << terminal_chapter(chapter, how);
    std::cout << terminal_report(tables, report.comparisons, how);
    for (const std::string& note : report.notes) std::cout << note << "\n";
  }
  if (!page.empty() && !common.json) std::cout << "\nReport: " << page.string() << "\n";
}

}  // namespace reclm::cli
