#include "engine/rule/byte_class.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "engine/rule/byte_text.h"
#include "engine/rule/utf8.h"

namespace stockade {
namespace {

class ClassRewriter {
 public:
  ClassRewriter(PatternReader* in, bool caseless, BytePattern* out)
      : in_(in), caseless_(caseless), out_(out) {}

  void Rewrite() {
    const std::string_view whole = in_->rest();
    const bool negated = in_->At("[^");
    in_->Skip(negated ? 2 : 1);
    Members members;
    bool closed = false;
    for (bool first = true; !in_->empty(); first = false) {
      if (in_->next() == ']' && !first) {
        closed = true;
        in_->Skip(1);
        break;
      }
      if (in_->At("[:")) {
        const size_t end = in_->rest().find(":]");
        if (end != std::string_view::npos && end < 12) {
          members.narrow += in_->rest().substr(0, end + 2);
          in_->Skip(end + 2);
          continue;
        }
      }
      uint32_t low = 0;
      bool character = false;
      if (!ClassAtom(&members, &low, &character)) continue;
      uint32_t high = low;
      bool high_character = character;
      if (in_->rest().size() >= 2 && in_->next() == '-' && in_->rest()[1] != ']') {
        const PatternReader dash = *in_;
        const Members before = members;
        in_->Skip(1);
        if (!ClassAtom(&members, &high, &high_character)) {  // "a-\d": three members
          *in_ = dash;
          members = before;
          high = low;
          high_character = character;
        } else if (high < low) {
          in_->SkipAll();  // the engines say what is wrong
          closed = false;
          break;
        }
      }
      AddRange(low, high, high_character, &members);
    }
    if (!closed) {
      for (const char c : whole) {
        if (static_cast<uint8_t>(c) < 0x80 && c >= 0x20) out_->text += c;
      }
      in_->SkipAll();
      return;
    }
    if (members.wide.empty() && members.bytes.empty()) {
      const std::string text = (negated ? "[^" : "[") + members.narrow + "]";
      return !negated || in_->AtRepetition() ? void(out_->text += text)
                                             : AppendAnyCharacter(text, &out_->text);
    }
    negated ? NegatedWide(&members) : PositiveWide(members);
  }

 private:
  // What a class holds: a text for the members below 0x80 and for shorthands, bytes and characters beyond.
  struct Members {
    std::string narrow;
    std::string bytes;
    std::vector<std::pair<uint32_t, uint32_t>> wide;  // from, to
  };

  // One end of a range, or a shorthand (false): `*code`, and whether it names a character.
  bool ClassAtom(Members* members, uint32_t* code, bool* character) {
    *character = true;
    if (in_->next() == '\\' && in_->rest().size() > 1) {
      in_->Skip(1);
      if (in_->ReadCode(code, character)) return true;
      const char c = in_->next();
      if (static_cast<uint8_t>(c) < 0x80) in_->Skip(1);
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
          out_->needs_unicode = true;
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
        if (absl::ascii_isalnum(
                static_cast<unsigned char>(c))) {  // unknown to us: the engines shall refuse it
          members->narrow += '\\';
          members->narrow += c;
          return false;
        }
        *code = static_cast<uint8_t>(c);
        return true;
      }
    }
    const auto first = static_cast<uint8_t>(in_->next());
    const auto [wide, size] = first >= 0x80 ? DecodeUtf8(in_->rest()) : std::pair<uint32_t, size_t>{first, 1};
    *code = size == 0 ? first : wide;
    *character = size != 0;
    in_->Skip(std::max<size_t>(size, 1));
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
    if (!caseless_ || high - low > 0x2000) return;
    std::vector<uint32_t> cases;
    for (uint32_t c = low; c <= high; ++c) AppendOtherCases(c, &cases);
    for (const uint32_t c : cases) members->wide.emplace_back(c, c);
  }

  void PositiveWide(const Members& members) {
    std::string alternatives = "(?:";
    if (!members.narrow.empty()) alternatives += "[" + members.narrow + "]|";
    alternatives += "(?-i:";
    if (!members.bytes.empty()) alternatives += "[" + members.bytes + "]";
    for (const auto& [low, high] : members.wide) AppendUtf8Range(low, high, &alternatives);
    out_->text += alternatives + "))";
  }

  void NegatedWide(Members* members) {
    out_->text += "(?:[^" + members->narrow + "\\x80-\\xff]";
    if (!members->bytes.empty()) {
      // About bytes: the rest of the bytes beyond ASCII.
      out_->text += "|(?-i:[^\\x00-\\x7f" + members->bytes + "])";
    }
    std::sort(members->wide.begin(), members->wide.end());
    std::string rest = "|(?-i:";
    uint32_t next = 0x80;
    for (const auto& [low, high] : members->wide) {
      if (low > next) AppendUtf8Range(next, low - 1, &rest);
      next = std::max(next, high + 1);
    }
    if (!members->wide.empty() && next <= kCodePointMax) AppendUtf8Range(next, kCodePointMax, &rest);
    if (rest.back() != ':') out_->text += rest + ")";
    out_->text += ")";
  }

  PatternReader* in_;
  bool caseless_;
  BytePattern* out_;
};

}  // namespace

void RewriteClass(PatternReader* in, bool caseless, BytePattern* out) {
  ClassRewriter(in, caseless, out).Rewrite();
}

}  // namespace stockade
