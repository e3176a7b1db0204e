#include <cmath>

#include "engine/text.h"
#include "tools/stockade/explanation_text.h"
#include "tools/stockade/json_writer.h"

namespace stockade {
namespace {

// The window in which the trigger met the decision's condition, if it was seen.
const TracedWindow* WindowOf(const Explanation& explanation) {
  if (!explanation.trigger || !explanation.decision) return nullptr;
  for (const TracedWindow& window : explanation.trigger->windows) {
    if (window.rule == explanation.decision->rule && window.met) return &window;
  }
  return nullptr;
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
  json->Key("outcome").Text(Name(note.outcome));
  if (note.stopped) json->Key("stopped").Bool(true);
  json->EndObject();
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
  json->Key("number").Count(traced.id.nth + 1).Key("let_through").Bool(!traced.let_through.empty());
  json->Key("unconfirmed")
      .Bool(traced.unconfirmed)
      .Key("reached")
      .Bool(traced.reached)
      .Key("steps")
      .BeginList();
  for (const auto& [step, said] : traced.steps)
    json->BeginObject().Key("step").Text(step).Key("said").Text(said).EndObject();
  json->EndList().Key("matches").BeginList();
  for (const std::string& rule : traced.matches) json->Text(rule);
  json->EndList().Key("windows").BeginList();
  for (const TracedWindow& window : traced.windows) {
    json->BeginObject().Key("rule").Text(window.rule).Key("condition").Text(window.condition);
    json->Key("span").Text(FormatSpanMs(window.span_ms)).Key("value").Number(window.value);
    if (!window.counted_field.empty()) json->Key("field").Text(window.counted_field);
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
    WriteAllowed(window.at_least ? std::nan("") : window.allowed, json);
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

std::string ToJson(const Explanation& explanation) {
  JsonWriter json;
  json.BeginObject();
  if (explanation.found == Explanation::Found::kUnreadable)
    json.Key("unreadable").Text(explanation.unreadable);
  if (explanation.asked) {
    json.Key("asked");
    WriteTraced(*explanation.asked, &json);
    json.Key("of_line").BeginList();
    for (const LineVerdict& one : explanation.of_line) json.Text(Name(one.verdict));
    json.EndList();
  }
  if (explanation.decision) {
    json.Key("decision").Verbatim(ToJson(*explanation.decision));
    if (explanation.trigger) {
      json.Key("trigger");
      WriteTraced(*explanation.trigger, &json);
    }
    if (explanation.grounds) {
      json.Key("grounds").BeginObject().Key("group").BeginObject();
      for (const auto& [field, value] : explanation.grounds->fields) json.Key(field).Text(value);
      json.EndObject().Key("events");
      WriteEvents(explanation.grounds->attempts, &json);
      json.EndObject();
    }
    if (const TracedWindow* window = WindowOf(explanation)) {
      json.Key("allowed");
      WriteAllowed(window->at_least ? std::nan("") : window->allowed, &json);
    }
  }
  json.EndObject();
  return json.text();
}

}  // namespace stockade
