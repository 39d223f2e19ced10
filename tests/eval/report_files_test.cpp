#include <nlohmann/json.hpp>

#include <set>
#include <sstream>

#include "eval/sample_study.hpp"
#include "reclm/eval/report.hpp"
#include "reclm/eval/report_terminal.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using test::TemporaryFolder;

namespace {

const char* const kHostile = "<script>alert(\"1\")</script>|,`x`\n&'";

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto place = text.find(part); place != std::string::npos; place = text.find(part, place + part.size())) ++found;
  return found;
}

// A study whose every foreign string is hostile.
ReportInput hostile_study() {
  ReportInput input;
  input.comparisons.bootstrap.resamples = 50;
  test::add_sample(input, {.dataset = kHostile, .seeds = 2, .users = 60, .settings = {Setting::full_shot}});
  test::SampleOptions plain{.dataset = "plain", .seeds = 1, .users = 10, .settings = {Setting::zero_shot}};
  test::add_sample(input, plain);
  input.cube.add({kHostile, kHostile, kHostile, 1}, test::sample_result(Setting::full_shot, .02, .02, 99, 1, 60));
  input.title = kHostile;
  input.notes = {kHostile};
  input.run = {kHostile, kHostile, kHostile, kHostile, 1, 1, {{kHostile, kHostile}}};
  input.curves.push_back({{kHostile, kHostile, kHostile, 1}, {kHostile, {1}, {2}}, {kHostile, {1}, {2}}, 1});
  return input;
}

}  // namespace

TEST_CASE("write_report makes the folder and all files, and replaces them whole") {
  const TemporaryFolder folder;
  const auto target = folder / "a/b";
  ReportInput input = test::sample_study();
  CHECK(write_report(target, input) == target / "index.html");
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(target)) names.insert(entry.path().filename().string());
  CHECK(names == std::set<std::string>{"index.html", "report.md", "results.json", "results.csv", "comparisons.csv",
                                       "curves.csv"});
  const std::string before = read(target / "index.html");
  input.curves.front().loss.x.pop_back();  // broken input leaves the good report alone
  CHECK_THROWS_AS(write_report(target, input), ShapeError);
  CHECK(read(target / "index.html") == before);
  folder.write("file", "");
  CHECK_THROWS_AS(write_report(folder / "file", test::sample_study()), IoError);
}

TEST_CASE("results.csv has a line for every measured cell and reads back exactly") {
  const ReportInput input = test::sample_study();
  std::istringstream lines(results_csv(input.cube));
  std::string line;
  std::getline(lines, line);
  CHECK(line == "dataset,setting,model,adapter,seed,metric,value\r");
  std::size_t read_back = 0;
  while (std::getline(lines, line)) {
    std::vector<std::string> fields(1);
    for (const char c : line)
      if (c == ',')
        fields.emplace_back();
      else if (c != '\r')
        fields.back() += c;
    REQUIRE(fields.size() == 7);
    const RunKey run{fields[2], fields[3], fields[0], std::stoull(fields[4])};
    if (std::stod(fields[6]) == input.cube.value(run, fields[1], fields[5])) ++read_back;
  }
  // 3 baselines once and 10 rows three times; 10, 10 and 16 metrics in the settings.
  CHECK(read_back == (3 + 10 * 3) * (10 + 10 + 16));
}

TEST_CASE("comparisons.csv and curves.csv name their columns and keep gaps out") {
  ReportInput input = test::sample_study();
  const auto tables = report_tables(input.cube, input.comparisons);
  const std::string comparisons = comparisons_csv(tables.comparisons);
  CHECK(count(comparisons, "\r\n") == tables.comparisons.size() + 1);
  CHECK(tables.comparisons.size() == 3 * 3 * (1 + 1 + 3));
  input.curves.resize(1);
  input.curves[0].loss = {"loss", {1, 2, 3}, {0.5, std::nan(""), 0.25}};
  input.curves[0].validation = {};
  CHECK(curves_csv(input.curves) ==
        "dataset,model,adapter,seed,series,epoch,value\r\nworld,BiasMF,Base,1,loss,1,0.5\r\nworld,BiasMF,Base,1,loss,3,"
        "0.25\r\n");
}

