// Proven here: what the detectors promise of attacks that no rule sees, through the whole engine and without any rule: one try an
// address is stopped after a handful, customers at home are never touched, nobody is denied who has been here before, and an outage is
// no attack. Verdicts never read their own outcome: engine_test.cc.
#include "engine/detect/detectors.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/rule/sigma_parse.h"
#include "engine/text.h"
#include "tests/engine/no_rule.h"

namespace stockade {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kStartNs = 1'772'000'000 * kSecondNs;

struct Ears : EngineListener {
  void OnAlarm(const Alarm& alarm) override { alarms.push_back(alarm); }
  void OnDecision(const Decision& decision) override { decisions.push_back(decision); }
  size_t AlarmsOf(std::string_view kind) const {
    return static_cast<size_t>(std::ranges::count(alarms, kind, &Alarm::kind));
  }
  std::vector<Alarm> alarms;
  std::vector<Decision> decisions;
};

struct Login {
  std::string account, source, agent, ja4, password;
  uint32_t asn = 0;
  std::string device = {};
};

// A few hundred customers, each at home somewhere, and whoever else comes.
class Town {
 public:
  explicit Town(DetectorSettings settings = {}, int customers = 400) {
    SigmaDocuments documents;
    REQUIRE(ParseSigma(kNoRule, "none.yml", &documents).ok());
    auto compiled = Compile(std::move(documents), &fields_);
    REQUIRE(compiled.ok());
    rules_ = std::move(*compiled);
    EngineOptions options;
    options.memory_bytes = size_t{64} << 20;
    options.detectors = settings;
    auto made = Engine::Create(options, rules_.get(), &ears);
    REQUIRE(made.ok());
    engine_ = std::move(*made);
    for (int i = 0; i < customers; ++i) {
      const std::string agent = Concat("Browser/", random_() % 12);
      homes_.push_back({Concat("customer", i), Concat("61.", i % 200, ".", i / 200, ".7"), agent,
                        Concat("t13d_", agent), "", 3462});
    }
  }

  // Some days of everybody's logins, nine of ten right at once.
  void Live(int days) {
    for (int day = 0; day < days; ++day)
      for (const Login& home : homes_) {
        now_ns_ += 40 * kSecondNs;
        if (random_() % 10 == 0) Try(home, Outcome::kBadPassword);
        Try(home, Outcome::kSuccess);
      }
  }
  Verdict Try(const Login& login, Outcome outcome,
              ChallengeResults challenge = {ChallengeResult::kFailed, ChallengeResult::kFailed}) {
    now_ns_ += kSecondNs / 2;
    LoginEvent event;
    event.attempt.time_ns = now_ns_;
    event.attempt.source = *Address::Parse(login.source);
    event.attempt.account = login.account;
    event.attempt.user_agent = login.agent;
    event.attempt.ja4 = login.ja4;
    event.attempt.asn = login.asn;
    event.attempt.can_ask = can_ask;
    if (!login.device.empty()) event.attempt.device = login.device;
    if (!login.password.empty()) event.attempt.password_id = login.password;
    event.aftermath = {outcome, challenge};
    const Verdict verdict = engine_->Assess(event.attempt);
    reached_ += ReachesPasswordCheck(verdict, challenge) ? 1 : 0;
    by_ = std::string(verdict.by);
    reason_ = std::string(verdict.reason);
    Verdict kept = verdict;  // what it points to ends with the next call
    kept.by = kept.reason = {};
    kept.decision = nullptr;
    if (IsObserved(verdict, challenge)) engine_->Observe(event, verdict);
    return kept;
  }
  // How many of these reach the password check.
  template <typename Make>
  int Attack(int attempts, Make&& make) {
    const int before = reached_;
    for (int i = 0; i < attempts; ++i) Try(make(i), Outcome::kBadPassword);
    return reached_ - before;
  }
  // A stranger at this customer's account, from anywhere, in the looks that customers have.
  Login StrangerAt(size_t i, uint32_t asn = 0, std::string password = {}) {
    const std::string agent = Concat("Browser/", i % 12);
    return {Concat("customer", i % 400), Anywhere(), agent, Concat("t13d_", agent), std::move(password), asn};
  }
  // How many of so many of an attacker's who looks like that reach the password check.
  int AttackInDisguise(int attempts) {
    return Attack(attempts,
                  [this](int i) { return StrangerAt(static_cast<size_t>(i), 3462, Concat("leak", i)); });
  }
  std::string Anywhere() {
    return Address::V4(static_cast<uint32_t>(0x18000000 + random_() % 0x60000000)).ToString();
  }
  const Login& home(size_t i) const { return homes_[i]; }
  std::mt19937& random() { return random_; }
  const std::string& by() const { return by_; }
  const std::string& reason() const { return reason_; }
  void Pass(int64_t seconds) { now_ns_ += seconds * kSecondNs; }

