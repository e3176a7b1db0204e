#include "adapters/certificate/structured_field.h"

#include <array>

#include "engine/event/digits.h"

namespace stockade {
namespace {

using Error = StructuredFieldError;

bool IsLower(char c) noexcept {
  return c >= 'a' && c <= 'z';
}
bool IsAlpha(char c) noexcept {
  return IsLower(static_cast<char>(c | 0x20));
}
bool IsTokenRest(char c) noexcept {
  return IsAlpha(c) || IsDigit(c) ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~:/").find(c) != std::string_view::npos);
}

constexpr std::array<int8_t, 256> MakeBase64Values() {
  std::array<int8_t, 256> values{};
  for (auto& value : values) value = -1;
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
  return values;
}
constexpr std::array<int8_t, 256> kBase64Values = MakeBase64Values();

// RFC 8941 §4.2, as far as its items are needed; each function takes what it reads off the front.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool at_end() const noexcept { return rest_.empty(); }
  bool Is(char c) const noexcept { return !rest_.empty() && rest_.front() == c; }
  bool Take(char c) noexcept {
    if (!Is(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void SkipSpaces() noexcept {
    while (Take(' ')) continue;
  }
  void SkipOptionalWhiteSpace() noexcept {
    while (Take(' ') || Take('\t')) continue;
  }

  // A byte sequence with its parameters.
  Error ReadMember(std::string* bytes) {
    if (!Is(':')) return at_end() ? Error::kSyntax : Error::kOtherType;
    if (!TakeByteSequence(bytes) || !TakeParameters()) return Error::kSyntax;
    return Error::kNone;
  }

 private:
  template <typename Is>
  std::string_view TakeWhile(Is&& is) noexcept {
    size_t size = 0;
    while (size < rest_.size() && is(rest_[size])) ++size;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  bool TakeByteSequence(std::string* bytes) {
    if (!Take(':')) return false;
    const size_t end = rest_.find(':');
    if (end == std::string_view::npos) return false;
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return DecodeBase64(text, bytes);
  }

  bool TakeParameters() {
    while (Take(';')) {
      SkipSpaces();
      if (at_end() || (!IsLower(rest_.front()) && rest_.front() != '*')) return false;
      TakeWhile(
          [](char c) { return IsLower(c) || IsDigit(c) || c == '_' || c == '-' || c == '.' || c == '*'; });
      if (Take('=') && !TakeBareItem()) return false;
    }
    return true;
  }

  bool TakeBareItem() {
    if (at_end()) return false;
    const char first = rest_.front();
    if (first == '-' || IsDigit(first)) return TakeNumber();
    if (first == '"') return TakeString();
    if (first == '?') {
      Take('?');
      return Take('0') || Take('1');
    }
    if (first == ':') {
      std::string dropped;
      return TakeByteSequence(&dropped);
    }
    if (first != '*' && !IsAlpha(first)) return false;
    TakeWhile(IsTokenRest);
    return true;
  }

  // At most 15 digits, or 12 before a point and 1 to 3 behind it.
  bool TakeNumber() noexcept {
    Take('-');
    const size_t whole = TakeWhile(IsDigit).size();
    if (whole == 0 || whole > 15) return false;
    if (!Take('.')) return true;
    const size_t fraction = TakeWhile(IsDigit).size();
    return whole <= 12 && fraction >= 1 && fraction <= 3;
  }

  bool TakeString() noexcept {
    Take('"');
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) return false;
      if (c == '\\' && !Take('"') && !Take('\\')) return false;
    }
    return false;
  }

  std::string_view rest_;
};

}  // namespace

std::string_view Name(StructuredFieldError error) noexcept {
  constexpr std::array<std::string_view, 4> kNames = {"none", "syntax", "other_type", "too_many"};
  return kNames[static_cast<size_t>(error)];
}

bool DecodeBase64(std::string_view text, std::string* bytes) {
  bytes->clear();
  if (text.size() % 4 != 0) return false;
  size_t padding = 0;
  if (text.ends_with('=')) padding = text.ends_with("==") ? 2 : 1;
  const std::string_view digits = text.substr(0, text.size() - padding);
  bytes->reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  int held = 0;
  for (const char c : digits) {
    const int value = kBase64Values[static_cast<uint8_t>(c)];
    if (value < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes->push_back(static_cast<char>(bits >> held & 0xff));
      bits &= (uint32_t{1} << held) - 1;
    }
  }
  return bits == 0;
}

StructuredFieldError ReadByteSequence(std::string_view line, std::string* bytes) {
  Reader reader(line);
  reader.SkipSpaces();
  const Error error = reader.ReadMember(bytes);
  if (error != Error::kNone) return error;
  reader.SkipSpaces();
  return reader.at_end() ? Error::kNone : Error::kSyntax;
}

StructuredFieldError ReadByteSequenceList(std::span<const std::string_view> lines, size_t members_max,
                                          std::vector<std::string>* members) {
  members->clear();
  std::string joined;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) joined += ", ";
    joined += lines[i];
  }
  Reader reader(joined);
  reader.SkipSpaces();
  while (!reader.at_end()) {
    if (members->size() == members_max) return Error::kTooMany;
    const Error error = reader.ReadMember(&members->emplace_back());
    if (error != Error::kNone) return error;
    reader.SkipOptionalWhiteSpace();
    if (reader.at_end()) break;
    if (!reader.Take(',')) return Error::kSyntax;
    reader.SkipOptionalWhiteSpace();
    if (reader.at_end()) return Error::kSyntax;  // a comma at the end
  }
  return Error::kNone;
}

}  // namespace stockade
