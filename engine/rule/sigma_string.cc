#include "engine/rule/sigma_string.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "engine/rule/utf8.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::array<std::string_view, 5> kDashes = {"-", "/", "\u2013", "\u2014", "\u2015"};
// Hyphen-minus, slash, en dash, em dash, horizontal bar; an alternation, so that no class has to hold more
// than a byte.
constexpr std::string_view kDashPattern = "(?:-|/|\u2013|\u2014|\u2015)";

bool IsWord(char c) noexcept {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// The dash at the front of `text`, or "".
std::string_view DashAt(std::string_view text) noexcept {
  for (std::string_view dash : kDashes) {
    if (text.substr(0, dash.size()) == dash) return dash;
  }
  return {};
}

}  // namespace

SigmaString SigmaString::Parse(std::string_view written) {
  SigmaString string;
  for (size_t i = 0; i < written.size(); ++i) {
    const char c = written[i];
    if (c == '\\' && i + 1 < written.size() &&
        (written[i + 1] == '*' || written[i + 1] == '?' || written[i + 1] == '\\')) {
      string.AppendText(written.substr(++i, 1));
    } else if (c == '*') {
      if (string.pieces_.empty() || string.pieces_.back().kind != Kind::kAnyNumber) {
        string.pieces_.push_back(Piece{Kind::kAnyNumber, {}});
      }
    } else if (c == '?') {
      string.pieces_.push_back(Piece{Kind::kOne, {}});
    } else {
      string.AppendText(written.substr(i, 1));
    }
  }
  return string;
}

SigmaString SigmaString::Literal(std::string_view text) {
  SigmaString string;
  string.AppendText(text);
  return string;
}

void SigmaString::AppendText(std::string_view text) {
  if (text.empty()) return;
  if (pieces_.empty() || pieces_.back().kind != Kind::kText) pieces_.push_back(Piece{Kind::kText, {}});
  pieces_.back().text += text;
}

bool SigmaString::has_wildcards() const noexcept {
  return std::any_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) {
    return piece.kind == Kind::kAnyNumber || piece.kind == Kind::kOne;
  });
}

void SigmaString::AcceptAllDashes() {
  std::vector<Piece> old = std::exchange(pieces_, {});
  for (Piece& piece : old) {
    if (piece.kind != Kind::kText) {
      pieces_.push_back(std::move(piece));
      continue;
    }
    const std::string_view text = piece.text;
    for (size_t i = 0; i < text.size();) {
      const std::string_view dash = DashAt(text.substr(i));
      const bool begins_word = i == 0 || !IsWord(text[i - 1]);
      const size_t next = i + dash.size();
      const bool word_follows = next < text.size() && IsWord(text[next]) && DashAt(text.substr(next)).empty();
      if (!dash.empty() && begins_word && word_follows) {
        pieces_.push_back(Piece{Kind::kDash, std::string(dash)});
        i = next;
      } else {
        const size_t length = std::max<size_t>(dash.size(), 1);
        AppendText(text.substr(i, length));
        i += length;
      }
    }
  }
}

std::optional<std::vector<std::string>> SigmaString::Spellings(size_t limit) const {
  std::vector<std::string> spellings(1);
  for (const Piece& piece : pieces_) {
    if (piece.kind != Kind::kDash) {
      for (std::string& spelling : spellings) spelling += piece.text;
      continue;
    }
    if (spellings.size() * kDashes.size() > limit) return std::nullopt;
    std::vector<std::string> longer;
    for (const std::string& spelling : spellings) {
      for (std::string_view dash : kDashes) longer.push_back(Concat(spelling, dash));
    }
    spellings = std::move(longer);
  }
  return spellings;
}

void SigmaString::Relax(Test::TextRelation relation) {
  const bool front = relation == Test::TextRelation::kEndsWith || relation == Test::TextRelation::kContains;
  const bool back = relation == Test::TextRelation::kStartsWith || relation == Test::TextRelation::kContains;
  if (front && (pieces_.empty() || pieces_.front().kind != Kind::kAnyNumber)) {
    pieces_.insert(pieces_.begin(), Piece{Kind::kAnyNumber, {}});
  }
  if (back && (pieces_.empty() || pieces_.back().kind != Kind::kAnyNumber))
    pieces_.push_back(Piece{Kind::kAnyNumber, {}});
}

void SigmaString::Fill(Test* test) const {
  size_t from = 0;
  size_t to = pieces_.size();
  const bool open_front = from < to && pieces_[from].kind == Kind::kAnyNumber;
  if (open_front) ++from;
  const bool open_back = to > from ? pieces_[to - 1].kind == Kind::kAnyNumber : open_front;
  if (open_back && to > from) --to;

  using Relation = Test::TextRelation;
  test->text_relation = open_front ? (open_back ? Relation::kContains : Relation::kEndsWith)
                                   : (open_back ? Relation::kStartsWith : Relation::kEquals);
  test->pattern = open_front ? "" : "\\A";
  test->literal.clear();
  bool plain = true;
  for (size_t i = from; i < to; ++i) {
    const Piece& piece = pieces_[i];
    switch (piece.kind) {
      case Kind::kText:
        test->pattern += EscapePattern(piece.text);
        test->literal += piece.text;
        break;
      case Kind::kAnyNumber:
        test->pattern += ".*";
        plain = false;
        break;
      case Kind::kOne:
        test->pattern += ".";
        plain = false;
        break;
      case Kind::kDash:
        test->pattern += kDashPattern;
        plain = false;
        break;
    }
  }
  if (!open_back) test->pattern += "\\z";
  test->dot_all = true;
  test->multi_line = false;
  test->has_literal = plain && (!test->caseless || IsAscii(test->literal));
  if (!test->has_literal) test->literal.clear();
}

std::string EscapePattern(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size() + 8);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      if (byte < 0x80 && !absl::ascii_isalnum(byte) && c != '_' && c != ' ') out += '\\';
      out += c;
    }
  }
  return out;
}

std::string EncodeUtf16(std::string_view text, bool big_endian, bool byte_order_mark) {
  std::string out;
  const auto put = [&](uint32_t unit) {
    const char high = static_cast<char>(unit >> 8);
    const char low = static_cast<char>(unit & 0xff);
    out += big_endian ? high : low;
    out += big_endian ? low : high;
  };
  if (byte_order_mark) put(0xfeff);
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    STOCKADE_CHECK(i + length <= text.size());
    uint32_t character = length == 1 ? lead : lead & (0xffu >> (length + 1));
    for (size_t j = 1; j < length; ++j) {
      character = character << 6 | (static_cast<unsigned char>(text[i + j]) & 0x3fu);
    }
    i += length;
    if (character < 0x10000) {
      put(character);
    } else {
      put(0xd800 + ((character - 0x10000) >> 10));
      put(0xdc00 + ((character - 0x10000) & 0x3ff));
    }
  }
  return out;
}

std::vector<std::string> Base64Offsets(std::string_view bytes) {
  std::vector<std::string> out;
  for (size_t offset = 0; offset < 3; ++offset) {
    std::string padded(offset, '\0');
    padded += bytes;
    const std::string encoded = absl::Base64Escape(ToAbsl(padded));
    // The first characters hold bits of what stands before; the last ones, bits of what comes after.
    constexpr std::array<size_t, 3> kShared = {0, 2, 3};
    const size_t front = kShared[offset];
    const size_t rest = padded.size() % 3;
    const size_t back = rest == 0 ? 0 : rest == 1 ? 3 : 2;
    if (encoded.size() > front + back) out.push_back(encoded.substr(front, encoded.size() - front - back));
  }
  return out;
}

}  // namespace stockade
