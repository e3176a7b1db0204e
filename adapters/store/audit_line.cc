#include "adapters/store/audit_line.h"

#include "engine/decision/target.h"
#include "engine/limits.h"
#include "engine/text.h"

namespace stockade {
namespace {

void AppendMember(std::string_view name, std::string_view text, size_t bytes_max, std::string* out) {
  Append(out, out->empty() ? "\"" : ",\"", name, "\":");
  if (text.size() <= bytes_max) {
    AppendJsonString(text, out);
  } else {
    AppendJsonString(CutText(text, bytes_max), out);
  }
}

void AppendName(std::string_view name, std::string_view text, std::string* out) {
  AppendMember(name, text, kPrintedFieldBytesMax, out);
}

std::string By(const Change& change) {
  if (!change.by.empty()) return change.by;
  switch (change.kind) {
    case ChangeKind::kAdded:
    case ChangeKind::kExtended:
      return Concat("rule ", change.decision.rule);
    case ChangeKind::kExpired:
      return "time";
    case ChangeKind::kRemoved:
      return "memory";
  }
  return "";
}

std::string MembersOf(const Change& change, int64_t time_ms) {
  const Decision& decision = change.decision;
  const bool made = change.kind == ChangeKind::kAdded || change.kind == ChangeKind::kExtended;
  std::string out;
  out.reserve(384);
  AppendName("time", FormatTimeMs(made ? decision.time_ms : time_ms), &out);
  AppendName("by", By(change), &out);
  AppendName("what", Name(change.kind), &out);
  AppendName("id", decision.id, &out);
  AppendName("action", Name(decision.action), &out);
  AppendName("scope", Name(decision.scope), &out);
  AppendName("value", decision.value, &out);
  AppendName("until", FormatTimeMs(decision.until_ms), &out);
  AppendName("rule", decision.rule, &out);
  if (decision.action == Action::kChallenge) AppendName("kind", Name(decision.challenge_kind), &out);
  if (decision.all_lanes) out.append(",\"all_lanes\":true");
  if (decision.shadow) out.append(",\"shadow\":true");
  // Whoever gives a decision by hand says why in the decision itself; a rule's own words stand with the rule.
  const bool by_hand = made && !change.by.empty();
  const std::string& why = change.why.empty() && by_hand ? decision.reason : change.why;
  if (!why.empty()) AppendMember("why", why, kAuditTextBytesMax, &out);
  return out;
}

std::string MembersOf(const AuditNote& note) {
  std::string out;
  AppendName("time", FormatTimeMs(note.time_ms), &out);
  AppendName("by", note.by, &out);
  AppendName("what", note.what, &out);
  if (!note.why.empty()) AppendMember("why", note.why, kAuditTextBytesMax, &out);
  if (!note.text.empty()) AppendMember("text", note.text, kAuditTextBytesMax, &out);
  if (note.enforcing) out.append(*note.enforcing ? ",\"enforcing\":true" : ",\"enforcing\":false");
  return out;
}

}  // namespace

std::string AuditMembers(const StoreEntry& entry) {
  if (const auto* change = std::get_if<Change>(&entry.what)) return MembersOf(*change, entry.time_ms);
  return MembersOf(std::get<AuditNote>(entry.what));
}

}  // namespace stockade
