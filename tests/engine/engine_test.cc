// Proves what engine.h promises: decisions follow outcomes, verdicts never read their own, time behaves, the
// customer's lanes stay open, memory stays below its ceiling, and the same events give the same decisions.
#include "engine/engine.h"

#include <catch2/catch.hpp>
#include <random>

#include "engine/rule/sigma_parse.h"
#include "engine/text.h"

namespace stockade {
namespace {

constexpr std::string_view kRules = R"(
title: A failed login
name: failed_login
logsource: {category: authentication}
detection:
  selection: {event.outcome: failure}
  condition: selection
---
title: Five failures from one address
name: many_failures
correlation:
  type: event_count
  rules: [failed_login]
  group-by: [source.ip]
  timespan: 10m
  condition: {gte: 5}
response: {action: block, target: source.ip, for: 15m}
---
title: Failures on one account from three networks
name: account_many_sources
correlation:
  type: value_count
  rules: [failed_login]
  group-by: [user.name]
  timespan: 1h
  condition: {field: source.prefix, gte: 3}
response: {action: lock, target: user.name, for: 1h}
)";

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'700'000'000 * kSecond;

struct Recorder : EngineListener {
  void OnAlert(const Alert& alert) override { alerts.emplace_back(alert.rule); }
  void OnDecision(const Decision& decision) override { decisions.push_back(ToJson(decision)); }
  void OnChanges(std::span<const Change> told) override {
    for (const Change& change : told)
      if (change.by == "release") releases.push_back(Concat(change.decision.value, ": ", change.why));
  }
  std::vector<std::string> alerts, decisions, releases;
};

struct Bench {
  explicit Bench(EngineOptions options = {}, std::string_view text = kRules) {
    SigmaDocuments documents;
    REQUIRE(ParseSigma(text, "engine_test.yml", &documents).ok());
    auto compiled = Compile(std::move(documents), &fields);
    INFO(compiled.status());
    REQUIRE(compiled.ok());
    rules = std::move(*compiled);
    auto made = Engine::Create(options, rules.get(), &recorder);
    INFO(made.status());
    REQUIRE(made.ok());
    engine = std::move(*made);
  }

  // One attempt through the gate and, if it got through, its outcome.
  VerdictKind Try(int64_t at_ns, std::string_view source, std::string_view account, Outcome outcome,
                  CertificateStatus certificate = CertificateStatus::kUnchecked,
                  std::string_view device = {}) {
    LoginEvent event;
    if (!device.empty()) event.attempt.device = device;
    event.attempt.certificate = certificate;
    event.attempt.certificate_present = certificate != CertificateStatus::kUnchecked;
    event.attempt.time_ns = at_ns;
    event.attempt.source = *Address::Parse(source);
    event.attempt.account = account;
    event.attempt.user_agent = "test/1.0";
    event.aftermath.outcome = outcome;
    const Verdict verdict = engine->Assess(event.attempt);
    by = std::string(verdict.by);
    lane = verdict.lane;
    if (IsObserved(verdict, event.aftermath.challenge)) engine->Observe(event, verdict);
    return verdict.kind;
  }

