// Text from outside, made fit for a terminal. Logs, rules and settings are written by others, and a terminal
// obeys what it is sent: ESC clears the screen or sets its title, a line break forges a line of our own
// report, a mark that turns the direction of writing shows one name as another. Every message that quotes
// what it has read goes through here; JSON has its own escapes.
//
// Shown as \xHH: C0 controls and DEL, C1 controls (U+0080…U+009F), U+202A…U+202E and U+2066…U+2069, and bytes
// that are no well-formed UTF-8. Everything else stays as it is. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stockade {

// Bytes of the UTF-8 sequence at the begin of `text` that a terminal shows without obeying it; 0 for anything
// else. `text` is not empty.
size_t ShowableSequence(std::string_view text) noexcept;

// `text` on one line, cut at kPrintedFieldBytesMax bytes, then with "…".
std::string PrintableText(std::string_view text);

// `text` whole; its line breaks stay, because it is a message of our own that has several lines.
std::string PrintableLines(std::string_view text);

// `text` whole and on one line.
std::string PrintableLine(std::string_view text);

}  // namespace stockade
