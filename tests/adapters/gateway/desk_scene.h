// What tests of the desk share: rules that block, lock and challenge within a few attempts, and a listener that keeps what
// a running gate would write.
#pragma once

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/gateway/engine_desk.h"
#include "adapters/store/ndjson_log.h"
#include "engine/rule/sigma_parse.h"

namespace stockade {

inline constexpr std::string_view kDeskRules = R"(
title: A failed login
name: failed
logsource: {category: authentication}
detection:
  failure: {event.outcome: failure}
  condition: failure
---
title: An answer that nobody knows
name: unknown_answer
logsource: {category: authentication}
detection:
  unknown: {event.outcome: unknown}
  condition: unknown
---
title: One address fails often
name: frequency
correlation: {type: event_count, rules: [failed], group-by: [source.ip], timespan: 10m, condition: {gte: 5}}
response: {action: block, target: source.ip, for: 15m}
level: high
---
title: One account fails from many networks
name: many_networks
correlation: {type: value_count, rules: [failed], group-by: [user.name], timespan: 1h, condition: {field: source.prefix, gte: 3}}
response: {action: challenge, target: user.name, for: 30m}
---
title: One address gets answers that nobody knows
name: unknown_answers
correlation: {type: event_count, rules: [unknown_answer], group-by: [source.ip], timespan: 10m, condition: {gte: 6}}
response: {action: throttle, target: source.ip, for: 5m}
)";

// Rules, and the table of fields that they need, as one thing to share.
struct DeskRules {
  FieldTable fields;
  std::unique_ptr<const RuleSet> rules;
};
inline std::shared_ptr<const RuleSet> CompileDeskRules(std::string_view text = kDeskRules) {
  auto made = std::make_shared<DeskRules>();
  SigmaDocuments documents;
  REQUIRE(ParseSigma(text, "desk.yml", &documents).ok());
  auto compiled = Compile(std::move(documents), &made->fields);
  INFO(compiled.status());
  REQUIRE(compiled.ok());
  made->rules = std::move(*compiled);
  return std::shared_ptr<const RuleSet>(made, made->rules.get());
}

// What run --record, --verdicts and --decisions would write.
struct DeskBooks : DeskListener {
  void OnRecordLine(std::string_view text) override { record.append(text).append("\n"); }
  void OnVerdict(uint64_t line, const Attempt&, const Verdict& verdict) override {
    AppendVerdict(line, verdict, &verdicts);
    verdicts.append("\n");
  }
  void OnDecision(const Decision& decision) override { decisions += ToJson(decision) + "\n"; }

  std::string record;
  std::string verdicts;
  std::string decisions;
};

// A desk whose clock the test holds.
struct DeskScene {
  static constexpr int64_t kSecond = 1'000'000'000;
  static constexpr int64_t kStart = 1'795'000'000 * kSecond;

  explicit DeskScene(std::string_view rules = kDeskRules) {
    DeskOptions options;
    options.record = true;
    options.clock = [this] { return now_ns.load(); };
    auto made = EngineDesk::Create(options, CompileDeskRules(rules), &books);
    INFO(made.status());
    REQUIRE(made.ok());
    desk = std::move(*made);
  }

  // The views in it live as long as what was handed in.
  static Attempt From(std::string_view source, std::string_view account, std::string_view device = {}) {
    Attempt attempt;
    attempt.source = *Address::Parse(source);
    attempt.account = account;
    attempt.device = device;
    return attempt;
  }
  // One attempt with its outcome at once, a second later than the one before.
  GateAnswer Try(std::string_view source, std::string_view account, Outcome outcome) {
    now_ns += kSecond;
    const GateAnswer answer = desk->Assess(From(source, account));
    if (answer.reaches) desk->Observe(answer.ticket, outcome);
    return answer;
  }
  // Brings a challenge upon an account.
  void MakeChallenged(std::string_view account) {
    for (const std::string_view source : {"198.51.100.1", "203.0.113.1", "192.0.2.1"})
      Try(source, account, Outcome::kBadPassword);
  }

  std::atomic<int64_t> now_ns = kStart;
  DeskBooks books;
  std::unique_ptr<EngineDesk> desk;
};

}  // namespace stockade