  FieldTable fields;
  std::unique_ptr<const RuleSet> rules;
  Recorder recorder;
  std::unique_ptr<Engine> engine;
  std::string by;
  Lane lane = Lane::kUnfamiliar;
};

TEST_CASE(
    "after five failures an address is denied before the password, and let in again when the block is over",
    "[engine]") {
  Bench bench;
  for (int i = 0; i < 5; ++i)
    CHECK(bench.Try(kStart + i * kSecond, "203.0.113.9", "ann", Outcome::kBadPassword) ==
          VerdictKind::kAllow);
  CHECK(bench.Try(kStart + 5 * kSecond, "203.0.113.9", "bob", Outcome::kSuccess) == VerdictKind::kDeny);
  CHECK(bench.by == "many_failures");
  CHECK(bench.Try(kStart + 5 * kSecond, "203.0.113.10", "bob", Outcome::kSuccess) == VerdictKind::kAllow);
  CHECK(bench.Try(kStart + (4 + 15 * 60) * kSecond - 1'000'000, "203.0.113.9", "ann", Outcome::kSuccess) ==
        VerdictKind::kDeny);
  CHECK(bench.Try(kStart + (4 + 15 * 60) * kSecond, "203.0.113.9", "ann", Outcome::kSuccess) ==
        VerdictKind::kAllow);
  CHECK(bench.recorder.decisions.size() == 1);
}

TEST_CASE("strangers who lock an account lock out strangers, never its owner where he always comes from",
          "[engine]") {
  Bench bench;
  int64_t now = kStart;
  for (int day = 0; day < 10; ++day) {
    bench.Try(now, "198.51.100.7", "ann", Outcome::kSuccess);
    now += 24 * 3600 * kSecond;
  }
  REQUIRE(bench.lane == Lane::kFamiliar);
  for (const char* source : {"192.0.2.1", "203.0.113.1", "100.64.0.1"})
    bench.Try(now += kSecond, source, "ann", Outcome::kBadPassword);
  REQUIRE(bench.recorder.decisions.size() == 1);
  CHECK(bench.Try(now += kSecond, "8.8.8.8", "ann", Outcome::kSuccess) == VerdictKind::kDeny);
  CHECK(bench.by == "account_many_sources");
  CHECK(bench.Try(now += kSecond, "198.51.100.7", "ann", Outcome::kSuccess) == VerdictKind::kAllow);
}

TEST_CASE(
    "a rule's block is let go where three owners are at home behind it, and one that people ordered is not",
    "[engine]") {
  for (const char* rule : {"many_failures", "by hand"}) {
    EngineOptions options;
    options.tells_changes = true;
    Bench bench(options);
    int64_t now = kStart;
    // Many others, so that a place of one's own says something.
    for (int i = 0; i < 400; ++i)
      bench.Try(now += kSecond, Concat("192.0.", i % 256, ".9"), Concat("other", i), Outcome::kSuccess);
    const std::vector<std::string> owners{"ann", "bob", "cid"};
    const auto owner_comes = [&](const std::string& owner) {
      return bench.Try(now += kSecond, "198.51.100.7", owner, Outcome::kSuccess,
                       CertificateStatus::kUnchecked, owner + "'s");
    };
    for (int day = 0; day < 10; ++day, now += 24 * 3600 * kSecond)
      for (const std::string& owner : owners) owner_comes(owner);
    Decision block;
    block.rule = rule;
    block.value = "198.51.100.7";
    block.prefix = *Prefix::Parse("198.51.100.7");
    block.time_ms = now / 1'000'000;
    block.until_ms = block.time_ms + 3'600'000;
    // As one comes back from a store: made now, it would be a challenge, for the address is known to be shared.
    REQUIRE(bench.engine->Restore(block, block.time_ms) == Proposal::kAdded);
    CHECK(bench.Try(now += kSecond, "198.51.100.7", "eve", Outcome::kBadPassword) != VerdictKind::kAllow);
    // The same owner again and again is one.
    for (int i = 0; i < 5; ++i) owner_comes("ann");
    owner_comes("bob");
    CHECK(bench.Try(now += kSecond, "198.51.100.7", "eve", Outcome::kBadPassword) != VerdictKind::kAllow);
    REQUIRE(owner_comes("cid") == VerdictKind::kAllow);
    const bool stands =
        bench.Try(now += kSecond, "198.51.100.7", "eve", Outcome::kBadPassword) != VerdictKind::kAllow;
    CHECK(stands == (std::string_view(rule) == "by hand"));
    // Who keeps the books is told, and why.
    if (stands) {
      CHECK(bench.recorder.releases.empty());
    } else {
      CHECK(bench.recorder.releases ==
            std::vector<std::string>{
                "198.51.100.7: customers who are at home on their accounts come from there"});
    }
  }
}

TEST_CASE("flipping the outcome of any attempt never changes its own verdict", "[engine]") {
  struct Line {
    int64_t at;
    std::string source, account;
    Outcome outcome;
  };
  std::mt19937 random(7);
  std::vector<Line> lines;
  for (int i = 0; i < 400; ++i) {
    lines.push_back({kStart + i * kSecond, "203.0.113." + std::to_string(random() % 12),
                     "user" + std::to_string(random() % 30),
                     random() % 3 == 0 ? Outcome::kSuccess : Outcome::kBadPassword});
  }
  const auto verdicts_up_to = [&](size_t last) {
    Bench bench;
    std::vector<VerdictKind> verdicts;
    for (size_t i = 0; i <= last; ++i)
      verdicts.push_back(bench.Try(lines[i].at, lines[i].source, lines[i].account, lines[i].outcome));
    return verdicts;
  };
  const std::vector<VerdictKind> all = verdicts_up_to(lines.size() - 1);
  REQUIRE(std::count(all.begin(), all.end(), VerdictKind::kDeny) > 20);
  for (size_t i = 0; i < lines.size(); ++i) {
    const Outcome kept = lines[i].outcome;
    lines[i].outcome = kept == Outcome::kSuccess ? Outcome::kUnknownAccount : Outcome::kSuccess;
    INFO("line " << i);
    CHECK(verdicts_up_to(i).back() == all[i]);
    lines[i].outcome = kept;
  }
}

TEST_CASE("a late event counts where it belongs, and one too late is told and not counted",
          "[engine][time]") {
  Bench bench;
  bench.Try(kStart, "203.0.113.1", "x", Outcome::kSuccess);
  for (int i = 0; i < 4; ++i)
    bench.Try(kStart + (100 + i) * kSecond, "203.0.113.9", "ann", Outcome::kBadPassword);
  bench.Try(kStart + 110 * kSecond, "203.0.113.1", "x", Outcome::kSuccess);
  bench.Try(kStart + 90 * kSecond, "203.0.113.9", "ann", Outcome::kBadPassword);  // 20 s late: the fifth
  CHECK(bench.recorder.decisions.size() == 1);
  bench.Try(kStart - 3600 * kSecond, "203.0.113.8", "ann", Outcome::kBadPassword);
  CHECK(bench.engine->counters().late == 1);
  CHECK(bench.engine->counters().too_late == 1);
}

TEST_CASE("one wild timestamp neither expires the windows nor stalls them", "[engine][time]") {
  for (const int64_t wild : {kStart + int64_t{40} * 365 * 24 * 3600 * kSecond, int64_t{0}}) {
    Bench bench;
    bench.Try(kStart, "203.0.113.1", "x", Outcome::kSuccess);
    for (int i = 0; i < 4; ++i)
      bench.Try(kStart + (i + 1) * kSecond, "203.0.113.9", "ann", Outcome::kBadPassword);
    bench.Try(wild, "203.0.113.9", "ann", Outcome::kBadPassword);
    CHECK(bench.recorder.decisions.empty());
    bench.Try(kStart + 6 * kSecond, "203.0.113.9", "ann", Outcome::kBadPassword);
    CHECK(bench.recorder.decisions.size() == 1);
    CHECK(bench.engine->counters().wild + bench.engine->counters().too_late == 1);
  }
}

TEST_CASE("two wild timestamps in a row let nobody go, and protection goes on", "[engine][time]") {
  Bench bench;
  int64_t now = kStart;
  for (int i = 0; i < 5; ++i) bench.Try(now += kSecond, "203.0.113.9", "ann", Outcome::kBadPassword);
  REQUIRE(bench.recorder.decisions.size() == 1);
  const int64_t wild = kStart + int64_t{30} * 24 * 3600 * kSecond;
  bench.Try(wild, "198.51.100.66", "w", Outcome::kSuccess);
  bench.Try(wild, "198.51.100.66", "w", Outcome::kSuccess);
  int denied = 0;
  for (int i = 0; i < 60; ++i)
    denied += bench.Try(now += kSecond, "203.0.113.9", "ann", Outcome::kBadPassword) == VerdictKind::kDeny;
  CHECK(denied >= 55);
  denied = 0;
  for (int i = 0; i < 60; ++i)
    denied += bench.Try(now += kSecond, "203.0.113.10", "u" + std::to_string(i), Outcome::kBadPassword) ==
              VerdictKind::kDeny;
  CHECK(denied == 55);
}

TEST_CASE("an outcome that comes long after its attempt empties nobody's window", "[engine][time]") {
  Bench bench;
  LoginEvent slow;
  slow.attempt.time_ns = kStart + kSecond;
  slow.attempt.source = *Address::Parse("203.0.113.9");
  slow.attempt.account = "ann";
  slow.aftermath.outcome = Outcome::kBadPassword;
  bench.Try(kStart, "203.0.113.1", "x", Outcome::kSuccess);
  const Verdict verdict = bench.engine->Assess(slow.attempt);
  for (int i = 0; i < 3; ++i)
    bench.Try(kStart + (400 + i) * kSecond, "203.0.113.9", "ann", Outcome::kBadPassword);
  bench.engine->Observe(slow, verdict);  // 400 s later: still within the ten minutes of the rule, the fourth
  CHECK(bench.recorder.decisions.empty());
  bench.Try(kStart + 404 * kSecond, "203.0.113.9", "ann", Outcome::kBadPassword);
  CHECK(bench.recorder.decisions.size() == 1);
}

TEST_CASE("decisions come in order of time, late events or not", "[engine][time]") {
  Bench bench;
  std::mt19937 random(17);
  for (int i = 0; i < 3000; ++i) {
    const int64_t jitter = static_cast<int64_t>(random() % 250) * kSecond;
    bench.Try(kStart + i * kSecond - jitter, "203.0." + std::to_string(random() % 40) + ".9",
              "user" + std::to_string(random() % 100), Outcome::kBadPassword);
  }
  REQUIRE(bench.recorder.decisions.size() > 20);
  CHECK(std::is_sorted(
      bench.recorder.decisions.begin(), bench.recorder.decisions.end(),
      [](const std::string& a, const std::string& b) { return a.substr(0, 34) < b.substr(0, 34); }));
}

TEST_CASE("after a quiet night the first event counts as soon as the next one confirms it",
          "[engine][time]") {
  Bench bench;
  bench.Try(kStart, "203.0.113.1", "x", Outcome::kSuccess);
  const int64_t morning = kStart + 10 * 3600 * kSecond;
  for (int i = 0; i < 5; ++i) bench.Try(morning + i * kSecond, "203.0.113.9", "ann", Outcome::kBadPassword);
  CHECK(bench.recorder.decisions.size() == 1);
  CHECK(bench.engine->counters().wild == 0);
}

TEST_CASE("a stream that ends with an unconfirmed event counts it", "[engine][time]") {
  constexpr std::string_view kOne = R"(
title: Any failure
name: any_failure
logsource: {category: authentication}
detection: {selection: {event.outcome: failure}, condition: selection}
)";
  Bench bench({}, kOne);
  bench.Try(kStart, "203.0.113.9", "ann", Outcome::kBadPassword);
  CHECK(bench.recorder.alerts.empty());
  bench.engine->Finish();
  CHECK(bench.recorder.alerts == std::vector<std::string>{"any_failure"});
}

