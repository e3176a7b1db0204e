// Names, ids and values of fields, so that rules can ask an event for anything a log line said.
//
// Fields that the engine itself understands (the ECS and login.* names of the design) have fixed ids, in order. Any
// other name a rule, a format or a mapping mentions gets the next id of a FieldTable when it is loaded; source adapters
// then keep the values of exactly those names, and of no others: what nobody can ask for costs nothing. Only where rules
// have keywords, which are asked of whatever a log says, values that nobody named are kept too, under one id.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace stockade {

enum class FieldId : uint16_t {
  kTimestamp,
  kSourceIp,
  kUserName,
  kEventOutcome,
  kEventReason,
  kUserAgent,
  kJa3,
  kJa4,
  kUrlPath,
  kRequestId,
  kSourceAsn,
  kSourceCountry,
  kCertificate,
  kPasswordId,
  kDevice,
  kChannel,
  kHeaderOrder,
  kTlsStack,
  kTlsMismatch,
  kChallenge,
  kCanAsk,
  // Derived: not on the wire, but rules may match them and windows may group by them.
  kSourcePrefix,       // source.prefix: the /24 or /64 around source.ip
  kSourceFingerprint,  // source.fingerprint: JA4 and user agent together, as they came
  kFirstUnknown,       // ids from here on belong to a FieldTable
};

inline constexpr size_t kKnownFieldCount = static_cast<size_t>(FieldId::kFirstUnknown);
inline constexpr std::array<std::string_view, kKnownFieldCount> kKnownFieldNames = {
    "@timestamp",         "source.ip",           "user.name",          "event.outcome",
    "event.reason",       "user_agent.original", "tls.client.ja3",     "tls.client.ja4",
    "url.path",           "http.request.id",     "source.as.number",   "source.geo.country_iso_code",
    "login.certificate",  "login.password_id",   "login.device",       "login.channel",
    "login.header_order", "login.tls_stack",     "login.tls_mismatch", "login.challenge",
    "login.can_ask",      "source.prefix",       "source.fingerprint",
};

// The fixed id of a name of the design, or nothing. Exact: ECS names are lower case.
std::optional<FieldId> FindKnownField(std::string_view name) noexcept;

// Of values that nobody named. They are asked by keywords alone, and never written anywhere: who named none of them did not
// say either that they are no secrets.
inline constexpr FieldId kUnnamedField{UINT16_MAX};

// One value of one field. `text` is always the spelling in the log (for a number or boolean too) and lives as long as
// the buffer of the source that read it: until its next batch.
struct FieldValue {
  enum class Kind : uint8_t { kAbsent, kNull, kBool, kNumber, kText };
  Kind kind = Kind::kAbsent;
  double number = 0;  // for kNumber; for kBool 0 or 1
  std::string_view text;

  bool present() const noexcept { return kind != Kind::kAbsent; }
};

// A value of a field beyond the known ones. A list in the log is several entries with one id, in its order.
struct ExtraField {
  FieldId id;
  FieldValue value;
};

// Every name that was ever asked for, with its id. Filled while rules and formats load, then only read: after loading
// it may be shared by threads without a lock. At most kFieldsMax names; Intern gives nothing beyond that.
class FieldTable {
 public:
  // 16-bit ids bound it; a rule set that asks for more distinct fields than this is not about logins.
  static constexpr size_t kFieldsMax = 4096;

  // The id of a name, made if it is new. Nothing if the table is full or the name is empty.
  std::optional<FieldId> Intern(std::string_view name);
  // The id of a name that was interned or is known.
  std::optional<FieldId> Find(std::string_view name) const;
  std::string_view Name(FieldId id) const;
  size_t size() const noexcept { return kKnownFieldCount + extra_names_.size(); }
  // Whether values are to be kept that no name was given to (kUnnamedField).
  void KeepUnnamed() noexcept { keeps_unnamed_ = true; }
  bool keeps_unnamed() const noexcept { return keeps_unnamed_; }
  // Names beyond the known ones, in the order of their ids: what a source adapter has to keep.
  const std::vector<std::string>& extra_names() const noexcept { return extra_names_; }

 private:
  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
  };
  bool keeps_unnamed_ = false;
  std::vector<std::string> extra_names_;
  std::unordered_map<std::string, FieldId, NameHash, std::equal_to<>> ids_;
};

}  // namespace stockade
