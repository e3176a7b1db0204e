#include "tools/stockade/explanation_text.h"

#include <algorithm>
#include <cmath>

#include "engine/text.h"
#include "tools/stockade/json_writer.h"

namespace stockade {
namespace {

std::string Title(const Console& console, std::string_view title) {
  return Concat("\n", Styled(console, Style::kBold, title), "\n");
}

template <typename Groups>
std::string GroupText(const Groups& group) {
  if (group.empty()) return "everything together";
  std::string text;
  for (const auto& [field, value] : group) {
    Append(&text, text.empty() ? "" : ", ", PrintableText(field), " ", PrintableText(value));
  }
  return text;
}

std::string ValueText(double value, bool at_least, bool estimated) {
  return Concat(at_least ? "at least " : estimated ? "about " : "", NumberText(value));
}

std::string VerdictWords(const TracedAttempt& traced) {
  switch (traced.verdict) {
    case VerdictKind::kAllow:
      return "was let through to the password check";
    case VerdictKind::kThrottle:
      return "was slowed down and did not reach the password check";
    case VerdictKind::kChallenge:
      return Concat(traced.challenge_kind == ChallengeKind::kHuman
                        ? "was asked to show that a human is there"
                        : "was asked to show that it is the account's owner",
                    traced.reached ? ", and did" : ", and did not reach the password check");
    case VerdictKind::kDeny:
      return "was refused before the password was looked at";
  }
  return "";
}

std::string_view LaneWords(Lane lane) {
  switch (lane) {
    case Lane::kCertified:
      return "certified: a valid certificate bound to the account";
    case Lane::kFamiliar:
      return "familiar: network and device speak for this account's owner";
    case Lane::kHalf:
      return "half: network or device is known for this account";
    case Lane::kUnfamiliar:
      return "unfamiliar: neither network nor device is known for this account";
  }
  return "";
}

std::string ActionWords(const Decision& decision) {
  switch (decision.action) {
    case Action::kChallenge:
      return "challenge";
    case Action::kThrottle:
      return "throttle";
    case Action::kBlock:
      return "block";
    case Action::kLock:
      return decision.all_lanes ? "lock every lane of" : "lock the unfamiliar lane of";
  }
  return "";
}

std::string ScopeWords(const Decision& decision) {
  static constexpr std::string_view kWords[] = {"address", "network", "AS", "client with fingerprint",
                                                "account"};
  return Concat(kWords[static_cast<size_t>(decision.scope)], " ", PrintableText(decision.value));
}

void PrintNote(const AttemptNote& note, std::ostream& out) {
  out << "  " << PadLeft(CountText(note.line), 12) << "  " << TimeText(note.time_ms) << "  "
      << PadRight(PrintableText(note.source), 15) << "  " << PadRight(PrintableText(note.account), 16) << "  "
      << Name(note.outcome) << "\n";
}

void PrintEvents(const Contributions& events, std::ostream& out) {
  if (events.total == 0) return;
  out << "  " << PadLeft("line", 12) << "  " << PadRight("time", 27) << "  " << PadRight("source", 15) << "  "
      << PadRight("account", 16) << "  outcome\n";
  for (const AttemptNote& note : events.first) PrintNote(note, out);
  const uint64_t left_out = events.total - events.first.size() - events.last.size();
  if (left_out > 0) out << "  " << PadLeft("…", 12) << "  " << CountText(left_out) << " more\n";
  for (const AttemptNote& note : events.last) PrintNote(note, out);
}

void PrintSteps(const TracedAttempt& traced, const Console& console, std::ostream& out) {
  out << Title(console, "The way through the gate");
  size_t number = 0;
  for (const auto& [step, said] : traced.steps) {
    out << PadLeft(std::to_string(++number), 4) << "  " << PadRight(step, 20) << "  " << PrintableText(said)
        << "\n";
  }
  out << PadLeft(std::to_string(++number), 4) << "  " << PadRight("verdict", 20) << "  "
      << Name(traced.verdict);
  if (!traced.by.empty()) out << ", by " << PrintableText(traced.by);
  out << "\n";
}

void PrintWindow(const TracedWindow& window, std::ostream& out) {
  out << "  " << PrintableText(window.rule) << ": "
      << ValueText(window.value, window.at_least, window.estimated) << " within "
      << FormatSpanMs(window.span_ms) << " for " << GroupText(window.group) << "; condition "
      << PrintableText(window.condition) << (window.met ? " is met" : " is not met")
      << (window.quiet ? ", and was already reported for this key" : "") << "\n";
  out << "      counted from " << TimeText(window.first_ms) << " to " << TimeText(window.last_ms) << " ("
      << DurationText(window.last_ms - window.first_ms) << ")\n";
  if (window.met && !std::isnan(window.allowed)) {
    out << "      would not have been met with a threshold of " << NumberText(window.allowed) << "\n";
  }
}

void PrintRules(const TracedAttempt& traced, bool with_events, const Console& console, std::ostream& out) {
  out << Title(console, "What the rules saw");
  if (!traced.reached && !traced.charged) {
    out << "  nothing: what does not reach the password check counts for no rule\n";
    return;
  }
  if (traced.too_late) {
    out << "  nothing: its time lies further back than the lateness allows, so it counts for no rule\n";
    return;
  }
  if (traced.charged && !traced.reached)
    out << "  a bad certificate, which is charged to its source and never to the account\n";
  if (traced.matches.empty()) out << "  no rule matched this attempt\n";
  for (const std::string& rule : traced.matches) out << "  " << PrintableText(rule) << " matched\n";
  for (const TracedWindow& window : traced.windows) {
    PrintWindow(window, out);
    if (with_events) PrintEvents(window.events, out);
  }
  for (const Decision& decision : traced.decisions) {
    out << "  this attempt brought about decision " << decision.id << ": " << ActionWords(decision) << " "
        << ScopeWords(decision) << " until " << TimeText(decision.until_ms) << "\n";
  }
}

void PrintAttempt(const TracedAttempt& traced, std::ostream& out) {
  const AttemptNote& note = traced.attempt;
  out << "  line " << CountText(note.line) << " (" << PrintableText(note.input) << ":" << note.input_line
      << "), " << TimeText(note.time_ms) << "\n";
  out << "  account " << PrintableText(note.account) << " from " << PrintableText(note.source) << "\n";
  if (!note.user_agent.empty()) out << "  user agent " << PrintableText(note.user_agent) << "\n";
  if (!note.ja4.empty()) out << "  JA4 " << PrintableText(note.ja4) << "\n";
  out << "  lane " << LaneWords(traced.lane) << "\n";
  out << "  the log says: " << Name(note.outcome) << "\n";
}

// The window in which the trigger met the decision's condition, if it was seen.
const TracedWindow* WindowOf(const Explanation& explanation) {
  if (!explanation.trigger || !explanation.decision) return nullptr;
  for (const TracedWindow& window : explanation.trigger->windows) {
    if (window.rule == explanation.decision->rule && window.met) return &window;
  }
  return nullptr;
}

// The attempts a decision rests on, window by window.
void PrintGrounds(const Explanation& explanation, const Console& console, std::ostream& out) {
  out << Title(console, "The attempts it rests on");
  if (!explanation.trigger) {
    out << "  not in this input\n";
    return;
  }
  bool any = false;
  for (const TracedWindow& window : explanation.trigger->windows) {
    if (!window.of_decision) continue;
    any = true;
    out << "  " << PrintableText(window.rule) << ": "
        << ValueText(window.value, window.at_least, window.estimated) << " within "
        << FormatSpanMs(window.span_ms) << " for " << GroupText(window.group) << " (" << window.condition
        << ")\n";
    PrintEvents(window.events, out);
  }
  if (any) return;
  Contributions alone;  // a rule that decides on one attempt
  alone.Add(explanation.trigger->attempt);
  PrintEvents(alone, out);
}

void PrintDecision(const Explanation& explanation, const Console& console, std::ostream& out) {
  const Decision& decision = *explanation.decision;
  const Evidence& evidence = decision.evidence;
  out << Title(console, Concat("Decision ", decision.id));
  out << "  " << ActionWords(decision) << " " << ScopeWords(decision) << "\n";
  out << "  from " << TimeText(decision.time_ms) << " to " << TimeText(decision.until_ms) << " ("
      << DurationText(decision.until_ms - decision.time_ms)
      << (decision.repeat > 0 ? ", longer for a repeat" : "") << ")\n";
  out << "  rule " << PrintableText(decision.rule);
  if (!evidence.title.empty() && evidence.title != decision.rule)
    out << ": " << PrintableText(evidence.title);
  out << "\n";
  out << "  because " << PrintableText(decision.reason) << "\n";
  if (evidence.span_ms > 0) {
    out << "  counted " << ValueText(evidence.value, evidence.at_least, evidence.estimated)
        << (evidence.counted_field.empty() ? "" : " of ") << PrintableText(evidence.counted_field)
        << " within " << FormatSpanMs(evidence.span_ms) << " for " << GroupText(evidence.group) << ", from "
        << TimeText(evidence.first_ms) << " to " << TimeText(evidence.last_ms) << "\n";
  }
  if (explanation.trigger) {
    out << "  brought about by line " << CountText(explanation.trigger->attempt.line) << "\n";
  }
  PrintGrounds(explanation, console, out);

  out << Title(console, "What would have let it pass");
  if (explanation.trigger) {
    for (const TracedWindow& window : explanation.trigger->windows) {
      if (!window.of_decision || std::isnan(window.allowed)) continue;
      out << "  a threshold of " << NumberText(window.allowed) << " in place of \""
          << PrintableText(window.condition) << "\" of rule " << PrintableText(window.rule) << "\n";
    }
  }
  if (evidence.span_ms == 0) {
    out << "  rule " << PrintableText(decision.rule)
        << " decides on one attempt; only an exception in it would help\n";
  }
  if (decision.action != Action::kChallenge) {
    out << "  " << ScopeWords(decision) << " on the allowlist: then it is challenged at most\n";
  }
  if (explanation.asked) out << "  waiting until " << TimeText(decision.until_ms) << "\n";
}

// Of an attempt that no decision stopped, but the gate itself.
void PrintWayAroundGate(const TracedAttempt& asked, const Console& console, std::ostream& out) {
  if (asked.reached || (asked.by != "certificate" && asked.by != "mode")) return;
  out << Title(console, "What would have let it pass");
  if (asked.by == "certificate") {
    out << "  a certificate that is valid and bound to the account\n"
        << "  certificates: preferred in the settings, if it then shows none; certificates: ignored, "
           "whatever it shows\n";
  } else {
    out << "  mode: protect in the settings, unless a decision is in force\n";
  }
}

void WriteNote(const AttemptNote& note, JsonWriter* json) {
  json->BeginObject()
      .Key("line")
      .Count(note.line)
      .Key("input")
      .Text(note.input)
      .Key("input_line")
      .Count(note.input_line);
  json->Key("time")
      .Text(FormatTimeMs(note.time_ms))
      .Key("source")
      .Text(note.source)
      .Key("account")
      .Text(note.account);
  json->Key("outcome").Text(Name(note.outcome)).EndObject();
}

void WriteEvents(const Contributions& events, JsonWriter* json) {
  json->BeginObject().Key("total").Count(events.total).Key("first").BeginList();
  for (const AttemptNote& note : events.first) WriteNote(note, json);
  json->EndList().Key("last").BeginList();
  for (const AttemptNote& note : events.last) WriteNote(note, json);
  json->EndList().EndObject();
}

// A threshold that would have let it pass; null where none would.
void WriteAllowed(double allowed, JsonWriter* json) {
  if (std::isnan(allowed)) {
    json->Null();
  } else {
    json->Number(allowed);
  }
}

void WriteTraced(const TracedAttempt& traced, JsonWriter* json) {
  json->BeginObject().Key("attempt");
  WriteNote(traced.attempt, json);
  json->Key("verdict").Text(Name(traced.verdict));
  if (traced.verdict == VerdictKind::kChallenge) json->Key("kind").Text(Name(traced.challenge_kind));
  json->Key("by").Text(traced.by).Key("reason").Text(traced.reason).Key("lane").Text(Name(traced.lane));
  json->Key("reached").Bool(traced.reached).Key("steps").BeginList();
  for (const auto& [step, said] : traced.steps)
    json->BeginObject().Key("step").Text(step).Key("said").Text(said).EndObject();
  json->EndList().Key("matches").BeginList();
  for (const std::string& rule : traced.matches) json->Text(rule);
  json->EndList().Key("windows").BeginList();
  for (const TracedWindow& window : traced.windows) {
    json->BeginObject().Key("rule").Text(window.rule).Key("condition").Text(window.condition);
    json->Key("span").Text(FormatSpanMs(window.span_ms)).Key("value").Number(window.value);
    json->Key("at_least")
        .Bool(window.at_least)
        .Key("estimated")
        .Bool(window.estimated)
        .Key("met")
        .Bool(window.met);
    json->Key("of_decision")
        .Bool(window.of_decision)
        .Key("quiet")
        .Bool(window.quiet)
        .Key("first")
        .Text(FormatTimeMs(window.first_ms));
    json->Key("last").Text(FormatTimeMs(window.last_ms)).Key("allowed");
    WriteAllowed(window.allowed, json);
    json->Key("group").BeginObject();
    for (const auto& [field, value] : window.group) json->Key(field).Text(value);
    json->EndObject().Key("events");
    WriteEvents(window.events, json);
    json->EndObject();
  }
  json->EndList().Key("decisions").BeginList();
  for (const Decision& decision : traced.decisions) json->Verbatim(ToJson(decision));
  json->EndList().EndObject();
}

}  // namespace

void PrintExplanation(const Explanation& explanation, const Console& console, std::ostream& out) {
  if (explanation.found == Explanation::Found::kUnreadable) {
    out << "This record could not be read, so nothing was decided on it: "
        << PrintableText(explanation.unreadable) << "\n";
    return;
  }
  if (explanation.asked) {
    const TracedAttempt& asked = *explanation.asked;
    const Style style = asked.reached ? Style::kGreen : Style::kRed;
    std::string answer = Concat("The attempt of ", PrintableText(asked.attempt.account), " from ",
                                PrintableText(asked.attempt.source), " at ", TimeText(asked.attempt.time_ms),
                                " ", VerdictWords(asked), ".");
    if (!asked.reason.empty()) Append(&answer, "\nReason: ", PrintableText(asked.reason));
    out << Styled(console, style, answer) << "\n";
    out << Title(console, "The attempt");
    PrintAttempt(asked, out);
    PrintSteps(asked, console, out);
    PrintRules(asked, /*with_events=*/!explanation.decision, console, out);
  }
  if (!explanation.decision) {
    if (explanation.asked) PrintWayAroundGate(*explanation.asked, console, out);
    return;
  }
  if (!explanation.asked) {
    const Decision& decision = *explanation.decision;
    out << Styled(console, Style::kBold,
                  Concat("Stockade decided to ", ActionWords(decision), " ", ScopeWords(decision), " from ",
                         TimeText(decision.time_ms), " until ", TimeText(decision.until_ms), "."))
        << "\nReason: " << PrintableText(decision.reason) << "\n";
    if (explanation.trigger) {
      out << Title(console, "The attempt that brought it about");
      PrintAttempt(*explanation.trigger, out);
      PrintSteps(*explanation.trigger, console, out);
      PrintRules(*explanation.trigger, /*with_events=*/false, console, out);
    }
  }
  PrintDecision(explanation, console, out);
}

std::string ToJson(const Explanation& explanation) {
  JsonWriter json;
  json.BeginObject();
  if (explanation.found == Explanation::Found::kUnreadable)
    json.Key("unreadable").Text(explanation.unreadable);
  if (explanation.asked) {
    json.Key("asked");
    WriteTraced(*explanation.asked, &json);
  }
  if (explanation.decision) {
    json.Key("decision").Verbatim(ToJson(*explanation.decision));
    if (explanation.trigger) {
      json.Key("trigger");
      WriteTraced(*explanation.trigger, &json);
    }
    if (const TracedWindow* window = WindowOf(explanation)) {
      json.Key("allowed");
      WriteAllowed(window->allowed, &json);
    }
  }
  json.EndObject();
  return json.text();
}

}  // namespace stockade