TEST_CASE("a bad certificate never reaches the password check, in any lane, and moves nothing",
          "[engine][certificate]") {
  Bench bench;
  for (int i = 1; i < static_cast<int>(kCertificateNames.size()); ++i) {
    const auto status = static_cast<CertificateStatus>(i);
    LoginEvent event;
    event.attempt.time_ns = kStart + i * kSecond;
    event.attempt.source = *Address::Parse("203.0.113.9");
    event.attempt.account = "ann";
    event.attempt.certificate = status;
    event.attempt.certificate_present = true;
    const Verdict verdict = bench.engine->Assess(event.attempt);
    INFO(Name(status));
    CHECK((verdict.kind == VerdictKind::kDeny) == IsBadCertificate(status));
    if (IsBadCertificate(status)) CHECK(verdict.by == "certificate");
  }
}

TEST_CASE("what is denied for its certificate is charged to its source and never to the account",
          "[engine][certificate]") {
  Bench bench;
  // From four networks on one account: three of them would lock it.
  for (int i = 0; i < 4; ++i) {
    const std::string source = "203.0." + std::to_string(113 + i) + ".9";
    CHECK(bench.Try(kStart + i * kSecond, source, "ann", Outcome::kSuccess, CertificateStatus::kMismatch) ==
          VerdictKind::kDeny);
  }
  CHECK(bench.recorder.alerts.empty());
  CHECK(bench.Try(kStart + 5 * kSecond, "198.51.100.1", "ann", Outcome::kBadPassword) == VerdictKind::kAllow);
  CHECK(bench.Try(kStart + 6 * kSecond, "198.51.100.1", "ann", Outcome::kSuccess) == VerdictKind::kAllow);
  // From one address: it is blocked, also for whoever shows no certificate at all. The log's own outcome counts for
  // nothing.
  for (int i = 0; i < 5; ++i)
    bench.Try(kStart + (10 + i) * kSecond, "192.0.2.9", "bob" + std::to_string(i), Outcome::kSuccess,
              CertificateStatus::kUntrusted);
  CHECK(bench.recorder.alerts == std::vector<std::string>{"many_failures"});
  CHECK(bench.Try(kStart + 20 * kSecond, "192.0.2.9", "cyd", Outcome::kSuccess) == VerdictKind::kDeny);
  CHECK(bench.by == "many_failures");
}

