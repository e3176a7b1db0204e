// Backtests: what is counted, by hand on a small log, and the same from any number of threads.
#include "tools/tuning/backtest.h"

#include "engine/rule/compile.h"
#include "engine/rule/sigma_parse.h"
#include "tests/frequency_rules.h"
#include "tests/tools/tuning/written_log.h"

namespace stockade {
namespace {

std::shared_ptr<const RuleSet> Rules() {
  SigmaDocuments documents;
  REQUIRE(ParseSigma(kFrequencyRules, "rules", &documents).ok());
  FieldTable fields;
  absl::StatusOr<std::unique_ptr<const RuleSet>> rules = Compile(std::move(documents), &fields);
  REQUIRE(rules.ok());
  return *std::move(rules);
}

// One address guesses at twelve accounts, three of a customer's failures among them.
struct Scene {
  WrittenLog written;
  Labels labels;

  Scene() {
    labels.campaigns = {"1 burst"};
    for (int i = 0; i < 12; ++i) {
      written.Add(i * 10, "203.0.113.5", "victim" + std::to_string(i % 2), "bad_password");
      labels.of.push_back({AttemptKind::kAttack, false, i == 7, true, 1, kNoPerson});
      if (i % 4 != 3) continue;
      // From the address that is blocked by then, or not yet.
      written.Add(i * 10 + 5, "203.0.113.5", "alice", "success");
      labels.of.push_back({AttemptKind::kCustomer, i > 4, true, true, 0, 0});
    }
    labels.account_of = {4};
  }
};

TEST_CASE("what is stopped, and whom it hurts, is counted as it happens", "[tuning]") {
  const Scene scene;
  const EventLog log = scene.written.Read();
  const LogDays days = LogDays::Build(log, scene.labels);
  Candidate candidate;
  candidate.options.memory_bytes = size_t{64} << 20;
  candidate.rules = Rules();
  const Backtest backtest{log, scene.labels, days, {.limit = 3, .reset_ms = 0}};
  const auto runs = RunBacktests(backtest, {candidate}, 1, nullptr, nullptr);
  REQUIRE(runs.ok());
  const Figures& figures = (*runs)[0];
  // The fifth failure blocks; the customer's first login came before.
  CHECK(figures.campaigns[0].attempts == 12);
  CHECK(figures.campaigns[0].reached == 5);
  CHECK(figures.campaigns[0].first_stop == 6);
  CHECK(figures.campaigns[0].first_stop_ms == 50'000);
  CHECK(figures.campaigns[0].valid_tried == 1);
  CHECK(figures.campaigns[0].taken_over == 0);
  CHECK_FALSE(figures.campaigns[0].settled);
  CHECK(figures.customer(false, false).attempts == 1);
  CHECK(figures.customer(false, false).touched() == 0);
  CHECK(figures.customer(false, true).attempts == 2);
  CHECK(figures.customer(false, true).denied + figures.customer(false, true).challenged == 2);
  CHECK(figures.customer().stopped_right == 2);
  CHECK(figures.by.at("frequency").attacks_stopped == 7);
  CHECK(figures.by.at("frequency").customers_touched == 2);
  // victim0 had three wrong passwords in a row that reached the check, victim1 two.
  CHECK(figures.locks.by(LockedBy::kStranger) == 1);
  CHECK(figures.locks.by_strangers.people == 1);
  CHECK(log.AccountName(figures.locks.by_strangers.names[0].account) == "victim0");
  CHECK(figures.decisions >= 1);
}

TEST_CASE("a lock has somebody else in its row, nobody known, or its owner alone", "[tuning]") {
  WrittenLog written;
  Labels labels;
  labels.campaigns = {"1"};
  labels.account_of = {2};
  const auto add = [&](int second, const char* reason, AttemptKind kind) {
    written.Add(second, "198.51.100." + std::to_string(second % 200), "alice", reason);
    labels.of.push_back({kind, true, false, true, static_cast<uint16_t>(kind == AttemptKind::kAttack ? 1 : 0),
                         kind == AttemptKind::kCustomer ? 0 : kNoPerson});
  };
  add(1, "bad_password", AttemptKind::kCustomer);
  add(2, "bad_password", AttemptKind::kAttack);
  add(3, "account_locked", AttemptKind::kAttack);  // says nothing
  add(4, "bad_password", AttemptKind::kCustomer);  // a lock with a stranger in its row
  add(5, "bad_password", AttemptKind::kCustomer);
  add(6, "bad_password", AttemptKind::kCustomer);
  add(7, "success", AttemptKind::kCustomer);  // ends the row
  add(8, "bad_password", AttemptKind::kCustomer);
  add(9, "bad_password", AttemptKind::kUndecided);
  add(10, "bad_password", AttemptKind::kCustomer);  // a lock, and nobody knows
  for (int second = 11; second < 14; ++second)
    add(second, "bad_password", AttemptKind::kCustomer);  // his own
  const EventLog log = written.Read();
  const LogDays days = LogDays::Build(log, labels);
  Candidate candidate;
  candidate.options.memory_bytes = size_t{64} << 20;
  candidate.rules = Rules();
  const auto runs =
      RunBacktests({log, labels, days, {.limit = 3, .reset_ms = 0}}, {candidate}, 1, nullptr, nullptr);
  REQUIRE(runs.ok());
  for (const LockedBy by : {LockedBy::kStranger, LockedBy::kUndecided, LockedBy::kOwner})
    CHECK((*runs)[0].locks.by(by) == 1);
}

TEST_CASE("any number of threads finds the same", "[tuning]") {
  const Scene scene;
  const EventLog log = scene.written.Read();
  const LogDays days = LogDays::Build(log, scene.labels);
  const std::shared_ptr<const RuleSet> rules = Rules();
  std::vector<Candidate> candidates(9);
  for (size_t i = 0; i < candidates.size(); ++i) {
    candidates[i].options.memory_bytes = size_t{64} << 20;
    candidates[i].options.detectors.emplace();
    candidates[i].options.detectors->evidence.suspect = 5 + static_cast<float>(i) / 2;
    candidates[i].rules = rules;
  }
  const Backtest backtest{log, scene.labels, days, {.limit = 3, .reset_ms = 0}};
  FirstContacts contacts(log, days);
  const auto one = RunBacktests(backtest, candidates, 1, &contacts, nullptr);
  FirstContacts contacts_of_four(log, days);
  const auto four = RunBacktests(backtest, candidates, 4, &contacts_of_four, [](uint64_t) { return true; });
  REQUIRE(one.ok());
  REQUIRE(four.ok());
  for (size_t i = 0; i < candidates.size(); ++i) {
    CHECK((*one)[i].reached == (*four)[i].reached);
    CHECK((*one)[i].verdicts == (*four)[i].verdicts);
    CHECK((*one)[i].alarms == (*four)[i].alarms);
  }
}

TEST_CASE("an interrupted run says so", "[tuning]") {
  const Scene scene;
  const EventLog log = scene.written.Read();
  const LogDays days = LogDays::Build(log, scene.labels);
  Candidate candidate;
  candidate.options.memory_bytes = 1;  // less than any engine may have
  candidate.rules = Rules();
  const Backtest backtest{log, scene.labels, days, {}};
  const auto refused = RunBacktests(backtest, {candidate, candidate}, 2, nullptr, nullptr);
  CHECK(absl::IsInvalidArgument(refused.status()));
  candidate.options.memory_bytes = size_t{64} << 20;
  const std::vector<Candidate> many(64, candidate);
  const auto stopped = RunBacktests(backtest, many, 1, nullptr, [](uint64_t) { return false; });
  if (!stopped.ok()) CHECK(absl::IsCancelled(stopped.status()));
}

}  // namespace
}  // namespace stockade
