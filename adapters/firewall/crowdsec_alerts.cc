#include "adapters/firewall/crowdsec_alerts.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "adapters/firewall/crowdsec_wire.h"
#include "adapters/go_duration.h"
#include "engine/status.h"
#include "engine/text.h"
#include "simdjson.h"

namespace stockade {
namespace {

namespace dom = simdjson::dom;
using Type = dom::element_type;

// More is cut off: one bad request must not be answered with megabytes.
constexpr size_t kFaultsMax = 20;

struct Faults {
  std::string text;
  size_t count = 0;

  void Add(std::string_view where, std::string_view member, std::string_view what) {
    if (++count <= kFaultsMax) Append(&text, "\n", where, member, " in body ", what);
  }
};

// A member by its name in any case; nothing for null too.
std::optional<dom::element> Member(const dom::object& object, std::string_view name) {
  std::optional<dom::element> found;
  for (const dom::key_value_pair member : object)
    if (absl::EqualsIgnoreCase(ToAbsl(member.key), ToAbsl(name)))
      found = member.value.is_null() ? std::nullopt : std::optional(member.value);
  return found;
}

enum class Shape { kText, kCount, kFlag, kArray, kObject };

bool Has(const dom::element& element, Shape shape) {
  switch (shape) {
    case Shape::kText:
      return element.is_string();
    case Shape::kCount:
      return element.is_int64();
    case Shape::kFlag:
      return element.is_bool();
    case Shape::kArray:
      return element.is_array();
    case Shape::kObject:
      return element.is_object();
  }
  return false;
}

struct Requirement {
  std::string_view member;
  Shape shape;
};
constexpr Requirement kOfAlert[] = {
    {"capacity", Shape::kCount},     {"events", Shape::kArray},          {"events_count", Shape::kCount},
    {"leakspeed", Shape::kText},     {"message", Shape::kText},          {"scenario", Shape::kText},
    {"scenario_hash", Shape::kText}, {"scenario_version", Shape::kText}, {"simulated", Shape::kFlag},
    {"source", Shape::kObject},      {"start_at", Shape::kText},         {"stop_at", Shape::kText},
};
constexpr Requirement kOfSource[] = {{"scope", Shape::kText}, {"value", Shape::kText}};
constexpr Requirement kOfEvent[] = {{"meta", Shape::kArray}, {"timestamp", Shape::kText}};
constexpr Requirement kOfDecision[] = {{"duration", Shape::kText}, {"origin", Shape::kText},
                                       {"scenario", Shape::kText}, {"scope", Shape::kText},
                                       {"type", Shape::kText},     {"value", Shape::kText}};

template <size_t N>
void Check(const dom::element& element, std::string_view where, const Requirement (&requirements)[N],
           Faults* faults) {
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return faults->Add(where, "", "is no object");
  for (const Requirement& requirement : requirements) {
    const std::optional<dom::element> member = Member(object, requirement.member);
    if (!member) {
      faults->Add(where, requirement.member, "is required");
    } else if (!Has(*member, requirement.shape)) {
      faults->Add(where, requirement.member, "is of another type");
    }
  }
}

std::string Text(const dom::object& object, std::string_view name) {
  const std::optional<dom::element> member = Member(object, name);
  std::string_view text;
  return member && member->get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}
bool Flag(const dom::object& object, std::string_view name) {
  const std::optional<dom::element> member = Member(object, name);
  bool flag = false;
  return member && member->get(flag) == simdjson::SUCCESS && flag;
}

bool ReadTarget(std::string_view scope, std::string_view value, ImportedDecision* decision) {
  const auto is = [&](std::string_view name) { return absl::EqualsIgnoreCase(ToAbsl(scope), ToAbsl(name)); };
  if (is("ip") || is("range")) {
    const std::optional<Prefix> prefix = Prefix::Parse(value);
    if (!prefix) return false;
    decision->scope = prefix->is_single() ? Scope::kIp : Scope::kRange;
    decision->prefix = *prefix;
    decision->value = prefix->ToString();
    return true;
  }
  if (is("as")) {
    // 32 bits, RFC 6793.
    if (value.starts_with("AS")) value.remove_prefix(2);
    uint32_t number;
    if (!absl::SimpleAtoi(ToAbsl(value), &number)) return false;
    decision->scope = Scope::kAsn;
    decision->value = Concat(number);
    return true;
  }
  return false;
}

// Nothing for what Stockade does not carry out for others: accounts among it, because an address's misdeeds elsewhere
// are no reason to lock a customer out here.
std::optional<ImportedDecision> Read(const dom::object& object) {
  ImportedDecision decision;
  const std::string type = Text(object, "type");
  if (type == "ban") {
    decision.action = Action::kBlock;
  } else if (type == "captcha") {
    decision.action = Action::kChallenge;
  } else if (type == "throttle") {
    decision.action = Action::kThrottle;
  } else {
    return std::nullopt;
  }
  if (Flag(object, "simulated")) return std::nullopt;
  const std::optional<int64_t> for_ms = ParseGoDurationMs(Text(object, "duration"));
  if (!for_ms || *for_ms <= 0) return std::nullopt;
  decision.for_ms = *for_ms;
  if (!ReadTarget(Text(object, "scope"), Text(object, "value"), &decision)) return std::nullopt;
  decision.origin = Text(object, "origin");
  decision.scenario = Text(object, "scenario");
  return decision;
}

absl::Status ReadAlert(const dom::element& element, std::string_view where, std::string_view machine,
                       Faults* faults, ImportedAlerts* all) {
  Check(element, where, kOfAlert, faults);
  dom::object alert;
  if (element.get(alert) != simdjson::SUCCESS) return absl::OkStatus();
  ++all->alerts;
  if (const auto source = Member(alert, "source"))
    Check(*source, Concat(where, "source."), kOfSource, faults);
  dom::array events;
  if (const auto member = Member(alert, "events"); member && member->get(events) == simdjson::SUCCESS)
    for (const dom::element event : events) Check(event, Concat(where, "events."), kOfEvent, faults);
  const std::optional<dom::element> decisions = Member(alert, "decisions");
  if (!decisions) return absl::OkStatus();
  dom::array array;
  if (decisions->get(array) != simdjson::SUCCESS) {
    faults->Add(where, "decisions", "is of another type");
    return absl::OkStatus();
  }
  const bool simulated = Flag(alert, "simulated");
  for (const dom::element decision : array) {
    Check(decision, Concat(where, "decisions."), kOfDecision, faults);
    dom::object object;
    if (faults->count > 0 || decision.get(object) != simdjson::SUCCESS) continue;
    std::optional<ImportedDecision> read = simulated ? std::nullopt : Read(object);
    if (!read) {
      ++all->skipped;
      continue;
    }
    if (all->decisions.size() == kImportedDecisionsMax)
      return absl::OutOfRangeError(Concat("more than ", kImportedDecisionsMax, " decisions in one request"));
    read->machine = std::string(machine);
    all->decisions.push_back(*std::move(read));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ImportedAlerts> ParseCrowdsecAlerts(std::string_view json, std::string_view machine) {
  dom::parser parser;
  dom::element root;
  const simdjson::error_code failed = parser.parse(json.data(), json.size()).get(root);
  if (failed != simdjson::SUCCESS) return absl::InvalidArgumentError(simdjson::error_message(failed));
  dom::array alerts;
  if (root.get(alerts) != simdjson::SUCCESS)
    return absl::InvalidArgumentError("the body is no JSON array of alerts");
  ImportedAlerts all;
  Faults faults;
  size_t number = 0;
  for (const dom::element alert : alerts)
    RETURN_IF_ERROR(ReadAlert(alert, Concat(number++, "."), machine, &faults, &all));
  if (faults.count > 0) {
    if (faults.count > kFaultsMax) Append(&faults.text, "\nand ", faults.count - kFaultsMax, " more");
    return absl::OutOfRangeError(Concat("validation failure list:", faults.text));
  }
  return all;
}

}  // namespace stockade
