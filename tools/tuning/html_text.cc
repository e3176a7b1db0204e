#include "tools/tuning/html_text.h"

#include <algorithm>

#include "engine/event/printable_text.h"
#include "engine/text.h"

namespace stockade {
namespace {

std::string Referenced(std::string_view text) {
  std::string html;
  html.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html.push_back(c);
    }
  }
  return html;
}

}  // namespace

std::string HtmlText(std::string_view text) {
  return Referenced(PrintableLine(text));
}

std::string HtmlName(std::string_view name) {
  // PrintableText bounds what is looked at; a name may be a megabyte.
  const std::string shown = PrintableText(name);
  size_t points = 0;
  for (size_t i = 0; i < shown.size(); ++i) {
    if ((static_cast<unsigned char>(shown[i]) & 0xc0) == 0x80) continue;
    if (points++ == kShownNameMax) return Referenced(shown.substr(0, i)) + "…";
  }
  return Referenced(shown);
}

std::string HtmlLines(std::string_view lines) {
  std::string html;
  while (!lines.empty()) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    Append(&html, HtmlText(lines.substr(0, end)), "\n");
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return html;
}

}  // namespace stockade
