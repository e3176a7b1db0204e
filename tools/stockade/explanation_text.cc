#include "tools/stockade/explanation_text.h"

#include <algorithm>
#include <cmath>

#include "engine/detect/evidence.h"
#include "engine/text.h"

namespace stockade {
namespace {

std::string Title(const Console& console, std::string_view title) {
  return Concat("\n", Styled(console, Style::kBold, title), "\n");
}

// What an attempt names; an empty name is one, too.
std::string NamedText(std::string_view text) {
  return text.empty() ? "(empty)" : PrintableText(text);
}

template <typename Groups>
std::string GroupText(const Groups& group) {
  if (group.empty()) return "everything together";
  std::string text;
  for (const auto& [field, value] : group) {
    Append(&text, text.empty() ? "" : ", ", PrintableText(field), " ", NamedText(value));
  }
  return text;
}

std::string ValueText(double value, bool at_least, bool estimated) {
  return Concat(at_least ? "at least " : estimated ? "about " : "", NumberText(value));
}

std::string_view ChallengeWords(ChallengeKind kind) {
  return kind == ChallengeKind::kHuman ? "asked to show that a human is there"
                                       : "asked to show that it is the account's owner";
}

std::string VerdictWords(const TracedAttempt& traced) {
  if (traced.verdict == VerdictKind::kAllow) return "was let through to the password check";
  if (!traced.let_through.empty()) {
    const std::string_view would_have_been = traced.verdict == VerdictKind::kThrottle ? "slowed down"
                                             : traced.verdict == VerdictKind::kChallenge
                                                 ? ChallengeWords(traced.challenge_kind)
                                                 : "refused before the password was looked at";
    return Concat("would have been ", would_have_been, "; it was let through (", traced.let_through, ")");
  }
  if (traced.verdict == VerdictKind::kThrottle) return "was slowed down and did not reach the password check";
  if (traced.verdict == VerdictKind::kDeny) return "was refused before the password was looked at";
  return Concat("was ", ChallengeWords(traced.challenge_kind),
                traced.reached ? ", and did" : ", and did not reach the password check");
}

// Of a line that stands for several attempts: "allow, allow, deny ×3".
std::string LineVerdictsText(const std::vector<LineVerdict>& verdicts) {
  std::string text;
  for (size_t i = 0; i < verdicts.size();) {
    size_t same = 1;
    while (i + same < verdicts.size() && verdicts[i + same].verdict == verdicts[i].verdict) ++same;
    Append(&text, text.empty() ? "" : ", ", Name(verdicts[i].verdict));
    if (same > 1) Append(&text, " (", same, " times)");
    i += same;
  }
  return text;
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
      << PadRight(PrintableText(note.source), 15) << "  " << PadRight(NamedText(note.account), 16) << "  "
      << Name(note.outcome) << (note.stopped ? ", but stopped" : "") << "\n";
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

std::string CountedText(const TracedWindow& window) {
  std::string text = ValueText(window.value, window.at_least, window.estimated);
  if (window.counts == WindowReading::Counts::kRules) {
    text += " of its rules";
  } else if (!window.counted_field.empty()) {
    Append(&text, " of ", PrintableText(window.counted_field));
  }
  return text;
}

void PrintWindow(const TracedWindow& window, std::ostream& out) {
  out << "  " << PrintableText(window.rule) << ": " << CountedText(window) << " within "
      << FormatSpanMs(window.span_ms) << " for " << GroupText(window.group) << "; condition "
      << PrintableText(window.condition) << (window.met ? " is met" : " is not met")
      << (window.quiet ? ", and was already reported for this key" : "") << "\n";
  out << "      counted from " << TimeText(window.first_ms) << " to " << TimeText(window.last_ms) << " ("
      << DurationText(window.last_ms - window.first_ms) << ")\n";
  if (window.met && window.at_least) {
    out << "      its window keeps no more than its condition needs: a higher threshold may have been met, "
           "too\n";
  } else if (window.met && !std::isnan(window.allowed)) {
    out << "      would not have been met with a threshold of " << NumberText(window.allowed) << "\n";
  }
}

// Why no rule counted it; empty: they did.
std::string_view UncountedWords(const TracedAttempt& traced) {
  if (!traced.reached && !traced.charged)
    return "nothing: what does not reach the password check counts for no rule";
  if (traced.too_late)
    return "nothing: its time lies further back than the lateness allows, so it counts for no rule";
  if (traced.unconfirmed)
    return "nothing: its time lies in a future that no other attempt confirmed, so it counts for no rule";
  return {};
}

void PrintRules(const TracedAttempt& traced, bool with_events, const Console& console, std::ostream& out) {
  out << Title(console, "What the rules saw");
  if (const std::string_view why = UncountedWords(traced); !why.empty()) {
    out << "  " << why << "\n";
  } else {
    if (traced.charged && !traced.reached)
      out << "  a bad certificate, which is charged to its source and never to the account\n";
    if (traced.matches.empty()) out << "  no rule matched this attempt\n";
    for (const std::string& rule : traced.matches) out << "  " << PrintableText(rule) << " matched\n";
    for (const TracedWindow& window : traced.windows) {
      PrintWindow(window, out);
      if (with_events) PrintEvents(window.events, out);
    }
  }
  for (const Decision& decision : traced.decisions) {
    out << "  this attempt brought about decision " << decision.id << ": " << ActionWords(decision) << " "
        << ScopeWords(decision) << " until " << TimeText(decision.until_ms);
    if (!decision.evidence.detector.empty()) out << ", by " << PrintableText(decision.rule);
    out << "\n";
  }
}

void PrintAttempt(const TracedAttempt& traced, std::ostream& out) {
  const AttemptNote& note = traced.attempt;
  out << "  line " << CountText(note.line) << " (" << PrintableText(note.input) << ":" << note.input_line
      << "), " << TimeText(note.time_ms) << "\n";
  out << "  account " << NamedText(note.account) << " from " << PrintableText(note.source) << "\n";
  if (!note.user_agent.empty()) out << "  user agent " << PrintableText(note.user_agent) << "\n";
  if (!note.ja4.empty()) out << "  JA4 " << PrintableText(note.ja4) << "\n";
  out << "  lane " << LaneWords(traced.lane) << "\n";
  out << "  the log says: " << Name(note.outcome) << "\n";
}

// The attempts a decision rests on, window by window.
void PrintGrounds(const Explanation& explanation, const Console& console, std::ostream& out) {
  out << Title(console, "The attempts it rests on");
  if (explanation.grounds) {
    const DetectorGrounds& grounds = *explanation.grounds;
    out << "  " << CountText(grounds.attempts.total) << " failed or stopped in this input, up to then, of "
        << (grounds.fields.empty() ? ScopeWords(*explanation.decision) : GroupText(grounds.fields)) << "\n";
    PrintEvents(grounds.attempts, out);
    return;
  }
  if (!explanation.trigger) {
    out << "  not in this input\n";
    return;
  }
  bool any = false;
  for (const TracedWindow& window : explanation.trigger->windows) {
    if (!window.of_decision) continue;
    any = true;
    out << "  " << PrintableText(window.rule) << ": " << CountedText(window) << " within "
        << FormatSpanMs(window.span_ms) << " for " << GroupText(window.group) << " (" << window.condition
        << ")\n";
    PrintEvents(window.events, out);
  }
  if (any) return;
  Contributions alone;  // a rule that decides on one attempt
  alone.Add(explanation.trigger->id, explanation.trigger->attempt);
  PrintEvents(alone, out);
}

// How a detector's decision would not have been made.
void PrintWayAroundDetector(const Decision& decision, std::ostream& out) {
  const Evidence& evidence = decision.evidence;
  if (evidence.score < double{kCondemnedScoreMax}) {
    out << "  " << PrintableText(evidence.setting) << " above " << NumberText(evidence.score) << ", at most "
        << NumberText(kCondemnedScoreMax) << ", in the settings, in place of "
        << NumberText(evidence.threshold) << "\n";
  } else {
    out << "  no value of " << PrintableText(evidence.setting) << ": it is " << NumberText(kCondemnedScoreMax)
        << " at most\n";
  }
  // In shadow the ladder gives no order; what was condemned is remembered all the same.
  out << "  detectors." << PrintableText(evidence.detector) << ": "
      << (evidence.detector == decision.rule ? "shadow or off" : "off") << "\n";
}

void PrintDecision(const Explanation& explanation, const Console& console, std::ostream& out) {
  const Decision& decision = *explanation.decision;
  const Evidence& evidence = decision.evidence;
  out << Title(console, Concat("Decision ", decision.id));
  out << "  " << ActionWords(decision) << " " << ScopeWords(decision) << "\n";
  out << "  from " << TimeText(decision.time_ms) << " to " << TimeText(decision.until_ms) << " ("
      << DurationText(decision.until_ms - decision.time_ms)
      << (decision.repeat > 0 ? ", longer for a repeat" : "") << ")\n";
  out << (evidence.detector.empty() ? "  rule " : "  detector ") << PrintableText(decision.rule);
  if (!evidence.title.empty() && evidence.title != decision.rule)
    out << ": " << PrintableText(evidence.title);
  out << "\n";
  out << "  because " << PrintableText(decision.reason) << "\n";
  if (!evidence.detector.empty()) {
    out << "  found by " << PrintableText(evidence.detector) << ": evidence " << NumberText(evidence.score)
        << ", and " << PrintableText(evidence.setting) << " is " << NumberText(evidence.threshold)
        << (evidence.since_ms != 0 ? Concat("; it began at ", TimeText(evidence.since_ms)) : "") << "\n";
  }
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
      if (!window.of_decision) continue;
      if (window.at_least) {
        out << "  a threshold higher than that of \"" << PrintableText(window.condition) << "\" of rule "
            << PrintableText(window.rule) << "; its window does not keep how much\n";
        continue;
      }
      if (std::isnan(window.allowed)) continue;
      out << "  a threshold of " << NumberText(window.allowed) << " in place of \""
          << PrintableText(window.condition) << "\" of rule " << PrintableText(window.rule) << "\n";
    }
  }
  if (!evidence.detector.empty()) {
    PrintWayAroundDetector(decision, out);
  } else if (evidence.span_ms == 0 && !IsOrdered(decision)) {
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

}  // namespace

void PrintExplanation(const Explanation& explanation, const Console& console, std::ostream& out) {
  if (explanation.found == Explanation::Found::kUnreadable) {
    out << "This record could not be read, so nothing was decided on it: "
        << PrintableText(explanation.unreadable) << "\n";
    return;
  }
  if (explanation.asked) {
    const TracedAttempt& asked = *explanation.asked;
    const Style style = !asked.reached                        ? Style::kRed
                        : asked.verdict == VerdictKind::kDeny ? Style::kYellow
                                                              : Style::kGreen;
    std::string answer = Concat("The attempt of ", NamedText(asked.attempt.account), " from ",
                                PrintableText(asked.attempt.source), " at ", TimeText(asked.attempt.time_ms),
                                " ", VerdictWords(asked), ".");
    if (!asked.reason.empty()) Append(&answer, "\nReason: ", PrintableText(asked.reason));
    out << Styled(console, style, answer) << "\n";
    out << Title(console, "The attempt");
    if (explanation.of_line.size() > 1) {
      out << "  the line stands for " << explanation.of_line.size()
          << " attempts: " << LineVerdictsText(explanation.of_line) << "; this is number " << asked.id.nth + 1
          << ", --attempt shows another\n";
    }
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

}  // namespace stockade
