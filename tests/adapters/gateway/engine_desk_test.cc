// Proves what the desk promises: tickets find their outcomes and are bounded, a passed challenge is used once, modes and
// rules change while it runs, whatever several threads do at once.
#include "adapters/gateway/engine_desk.h"

#include <catch2/catch.hpp>
#include <thread>

#include "tests/adapters/gateway/desk_hammer.h"

namespace stockade {
namespace {

constexpr int64_t kSecond = DeskScene::kSecond;

TEST_CASE("outcomes told by ticket bring decisions, and decisions bring verdicts", "[gateway][desk]") {
  DeskScene scene;
  for (int i = 0; i < 5; ++i) {
    const GateAnswer answer = scene.Try("192.0.2.9", "a" + std::to_string(i), Outcome::kBadPassword);
    CHECK(answer.kind == VerdictKind::kAllow);
    CHECK(answer.reaches);
    CHECK(answer.ticket != 0);
    CHECK(answer.by.empty());
  }
  const GateAnswer stopped = scene.Try("192.0.2.9", "b", Outcome::kSuccess);
  CHECK(stopped.kind == VerdictKind::kDeny);
  CHECK_FALSE(stopped.reaches);
  CHECK(stopped.ticket == 0);
  CHECK(stopped.by == "frequency");
  CHECK_FALSE(stopped.reason.empty());
  const DeskFigures figures = scene.desk->figures();
  CHECK(figures.outcomes[static_cast<size_t>(Outcome::kBadPassword)] == 5);
  CHECK(figures.in_flight == 0);
  CHECK(figures.verdicts_by.at("frequency")[static_cast<size_t>(VerdictKind::kDeny)] == 1);
  CHECK(figures.verdicts_by.at("")[static_cast<size_t>(VerdictKind::kAllow)] == 5);
  CHECK(figures.assess.count == 6);
  CHECK(figures.observe.count == 5);
  CHECK(scene.desk->StandingDecisions().size() == 1);
}

TEST_CASE("a ticket is told once; later, unknown and stopped ones are counted and change nothing",
          "[gateway][desk]") {
  DeskScene scene;
  const GateAnswer answer = scene.Try("192.0.2.9", "a", Outcome::kBadPassword);
  scene.desk->Observe(answer.ticket, Outcome::kBadPassword);
  scene.desk->Abandon(answer.ticket);
  scene.desk->Observe(4711, Outcome::kSuccess);
  scene.desk->Observe(0, Outcome::kSuccess);
  scene.desk->Abandon(0);
  CHECK(scene.desk->figures().unmatched == 3);
  CHECK(scene.desk->figures().engine.observed == 1);
}

TEST_CASE("a ticket that nobody tells anything is given up as unknown when its time is over",
          "[gateway][desk]") {
  DeskScene scene;
  const GateAnswer answer = scene.desk->Assess(DeskScene::From("192.0.2.9", "a"));
  scene.now_ns += absl::ToInt64Nanoseconds(EngineDesk::kTicketTime) - 1;
  scene.desk->Tick();
  CHECK(scene.desk->figures().in_flight == 1);
  scene.now_ns += 1;
  scene.desk->Tick();
  CHECK(scene.desk->figures().in_flight == 0);
  CHECK(scene.desk->figures().given_up == 1);
  CHECK(scene.books.record.find("{\"stockade\":{\"observe\":1}") != std::string::npos);
  scene.desk->Observe(answer.ticket, Outcome::kSuccess);
  CHECK(scene.desk->figures().unmatched == 1);
}

TEST_CASE("who is familiar is copied while logins go on, and what a desk begins with is in its record",
          "[gateway][desk]") {
  DeskScene scene;
  const HashKey key = EngineOptions().hash_key;
  for (int i = 0; i < 100; ++i) scene.Try("192.0.2.9", "old" + std::to_string(i), Outcome::kSuccess);
  std::string bytes;
  FamiliarWriter writer(key);
  std::thread copier([&] {
    for (bool more = true; more;) {
      more = scene.desk->CopyFamiliar(&writer);
      writer.Encode(&bytes);
    }
  });
  for (int i = 0; i < 300; ++i) scene.Try("198.51.100.7", "new" + std::to_string(i), Outcome::kSuccess);
  copier.join();
  CHECK(writer.accounts() >= 100);

  DeskScene next;
  bool told = false;
  const auto facts = next.desk->LoadFamiliar([&]() -> absl::StatusOr<std::string_view> {
    return std::exchange(told, true) ? std::string_view() : std::string_view(bytes);
  });
  REQUIRE(facts.ok());
  CHECK(facts->accounts == writer.accounts());
  CHECK(next.desk->figures().familiar.accounts == writer.accounts());
  CHECK(next.books.record.find("{\"stockade\":{\"familiar\":\"" + ToHex(writer.id()) + "\"}") !=
        std::string::npos);
}

TEST_CASE("what a live source dates ahead of now counts now, and makes nobody else late", "[gateway][desk]") {
  DeskScene scene;
  const auto see = [&](const std::string& source, const std::string& account, int64_t time_ns) {
    LoginEvent event;
    event.attempt.time_ns = time_ns;
    event.attempt.source = *Address::Parse(source);
    event.attempt.account = account;
    event.aftermath.outcome = Outcome::kBadPassword;
    scene.now_ns += kSecond;
    scene.desk->Witness(event, nullptr);
  };
  for (int i = 0; i < 20; ++i)
    see("198.51.100." + std::to_string(i), "x" + std::to_string(i), scene.now_ns + 3600 * kSecond);
  for (int i = 0; i < 8; ++i) see("192.0.2.9", "a" + std::to_string(i), scene.now_ns);
  const DeskFigures figures = scene.desk->figures();
  CHECK(figures.witnessed == 28);
  CHECK(figures.clock_ahead == 20);
  CHECK(figures.engine.too_late == 0);
  CHECK(scene.desk->StandingDecisions().size() == 1);
}

TEST_CASE("tickets are bounded: the oldest is given up for the newest", "[gateway][desk]") {
  DeskScene scene;
  for (size_t i = 0; i < EngineDesk::kTicketsMax + 3; ++i) {
    const std::string account = "a" + std::to_string(i);
    Attempt attempt = DeskScene::From("192.0.2.9", account);
    attempt.source = Address::V4(static_cast<uint32_t>(i) << 8);
    scene.desk->Assess(attempt);
  }
  CHECK(scene.desk->figures().in_flight == EngineDesk::kTicketsMax);
  CHECK(scene.desk->figures().given_up == 3);
}

TEST_CASE("an abandoned ticket is told to nobody", "[gateway][desk]") {
  DeskScene scene;
  const GateAnswer answer = scene.desk->Assess(DeskScene::From("192.0.2.9", "a"));
  scene.desk->Abandon(answer.ticket);
  CHECK(scene.desk->figures().abandoned == 1);
  CHECK(scene.desk->figures().engine.observed == 0);
}

TEST_CASE("a challenge that was passed lets the next attempt through, once", "[gateway][desk]") {
  DeskScene scene;
  scene.MakeChallenged("alice");
  const GateAnswer asked = scene.desk->Assess(DeskScene::From("192.0.2.77", "alice", "d1"));
  REQUIRE(asked.kind == VerdictKind::kChallenge);
  CHECK_FALSE(asked.reaches);
  scene.desk->NoteChallengePassed(asked.challenge_kind, "alice", *Address::Parse("192.0.2.77"), "d1");
  CHECK_FALSE(scene.desk->Assess(DeskScene::From("192.0.2.77", "alice", "d2")).reaches);
  const GateAnswer passed = scene.desk->Assess(DeskScene::From("192.0.2.78", "alice", "d1"));
  CHECK(passed.kind == VerdictKind::kChallenge);
  CHECK(passed.reaches);
  CHECK(passed.ticket != 0);
  CHECK_FALSE(scene.desk->Assess(DeskScene::From("192.0.2.77", "alice", "d1")).reaches);
  CHECK(scene.desk->figures().challenges_used == 1);
}

TEST_CASE("who has proved who he is gets in on a way that could not have asked him, once",
          "[gateway][desk]") {
  DeskScene scene;
  scene.MakeChallenged("alice");
  Attempt attempt = DeskScene::From("192.0.2.77", "alice", "d1");
  attempt.can_ask = CanAsk::kNeither;
  CHECK(scene.desk->Assess(attempt).kind == VerdictKind::kDeny);
  // He called his branch.
  scene.desk->NoteChallengePassed(ChallengeKind::kIdentity, "alice", attempt.source, "d1");
  CHECK(scene.desk->Assess(attempt).reaches);
  CHECK(scene.desk->Assess(attempt).kind == VerdictKind::kDeny);
}

TEST_CASE("a passed challenge is forgotten after its time", "[gateway][desk]") {
  DeskScene scene;
  scene.MakeChallenged("alice");
  scene.desk->NoteChallengePassed(ChallengeKind::kIdentity, "alice", *Address::Parse("192.0.2.77"), "");
  scene.now_ns += 15 * 60 * kSecond;
  CHECK_FALSE(scene.desk->Assess(DeskScene::From("192.0.2.77", "alice")).reaches);
}

TEST_CASE("the mode changes between two attempts", "[gateway][desk]") {
  DeskScene scene;
  scene.MakeChallenged("alice");
  scene.desk->SetMode(Mode::kObserve);
  CHECK(scene.desk->mode() == Mode::kObserve);
  CHECK(scene.desk->Assess(DeskScene::From("192.0.2.9", "alice")).kind == VerdictKind::kAllow);
  scene.desk->SetMode(Mode::kCertificateOnly);
  const GateAnswer answer = scene.desk->Assess(DeskScene::From("192.0.2.9", "bob"));
  CHECK(answer.kind == VerdictKind::kDeny);
  CHECK(answer.by == "mode");
}

TEST_CASE("a reload keeps counters, decisions and tickets; a broken one changes nothing", "[gateway][desk]") {
  DeskScene scene;
  scene.MakeChallenged("alice");
  for (int i = 0; i < 4; ++i) scene.Try("192.0.2.9", "a" + std::to_string(i), Outcome::kBadPassword);
  const GateAnswer waiting = scene.desk->Assess(DeskScene::From("192.0.2.9", "b"));

  std::string greedy(kDeskRules);
  greedy.replace(greedy.find("{gte: 5}"), 8, "{gte: 500}");
  EngineDesk::Changes changes;
  changes.rules = CompileDeskRules(greedy);
  const absl::Status refused = scene.desk->Reload(changes);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.message().find("desk.yml") != std::string::npos);
  CHECK(scene.books.record.find("reload") == std::string::npos);

