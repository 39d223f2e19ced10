#include "reclm/eval/report_html.hpp"

#include <map>

#include "eval/sample_study.hpp"
#include "reclm/eval/report_json.hpp"
#include "reclm/eval/report_markdown.hpp"
#include "reclm/eval/report_terminal.hpp"
#include "support/catch.hpp"

using namespace reclm;

namespace {

std::string page_of(const ReportInput& input) {
  return report_html(input, report_tables(input.cube, input.comparisons));
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Open and closed elements balance; void elements and self-closed drawings aside. Returns the first offender.
std::string unbalanced(const std::string& page) {
  std::vector<std::string> open;
  for (auto at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const auto end = page.find('>', at);
    std::string tag = page.substr(at + 1, end - at - 1);
    if (tag.empty() || tag[0] == '!' || tag.back() == '/') continue;
    const bool closes = tag[0] == '/';
    const std::string name = tag.substr(closes ? 1 : 0, tag.find_first_of(" \n>", 1) - (closes ? 1 : 0));
    if (name == "meta" || name == "link" || name == "br") continue;
    if (!closes) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return name + " at " + std::to_string(at);
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

}  // namespace

TEST_CASE("the page is well-formed, self-contained and has all its parts") {
  const std::string page = page_of(test::sample_study());
  CHECK(unbalanced(page).empty());
  for (const char* outside : {"http:", "https:", "<script", "<img", "url(\"", "@import", "src="})
    CHECK_FALSE(has(page, outside));
  for (const char* part :
       {"<!doctype html>", "lang=\"en\"", "prefers-color-scheme: dark", "name=\"viewport\"", "Content-Security-Policy",
        "tabular-nums", "<desc>", "role=\"img\"", "Does the adapter help?", "The long tail", "Training",
        "Reading this report", "How it was run", "reclm bench --world", "Holm", "shuffled", "1, 2, 3", "41.5 s"})
    CHECK(has(page, part));
  CHECK_FALSE(has(page, "nan"));
  CHECK_FALSE(has(page, "inf\""));
}

TEST_CASE("the page tells every figure of the charts in words") {
  const ReportInput input = test::sample_study();
  const auto figure = input.cube.summary({"LightGCN", "RecLM", "world"}, "zero-shot", "recall@20");
  CHECK(has(page_of(input), "<title>LightGCN + RecLM, Recall@20: " + figure_text(figure, "recall@20") + "</title>"));
}

TEST_CASE("pages of little or nothing are still pages") {
  const std::string empty = page_of({});
  CHECK(unbalanced(empty).empty());
  CHECK(has(empty, "Nothing was run yet"));
  CHECK_FALSE(has(empty, "Does the adapter help?"));

  ReportInput one;  // a single baseline, nobody evaluated, a curve of one point, a data set without clicks
  one.cube.add({"Popularity", "", "tiny", 0}, test::sample_result(Setting::full_shot, .1, .1, 1, 1, 1));
  one.cube.add({"NCF", "RecLM", "tiny", 0},
               SettingResult{Setting::full_shot, 0, 0, {{"recall@20", std::nan(""), {}, nullptr}}});
  one.curves.push_back({{"NCF", "RecLM", "tiny", 0}, {"loss", {1}, {0.5}}, {}});
  one.curves.push_back({{"NCF", "Base", "tiny", 0}, {"loss", {1, 2}, {std::nan(""), std::nan("")}}, {}});
  one.datasets.push_back({"tiny", 0, 0, 0, 0, 0, 0, {0, 0}});
  const std::string page = page_of(one);
  CHECK(unbalanced(page).empty());
  CHECK_FALSE(has(page, "nan"));
  CHECK_FALSE(has(page, "The long tail"));
}

TEST_CASE("chapters stand before the tables, and a ladder has cards of its own") {
  ReportInput input = test::sample_study();
  input.chapters.push_back(
      {"Tuning <b>",
       "What happened.",
       {{"Loss & more", "Held out.", {{"after", 3}, {"found", 1, true}}, {{"sft", {0.25, 0.987}}}}},
       {{"Reward", "step", {{"ppo", {1, 2}, {0.5, 1.5}}, {"grpo", {1, 2}, {0.25, std::nan("")}}}},
        {"Empty", "step", {{"none", {}, {}}}}},
       {{"User u1", {{"untuned", "<script>"}, {"sft", ""}}}}});
  input.comparisons.ladder = {"Base", "RecLM"};
  const std::string page = page_of(input);
  CHECK(unbalanced(page).empty());
  for (const char* part : {"href=\"#chapter-1\"", "id=\"chapter-1\"", "Tuning &lt;b&gt;", "Loss &amp; more", "98.7%",
                           "0.250", "Reward", "grpo", "&lt;script&gt;", "Does each stage help?", "the stage before"})
    CHECK(has(page, part));
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(has(page, "Empty"));
  CHECK_FALSE(has(page, "nan"));
  CHECK(page.find("id=\"findings\"") < page.find("id=\"chapter-1\""));
  CHECK(page.find("id=\"chapter-1\"") < page.find("id=\"data-1\""));

  const ReportTables tables = report_tables(input.cube, input.comparisons);
  const std::string markdown = report_markdown(input, tables);
  for (const char* part : {"### Loss", "| sft | 0.250 | 98.7% |", "- **untuned**: "}) CHECK(has(markdown, part));
  CHECK_FALSE(has(markdown, "<script>"));
  const auto json = nlohmann::json::parse(report_json(input, tables))["chapters"][0];
  CHECK(json["tables"][0]["rows"][0]["figures"]["found"] == 0.987);
  CHECK(json["charts"][0]["lines"][1]["y"][1].is_null());
  const std::string terminal = terminal_chapter(input.chapters[0], {.color = false});
  for (const char* part : {"Loss & more", "sft", "98.7%", "untuned  <script>"}) CHECK(has(terminal, part));

  ReportInput chapters_only;
  chapters_only.chapters = input.chapters;
  const std::string short_page = page_of(chapters_only);
  CHECK(unbalanced(short_page).empty());
  CHECK_FALSE(has(short_page, "Nothing was run yet"));
  CHECK_FALSE(has(short_page, "Reading this report"));
}

TEST_CASE("axes have round ticks around the data") {
  const auto axis = detail::Axis::around(0, 0.2323, 3);
  CHECK(axis.step == Approx(0.1));
  CHECK(axis.high == Approx(0.3));
  CHECK(axis.label(0.1) == "0.1");
  CHECK(axis.ending_at(0.2323).ticks().size() == 3);
  CHECK(detail::Axis::around(0, 0.7, 3).label(0.25) == "0.25");
  CHECK(detail::Axis::around(0, 50, 5).label(10) == "10");
  CHECK(detail::Axis::around(0, 0, 3).high == 1);
  CHECK(detail::Axis::around(0.66, 0.69, 3).low <= 0.66);
  const auto shifted = detail::Axis::around(-0.03, 0.05, 3).ticks();
  CHECK(shifted.front() <= -0.03);
  CHECK(shifted.back() >= 0.05);
  CHECK(std::find(shifted.begin(), shifted.end(), 0.0) != shifted.end());
}

TEST_CASE("a curve that moves by rounding alone is drawn flat") {
  const auto axis = detail::Axis::around(0.3, 0.1 + 0.2, 3);
  CHECK(axis.ticks().size() < 6);
  CHECK(axis.high - axis.low > 0.5);
  const detail::Axis stuck{1, 1 + 1e-15, 1e-17};
  CHECK(stuck.ticks().size() <= 100);
  ReportInput input = test::sample_study();
  input.curves[0].loss = {"loss", {1, 2}, {0.3, 0.1 + 0.2}};
  const std::string page = page_of(input);
  CHECK(unbalanced(page).empty());
  CHECK(has(page, "the epoch whose parameters were evaluated"));
  CHECK_FALSE(has(page, "that validation selected"));
}

TEST_CASE("colours are steady: placebos share their adapter's, hatched") {
  const ReportInput input = test::sample_study();
  const detail::Palette palette(input.cube, input.comparisons);
  CHECK(palette.fill("") == "var(--baseline)");
  CHECK(palette.fill("Base") == "var(--plain0)");
  CHECK(palette.fill("ID") == "var(--plain1)");
  CHECK(palette.fill("RecLM") == "var(--e0)");
  CHECK(palette.fill("RecLM (placebo)") == "url(#hatch-e0)");
  CHECK(palette.short_label({{"LightGCN", "RecLM (placebo)", ""}, RowRole::placebo, "", {}}) == "placebo");
  CHECK(palette.short_label({{"LightGCN", "RecLM", ""}, RowRole::enhanced, "", {}}) == "RecLM");
}
