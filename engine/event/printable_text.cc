#include "engine/event/printable_text.h"

#include <cstdint>

#include "engine/limits.h"

namespace stockade {
namespace {

std::string Escape(std::string_view text, bool keep_line_breaks) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t size = keep_line_breaks && text[0] == '\n' ? 1 : ShowableSequence(text);
    if (size > 0) {
      out.append(text.substr(0, size));
      text.remove_prefix(size);
    } else {
      const auto byte = static_cast<unsigned char>(text[0]);
      out.append("\\x");
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

size_t ShowableSequence(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
  const size_t size = lead >= 0xc2 && lead < 0xe0   ? 2
                      : lead >= 0xe0 && lead < 0xf0 ? 3
                      : lead >= 0xf0 && lead < 0xf5 ? 4
                                                    : 0;
  if (size == 0 || text.size() < size) return 0;
  uint32_t code = lead & (0x7fu >> size);
  for (size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte & 0x3fu);
  }
  if ((size == 3 && code < 0x800) || (size == 4 && (code < 0x10000 || code > 0x10ffff))) return 0;
  if (code >= 0xd800 && code < 0xe000) return 0;
  // C1 controls, and the marks that turn the direction of writing.
  if (code < 0xa0 || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)) return 0;
  return size;
}

std::string PrintableText(std::string_view text) {
  size_t end = text.size();
  if (end > kPrintedFieldBytesMax) {
    end = kPrintedFieldBytesMax;
    // Not inside a character.
    while (end > kPrintedFieldBytesMax - 3 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  }
  std::string out = Escape(text.substr(0, end), false);
  if (end < text.size()) out += "…";
  return out;
}

std::string PrintableLines(std::string_view text) {
  return Escape(text, true);
}

std::string PrintableLine(std::string_view text) {
  return Escape(text, false);
}

}  // namespace stockade
