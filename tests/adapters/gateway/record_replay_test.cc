// Proves live = replay: a record of a desk that several threads used, replayed by the program, gives the same verdicts and
// decisions byte for byte, and its attempts are explained with the outcomes that came later.
#include <catch2/catch.hpp>
#include <thread>

#include "tests/adapters/gateway/desk_hammer.h"
#include "tests/end_to_end/scene.h"

namespace stockade {
namespace {

constexpr int64_t kSecond = DeskScene::kSecond;

TEST_CASE(
    "a record replayed gives the same verdicts and decisions, byte for byte, however many threads made it",
    "[gateway][desk][record]") {
  const unsigned seed = GENERATE(11u, 12u, 13u);
  const int thread_count = GENERATE(1, 4);
  CAPTURE(seed, thread_count);
  DeskScene scene;
  std::vector<std::thread> threads;
  for (int i = 0; i < thread_count; ++i)
    threads.emplace_back(Hammer, &scene, seed * 100 + static_cast<unsigned>(i), 6000 / thread_count);
  for (std::thread& thread : threads) thread.join();
  scene.desk->Finish();
  const DeskFigures figures = scene.desk->figures();
  CHECK(figures.given_up > 0);
  CHECK(figures.abandoned > 0);
  CHECK(figures.challenges_used > 0);
  CHECK(figures.engine.verdicts[static_cast<size_t>(VerdictKind::kDeny)] > 0);
  REQUIRE_FALSE(scene.books.decisions.empty());

  const Scene folder;
  folder.Write("rules.yml", std::string(kDeskRules));
  const std::string record = folder.Write("record.ndjson", scene.books.record);
  const ProgramRun run = folder.Replay({record});
  INFO(run.err);
  REQUIRE(run.exit_code == kExitFine);
  CHECK(folder.Read("verdicts") == scene.books.verdicts);
  CHECK(folder.Read("decisions") == scene.books.decisions);
  CHECK(run.out.find("record, the first") != std::string::npos);
}

TEST_CASE("what stood before a gate began, and was restored, is replayed too", "[gateway][desk][record]") {
  DeskScene before;
  for (int i = 0; i < 5; ++i) before.Try("192.0.2.9", "a", Outcome::kBadPassword);
  const std::vector<Decision> standing = before.desk->StandingDecisions();
  REQUIRE(standing.size() == 1);
  Decision over = standing[0];  // another address, long over: a repeater
  over.value = "192.0.2.7";
  over.prefix = *Prefix::Parse(over.value);
  over.time_ms -= 7'200'000;
  over.until_ms -= 7'200'000;

  DeskScene after;
  after.now_ns = before.now_ns.load();
  after.desk->Restore(std::vector<Decision>{standing[0], over});
  CHECK(after.Try("192.0.2.9", "b", Outcome::kSuccess).kind == VerdictKind::kDeny);
  CHECK(after.Try("192.0.2.7", "b", Outcome::kSuccess).kind == VerdictKind::kAllow);
  CHECK(after.books.decisions.empty());  // nobody decided anew
  after.desk->Finish();
  const Scene folder;
  folder.Write("rules.yml", std::string(kDeskRules));
  const ProgramRun run = folder.Replay({folder.Write("record.ndjson", after.books.record)});
  INFO(run.err);
  REQUIRE(run.exit_code == kExitFine);
  CHECK(folder.Read("verdicts") == after.books.verdicts);
}

TEST_CASE("an attempt of a record is explained with the outcome that came later", "[gateway][desk][record]") {
  DeskScene scene;
  std::vector<GateAnswer> answers;
  for (int i = 0; i < 5; ++i) {
    scene.now_ns += kSecond;
    const std::string account = "a" + std::to_string(i);
    answers.push_back(scene.desk->Assess(DeskScene::From("192.0.2.9", account)));
  }
  for (const GateAnswer& answer : answers) scene.desk->Observe(answer.ticket, Outcome::kBadPassword);
  scene.Try("192.0.2.9", "last", Outcome::kBadPassword);
  scene.desk->Finish();
  const Scene folder;
  const std::string rules = folder.Write("rules.yml", std::string(kDeskRules));
  const std::string record = folder.Write("record.ndjson", scene.books.record);
  // Begin, mode, five attempts: the fifth is line 7; the stopped one is line 13.
  const ProgramRun fifth = RunStockade({"explain", "--line", "7", "--rules", rules, record});
  INFO(fifth.out << fifth.err);
  CHECK(fifth.exit_code == kExitFine);
  CHECK(fifth.out.find("bad_password") != std::string::npos);
  CHECK(fifth.out.find("frequency") != std::string::npos);
  const ProgramRun stopped = RunStockade({"explain", "--line", "13", "--rules", rules, record});
  INFO(stopped.out << stopped.err);
  CHECK(stopped.exit_code == kExitFine);
  CHECK(stopped.out.find("frequency") != std::string::npos);
}

}  // namespace
}  // namespace stockade
