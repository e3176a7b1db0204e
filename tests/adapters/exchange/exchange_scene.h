// What tests of formats share: decisions as an instance has them, and what a reader gave as short text.
#pragma once

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "adapters/decision_json.h"
#include "adapters/exchange/exchanged.h"
#include "engine/text.h"
#include "tests/read_text.h"

namespace stockade {

// 2026-11-26T12:00:00Z
inline constexpr int64_t kNow = 1'795'694'400'000;

// What an instance would hold after taking `value`.
inline Decision MakeDecision(Scope scope, std::string value, Action action = Action::kBlock) {
  Decision decision;
  decision.id = Concat(absl::Hex(std::hash<std::string>()(value), absl::kZeroPad16));
  decision.time_ms = kNow - 60'000;
  decision.until_ms = kNow + 3'600'000;
  decision.action = action;
  decision.scope = scope;
  decision.value = std::move(value);
  if (const auto prefix = Prefix::Parse(decision.value)) decision.prefix = *prefix;
  decision.rule = "many_accounts";
  decision.reason = "9 accounts within 10m, it's \"new\"";
  decision.evidence.value = 9;
  decision.evidence.first_ms = kNow - 120'000;
  decision.evidence.last_ms = kNow - 60'000;
  return decision;
}

// "3 block ip 203.0.113.9 for 1h": line, action (- if none), scope, value, time.
inline std::string TextOf(const NewDecision& decision) {
  std::string text = Concat(decision.line, " ", decision.action ? Name(*decision.action) : "-", " ",
                            Name(decision.target.scope), " ", decision.target.value);
  if (decision.for_ms) Append(&text, " for ", FormatSpanMs(*decision.for_ms));
  if (decision.until_ms) Append(&text, " until ", FormatTimeMs(*decision.until_ms));
  return text;
}
inline std::vector<std::string> TextsOf(const Exchanged& exchanged) {
  std::vector<std::string> texts;
  for (const NewDecision& decision : exchanged.decisions) texts.push_back(TextOf(decision));
  return texts;
}
inline std::vector<std::string> ProblemsOf(const Exchanged& exchanged) {
  std::vector<std::string> texts;
  for (const ExchangeProblem& problem : exchanged.problems)
    texts.push_back(Concat(problem.line, ": ", problem.what));
  return texts;
}

inline std::string ReadCorpusFile(const std::string& name) {
  return ReadText(std::string(STOCKADE_CORPORA) + "/" + name);
}

}  // namespace stockade
