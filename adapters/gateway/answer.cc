#include "adapters/gateway/answer.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "adapters/gateway/header_parameters.h"
#include "adapters/gateway/token.h"
#include "engine/text.h"

namespace stockade {
namespace {

// Fields that are somebody else's: of a key of their own, or of the connection.
struct OwnedField {
  std::string_view name;
  std::string_view owner;
};
constexpr std::array<OwnedField, 11> kOwnedFields = {{{"content-length", "is counted"},
                                                      {"content-type", "is set by content_type"},
                                                      {"retry-after", "is set by retry_after"},
                                                      {"location", "is set by redirect"},
                                                      {"transfer-encoding", "is the connection's"},
                                                      {"connection", "is the connection's"},
                                                      {"keep-alive", "is the connection's"},
                                                      {"upgrade", "is the connection's"},
                                                      {"trailer", "is the connection's"},
                                                      {"te", "is the connection's"},
                                                      {"content-encoding", "is never right here"}}};

bool IsFieldValue(std::string_view value) noexcept {
  return std::none_of(value.begin(), value.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}
bool IsRedirect(int status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}
bool HasNoBody(int status) noexcept {
  return status < 200 || status == 204 || status == 205 || status == 304;
}

bool IsSafeId(std::string_view id) noexcept {
  return std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           (c != '\0' && std::string_view("-_.:/+=@").find(c) != std::string_view::npos);
  });
}

}  // namespace

absl::Status ValidateAnswer(const AnswerSettings& settings) {
  const auto refuse = [](std::string_view key, std::string_view what) {
    return absl::InvalidArgumentError(Concat(key, ": ", what));
  };
  if (settings.status < 200 || settings.status > 599)
    return refuse("status", Concat(settings.status, " is no status of a final answer, 200 to 599"));
  if (HasNoBody(settings.status) && !settings.body.empty())
    return refuse("body", Concat("an answer of status ", settings.status, " has no body"));
  for (const auto& [name, value] : settings.headers) {
    const std::string key = Concat("headers.", name);
    if (!IsToken(name)) return refuse(key, "is no name of a field");
    if (!IsFieldValue(value))
      return refuse(key, "holds a control character; a line end would begin another field");
    for (const OwnedField& owned : kOwnedFields) {
      if (absl::EqualsIgnoreCase(name, ToAbsl(owned.name))) return refuse(key, owned.owner);
    }
  }
  if (!IsFieldValue(settings.content_type) || (settings.content_type.empty() && !settings.body.empty()))
    return refuse("content_type", "must be a type as text/html; charset=utf-8");
  const bool bad_redirect = std::any_of(settings.redirect.begin(), settings.redirect.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f;
  });
  if (bad_redirect)
    return refuse("redirect", "must be an address of printable ASCII without spaces; write others as %XX");
  if (settings.retry_after_seconds && *settings.retry_after_seconds < 0)
    return refuse("retry_after", "must not be negative");
  return absl::OkStatus();
}

const AnswerSettings& ChooseAnswer(const AnswersSettings& answers, const GateAnswer& verdict) noexcept {
  switch (verdict.kind) {
    case VerdictKind::kThrottle:
      return answers.throttle;
    case VerdictKind::kChallenge:
      return verdict.challenge_kind == ChallengeKind::kHuman ? answers.challenge_human
                                                             : answers.challenge_identity;
    default:
      if (verdict.by != "certificate") return answers.deny;
      return verdict.certificate == CertificateStatus::kExpired ? answers.certificate_expired
                                                                : answers.certificate;
  }
}

Answer MakeAnswer(const AnswerSettings& settings, std::string_view request_id) {
  const std::string seconds =
      settings.retry_after_seconds ? std::to_string(*settings.retry_after_seconds) : std::string();
  if (!IsSafeId(request_id)) request_id = {};
  const auto filled = [&](const std::string& text) {
    return absl::StrReplaceAll(text, {{"{retry_after}", seconds}, {"{request_id}", ToAbsl(request_id)}});
  };
  Answer answer;
  answer.status = settings.redirect.empty() || IsRedirect(settings.status) ? settings.status : 303;
  answer.body = filled(settings.body);
  bool cache = false;
  bool authenticate = false;
  if (!settings.redirect.empty()) answer.headers.emplace_back("Location", filled(settings.redirect));
  if (!seconds.empty()) answer.headers.emplace_back("Retry-After", seconds);
  if (!answer.body.empty()) answer.headers.emplace_back("Content-Type", settings.content_type);
  for (const auto& [name, value] : settings.headers) {
    cache = cache || absl::EqualsIgnoreCase(name, "cache-control");
    authenticate = authenticate || absl::EqualsIgnoreCase(name, "www-authenticate");
    answer.headers.emplace_back(name, filled(value));
  }
  if (!cache) answer.headers.emplace_back("Cache-Control", "no-store");
  if (answer.status == 401 && !authenticate)
    answer.headers.emplace_back("WWW-Authenticate", "Stockade realm=\"login\"");
  return answer;
}

std::string WriteAnswer(const Answer& answer, bool head_request, bool keep_open) {
  std::string bytes = Concat("HTTP/1.1 ", answer.status, " ", ReasonPhrase(answer.status), "\r\n");
  for (const auto& [name, value] : answer.headers) Append(&bytes, name, ": ", value, "\r\n");
  if (!HasNoBody(answer.status)) Append(&bytes, "Content-Length: ", answer.body.size(), "\r\n");
  if (answer.status == 205) bytes += "Content-Length: 0\r\n";
  if (!keep_open) bytes += "Connection: close\r\n";
  bytes += "\r\n";
  if (!head_request && !HasNoBody(answer.status)) bytes += answer.body;
  return bytes;
}

std::string_view ReasonPhrase(int status) noexcept {
  struct Phrase {
    int status;
    std::string_view text;
  };
  static constexpr std::array<Phrase, 35> kPhrases = {{
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {205, "Reset Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {402, "Payment Required"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {421, "Misdirected Request"},
      {422, "Unprocessable Content"},
      {423, "Locked"},
      {428, "Precondition Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
  }};
  for (const Phrase& phrase : kPhrases) {
    if (phrase.status == status) return phrase.text;
  }
  return "";
}

}  // namespace stockade
