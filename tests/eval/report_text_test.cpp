#include <cmath>
#include <limits>

#include "reclm/eval/detail/report_text.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::detail;

TEST_CASE("numbers are written the same in any locale") {
  CHECK(fixed(0.07186, 4) == "0.0719");
  CHECK(fixed(-0.00001, 3) == "0.000");
  CHECK(fixed(-0.5, 1) == "-0.5");
  CHECK(fixed(12, 0) == "12");
  CHECK(fixed(1e300, 1).size() == 303);
  CHECK(fixed(std::nan(""), 3).empty());
  CHECK(exact(0.1) == "0.1");
  CHECK(exact(std::nan("")).empty());
  CHECK(std::stod(exact(1.0 / 3)) == 1.0 / 3);
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1234567) == "1\u202f234\u202f567");
  CHECK(grouped(-123456) == "-123\u202f456");
  CHECK(p_text(0.0004) == "< 0.001");
  CHECK(p_text(0.25) == "0.250");
  CHECK(signed_text(0.01234, 4) == "+0.0123");
  CHECK(signed_text(-0.01234, 4) == "\u22120.0123");
  CHECK(signed_text(-0.00001, 4) == "0.0000");
  CHECK(signed_text(std::nan(""), 4).empty());
}

TEST_CASE("metrics have readable titles") {
  CHECK(metric_title("recall@20") == "Recall@20");
  CHECK(metric_title("ndcg@20") == "NDCG@20");
  CHECK(metric_title("hit_rate@5") == "Hit rate@5");
  CHECK(metric_title("warm_recall@20") == "Warm recall@20");
  CHECK(metric_title("cold_ndcg@20") == "Cold NDCG@20");
  CHECK(metric_title("h_recall@20") == "H recall@20");
  CHECK(metric_title("loss") == "Loss");
  CHECK(metric_title("").empty());
  CHECK(is_graded("hit_rate@20"));
  CHECK_FALSE(is_graded("gini@20"));
}

TEST_CASE("HTML, Markdown and CSV keep foreign text harmless") {
  CHECK(html_escaped("<b a=\"1\" b='2'>&</b>") == "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;&lt;/b&gt;");
  CHECK(html_escaped(std::string("a\0b\x1b[0m\nc", 9)) == "ab[0m\nc");
  CHECK(html_escaped("Größe 中") == "Größe 中");
  CHECK(markdown_escaped("a|b\n# c `d` <e>") == "a\\|b \\# c \\`d\\` \\<e\\>");
  CHECK(markdown_escaped("_x_*y*[z](w)\\") == "\\_x\\_\\*y\\*\\[z\\]\\(w\\)\\\\");
  CHECK(csv_field("plain") == "plain");
  CHECK(csv_field("a,b") == "\"a,b\"");
  CHECK(csv_field("say \"hi\"") == "\"say \"\"hi\"\"\"");
  CHECK(csv_field("two\nlines") == "\"two\nlines\"");
  CHECK(csv_field("").empty());
}

TEST_CASE("display width counts characters, not bytes") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("±▲◆") == 3);
  CHECK(display_width("") == 0);
}
