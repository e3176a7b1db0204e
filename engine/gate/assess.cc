#include "engine/gate/assess.h"

#include "engine/detect/detectors.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kByCertificate = "certificate";

// What one standing decision asks of an attempt in one lane: the table of assess.h.
struct Asked {
  VerdictKind kind = VerdictKind::kAllow;
  ChallengeKind challenge_kind = ChallengeKind::kHuman;
};

// `may_ask`: who he is can be asked, and it may be a customer whom a rule stops: the account's owner on a journey, or one who
// mistyped his name. `at_home`: he comes in the familiar lane, and not for a proof of minutes ago.
Asked AskedBy(const Decision& decision, Lane lane, bool may_ask, bool at_home) noexcept {
  constexpr Asked kNothing{};
  constexpr Asked kIdentity{VerdictKind::kChallenge, ChallengeKind::kIdentity};
  constexpr Asked kDeny{VerdictKind::kDeny, ChallengeKind::kHuman};
  if (lane == Lane::kCertified) return kNothing;
  if (decision.action == Action::kLock && decision.all_lanes) return may_ask && at_home ? kIdentity : kDeny;
  if (lane == Lane::kFamiliar) return kNothing;
  switch (decision.action) {
    case Action::kChallenge:
      return {VerdictKind::kChallenge, decision.challenge_kind};
    case Action::kThrottle:
      if (lane == Lane::kHalf) return kIdentity;
      return {VerdictKind::kThrottle, ChallengeKind::kHuman};
    case Action::kBlock:
    case Action::kLock:
      return lane == Lane::kHalf || may_ask ? kIdentity : kDeny;
  }
  return kNothing;
}

// What stands for a challenge that cannot be asked: the table of assess.h. `otherwise`: where nothing can.
Asked Askable(const Asked& asked, CanAsk can_ask, VerdictKind otherwise) noexcept {
  if (asked.kind != VerdictKind::kChallenge) return asked;
  const bool as_it_is =
      asked.challenge_kind == ChallengeKind::kHuman ? AsksHuman(can_ask) : AsksIdentity(can_ask);
  if (as_it_is) return asked;
  if (AsksHuman(can_ask)) return {VerdictKind::kChallenge, ChallengeKind::kHuman};
  if (AsksIdentity(can_ask)) return {VerdictKind::kChallenge, ChallengeKind::kIdentity};
  return {otherwise, ChallengeKind::kHuman};
}

// Whether the certificate gave it, and only because nobody has looked: no proof of anything else stands for that look.
bool IsToComeAgain(const Verdict& verdict) noexcept {
  return verdict.kind == VerdictKind::kThrottle && verdict.by == kByCertificate;
}

// Whether `a` asks for more than `b`. An identity challenge asks for more than a human one.
bool IsStricter(const Asked& a, const Asked& b) noexcept {
  if (a.kind != b.kind) return a.kind > b.kind;
  return a.kind == VerdictKind::kChallenge && a.challenge_kind > b.challenge_kind;
}

constexpr std::string_view kLeftOut = "no certificate was shown, and this account has one";

