// One login attempt: what flows through everything.
//
// It is cut in two on purpose. `Attempt` is what is known before the password check; the gate is given nothing else, so
// that no verdict can depend on the outcome of its own attempt. `Aftermath` is what became known afterwards.
//
// Text members are views into the buffer of the source that read the line; they live until that source's next batch.
// A view whose data() is null is an absent field, an empty one with data is an empty value ('' in a rule). Plain data,
// no allocation; copying an event copies views.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/event/address.h"
#include "engine/event/field.h"
#include "engine/event/outcome.h"

namespace stockade {

// Milliseconds of a time in nanoseconds. Floor, not truncation: one rule for all times.
constexpr int64_t ToMs(int64_t time_ns) noexcept {
  const int64_t ms = time_ns / 1'000'000;
  return ms - (time_ns % 1'000'000 < 0 ? 1 : 0);
}

struct Attempt {
  int64_t time_ns = 0;          // @timestamp: nanoseconds since 1970 UTC, from 1970 to 2262
  Address source;               // source.ip, folded; absent for a login that names no address
  std::string_view account;     // user.name, as it was typed
  std::string_view user_agent;  // user_agent.original
  std::string_view ja3;         // tls.client.ja3
  std::string_view ja4;         // tls.client.ja4
  std::string_view path;        // url.path
  std::string_view request_id;  // http.request.id
  uint32_t asn = 0;             // source.as.number; 0: absent (AS 0 is reserved, RFC 7607)
  std::string_view country;     // source.geo.country_iso_code
  CertificateStatus certificate = CertificateStatus::kUnchecked;  // login.certificate
  bool certificate_present = false;   // whether the event said anything of certificates at all
  std::string_view password_id;       // login.password_id: keyed hash, hex
  std::string_view device;            // login.device
  std::string_view channel;           // login.channel
  std::string_view header_order;      // login.header_order
  std::string_view tls_stack;         // login.tls_stack: whose TLS the JA4 shows, "python"
  std::string_view tls_mismatch;      // login.tls_mismatch: claimed and spoken, "chromium/python"
  CanAsk can_ask = CanAsk::kUnsaid;   // login.can_ask: of whom came this way
  std::span<const ExtraField> extra;  // other fields that some rule asks for

  bool has_account() const noexcept { return account.data() != nullptr; }
};

struct Aftermath {
  Outcome outcome = Outcome::kUnknown;  // event.reason, or event.outcome where there is no reason
  ChallengeResults challenge;           // login.challenge
};

struct LoginEvent {
  Attempt attempt;
  Aftermath aftermath;
};

// Space for the text form of fields that an event does not hold as text (addresses, numbers, derived fields).
struct FieldScratch {
  char bytes[Address::kTextBytesMax];
  std::string fingerprint;  // reused: grows to the longest user agent seen, then allocates no more
};

// The first value of any field of an event; absent if it has none. Text of fields that are not text in the event
// (source.ip, source.as.number, source.prefix, source.fingerprint) is written into `scratch`, which must outlive the
// use of the value. kTimestamp gives kNumber, milliseconds since 1970, and no text. A list gives its first element:
// for fields from kFirstUnknown on, walk `attempt.extra`.
FieldValue GetField(const LoginEvent& event, FieldId id, FieldScratch* scratch);

// An event that owns its text: for the few that must wait (a wild timestamp not yet confirmed) or be recorded.
class OwnedEvent {
 public:
  OwnedEvent() = default;
  explicit OwnedEvent(const LoginEvent& event) { Assign(event); }
  OwnedEvent(const OwnedEvent& other) { Assign(other.event_); }
  OwnedEvent& operator=(const OwnedEvent& other);

  void Assign(const LoginEvent& event);
  const LoginEvent& event() const noexcept { return event_; }

 private:
  LoginEvent event_;
  std::string bytes_;
  std::vector<ExtraField> extra_;
};

}  // namespace stockade
