// The tokens of JSON text, by simdjson's first stage: where every brace, bracket, colon, comma, string and
// scalar begins. It has also checked that the text is UTF-8 and that every string ends without a raw control
// character in it; everything else is the reader's to check.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "adapters/source/source.h"

namespace stockade {

class JsonTokens {
 public:
  JsonTokens();
  ~JsonTokens();

  // Finds the tokens of `text`, behind which Batch::kBlockPadding bytes may be read. kNone, or why it is not
  // JSON (kNotJson, kNotUtf8). Text of nothing but white space has no tokens and is fine.
  ReadError Find(std::string_view text);
  // Offsets in ascending order; behind the last one, at *end(), stands the size of the text.
  const uint32_t* begin() const noexcept;
  const uint32_t* end() const noexcept;

 private:
  struct Stage;
  std::unique_ptr<Stage> stage_;
};

// Resolves the escapes of the inside of a JSON string. `out` has room for text.size() bytes (no escape
// grows). Lone surrogates become U+FFFD. Gives the bytes written, or -1 for an escape that does not exist.
int64_t UnescapeJson(std::string_view text, char* out) noexcept;

// The same in `arena`, where kUnescapedPadding bytes behind it may be read; null data for an escape that does not
// exist.
inline constexpr size_t kUnescapedPadding = 8;
std::string_view Unescape(std::string_view text, TextArena* arena);

constexpr bool IsJsonSpace(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// As Find checks it of a whole text.
bool IsUtf8(std::string_view text) noexcept;

// Whether `text` is one number of RFC 8259 §6.
bool IsJsonNumber(std::string_view text) noexcept;

}  // namespace stockade
