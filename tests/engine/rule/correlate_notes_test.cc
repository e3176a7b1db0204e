// Proves that rules over rules say the same whether a note is kept of their commonest input or all windows are
// (NotedInput): random rules and conditions over random streams, through late events, rollbacks, changes of rules, and
// somebody who looks on for a while. The oracle is the correlator itself with tracing on, which keeps no notes.
#include <catch2/catch.hpp>
#include <random>

#include "tests/engine/rule/correlation_bench.h"

namespace stockade {
namespace {

Expression Over(size_t reference) {
  Expression expression;
  expression.test = static_cast<int>(reference);
  return expression;
}
// Counting rules c0 to c2 over r0 to r2, and temporal rules over two or three of them with conditions drawn at random.
std::vector<CorrelationRule> DrawChains(std::mt19937& random) {
  const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  std::vector<CorrelationRule> rules;
  for (int i = 0; i < 3; ++i) {
    CorrelationRule rule =
        Correlation("c" + std::to_string(i),
                    draw(0, 1) != 0 ? CorrelationRule::Type::kEventCount : CorrelationRule::Type::kValueCount,
                    {"r" + std::to_string(i)});
    if (rule.type == CorrelationRule::Type::kValueCount) rule.condition_field = "user.name";
    rule.bounds = {{Test::Comparison::kGte, static_cast<double>(draw(1, 4))}};
    rule.span_ms = draw(1, 40);
    rules.push_back(std::move(rule));
  }
  for (int i = 0; i < 3; ++i) {
    CorrelationRule rule = Correlation("t" + std::to_string(i), CorrelationRule::Type::kTemporal, {});
    const int references = draw(2, 3);
    const int first = draw(0, 2);
    for (int at = 0; at < references; ++at)
      rule.rules.push_back({"c" + std::to_string((first + at) % 3), {}});
    rule.span_ms = draw(1, 60);
    if (draw(0, 3) != 0) {
      std::vector<Expression> operands;
      for (int at = 0; at < references; ++at) {
        const Expression one = Over(static_cast<size_t>(at));
        operands.push_back(draw(0, 1) != 0 ? one : Not(one));
      }
      rule.temporal_condition =
          Join(draw(0, 2) != 0 ? Expression::Kind::kAnd : Expression::Kind::kOr, operands);
    }
    if (draw(0, 1) != 0) {
      rule.response.emplace();
      rule.response->for_ms = draw(1, 90);
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

TEST_CASE("a note of the commonest input gives the same alerts as all windows do", "[rule][oracle]") {
  constexpr std::array<std::string_view, 3> kAccounts = {"ann", "bob", "cyd"};
  size_t fired = 0;
  for (uint32_t seed = 1; seed <= 500; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto draw = [&](int low, int high) {
      return std::uniform_int_distribution<int>(low, high)(random);
    };
    const std::vector<CorrelationRule> first = DrawChains(random);
    // The rules that it is swapped for: some of the temporal ones changed, gone, or come back.
    std::vector<CorrelationRule> second = DrawChains(random);
    for (size_t i = 0; i < second.size(); ++i) {
      if (i < 3 || draw(0, 1) != 0) second[i] = first[i];
    }
    if (draw(0, 3) == 0) second.pop_back();
    Bench noting(first, 3);
    Bench noting_second(second, 3);
    Bench telling(first, 3);
    Bench telling_second(second, 3);
    telling.correlator->SetTracing(true);
    int64_t clock = kStart;
    for (int step = 0; step < 150; ++step) {
      clock += draw(0, 3) == 0 ? draw(0, 50) : draw(0, 6);
      if (draw(0, 60) == 0) {
        clock -= draw(0, 100);
        noting.correlator->SetNow(clock);
        telling.correlator->SetNow(clock);
      }
      if (draw(0, 50) == 0) {
        const bool back = draw(0, 1) != 0;
        REQUIRE(noting.correlator->SwapRules((back ? noting : noting_second).rules.get()).ok());
        REQUIRE(telling.correlator->SwapRules((back ? telling : telling_second).rules.get()).ok());
      }
      // Sometimes somebody looks on for a while.
      if (draw(0, 20) == 0) noting.correlator->SetTracing(draw(0, 2) == 0);
      const int64_t time_ms = draw(0, 4) == 0 ? clock - draw(0, 45) : clock;
      const LoginEvent event =
          Event(static_cast<uint32_t>(draw(1, 2)), kAccounts[static_cast<size_t>(draw(0, 2))]);
      const auto matched = static_cast<uint16_t>(draw(0, 2));
      for (Bench* bench : {&noting, &telling}) {
        bench->collector.fired.clear();
        bench->Observe(event, std::span<const uint16_t>(&matched, 1), time_ms);
      }
      INFO("step " << step << ", time +" << time_ms - kStart);
      RequireSameAlerts(noting, telling);
      fired += noting.collector.fired.size();
    }
    CHECK(noting.correlator->table().size() <= telling.correlator->table().size());
  }
  CHECK(fired > 500);
}

}  // namespace
}  // namespace stockade