TEST_CASE("where everything is let through, a bad certificate is observed as the log has it",
          "[engine][certificate]") {
  EngineOptions options;
  options.lets_through = true;
  Bench bench(options);
  for (int i = 0; i < 5; ++i)
    bench.Try(kStart + i * kSecond, "192.0.2.9", "bob", Outcome::kSuccess, CertificateStatus::kUntrusted);
  CHECK(bench.recorder.alerts.empty());
}

TEST_CASE("a valid certificate passes whatever strangers did to the account and the address",
          "[engine][certificate]") {
  Bench bench;
  for (int i = 0; i < 5; ++i) bench.Try(kStart + i * kSecond, "203.0.113.9", "ann", Outcome::kBadPassword);
  Attempt attempt;
  attempt.time_ns = kStart + 6 * kSecond;
  attempt.source = *Address::Parse("203.0.113.9");
  attempt.account = "ann";
  CHECK(bench.engine->Assess(attempt).kind == VerdictKind::kDeny);
  attempt.certificate = CertificateStatus::kValid;
  CHECK(bench.engine->Assess(attempt).kind == VerdictKind::kAllow);
}

TEST_CASE("where certificates are required anything but a valid one is denied", "[engine][certificate]") {
  EngineOptions options;
  options.certificates = CertificatePolicy::kRequired;
  Bench bench(options);
  CHECK(bench.Try(kStart, "203.0.113.9", "ann", Outcome::kSuccess) == VerdictKind::kDeny);
  CHECK(bench.by == "certificate");
}