std::string_view CertificateReason(CertificateStatus status) noexcept {
  switch (status) {
    case CertificateStatus::kUnchecked:
      return "a certificate is required and nobody checked one";
    case CertificateStatus::kMissing:
      return "no certificate was shown";
    case CertificateStatus::kWithheld:
      return kLeftOut;
    case CertificateStatus::kMalformed:
      return "the certificate cannot be read";
    case CertificateStatus::kUntrusted:
      return "the certificate was not issued by an authority trusted here";
    case CertificateStatus::kExpired:
      return "the certificate has expired";
    case CertificateStatus::kNotYetValid:
      return "the certificate is not valid yet";
    case CertificateStatus::kRevoked:
      return "the certificate has been revoked";
    case CertificateStatus::kWrongUse:
      return "the certificate was made for another use";
    case CertificateStatus::kMismatch:
      return "the certificate belongs to another account";
    case CertificateStatus::kBadSignature:
      return "a signature of the certificate, of its issuers or of the login is wrong";
    case CertificateStatus::kWeak:
      return "the certificate or one of its issuers has a key or a signature that is too weak";
    case CertificateStatus::kNotAuthority:
      return "the certificate was issued by one that may not issue";
    case CertificateStatus::kPathTooLong:
      return "there are too many issuers between the certificate and an authority trusted here";
    case CertificateStatus::kNameNotPermitted:
      return "the certificate has a name that its issuer may not certify";
    case CertificateStatus::kPolicyNotMet:
      return "the certificate was not issued under a policy that is asked for";
    case CertificateStatus::kUnknownExtension:
      return "the certificate or one of its issuers has a critical extension that is not known here";
    case CertificateStatus::kBadSerial:
      return "the certificate or one of its issuers has a serial number that cannot be one";
    case CertificateStatus::kRevocationUnknown:
      return "nobody knows whether the certificate has been revoked";
    case CertificateStatus::kUnconfirmed:
      return "the certificate is good, but nobody knows whether it has been revoked";
    case CertificateStatus::kUnverified:
      return "too many certificates are waiting to be looked at; try again";
    case CertificateStatus::kStale:
      return "the login was signed at another time than now";
    case CertificateStatus::kReplayed:
      return "the signature of the login was used before";
    case CertificateStatus::kValid:
      break;
  }
  return {};
}

void Say(const Gate::Trace* trace, std::string_view step, std::string said) {
  if (trace != nullptr) (*trace)(GateStep{step, std::move(said)});
}

}  // namespace

Verdict Gate::Assess(const Attempt& attempt, int64_t now_ms, const Trace* trace, const Hash128* fingerprint,
                     Standing* standing_out) noexcept {
  Verdict verdict;
  // The lane comes first in time because the others read it; it stops nobody by itself.
  const Standing standing =
      lanes_->StandingOf(attempt, certificates_.policy() != CertificatePolicy::kIgnored);
  if (standing_out != nullptr) *standing_out = standing;
  verdict.lane = standing.lane;
  const CanAsk can_ask = WhatCanBeAsked(attempt, trace);
  const Stood stood = AskStanding(attempt, standing, can_ask, now_ms, &verdict, trace, fingerprint);
  AskCertificate(attempt, can_ask, stood.denied_for_want, &verdict, trace);
  if (trace != nullptr) Say(trace, "lane", Concat("arrives in the ", Name(verdict.lane), " lane"));
  if (detectors_ != nullptr)
    AskDetectors(attempt, standing, stood.allowlisted, can_ask, now_ms, &verdict, trace);
  AskMode(can_ask, &verdict, trace);
  return verdict;
}

CanAsk Gate::WhatCanBeAsked(const Attempt& attempt, const Trace* trace) const noexcept {
  const CanAsk allowed = detectors_ != nullptr ? detectors_->settings().challenges : CanAsk::kBoth;
  const CanAsk can_ask = Narrowed(allowed, attempt.can_ask);
  if (trace != nullptr && can_ask != CanAsk::kBoth) {
    const std::string_view way =
        attempt.can_ask == CanAsk::kUnsaid ? "says nothing of it" : Name(attempt.can_ask);
    Say(trace, "challenges",
        Concat(Name(can_ask), " can be asked for (the way it came: ", way, "; settings: ", Name(allowed),
               ")"));
  }
  return can_ask;
}

