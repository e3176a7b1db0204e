#include "tools/tuning/html_table.h"

#include "engine/text.h"
#include "tools/stockade/console.h"
#include "tools/tuning/html_text.h"

namespace stockade {

std::string HtmlCell(const std::string& html) {
  return Concat("<td>", html, "</td>");
}
std::string HtmlCell(uint64_t count) {
  return HtmlCell(CountText(count));
}
std::string HtmlShareCell(uint64_t part, uint64_t whole) {
  return HtmlCell(part == 0 ? "0"
                            : Concat(CountText(part), " <span class=\"soft\">",
                                     HtmlText(ShareText(part, whole)), "</span>"));
}

std::string ChangeText(uint64_t before, uint64_t after) {
  return before == after ? CountText(before) : Concat(CountText(before), " → ", CountText(after));
}

std::string HtmlTable(const std::string& caption, const std::vector<std::string>& heads,
                      const std::string& rows) {
  std::string html = Concat("<div class=\"scroll\"><table><caption>", caption, "</caption><thead><tr>");
  for (const std::string& head : heads) Append(&html, "<th scope=\"col\">", head, "</th>");
  Append(&html, "</tr></thead><tbody>\n", rows, "</tbody></table></div>\n");
  return html;
}

}  // namespace stockade