TEST_CASE("who leaves his certificate out is asked for another proof; who never had one goes on",
          "[engine][certificate]") {
  using enum CertificateStatus;
  Bench bench;
  CHECK(bench.Try(kStart, "198.51.100.1", "ann", Outcome::kSuccess, kMissing) == VerdictKind::kAllow);
  // A password that was wrong beside a valid certificate makes nobody an owner.
  bench.Try(kStart + kSecond, "198.51.100.1", "ann", Outcome::kBadPassword, kValid);
  CHECK(bench.Try(kStart + 2 * kSecond, "198.51.100.1", "ann", Outcome::kSuccess, kMissing) ==
        VerdictKind::kAllow);
  bench.Try(kStart + 3 * kSecond, "198.51.100.1", "ann", Outcome::kSuccess, kValid);
  CHECK(bench.Try(kStart + 4 * kSecond, "203.0.113.9", "ann", Outcome::kSuccess, kMissing) ==
        VerdictKind::kChallenge);
  CHECK(bench.by == "certificate");
  // Where nobody looks for certificates nobody can leave one out.
  CHECK(bench.Try(kStart + 5 * kSecond, "203.0.113.9", "ann", Outcome::kSuccess, kUnchecked) ==
        VerdictKind::kAllow);
  CHECK(bench.Try(kStart + 6 * kSecond, "203.0.113.9", "bob", Outcome::kSuccess, kMissing) ==
        VerdictKind::kAllow);
  CHECK(bench.recorder.alerts.empty());
}

TEST_CASE("what could not be looked at or confirmed charges nobody", "[engine][certificate]") {
  Bench bench;
  for (int i = 0; i < 10; ++i) {
    const std::string account = "bob" + std::to_string(i);
    CHECK(bench.Try(kStart + i * kSecond, "192.0.2.9", account, Outcome::kSuccess,
                    CertificateStatus::kUnverified) == VerdictKind::kThrottle);
    CHECK(bench.Try(kStart + i * kSecond, "192.0.2.9", account, Outcome::kSuccess,
                    CertificateStatus::kUnconfirmed) == VerdictKind::kChallenge);
    CHECK(bench.lane == Lane::kUnfamiliar);
    CHECK(bench.Try(kStart + i * kSecond, "192.0.2.9", account, Outcome::kSuccess,
                    CertificateStatus::kRevocationUnknown) == VerdictKind::kDeny);
  }
  CHECK(bench.recorder.alerts.empty());
}

TEST_CASE("no challenge stands for a look at a certificate that nobody has looked at",
          "[engine][certificate]") {
  using enum CertificateStatus;
  EngineOptions options;
  options.certificates = CertificatePolicy::kRequired;
  std::string rules(kRules);
  const std::string_view block = "action: block";
  rules.replace(rules.find(block), block.size(), "action: challenge, challenge: human");
  Bench bench(options, rules);
  for (int i = 0; i < 5; ++i)
    bench.Try(kStart + i * kSecond, "203.0.113.9", "bob" + std::to_string(i), Outcome::kSuccess, kUntrusted);
  CHECK(bench.recorder.alerts == std::vector<std::string>{"many_failures"});
  CHECK(bench.Try(kStart + 6 * kSecond, "203.0.113.9", "ann", Outcome::kSuccess, kUnverified) ==
        VerdictKind::kThrottle);
  CHECK(bench.by == "certificate");
  CHECK(bench.Try(kStart + 6 * kSecond, "203.0.113.9", "ann", Outcome::kSuccess, kUntrusted) ==
        VerdictKind::kDeny);
  // Nor does a mode lift it to one.
  for (const Mode mode : {Mode::kEstablishedOnly, Mode::kCertificateOnly}) {
    bench.engine->SetMode(mode);
    const VerdictKind kind =
        bench.Try(kStart + 7 * kSecond, "203.0.113.9", "ann", Outcome::kSuccess, kUnverified);
    CHECK((kind == VerdictKind::kThrottle || kind == VerdictKind::kDeny));
  }
}