Gate::Stood Gate::AskStanding(const Attempt& attempt, const Standing& standing, CanAsk can_ask,
                              int64_t now_ms, Verdict* verdict, const Trace* trace,
                              const Hash128* fingerprint) noexcept {
  const InForce in_force = ledger_->Find(attempt, now_ms, fingerprint);
  const bool may_ask =
      (standing.may_be_owner || standing.device_known) && detectors_ != nullptr && AsksIdentity(can_ask);
  Asked strictest;
  bool denied_for_want = false;
  for (const Decision* decision : {in_force.source, in_force.account}) {
    if (decision == nullptr) continue;
    // Who has just proved who he is would only be asked for that again.
    const Lane lane = standing.proved ? Lane::kFamiliar : verdict->lane;
    Asked asked =
        AskedBy(*decision, lane, may_ask && !IsOrdered(*decision), verdict->lane == Lane::kFamiliar);
    if (decision->action == Action::kThrottle && asked.kind != VerdictKind::kAllow) {
      // Only strangers use the rate up: the owner of a half-familiar place is asked for who he is while they do.
      const bool within = verdict->lane == Lane::kUnfamiliar ? ledger_->TakeToken(*decision, now_ms)
                                                             : ledger_->HasToken(*decision, now_ms);
      if (in_force.allowlisted || within) asked = Asked{};
    }
    if (in_force.allowlisted && asked.kind > VerdictKind::kChallenge) {
      asked = Asked{VerdictKind::kChallenge, ChallengeKind::kHuman};
    }
    const bool is_challenge = asked.kind == VerdictKind::kChallenge;
    asked = Askable(asked, can_ask,
                    in_force.allowlisted                    ? VerdictKind::kAllow
                    : decision->action == Action::kThrottle ? VerdictKind::kThrottle
                                                            : VerdictKind::kDeny);
    // Made while the engine only observed: it acts on nobody, but an operator who observes is still told what
    // it would have done.
    const bool acts = enforcing_ && (!decision->shadow || mode_ == Mode::kObserve);
    if (trace != nullptr) {
      Say(trace, "standing decisions",
          Concat(Name(decision->action), " of ", Name(decision->scope), " ", decision->value, " until ",
                 FormatTimeMs(decision->until_ms), " by ", decision->rule, " (", decision->id,
                 "): for this attempt ", Name(asked.kind),
                 in_force.allowlisted ? ", because it is allowlisted" : "",
                 acts         ? ""
                 : enforcing_ ? ", but it is a shadow"
                              : ", but nothing is enforced"));
    }
    if (!acts || !IsStricter(asked, strictest)) continue;
    strictest = asked;
    denied_for_want = is_challenge && asked.kind == VerdictKind::kDeny;
    verdict->by = decision->rule;
    verdict->reason = decision->reason;
    verdict->decision = decision;
  }
  verdict->behind_block = in_force.source != nullptr && in_force.source->action == Action::kBlock &&
                          !IsOrdered(*in_force.source) && strictest.kind == VerdictKind::kAllow;
  if (trace != nullptr && in_force.source == nullptr && in_force.account == nullptr) {
    Say(trace, "standing decisions", "none for this address, fingerprint or account");
  }
  verdict->kind = strictest.kind;
  verdict->challenge_kind = strictest.challenge_kind;
  return {in_force.allowlisted, denied_for_want};
}

void Gate::AskDetectors(const Attempt& attempt, const Standing& standing, bool allowlisted, CanAsk can_ask,
                        int64_t now_ms, Verdict* verdict, const Trace* trace) const noexcept {
  std::vector<DetectorAsk> asks;
  const DetectorAsk ask = detectors_->Ask(attempt, standing, now_ms, trace == nullptr ? nullptr : &asks);
  for (const DetectorAsk& one : asks) {
    const bool shadow = detectors_->settings().states[static_cast<size_t>(one.by)] == DetectorState::kShadow;
    Say(trace, "detectors",
        Concat(Name(one.by), ": ", detectors_->Reason(one), ": ", kCellNames[static_cast<size_t>(one.cell)],
               shadow       ? ", but it is in shadow"
               : enforcing_ ? ""
                            : ", but nothing is enforced"));
  }
  if (ask.cell == Cell::kAllow || !enforcing_) return;
  Asked asked{VerdictKind::kChallenge,
              ask.cell == Cell::kIdentity ? ChallengeKind::kIdentity : ChallengeKind::kHuman};
  if (ask.cell == Cell::kDeny)
    asked = allowlisted
                ? Askable({VerdictKind::kChallenge, ChallengeKind::kHuman}, can_ask, VerdictKind::kAllow)
                : Asked{VerdictKind::kDeny, ChallengeKind::kHuman};
  if (!IsStricter(asked, {verdict->kind, verdict->challenge_kind})) return;
  if ((asked.kind != VerdictKind::kDeny || ask.for_want) && IsToComeAgain(*verdict)) return;
  verdict->kind = asked.kind;
  verdict->challenge_kind = asked.challenge_kind;
  verdict->by = Name(ask.by);
  verdict->reason = detectors_->Reason(ask);
  verdict->decision = nullptr;
  verdict->for_certificate = false;
}

