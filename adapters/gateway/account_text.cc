#include "adapters/gateway/account_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Bytes of the well-formed UTF-8 sequence at the begin of `text` (Unicode 15, table 3-7); 0 if there is none.
size_t SequenceBytes(std::string_view text) noexcept {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto tail = [&](size_t i) { return (at(i) & 0xc0U) == 0x80U; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;
    return at(1) >= low && at(1) <= high && tail(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
    return at(1) >= low && at(1) <= high && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string Utf8Text(std::string_view bytes, size_t bytes_max) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  bytes = bytes.substr(0, bytes_max);
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    // Nearly everything is ASCII to its end.
    const auto plain_end = std::find_if(bytes.begin(), bytes.end(),
                                        [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    const auto plain = static_cast<size_t>(plain_end - bytes.begin());
    text += bytes.substr(0, plain);
    bytes.remove_prefix(plain);
    if (bytes.empty()) break;
    const size_t size = SequenceBytes(bytes);
    if (size > 0) {
      text += bytes.substr(0, size);
    } else {
      const auto byte = static_cast<unsigned char>(bytes.front());
      text += "\\x";
      text.push_back(kDigits[byte >> 4]);
      text.push_back(kDigits[byte & 15]);
    }
    bytes.remove_prefix(size > 0 ? size : 1);
  }
  return text;
}

std::string AccountText(std::string_view typed, bool fold) {
  std::string text = Utf8Text(FromAbsl(absl::StripAsciiWhitespace(ToAbsl(typed))), kAccountBytesMax);
  if (fold) absl::AsciiStrToLower(&text);
  return text;
}

}  // namespace stockade