TEST_CASE("a table of certificates decides, and the stricter of it and a standing decision wins",
          "[engine][certificate]") {
  using enum CertificateStatus;
  EngineOptions options;
  options.certificates.Set(kExpired, VerdictKind::kChallenge);
  options.certificates.Set(kMissing, VerdictKind::kDeny);
  Bench bench(options);
  CHECK(bench.Try(kStart, "198.51.100.1", "ann", Outcome::kSuccess, kExpired) == VerdictKind::kChallenge);
  CHECK(bench.Try(kStart, "198.51.100.1", "ann", Outcome::kSuccess, kMissing) == VerdictKind::kDeny);
  for (int i = 0; i < 5; ++i) bench.Try(kStart + i * kSecond, "203.0.113.9", "ann", Outcome::kBadPassword);
  CHECK(bench.Try(kStart + 6 * kSecond, "203.0.113.9", "ann", Outcome::kSuccess, kExpired) ==
        VerdictKind::kDeny);
  CHECK(bench.by == "many_failures");
  // Other words while running, and nobody is forgotten.
  bench.engine->SetCertificates(CertificatePolicy::kIgnored);
  CHECK(bench.Try(kStart + 7 * kSecond, "198.51.100.1", "ann", Outcome::kSuccess, kRevoked) ==
        VerdictKind::kAllow);
}

TEST_CASE("modes are switched while running", "[engine][mode]") {
  Bench bench;
  for (int i = 0; i < 5; ++i) bench.Try(kStart + i * kSecond, "203.0.113.9", "ann", Outcome::kBadPassword);
  bench.engine->SetMode(Mode::kObserve);
  CHECK(bench.Try(kStart + 6 * kSecond, "203.0.113.9", "ann", Outcome::kSuccess) == VerdictKind::kAllow);
  CHECK(bench.by == "many_failures");
  bench.engine->SetMode(Mode::kCertificateOnly);
  CHECK(bench.Try(kStart + 7 * kSecond, "203.0.113.10", "bob", Outcome::kSuccess) == VerdictKind::kDeny);
  CHECK(bench.by == "mode");
  bench.engine->SetMode(Mode::kProtect);
  CHECK(bench.Try(kStart + 8 * kSecond, "203.0.113.10", "bob", Outcome::kSuccess) == VerdictKind::kAllow);
}

TEST_CASE("an allowlisted address is challenged at most", "[engine]") {
  EngineOptions options;
  REQUIRE(options.allowlist.AddNetwork(*Prefix::Parse("203.0.113.0/24")));
  Bench bench(options);
  for (int i = 0; i < 5; ++i) bench.Try(kStart + i * kSecond, "203.0.113.9", "ann", Outcome::kBadPassword);
  CHECK(bench.Try(kStart + 6 * kSecond, "203.0.113.9", "ann", Outcome::kSuccess) == VerdictKind::kChallenge);
}

TEST_CASE("the same events give the same decisions, byte for byte", "[engine]") {
  std::vector<std::string> first;
  for (int run = 0; run < 2; ++run) {
    Bench bench;
    std::mt19937 random(11);
    for (int i = 0; i < 5000; ++i) {
      const int64_t jitter = static_cast<int64_t>(random() % 60) * kSecond;
      bench.Try(kStart + i * kSecond - jitter, "203.0." + std::to_string(random() % 40) + ".9",
                "user" + std::to_string(random() % 100),
                random() % 2 == 0 ? Outcome::kSuccess : Outcome::kBadPassword);
    }
    bench.engine->Finish();
    REQUIRE(bench.recorder.decisions.size() > 10);
    if (run == 0) first = bench.recorder.decisions;
    CHECK(bench.recorder.decisions == first);
  }
}

