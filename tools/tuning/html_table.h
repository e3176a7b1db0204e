// Tables of the report: cells of counts and shares, and what a change makes of a count. Text is HTML already (html_text.h).
//
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stockade {

std::string HtmlCell(const std::string& html);
std::string HtmlCell(uint64_t count);
// A part, and which share of the whole it is.
std::string HtmlShareCell(uint64_t part, uint64_t whole);

// Before → after, or one of them where they are the same.
std::string ChangeText(uint64_t before, uint64_t after);

// `rows`: <tr> elements.
std::string HtmlTable(const std::string& caption, const std::vector<std::string>& heads,
                      const std::string& rows);

}  // namespace stockade
