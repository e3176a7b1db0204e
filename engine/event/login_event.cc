#include "engine/event/login_event.h"

#include <array>
#include <charconv>
#include <utility>

namespace stockade {
namespace {

// Every text member of an attempt, so that owning and copying cannot forget one.
constexpr std::array<std::string_view Attempt::*, 13> kTexts = {
    &Attempt::account,      &Attempt::user_agent, &Attempt::ja3,         &Attempt::ja4,    &Attempt::path,
    &Attempt::request_id,   &Attempt::country,    &Attempt::password_id, &Attempt::device, &Attempt::channel,
    &Attempt::header_order, &Attempt::tls_stack,  &Attempt::tls_mismatch};

FieldValue Text(std::string_view text) noexcept {
  if (text.data() == nullptr) return {};
  return {FieldValue::Kind::kText, 0, text};
}

FieldValue ChallengeText(const ChallengeResults& results) noexcept {
  const ChallengeResult first = results.human != ChallengeResult::kAbsent ? results.human : results.identity;
  return first == ChallengeResult::kAbsent ? FieldValue{} : Text(Name(first));
}

FieldValue PrefixText(const Address& source, FieldScratch* scratch) noexcept {
  if (!source.present()) return {};
  const Prefix prefix = SourcePrefix(source);
  size_t size = prefix.address.Format(scratch->bytes);
  scratch->bytes[size++] = '/';
  scratch->bytes[size++] = source.is_v4() ? '2' : '6';
  scratch->bytes[size++] = '4';
  return Text({scratch->bytes, size});
}

// A JA4 holds no '|', so that the first one divides the two however the user agent is spelt.
FieldValue FingerprintText(const Attempt& attempt, FieldScratch* scratch) {
  if (attempt.ja4.data() == nullptr && attempt.user_agent.data() == nullptr) return {};
  scratch->fingerprint.assign(attempt.ja4);
  scratch->fingerprint.push_back('|');
  scratch->fingerprint.append(attempt.user_agent);
  return Text(scratch->fingerprint);
}

}  // namespace

FieldValue GetField(const LoginEvent& event, FieldId id, FieldScratch* scratch) {
  const Attempt& attempt = event.attempt;
  switch (id) {
    case FieldId::kTimestamp:
      return {FieldValue::Kind::kNumber, static_cast<double>(attempt.time_ns / 1'000'000), {}};
    case FieldId::kSourceIp:
      if (!attempt.source.present()) return {};
      return Text({scratch->bytes, attempt.source.Format(scratch->bytes)});
    case FieldId::kUserName:
      return Text(attempt.account);
    case FieldId::kEventOutcome:
      return Text(CoarseOutcomeName(event.aftermath.outcome));
    case FieldId::kEventReason:
      return Text(Name(event.aftermath.outcome));
    case FieldId::kUserAgent:
      return Text(attempt.user_agent);
    case FieldId::kJa3:
      return Text(attempt.ja3);
    case FieldId::kJa4:
      return Text(attempt.ja4);
    case FieldId::kUrlPath:
      return Text(attempt.path);
    case FieldId::kRequestId:
      return Text(attempt.request_id);
    case FieldId::kSourceAsn: {
      if (attempt.asn == 0) return {};
      char* const end = std::to_chars(scratch->bytes, std::end(scratch->bytes), attempt.asn).ptr;
      return {FieldValue::Kind::kNumber,
              static_cast<double>(attempt.asn),
              {scratch->bytes, static_cast<size_t>(end - scratch->bytes)}};
    }
    case FieldId::kSourceCountry:
      return Text(attempt.country);
    case FieldId::kCertificate:
      if (!attempt.certificate_present && attempt.certificate == CertificateStatus::kUnchecked) return {};
      return Text(Name(attempt.certificate));
    case FieldId::kPasswordId:
      return Text(attempt.password_id);
    case FieldId::kDevice:
      return Text(attempt.device);
    case FieldId::kChannel:
      return Text(attempt.channel);
    case FieldId::kHeaderOrder:
      return Text(attempt.header_order);
    case FieldId::kTlsStack:
      return Text(attempt.tls_stack);
    case FieldId::kTlsMismatch:
      return Text(attempt.tls_mismatch);
    case FieldId::kChallenge:
      return ChallengeText(event.aftermath.challenge);
    case FieldId::kCanAsk:
      if (attempt.can_ask == CanAsk::kUnsaid) return {};
      return Text(Name(attempt.can_ask));
    case FieldId::kSourcePrefix:
      return PrefixText(attempt.source, scratch);
    case FieldId::kSourceFingerprint:
      return FingerprintText(attempt, scratch);
    case FieldId::kFirstUnknown:
      break;
  }
  for (const ExtraField& extra : attempt.extra)
    if (extra.id == id) return extra.value;
  return {};
}

OwnedEvent& OwnedEvent::operator=(const OwnedEvent& other) {
  if (this != &other) Assign(other.event_);
  return *this;
}

void OwnedEvent::Assign(const LoginEvent& event) {
  // `event` may be our own: nothing of ours is let go before the copy stands.
  LoginEvent copy = event;
  std::vector<ExtraField> extra(event.attempt.extra.begin(), event.attempt.extra.end());
  std::string bytes;
  for (const auto member : kTexts) bytes.append(copy.attempt.*member);
  for (const ExtraField& field : extra) bytes.append(field.value.text);

  // Only now has the text its final place: a short string moves with its object.
  bytes_ = std::move(bytes);
  const char* next = bytes_.data();
  const auto rebind = [&next](std::string_view* text) noexcept {
    if (text->data() == nullptr) return;
    *text = std::string_view(next, text->size());
    next += text->size();
  };
  for (const auto member : kTexts) rebind(&(copy.attempt.*member));
  for (ExtraField& field : extra) rebind(&field.value.text);
  extra_ = std::move(extra);
  copy.attempt.extra = extra_;
  event_ = copy;
}

}  // namespace stockade