TEST_CASE("hints of what comes change no answer, however far ahead, and however storage is used again",
          "[engine]") {
  std::mt19937 random(13);
  std::vector<LoginEvent> log(4000);
  std::vector<std::string> accounts;
  for (int i = 0; i < 50; ++i) accounts.push_back("user" + std::to_string(i));
  for (size_t i = 0; i < log.size(); ++i) {
    log[i].attempt.time_ns = kStart + static_cast<int64_t>(i / 3) * kSecond;
    log[i].attempt.source = Address::V4(0xcb007100U + static_cast<uint32_t>(random() % 60));
    log[i].attempt.account = accounts[random() % accounts.size()];
    log[i].attempt.user_agent = "test/1.0 (a user agent that is long enough to be remembered)";
    log[i].aftermath.outcome = random() % 2 == 0 ? Outcome::kSuccess : Outcome::kBadPassword;
  }
  std::vector<std::string> expected;
  for (const size_t ahead : {size_t{0}, size_t{1}, size_t{8}, size_t{15}, size_t{40}}) {
    Bench bench;
    std::vector<std::string> seen;
    std::vector<LoginEvent> ring(64);  // used again and again, as a reader's batches are
    for (size_t i = 0; i < log.size() + ahead; ++i) {
      if (i < log.size()) {
        ring[i % ring.size()] = log[i];
        if (ahead > 0) bench.engine->Prefetch(ring[i % ring.size()]);
      }
      if (i < ahead) continue;
      const LoginEvent& event = ring[(i - ahead) % ring.size()];
      const Verdict verdict = bench.engine->Assess(event.attempt);
      seen.push_back(std::string(Name(verdict.kind)) + std::string(Name(verdict.lane)) +
                     std::string(verdict.by));
      if (ReachesPasswordCheck(verdict, {})) bench.engine->Observe(event, verdict);
    }
    seen.insert(seen.end(), bench.recorder.decisions.begin(), bench.recorder.decisions.end());
    INFO("ahead " << ahead);
    if (ahead == 0) expected = seen;
    CHECK(seen == expected);
    CHECK(bench.recorder.decisions.size() > 20);
  }
}

TEST_CASE(
    "a flood of two million sources stays below the ceiling, and the slow attacker seen before it is caught "
    "after it",
    "[engine][flood]") {
  EngineOptions options;
  options.memory_bytes = size_t{32} << 20;
  Bench bench(options);
  int64_t now = kStart;
  bench.Try(now, "198.51.100.1", "x", Outcome::kSuccess);
  for (int i = 0; i < 4; ++i) bench.Try(now += kSecond, "203.0.113.9", "ann", Outcome::kBadPassword);
  LoginEvent event;
  event.aftermath.outcome = Outcome::kBadPassword;
  std::string account;
  for (uint32_t i = 0; i < 2'000'000; ++i) {
    now += 100'000;  // 10,000 a second, 200 s in all: nothing expires
    event.attempt.time_ns = now;
    event.attempt.source = Address::V4(0x0a000000U + i);
    account = "victim" +
              std::to_string(i);  // one account for all would be locked, and the flood stopped at the gate
    event.attempt.account = account;
    const Verdict verdict = bench.engine->Assess(event.attempt);
    if (ReachesPasswordCheck(verdict, {})) bench.engine->Observe(event, verdict);
  }
  CHECK(bench.engine->counters().memory_bytes <= options.memory_bytes);
  CHECK(bench.engine->counters().windows_evicted > 0);
  const size_t before = bench.recorder.decisions.size();
  bench.Try(now += kSecond, "203.0.113.9", "bob", Outcome::kBadPassword);
  CHECK(bench.recorder.decisions.size() == before + 1);
}

TEST_CASE("options out of range are refused by name", "[engine]") {
  Bench bench;
  EngineOptions options;
  options.memory_bytes = 1000;
  CHECK(std::string(Engine::Create(options, bench.rules.get(), nullptr).status().message()).find("memory") ==
        0);
  options = {};
  options.lateness_ms = -1;
  CHECK(
      std::string(Engine::Create(options, bench.rules.get(), nullptr).status().message()).find("lateness") ==
      0);
}

