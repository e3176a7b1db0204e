// A test of rules as a person writes it: events with relative times, and what must come of them.
//
//   given: {source.ip: 203.0.113.9, event.reason: bad_password}     # in every event of the file
//   tests:
//     - name: a list from one address is blocked at its eighth account
//       events:
//         - {user.name: "user{n}", repeat: {times: 10, every: 5s}}
//       expect:
//         decisions: [{action: block, value: 203.0.113.9, rule: many_accounts, for: 15m}]
//         verdicts: [allow x8, deny x2]
//
// rules/README.md describes every key. Keys are strict: an unknown one is an error with its place and the key
// that was meant. Events become NDJSON text and go through the reader that reads logs, so that a test sees
// what a log would. Load time only; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/rule/finding.h"
#include "engine/rule/placeholder.h"

namespace stockade {

// How a case is run; a case has what its file says unless it says otherwise.
struct TestSettings {
  Mode mode = Mode::kProtect;
  CertificatePolicy certificates = CertificatePolicy::kPreferred;
  bool observe = false;  // let everything through, as `replay --observe`
  Placeholders placeholders;
};

// One event, repeats written out.
struct TestLine {
  Place place;  // of the event in the file
  int64_t time_ms = 0;
  std::string json;  // a line of NDJSON
};

// What is expected; members that are not set match everything.
struct ExpectedAlert {
  Place place;
  std::string rule;
  std::optional<int64_t> at_ms;  // since the start of the case
  std::optional<double> value;
  std::vector<std::pair<std::string, std::string>> group;
};
struct ExpectedDecision {
  Place place;
  std::optional<std::string> action, scope, value, rule, kind;
  std::optional<int64_t> at_ms, for_ms;
};
struct ExpectedVerdict {
  Place place;
  VerdictKind verdict = VerdictKind::kAllow;
  std::optional<std::string> kind, by;
};

struct TestCase {
  std::string name;
  Place place;
  TestSettings settings;
  int64_t start_ms = 0;
  std::vector<TestLine> lines;
  // Each is checked only where the case says it; `none` is an empty list.
  std::optional<std::vector<ExpectedAlert>> alerts;
  std::optional<std::vector<ExpectedDecision>> decisions;
  std::optional<std::vector<ExpectedVerdict>> verdicts;  // one a line
};

struct TestFile {
  std::string file;
  std::vector<std::string> rules;  // as written, relative to the file; empty: the rule file beside it
  std::vector<TestCase> cases;
};

// Bounds what a `repeat` may write out: a test is read by people; floods belong into benches.
inline constexpr size_t kTestEventsMax = 100'000;

// Reads a test file. What is wrong goes to `findings`; the cases are to be used only if no error did.
TestFile ReadTestFile(std::string_view text, const std::string& file, Findings* findings);

}  // namespace stockade
