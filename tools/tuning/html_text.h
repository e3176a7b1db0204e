// Text in a page of HTML. Logs, rules and settings are written by others; a browser obeys what it is sent as a terminal does.
//
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace stockade {

// Code points of a name that a page shows.
inline constexpr size_t kShownNameMax = 40;

// `text` as the content of an element or an attribute in double quotes: & < > " ' become references, what a terminal obeys and what
// turns the direction of writing is shown as \xHH (printable_text.h), and so is what is no UTF-8.
std::string HtmlText(std::string_view text);
// The same of a name, cut to kShownNameMax code points and then with "…".
std::string HtmlName(std::string_view name);
// The same of lines, whose ends stay: of our own YAML.
std::string HtmlLines(std::string_view lines);

}  // namespace stockade
