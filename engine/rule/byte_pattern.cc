#include "engine/rule/byte_pattern.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/rule/byte_class.h"
#include "engine/rule/byte_text.h"
#include "engine/rule/pattern_reader.h"
#include "engine/rule/utf8.h"

namespace stockade {
namespace {

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

  void Element() {
    const char c = in_.next();
    if (flags_.extended && (c == ' ' || (c >= '\t' && c <= '\r'))) return in_.Skip(1);
    if (flags_.extended && c == '#')
      return in_.Skip(std::min(in_.rest().find('\n'), in_.rest().size() - 1) + 1);
    if (c == '\\') return Escape();
    if (c == '[') return RewriteClass(&in_, flags_.caseless, &result_);
    if (c == '(') return Group();
    if (c == ')') {
      if (!outer_.empty()) {
        flags_ = outer_.back();
        outer_.pop_back();
      }
      out() += ')';
      return in_.Skip(1);
    }
    if (c == '.') {
      in_.Skip(1);
      return in_.AtRepetition() ? void(out() += '.') : AppendAnyCharacter(".", &out());
    }
    if (c == '$') {
      out() += flags_.multi_line ? "$" : "(?:\\n?\\z)";
      return in_.Skip(1);
    }
    if (static_cast<uint8_t>(c) >= 0x80) return Wide();
    if (c < 0x20 || c == 0x7f) {
      AppendByte(static_cast<uint8_t>(c), &out());
    } else {
      out() += c;
    }
    in_.Skip(1);
  }

  void Wide() {
    const auto [c, size] = DecodeUtf8(in_.rest());
    if (size == 0) {
      LoneByte(static_cast<uint8_t>(in_.next()));
      return in_.Skip(1);
    }
    in_.Skip(size);
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

  void Escape() {
    in_.Skip(1);
    if (in_.empty()) return void(out() += '\\');
    uint32_t code = 0;
    bool character = false;
    if (in_.ReadCode(&code, &character)) {
      if (code >= 0x80 && !character) return LoneByte(code);
      return Character(code);
    }
    const char c = in_.next();
    if (static_cast<uint8_t>(c) >= 0x80) return Wide();
    in_.Skip(1);
    switch (c) {
      case 'Q': {
        const size_t end = std::min(in_.rest().find("\\E"), in_.rest().size());
        std::string_view quoted = in_.rest().substr(0, end);
        in_.Skip(end + 2);
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
    in_.AtRepetition() ? void(out() += bytes) : AppendAnyCharacter(bytes, &out());
  }

  void Group() {
    if (in_.At("(?#")) return in_.Skip(std::min(in_.rest().find(')'), in_.rest().size() - 1) + 1);
    const bool named =
        in_.At("(?P<") || (in_.At("(?<") && !in_.At("(?<=") && !in_.At("(?<!")) || in_.At("(?'");
    if (named) {
      const char close = in_.At("(?'") ? '\'' : '>';
      const size_t end = in_.rest().find(close, in_.At("(?'") ? 3 : 0);
      if (end != std::string_view::npos) {
        outer_.push_back(flags_);
        out() += '(';
        return in_.Skip(end + 1);
      }
    }
    if (!in_.At("(?") || in_.At("(?:") || !InlineFlags()) {
      const size_t size = in_.At("(?:") ? 3 : 1;
      outer_.push_back(flags_);
      out() += in_.rest().substr(0, size);
      in_.Skip(size);
    }
  }

  // "(?i-ms)" or "(?i-ms:". False, and nothing read, for anything else.
  bool InlineFlags() {
    const std::string_view rest = in_.rest();
    size_t end = 2;
    bool on = true;
    Flags flags = flags_;
    std::string kept[2];
    for (; end < rest.size() && rest[end] != ')' && rest[end] != ':'; ++end) {
      switch (rest[end]) {
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
      kept[on ? 0 : 1] += rest[end];
    }
    if (end >= rest.size() || (end == 2 && rest[end] == ')')) return false;
    const bool group = rest[end] == ':';
    std::string text = "(?" + kept[0] + (kept[1].empty() ? "" : "-" + kept[1]);
    if (group) {
      outer_.push_back(flags_);
      out() += text + ':';
    } else if (text.size() > 2) {
      out() += text + ')';
    }
    flags_ = flags;
    in_.Skip(end + 1);
    return true;
  }

  PatternReader in_;
  Flags flags_;
  std::vector<Flags> outer_;
  BytePattern result_;
};

}  // namespace

BytePattern ToBytePattern(std::string_view pattern, bool caseless, bool dot_all, bool multi_line) {
  return Rewriter(pattern, caseless, dot_all, multi_line).Run();
}

}  // namespace stockade
