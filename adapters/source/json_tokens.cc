#include "adapters/source/json_tokens.h"

#include <simdjson.h>

#include <algorithm>

#include "engine/status.h"

namespace stockade {

static_assert(Batch::kBlockPadding >= simdjson::SIMDJSON_PADDING);

struct JsonTokens::Stage {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
  size_t capacity = 0;
  uint32_t count = 0;
  uint32_t nothing = 0;
};

JsonTokens::JsonTokens() : stage_(std::make_unique<Stage>()) {}
JsonTokens::~JsonTokens() = default;

ReadError JsonTokens::Find(std::string_view text) {
  Stage& stage = *stage_;
  stage.count = 0;
  if (text.size() > stage.capacity) {
    const size_t capacity = std::max(text.size(), size_t{512} << 10);
    const auto made =
        simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, stage.parser);
    STOCKADE_CHECK(made == simdjson::SUCCESS);  // fails for want of memory alone
    stage.capacity = capacity;
  }
  if (text.empty()) return ReadError::kNone;
  const simdjson::error_code error = stage.parser->stage1(reinterpret_cast<const uint8_t*>(text.data()),
                                                          text.size(), simdjson::stage1_mode::regular);
  if (error == simdjson::EMPTY) return ReadError::kNone;
  if (error == simdjson::UTF8_ERROR) return ReadError::kNotUtf8;
  if (error != simdjson::SUCCESS) return ReadError::kNotJson;
  stage.count = stage.parser->n_structural_indexes;
  return ReadError::kNone;
}

const uint32_t* JsonTokens::begin() const noexcept {
  return stage_->count == 0 ? &stage_->nothing : stage_->parser->structural_indexes.get();
}
const uint32_t* JsonTokens::end() const noexcept {
  return begin() + stage_->count;
}

namespace {

// Four hexadecimal digits at `p` → their value; -1 if they are none.
int Hex4(const char* p) noexcept {
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = p[i];
    int digit = 0;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if (const char lower = static_cast<char>(c | 0x20); lower >= 'a' && lower <= 'f') {
      digit = lower - 'a' + 10;
    } else {
      return -1;
    }
    value = value * 16 + digit;
  }
  return value;
}

char* PutUtf8(uint32_t code, char* out) noexcept {
  if (code < 0x80) {
    *out++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *out++ = static_cast<char>(0xc0 | code >> 6);
    *out++ = static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    *out++ = static_cast<char>(0xe0 | code >> 12);
    *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
    *out++ = static_cast<char>(0x80 | (code & 0x3f));
  } else {
    *out++ = static_cast<char>(0xf0 | code >> 18);
    *out++ = static_cast<char>(0x80 | (code >> 12 & 0x3f));
    *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
    *out++ = static_cast<char>(0x80 | (code & 0x3f));
  }
  return out;
}

}  // namespace

int64_t UnescapeJson(std::string_view text, char* out) noexcept {
  char* const start = out;
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    const auto* const escape = static_cast<const char*>(std::memchr(p, '\\', static_cast<size_t>(end - p)));
    const auto plain = static_cast<size_t>((escape == nullptr ? end : escape) - p);
    std::memcpy(out, p, plain);
    out += plain;
    if (escape == nullptr) break;
    p = escape + 1;
    if (p == end) return -1;
    const char kind = *p++;
    switch (kind) {
      case '"':
      case '\\':
      case '/':
        *out++ = kind;
        break;
      case 'b':
        *out++ = '\b';
        break;
      case 'f':
        *out++ = '\f';
        break;
      case 'n':
        *out++ = '\n';
        break;
      case 'r':
        *out++ = '\r';
        break;
      case 't':
        *out++ = '\t';
        break;
      case 'u': {
        const int unit = end - p < 4 ? -1 : Hex4(p);
        if (unit < 0) return -1;
        p += 4;
        auto code = static_cast<uint32_t>(unit);
        if (code >= 0xd800 && code < 0xe000) {
          int low = -1;
          if (code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') low = Hex4(p + 2);
          if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (static_cast<uint32_t>(low) - 0xdc00);
            p += 6;
          } else {
            code = 0xfffd;
          }
        }
        out = PutUtf8(code, out);
        break;
      }
      default:
        return -1;
    }
  }
  return out - start;
}

std::string_view Unescape(std::string_view text, TextArena* arena) {
  char* const out = arena->Allocate(text.size() + kUnescapedPadding);
  const int64_t written = UnescapeJson(text, out);
  if (written < 0) return {};
  return {out, static_cast<size_t>(written)};
}

bool IsUtf8(std::string_view text) noexcept {
  return simdjson::validate_utf8(text.data(), text.size());
}

bool IsJsonNumber(std::string_view text) noexcept {
  size_t i = 0;
  const auto digits = [&] {
    const size_t from = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - from;
  };
  if (i < text.size() && text[i] == '-') ++i;
  const size_t first = i;
  const size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[first] == '0')) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

}  // namespace stockade
