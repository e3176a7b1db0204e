// The plots of a tuning report, as inline SVG: no script, no file beside it, colours from the page's style sheet (classes `now`, `best`,
// `front`, `dot`, `stopped`, `reached`, `axis`), and a title that says in words what is to be seen.
//
// Texts that come in are HTML already (html_text.h). Pure; a function of its arguments, on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stockade {

struct PlotPoint {
  uint64_t x = 0;
  uint64_t y = 0;
  std::string label;  // shown where `marked`, and as the point's title
  std::string style;  // class
  bool marked = false;
  bool on_front = false;
};
// Points over two counts, less is better; those on the front are joined. Scales are logarithmic where a count spans more than a
// power of ten and a half.
std::string ScatterPlot(const std::vector<PlotPoint>& points, const std::string& x_title,
                        const std::string& y_title, const std::string& title);

struct TimeBar {
  int64_t time_ms = 0;  // begin of its hour
  uint64_t below = 0;   // class `stopped`
  uint64_t above = 0;
};
// Two stacked counts over time, the upper one of class `above`, one bar an hour or, of longer logs, as many hours together as make at most kTimeBarsMax bars.
inline constexpr size_t kTimeBarsMax = 240;
std::string TimePlot(const std::vector<TimeBar>& bars, const std::string& above, const std::string& title);

// A bar of a table row: `part` of `whole`, and where the current settings are (a line).
std::string RowBar(uint64_t part, uint64_t whole, uint64_t current, const std::string& style);

// "1.2k", "340": at most four letters below a billion.
std::string ShortCount(uint64_t count);

}  // namespace stockade
