// The shipped rules over recorded logs of real hosts: how many hostile addresses are blocked, and that no
// customer is.
#include <catch2/catch.hpp>
#include <iostream>
#include <map>

#include "tests/corpus/rule_run.h"

namespace stockade {
namespace {

const std::vector<std::string> kPack = {STOCKADE_SOURCE_DIR "/rules"};

TEST_CASE("on a public host's auth.log no customer is stopped and whoever goes on mostly is blocked",
          "[corpus]") {
  const auto folder = CorpusFolder("linux-auth-log");
  if (!folder) return;
  SourceOptions options;
  options.format = "sshd";
  options.year = 2017;
  const RuleRun run = RunRules("", kPack, *folder + "/auth-shared.log", "", options, Feeding::kWhatIf);

  // Truth: an address with one success is a customer's, every other one that fails is hostile.
  struct Address {
    int attempts = 0, stopped = 0, successes = 0, failures = 0;
  };
  std::map<std::string, Address> addresses;
  for (const RunVerdict& verdict : run.verdicts) {
    Address& address = addresses[verdict.source];
    ++address.attempts;
    address.stopped += verdict.reached ? 0 : 1;
    (verdict.outcome == Outcome::kSuccess ? address.successes : address.failures) += 1;
  }
  std::map<std::string, int> blocks;
  for (const Decision& decision : run.decisions) {
    if (decision.action == Action::kBlock) ++blocks[decision.value];
  }
  int hostile = 0, blocked = 0, persistent = 0, persistent_blocked = 0, attempts = 0, stopped = 0;
  for (const auto& [source, address] : addresses) {
    INFO(source);
    if (address.successes > 0) {
      CHECK(address.stopped == 0);
      CHECK_FALSE(blocks.contains(source));
      continue;
    }
    if (address.failures == 0) continue;
    ++hostile;
    attempts += address.attempts;
    stopped += address.stopped;
    const bool is_blocked = blocks.contains(source);
    blocked += is_blocked ? 1 : 0;
    // One or two tries an address are nothing to count; no rule by address can tell them from a customer.
    if (address.attempts > 3) {
      ++persistent;
      persistent_blocked += is_blocked ? 1 : 0;
    }
  }
  std::cout << "linux-auth-log: " << blocked << " of " << hostile << " hostile addresses blocked ("
            << persistent_blocked << " of the " << persistent << " with more than three tries), " << stopped
            << " of " << attempts << " hostile attempts stopped, unreadable " << run.unreadable << "\n";
  CHECK(hostile > 0);
  // What is left tries one account that is nobody's default fewer than eight times: customers do that too.
  CHECK(persistent_blocked * 10 >= persistent * 9);
}

TEST_CASE("ordinary web traffic raises no login alert", "[corpus]") {
  const auto folder = CorpusFolder("apache-access-sample");
  if (!folder) return;
  SourceOptions options;
  options.format = "combined";
  const RuleRun run = RunRules("", kPack, *folder + "/apache_logs-shared.log", "", options, Feeding::kWhatIf);
  std::cout << "apache-access-sample: " << run.verdicts.size() << " login attempts read, "
            << run.alerts.size() << " alerts\n";
  for (const RunAlert& alert : run.alerts) UNSCOPED_INFO(alert.rule << " " << alert.source);
  CHECK(run.alerts.empty());
  CHECK(run.decisions.empty());
}

TEST_CASE("the risk-based authentication set reads by its header, and its few rows block nobody",
          "[corpus]") {
  const auto folder = CorpusFolder("rba-sample");
  if (!folder) return;
  SourceOptions options;
  options.format = "csv";
  const RuleRun run = RunRules("", kPack, *folder + "/rba-first-rows.csv", "", options, Feeding::kWhatIf);
  std::cout << "rba-sample: " << run.verdicts.size() << " rows read, " << run.unreadable << " unreadable\n";
  CHECK(run.verdicts.size() + run.unreadable == 19);
  for (const Decision& decision : run.decisions) CHECK(decision.action == Action::kChallenge);
}

}  // namespace
}  // namespace stockade
