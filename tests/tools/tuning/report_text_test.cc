// Nothing that stood in a log can act in a page: names, titles and settings are text in it, and short.
#include <catch2/catch.hpp>

#include "tools/tuning/html_text.h"
#include "tools/tuning/svg_plot.h"

namespace stockade {
namespace {

using Catch::Contains;

TEST_CASE("a hostile name is text", "[tuning]") {
  const std::string html = HtmlName("<script>alert('x')</script>");
  CHECK(html == "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
  CHECK(HtmlText("\" onload=\"x&y") == "&quot; onload=&quot;x&amp;y");
}

TEST_CASE("what a terminal or the direction of writing obeys is shown, not done", "[tuning]") {
  CHECK_THAT(HtmlName("a\x1b[2Jb"), Contains("\\x1B") || Contains("\\x1b"));
  CHECK_THAT(HtmlName("abc\xe2\x80\xae"
                      "fed"),
             !Contains("\xe2\x80\xae"));
  CHECK_THAT(HtmlText("two\nlines"), !Contains("\n"));
  CHECK_THAT(HtmlName("\xff\xfe"), Contains("\\x"));
}

TEST_CASE("a long name is cut between characters, before anything is escaped", "[tuning]") {
  std::string name;
  for (int i = 0; i < 100'000; ++i) name += "é<";
  const std::string html = HtmlName(name);
  CHECK(html.size() < 400);
  CHECK_THAT(html, Catch::EndsWith("…"));
  CHECK_THAT(html, !Contains("<"));
}

TEST_CASE("a plot is one picture with words for who cannot see it", "[tuning]") {
  const std::string svg =
      ScatterPlot({{0, 0, "a", "dot", false, true}, {1000, 5'000'000, "now", "now", true, true}}, "x", "y",
                  "what is to be seen");
  CHECK_THAT(svg, Catch::StartsWith("<svg role=\"img\"") && Contains("<title>what is to be seen</title>") &&
                      Catch::EndsWith("</svg>"));
  CHECK_THAT(svg, !Contains("nan") && !Contains("inf"));
  CHECK_THAT(ScatterPlot({{7, 7, "one", "now", true, true}}, "x", "y", "t"),
             !Contains("nan") && !Contains("inf"));
  // A log of three years is still one picture of some hundred bars.
  std::vector<TimeBar> bars;
  for (int64_t hour = 0; hour < 3 * 366 * 24; hour += 7) bars.push_back({hour * 3'600'000, 3, 1});
  const std::string time = TimePlot(bars, "reached", "t");
  size_t rectangles = 0;
  for (size_t at = time.find("<rect"); at != std::string::npos; at = time.find("<rect", at + 1)) ++rectangles;
  CHECK(rectangles <= 2 * kTimeBarsMax);
}

TEST_CASE("counts on an axis are short", "[tuning]") {
  CHECK(ShortCount(0) == "0");
  CHECK(ShortCount(999) == "999");
  CHECK(ShortCount(1200) == "1.2k");
  CHECK(ShortCount(2'000'000) == "2M");
}

}  // namespace
}  // namespace stockade
