#include "adapters/gateway/header_value.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "engine/text.h"

namespace stockade {
namespace {

std::string_view Trimmed(std::string_view text) {
  return FromAbsl(absl::StripAsciiWhitespace(ToAbsl(text)));
}

void Assign(std::string_view text, FoundValue* value) {
  value->found = true;
  value->text.Reset(text.size());
  value->text.Append(text);
}

// One value more under the same name; kTwoValues if it differs from the first, which stays.
LoginReadError Add(std::string_view text, FoundValue* value) {
  if (value->found) return value->text.view() == text ? LoginReadError::kNone : LoginReadError::kTwoValues;
  Assign(text, value);
  return LoginReadError::kNone;
}

// Fields of the way, not of the client. Begins of names end with '*'.
constexpr std::array<std::string_view, 34> kOfTheWay = {"host",
                                                        "connection",
                                                        "keep-alive",
                                                        "proxy-connection",
                                                        "te",
                                                        "trailer",
                                                        "transfer-encoding",
                                                        "content-length",
                                                        "upgrade",
                                                        "expect",
                                                        "max-forwards",
                                                        "via",
                                                        "forwarded",
                                                        "x-forwarded*",
                                                        "x-original-*",
                                                        "x-real-ip",
                                                        "x-client-ip",
                                                        "x-request-id",
                                                        "x-correlation-id",
                                                        "x-amzn-*",
                                                        "x-amz-cf-*",
                                                        "x-envoy-*",
                                                        "x-b3-*",
                                                        "b3",
                                                        "traceparent",
                                                        "tracestate",
                                                        "cf-*",
                                                        "cdn-loop",
                                                        "true-client-ip",
                                                        "client-cert",
                                                        "client-cert-chain",
                                                        "x-ssl-*",
                                                        "x-client-cert*",
                                                        "x-cloud-trace-context"};

// The first letters of those names, a bit each: most fields of a client are told by theirs.
constexpr uint32_t LetterBit(char c) noexcept {
  return c >= 'a' && c <= 'z' ? uint32_t{1} << (c - 'a') : 0;
}
constexpr uint32_t FirstLetters() noexcept {
  uint32_t letters = 0;
  for (const std::string_view name : kOfTheWay) letters |= LetterBit(name.front());
  return letters;
}
constexpr uint32_t kFirstLetters = FirstLetters();

bool IsOfTheWay(std::string_view lower) noexcept {
  if (lower.empty() || (LetterBit(lower.front()) & kFirstLetters) == 0) return false;
  return std::any_of(kOfTheWay.begin(), kOfTheWay.end(), [&](std::string_view name) {
    if (!name.ends_with('*')) return name == lower;
    return lower.starts_with(name.substr(0, name.size() - 1));
  });
}

}  // namespace

LoginReadError ReadHeader(std::span<const HeaderField> fields, std::string_view name, FoundValue* value) {
  value->Clear();
  for (const HeaderField& field : fields) {
    if (!absl::EqualsIgnoreCase(ToAbsl(field.name), ToAbsl(name))) continue;
    if (const LoginReadError error = Add(field.value, value); error != LoginReadError::kNone) return error;
  }
  return LoginReadError::kNone;
}

LoginReadError ReadBasic(std::span<const HeaderField> fields, BasicCredentials* credentials) {
  credentials->user.Clear();
  credentials->password.Clear();
  FoundValue written;
  if (const LoginReadError error = ReadHeader(fields, "authorization", &written);
      error != LoginReadError::kNone)
    return error;
  std::string_view text = written.text.view();
  static constexpr std::string_view kScheme = "basic";
  if (text.size() <= kScheme.size() || text[kScheme.size()] != ' ' ||
      !absl::StartsWithIgnoreCase(ToAbsl(text), ToAbsl(kScheme)))
    return LoginReadError::kNone;
  text = Trimmed(text.substr(kScheme.size()));
  // Abseil skips white space inside and takes '.' for '='; applications differ there.
  if (std::any_of(text.begin(), text.end(), [](char c) {
        return !absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '+' && c != '/' && c != '=';
      }))
    return LoginReadError::kBadBody;
  std::string decoded;
  decoded.reserve(text.size() + SecretText::kBytesMin);
  LoginReadError error = LoginReadError::kBadBody;
  if (absl::Base64Unescape(ToAbsl(text), &decoded)) {
    const std::string_view pair = decoded;
    const size_t colon = pair.find(':');
    if (colon != std::string_view::npos) {
      Assign(pair.substr(0, colon), &credentials->user);
      Assign(pair.substr(colon + 1), &credentials->password);
      error = LoginReadError::kNone;
    }
  }
  explicit_bzero(decoded.data(), decoded.size());
  return error;
}

LoginReadError ReadCookie(std::span<const HeaderField> fields, std::string_view name, FoundValue* value) {
  value->Clear();
  LoginReadError error = LoginReadError::kNone;
  for (const HeaderField& field : fields) {
    if (!absl::EqualsIgnoreCase(ToAbsl(field.name), "cookie")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const size_t equals = pair.find('=');
      if (equals == std::string_view::npos || Trimmed(pair.substr(0, equals)) != name) continue;
      std::string_view text = Trimmed(pair.substr(equals + 1));
      if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
        text = text.substr(1, text.size() - 2);
      if (Add(text, value) != LoginReadError::kNone) error = LoginReadError::kTwoValues;
    }
  }
  return error;
}

std::string HeaderOrder(std::span<const HeaderField> fields, const HashKey& key) {
  std::string names;
  names.reserve(16 * fields.size());  // names of fields are 12 letters on average
  for (const HeaderField& field : fields) {
    const size_t begin = names.size();
    for (const char c : field.name) names.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
    if (IsOfTheWay(std::string_view(names).substr(begin))) {
      names.resize(begin);
    } else {
      names.push_back('\n');
    }
  }
  return ToHex(SipHash128(key, names));
}

}  // namespace stockade
