#include "adapters/store/decision_row.h"

#include <utility>

#include "adapters/decision_json.h"
#include "adapters/store/audit_line.h"
#include "adapters/store/decision_store.h"
#include "engine/decision/target.h"
#include "engine/limits.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

// The years 0 to 9999: what a time in text has room for.
constexpr int64_t kTimeMsMin = -62'167'219'200'000;
constexpr int64_t kTimeMsMax = 253'402'300'799'999;

bool IsTime(int64_t time_ms) noexcept {
  return time_ms >= kTimeMsMin && time_ms <= kTimeMsMax;
}

absl::Status Refused(std::string_view member, std::string_view what) {
  return absl::InvalidArgumentError(Concat("the decision cannot be stored: ", member, " ", what));
}

void Cut(std::string* text) {
  *text = CutText(*text, kPrintedFieldBytesMax);
}

// How long the texts are before JSON makes up to six bytes of one.
size_t TextBytes(const Decision& decision) noexcept {
  const Evidence& evidence = decision.evidence;
  size_t bytes = 0;
  for (const std::string* text :
       {&decision.id, &decision.value, &decision.rule, &decision.reason, &decision.campaign, &evidence.title,
        &evidence.condition, &evidence.counted_field, &evidence.via, &evidence.detector, &evidence.setting})
    bytes += text->size();
  for (const auto& [field, value] : evidence.group) bytes += field.size() + value.size();
  return bytes;
}

Decision Shortened(Decision decision) {
  Evidence& evidence = decision.evidence;
  for (std::string* text :
       {&decision.value, &decision.rule, &decision.reason, &decision.campaign, &evidence.title,
        &evidence.condition, &evidence.counted_field, &evidence.via, &evidence.detector, &evidence.setting})
    Cut(text);
  if (evidence.group.size() > kGroupsMax) evidence.group.resize(kGroupsMax);
  for (auto& [field, value] : evidence.group) {
    Cut(&field);
    Cut(&value);
  }
  return decision;
}

}  // namespace

RowKey RowKey::Of(const Decision& decision) {
  const bool challenges = decision.action == Action::kChallenge;
  return {decision.scope,
          decision.action,
          challenges ? decision.challenge_kind : ChallengeKind::kHuman,
          decision.action == Action::kLock && decision.all_lanes,
          decision.shadow,
          decision.value};
}

std::string RowText(const Decision& decision) {
  if (TextBytes(decision) <= kDecisionTextBytesMax) {
    std::string text = ToJson(decision);
    if (text.size() <= kDecisionTextBytesMax) return text;
  }
  return ToJson(Shortened(decision));
}

absl::StatusOr<Decision> ReadRow(std::string_view text, std::string_view value) {
  if (text.empty()) return absl::InvalidArgumentError("no JSON object");
  ASSIGN_OR_RETURN(Decision decision, ParseDecision(text));
  // Addresses have one spelling, and the network that goes with them is read from it.
  const bool address = NamesAddresses(decision.scope);
  if (address && decision.value != value) return absl::InvalidArgumentError("value: is that of another row");
  decision.value = std::string(value);
  return decision;
}

absl::Status CheckStorable(const Decision& decision) {
  if (decision.id.empty()) return Refused("id", "is empty");
  if (decision.id.size() > kPrintedFieldBytesMax)
    return Refused("id", Concat("is longer than ", kPrintedFieldBytesMax, " bytes"));
  if (decision.value.empty()) return Refused("value", "is empty");
  if (!IsTime(decision.time_ms)) return Refused("time", "is outside the years 0 to 9999");
  if (!IsTime(decision.until_ms)) return Refused("until", "is outside the years 0 to 9999");
  if (decision.until_ms <= decision.time_ms) return Refused("until", "is not after time");
  if (NamesAddresses(decision.scope)) {
    const std::optional<Prefix> prefix = Prefix::Parse(decision.value);
    if (!prefix || prefix->is_single() != (decision.scope == Scope::kIp))
      return Refused("value", decision.scope == Scope::kIp ? "is not one address" : "is no network");
  }
  return absl::OkStatus();
}

absl::Status CheckStorable(const StoreEntry& entry) {
  const auto* change = std::get_if<Change>(&entry.what);
  return change == nullptr ? absl::OkStatus() : CheckStorable(change->decision);
}

}  // namespace stockade
