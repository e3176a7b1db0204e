#include "adapters/gateway/verdict_dialects.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "adapters/gateway/answer.h"
#include "adapters/gateway/tls_print.h"
#include "adapters/http/service_replies.h"
#include "engine/decision/decision.h"
#include "engine/event/printable_text.h"
#include "engine/text.h"

namespace stockade {

// A login that is asked about: the request as the application would get it.
struct VerdictDialects::Asked {
  RequestView head;
  std::string_view body;
  bool has_body = true;  // the dialect can carry one
  // The fields are as the client sent them, and not as a proxy made them: what they say of certificates says the client.
  bool has_clients_fields = false;
  std::string_view user_agent;  // where the dialect names it apart; data() null: as in `head`
  Address client;
  std::vector<HeaderField> own;  // fields that replace those of the request, where the dialect renames them
};

struct VerdictDialects::Decided {
  enum class Kind : uint8_t {
    kNotLogin,    // nothing to ask
    kAnswered,    // `answer` says it
    kLetBy,       // nobody could be asked, and the endpoint is open then
    kUnreadable,  // refused: a login that cannot be read
    kTrouble,     // refused: nobody could be asked
  };
  Kind kind = Kind::kNotLogin;
  GateAnswer answer;
  std::string request_id;

  bool allowed() const noexcept {
    return kind == Kind::kNotLogin || kind == Kind::kLetBy || (kind == Kind::kAnswered && answer.reaches);
  }
};

struct VerdictDialects::Dialect {
  enum class Who : uint8_t { kPeer, kToken };
  std::string_view name;
  std::string_view path;
  enum class Match : uint8_t { kWhole, kBelow, kAppSecFields } match;
  Who who;
  // What is asked, and the reply; or, for our own, the whole way.
  bool (VerdictDialects::*read)(const ServiceRequest&, Asked*) const;
  ServiceReply (VerdictDialects::*reply)(const Decided&) const;
  std::optional<ServiceReply> (VerdictDialects::*whole)(const ServiceRequest&, const ServiceLater&) const;
  LoginWay way = LoginWay::kAssess;  // of what is asked about
};

// gRPC ext_authz and SPOE are framed otherwise and come in by listeners of their own; what they ask and how they are
// answered stands here beside the others.
const std::array<VerdictDialects::Dialect, VerdictCounters::kDialects> VerdictDialects::kDialects = {{
    {"auth-request", "/auth-request", Dialect::Match::kWhole, Dialect::Who::kPeer,
     &VerdictDialects::ReadAuthRequest, &VerdictDialects::ReplyStatusOnly, nullptr, LoginWay::kAuthRequest},
    {"forward-auth", "/forward-auth", Dialect::Match::kWhole, Dialect::Who::kPeer,
     &VerdictDialects::ReadForwardAuth, &VerdictDialects::ReplyAnswer, nullptr, LoginWay::kForwardAuth},
    {"ext-authz", "/ext-authz/", Dialect::Match::kBelow, Dialect::Who::kPeer, &VerdictDialects::ReadExtAuthz,
     &VerdictDialects::ReplyExtAuthz, nullptr, LoginWay::kExtAuthz},
    {"appsec", "", Dialect::Match::kAppSecFields, Dialect::Who::kToken, &VerdictDialects::ReadAppSec,
     &VerdictDialects::ReplyAppSec, nullptr, LoginWay::kAppSec},
    {"assess", "/v1/assess", Dialect::Match::kWhole, Dialect::Who::kToken, nullptr, nullptr,
     &VerdictDialects::TakeAssess},
    {"outcome", "/v1/outcome", Dialect::Match::kWhole, Dialect::Who::kToken, nullptr, nullptr,
     &VerdictDialects::TakeOutcome},
    {"challenge", "/v1/challenge", Dialect::Match::kWhole, Dialect::Who::kToken, nullptr, nullptr,
     &VerdictDialects::TakeChallenge},
}};

std::string_view DialectName(size_t row) noexcept {
  constexpr std::string_view kNames[VerdictCounters::kDialects] = {
      "auth-request", "forward-auth", "ext-authz", "appsec", "assess", "outcome", "challenge"};
  return kNames[row];
}

namespace {

void Count(std::atomic<uint64_t>* counter) {
  counter->fetch_add(1, std::memory_order_relaxed);
}

constexpr std::string_view kAppSecPrefix = "X-Crowdsec-Appsec-";
constexpr std::string_view kAppSecKey = "X-Crowdsec-Appsec-Api-Key";
constexpr std::string_view kAppSecAddress = "X-Crowdsec-Appsec-Ip";
constexpr std::string_view kAppSecTarget = "X-Crowdsec-Appsec-Uri";
constexpr std::string_view kAppSecHost = "X-Crowdsec-Appsec-Host";
constexpr std::string_view kAppSecMethod = "X-Crowdsec-Appsec-Verb";
constexpr std::string_view kAppSecAgent = "X-Crowdsec-Appsec-User-Agent";

void AddTicket(const GateAnswer& answer, ServiceReply* reply) {
  if (answer.ticket != 0) reply->headers.emplace_back("X-Stockade-Ticket", Concat(answer.ticket));
}

// What was decided, in fields that a proxy may show or act upon.
void AddVerdict(std::string_view verdict, const GateAnswer& answer, ServiceReply* reply) {
  reply->headers.emplace_back("X-Stockade-Verdict", std::string(verdict));
  if (answer.kind == VerdictKind::kChallenge && !answer.reaches)
    reply->headers.emplace_back("X-Stockade-Kind", std::string(Name(answer.challenge_kind)));
  // Reasons may name what a client typed; a field must stay one line.
  if (!answer.reason.empty() && !answer.reaches)
    reply->headers.emplace_back("X-Stockade-Reason", PrintableLine(answer.reason));
}

// The same in every dialect that answers by status.
ServiceReply ReplyAllowed(const GateAnswer& answer) {
  ServiceReply reply;
  reply.status = 204;
  AddVerdict("allow", answer, &reply);
  AddTicket(answer, &reply);
  return reply;
}

}  // namespace

VerdictDialects::VerdictDialects(VerdictParts parts)
    : parts_(std::move(parts)), client_(parts_.trusted_proxies, parts_.client_address) {}

const VerdictDialects::Dialect* VerdictDialects::FindDialect(const ServiceRequest& request) const noexcept {
  const std::string_view path = request.head.path();
  for (const Dialect& dialect : kDialects) {
    switch (dialect.match) {
      case Dialect::Match::kWhole:
        if (path == dialect.path) return &dialect;
        break;
      case Dialect::Match::kBelow:
        if (path.starts_with(dialect.path)) return &dialect;
        break;
      case Dialect::Match::kAppSecFields:
        for (const HeaderField& field : request.head.fields)
          if (absl::StartsWithIgnoreCase(ToAbsl(field.name), ToAbsl(kAppSecPrefix))) return &dialect;
        break;
    }
  }
  return nullptr;
}

bool VerdictDialects::MayAsk(const Dialect& dialect, const ServiceRequest& request) const noexcept {
  if (dialect.who == Dialect::Who::kToken && !parts_.token.empty()) {
    if (dialect.match == Dialect::Match::kAppSecFields)
      return EqualSecrets(FindField(request.head.fields, kAppSecKey), parts_.token);
    constexpr std::string_view kBearer = "Bearer ";
    const std::string_view said = FindField(request.head.fields, "Authorization");
    return said.starts_with(kBearer) && EqualSecrets(said.substr(kBearer.size()), parts_.token);
  }
  return request.is_local || client_.Lists(request.peer);
}

Address VerdictDialects::ClientOf(const ServiceRequest& request) const noexcept {
  // A proxy on this machine is as good as a listed one: whoever can connect from here can do worse.
  const Address peer = request.is_local ? Address() : request.peer;
  return client_.Read(peer, request.head.fields).address;
}

std::optional<ServiceReply> VerdictDialects::Reply(const ServiceRequest& request,
                                                   const ServiceLater& later) const {
  const Dialect* const dialect = FindDialect(request);
  if (dialect == nullptr) return Plain(404, "no dialect has this path");
  Count(&parts_.counters->requests[static_cast<size_t>(dialect - kDialects.data())]);
  if (!MayAsk(*dialect, request)) {
    Count(&parts_.counters->refused);
    if (dialect->match == Dialect::Match::kAppSecFields) return ServiceReply{401, {}, {}};
    if (dialect->who == Dialect::Who::kToken && !parts_.token.empty()) {
      ServiceReply reply = Plain(401, "a bearer token is needed");
      reply.headers.emplace_back("WWW-Authenticate", "Bearer");
      return reply;
    }
    return Plain(403, "asked from an address that trusted_proxies does not list");
  }
  if (dialect->whole != nullptr) {
    std::optional<ServiceReply> reply = (this->*dialect->whole)(request, later);
    if (reply && reply->status == 400) Count(&parts_.counters->misread);
    return reply;
  }
  Asked asked;
  asked.head = request.head;
  asked.body = request.body_text();
  if (!(this->*dialect->read)(request, &asked)) {
    Count(&parts_.counters->misread);
    if (dialect->match == Dialect::Match::kAppSecFields) return ServiceReply{500, {}, {}};
    return Plain(403, "the fields that say which request is asked about are missing");
  }
  return Decide(*dialect, asked, later);
}

// ---- deciding

std::optional<ServiceReply> VerdictDialects::Decide(const Dialect& dialect, const Asked& asked,
                                                    const ServiceLater& later) const {
  const LoginExchange& exchange = *parts_.exchange;
  const int index = exchange.Find(asked.head);
  if (index == LoginExchange::kNoEndpoint) {
    Count(&parts_.counters->not_login);
    return (this->*dialect.reply)({});
  }
  const EndpointSettings& endpoint = exchange.endpoint(index);
  LoginClaim claim;
  const LoginReadError error = exchange.ReadRequest(index, asked.head, asked.body, &claim);
  const bool missing_is_normal = !asked.has_body && error == LoginReadError::kNoAccount;
  if (error != LoginReadError::kNone && !missing_is_normal) {
    Count(&parts_.counters->unreadable);
    if (endpoint.on_unreadable == FailMode::kClosed) {
      Decided decided;
      decided.request_id = claim.request_id;
      decided.kind = Decided::Kind::kUnreadable;
      return (this->*dialect.reply)(decided);
    }
    // Open means that it may go on, not that nobody looks: what is decided about its source still holds.
    claim.has_account = false;
    claim.account.clear();
  }
  const std::string path(asked.head.path());
  Attempt attempt;
  attempt.source = asked.client;
  attempt.path = path;
  if (claim.has_account) attempt.account = claim.account;
  if (asked.user_agent.data() != nullptr) {
    attempt.user_agent = asked.user_agent;
  } else if (claim.has_user_agent) {
    attempt.user_agent = claim.user_agent;
  }
  if (!claim.password_id.empty()) attempt.password_id = claim.password_id;
  if (!claim.device.empty()) attempt.device = claim.device;
  if (!claim.request_id.empty()) attempt.request_id = claim.request_id;
  if (!claim.header_order.empty()) attempt.header_order = claim.header_order;
  if (!endpoint.channel.empty()) attempt.channel = endpoint.channel;
  attempt.can_ask = parts_.can_ask[static_cast<size_t>(dialect.way)];
  // Who may ask is listed, or on this machine; what the client wrote himself says nothing.
  if (!asked.has_clients_fields) {
    const SeenFingerprint seen = ForwardedFingerprint(parts_.tls_fingerprint, asked.head.fields);
    attempt.ja3 = seen.ja3;
    attempt.ja4 = seen.ja4;
  }
  const CertificateFinding finding =
      parts_.certificate
          ? parts_.certificate(asked.has_clients_fields ? std::span<const HeaderField>() : asked.head.fields,
                               endpoint, claim, asked.client)
          : CertificateFinding(CertificateStatus::kUnchecked);
  return WithCertificate(
      attempt, finding, later,
      [this, &dialect, on_trouble = endpoint.on_engine_trouble, request_id = claim.request_id](
          const Attempt& judged) { return Judge(dialect, judged, on_trouble, request_id); });
}

ServiceReply VerdictDialects::Judge(const Dialect& dialect, const Attempt& attempt, FailMode on_trouble,
                                    std::string request_id) const {
  Decided decided;
  decided.request_id = std::move(request_id);
  decided.answer = parts_.desk->Assess(attempt);
  decided.kind = Decided::Kind::kAnswered;
  if (decided.answer.in_trouble)
    decided.kind = on_trouble == FailMode::kOpen ? Decided::Kind::kLetBy : Decided::Kind::kTrouble;
  return (this->*dialect.reply)(decided);
}

// ---- what is asked

bool VerdictDialects::ReadAuthRequest(const ServiceRequest& request, Asked* asked) const {
  asked->head.method = FindField(request.head.fields, "X-Original-Method");
  asked->head.target = FindField(request.head.fields, "X-Original-URI");
  asked->has_body = false;
  asked->body = {};
  asked->client = ClientOf(request);
  return !asked->head.method.empty() && !asked->head.target.empty();
}

bool VerdictDialects::ReadForwardAuth(const ServiceRequest& request, Asked* asked) const {
  asked->head.method = FindField(request.head.fields, "X-Forwarded-Method");
  asked->head.target = FindField(request.head.fields, "X-Forwarded-Uri");
  asked->has_body = !request.body.empty();
  asked->client = ClientOf(request);
  return !asked->head.method.empty() && !asked->head.target.empty();
}

bool VerdictDialects::ReadExtAuthz(const ServiceRequest& request, Asked* asked) const {
  constexpr std::string_view kPrefix = "/ext-authz";
  // Whole paths only: an absolute target was not written by Envoy.
  if (!request.head.target.starts_with(kPrefix)) return false;
  asked->head.target.remove_prefix(kPrefix.size());
  asked->has_body = !request.body.empty();
  asked->client = ClientOf(request);
  return true;
}

bool VerdictDialects::ReadAppSec(const ServiceRequest& request, Asked* asked) const {
  const auto& fields = request.head.fields;
  const std::optional<Address> client = Address::Parse(FindField(fields, kAppSecAddress));
  asked->head.method = FindField(fields, kAppSecMethod);
  asked->head.target = FindField(fields, kAppSecTarget);
  asked->user_agent = FindField(fields, kAppSecAgent);
  asked->has_body = !request.body.empty();
  if (!client.has_value() || asked->head.method.empty() || asked->head.target.empty()) return false;
  asked->client = *client;
  asked->has_clients_fields = true;
  for (const HeaderField& field : fields) {
    if (absl::EqualsIgnoreCase(ToAbsl(field.name), ToAbsl(kAppSecHost))) {
      asked->own.push_back({"Host", field.value});
    } else if (!absl::EqualsIgnoreCase(ToAbsl(field.name), "host") &&
               !absl::StartsWithIgnoreCase(ToAbsl(field.name), ToAbsl(kAppSecPrefix))) {
      asked->own.push_back(field);
    }
  }
  asked->head.fields = asked->own;
  return true;
}

// ---- how it is answered

ServiceReply VerdictDialects::ReplyStatusOnly(const Decided& decided) const {
  if (decided.allowed()) return ReplyAllowed(decided.answer);
  ServiceReply reply;
  if (decided.kind != Decided::Kind::kAnswered) {
    reply.status = 403;
    reply.headers.emplace_back("X-Stockade-Verdict", "deny");
    reply.headers.emplace_back("X-Stockade-Reason", decided.kind == Decided::Kind::kTrouble
                                                        ? "logins are not possible at the moment"
                                                        : "the login cannot be read");
    return reply;
  }
  const AnswerSettings& told = ChooseAnswer(parts_.answers, decided.answer);
  reply.status = told.status == 401 ? 401 : 403;
  AddVerdict(Name(decided.answer.kind), decided.answer, &reply);
  if (told.retry_after_seconds) reply.headers.emplace_back("Retry-After", Concat(*told.retry_after_seconds));
  if (reply.status == 401) {
    // nginx hands this one on to the client.
    const Answer whole = MakeAnswer(told, decided.request_id);
    for (const auto& [name, value] : whole.headers) {
      if (absl::EqualsIgnoreCase(name, "www-authenticate")) reply.headers.emplace_back(name, value);
    }
  }
  return reply;
}

ServiceReply VerdictDialects::ReplyAnswer(const Decided& decided) const {
  if (decided.allowed()) return ReplyAllowed(decided.answer);
  ServiceReply reply;
  const AnswerSettings& told = decided.kind == Decided::Kind::kAnswered
                                   ? ChooseAnswer(parts_.answers, decided.answer)
                               : decided.kind == Decided::Kind::kTrouble ? parts_.answers.unavailable
                                                                         : parts_.answers.deny;
  Answer whole = MakeAnswer(told, decided.request_id);
  reply.status = whole.status;
  reply.headers = std::move(whole.headers);
  reply.body = std::move(whole.body);
  return reply;
}

ServiceReply VerdictDialects::ReplyExtAuthz(const Decided& decided) const {
  ServiceReply reply = ReplyAnswer(decided);
  if (decided.allowed()) {
    reply.status = 200;
    // What we own and do not send, a client must not be able to send in our place.
    reply.headers.emplace_back("x-envoy-auth-headers-to-remove",
                               decided.answer.ticket != 0
                                   ? "x-stockade-kind,x-stockade-reason"
                                   : "x-stockade-kind,x-stockade-reason,x-stockade-ticket");
  } else if (reply.status >= 500 || reply.status < 300) {
    reply.status = 403;
  }
  return reply;
}

ServiceReply VerdictDialects::ReplyAppSec(const Decided& decided) const {
  if (decided.allowed()) {
    ServiceReply reply = Json(200, R"({"action":"allow"})");
    AddTicket(decided.answer, &reply);
    return reply;
  }
  if (decided.kind == Decided::Kind::kTrouble) return {500, {}, {}};
  const bool challenged =
      decided.kind == Decided::Kind::kAnswered && decided.answer.kind == VerdictKind::kChallenge;
  return Json(403, challenged ? R"({"action":"captcha","http_status":403})"
                              : R"({"action":"ban","http_status":403})");
}

}  // namespace stockade
