#include "bench/detection/detection_figure.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr int kNameWidth = 130;
constexpr int kColumnWidth = 150;
constexpr int kBarWidth = 84;
constexpr int kRowHeight = 22;
constexpr int kTop = 78;

double Share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string Text(int x, int y, std::string_view look, std::string_view text) {
  return Concat("<text x=\"", x, "\" y=\"", y, "\" ", look, ">", text, "</text>\n");
}

// A bar for a share, and what it stands for in words behind it.
std::string Bar(int x, int y, double share, std::string_view colour, std::string_view words) {
  const int length = std::max(share > 0 ? 1 : 0, static_cast<int>(share * kBarWidth + 0.5));
  return Concat("<rect x=\"", x, "\" y=\"", y - 12, "\" width=\"", kBarWidth,
                "\" height=\"14\" fill=\"#eef1f4\"/>\n", "<rect x=\"", x, "\" y=\"", y - 12, "\" width=\"",
                length, "\" height=\"14\" fill=\"", colour, "\"/>\n",
                Text(x + kBarWidth + 5, y, "class=\"s\"", words));
}

std::string Percent(double share) {
  if (share > 0 && share < 0.0005) return "&lt;0.1 %";
  return absl::StrFormat(share < 0.0995 ? "%.1f %%" : "%.0f %%", share * 100);
}

// The harm of a policy over all classes.
struct Harm {
  uint64_t customers = 0;
  uint64_t denied = 0;
  uint64_t challenged = 0;
  uint64_t locked = 0;
};

}  // namespace

std::string DrawFigure(const std::vector<std::string>& policies, const std::vector<FigureRow>& rows,
                       std::string_view caption) {
  const int width = kNameWidth + kColumnWidth * static_cast<int>(policies.size()) + 20;
  const int height = kTop + kRowHeight * static_cast<int>(rows.size() + 5) + 30;
  std::string svg = Concat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", width, "\" height=\"", height,
      "\" viewBox=\"0 0 ", width, " ", height, "\">\n",
      "<style>text{font:12px sans-serif;fill:#222}.h{font-weight:bold}.t{font-size:16px;font-weight:"
      "bold}.s{font-size:11px;fill:#444}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
  svg += Text(14, 26, "class=\"t\"",
              "How much of an attack reaches the password check, and what that costs the customers");
  svg += Text(14, 44, "class=\"s\"", caption);
  for (size_t i = 0; i < policies.size(); ++i) {
    svg += Text(kNameWidth + kColumnWidth * static_cast<int>(i), kTop - 10, "class=\"h\"", policies[i]);
  }
  std::vector<Harm> harm(policies.size());
  int y = kTop + 10;
  for (const FigureRow& row : rows) {
    svg += Text(14, y, "", row.name);
    for (size_t i = 0; i < row.cells.size(); ++i) {
      const FigureCell& cell = row.cells[i];
      const double share = Share(cell.reached, cell.attempts);
      const std::string_view colour = share <= 0.01 ? "#2e8b57" : share <= 0.2 ? "#d9a21b" : "#c0392b";
      svg += Bar(kNameWidth + kColumnWidth * static_cast<int>(i), y, share, colour, Percent(share));
      harm[i].customers += cell.customers;
      harm[i].denied += cell.denied;
      harm[i].challenged += cell.challenged;
      harm[i].locked = std::max(harm[i].locked, cell.locked_worst);
    }
    y += kRowHeight;
  }
  y += kRowHeight;
  svg += Text(14, y, "class=\"h\"",
              "Customers with an earlier login, of their attempts; locked: in the worst world");
  const auto line = [&](std::string_view name, auto share, auto words) {
    y += kRowHeight;
    svg += Text(14, y, "", name);
    for (size_t i = 0; i < policies.size(); ++i) {
      svg +=
          Bar(kNameWidth + kColumnWidth * static_cast<int>(i), y, share(harm[i]), "#5b6ee1", words(harm[i]));
    }
  };
  line(
      "denied", [](const Harm& h) { return Share(h.denied, h.customers); },
      [](const Harm& h) { return Percent(Share(h.denied, h.customers)); });
  line(
      "challenged", [](const Harm& h) { return Share(h.challenged, h.customers); },
      [](const Harm& h) { return Percent(Share(h.challenged, h.customers)); });
  line(
      "locked out", [](const Harm& h) { return std::min(1.0, static_cast<double>(h.locked) / 500); },
      [](const Harm& h) { return Concat(h.locked); });
  svg += "</svg>\n";
  return svg;
}

}  // namespace stockade