void Gate::AskCertificate(const Attempt& attempt, CanAsk can_ask, bool denied_for_want, Verdict* verdict,
                          const Trace* trace) const noexcept {
  const CertificateStatus status = attempt.certificate;
  Asked asked{certificates_.Of(status), ChallengeKind::kIdentity};
  std::string_view reason = CertificateReason(status);
  if (status == CertificateStatus::kMissing) {
    const Asked of_owner{certificates_.missing_from_owner(), ChallengeKind::kIdentity};
    if (IsStricter(of_owner, asked) && lanes_->OwnsCertificate(attempt)) {
      asked = of_owner;
      reason = kLeftOut;
    }
  }
  const bool cannot_ask = asked.kind == VerdictKind::kChallenge && !AsksIdentity(can_ask);
  if (cannot_ask) asked.kind = VerdictKind::kDeny;
  if (trace != nullptr) {
    Say(trace, "certificate",
        Concat(Name(status), asked.kind == VerdictKind::kAllow ? ": goes on" : ": ",
               asked.kind == VerdictKind::kAllow ? "" : Name(asked.kind),
               asked.kind == VerdictKind::kDeny ? " before the password" : "", " (certificates are ",
               kCertificatePolicyNames[static_cast<size_t>(certificates_.policy())], ")"));
  }
  // To come again is less than a challenge, but a challenge can be passed, and then nobody would have looked.
  const bool to_come_again =
      asked.kind == VerdictKind::kThrottle && (verdict->kind != VerdictKind::kDeny || denied_for_want);
  if (!to_come_again && !IsStricter(asked, {verdict->kind, verdict->challenge_kind})) return;
  verdict->kind = asked.kind;
  if (asked.kind == VerdictKind::kChallenge) verdict->challenge_kind = asked.challenge_kind;
  verdict->by = kByCertificate;
  verdict->reason = reason;
  verdict->decision = nullptr;
  // What we could not look at or ask, or what nobody could tell us, is not the client's fault.
  const bool is_ours = cannot_ask || status == CertificateStatus::kUnverified ||
                       status == CertificateStatus::kUnconfirmed ||
                       status == CertificateStatus::kRevocationUnknown;
  verdict->for_certificate = asked.kind == VerdictKind::kDeny && !is_ours;
}

void Gate::AskMode(CanAsk can_ask, Verdict* verdict, const Trace* trace) const noexcept {
  if (trace != nullptr) Say(trace, "mode", std::string(Name(mode_)));
  const auto set = [&](VerdictKind wanted, std::string_view reason) {
    const Asked asked = Askable({wanted, ChallengeKind::kIdentity}, can_ask, VerdictKind::kDeny);
    if (verdict->kind >= asked.kind || (wanted != VerdictKind::kDeny && IsToComeAgain(*verdict))) return;
    verdict->kind = asked.kind;
    verdict->challenge_kind = asked.challenge_kind;
    verdict->by = "mode";
    verdict->reason = reason;
    verdict->decision = nullptr;
  };
  switch (mode_) {
    case Mode::kProtect:
      return;
    case Mode::kObserve:
      // What would have been said stays in `by` and `reason`.
      verdict->kind = VerdictKind::kAllow;
      verdict->for_certificate = false;
      return;
    case Mode::kCertificateOnly:
      if (verdict->lane != Lane::kCertified)
        set(VerdictKind::kDeny, "only logins with a valid certificate pass");
      return;
    case Mode::kEstablishedOnly:
      if (verdict->lane == Lane::kUnfamiliar)
        set(VerdictKind::kDeny, "only logins from familiar places pass");
      if (verdict->lane == Lane::kHalf)
        set(VerdictKind::kChallenge, "only logins from familiar places pass unasked");
      return;
  }
}

}  // namespace stockade
