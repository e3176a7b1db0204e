#include "adapters/decision_json.h"

#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "engine/rule/span_text.h"
#include "engine/status.h"
#include "engine/text.h"
#include "simdjson.h"

namespace stockade {
namespace {

namespace dom = simdjson::dom;

// The object's members by name; what is there and of another type is an error, what is not there is not.
class Members {
 public:
  explicit Members(dom::object object) : object_(object) {}

  absl::Status Text(std::string_view name, std::string* out, bool required = false) const {
    dom::element element;
    if (object_[name].get(element) != simdjson::SUCCESS)
      return required ? WrongMember(name, "is missing") : absl::OkStatus();
    std::string_view text;
    if (element.get(text) != simdjson::SUCCESS) return WrongMember(name, "is no text");
    *out = std::string(text);
    return absl::OkStatus();
  }
  absl::Status Flag(std::string_view name, bool* out) const {
    dom::element element;
    if (object_[name].get(element) != simdjson::SUCCESS) return absl::OkStatus();
    return element.get(*out) == simdjson::SUCCESS ? absl::OkStatus()
                                                  : WrongMember(name, "is neither true nor false");
  }
  absl::Status Number(std::string_view name, double* out) const {
    dom::element element;
    // An infinity was written as null.
    if (object_[name].get(element) != simdjson::SUCCESS || element.is_null()) return absl::OkStatus();
    return element.get(*out) == simdjson::SUCCESS ? absl::OkStatus() : WrongMember(name, "is no number");
  }
  absl::Status Time(std::string_view name, int64_t* out, bool required = false) const {
    std::string text;
    RETURN_IF_ERROR(Text(name, &text, required));
    if (text.empty()) return absl::OkStatus();
    const std::optional<int64_t> time_ms = ParseDecisionTimeMs(text);
    if (!time_ms) return WrongMember(name, "is no time as 2026-11-23T09:00:00.000Z");
    *out = *time_ms;
    return absl::OkStatus();
  }
  template <typename Word, size_t N>
  absl::Status OneOf(std::string_view name, const std::string_view (&words)[N], Word* out,
                     bool required = false) const {
    std::string text;
    RETURN_IF_ERROR(Text(name, &text, required));
    if (text.empty() && !required) return absl::OkStatus();
    for (size_t i = 0; i < N; ++i) {
      if (words[i] != text) continue;
      *out = static_cast<Word>(i);
      return absl::OkStatus();
    }
    return WrongMember(name, NoneOf(words));
  }
  bool Object(std::string_view name, dom::object* out) const {
    return object_[name].get(*out) == simdjson::SUCCESS;
  }