// A second set of rules beside those of a Bench, for a reload.
struct OtherRules {
  explicit OtherRules(std::string_view text) {
    SigmaDocuments documents;
    REQUIRE(ParseSigma(text, "other.yml", &documents).ok());
    auto compiled = Compile(std::move(documents), &fields);
    INFO(compiled.status());
    REQUIRE(compiled.ok());
    rules = std::move(*compiled);
  }
  FieldTable fields;
  std::unique_ptr<const RuleSet> rules;
};

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// Four failures of an address and three on an account from two networks: each rule is one event short.
void FillShort(Bench* bench) {
  for (int i = 0; i < 4; ++i)
    bench->Try(kStart + i * kSecond, "192.0.2.9", "a" + std::to_string(i), Outcome::kBadPassword);
  for (const std::string_view source : {"198.51.100.1", "203.0.113.1", "203.0.113.2"})
    bench->Try(kStart + 10 * kSecond, source, "alice", Outcome::kBadPassword);
  REQUIRE(bench->recorder.decisions.empty());
}

TEST_CASE("a reload keeps the windows of rules whose window did not change", "[engine][reload]") {
  Bench bench;
  FillShort(&bench);
  // One rule more in front moves every position; the title and the response of a rule are no part of its window.
  OtherRules other(
      "title: A success\nname: fine\nlogsource: {category: authentication}\ndetection: {selection: "
      "{event.outcome: success}, condition: selection}\n---\ntitle: Successes\nname: successes\n"
      "correlation: {type: event_count, rules: [fine], group-by: [user.name], timespan: 1h, condition: "
      "{gte: 3}}\n---\n" +
      Replaced(std::string(kRules), "title: Five failures", "title: 5 failures"));
  REQUIRE(bench.engine->SwapRules(other.rules.get()).ok());
  bench.rules.reset();  // nothing may still point into the old set
  bench.Try(kStart + 20 * kSecond, "192.0.2.9", "b", Outcome::kBadPassword);
  bench.Try(kStart + 20 * kSecond, "192.0.2.200", "alice", Outcome::kBadPassword);
  REQUIRE(bench.recorder.decisions.size() == 2);
  CHECK(bench.recorder.decisions[0].find("many_failures") != std::string::npos);
  CHECK(bench.recorder.decisions[0].find("5 failures from one address") != std::string::npos);
  CHECK(bench.recorder.decisions[1].find("account_many_sources") != std::string::npos);
  // What stood before stands after another reload, also when its rule is gone.
  OtherRules fewer(std::string_view(kRules).substr(0, kRules.find("---")));
  REQUIRE(bench.engine->SwapRules(fewer.rules.get()).ok());
  CHECK(bench.Try(kStart + 21 * kSecond, "192.0.2.9", "c", Outcome::kBadPassword) == VerdictKind::kDeny);
}

TEST_CASE("a reload begins the window of a changed rule anew, and finds the old one when the rule comes back",
          "[engine][reload]") {
  Bench bench;
  FillShort(&bench);
  OtherRules changed(Replaced(std::string(kRules), "timespan: 10m", "timespan: 20m"));
  REQUIRE(bench.engine->SwapRules(changed.rules.get()).ok());
  bench.Try(kStart + 20 * kSecond, "192.0.2.9", "b", Outcome::kBadPassword);
  CHECK(bench.recorder.decisions.empty());  // the fifth, but the first of the new window
  OtherRules back{kRules};
  REQUIRE(bench.engine->SwapRules(back.rules.get()).ok());
  bench.Try(kStart + 30 * kSecond, "192.0.2.9", "c", Outcome::kBadPassword);
  CHECK(bench.recorder.decisions.size() == 1);
}

TEST_CASE("a rule set that the table cannot hold is refused with its place, and the old one stays",
          "[engine][reload]") {
  Bench bench;
  FillShort(&bench);
  OtherRules greedy(Replaced(std::string(kRules), "{gte: 5}", "{gte: 500}"));
  const absl::Status status = bench.engine->SwapRules(greedy.rules.get());
  REQUIRE_FALSE(status.ok());
  CHECK(status.message().find("other.yml") != std::string::npos);
  CHECK(status.message().find("restart") != std::string::npos);
  bench.Try(kStart + 20 * kSecond, "192.0.2.9", "b", Outcome::kBadPassword);
  CHECK(bench.recorder.decisions.size() == 1);
}

TEST_CASE("a hundred reloads of the same rules take no memory", "[engine][reload]") {
  Bench bench;
  FillShort(&bench);
  const size_t before = bench.engine->counters().memory_bytes;
  std::vector<std::unique_ptr<OtherRules>> sets;
  for (int i = 0; i < 100; ++i) {
    sets.push_back(std::make_unique<OtherRules>(kRules));
    REQUIRE(bench.engine->SwapRules(sets.back()->rules.get()).ok());
  }
  CHECK(bench.engine->counters().memory_bytes == before);
}

}  // namespace
}  // namespace stockade
