// Correlations to be tested, with base rules r0, r1, … that a test says were matched, and what fired.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/rule/compile.h"
#include "engine/rule/correlate.h"

namespace stockade {

// Collects what fired, by rule.
class Collector : public CorrelationListener {
 public:
  void OnAlert(const Alert& alert) override {
    fired.emplace_back(alert.rule);
    last_via = std::string(alert.via);
    last_value = alert.value;
    last_at_least = alert.at_least;
    last_first_ms = alert.first_ms;
    last_last_ms = alert.last_ms;
  }
  void OnWindow(const WindowReading& reading) override { windows.push_back(reading.value); }

  std::vector<std::string> fired;
  std::vector<double> windows;
  std::string last_via;
  double last_value = 0;
  bool last_at_least = false;
  int64_t last_first_ms = 0, last_last_ms = 0;
};

inline SigmaRule BaseRule(std::string name) {
  SigmaRule rule;
  rule.header.title = name;
  rule.header.name = std::move(name);
  Test test;
  test.kind = Test::Kind::kExists;
  test.field = "user.name";
  rule.tests.push_back(test);
  return rule;
}

inline CorrelationRule Correlation(std::string name, CorrelationRule::Type type,
                                   std::vector<std::string> rules) {
  CorrelationRule rule;
  rule.header.title = name;
  rule.header.name = std::move(name);
  rule.type = type;
  for (std::string& reference : rules) rule.rules.push_back({std::move(reference), {}});
  rule.group_by = {"source.ip"};
  rule.span_ms = 1000;
  return rule;
}

struct Bench {
  Bench(std::vector<CorrelationRule> correlations, int base_rules, int64_t lateness_ms = kLatenessMsDefault) {
    SigmaDocuments documents;
    for (int i = 0; i < base_rules; ++i) documents.rules.push_back(BaseRule("r" + std::to_string(i)));
    documents.correlations = std::move(correlations);
    auto compiled = Compile(std::move(documents), &fields);
    INFO(compiled.status());
    REQUIRE(compiled.ok());
    rules = std::move(*compiled);
    auto made = Correlator::Create(rules.get(), {{size_t{64} << 20, lateness_ms}, HashKey{1, 2}});
    INFO(made.status());
    REQUIRE(made.ok());
    correlator = std::move(*made);
  }

  void Observe(const LoginEvent& event, std::span<const uint16_t> matched, int64_t time_ms) {
    correlator->Prepare(event, matched, &feeds);
    correlator->PrefetchBlocks(&feeds);
    correlator->Observe(event, &feeds, time_ms, &collector);
  }

  FieldTable fields;
  Correlator::Feeds feeds;
  std::unique_ptr<const RuleSet> rules;
  std::unique_ptr<Correlator> correlator;
  Collector collector;
};

// Of the event that both observed last, and of the alert before it if that brought none.
inline void RequireSameAlerts(const Bench& a, const Bench& b) {
  REQUIRE(a.collector.fired == b.collector.fired);
  REQUIRE(a.collector.last_via == b.collector.last_via);
  REQUIRE(a.collector.last_value == b.collector.last_value);
  REQUIRE(a.collector.last_first_ms == b.collector.last_first_ms);
  REQUIRE(a.collector.last_last_ms == b.collector.last_last_ms);
}

inline LoginEvent Event(uint32_t source, std::string_view account) {
  LoginEvent event;
  event.attempt.source = Address::V4(source);
  event.attempt.account = account;
  return event;
}

inline constexpr int64_t kStart = 1'700'000'000'000;

}  // namespace stockade
