#include "adapters/new_decision.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "adapters/decision_json.h"
#include "engine/decision/policy.h"
#include "engine/event/digits.h"
#include "engine/event/printable_text.h"
#include "engine/limits.h"
#include "engine/rule/finding.h"
#include "engine/rule/span_text.h"
#include "engine/status.h"
#include "engine/text.h"
#include "simdjson.h"

namespace stockade {
namespace {

namespace dom = simdjson::dom;

// RFC 1122, 3.2.1.3, and RFC 4291, 2.5.3: the loopback addresses.
bool IsOwnMachine(const Prefix& prefix) {
  static const Prefix v4 = Prefix::Parse("127.0.0.0/8").value_or(Prefix());
  static const Prefix v6 = Prefix::Parse("::1").value_or(Prefix());
  return v4.Contains(prefix.address) || prefix.Contains(v4.address) || v6.Contains(prefix.address) ||
         prefix.Contains(v6.address);
}

// A control character or a mark that turns writing round has no place in a name that people compare by eye.
bool IsShowable(std::string_view text) noexcept {
  while (!text.empty()) {
    const size_t size = ShowableSequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

absl::StatusOr<DecisionTarget> ReadNetwork(std::string_view value, bool single, bool either) {
  const std::optional<Prefix> prefix = Prefix::Parse(value);
  if (!prefix) {
    const size_t slash = value.find('/');
    const std::optional<Address> address = Address::Parse(value.substr(0, slash));
    int length = 0;
    if (slash != std::string_view::npos && address &&
        absl::SimpleAtoi(ToAbsl(value.substr(slash + 1)), &length) && length >= 0 &&
        length <= address->bits()) {
      return WrongMember(
          "value", Concat("has bits behind its length; write ", Prefix::Around(*address, length).ToString(),
                          " or ", address->ToString()));
    }
    return WrongMember("value", "is no address and no network");
  }
  if (!either && prefix->is_single() != single) {
    return WrongMember("value", single ? "is a network, not one address; write scope range"
                                       : "is one address, not a network; write scope ip");
  }
  const int least = prefix->address.is_v4() ? kNetworkBitsMinV4 : kNetworkBitsMinV6;
  if (prefix->length < least)
    return WrongMember("value", Concat("is a network wider than /", least, ", a large part of the internet"));
  return DecisionTarget{prefix->is_single() ? Scope::kIp : Scope::kRange, prefix->ToString(), *prefix};
}

// "AS64500" or "64500"; 0 for anything else.
uint32_t AsnOf(std::string_view text) noexcept {
  if (absl::StartsWithIgnoreCase(ToAbsl(text), "AS")) text.remove_prefix(2);
  const bool digits = !text.empty() && text.size() <= 10 &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  uint32_t asn = 0;
  return digits && absl::SimpleAtoi(ToAbsl(text), &asn) ? asn : 0;
}

// Reads the members of one object. Each may stand once; those of ToJson(Decision) that say nothing here are passed over.
class LineReader {
 public:
  absl::StatusOr<NewDecision> Read(dom::object object) {
    for (const auto [key, element] : object) RETURN_IF_ERROR(ReadMember(key, element));
    if (shadow_) return WrongMember("shadow", "it was never carried out, and is not from here either");
    if (!decision_.action) return WrongMember("action", "is missing");
    if (value_.empty()) return WrongMember("value", "is missing");
    if (decision_.for_ms.has_value() == decision_.until_ms.has_value())
      return WrongMember("for", decision_.for_ms ? "stands beside `until`; write one of them"
                                                 : "is missing, or `until`: how long is it to stand?");
    if (decision_.reason.empty() && decision_.origin.empty())
      return WrongMember("reason", "is missing: say why, for whoever it hits");
    ASSIGN_OR_RETURN(decision_.target, ReadTarget(scope_, value_));
    return std::move(decision_);
  }

 private:
  enum Member : uint32_t {
    kAction,
    kScope,
    kValue,
    kFor,
    kUntil,
    kReason,
    kKind,
    kAllLanes,
    kOrigin,
    kRule,
    kShadow
  };
  static constexpr std::string_view kMembers[] = {"action", "scope",     "value",  "for",  "until", "reason",
                                                  "kind",   "all_lanes", "origin", "rule", "shadow"};
  // Of ToJson(Decision): what another instance knew.
  static constexpr std::string_view kPassedOver[] = {"time", "id", "evidence", "campaign", "repeat"};

  absl::Status ReadMember(std::string_view key, dom::element element) {
    const auto* const member = std::find(std::begin(kMembers), std::end(kMembers), key);
    if (member == std::end(kMembers)) {
      if (std::find(std::begin(kPassedOver), std::end(kPassedOver), key) != std::end(kPassedOver))
        return absl::OkStatus();
      return absl::InvalidArgumentError(
          Concat(Quoted(key), ": no such member", DidYouMean(Nearest(key, kMembers))));
    }
    const auto which = static_cast<Member>(member - std::begin(kMembers));
    if ((seen_ & 1u << which) != 0) return WrongMember(key, "stands twice");
    seen_ |= 1u << which;
    if (which == kAllLanes || which == kShadow) {
      bool* const flag = which == kShadow ? &shadow_ : &decision_.all_lanes;
      return element.get(*flag) == simdjson::SUCCESS ? absl::OkStatus()
                                                     : WrongMember(key, "is neither true nor false");
    }
    std::string_view text;
    if (element.get(text) != simdjson::SUCCESS) return WrongMember(key, "is no text");
    return ReadText(which, key, text);
  }

  absl::Status ReadText(Member which, std::string_view key, std::string_view text) {
    switch (which) {
      case kAction:
        decision_.action = ParseAction(text);
        return decision_.action ? absl::OkStatus() : WrongMember(key, NoneOf(kActionNames));
      case kScope:
        scope_ = ParseScope(text);
        return scope_ ? absl::OkStatus() : WrongMember(key, NoneOf(kScopeNames));
      case kValue:
        value_ = std::string(text);
        return absl::OkStatus();
      case kFor: {
        SpanError error;
        decision_.for_ms = ParseSpanMs(text, Policy::kDurationMsMax, &error);
        return decision_.for_ms ? absl::OkStatus() : WrongMember(key, error.what);
      }
      case kUntil:
        decision_.until_ms = ParseDecisionTimeMs(text);
        return decision_.until_ms ? absl::OkStatus() : WrongMember(key, "is no time as 2026-11-23T09:00:00Z");
      case kKind:
        for (size_t i = 0; i < std::size(kChallengeKindNames); ++i) {
          if (kChallengeKindNames[i] != text) continue;
          decision_.challenge_kind = static_cast<ChallengeKind>(i);
          return absl::OkStatus();
        }
        return WrongMember(key, NoneOf(kChallengeKindNames));
      case kReason:
        if (text.size() > kReasonBytesMax)
          return WrongMember(key, Concat("is longer than ", kReasonBytesMax, " bytes"));
        decision_.reason = std::string(text);
        return absl::OkStatus();
      case kOrigin:
      case kRule:  // of another instance; what says both was exported by one that had it imported itself
        if (decision_.origin.empty()) decision_.origin = CutText(text, kOriginBytesMax);
        return absl::OkStatus();
      default:
        return absl::OkStatus();
    }
  }

  NewDecision decision_;
  std::optional<Scope> scope_;
  std::string value_;
  uint32_t seen_ = 0;
  bool shadow_ = false;
};

template <typename Word, size_t N>
std::optional<Word> Find(const std::string_view (&words)[N], std::string_view word) noexcept {
  for (size_t i = 0; i < N; ++i)
    if (words[i] == word) return static_cast<Word>(i);
  return std::nullopt;
}

}  // namespace

std::optional<Action> ParseAction(std::string_view word) noexcept {
  return Find<Action>(kActionNames, word);
}

std::optional<Scope> ParseScope(std::string_view word) noexcept {
  return Find<Scope>(kScopeNames, word);
}

absl::StatusOr<DecisionTarget> ReadTarget(std::optional<Scope> scope, std::string_view value) {
  if (value.empty()) return WrongMember("value", "is empty");
  if (!scope) {
    if (Address::Parse(value.substr(0, value.find('/')))) return ReadNetwork(value, true, true);
    if (absl::StartsWithIgnoreCase(ToAbsl(value), "AS") && AsnOf(value) != 0)
      return ReadTarget(Scope::kAsn, value);
    return WrongMember("scope", Concat(Quoted(value),
                                       " is no address, network or AS number; say what it is: account, "
                                       "asn or fingerprint"));
  }
  switch (*scope) {
    case Scope::kIp:
    case Scope::kRange:
      return ReadNetwork(value, *scope == Scope::kIp, false);
    case Scope::kAsn: {
      const uint32_t asn = AsnOf(value);
      if (asn == 0) return WrongMember("value", "is no AS number, as 64500 or AS64500");
      return DecisionTarget{Scope::kAsn, Concat(asn), {}};
    }
    case Scope::kFingerprint: {
      const bool hex = value.size() == 32 &&
                       std::all_of(value.begin(), value.end(), [](char c) { return HexDigit(c) >= 0; });
      if (!hex)
        return WrongMember("value", "is not the 32 hexadecimal digits by which decisions know a fingerprint");
      std::string lower(value);
      for (char& c : lower) c = c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c;
      return DecisionTarget{Scope::kFingerprint, std::move(lower), {}};
    }
    case Scope::kAccount:
      if (value.size() > kPrintedFieldBytesMax)
        return WrongMember("value", Concat("is longer than ", kPrintedFieldBytesMax, " bytes"));
      if (!IsShowable(value)) return WrongMember("value", "holds control characters, or is not UTF-8");
      return DecisionTarget{Scope::kAccount, std::string(value), {}};
  }
  return WrongMember("scope", "is not known");
}

absl::StatusOr<NewDecision> ReadNewDecision(std::string_view json) {
  if (json.size() > kDecisionTextBytesMax)
    return absl::InvalidArgumentError(Concat("longer than ", kDecisionTextBytesMax, " bytes"));
  thread_local dom::parser parser;
  dom::object object;
  if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS)
    return absl::InvalidArgumentError("no object of JSON");
  return LineReader().Read(object);
}

absl::Status CheckNewDecision(const NewDecision& decision, int64_t now_ms) {
  if (!decision.action) return WrongMember("action", "is missing");
  const bool is_account = decision.target.scope == Scope::kAccount;
  if (*decision.action == Action::kLock && !is_account)
    return WrongMember("action",
                       "only accounts are locked; block an address, a network, an AS or a fingerprint");
  if (*decision.action == Action::kBlock && is_account)
    return WrongMember("action", "an account is locked, not blocked; write lock");
  if (*decision.action == Action::kBlock && NamesAddresses(decision.target.scope) &&
      IsOwnMachine(decision.target.prefix))
    return WrongMember("value", "is this machine itself, and whatever on it asks for others");
  if (decision.all_lanes && *decision.action != Action::kLock)
    return WrongMember("all_lanes", "is of locks only");
  if (decision.challenge_kind != ChallengeKind::kHuman && *decision.action != Action::kChallenge)
    return WrongMember("kind", "is of challenges only");
  if (decision.for_ms.has_value() == decision.until_ms.has_value())
    return WrongMember("for", "one of `for` and `until` says how long it is to stand");
  if (decision.for_ms && (*decision.for_ms <= 0 || *decision.for_ms > Policy::kDurationMsMax))
    return WrongMember("for", "is not between a moment and ten years");
  if (decision.until_ms && *decision.until_ms <= now_ms) return WrongMember("until", "is over already");
  if (decision.until_ms && *decision.until_ms - now_ms > Policy::kDurationMsMax)
    return WrongMember("until", "is more than ten years away");
  return absl::OkStatus();
}

std::string ToJson(const NewDecision& decision) {
  std::string out = "{";
  const auto add = [&out](std::string_view key, std::string_view text) {
    Append(&out, out.size() > 1 ? ",\"" : "\"", key, "\":");
    AppendJsonString(text, &out);
  };
  if (decision.action) add("action", Name(*decision.action));
  add("scope", Name(decision.target.scope));
  add("value", decision.target.value);
  // The span's smallest unit is a second; nobody's ban ends earlier for it.
  if (decision.for_ms) add("for", SpanText((*decision.for_ms + 999) / 1000 * 1000));
  if (decision.until_ms) add("until", FormatTimeMs(*decision.until_ms));
  if (!decision.reason.empty()) add("reason", decision.reason);
  if (decision.action == Action::kChallenge && decision.challenge_kind != ChallengeKind::kHuman)
    add("kind", Name(decision.challenge_kind));
  if (decision.all_lanes) out += ",\"all_lanes\":true";
  if (!decision.origin.empty()) add("origin", decision.origin);
  out += "}";
  return out;
}

}  // namespace stockade