  Ears ears;
  CanAsk can_ask = CanAsk::kUnsaid;  // on the way by which all attempts come

 private:
  std::mt19937 random_{11};
  FieldTable fields_;
  std::unique_ptr<const RuleSet> rules_;
  std::unique_ptr<Engine> engine_;
  std::vector<Login> homes_;
  int64_t now_ns_ = kStartNs;
  int reached_ = 0;
  std::string by_, reason_;
};

TEST_CASE("one try an address with one tool is stopped after a handful", "[detect]") {
  Town town;
  town.Live(5);
  const int reached = town.Attack(2000, [&](int i) {
    return Login{
        Concat("customer", i % 400), town.Anywhere(), "tool/1", "t13d_tool", Concat("leak", i), 64500};
  });
  CHECK(reached <= 8);
  CHECK(town.by() == "campaign_finder");
  CHECK(town.reason().find("JA4") != std::string::npos);
  CHECK(town.ears.AlarmsOf("campaign") >= 1);
  // Customers at home notice nothing.
  for (size_t i = 0; i < 400; ++i)
    CHECK(town.Try(town.home(i), Outcome::kSuccess).kind == VerdictKind::kAllow);
}

TEST_CASE("one address, a network, and a spray are stopped, each by what it cannot hide", "[detect]") {
  {
    Town town;
    town.Live(5);
    CHECK(town.Attack(1000, [&](int i) {
      return Login{Concat("customer", i % 400),     "185.1.2.3", Concat("Browser/", i % 12),
                   Concat("t13d_Browser/", i % 12), "",          0};
    }) <= 8);
    CHECK(town.by() == "source_ladder");
    // Firewalls are told by an order.
    REQUIRE(town.ears.decisions.size() == 1);
    CHECK(town.ears.decisions[0].action == Action::kBlock);
    CHECK(town.ears.decisions[0].value == "185.1.2.3");
    CHECK(town.ears.decisions[0].rule == "source_ladder");
  }
  {
    Town town;
    town.Live(5);
    CHECK(town.Attack(1000, [&](int i) {
      return Login{Concat("customer", i % 400),
                   Concat("185.1.2.", i % 250),
                   Concat("Browser/", i % 12),
                   Concat("t13d_Browser/", i % 12),
                   "",
                   0};
    }) <= 15);
  }
  {
    Town town;
    town.Live(5);
    CHECK(town.Attack(1000, [&](int i) {
      return Login{Concat("customer", i % 400),     town.Anywhere(), Concat("Browser/", i % 12),
                   Concat("t13d_Browser/", i % 12), "Spring2026",    0};
    }) <= 15);
  }
}

TEST_CASE(
    "an attack that wears customers' browsers is met by asking strangers, and customers at home notice "
    "nothing",
    "[detect]") {
  Town town;
  town.Live(5);
  int challenged_at_home = 0;
  const int reached = town.Attack(1500, [&](int i) {
    if (i % 10 == 0)
      challenged_at_home +=
          town.Try(town.home(static_cast<size_t>(i) % 400), Outcome::kSuccess).kind == VerdictKind::kAllow
              ? 0
              : 1;
    return town.StrangerAt(static_cast<size_t>(i), 3462, Concat("leak", i));
  });
  CHECK(reached - 150 <= 40);
  CHECK(challenged_at_home == 0);
  // A customer on a journey is asked, and not denied.
  const Login away{town.home(3).account, town.Anywhere(), town.home(3).agent, town.home(3).ja4, "", 64501};
  const Verdict verdict =
      town.Try(away, Outcome::kSuccess, {ChallengeResult::kPassed, ChallengeResult::kPassed});
  CHECK(verdict.kind == VerdictKind::kChallenge);
}

TEST_CASE("where nothing is told of challenges, honest strangers are let go some hours after an attack",
          "[detect]") {
  Town town;
  town.Live(5);
  town.AttackInDisguise(600);
  // A stranger every two minutes for a day, who fails as often as honest ones do and of whom no challenge is told.
  const auto stranger = [&](size_t i) {
    town.Pass(120);
    const Login away = town.StrangerAt(i);
    return town.Try(away, i % 10 == 0 ? Outcome::kBadPassword : Outcome::kSuccess).kind;
  };
  CHECK(stranger(0) == VerdictKind::kChallenge);
  int challenged_late = 0;
  for (size_t i = 1; i < 720; ++i) challenged_late += stranger(i) != VerdictKind::kAllow && i > 300 ? 1 : 0;
  INFO(town.by() << ": " << town.reason());
  CHECK(challenged_late < 40);
}

TEST_CASE("live, a challenge that is passed with the next attempt is no failure", "[detect]") {
  Town town;
  town.Live(5);
  town.AttackInDisguise(60);
  // Strangers go on to come, are stopped first, and come again with what they passed; one in ten is wrong all the same.
  int challenged = 0;
  for (size_t i = 0; i < 900; ++i) {
    town.Pass(60);
    const Login away = town.StrangerAt(i);
    const Outcome outcome = i % 10 == 0 ? Outcome::kBadPassword : Outcome::kSuccess;
    const bool asked = town.Try(away, outcome, {ChallengeResult::kAbsent, ChallengeResult::kAbsent}).kind !=
                       VerdictKind::kAllow;
    if (asked) town.Try(away, outcome, {ChallengeResult::kPassed, ChallengeResult::kPassed});
    challenged += asked && i > 300 ? 1 : 0;
  }
  CHECK(challenged < 60);
}

TEST_CASE("whoever tries to lock customers out gets two tries at each", "[detect]") {
  Town town;
  town.Live(5);
  int reached[8] = {};
  for (int round = 0; round < 40; ++round)
    for (int victim = 0; victim < 8; ++victim) {
      const Login login{town.home(static_cast<size_t>(victim)).account,
                        town.Anywhere(),
                        Concat("Browser/", round % 12),
                        Concat("t13d_Browser/", round % 12),
                        Concat("guess", round, victim),
                        0};
      reached[victim] += town.Try(login, Outcome::kBadPassword).kind == VerdictKind::kAllow ? 1 : 0;
    }
  for (const int one : reached) CHECK(one <= 2);
  for (size_t i = 0; i < 8; ++i) CHECK(town.Try(town.home(i), Outcome::kSuccess).kind == VerdictKind::kAllow);
}

TEST_CASE("a customer who fails on a new telephone is asked who he is once, and not at each further slip",
          "[detect]") {
  Town town;
  town.Live(5);
  constexpr ChallengeResults kPasses{ChallengeResult::kPassed, ChallengeResult::kPassed};
  const Login telephone{"customer7", "9.9.9.9", "App/1", "t13d_app", "", 0, "telephone"};
  const auto tries = [&](const Login& login, int times) {
    std::string said;
    for (int i = 0; i < times; ++i) {
      const Verdict verdict = town.Try(login, Outcome::kBadPassword, kPasses);
      said += verdict.kind == VerdictKind::kAllow ? '.' : 'i';
    }
    return said;
  };
  CHECK(tries(telephone, 5) == "...i.");
  CHECK(tries(town.home(7), 1) == ".");  // nobody else had a part in it
  town.Try(town.home(7), Outcome::kSuccess);
  town.Pass(20 * 60);  // the proof is forgotten
  // One of somebody else's, and his own typo would complete what that began.
  CHECK(tries({"customer7", "8.8.8.8", "App/1", "t13d_app", "", 0, "other"}, 1) == ".");
  CHECK(tries(telephone, 4) == ".i.i");
}

TEST_CASE(
    "who is at home by his network alone is a stranger among those that brought his account near its lock",
    "[detect]") {
  Town town({}, 1200);  // so many that a network is somebody's own
  town.Live(5);
  Login neighbour = town.home(7);
  neighbour.agent = neighbour.ja4 = "Neighbour/1";
  CHECK(town.Try(neighbour, Outcome::kBadPassword).lane == Lane::kFamiliar);
  for (int i = 0; i < 3; ++i)
    CHECK(town.Try(town.home(7), Outcome::kBadPassword).kind == VerdictKind::kAllow);
  CHECK(town.Try(town.home(7), Outcome::kBadPassword).kind == VerdictKind::kChallenge);
  // All by himself he is not asked.
  for (int i = 0; i < 4; ++i) {
    neighbour.account = town.home(8).account;
    neighbour.source = town.home(8).source;
    CHECK(town.Try(neighbour, Outcome::kBadPassword).kind == VerdictKind::kAllow);
  }
  CHECK(town.Try(neighbour, Outcome::kBadPassword).kind == VerdictKind::kAllow);
}

TEST_CASE("programs with old passwords that come every morning are no campaign", "[detect]") {
  Town town;
  town.Live(5);
  int under_pressure = 0;
  for (int morning = 0; morning < 10; ++morning) {
    // Each from a place of its own, so that nothing but how many fail is told of them.
    for (int again = 0; again < 3; ++again, town.Pass(3600))
      for (int i = 0; i < 3; ++i) {
        const Login program{
            Concat("customer", i), Concat("9.9.", i, ".9"), Concat("Program/", i), "", "", 3462};
        town.Try(program, Outcome::kBadPassword);
        under_pressure += town.by() == "pressure" ? 1 : 0;
      }
    town.Live(1);
  }
  CHECK(under_pressure == 0);
}

TEST_CASE("a list that comes back the next day from other places is a campaign again", "[detect]") {
  Town town;
  town.Live(5);
  CHECK(town.AttackInDisguise(400) <= 20);
  town.Live(4);  // eighteen hours
  CHECK(town.AttackInDisguise(400) <= 20);
}

TEST_CASE("an outage is no attack: customers at home go on, nobody is denied, and people are told",
          "[detect]") {
  Town town;
  town.Live(5);
  int stopped = 0;
  for (int round = 0; round < 3; ++round)
    for (size_t i = 0; i < 400; ++i)
      stopped += town.Try(town.home(i), Outcome::kBadPassword).kind == VerdictKind::kAllow ? 0 : 1;
  CHECK(stopped == 0);
  CHECK(town.ears.AlarmsOf("outage") == 1);
  for (int i = 0; i < 200; ++i) {
    const Login away{
        town.home(static_cast<size_t>(i)).account, "9.9.9.9", "Browser/1", "t13d_Browser/1", "", 0};
    CHECK(town.Try(away, Outcome::kBadPassword).kind != VerdictKind::kDeny);
  }
}

TEST_CASE("right passwords inside a campaign are named, those before it was known too", "[detect]") {
  Town town;
  town.Live(5);
  const auto attacker = [&](int i) {
    return Login{Concat("customer", i), town.Anywhere(), "tool/1", "t13d_tool", Concat("leak", i), 64500};
  };
  town.Try(attacker(7), Outcome::kSuccess);
  for (int i = 20; i < 400; ++i) town.Try(attacker(i), Outcome::kBadPassword);
  REQUIRE(town.ears.AlarmsOf("takeover") == 1);
  const auto named = std::ranges::find(town.ears.alarms, "takeover", &Alarm::kind);
  CHECK(named->text.starts_with("customer7: "));
  REQUIRE(town.ears.decisions.size() == 1);
  CHECK(town.ears.decisions[0].value == "customer7");
  CHECK(town.ears.decisions[0].action == Action::kLock);
  CHECK(town.ears.decisions[0].all_lanes);
  // It carries what the campaign was condemned on.
  const Evidence& evidence = town.ears.decisions[0].evidence;
  CHECK(evidence.detector == "campaign_finder");
  CHECK(evidence.setting == "detectors.evidence.condemned");
  CHECK(evidence.threshold == 13.8);
  CHECK(evidence.score >= evidence.threshold);
  CHECK(evidence.since_ms > 0);
  CHECK(evidence.since_ms <= town.ears.decisions[0].time_ms);
  REQUIRE(!evidence.group.empty());
  CHECK(evidence.group.back() == std::pair<std::string, std::string>("tls.client.ja4", "t13d_tool"));
  // The owner at home is asked who he is, where he can be; nobody else gets as far.
  const Verdict at_home = town.Try(town.home(7), Outcome::kSuccess);
  CHECK(at_home.kind == VerdictKind::kChallenge);
  CHECK(at_home.challenge_kind == ChallengeKind::kIdentity);
  CHECK(town.Try(attacker(7), Outcome::kSuccess).kind == VerdictKind::kDeny);
  town.can_ask = CanAsk::kHuman;
  CHECK(town.Try(town.home(7), Outcome::kSuccess).kind == VerdictKind::kDeny);
}

TEST_CASE("a customer who mistypes his name in an attacker's looks is known by his cookie, and asked",
          "[detect]") {
  Town town({}, 2000);  // of whom one is no share that clears a tool
  Login customer{"customer9", "61.9.0.7", "tool/1", "t13d_tool", "", 0, "cookie"};
  town.Try(customer, Outcome::kSuccess);
  town.Live(5);
  for (int i = 20; i < 400; ++i)
    town.Try({Concat("customer", i), town.Anywhere(), "tool/1", "t13d_tool", Concat("leak", i), 0},
             Outcome::kBadPassword);
  customer.account = "custmoer9";
  const Verdict asked = town.Try(customer, Outcome::kUnknownAccount);
  CHECK(asked.kind == VerdictKind::kChallenge);
  CHECK(asked.challenge_kind == ChallengeKind::kIdentity);
  customer.device = "another";
  CHECK(town.Try(customer, Outcome::kUnknownAccount).kind == VerdictKind::kDeny);
}

TEST_CASE("who had the looks of a campaign before it began, or long after it, is not named", "[detect]") {
  Town town;
  town.Live(5);
  const auto looks_like = [&](int i) {
    return Login{Concat("customer", i), town.Anywhere(), "tool/1", "t13d_tool", Concat("leak", i), 64500};
  };
  town.Try(looks_like(7), Outcome::kSuccess);
  town.Pass(6 * 3600);
  for (int i = 20; i < 400; ++i) town.Try(looks_like(i), Outcome::kBadPassword);
  CHECK(town.ears.AlarmsOf("campaign") > 0);
  CHECK(town.ears.AlarmsOf("takeover") == 0);
  town.Pass(12 * 3600);
  town.Try(looks_like(8), Outcome::kSuccess);
  CHECK(town.ears.AlarmsOf("takeover") == 0);
  CHECK(town.ears.decisions.empty());
}

TEST_CASE(
    "the guard asks what the way of an attempt can ask, and denies the last password where that is not "
    "enough",
    "[detect]") {
  // Of five wrong passwords: two by strangers, then they are asked; at the last only who can be asked who he is gets on.
  const auto kinds = [](CanAsk can_ask, CanAsk allowed) {
    DetectorSettings settings;
    settings.challenges = allowed;
    settings.states.fill(DetectorState::kOff);
    settings.states[static_cast<size_t>(DetectorId::kAccountGuard)] = DetectorState::kOn;
    Town town(settings);
    town.Live(5);
    town.can_ask = can_ask;
    std::string said;
    for (int i = 0; i < 6; ++i) {
      const Login login{"customer7", town.Anywhere(), Concat("Browser/", i), Concat("t13d_Browser/", i), "",
                        3462};
      // Whoever is asked passes: only the guard is to stop him.
      const ChallengeResults passed{ChallengeResult::kPassed, ChallengeResult::kPassed};
      const Verdict verdict = town.Try(login, Outcome::kBadPassword, passed);
      said += verdict.kind == VerdictKind::kAllow               ? 'a'
              : verdict.kind == VerdictKind::kDeny              ? 'd'
              : verdict.challenge_kind == ChallengeKind::kHuman ? 'h'
                                                                : 'i';
    }
    return said;
  };
  CHECK(kinds(CanAsk::kUnsaid, CanAsk::kBoth) == "aaiiii");
  CHECK(kinds(CanAsk::kBoth, CanAsk::kBoth) == "aaiiii");
  CHECK(kinds(CanAsk::kHuman, CanAsk::kBoth) == "aahhdd");
  CHECK(kinds(CanAsk::kBoth, CanAsk::kHuman) == "aahhdd");
  CHECK(kinds(CanAsk::kNeither, CanAsk::kBoth) == "aadddd");
  CHECK(kinds(CanAsk::kIdentity, CanAsk::kHuman) == "aadddd");
}

TEST_CASE("human tests that are solved are noticed, and strangers are asked who they are", "[detect]") {
  const auto reached = [](bool can_ask_identity) {
    DetectorSettings settings;
    settings.challenges = CanAskFor(true, can_ask_identity);
    Town town(settings);
    town.Live(5);
    int through = 0;
    for (int i = 0; i < 1500; ++i) {
      const Login login{Concat("customer", i % 400),     town.Anywhere(),   Concat("Browser/", i % 12),
                        Concat("t13d_Browser/", i % 12), Concat("leak", i), 3462};
      const ChallengeResults solved{i % 3 == 0 ? ChallengeResult::kPassed : ChallengeResult::kFailed,
                                    ChallengeResult::kFailed};
      const Verdict verdict = town.Try(login, Outcome::kBadPassword, solved);
      through += ReachesPasswordCheck(verdict, solved) ? 1 : 0;
    }
    CHECK(town.ears.AlarmsOf("solver") >= 1);
    return through;
  };
  CHECK(reached(true) <= 60);
  CHECK(reached(false) <= 600);
}

TEST_CASE("a detector in shadow says what it would do and does nothing; one that is off learns nothing",
          "[detect]") {
  for (const DetectorState state : {DetectorState::kShadow, DetectorState::kOff}) {
    DetectorSettings settings;
    settings.states.fill(state);
    Town town(settings);
    town.Live(1);
    const int reached = town.Attack(300, [&](int i) {
      return Login{Concat("customer", i % 400), "185.1.2.3", "tool/1", "t13d_tool", "", 0};
    });
    CHECK(reached == 300);
  }
}

}  // namespace
}  // namespace stockade
