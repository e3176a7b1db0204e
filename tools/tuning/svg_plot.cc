#include "tools/tuning/svg_plot.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "engine/text.h"
#include "tools/stockade/console.h"

namespace stockade {
namespace {

constexpr int64_t kHour = int64_t{3600} * 1000;

// One digit behind the point is a tenth of a pixel.
std::string Px(double value) {
  return absl::StrFormat("%.1f", value);
}

std::string TextAt(double x, double y, const std::string& anchor, const std::string& text,
                   const std::string& style = "axis") {
  return Concat("<text class=\"", style, "\" x=\"", Px(x), "\" y=\"", Px(y), "\" text-anchor=\"", anchor,
                "\">", text, "</text>");
}

std::string LineTo(double x1, double y1, double x2, double y2, const std::string& style) {
  return Concat("<line class=\"", style, "\" x1=\"", Px(x1), "\" y1=\"", Px(y1), "\" x2=\"", Px(x2),
                "\" y2=\"", Px(y2), "\"/>");
}

// The next number of 1, 2, 5 times a power of ten, at least `value`.
double RoundUp(double value) {
  const double power = std::pow(10, std::floor(std::log10(std::max(value, 1.0))));
  for (const double step : {1.0, 2.0, 5.0, 10.0}) {
    if (value <= step * power * 1.000001) return step * power;
  }
  return 10 * power;
}

// A count on an axis of `length` pixels.
class Scale {
 public:
  Scale(uint64_t least, uint64_t most, double length) : length_(length) {
    logarithmic_ = static_cast<double>(most + 1) / static_cast<double>(least + 1) > 30;
    if (logarithmic_) {
      low_ = std::floor(std::log10(static_cast<double>(least + 1)));
      high_ = std::ceil(std::log10(static_cast<double>(most + 2)));
    } else {
      // Room on both sides; from 0 on where that is near.
      const auto span = static_cast<double>(std::max<uint64_t>(most - least, 4));
      step_ = RoundUp(span / 4);
      low_ = std::floor((static_cast<double>(least) - span * 0.1) / step_) * step_;
      if (static_cast<double>(least) < span) low_ = 0;
      low_ = std::max(low_, 0.0);
      high_ = std::ceil((static_cast<double>(most) + span * 0.1) / step_) * step_;
    }
  }
  double At(double count) const {
    const double value = logarithmic_ ? std::log10(count + 1) : count;
    return (value - low_) / (high_ - low_) * length_;
  }
  std::vector<uint64_t> Ticks() const {
    std::vector<uint64_t> ticks;
    if (!logarithmic_) {
      for (double tick = low_; tick <= high_ + step_ / 2; tick += step_)
        ticks.push_back(static_cast<uint64_t>(std::llround(tick)));
      return ticks;
    }
    if (low_ == 0) ticks.push_back(0);
    for (double power = std::max(low_, 0.0); power <= high_; ++power) {
      const double tick = std::pow(10, power);
      if (std::log10(tick + 1) >= low_ && std::log10(tick + 1) <= high_ && (power > 0 || low_ > 0))
        ticks.push_back(static_cast<uint64_t>(std::llround(tick)));
    }
    return ticks;
  }
  bool logarithmic() const { return logarithmic_; }

