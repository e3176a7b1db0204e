#include "engine/rule/byte_pattern.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/event/digits.h"
#include "engine/rule/utf8.h"

namespace stockade {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
// Everything a "." may take beyond one byte.
constexpr std::string_view kWideCharacters =
    "[\\xc2-\\xdf][\\x80-\\xbf]|[\\xe0-\\xef][\\x80-\\xbf]{2}|[\\xf0-\\xf4][\\x80-\\xbf]{3}";

using Range = std::pair<uint32_t, uint32_t>;

bool IsOctal(char c) {
  return c >= '0' && c <= '7';
}
bool IsLetterOrDigit(char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

void AppendByte(uint32_t byte, std::string* out) {
  *out += "\\x";
  *out += kHex[byte >> 4 & 15];
  *out += kHex[byte & 15];
}

// A byte below 0x80 as a literal, inside or outside a class.
void AppendAscii(uint32_t c, std::string* out) {
  if (c < 0x20 || c == 0x7f || c >= 0x80) {
    AppendByte(c, out);
    return;
  }
  if (!IsLetterOrDigit(static_cast<char>(c)) && c != '_' && c != ' ') *out += '\\';
  *out += static_cast<char>(c);
}

// Sequences of byte classes that together match the UTF-8 forms of low..high: the split at the borders of
// lengths and of continuation bytes that RE2 and every byte automaton make (Cox, "Regular Expression Matching
// in the Wild", 2010).
void AppendUtf8Range(uint32_t low, uint32_t high, std::string* out) {
  for (const uint32_t border : {0x7fU, 0x7ffU, 0xffffU}) {
    if (low <= border && high > border) {
      AppendUtf8Range(low, border, out);
      AppendUtf8Range(border + 1, high, out);
      return;
    }
  }
  uint8_t from[4];
  uint8_t to[4];
  const size_t size = EncodeUtf8(low, from);
  for (uint32_t tail = 1; tail < size; ++tail) {
    const uint32_t mask = (1U << (6 * tail)) - 1;
    if ((low & ~mask) == (high & ~mask)) continue;
    if ((low & mask) != 0) {
      AppendUtf8Range(low, low | mask, out);
      AppendUtf8Range((low | mask) + 1, high, out);
      return;
    }
    if ((high & mask) != mask) {
      AppendUtf8Range(low, (high & ~mask) - 1, out);
      AppendUtf8Range(high & ~mask, high, out);
      return;
    }
  }
  EncodeUtf8(high, to);
  if (!out->empty() && out->back() != ':') *out += '|';
  for (size_t i = 0; i < size; ++i) {
    if (from[i] == to[i]) {
      AppendByte(from[i], out);
      continue;
    }
    *out += '[';
    AppendByte(from[i], out);
    *out += '-';
    AppendByte(to[i], out);
    *out += ']';
  }
}

class Rewriter {
 public:
  Rewriter(std::string_view pattern, bool caseless, bool dot_all, bool multi_line)
      : in_(pattern), flags_{caseless, dot_all, multi_line, false} {}

  BytePattern Run() {
    while (!in_.empty()) Element();
    return std::move(result_);
  }

 private:
  struct Flags {
    bool caseless;
    bool dot_all;
    bool multi_line;
    bool extended;
  };

  std::string& out() { return result_.text; }
  bool At(std::string_view text) const { return in_.substr(0, text.size()) == text; }
  void Skip(size_t n) { in_.remove_prefix(std::min(n, in_.size())); }
  // A repetition of single bytes: says the same of "." as one of characters, or counts bytes (see the
  // header).
  bool AtRepetition() const { return !in_.empty() && (in_[0] == '*' || in_[0] == '+' || in_[0] == '{'); }

  void Element() {
    const char c = in_[0];
    if (flags_.extended && (c == ' ' || (c >= '\t' && c <= '\r'))) return Skip(1);
    if (flags_.extended && c == '#') return Skip(std::min(in_.find('\n'), in_.size() - 1) + 1);
    if (c == '\\') return Escape();
    if (c == '[') return Class();
    if (c == '(') return Group();
    if (c == ')') {
      if (!outer_.empty()) {
        flags_ = outer_.back();
        outer_.pop_back();
      }
      out() += ')';
      return Skip(1);
    }
    if (c == '.') {
      Skip(1);
      return AtRepetition() ? void(out() += '.') : OneCharacter(".");
    }
    if (c == '$') {
      out() += flags_.multi_line ? "$" : "(?:\\n?\\z)";
      return Skip(1);
    }
    if (static_cast<uint8_t>(c) >= 0x80) return Wide();
    if (c < 0x20 || c == 0x7f) {
      AppendByte(static_cast<uint8_t>(c), &out());
    } else {
      out() += c;
    }
    Skip(1);
  }

  void OneCharacter(std::string_view one_byte) {
    out() += "(?:";
    out() += one_byte;
    // RE2 would fold the bytes of UTF-8 as if they were letters of Latin-1.
    out() += "|(?-i:";
    out() += kWideCharacters;
    out() += "))";
  }

  void Wide() {
    const auto [c, size] = DecodeUtf8(in_);
    if (size == 0) {
      LoneByte(static_cast<uint8_t>(in_[0]));
      return Skip(1);
    }
    Skip(size);
    Character(c);
  }

  void LoneByte(uint32_t byte) {
    out() += "(?-i:";
    AppendByte(byte, &out());
    out() += ')';
  }

  void Character(uint32_t c) {
    if (c < 0x80) return AppendAscii(c, &out());
    std::vector<uint32_t> cases = {c};
    if (flags_.caseless) AppendOtherCases(c, &cases);
    out() += "(?-i:";
    for (const uint32_t one : cases) AppendUtf8Range(one, one, &out());
    out() += ')';
  }

  // "\x{..}", "\xHH", "\0oo", "\cX", "\e" and the like, `in_` standing behind the backslash: the code, and
  // whether it names a character (rather than a byte). Nothing, and nothing read, if it is another escape.
  bool Code(uint32_t* code, bool* character) {
    *character = false;
    const char c = in_[0];
    if (At("x{")) {
      const size_t end = in_.find('}');
      if (end == std::string_view::npos || end < 3 || end > 10) return false;
      *code = 0;
      for (const char digit : in_.substr(2, end - 2)) {
        const int value = HexDigit(digit);
        if (value < 0) return false;
        *code = *code << 4 | static_cast<uint32_t>(value);
      }
      if (*code > kCodePointMax || (*code >= 0xd800 && *code <= 0xdfff)) return false;
      *character = true;
      Skip(end + 1);
      return true;
    }
    if (c == 'x' && in_.size() >= 3 && HexDigit(in_[1]) >= 0 && HexDigit(in_[2]) >= 0) {
      *code = static_cast<uint32_t>(HexDigit(in_[1]) << 4 | HexDigit(in_[2]));
      Skip(3);
      return true;
    }
    if (c == '0') {
      *code = 0;
      size_t size = 1;
      for (; size < 3 && size < in_.size() && IsOctal(in_[size]); ++size)
        *code = *code << 3 | static_cast<uint32_t>(in_[size] - '0');
      Skip(size);
      return true;
    }
    if (c == 'c' && in_.size() >= 2 && in_[1] >= 0x20 && in_[1] < 0x7f) {
      const auto letter = static_cast<uint32_t>(in_[1] >= 'a' && in_[1] <= 'z' ? in_[1] - 0x20 : in_[1]);
      *code = letter ^ 0x40;
      Skip(2);
      return true;
    }
    constexpr std::string_view kNames = "aefnrt";
    constexpr std::string_view kCodes = "\x07\x1b\x0c\n\r\t";
    const size_t name = kNames.find(c);
    if (name == std::string_view::npos) return false;
    *code = static_cast<uint8_t>(kCodes[name]);
    Skip(1);
    return true;
  }

  void Escape() {
    Skip(1);
    if (in_.empty()) return void(out() += '\\');
    uint32_t code = 0;
    bool character = false;
    if (Code(&code, &character)) {
      if (code >= 0x80 && !character) return LoneByte(code);
      return Character(code);
    }
    const char c = in_[0];
    if (static_cast<uint8_t>(c) >= 0x80) return Wide();
    Skip(1);
    switch (c) {
      case 'Q': {
        const size_t end = std::min(in_.find("\\E"), in_.size());
        std::string_view quoted = in_.substr(0, end);
        Skip(end + 2);
        while (!quoted.empty()) {
          const auto first = static_cast<uint8_t>(quoted[0]);
          const auto [wide, size] =
              first >= 0x80 ? DecodeUtf8(quoted) : std::pair<uint32_t, size_t>{first, 1};
          size == 0 ? LoneByte(first) : Character(wide);
          quoted.remove_prefix(std::max<size_t>(size, 1));
        }
        return;
      }
      case 'E':
        return;
      case 's':
        return void(out() += "[\\t-\\r ]");
      case 'h':
        return void(out() += "[\\t ]");
      case 'v':
        return void(out() += "[\\n-\\r]");
      case 'R':
        return void(out() += "(?:\\r\\n|[\\n-\\r])");
      case 'C':
        return void(out() += "(?s:.)");
      case 'Z':
        return void(out() += "(?:\\n?\\z)");
      case 'S':
        return NegatedShorthand("[^\\t-\\r ]");
      case 'H':
        return NegatedShorthand("[^\\t ]");
      case 'V':
        return NegatedShorthand("[^\\n-\\r]");
      case 'W':
        return NegatedShorthand("\\W");
      case 'D':
        return NegatedShorthand("\\D");
      case 'p':
      case 'P':
      case 'X':
        result_.needs_unicode = true;
        break;
      default:
        break;
    }
    if (c < 0x20 || c == 0x7f) return AppendByte(static_cast<uint8_t>(c), &out());
    out() += '\\';
    out() += c;
  }

  void NegatedShorthand(std::string_view bytes) {
    AtRepetition() ? void(out() += bytes) : OneCharacter(bytes);
  }

  void Group() {
    if (At("(?#")) return Skip(std::min(in_.find(')'), in_.size() - 1) + 1);
    const bool named = At("(?P<") || (At("(?<") && !At("(?<=") && !At("(?<!")) || At("(?'");
    if (named) {
      const char close = At("(?'") ? '\'' : '>';
      const size_t end = in_.find(close, At("(?'") ? 3 : 0);
      if (end != std::string_view::npos) {
        outer_.push_back(flags_);
        out() += '(';
        return Skip(end + 1);
      }
    }
    if (!At("(?") || At("(?:") || !InlineFlags()) {
      const size_t size = At("(?:") ? 3 : 1;
      outer_.push_back(flags_);
      out() += in_.substr(0, size);
      Skip(size);
    }
  }

  // "(?i-ms)" or "(?i-ms:". False, and nothing read, for anything else.
  bool InlineFlags() {
    size_t end = 2;
    bool on = true;
    Flags flags = flags_;
    std::string kept[2];
    for (; end < in_.size() && in_[end] != ')' && in_[end] != ':'; ++end) {
      switch (in_[end]) {
        case '-':
          if (!on) return false;
          on = false;
          continue;
        case 'i':
          flags.caseless = on;
          break;
        case 's':
          flags.dot_all = on;
          break;
        case 'm':
          flags.multi_line = on;
          break;
        case 'x':
          flags.extended = on;
          continue;
        default:
          return false;
      }
      kept[on ? 0 : 1] += in_[end];
    }
    if (end >= in_.size() || (end == 2 && in_[end] == ')')) return false;
    const bool group = in_[end] == ':';
    std::string text = "(?" + kept[0] + (kept[1].empty() ? "" : "-" + kept[1]);
    if (group) {
      outer_.push_back(flags_);
      out() += text + ':';
    } else if (text.size() > 2) {
      out() += text + ')';
    }
    flags_ = flags;
    Skip(end + 1);
    return true;
  }

  // What a class holds: a text for the members below 0x80 and for shorthands, bytes and characters beyond.
  struct Members {
    std::string narrow;
    std::string bytes;
    std::vector<Range> wide;
  };

  // One end of a range, or a shorthand (false): `*code`, and whether it names a character.
  bool ClassAtom(Members* members, uint32_t* code, bool* character) {
    *character = true;
    if (in_[0] == '\\' && in_.size() > 1) {
      Skip(1);
      if (Code(code, character)) return true;
      const char c = in_[0];
      if (static_cast<uint8_t>(c) < 0x80) Skip(1);
      switch (c) {
        case 'b':
          *code = 8;
          return true;
        case 's':
          members->narrow += "\\t-\\r ";
          return false;
        case 'h':
          members->narrow += "\\t ";
          return false;
        case 'v':
          members->narrow += "\\n-\\r";
          return false;
        case 'S':
          members->narrow += "\\x00-\\x08\\x0e-\\x1f!-\\xff";
          return false;
        case 'p':
        case 'P':
        case 'X':
          result_.needs_unicode = true;
          [[fallthrough]];
        case 'w':
        case 'W':
        case 'd':
        case 'D':
          members->narrow += '\\';
          members->narrow += c;
          return false;
        default:
          break;
      }
      if (static_cast<uint8_t>(c) < 0x80) {
        if (IsLetterOrDigit(c)) {  // unknown to us: the engines shall refuse it
          members->narrow += '\\';
          members->narrow += c;
          return false;
        }
        *code = static_cast<uint8_t>(c);
        return true;
      }
    }
    const auto first = static_cast<uint8_t>(in_[0]);
    const auto [wide, size] = first >= 0x80 ? DecodeUtf8(in_) : std::pair<uint32_t, size_t>{first, 1};
    *code = size == 0 ? first : wide;
    *character = size != 0;
    Skip(std::max<size_t>(size, 1));
    return true;
  }

  void AddRange(uint32_t low, uint32_t high, bool character, Members* members) {
    if (low < 0x80) {
      AppendAscii(low, &members->narrow);
      const uint32_t narrow_high = std::min<uint32_t>(high, 0x7f);
      if (narrow_high > low) {
        members->narrow += '-';
        AppendAscii(narrow_high, &members->narrow);
      }
      if (high < 0x80) return;
      low = 0x80;
    }
    if (!character) {
      AppendByte(low, &members->bytes);
      members->bytes += '-';
      AppendByte(high, &members->bytes);
      return;
    }
    members->wide.emplace_back(low, high);
    // A range wider than any alphabet is a range of everything, and holds both cases already.
    if (!flags_.caseless || high - low > 0x2000) return;
    std::vector<uint32_t> cases;
    for (uint32_t c = low; c <= high; ++c) AppendOtherCases(c, &cases);
    for (const uint32_t c : cases) members->wide.emplace_back(c, c);
  }

  void Class() {
    const std::string_view whole = in_;
    const bool negated = At("[^");
    Skip(negated ? 2 : 1);
    Members members;
    bool closed = false;
    for (bool first = true; !in_.empty(); first = false) {
      if (in_[0] == ']' && !first) {
        closed = true;
        Skip(1);
        break;
      }
      if (At("[:")) {
        const size_t end = in_.find(":]");
        if (end != std::string_view::npos && end < 12) {
          members.narrow += in_.substr(0, end + 2);
          Skip(end + 2);
          continue;
        }
      }
      uint32_t low = 0;
      bool character = false;
      if (!ClassAtom(&members, &low, &character)) continue;
      uint32_t high = low;
      bool high_character = character;
      if (in_.size() >= 2 && in_[0] == '-' && in_[1] != ']') {
        const std::string_view dash = in_;
        const Members before = members;
        Skip(1);
        if (!ClassAtom(&members, &high, &high_character)) {  // "a-\d": three members
          in_ = dash;
          members = before;
          high = low;
          high_character = character;
        } else if (high < low) {
          in_ = {};  // the engines say what is wrong
          closed = false;
          break;
        }
      }
      AddRange(low, high, high_character, &members);
    }
    if (!closed) {
      for (const char c : whole) {
        if (static_cast<uint8_t>(c) < 0x80 && c >= 0x20) out() += c;
      }
      in_ = {};
      return;
    }
    if (members.wide.empty() && members.bytes.empty()) {
      const std::string text = (negated ? "[^" : "[") + members.narrow + "]";
      return !negated || AtRepetition() ? void(out() += text) : OneCharacter(text);
    }
    negated ? NegatedWide(&members) : PositiveWide(members);
  }

  void PositiveWide(const Members& members) {
    std::string alternatives = "(?:";
    if (!members.narrow.empty()) alternatives += "[" + members.narrow + "]|";
    alternatives += "(?-i:";
    if (!members.bytes.empty()) alternatives += "[" + members.bytes + "]";
    for (const auto& [low, high] : members.wide) AppendUtf8Range(low, high, &alternatives);
    out() += alternatives + "))";
  }

  void NegatedWide(Members* members) {
    out() += "(?:[^" + members->narrow + "\\x80-\\xff]";
    if (!members->bytes.empty()) {
      // About bytes: the rest of the bytes beyond ASCII.
      out() += "|(?-i:[^\\x00-\\x7f" + members->bytes + "])";
    }
    std::sort(members->wide.begin(), members->wide.end());
    std::string rest = "|(?-i:";
    uint32_t next = 0x80;
    for (const auto& [low, high] : members->wide) {
      if (low > next) AppendUtf8Range(next, low - 1, &rest);
      next = std::max(next, high + 1);
    }
    if (!members->wide.empty() && next <= kCodePointMax) AppendUtf8Range(next, kCodePointMax, &rest);
    if (rest.back() != ':') out() += rest + ")";
    out() += ")";
  }

  std::string_view in_;
  Flags flags_;
  std::vector<Flags> outer_;
  BytePattern result_;
};

}  // namespace

BytePattern ToBytePattern(std::string_view pattern, bool caseless, bool dot_all, bool multi_line) {
  return Rewriter(pattern, caseless, dot_all, multi_line).Run();
}

}  // namespace stockade
