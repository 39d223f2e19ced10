#pragma once
// What subcommands that compare or tune leave behind: tables, JSON, a folder.

#include <string>

#include "command.hpp"

namespace reclm {
struct ReportInput;
}

namespace reclm::cli {

/// "AMD EPYC 7B13, 16 GB": processor and memory, as far as the system tells.
std::string machine_text();

/// "2025-01-31 18:05:09 +0100".
std::string now_text();

/// A report that says how it was called, when, and where.
ReportInput begun_report(const std::string& title, const Invocation& call);

/// Prints the report, or all of it as JSON, and writes it into `folder` ("": nowhere). @param stem  of the files for
/// programs
void publish(const ReportInput& report, const CommonOptions& common, const std::string& folder,
             const std::string& stem);

}  // namespace reclm::cli
