// Random texts for properties: a seed that is printed when one fails, and texts full of what parsers stumble over.
#pragma once

#include <random>
#include <string>
#include <string_view>

namespace stockade::test {

class RandomText {
 public:
  explicit RandomText(uint32_t seed) : random_(seed) {}

  size_t Below(size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(random_); }
  std::string Bytes(size_t bytes_max) {
    static constexpr std::string_view kMarks = "&=;%+\"\\\r\n-_[]. :/?#{}";
    std::string text;
    for (size_t i = Below(bytes_max + 1); i > 0; --i) {
      text.push_back(Below(3) == 0 ? kMarks[Below(kMarks.size())] : static_cast<char>(Below(256)));
    }
    return text;
  }
  std::string Name(size_t bytes_max) {
    std::string text = "n";
    for (size_t i = Below(bytes_max); i > 0; --i) text.push_back(static_cast<char>('a' + Below(26)));
    return text;
  }

 private:
  std::mt19937 random_;
};

// As a browser encodes a form (WHATWG URL §5.2).
inline std::string FormEncoded(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '*' || c == '-' || c == '.' || c == '_';
    if (plain) {
      encoded.push_back(c);
    } else if (c == ' ') {
      encoded.push_back('+');
    } else {
      encoded.push_back('%');
      encoded.push_back(kDigits[byte >> 4]);
      encoded.push_back(kDigits[byte & 15]);
    }
  }
  return encoded;
}

}  // namespace stockade::test