  changes.rules = CompileDeskRules();
  REQUIRE(scene.desk->Reload(changes).ok());
  changes.rules.reset();
  CHECK(scene.books.record.find("{\"stockade\":{\"reload\":true}") != std::string::npos);
  scene.desk->Observe(waiting.ticket, Outcome::kBadPassword);  // the fifth
  CHECK(scene.desk->Assess(DeskScene::From("192.0.2.9", "c")).kind == VerdictKind::kDeny);
  CHECK(scene.desk->Assess(DeskScene::From("198.51.100.9", "alice")).kind == VerdictKind::kChallenge);

  changes.rules = CompileDeskRules();
  changes.allowlist.AddNetwork(*Prefix::Parse("192.0.2.0/24"));
  REQUIRE(scene.desk->Reload(changes).ok());
  CHECK(scene.desk->Assess(DeskScene::From("192.0.2.9", "c")).kind == VerdictKind::kChallenge);
}

TEST_CASE("a finished desk answers that it is in trouble and tells nobody anything", "[gateway][desk]") {
  DeskScene scene;
  const GateAnswer waiting = scene.desk->Assess(DeskScene::From("192.0.2.9", "b"));
  scene.desk->Finish();
  scene.desk->Finish();
  const size_t written = scene.books.record.size();
  CHECK(scene.desk->figures().given_up == 1);
  const GateAnswer answer = scene.desk->Assess(DeskScene::From("192.0.2.9", "c"));
  CHECK(answer.in_trouble);
  CHECK_FALSE(answer.reaches);
  scene.desk->Observe(waiting.ticket, Outcome::kSuccess);
  scene.desk->SetMode(Mode::kObserve);
  CHECK_FALSE(
      scene.desk->Reload({CompileDeskRules(), {}, CertificatePolicy::kPreferred, {}, absl::Minutes(1)}).ok());
  CHECK(scene.books.record.size() == written);
}

TEST_CASE("a clock that steps back a little stands still, one that is set back is followed",
          "[gateway][desk]") {
  DeskScene scene;
  scene.Try("192.0.2.9", "a", Outcome::kSuccess);
  const auto last_time = [&scene] {
    const size_t at = scene.books.record.rfind("\"@timestamp\":\"");
    return scene.books.record.substr(at + 14, 30);
  };
  const std::string before = last_time();
  scene.now_ns -= 60 * kSecond;
  scene.desk->Assess(DeskScene::From("192.0.2.9", "a"));
  CHECK(last_time() == before);
  scene.now_ns -= 3600 * kSecond;
  scene.desk->Assess(DeskScene::From("192.0.2.9", "a"));
  CHECK(last_time() < before);
}

TEST_CASE("whatever several threads do at once, every attempt let through ends once", "[gateway][desk]") {
  DeskScene scene;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i) threads.emplace_back(Hammer, &scene, i, 1500);
  // Somebody looks on all the while.
  std::atomic<bool> done = false;
  std::atomic<size_t> most = 0;
  std::thread reader([&] {
    while (!done) {
      most = std::max<size_t>(most, scene.desk->figures().in_flight);
      static_cast<void>(scene.desk->StandingDecisions());
      scene.desk->Tick();
    }
  });
  for (std::thread& thread : threads) thread.join();
  done = true;
  reader.join();
  scene.desk->Finish();
  const DeskFigures figures = scene.desk->figures();
  uint64_t told = 0;
  for (const uint64_t count : figures.outcomes) told += count;
  constexpr std::string_view kBegin = "{\"stockade\":{\"attempt\":";
  uint64_t reached = 0;
  for (size_t at = scene.books.record.find(kBegin); at != std::string::npos;
       at = scene.books.record.find(kBegin, at + 1)) {
    reached += scene.books.record[at + kBegin.size()] != '0' ? 1 : 0;
  }
  CHECK(most <= EngineDesk::kTicketsMax);
  CHECK(figures.engine.assessed == 4 * 1500);
  CHECK(told + figures.given_up + figures.abandoned == reached);
  CHECK(figures.engine.observed == told + figures.given_up);
  CHECK(figures.in_flight == 0);
}

}  // namespace
}  // namespace stockade