 private:
  double length_;
  bool logarithmic_ = false;
  double low_ = 0;
  double high_ = 1;
  double step_ = 1;
};

std::string Open(double width, double height, const std::string& title) {
  return Concat("<svg role=\"img\" viewBox=\"0 0 ", Px(width), " ", Px(height), "\"><title>", title,
                "</title>");
}

// Bars of as many hours as keep them below the limit.
std::vector<TimeBar> Together(const std::vector<TimeBar>& bars, int64_t* span_ms) {
  *span_ms = kHour;
  while ((bars.back().time_ms - bars.front().time_ms) / *span_ms >= static_cast<int64_t>(kTimeBarsMax))
    *span_ms *= 2;
  std::map<int64_t, TimeBar> sums;
  for (const TimeBar& bar : bars) {
    TimeBar& sum = sums[bar.time_ms / *span_ms];
    sum.time_ms = bar.time_ms / *span_ms * *span_ms;
    sum.below += bar.below;
    sum.above += bar.above;
  }
  std::vector<TimeBar> together;
  for (const auto& [number, bar] : sums) together.push_back(bar);
  return together;
}

}  // namespace

std::string ShortCount(uint64_t count) {
  constexpr std::pair<double, const char*> kUnits[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
  for (const auto& [unit, letter] : kUnits) {
    const double share = static_cast<double>(count) / unit;
    if (share >= 1) {
      const bool whole = share >= 100 || std::abs(share - std::round(share)) < 0.05;
      return whole ? absl::StrFormat("%.0f%s", share, letter) : absl::StrFormat("%.1f%s", share, letter);
    }
  }
  return std::to_string(count);
}

std::string ScatterPlot(const std::vector<PlotPoint>& points, const std::string& x_title,
                        const std::string& y_title, const std::string& title) {
  constexpr double kWidth = 720;
  constexpr double kHeight = 380;
  constexpr double kLeft = 64;
  constexpr double kRight = 24;
  constexpr double kTop = 16;
  constexpr double kBottom = 52;
  if (points.empty()) return {};
  const auto [x_least, x_most] = std::ranges::minmax_element(points, {}, &PlotPoint::x);
  const auto [y_least, y_most] = std::ranges::minmax_element(points, {}, &PlotPoint::y);
  const Scale x_scale(x_least->x, x_most->x, kWidth - kLeft - kRight);
  const Scale y_scale(y_least->y, y_most->y, kHeight - kTop - kBottom);
  const auto x_of = [&](double count) { return kLeft + x_scale.At(count); };
  const auto y_of = [&](double count) { return kHeight - kBottom - y_scale.At(count); };
  std::string svg = Open(kWidth, kHeight, title);
  for (const uint64_t tick : x_scale.Ticks()) {
    const double x = x_of(static_cast<double>(tick));
    svg += LineTo(x, kTop, x, kHeight - kBottom, "grid");
    svg += TextAt(x, kHeight - kBottom + 18, "middle", ShortCount(tick));
  }
  for (const uint64_t tick : y_scale.Ticks()) {
    const double y = y_of(static_cast<double>(tick));
    svg += LineTo(kLeft, y, kWidth - kRight, y, "grid");
    svg += TextAt(kLeft - 8, y + 4, "end", ShortCount(tick));
  }
  const auto axis = [](const std::string& name, const Scale& scale) {
    return scale.logarithmic() ? name + " (log scale)" : name;
  };
  svg += TextAt(kLeft + (kWidth - kLeft - kRight) / 2, kHeight - 10, "middle", axis(x_title, x_scale));
  Append(&svg, "<g transform=\"translate(14 ", Px(kTop + (kHeight - kTop - kBottom) / 2), ") rotate(-90)\">",
         TextAt(0, 0, "middle", axis(y_title, y_scale)), "</g>");
  std::vector<const PlotPoint*> front;
  for (const PlotPoint& point : points) {
    if (point.on_front) front.push_back(&point);
  }
  std::ranges::stable_sort(front, {}, [](const PlotPoint* point) { return point->x; });
  std::string path;
  for (const PlotPoint* point : front) {
    Append(&path, path.empty() ? "" : " ", Px(x_of(static_cast<double>(point->x))), ",",
           Px(y_of(static_cast<double>(point->y))));
  }
  if (front.size() > 1) Append(&svg, "<polyline class=\"front\" points=\"", path, "\"/>");
  // Those that are marked last, so that nothing lies over them.
  for (const bool marked : {false, true}) {
    for (const PlotPoint& point : points) {
      if (point.marked != marked) continue;
      Append(&svg, "<circle class=\"", point.style, "\" cx=\"", Px(x_of(static_cast<double>(point.x))),
             "\" cy=\"", Px(y_of(static_cast<double>(point.y))), "\" r=\"", marked ? "7" : "4.5",
             "\"><title>", point.label, ": ", CountText(point.y), " reached, ", CountText(point.x),
             " touched</title></circle>");
    }
  }
  // Labels where there is room: on the left of points on the right half, and never two on one line.
  double taken_y = -100;
  for (const PlotPoint& point : points) {
    if (!point.marked) continue;
    const double x = x_of(static_cast<double>(point.x));
    double y = y_of(static_cast<double>(point.y)) - 14;
    if (y < kTop + 12) y += 34;
    if (std::abs(y - taken_y) < 16) y += y > taken_y ? 16 : 32;
    taken_y = y;
    const bool left = x > kWidth * 0.6;
    svg += TextAt(left ? x + 6 : x - 6, y, left ? "end" : "start", point.label, "mark");
  }
  return svg + "</svg>";
}

std::string TimePlot(const std::vector<TimeBar>& hours, const std::string& above, const std::string& title) {
  constexpr double kWidth = 720;
  constexpr double kHeight = 150;
  constexpr double kLeft = 64;
  constexpr double kRight = 12;
  constexpr double kTop = 10;
  constexpr double kBottom = 28;
  if (hours.empty()) return {};
  int64_t span_ms = kHour;
  const std::vector<TimeBar> bars = Together(hours, &span_ms);
  const int64_t begin_ms = bars.front().time_ms;
  const int64_t end_ms = bars.back().time_ms + span_ms;
  uint64_t most = 1;
  for (const TimeBar& bar : bars) most = std::max(most, bar.below + bar.above);
  const double top = RoundUp(static_cast<double>(most));
  const auto x_of = [&](int64_t time_ms) {
    return kLeft + static_cast<double>(time_ms - begin_ms) / static_cast<double>(end_ms - begin_ms) *
                       (kWidth - kLeft - kRight);
  };
  const auto height_of = [&](uint64_t count) {
    return static_cast<double>(count) / top * (kHeight - kTop - kBottom);
  };
  const double floor_y = kHeight - kBottom;
  std::string svg = Open(kWidth, kHeight, title);
  for (const double tick : {0.0, top / 2, top}) {
    const double y = floor_y - height_of(static_cast<uint64_t>(tick));
    svg += LineTo(kLeft, y, kWidth - kRight, y, "grid");
    svg += TextAt(kLeft - 8, y + 4, "end", ShortCount(static_cast<uint64_t>(tick)));
  }
  // A name for some days, none over another.
  const int64_t days = (end_ms - begin_ms) / (24 * kHour) + 1;
  const int64_t every = (days + 8) / 9 * 24 * kHour;
  const int64_t first_day = begin_ms / (24 * kHour) * 24 * kHour;
  for (int64_t day = first_day; day < end_ms; day += every) {
    if (day < begin_ms && day + every < end_ms) continue;
    const double x = x_of(std::max(day, begin_ms));
    svg += LineTo(x, floor_y, x, floor_y + 5, "tick");
    svg += TextAt(x + 2, kHeight - 8, "start",
                  std::string(absl::FormatTime("%b %e", absl::FromUnixMillis(day), absl::UTCTimeZone())));
  }
  const double width = std::max(1.0, x_of(begin_ms + span_ms) - kLeft - 0.5);
  const auto rectangle = [&](const TimeBar& bar, double from, double height, const std::string& style) {
    if (height <= 0) return;
    // What is there is seen.
    height = std::max(height, 1.0);
    Append(&svg, "<rect class=\"", style, "\" x=\"", Px(x_of(bar.time_ms)), "\" y=\"",
           Px(floor_y - from - height), "\" width=\"", Px(width), "\" height=\"", Px(height), "\"/>");
  };
  for (const TimeBar& bar : bars) {
    rectangle(bar, 0, height_of(bar.below), "stopped");
    rectangle(bar, height_of(bar.below), height_of(bar.above), above);
  }
  return svg + "</svg>";
}

std::string RowBar(uint64_t part, uint64_t whole, uint64_t current, const std::string& style) {
  constexpr double kWidth = 120;
  const auto x_of = [&](uint64_t count) {
    return kWidth * static_cast<double>(std::min(count, whole)) /
           static_cast<double>(std::max<uint64_t>(whole, 1));
  };
  const double bar = part == 0 ? 0.0 : std::max(1.0, x_of(part));
  return Concat("<svg class=\"bar\" aria-hidden=\"true\" viewBox=\"0 0 ", Px(kWidth),
                " 12\" preserveAspectRatio=\"none\">", "<rect class=\"", style, "\" x=\"0\" y=\"2\" width=\"",
                Px(bar), "\" height=\"8\"/>", LineTo(x_of(current), 0, x_of(current), 12, "current"),
                "</svg>");
}

}  // namespace stockade
