// Proves that rules say the same whether the windows of a key are opened when they might make a difference (key_group.h) or
// at once: random rules of every kind that waits, and some that do not, over random streams, through late events,
// rollbacks, changes of rules, and somebody who looks on for a while. The oracle is the correlator itself with tracing
// on, which opens every key that it meets.
#include <catch2/catch.hpp>
#include <numeric>
#include <random>

#include "engine/rule/key_group.h"
#include "tests/engine/rule/correlation_bench.h"

namespace stockade {
namespace {

using Type = CorrelationRule::Type;

constexpr int kBaseRules = 4;
constexpr int64_t kLatenessMs = 12;

struct Random {
  explicit Random(uint32_t seed) : generator(seed) {}
  int Draw(int low, int high) { return std::uniform_int_distribution<int>(low, high)(generator); }
  bool OneIn(int n) { return Draw(1, n) == 1; }
  std::mt19937 generator;
};

std::string Name(const char* kind, int number) {
  return std::string(kind) + std::to_string(number);
}

// Refers to this one too, unless it does already.
void Refer(CorrelationRule* rule, std::string name) {
  for (const auto& reference : rule->rules)
    if (reference.rule == name) return;
  rule->rules.push_back({std::move(name), {}});
}

std::vector<std::string> DrawGroup(Random& random) {
  const std::vector<std::vector<std::string>> groups = {
      {"source.ip"}, {"source.ip"}, {"user.name"}, {"source.ip", "user.name"}};
  return groups[static_cast<size_t>(random.Draw(0, 3))];
}

// Six counting rules over base rules, three temporal ones over those and over base rules, and two that count what others
// found.
std::vector<CorrelationRule> DrawRules(Random& random) {
  std::vector<CorrelationRule> rules;
  for (int i = 0; i < 6; ++i) {
    CorrelationRule rule =
        Correlation(Name("c", i), random.OneIn(2) ? Type::kEventCount : Type::kValueCount, {});
    for (int at = random.Draw(1, 2); at > 0; --at) Refer(&rule, Name("r", random.Draw(0, kBaseRules - 1)));
    rule.group_by = DrawGroup(random);
    if (rule.type == Type::kValueCount) rule.condition_field = random.OneIn(3) ? "source.ip" : "user.name";
    const auto comparison =
        random.OneIn(6) ? static_cast<Test::Comparison>(random.Draw(0, 5)) : Test::Comparison::kGte;
    rule.bounds = {{comparison, static_cast<double>(random.OneIn(3) ? 1 : random.Draw(2, 12))}};
    rule.span_ms = random.OneIn(3) ? random.Draw(1, 20) : random.Draw(20, 150);
    rule.generate = random.OneIn(3);
    rules.push_back(std::move(rule));
  }
  for (int i = 0; i < 3; ++i) {
    const bool ordered = random.OneIn(3);
    CorrelationRule rule = Correlation(Name("t", i), ordered ? Type::kTemporalOrdered : Type::kTemporal, {});
    const int first = random.Draw(0, 5);
    for (int at = random.Draw(2, 3); at > 0; --at) {
      const bool base = random.OneIn(4);
      Refer(&rule, base ? Name("r", random.Draw(0, kBaseRules - 1)) : Name("c", (first + at) % 6));
    }
    rule.group_by = rules[static_cast<size_t>(first)].group_by;
    rule.span_ms = random.Draw(5, 200);
    if (!ordered && !random.OneIn(3)) {
      Expression condition;
      condition.kind = random.OneIn(3) ? Expression::Kind::kOr : Expression::Kind::kAnd;
      for (size_t at = 0; at < rule.rules.size(); ++at) {
        Expression seen;
        seen.test = static_cast<int>(at);
        if (random.OneIn(2)) {
          condition.operands.push_back(seen);
        } else {
          Expression unseen;
          unseen.kind = Expression::Kind::kNot;
          unseen.operands.push_back(seen);
          condition.operands.push_back(unseen);
        }
      }
      rule.temporal_condition = condition;
    }
    if (random.OneIn(2)) {
      rule.response.emplace();
      rule.response->for_ms = random.Draw(1, 90);
    }
    rules.push_back(std::move(rule));
  }
  for (int i = 0; i < 2; ++i) {
    const int input = random.Draw(0, 8);
    CorrelationRule rule = Correlation(Name("e", i), random.OneIn(3) ? Type::kValueCount : Type::kEventCount,
                                       {input < 6 ? Name("c", input) : Name("t", input - 6)});
    rule.group_by = random.OneIn(3) ? DrawGroup(random) : rules[static_cast<size_t>(input)].group_by;
    if (rule.type == Type::kValueCount) rule.condition_field = "user.name";
    rule.bounds = {{Test::Comparison::kGte, static_cast<double>(random.Draw(1, 3))}};
    rule.span_ms = random.Draw(10, 200);
    rules.push_back(std::move(rule));
  }
  return rules;
}

TEST_CASE("a key whose windows are opened late gives the alerts of one whose windows always were",
          "[rule][oracle]") {
  constexpr std::array<std::string_view, 6> kAccounts = {"ann", "bob", "cyd", "dan", "eve", ""};
  size_t fired = 0;
  size_t held_early = 0;
  size_t held_open = 0;
  std::vector<uint32_t> seeds(400);
  std::iota(seeds.begin(), seeds.end(), 1);
  seeds.push_back(1987);  // a key that was open in a time that never was, and is met again behind that time
  for (const uint32_t seed : seeds) {
    INFO("seed " << seed);
    Random random(seed);
    const std::vector<CorrelationRule> first = DrawRules(random);
    std::vector<CorrelationRule> second = DrawRules(random);
    for (size_t i = 0; i < second.size(); ++i) {
      if (!random.OneIn(4)) second[i] = first[i];
    }
    Bench waiting(first, kBaseRules, kLatenessMs);
    Bench waiting_second(second, kBaseRules, kLatenessMs);
    Bench telling(first, kBaseRules, kLatenessMs);
    Bench telling_second(second, kBaseRules, kLatenessMs);
    telling.correlator->SetTracing(true);
    const int accounts = random.Draw(1, 5);
    const int sources = random.Draw(1, 6);
    const bool calm = random.OneIn(2);  // neither rollbacks nor changes of rules
    int64_t clock = kStart;
    for (int step = 0; step < 200; ++step) {
      clock += random.OneIn(4) ? random.Draw(0, 80) : random.Draw(0, 6);
      if (!calm && random.OneIn(60)) {
        clock -= random.Draw(0, 100);
        waiting.correlator->SetNow(clock);
        telling.correlator->SetNow(clock);
      }
      if (!calm && random.OneIn(60)) {
        const bool back = random.OneIn(2);
        REQUIRE(waiting.correlator->SwapRules((back ? waiting : waiting_second).rules.get()).ok());
        REQUIRE(telling.correlator->SwapRules((back ? telling : telling_second).rules.get()).ok());
      }
      if (!calm && random.OneIn(20)) waiting.correlator->SetTracing(random.OneIn(3));
      // What comes later than this is no longer let in (Watermark).
      const int64_t time_ms = random.OneIn(4) ? clock - random.Draw(0, static_cast<int>(kLatenessMs)) : clock;
      const size_t account =
          random.OneIn(20) ? kAccounts.size() - 1 : static_cast<size_t>(random.Draw(0, accounts - 1));
      LoginEvent event = Event(static_cast<uint32_t>(random.Draw(1, sources)), kAccounts[account]);
      std::vector<uint16_t> matched;
      for (uint16_t rule = 0; rule < kBaseRules; ++rule)
        if (random.OneIn(2)) matched.push_back(rule);
      for (Bench* bench : {&waiting, &telling}) {
        bench->collector.fired.clear();
        bench->Observe(event, matched, time_ms);
      }
      INFO("step " << step << ", time +" << time_ms - kStart);
      RequireSameAlerts(waiting, telling);
      fired += waiting.collector.fired.size();
    }
    held_early += waiting.correlator->table().size();
    held_open += telling.correlator->table().size();
  }
  CHECK(fired > 4'000);
  CHECK(held_early < held_open);
}

TEST_CASE("an event that reaches a counting rule by two ways counts twice, and is not waited for", "[rule]") {
  CorrelationRule first = Correlation("first", Type::kEventCount, {"r0"});
  first.bounds = {{Test::Comparison::kGte, 1}};
  first.span_ms = 60'000;
  const auto either = [](std::string name) {
    CorrelationRule rule = Correlation(std::move(name), Type::kTemporal, {"first", "r1"});
    rule.span_ms = 60'000;
    Expression one, other;
    other.test = 1;
    rule.temporal_condition.emplace();
    rule.temporal_condition->kind = Expression::Kind::kOr;
    rule.temporal_condition->operands = {one, other};
    return rule;
  };
  CorrelationRule both = Correlation("both", Type::kEventCount, {"left", "right"});
  both.bounds = {{Test::Comparison::kGte, 2}};
  both.span_ms = 60'000;
  Bench bench({first, either("left"), either("right"), both}, 2);
  const uint16_t matched = 0;
  bench.Observe(Event(1, "ann"), std::span(&matched, 1), kStart);
  CHECK(bench.collector.fired == std::vector<std::string>{"both"});
}

TEST_CASE("outcomes that all come later than lateness are counted by their own time", "[rule]") {
  CorrelationRule rule = Correlation("fails", Type::kEventCount, {"r0"});
  rule.bounds = {{Test::Comparison::kGte, 5}};
  rule.span_ms = 100;
  Bench bench({rule}, 1, kLatenessMs);
  const uint16_t matched = 0;
  for (int i = 0; i < 5; ++i) {
    // Others go on meanwhile.
    bench.Observe(Event(2, "bob"), std::span(&matched, 1), kStart + 10'000 + i * 200);
    bench.Observe(Event(1, "ann"), std::span(&matched, 1), kStart + i * 10);
  }
  CHECK(bench.collector.fired == std::vector<std::string>{"fails"});
}

}  // namespace
}  // namespace stockade
