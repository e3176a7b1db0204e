#include "adapters/exchange/stix_pattern.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "engine/rule/finding.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

bool IsWordCharacter(char c) noexcept {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == ':' || c == '.';
}

// Cuts tokens off: a word (keyword or path), a text in quotes, or one character.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) {}

  // What comes next, as far as it is to be shown; empty at the end.
  std::string_view Peek() {
    SkipSpace();
    if (text_.empty()) return {};
    size_t size = 0;
    while (size < text_.size() && IsWordCharacter(text_[size])) ++size;
    return text_.substr(0, std::max<size_t>(size, 1));
  }
  bool Take(std::string_view token) {
    if (Peek() != token) return false;
    text_.remove_prefix(token.size());
    return true;
  }
  std::string_view TakeWord() {
    const std::string_view word = Peek();
    text_.remove_prefix(word.size());
    return word;
  }
  absl::StatusOr<std::string> TakeText() {
    if (Peek() != "'") return Unexpected("a value in single quotes");
    std::string value;
    for (size_t i = 1; i < text_.size(); ++i) {
      if (text_[i] == '\'') {
        text_.remove_prefix(i + 1);
        return value;
      }
      if (text_[i] == '\\') {
        if (++i >= text_.size() || (text_[i] != '\'' && text_[i] != '\\'))
          return absl::InvalidArgumentError(
              "pattern: a backslash stands before neither a quote nor a backslash");
      }
      value.push_back(text_[i]);
    }
    return absl::InvalidArgumentError("pattern: a quote is never closed");
  }
  absl::Status Unexpected(std::string_view expected) {
    const std::string_view next = Peek();
    return absl::InvalidArgumentError(Concat("pattern: ", next.empty() ? "it ends" : Quoted(next),
                                             " where only ", expected,
                                             " would name addresses and nothing else"));
  }

 private:
  void SkipSpace() {
    while (!text_.empty() && absl::ascii_isspace(static_cast<unsigned char>(text_.front())))
      text_.remove_prefix(1);
  }

  std::string_view text_;
};

absl::Status TakeValue(bool v6, Tokens* tokens, std::vector<std::string>* values) {
  ASSIGN_OR_RETURN(std::string value, tokens->TakeText());
  // The text's family, not the address's: a mapped one of IPv6 is an IPv4 address to us.
  if ((value.find(':') != std::string::npos) != v6)
    return absl::InvalidArgumentError(
        Concat("pattern: ", Quoted(value), " is no address of ", v6 ? "IPv6" : "IPv4"));
  if (values->size() >= kPatternAddressesMax)
    return absl::InvalidArgumentError(Concat("pattern: more than ", kPatternAddressesMax, " addresses"));
  values->push_back(std::move(value));
  return absl::OkStatus();
}

absl::Status TakeComparison(Tokens* tokens, std::vector<std::string>* values) {
  const bool v6 = tokens->Peek() == "ipv6-addr:value";
  if (!v6 && tokens->Peek() != "ipv4-addr:value")
    return tokens->Unexpected("ipv4-addr:value or ipv6-addr:value");
  tokens->TakeWord();
  if (tokens->Take("=")) {
    tokens->Take("=");  // "==" is an older spelling of it
    return TakeValue(v6, tokens, values);
  }
  if (tokens->Take("ISSUBSET")) return TakeValue(v6, tokens, values);
  if (!tokens->Take("IN")) return tokens->Unexpected("=, IN or ISSUBSET");
  if (!tokens->Take("(")) return tokens->Unexpected("a list in parentheses");
  do {
    RETURN_IF_ERROR(TakeValue(v6, tokens, values));
  } while (tokens->Take(","));
  return tokens->Take(")") ? absl::OkStatus() : tokens->Unexpected("a comma or the list's end");
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadAddressPattern(std::string_view pattern) {
  if (pattern.size() > kPatternBytesMax)
    return absl::InvalidArgumentError(Concat("pattern: longer than ", kPatternBytesMax, " bytes"));
  std::vector<std::string> values;
  Tokens tokens(pattern);
  do {
    if (!tokens.Take("[")) return tokens.Unexpected("[");
    do {
      RETURN_IF_ERROR(TakeComparison(&tokens, &values));
    } while (tokens.Take("OR"));
    if (!tokens.Take("]")) return tokens.Unexpected("OR or ]");
  } while (tokens.Take("OR"));
  if (!tokens.Peek().empty()) return tokens.Unexpected("OR or the end");
  return values;
}

std::string EscapePatternText(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::string AddressPattern(const Prefix& network) {
  return Concat("[ipv", network.address.is_v4() ? "4" : "6", "-addr:value = '",
                EscapePatternText(network.ToString()), "']");
}

}  // namespace stockade
