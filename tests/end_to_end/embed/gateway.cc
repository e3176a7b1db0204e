// The smallest gateway: one rule, ten wrong passwords from one address, and the address is denied before the
// next one is checked. Exit 0 if exactly that happened.
#include <cstdio>

#include "engine/engine.h"
#include "engine/rule/sigma_parse.h"

int main() {
  constexpr std::string_view kRule = R"(
title: A failed login
name: failed_login
logsource: {category: authentication}
detection:
  selection: {event.outcome: failure}
  condition: selection
---
title: Many failures from one address
name: many_failures
correlation:
  type: event_count
  rules: [failed_login]
  group-by: [source.ip]
  timespan: 10m
  condition: {gte: 10}
response: {action: block, target: source.ip, for: 15m}
)";
  stockade::SigmaDocuments documents;
  if (auto status = stockade::ParseSigma(kRule, "gateway.yml", &documents); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  }
  stockade::FieldTable fields;
  auto rules = stockade::Compile(std::move(documents), &fields);
  if (!rules.ok()) return 1;
  auto engine = stockade::Engine::Create({}, rules->get(), nullptr);
  if (!engine.ok()) return 1;

  int reached = 0;
  for (int i = 0; i < 20; ++i) {
    stockade::LoginEvent login;
    login.attempt.time_ns = (1'700'000'000LL + i) * 1'000'000'000;
    login.attempt.source = *stockade::Address::Parse("203.0.113.9");
    login.attempt.account = "alice";
    const stockade::Verdict verdict = (*engine)->Assess(login.attempt);
    if (stockade::ReachesPasswordCheck(verdict, {})) {
      ++reached;
      login.aftermath.outcome = stockade::Outcome::kBadPassword;
    }
    if (stockade::IsObserved(verdict, {})) (*engine)->Observe(login, verdict);
  }
  std::printf("embedded engine: %d of 20 attempts reached the password check\n", reached);
  return reached == 10 ? 0 : 1;
}
