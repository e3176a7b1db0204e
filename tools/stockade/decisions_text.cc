#include "tools/stockade/decisions_text.h"

#include <algorithm>

#include "adapters/decision_json.h"
#include "engine/status.h"
#include "engine/text.h"
#include "simdjson.h"

namespace stockade {
namespace {

namespace dom = simdjson::dom;

// A name of 200 bytes would push everything else off the screen; the last column has no such bound.
constexpr size_t kColumnsMax = 43;  // an IPv6 network

size_t ColumnsOf(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string TextOf(dom::object object, std::string_view key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : "";
}
uint64_t CountOf(dom::object object, std::string_view key) {
  uint64_t count = 0;
  return object[key].get(count) == simdjson::SUCCESS ? count : 0;
}

std::string LeftText(int64_t left_ms) {
  // Nobody plans by a part of a second.
  return left_ms <= 0 ? "over" : DurationText(std::max<int64_t>(left_ms / 1000, 1) * 1000);
}

std::string ActionText(const Decision& decision) {
  std::string text(Name(decision.action));
  if (decision.action == Action::kChallenge && decision.challenge_kind == ChallengeKind::kIdentity)
    text += " identity";
  if (decision.all_lanes) text += " all lanes";
  if (decision.shadow) text += " (shadow)";
  return text;
}

std::string AgoText(dom::object object, std::string_view key, int64_t now_ms) {
  const std::optional<int64_t> time_ms = ParseDecisionTimeMs(TextOf(object, key));
  return time_ms ? Concat(DurationText(std::max<int64_t>(now_ms - *time_ms, 0) / 1000 * 1000), " ago")
                 : "never";
}

}  // namespace

void TextTable::Print(const std::vector<std::vector<std::string>>& rows, const Console& console,
                      std::ostream* out) {
  std::vector<std::vector<std::string>> shown;
  shown.reserve(rows.size());
  for (const std::vector<std::string>& row : rows) {
    shown.emplace_back();
    for (const std::string& text : row) shown.back().push_back(PrintableText(text));
  }
  const bool first = widths_.empty();
  if (first) {
    for (size_t column = 0; column < heads_.size(); ++column) {
      size_t width = ColumnsOf(heads_[column]);
      for (const auto& row : shown) width = std::max(width, std::min(ColumnsOf(row[column]), kColumnsMax));
      widths_.push_back(width);
    }
  }
  const auto line = [&](const std::vector<std::string>& row) {
    std::string text;
    for (size_t column = 0; column < row.size(); ++column) {
      if (column > 0) text += "  ";
      const bool last = column + 1 == row.size();
      text += right_[column] ? PadLeft(row[column], widths_[column])
              : last         ? row[column]
                             : PadRight(row[column], widths_[column]);
    }
    while (text.ends_with(' ')) text.pop_back();
    return text;
  };
  if (first) *out << Styled(console, Style::kDim, line(heads_)) << "\n";
  for (const auto& row : shown) *out << line(row) << "\n";
}

DecisionTable::DecisionTable()
    : table_({"ID", "LEFT", "ACTION", "SCOPE", "VALUE", "RULE", "REASON"},
             {false, true, false, false, false, false, false}) {}

void DecisionTable::Print(std::span<const Decision> decisions, int64_t now_ms, const Console& console,
                          std::ostream* out) {
  std::vector<std::vector<std::string>> rows;
  for (const Decision& decision : decisions) {
    rows.push_back({decision.id, LeftText(decision.until_ms - now_ms), ActionText(decision),
                    std::string(Name(decision.scope)), decision.value, decision.rule, decision.reason});
  }
  table_.Print(rows, console, out);
}

absl::Status PrintExplained(std::string_view json, int64_t now_ms, const Console& console,
                            std::ostream* out) {
  dom::parser parser;
  dom::object object, inner;
  if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS ||
      object["decision"].get(inner) != simdjson::SUCCESS)
    return absl::UnavailableError("the answer is no explanation of a decision");
  ASSIGN_OR_RETURN(const Decision decision, ParseDecision(simdjson::minify(inner)));
  int64_t left_ms = 0;
  if (object["left_ms"].get(left_ms) != simdjson::SUCCESS) left_ms = decision.until_ms - now_ms;
  *out << Styled(console, Style::kBold, PrintableText(Concat(ActionText(decision), " ", decision.value)))
       << ", another " << LeftText(left_ms) << "\n";
  const auto line = [&](std::string_view label, std::string_view text) {
    if (!text.empty()) *out << "  " << PadRight(label, 11) << PrintableText(text) << "\n";
  };
  line("id", decision.id);
  line("scope", Name(decision.scope));
  line("made", TimeText(decision.time_ms));
  line("until", TimeText(decision.until_ms));
  line("rule", decision.rule);
  line("reason", decision.reason);
  const Evidence& evidence = decision.evidence;
  if (!evidence.detector.empty()) {
    line("found by", Concat(evidence.detector, ": evidence ", NumberText(evidence.score), ", and ",
                            evidence.setting, " is ", NumberText(evidence.threshold)));
    if (evidence.since_ms != 0) line("since", TimeText(evidence.since_ms));
    line("last", TimeText(evidence.last_ms));
  } else if (evidence.value > 0) {
    line("counted", Concat(evidence.estimated  ? "about "
                           : evidence.at_least ? "at least "
                                               : "",
                           NumberText(evidence.value), evidence.counted_field.empty() ? "" : " of ",
                           evidence.counted_field,
                           evidence.condition.empty() ? "" : Concat(" (", evidence.condition, ")"),
                           evidence.span_ms > 0 ? Concat(" within ", DurationText(evidence.span_ms)) : "",
                           ", ", TimeText(evidence.first_ms), " to ", TimeText(evidence.last_ms)));
  }
  for (const auto& [field, value] : evidence.group) line("of", Concat(field, " = ", value));
  line("campaign", decision.campaign);
  if (decision.repeat > 0) line("repeat", Concat("decided ", decision.repeat, " times before"));
  bool allowlisted = false;
  if (object["allowlisted"].get(allowlisted) == simdjson::SUCCESS && allowlisted)
    line("allowlist", "holds somebody of it, who is challenged at most");
  dom::array firewalls;
  if (object["firewalls"].get(firewalls) != simdjson::SUCCESS) return absl::OkStatus();
  bool first = true;
  for (const dom::element element : firewalls) {
    dom::object firewall;
    if (element.get(firewall) != simdjson::SUCCESS) continue;
    *out << "  " << PadRight(first ? "firewalls" : "", 11)
         << PadRight(PrintableText(TextOf(firewall, "name")), 16) << PrintableText(TextOf(firewall, "state"))
         << "\n";
    first = false;
  }
  return absl::OkStatus();
}

absl::Status PrintFirewalls(std::string_view lines, int64_t now_ms, const Console& console, std::ostream* out,
                            size_t* troubled) {
  *troubled = 0;
  bool broken = false;
  std::vector<std::vector<std::string>> rows;
  VisitLines(lines, [&](std::string_view line) {
    dom::parser parser;
    dom::object object;
    if (parser.parse(line.data(), line.size()).get(object) != simdjson::SUCCESS) {
      broken = true;
      return;
    }
    const std::string error = TextOf(object, "last_error");
    *troubled += error.empty() ? 0 : 1;
    const uint64_t pending = CountOf(object, "pending");
    rows.push_back({TextOf(object, "name"), TextOf(object, "kind"), CountText(CountOf(object, "decided")),
                    CountText(CountOf(object, "enforced")), CountText(pending),
                    pending > 0 ? DurationText(static_cast<int64_t>(CountOf(object, "lag_ms"))) : "-",
                    AgoText(object, "reconciled_at", now_ms),
                    error.empty() ? "-" : Concat(AgoText(object, "last_error_at", now_ms), ": ", error)});
  });
  if (broken) return absl::UnavailableError("the answer holds a line that is no firewall");
  if (rows.empty()) {
    *out << "no firewall is set up: decisions are carried out by the gate alone\n";
    return absl::OkStatus();
  }
  TextTable table({"FIREWALL", "KIND", "DECIDED", "ENFORCED", "PENDING", "LAG", "COMPARED", "ERROR"},
                  {false, false, true, true, true, true, false, false});
  table.Print(rows, console, out);
  return absl::OkStatus();
}

std::string AuditText(std::string_view json) {
  dom::parser parser;
  dom::object object;
  if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS) return PrintableText(json);
  std::string head = Concat(CountOf(object, "n"), "  ", TextOf(object, "time"), "  ", TextOf(object, "by"),
                            "  ", TextOf(object, "what"));
  for (const auto [key, element] : object) {
    if (key == "n" || key == "time" || key == "by" || key == "what" || key == "chain") continue;
    std::string_view text;
    Append(&head, "  ", key, "=");
    head +=
        element.get(text) == simdjson::SUCCESS ? std::string(text) : std::string(simdjson::minify(element));
  }
  return PrintableLine(head);
}

}  // namespace stockade
