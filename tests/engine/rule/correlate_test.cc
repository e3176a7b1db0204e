// Proves that correlations fire exactly when an oracle that keeps everything says so: thousands of random
// rules of all seven types over random streams with late, equal and edge times; and what holds at the edges,
// by hand.
#include "engine/rule/correlate.h"

#include <catch2/catch.hpp>
#include <random>

#include "tests/engine/rule/correlation_bench.h"
#include "tests/oracle/correlation_oracle.h"

namespace stockade {
namespace {

using Type = CorrelationRule::Type;

TEST_CASE("correlations of every type fire exactly when an oracle that keeps everything says so",
          "[rule][oracle]") {
  constexpr std::array<std::string_view, 5> kAccounts = {"ann", "bob", "cyd", "dan", "eve"};
  for (uint32_t seed = 1; seed <= 3000; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto draw = [&](int low, int high) {
      return std::uniform_int_distribution<int>(low, high)(random);
    };
    const auto type = static_cast<Type>(seed % 7);
    const int references = draw(1, 3);
    CorrelationRule rule = Correlation("c", type, {});
    for (int i = 0; i < references; ++i) rule.rules.push_back({"r" + std::to_string(i), {}});
    rule.span_ms = draw(1, 40);
    if (draw(0, 1) != 0) {
      rule.response.emplace();
      rule.response->for_ms = draw(1, 60);
    }
    const bool of_values =
        type == Type::kValueSum || type == Type::kValueAvg || type == Type::kValuePercentile;
    if (type == Type::kValueCount) rule.condition_field = "user.name";
    if (of_values) rule.condition_field = "n";
    rule.percentile = draw(1, 100);
    if (type != Type::kTemporal && type != Type::kTemporalOrdered) {
      const auto bound = [&] {
        return CorrelationRule::Bound{static_cast<Test::Comparison>(draw(0, 5)),
                                      static_cast<double>(of_values ? draw(-20, 40) : draw(1, 6))};
      };
      rule.bounds.push_back(bound());
      if (draw(0, 3) == 0) rule.bounds.push_back(bound());
    }
    CorrelationOracle oracle(rule);
    Bench bench({rule}, 3);
    const auto number_field = bench.fields.Find("n");

    int64_t clock = kStart;
    for (int step = 0; step < 120; ++step) {
      clock += draw(0, 3) == 0 ? draw(0, 50) : draw(0, 6);
      const int64_t time_ms = draw(0, 4) == 0 ? clock - draw(0, 45) : clock;
      const int source = draw(0, 1);
      const std::string_view account = kAccounts[static_cast<size_t>(draw(0, 4))];
      LoginEvent event = Event(static_cast<uint32_t>(source) + 1, account);
      ExtraField number{};
      if (number_field.has_value()) {
        number.id = *number_field;
        number.value.kind = FieldValue::Kind::kNumber;
        number.value.number = draw(-9, 9);
        number.value.text = "0";
        event.attempt.extra = std::span<const ExtraField>(&number, 1);
      }
      const auto matched = static_cast<uint16_t>(draw(0, 2));
      bool expected = false;
      if (matched < references) {
        expected = oracle.Enter(std::to_string(source),
                                {time_ms, matched, std::string(account), number.value.number});
      }
      bench.collector.fired.clear();
      bench.Observe(event, std::span<const uint16_t>(&matched, 1), time_ms);
      INFO("step " << step << ", time +" << time_ms - kStart << ", type " << static_cast<int>(type));
      REQUIRE(bench.collector.fired.size() == (expected ? 1U : 0U));
    }
  }
}

TEST_CASE("a key that has fired is quiet until its response is over, then fires again", "[rule]") {
  CorrelationRule rule = Correlation("many", Type::kEventCount, {"r0"});
  rule.bounds = {{Test::Comparison::kGte, 3}};
  rule.response.emplace();
  rule.response->for_ms = 5000;
  rule.span_ms = 60000;
  Bench bench({rule}, 1);
  const uint16_t matched = 0;
  std::vector<int> fired_at;
  for (int second = 0; second < 12; ++second) {
    bench.collector.fired.clear();
    bench.Observe(Event(1, "ann"), std::span(&matched, 1), kStart + second * 1000);
    if (!bench.collector.fired.empty()) fired_at.push_back(second);
  }
  CHECK(fired_at == std::vector<int>{2, 7});
}

TEST_CASE("an alert says the exact count and the first and last event it rests on", "[rule]") {
  CorrelationRule rule = Correlation("spray", Type::kValueCount, {"r0"});
  rule.condition_field = "user.name";
  rule.bounds = {{Test::Comparison::kGte, 3}};
  Bench bench({rule}, 1);
  const uint16_t matched = 0;
  for (const std::string_view account : {"ann", "bob", "bob", "cyd"}) {
    static int64_t time_ms = kStart;
    bench.Observe(Event(1, account), std::span(&matched, 1), time_ms += 100);
  }
  REQUIRE(bench.collector.fired == std::vector<std::string>{"spray"});
  CHECK(bench.collector.last_value == 3);
  CHECK_FALSE(bench.collector.last_at_least);
  CHECK(bench.collector.last_first_ms == kStart + 100);
  CHECK(bench.collector.last_last_ms == kStart + 400);
}

TEST_CASE("a correlation that fires is an input to those that refer to it", "[rule]") {
  CorrelationRule run = Correlation("run_of_failures", Type::kEventCount, {"r0"});
  run.bounds = {{Test::Comparison::kGte, 3}};
  run.group_by = {"source.ip", "user.name"};
  CorrelationRule then = Correlation("then_success", Type::kTemporalOrdered, {"run_of_failures", "r1"});
  then.group_by = {"source.ip", "user.name"};
  Bench bench({then, run}, 2);
  const auto observe = [&](uint16_t rule, std::string_view account, int64_t at) {
    bench.Observe(Event(1, account), std::span(&rule, 1), kStart + at);
  };
  observe(1, "ann", 0);  // a success before the run is no evidence
  for (int i = 1; i <= 3; ++i) observe(0, "ann", i * 10);
  CHECK(bench.collector.fired.empty());  // the run feeds, and does not alert alone
  observe(1, "bob", 40);
  CHECK(bench.collector.fired.empty());
  observe(1, "ann", 50);
  CHECK(bench.collector.fired == std::vector<std::string>{"then_success"});
}

TEST_CASE("a temporal rule that joins a counting rule explains itself by its counts", "[rule]") {
  CorrelationRule many = Correlation("many_accounts_fail", Type::kValueCount, {"r0"});
  many.condition_field = "user.name";
  many.bounds = {{Test::Comparison::kGte, 3}};
  CorrelationRule lets_in = Correlation("lets_somebody_in", Type::kEventCount, {"r1"});
  lets_in.bounds = {{Test::Comparison::kGte, 1}};
  CorrelationRule alone = Correlation("alone", Type::kTemporal, {"many_accounts_fail", "lets_somebody_in"});
  Expression fails, lets, no_one_let_in;
  fails.test = 0;
  lets.test = 1;
  no_one_let_in.kind = Expression::Kind::kNot;
  no_one_let_in.operands.push_back(lets);
  alone.temporal_condition.emplace();
  alone.temporal_condition->kind = Expression::Kind::kAnd;
  alone.temporal_condition->operands.push_back(fails);
  alone.temporal_condition->operands.push_back(no_one_let_in);
  Bench bench({many, lets_in, alone}, 2);
  const uint16_t failed = 0;
  int64_t at = kStart;
  for (const std::string_view account : {"ann", "bob", "cyd"})
    bench.Observe(Event(1, account), std::span(&failed, 1), at += 100);
  REQUIRE(bench.collector.fired == std::vector<std::string>{"alone"});
  CHECK(bench.collector.last_via == "many_accounts_fail");
  CHECK(bench.collector.last_value == 3);
  CHECK(bench.collector.last_first_ms == kStart + 100);
  CHECK(bench.collector.last_last_ms == kStart + 300);
}

TEST_CASE("a and not b is asked again once b has left the window", "[rule]") {
  CorrelationRule many = Correlation("many", Type::kEventCount, {"r0"});
  many.bounds = {{Test::Comparison::kGte, 3}};
  many.span_ms = 10000;
  CorrelationRule lets_in = Correlation("lets_in", Type::kEventCount, {"r1"});
  lets_in.bounds = {{Test::Comparison::kGte, 1}};
  CorrelationRule alone = Correlation("alone", Type::kTemporal, {"many", "lets_in"});
  alone.span_ms = 10000;
  Expression fails, lets, no_one_let_in;
  fails.test = 0;
  lets.test = 1;
  no_one_let_in.kind = Expression::Kind::kNot;
  no_one_let_in.operands.push_back(lets);
  alone.temporal_condition.emplace();
  alone.temporal_condition->kind = Expression::Kind::kAnd;
  alone.temporal_condition->operands.push_back(fails);
  alone.temporal_condition->operands.push_back(no_one_let_in);
  Bench bench({many, lets_in, alone}, 2);
  const uint16_t failed = 0, succeeded = 1;
  bench.Observe(Event(1, "own"), std::span(&succeeded, 1), kStart);
  int first = -1;
  for (int second = 1; second <= 15 && first < 0; ++second) {
    bench.Observe(Event(1, "ann"), std::span(&failed, 1), kStart + second * 1000);
    if (!bench.collector.fired.empty()) first = second;
  }
  CHECK(first == 10);  // the success counts for [0, 10) seconds
}

TEST_CASE(
    "an event without a group-by field is counted nowhere, and one source is one key in all its spellings",
    "[rule]") {
  CorrelationRule rule = Correlation("many", Type::kEventCount, {"r0"});
  rule.bounds = {{Test::Comparison::kGte, 2}};
  Bench bench({rule}, 1);
  const uint16_t matched = 0;
  LoginEvent nowhere;
  nowhere.attempt.account = "ann";
  for (int i = 0; i < 5; ++i) bench.Observe(nowhere, std::span(&matched, 1), kStart + i);
  CHECK(bench.collector.fired.empty());
  LoginEvent event = Event(1, "ann");
  event.attempt.source = *Address::Parse("203.0.113.9");
  bench.Observe(event, std::span(&matched, 1), kStart + 6);
  event.attempt.source = *Address::Parse("::ffff:203.0.113.9");
  bench.Observe(event, std::span(&matched, 1), kStart + 7);
  CHECK(bench.collector.fired.size() == 1);
}

TEST_CASE("a threshold that no window can hold is refused where it is written", "[rule]") {
  CorrelationRule rule = Correlation("absurd", Type::kEventCount, {"r0"});
  rule.bounds = {{Test::Comparison::kGte, 1e9}};
  rule.place = {"absurd.yml", 7, 3};
  SigmaDocuments documents;
  documents.rules.push_back(BaseRule("r0"));
  documents.correlations.push_back(rule);
  FieldTable fields;
  auto compiled = Compile(std::move(documents), &fields);
  REQUIRE(compiled.ok());
  const auto made =
      Correlator::Create(compiled->get(), {{size_t{64} << 20, kLatenessMsDefault}, HashKey{1, 2}});
  REQUIRE_FALSE(made.ok());
  CHECK(std::string(made.status().message()).find("absurd.yml:7:3") == 0);
}

}  // namespace
}  // namespace stockade