TEST_CASE("results.json holds the same figures and knows what was not measured") {
  ReportInput input = test::sample_study();
  input.curves[0].loss.y[1] = std::nan("");
  input.title = "bad \xff byte";
  const auto json = nlohmann::json::parse(report_json(input, report_tables(input.cube, input.comparisons)));
  CHECK(json["format"] == "reclm-report");
  CHECK(json["format_version"] == 1);
  CHECK(json["tables"].size() == 3);
  CHECK(json["tables"][0]["rows"].size() == 13);
  CHECK(json["results"].size() == (3 + 10 * 3) * (10 + 10 + 16));
  CHECK(json["comparisons"][0]["interval"].size() == 2);
  CHECK(json["curves"][0]["loss"]["y"][1].is_null());
  CHECK(json["run"]["details"]["Selection"] == "best validation recall@20");
  const auto& random = json["tables"][0]["rows"][0];
  CHECK(random["model"] == "Random");
  CHECK(random["metrics"]["recall@20"]["sd"].is_null());
}

TEST_CASE("report.md shows tables, marks and how it was run") {
  const ReportInput input = test::sample_study();
  const std::string text = report_markdown(input, report_tables(input.cube, input.comparisons));
  CHECK(text.rfind("# RecLM on the embedded world\n", 0) == 0);
  CHECK(text.find("## world, generalised\\-zero\\-shot") != std::string::npos);
  CHECK(text.find("| model | Recall@20 | NDCG@20 |") != std::string::npos);
  CHECK(text.find("| _LightGCN \\+ RecLM \\(placebo\\)_ |") != std::string::npos);
  CHECK(text.find("▲") != std::string::npos);
  CHECK(text.find("- threads: 2\n") != std::string::npos);
  CHECK(text.find("` reclm bench --world") != std::string::npos);
  CHECK(detail::markdown_code("a ``b`` c\nd") == "``` a ``b`` c d ```");
}

TEST_CASE("hostile labels stay text in every format") {
  const ReportInput input = hostile_study();
  const auto tables = report_tables(input.cube, input.comparisons);
  const std::string page = report_html(input, tables);
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("alert(\"1\")") == std::string::npos);
  CHECK(count(page, "&lt;script&gt;") > 10);
  const std::string markdown = report_markdown(input, tables);
  CHECK(count(markdown, "<script") == count(markdown, "\\<script") + 1);  // bare only in the command's code span
  for (std::size_t begin = 0; begin < markdown.size();) {  // each table line has as many cells as its rule
    const auto end = markdown.find('\n', begin);
    const std::string line = markdown.substr(begin, end - begin);
    if (line.rfind("| \\<script", 0) == 0) CHECK((count(line, " | ") == 10 || count(line, " | ") == 9));
    begin = end + 1;
  }
  CHECK_NOTHROW(nlohmann::json::parse(report_json(input, tables)));
  CHECK(results_csv(input.cube).find("\"<script>alert(\"\"1\"\")</script>|,`x`\n&'\"") != std::string::npos);
  const std::string terminal = terminal_report(tables, input.comparisons, {.color = false});
  CHECK(terminal.find("`x` &'") != std::string::npos);
}

TEST_CASE("terminal tables fit their width and colour only when asked") {
  const ReportInput input = test::sample_study();
  const auto tables = report_tables(input.cube, input.comparisons);
  for (const std::size_t width : {60u, 80u, 140u}) {
    std::istringstream lines(terminal_table(tables.tables[0], input.comparisons, {.width = width, .color = false}));
    std::string line;
    while (std::getline(lines, line)) {
      CHECK(detail::display_width(line) <= width);
      CHECK(line.find('\x1b') == std::string::npos);
      CHECK((line.empty() || line.back() != ' '));
    }
  }
  const std::string narrow = terminal_table(tables.tables[0], input.comparisons, {.width = 10, .color = false});
  CHECK(narrow.find("Recall@20") != std::string::npos);
  CHECK(narrow.find("(3 more columns in the report)") != std::string::npos);
  CHECK(terminal_table(tables.tables[0]).find("\x1b[1m") != std::string::npos);
  const std::string wide =
      terminal_table(tables.tables[0], input.comparisons, {.width = 300, .color = false, .catalogue = true});
  CHECK(wide.find("Novelty@40") != std::string::npos);
  // In the generalised setting warm, cold and H come before everything else.
  const std::string joint = terminal_table(tables.tables[2], input.comparisons, {.width = 100, .color = false});
  CHECK(joint.find("H recall@20") != std::string::npos);
}
