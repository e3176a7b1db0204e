#include "adapters/gateway/percent_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "engine/event/digits.h"
#include "engine/text.h"

namespace stockade {
namespace {

// A letter of a name as the most tolerant application sees it.
char Folded(char c) noexcept {
  if (c == '.' || c == ' ') return '_';
  return absl::ascii_tolower(static_cast<unsigned char>(c));
}

}  // namespace

int PercentByte(std::string_view text) noexcept {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = HexDigit(text[1]);
  const int low = HexDigit(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool DecodeFormText(std::string_view raw, SecretText* out) {
  out->Reset(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      out->Append(raw[i] == '+' ? ' ' : raw[i]);
      continue;
    }
    const int byte = PercentByte(raw.substr(i));
    if (byte < 0) return false;
    out->Append(static_cast<char>(byte));
    i += 2;
  }
  return true;
}

NameRelation CompareFieldNames(std::string_view found, std::string_view wanted) noexcept {
  if (found == wanted) return NameRelation::kSame;
  // PHP drops white space in front of a name, and everything from a zero byte on.
  while (!found.empty() && found.front() == ' ') found.remove_prefix(1);
  found = found.substr(0, found.find('\0'));
  if (found.size() < wanted.size()) return NameRelation::kOther;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (Folded(found[i]) == Folded(wanted[i])) continue;
    // An opening bracket that is never closed becomes '_' too.
    if (found[i] != '[' || wanted[i] != '_') return NameRelation::kOther;
  }
  const bool ends = found.size() == wanted.size() || found[wanted.size()] == '[';
  return ends ? NameRelation::kSimilar : NameRelation::kOther;
}

bool IsUtf8Charset(std::string_view charset) noexcept {
  for (const std::string_view known : {"utf-8", "utf8", "us-ascii", "ascii"}) {
    if (absl::EqualsIgnoreCase(ToAbsl(charset), ToAbsl(known))) return true;
  }
  return false;
}

}  // namespace stockade
