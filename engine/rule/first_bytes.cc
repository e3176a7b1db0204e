#include "engine/rule/first_bytes.h"

#include <algorithm>
#include <cstdint>

#include "engine/event/digits.h"

namespace stockade {
namespace {

// Groups inside each other; each costs a hundred bytes of stack.
constexpr int kDepthMax = 50;

bool IsLetterOrDigit(char c) noexcept {
  return IsDigit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

// A recursive reader of the pattern. Once something was not followed, nothing that it gives counts.
class Reader {
 public:
  Reader(std::string_view pattern, bool caseless) : in_(pattern), caseless_(caseless) {}

  ByteSet Read() {
    const Part whole = Alternatives(/*anchored=*/true);
    if (failed_ || !in_.empty() || whole.may_be_nothing) return ByteSet().set();
    return whole.bytes;
  }

 private:
  // What a part of the pattern takes first, if it takes anything.
  struct Part {
    ByteSet bytes;
    bool may_be_nothing = false;
  };

  bool At(std::string_view text) const noexcept { return in_.starts_with(text); }
  bool Take(std::string_view text) noexcept {
    if (!At(text)) return false;
    in_.remove_prefix(text.size());
    return true;
  }
  Part Fail() noexcept {
    failed_ = true;
    in_ = {};
    return {};
  }

  // Up to a closing bracket or the end.
  Part Alternatives(bool anchored) {
    Part any;
    if (++depth_ > kDepthMax) return Fail();
    do {
      // "^a|b": each alternative stands for itself.
      if (anchored && !Take("^") && !Take("\\A")) return Fail();
      const Part one = Sequence();
      any.bytes |= one.bytes;
      any.may_be_nothing |= one.may_be_nothing;
    } while (Take("|"));
    --depth_;
    return any;
  }

  Part Sequence() {
    Part sequence;
    sequence.may_be_nothing = true;
    while (!in_.empty() && !At("|") && !At(")")) {
      Part item = Item();
      item.may_be_nothing |= Quantifier();
      if (!sequence.may_be_nothing) continue;
      sequence.bytes |= item.bytes;
      sequence.may_be_nothing = item.may_be_nothing;
    }
    return sequence;
  }

  Part Item() {
    const char c = in_.front();
    if (c == '(') return Group();
    if (c == '\\') return Escape();
    if (std::string_view("^*+?{").find(c) != std::string_view::npos) return Fail();
    in_.remove_prefix(1);
    if (c == '[') return Class();
    if (c == '.') return Any();
    if (c == '$') return Nothing();
    return Byte(static_cast<unsigned char>(c));
  }

  Part Group() {
    const bool outer = caseless_;
    if (Take("(?-i:")) {
      caseless_ = false;
    } else if (Take("(?i:")) {
      caseless_ = true;
    } else if (!Take("(?:") && (At("(?") || At("(*") || !Take("("))) {
      return Fail();
    }
    const Part inside = Alternatives(/*anchored=*/false);
    caseless_ = outer;
    if (!Take(")")) return Fail();
    return inside;
  }

  Part Escape() {
    if (const int byte = EscapedByte(); byte >= 0) return Byte(static_cast<unsigned char>(byte));
    if (Shorthand()) return Any();
    if (Take("\\b") || Take("\\B") || Take("\\z")) return Nothing();
    return Fail();
  }

  // "\xHH", "\n" and its like, or punctuation; -1, and nothing read, for anything else.
  int EscapedByte() noexcept {
    if (in_.size() < 2 || in_[0] != '\\') return -1;
    const char c = in_[1];
    int byte = static_cast<unsigned char>(c);
    size_t size = 2;
    if (c == 'x' && in_.size() >= 4 && HexDigit(in_[2]) >= 0 && HexDigit(in_[3]) >= 0) {
      byte = HexDigit(in_[2]) << 4 | HexDigit(in_[3]);
      size = 4;
    } else if (const size_t control = std::string_view("tnfr").find(c); control != std::string_view::npos) {
      byte = "\t\n\f\r"[control];
    } else if (IsLetterOrDigit(c)) {
      return -1;
    }
    in_.remove_prefix(size);
    return byte;
  }

  // "\w" and its like, which take any byte as far as it matters here.
  bool Shorthand() noexcept {
    if (in_.size() < 2 || in_[0] != '\\' || std::string_view("dDsSwW").find(in_[1]) == std::string_view::npos)
      return false;
    in_.remove_prefix(2);
    return true;
  }

  // Behind its opening bracket.
  Part Class() {
    Part in_class;
    bool any = Take("^");
    if (At("]")) return Fail();
    while (!Take("]")) {
      if (Shorthand()) {
        any = true;
        continue;
      }
      const int low = ClassByte();
      int high = low;
      if (At("-") && !At("-]") && Take("-")) high = ClassByte();
      if (low < 0 || high < low) return Fail();
      for (int byte = low; byte <= high; ++byte)
        in_class.bytes |= Byte(static_cast<unsigned char>(byte)).bytes;
    }
    return any ? Any() : in_class;
  }
  // One byte of a class; -1 for what is none, as "[:alpha:]".
  int ClassByte() noexcept {
    if (const int byte = EscapedByte(); byte >= 0) return byte;
    if (in_.empty() || in_.front() == '[' || in_.front() == '\\') return -1;
    const int byte = static_cast<unsigned char>(in_.front());
    in_.remove_prefix(1);
    return byte;
  }

  // What stands behind an item; true if that may then be nothing.
  bool Quantifier() {
    bool may_be_nothing = false;
    if (Take("*") || Take("?")) {
      may_be_nothing = true;
    } else if (Take("{")) {
      const size_t end = std::min(in_.find('}'), in_.size());
      const std::string_view counts = in_.substr(0, end);
      // Anything but "{2}", "{2,}" and "{2,5}" is plain text, to RE2.
      const bool are_counts =
          end < in_.size() && !counts.empty() && IsDigit(counts.front()) &&
          std::count(counts.begin(), counts.end(), ',') <= 1 &&
          std::all_of(counts.begin(), counts.end(), [](char c) { return IsDigit(c) || c == ','; });
      if (!are_counts) {
        Fail();
        return true;
      }
      may_be_nothing = counts.front() == '0';
      in_.remove_prefix(end + 1);
    } else if (!Take("+")) {
      return false;
    }
    static_cast<void>(Take("?"));  // as few as will do
    return may_be_nothing;
  }

  Part Byte(unsigned char byte) noexcept {
    Part one;
    one.bytes.set(byte);
    if (!caseless_) return one;
    // Beyond ASCII engines know other cases than these.
    if (byte >= 0x80) return Any();
    if (IsLetterOrDigit(static_cast<char>(byte)) && byte > '9') one.bytes.set(byte ^ 0x20);
    return one;
  }
  static Part Any() noexcept {
    Part any;
    any.bytes.set();
    return any;
  }
  static Part Nothing() noexcept {
    Part nothing;
    nothing.may_be_nothing = true;
    return nothing;
  }

  std::string_view in_;
  bool caseless_;
  int depth_ = 0;
  bool failed_ = false;
};

}  // namespace

ByteSet FirstBytes(std::string_view pattern, bool caseless, bool multi_line) {
  if (multi_line) return ByteSet().set();
  return Reader(pattern, caseless).Read();
}

}  // namespace stockade
