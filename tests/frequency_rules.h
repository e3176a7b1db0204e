// Two rules that most tests of replays go by: five failures of one address within ten minutes block it.
#pragma once

namespace stockade {

inline constexpr const char* kFrequencyRules = R"(
title: A failed login
id: 5d0c2a52-2f4e-4f5b-9f0e-2d8f9a6f0a01
name: failed
logsource: {category: authentication}
detection:
  failure: {event.outcome: failure}
  condition: failure
---
title: One address fails often
id: 5d0c2a52-2f4e-4f5b-9f0e-2d8f9a6f0a02
name: frequency
correlation:
  type: event_count
  rules: [failed]
  group-by: [source.ip]
  timespan: 10m
  condition: {gte: 5}
response: {action: block, target: source.ip, for: 15m}
level: high
)";

}  // namespace stockade
