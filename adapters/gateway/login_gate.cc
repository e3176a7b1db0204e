#include "adapters/gateway/login_gate.h"

#include "adapters/gateway/answer.h"
#include "adapters/gateway/login_attempt.h"

namespace stockade {
namespace {

std::string Tell(const AnswerSettings& settings, const LoginClaim& claim, const RequestView& request,
                 bool keep_open, LiveCounts* counts) {
  counts->Add(Count::kAnswered);
  return WriteAnswer(MakeAnswer(settings, claim.request_id), request.method == "HEAD", keep_open);
}

std::string Refuse(int status, const RequestView& request, bool keep_open, LiveCounts* counts) {
  AnswerSettings answer;
  answer.status = status;
  answer.body = "This login request cannot be read.\n";
  return Tell(answer, {}, request, keep_open, counts);
}

Count CountOf(VerdictKind kind) {
  switch (kind) {
    case VerdictKind::kAllow:
      return Count::kAllow;
    case VerdictKind::kThrottle:
      return Count::kThrottle;
    case VerdictKind::kChallenge:
      return Count::kChallenge;
    case VerdictKind::kDeny:
      break;
  }
  return Count::kDeny;
}

}  // namespace

bool ReadLogin(const ProxyState& state, const GateQuestion& question, bool keep_open, LiveCounts* counts,
               LoginClaim* claim, std::string* answer) {
  const LoginExchange& logins = *state.parts.logins;
  const LoginReadError error = logins.ReadRequest(question.endpoint, question.request, question.body, claim);
  if (error == LoginReadError::kNone) return true;
  counts->Add(Count::kLoginsUnreadable);
  if (logins.endpoint(question.endpoint).on_unreadable == FailMode::kClosed) {
    *answer = Refuse(error == LoginReadError::kUnknownType ? 415 : 400, question.request, keep_open, counts);
    return false;
  }
  // Open means that it may go on, not that nobody looks: what is decided about its source still holds.
  claim->has_account = false;
  claim->account.clear();
  return true;
}

CertificateFinding FindCertificate(const ProxyState& state, const GateQuestion& question,
                                   const LoginClaim& claim) {
  if (!state.parts.check_certificate) return CertificateStatus::kUnchecked;
  return state.parts.check_certificate({question.client, question.shown, question.request,
                                        question.peer_is_listed, claim,
                                        state.parts.logins->endpoint(question.endpoint)});
}

GateReply AskGate(const ProxyState& state, const GateQuestion& question, const LoginClaim& claim,
                  CertificateStatus certificate, bool keep_open, LiveCounts* counts) {
  const EndpointSettings& endpoint = state.parts.logins->endpoint(question.endpoint);
  GateReply reply;
  Attempt attempt = AttemptOf(claim, endpoint, question.request.path(), question.client, certificate);
  const SeenFingerprint seen = FingerprintOfLogin(state.settings.tls_fingerprint, question.peer_is_listed,
                                                  question.fingerprint, question.request.fields);
  attempt.ja3 = seen.ja3;
  attempt.ja4 = seen.ja4;
  attempt.can_ask = state.parts.can_ask;

  const GateAnswer verdict = state.parts.desk->Assess(attempt);

  if (verdict.in_trouble) {
    counts->Add(Count::kEngineTrouble);
    reply.forward = endpoint.on_engine_trouble == FailMode::kOpen;
    if (!reply.forward)
      reply.answer = Tell(state.settings.answers.unavailable, claim, question.request, keep_open, counts);
    return reply;
  }
  counts->Add(CountOf(verdict.kind));
  reply.forward = verdict.reaches;
  reply.ticket = verdict.ticket;
  if (verdict.reaches) {
    counts->Add(Count::kReached);
  } else {
    reply.answer =
        Tell(ChooseAnswer(state.settings.answers, verdict), claim, question.request, keep_open, counts);
  }
  return reply;
}

LoginWatch::~LoginWatch() {
  if (ticket_ == 0) return;
  if (reading_.wants_body()) {
    // The answer broke off: its head and what came of the body still say something.
    EndBody();
  } else {
    state_->parts.desk->Abandon(ticket_);
  }
}

void LoginWatch::ReadHead(const ResponseView& answer, std::string_view head, bool has_body) {
  if (ticket_ != 0) Observe(reading_.ReadHead(answer, head, has_body));
}

void LoginWatch::Observe(std::optional<Outcome> outcome) {
  if (!outcome.has_value()) return;
  if (*outcome == Outcome::kUnknown) {
    counts_->Add(Count::kOutcomeUnknown);
    if (state_->parts.unread != nullptr)
      state_->parts.unread->Note(state_->parts.logins->endpoint(endpoint_).name, reading_.status());
  }
  state_->parts.desk->Observe(ticket_, *outcome);
  ticket_ = 0;
}

}  // namespace stockade