 private:
  dom::object object_;
};

absl::Status ReadEvidence(const Members& members, Evidence* evidence) {
  RETURN_IF_ERROR(members.Text("title", &evidence->title));
  RETURN_IF_ERROR(members.Text("via", &evidence->via));
  RETURN_IF_ERROR(members.Number("value", &evidence->value));
  RETURN_IF_ERROR(members.Flag("at_least", &evidence->at_least));
  RETURN_IF_ERROR(members.Flag("estimated", &evidence->estimated));
  RETURN_IF_ERROR(members.Text("condition", &evidence->condition));
  RETURN_IF_ERROR(members.Text("field", &evidence->counted_field));
  std::string span;
  RETURN_IF_ERROR(members.Text("span", &span));
  if (!span.empty()) {
    SpanError error;
    std::optional<int64_t> span_ms = ParseSpanMs(span, INT64_MAX / 2, &error);
    // What no larger unit divides, FormatSpanMs writes so.
    int64_t ms = 0;
    if (!span_ms && span.ends_with("ms") && absl::SimpleAtoi(span.substr(0, span.size() - 2), &ms) && ms > 0)
      span_ms = ms;
    if (!span_ms) return WrongMember("evidence.span", "is no span as 10m");
    evidence->span_ms = *span_ms;
  }
  RETURN_IF_ERROR(members.Time("first", &evidence->first_ms));
  RETURN_IF_ERROR(members.Time("last", &evidence->last_ms));
  RETURN_IF_ERROR(members.Text("detector", &evidence->detector));
  RETURN_IF_ERROR(members.Text("setting", &evidence->setting));
  RETURN_IF_ERROR(members.Number("score", &evidence->score));
  RETURN_IF_ERROR(members.Number("threshold", &evidence->threshold));
  RETURN_IF_ERROR(members.Time("since", &evidence->since_ms));
  dom::object group;
  if (!members.Object("group", &group)) return absl::OkStatus();
  for (const auto [field, element] : group) {
    std::string_view value;
    if (element.get(value) != simdjson::SUCCESS)
      return WrongMember("evidence.group", "holds something else than text");
    evidence->group.emplace_back(std::string(field), std::string(value));
  }
  return absl::OkStatus();
}

absl::Status ReadTarget(Decision* decision) {
  if (decision->value.empty()) return WrongMember("value", "is empty");
  if (NamesAddresses(decision->scope)) {
    const std::optional<Prefix> prefix = Prefix::Parse(decision->value);
    if (!prefix) return WrongMember("value", "is no address or network");
    if (prefix->is_single() != (decision->scope == Scope::kIp))
      return WrongMember("value", decision->scope == Scope::kIp
                                      ? "is a network, not one address; scope range holds those"
                                      : "is one address, not a network; scope ip holds those");
    // Firewalls are told the text: zone ids, capitals and mapped addresses would be other words for one address there.
    if (prefix->ToString() != decision->value)
      return WrongMember("value", Concat("is written ", prefix->ToString()));
    decision->prefix = *prefix;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WrongMember(std::string_view member, std::string_view what) {
  return absl::InvalidArgumentError(Concat(member, ": ", what));
}

std::string NoneOf(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) Append(&text, text.empty() ? "is none of " : ", ", word);
  return text;
}

std::optional<int64_t> ParseDecisionTimeMs(std::string_view text) noexcept {
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, ToAbsl(text), &time, nullptr)) return std::nullopt;
  if (time == absl::InfiniteFuture() || time == absl::InfinitePast()) return std::nullopt;
  return absl::ToUnixMillis(time);
}

absl::StatusOr<Decision> ParseDecision(std::string_view json) {
  if (json.size() > kDecisionTextBytesMax)
    return absl::InvalidArgumentError(Concat("longer than ", kDecisionTextBytesMax, " bytes"));
  // One for each thread: its buffers are worth keeping when a million are read.
  thread_local dom::parser parser;
  dom::object object;
  if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS)
    return absl::InvalidArgumentError("no JSON object");
  const Members members(object);
  Decision decision;
  RETURN_IF_ERROR(members.Time("time", &decision.time_ms, true));
  RETURN_IF_ERROR(members.Text("id", &decision.id, true));
  RETURN_IF_ERROR(members.OneOf("action", kActionNames, &decision.action, true));
  RETURN_IF_ERROR(members.OneOf("scope", kScopeNames, &decision.scope, true));
  RETURN_IF_ERROR(members.Text("value", &decision.value, true));
  RETURN_IF_ERROR(members.Time("until", &decision.until_ms, true));
  RETURN_IF_ERROR(members.Text("rule", &decision.rule, true));
  RETURN_IF_ERROR(members.Text("reason", &decision.reason));
  RETURN_IF_ERROR(members.Text("campaign", &decision.campaign));
  RETURN_IF_ERROR(members.OneOf("kind", kChallengeKindNames, &decision.challenge_kind));
  double repeat = 0;
  RETURN_IF_ERROR(members.Number("repeat", &repeat));
  if (!(repeat >= 0 && repeat <= 1e9)) return WrongMember("repeat", "is no count");
  decision.repeat = static_cast<int>(repeat);
  RETURN_IF_ERROR(members.Flag("all_lanes", &decision.all_lanes));
  RETURN_IF_ERROR(members.Flag("shadow", &decision.shadow));
  dom::object evidence;
  if (members.Object("evidence", &evidence))
    RETURN_IF_ERROR(ReadEvidence(Members(evidence), &decision.evidence));
  if (decision.id.empty()) return WrongMember("id", "is empty");
  if (decision.until_ms <= decision.time_ms) return WrongMember("until", "is not after time");
  RETURN_IF_ERROR(ReadTarget(&decision));
  return decision;
}

}  // namespace stockade
