// The verdict service's own language, /v1: for applications and for gateways that end connections themselves.
//
// /v1/assess may hand over what a login shows of a certificate, to be judged as the proxy would judge it:
//   tls.client.certificate   PEM or base64 of DER: whoever asks has seen it in a TLS handshake, and vouches for that
//   login.signature          base64 of a CMS signature over account, login.timestamp and login.nonce
//   login.endpoint           the name of the endpoint whose `signature` says over which text and how long it is fresh;
//                            without it the text is the default's, "{account}\n{timestamp}\n{nonce}", within 2 minutes
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "adapters/certificate/signed_login.h"
#include "adapters/certificate/signed_text.h"
#include "adapters/gateway/account_text.h"
#include "adapters/gateway/json_body.h"
#include "adapters/gateway/verdict_dialects.h"
#include "adapters/http/service_replies.h"
#include "engine/decision/decision.h"
#include "engine/text.h"

namespace stockade {
namespace {

// A text member of a body of ours: whether the body can be read, and the member if it is there.
bool ReadMember(std::string_view body, std::string_view path, std::optional<std::string>* member) {
  FoundValue value;
  if (ReadJsonValue(body, path, &value) != LoginReadError::kNone) return false;
  member->reset();
  if (value.found) member->emplace(value.text.view());
  return true;
}

std::optional<uint64_t> ParseTicket(std::string_view text) {
  uint64_t ticket = 0;
  const auto [stopped, failed] = std::from_chars(text.data(), text.data() + text.size(), ticket);
  if (failed != std::errc() || stopped != text.data() + text.size()) return std::nullopt;
  return ticket;
}

// What a login shows of a certificate, as /v1/assess was handed it.
struct Shown {
  std::optional<std::string> certificate, signature, timestamp, nonce, endpoint;
  bool any() const noexcept { return certificate || signature; }
};

const EndpointSettings* EndpointNamed(const LoginExchange& exchange, std::string_view name) {
  for (int i = 0; i < exchange.endpoint_count(); ++i)
    if (exchange.endpoint(i).name == name) return &exchange.endpoint(i);
  return nullptr;
}

// A signature as the proxy would have found it in the login. Nothing where its text cannot be made.
SignedLogin SignedOf(const Shown& shown, const SignatureSettings& settings, std::string_view account) {
  using Fault = CertificateEvidence::Fault;
  SignedLogin login;
  login.signature = *shown.signature;
  login.timestamp = shown.timestamp.value_or("");
  login.nonce = shown.nonce.value_or("");
  if (login.signature.size() > kSignatureTextBytesMax) login.fault = Fault::kUnreadable;
  if (login.timestamp.size() > kTimestampBytesMax || login.nonce.size() > kNonceBytesMax)
    login.fault = Fault::kIncomplete;
  if (login.fault != Fault::kNone) return login;
  const absl::StatusOr<SignedText> form = SignedText::Parse(settings.over);
  std::optional<std::string> text;
  if (form.ok()) text = form->Fill({account, login.timestamp, login.nonce});
  if (text) {
    login.text = *std::move(text);
  } else {
    login.fault = Fault::kIncomplete;
  }
  return login;
}

// False, and why, where what is shown cannot be judged at all.
bool FindShown(const VerdictParts& parts, const Shown& shown, const std::optional<std::string>& account,
               const Address& source, CertificateFinding* finding, std::string_view* why) {
  if (!parts.assessed_certificate) {
    *why = "a certificate or a signature: gateway.certificates.anchors is not set, so nobody could judge it";
    return false;
  }
  const EndpointSettings* named = nullptr;
  if (shown.endpoint) {
    named = EndpointNamed(*parts.exchange, *shown.endpoint);
    if (named == nullptr) {
      *why = "login.endpoint: no endpoint has this name";
      return false;
    }
    if (shown.signature && !named->signature) {
      *why = "login.endpoint: takes no signatures; gateway.endpoints says how they are made";
      return false;
    }
  }
  EndpointSettings endpoint;
  endpoint.signature = named != nullptr && named->signature ? named->signature : SignatureSettings();
  LoginClaim claim;
  claim.has_account = account.has_value();
  if (account) {
    claim.account = AccountText(*account, parts.fold_account_case);
    // It was signed as it was typed.
    if (shown.signature) claim.signature = SignedOf(shown, *endpoint.signature, *account);
  } else if (shown.signature) {
    claim.signature.emplace().fault = CertificateEvidence::Fault::kIncomplete;
  }
  CertificateEvidence evidence;
  if (shown.certificate) {
    evidence = ReadBareCertificate(*shown.certificate);
    if (evidence.from == CertificateEvidence::From::kBare) evidence.from = CertificateEvidence::From::kHeader;
  }
  *finding = parts.assessed_certificate(std::move(evidence), endpoint, claim, source);
  return true;
}

}  // namespace

std::optional<ServiceReply> VerdictDialects::TakeAssess(const ServiceRequest& request,
                                                        const ServiceLater& later) const {
  if (request.head.method != "POST") return MethodNotAllowed("POST");
  const std::string_view body = request.body_text();
  std::optional<std::string> source, account, agent, device, path, id, channel, ja3, ja4, password_id, word,
      can_ask;
  Shown shown;
  struct Member {
    std::string_view path;
    std::optional<std::string>* into;
  };
  const Member members[] = {{"source.ip", &source},
                            {"user.name", &account},
                            {"user_agent.original", &agent},
                            {"login.device", &device},
                            {"url.path", &path},
                            {"http.request.id", &id},
                            {"login.channel", &channel},
                            {"tls.client.ja3", &ja3},
                            {"tls.client.ja4", &ja4},
                            {"login.password_id", &password_id},
                            {"login.certificate", &word},
                            {"login.can_ask", &can_ask},
                            {"tls.client.certificate", &shown.certificate},
                            {"login.signature", &shown.signature},
                            {"login.timestamp", &shown.timestamp},
                            {"login.nonce", &shown.nonce},
                            {"login.endpoint", &shown.endpoint}};
  for (const Member& member : members) {
    if (!ReadMember(body, member.path, member.into))
      return JsonError(Concat(member.path, ": the body is no JSON, or says this twice"));
  }
  // An empty member is none, as an empty field of a login is.
  for (std::optional<std::string>* const member : {&shown.certificate, &shown.signature, &shown.endpoint})
    if (*member && (*member)->empty()) member->reset();
  Attempt attempt;
  if (source) {
    const std::optional<Address> address = Address::Parse(*source);
    if (!address) return JsonError("source.ip: is no address");
    attempt.source = *address;
  }
  attempt.can_ask = parts_.can_ask[static_cast<size_t>(LoginWay::kAssess)];
  if (can_ask) {
    const std::optional<CanAsk> said = ParseCanAsk(*can_ask);
    if (!said) return JsonError("login.can_ask: is none of neither, human, identity, both");
    attempt.can_ask = Narrowed(attempt.can_ask, *said);
  }
  CertificateFinding finding = CertificateStatus::kUnchecked;
  if (word) {
    const std::optional<CertificateStatus> status = ParseCertificateStatus(*word);
    if (!status) return JsonError("login.certificate: is none of the words for it");
    if (shown.any()) return JsonError("login.certificate: says already what the rest would have to say");
    attempt.certificate = *status;
    attempt.certificate_present = true;
  }
  // Whose account has a certificate is known here: a login that could have shown one and did not may be more than missing.
  const bool left_out = shown.endpoint || (word && attempt.certificate == CertificateStatus::kMissing);
  const bool is_judged = shown.any() || (left_out && parts_.assessed_certificate != nullptr);
  if (is_judged) {
    std::string_view why;
    if (!FindShown(parts_, shown, account, attempt.source, &finding, &why)) return JsonError(why);
  }
  {
    FoundValue password;
    if (ReadJsonValue(body, "password", &password) != LoginReadError::kNone)
      return JsonError("password: the body is no JSON, or says this twice");
    if (password.found) password_id = ToHex(SipHash128(parts_.hash_key, password.text.view()));
  }
  // Spelt as the proxy spells it, so that both mean one account.
  if (account) *account = AccountText(*account, parts_.fold_account_case);
  const auto take = [](const std::optional<std::string>& text, std::string_view* member) {
    if (text) *member = *text;
  };
  take(account, &attempt.account);
  take(agent, &attempt.user_agent);
  take(device, &attempt.device);
  take(path, &attempt.path);
  take(id, &attempt.request_id);
  take(channel, &attempt.channel);
  take(ja3, &attempt.ja3);
  take(ja4, &attempt.ja4);
  take(password_id, &attempt.password_id);

  if (!is_judged) return ReplyAssessed(attempt);
  return WithCertificate(attempt, finding, later,
                         [this](const Attempt& judged) { return ReplyAssessed(judged); });
}

ServiceReply VerdictDialects::ReplyAssessed(const Attempt& attempt) const {
  const GateAnswer answer = parts_.desk->Assess(attempt);
  if (answer.in_trouble) return Json(503, "{\"error\":\"the gate has stopped\"}\n");
  std::string text = Concat("{\"verdict\":\"", Name(answer.kind), "\"");
  if (answer.kind == VerdictKind::kChallenge)
    Append(&text, ",\"kind\":\"", Name(answer.challenge_kind), "\"");
  const auto add = [&text](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    Append(&text, ",\"", key, "\":");
    AppendJsonString(value, &text);
  };
  add("by", answer.by);
  add("reason", answer.reason);
  Append(&text, ",\"reaches\":", answer.reaches ? "true" : "false");
  if (answer.ticket != 0) Append(&text, ",\"ticket\":", answer.ticket);
  if (answer.certificate != CertificateStatus::kUnchecked)
    Append(&text, ",\"certificate\":\"", Name(answer.certificate), "\"");
  return Json(200, text + "}\n");
}

std::optional<ServiceReply> VerdictDialects::TakeOutcome(const ServiceRequest& request,
                                                         const ServiceLater&) const {
  if (request.head.method != "POST") return MethodNotAllowed("POST");
  std::optional<std::string> ticket, outcome;
  if (!ReadMember(request.body_text(), "ticket", &ticket) ||
      !ReadMember(request.body_text(), "outcome", &outcome))
    return JsonError("the body is no JSON, or says something twice");
  const std::optional<uint64_t> number = ticket ? ParseTicket(*ticket) : std::nullopt;
  if (!number) return JsonError("ticket: must be a number that an answer named");
  const std::optional<Outcome> told = outcome ? ParseOutcome(*outcome) : std::nullopt;
  if (!told) {
    std::string words;
    for (const std::string_view word : kOutcomeNames) Append(&words, words.empty() ? "" : ", ", word);
    return JsonError(Concat("outcome: is none of ", words));
  }
  parts_.desk->Observe(*number, *told);
  return ServiceReply{204, {}, {}};
}

std::optional<ServiceReply> VerdictDialects::TakeChallenge(const ServiceRequest& request,
                                                           const ServiceLater&) const {
  if (request.head.method != "POST") return MethodNotAllowed("POST");
  std::optional<std::string> kind, account, source, device;
  const std::string_view body = request.body_text();
  if (!ReadMember(body, "kind", &kind) || !ReadMember(body, "account", &account) ||
      !ReadMember(body, "source", &source) || !ReadMember(body, "device", &device))
    return JsonError("the body is no JSON, or says something twice");
  const bool human = kind && *kind == Name(ChallengeKind::kHuman);
  if (!human && !(kind && *kind == Name(ChallengeKind::kIdentity)))
    return JsonError("kind: is neither human nor identity");
  if (!account || account->empty()) return JsonError("account: is missing");
  const std::optional<Address> address = source ? Address::Parse(*source) : std::nullopt;
  if (!address) return JsonError("source: must be the client's address");
  parts_.desk->NoteChallengePassed(human ? ChallengeKind::kHuman : ChallengeKind::kIdentity,
                                   AccountText(*account, parts_.fold_account_case), *address,
                                   device.value_or(""));
  return ServiceReply{204, {}, {}};
}

}  // namespace stockade
