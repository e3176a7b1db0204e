// Commands of /bin/sh, made by the test: what they are handed, what they are not, and that none of them, whatever it does,
// costs more than its own run.
#include "adapters/firewall/exec_command.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "adapters/firewall/run_command.h"
#include "engine/text.h"
#include "tests/adapters/firewall/orders.h"
#include "tests/adapters/loopback.h"
#include "tests/adapters/programs.h"
#include "tests/read_text.h"

namespace stockade {
namespace {

// A command of its own: `script` for /bin/sh, with the folder as $1.
ExecOptions Script(const TemporaryFolder& folder, const std::string& script) {
  ExecOptions options;
  options.command = {"/bin/sh", folder.Write("script", script), folder.path()};
  options.timeout = absl::Seconds(15);
  return options;
}

absl::Status Run(const ExecOptions& options, const Orders& orders) {
  const absl::Status checked = CheckExecOptions(options);
  INFO(checked.ToString());
  REQUIRE(checked.ok());
  return ExecCommand(options).Apply(orders, kOrdersNowMs);
}
Orders One() {
  Orders orders;
  orders.Enforce(Block("203.0.113.9"));
  return orders;
}

// Whether a process is gone, at the latest by the deadline.
bool ComesToEnd(pid_t pid) {
  for (const auto deadline = TestClock::now() + kTestDeadline; TestClock::now() < deadline;
       poll(nullptr, 0, 10)) {
    if (kill(pid, 0) != 0) return true;
    // A zombie that nobody reaps (its parent is whoever adopted it) has ended.
    const std::string stat = ReadText(Concat("/proc/", pid, "/stat"));
    if (stat.empty() || stat.find(") Z ") != std::string::npos) return true;
  }
  return false;
}

TEST_CASE("a command is handed one order in its environment and on standard input", "[exec]") {
  const TemporaryFolder folder;
  const ExecOptions options = Script(folder, "env | sort > $1/env; cat > $1/input; pwd > $1/pwd\n");
  setenv("STOCKADE_TEST_SECRET", "of our own", 1);
  Decision lock = MadeDecision(Action::kLock, Scope::kAccount, "$(touch /tmp/x) `id`; 'a' \"b\" \\ *");
  lock.all_lanes = true;
  lock.until_ms = kOrdersNowMs + 90'001;
  const absl::Status status = Run(options, Orders().Enforce(lock));
  INFO(status.ToString());
  REQUIRE(status.ok());
  const std::string environment = ReadText(folder / "env");
  INFO(environment);
  for (const std::string& line :
       {std::string("STOCKADE_ORDER=enforce"), std::string("STOCKADE_ACTION=lock"),
        std::string("STOCKADE_KIND=all"), std::string("STOCKADE_SCOPE=account"),
        "STOCKADE_VALUE=" + lock.value, std::string("STOCKADE_SECONDS=91"),
        std::string("STOCKADE_UNTIL=2025-11-26T20:01:30.001Z"), std::string("STOCKADE_RULE=password_spray"),
        std::string("STOCKADE_ID=0123456789abcdef"), Concat("PATH=", kCommandPath)})
    CHECK(environment.find(line + "\n") != std::string::npos);
  CHECK(environment.find("STOCKADE_TEST_SECRET") == std::string::npos);
  CHECK(environment.find("HOME=") == std::string::npos);
  CHECK(ReadText(folder / "input") == Concat("{\"order\":\"enforce\",\"decision\":", ToJson(lock), "}\n"));
  CHECK(ReadText(folder / "pwd") == "/\n");
}

TEST_CASE("a command is handed a batch as lines", "[exec]") {
  const TemporaryFolder folder;
  ExecOptions options =
      Script(folder, "cat > $1/input; echo $STOCKADE_ORDERS $MINE > $1/count; echo x >> $1/runs\n");
  options.each = ExecOptions::Each::kBatch;
  options.environment = {{"MINE", "yes"}};
  REQUIRE(Run(options, Orders().Enforce(Block("203.0.113.9")).Release(Block("2001:db8::/32"))).ok());
  CHECK(ReadText(folder / "count") == "2 yes\n");
  CHECK(ReadText(folder / "runs") == "x\n");
  const std::string input = ReadText(folder / "input");
  CHECK(std::count(input.begin(), input.end(), '\n') == 2);
  CHECK(input.find("\"order\":\"release\"") != std::string::npos);
}

TEST_CASE("no open file of ours is a command's", "[exec]") {
  const TemporaryFolder folder;
  // Without FD_CLOEXEC, as some library may have opened it.
  const int leaked = open(folder.Write("ours", "").c_str(), O_RDONLY);
  REQUIRE(leaked >= 0);
  const absl::Status status =
      Run(Script(folder, "ls -l /proc/$$/fd > $1/files; test -e /dev/fd/0 && cat /dev/stdin >/dev/null\n"),
          One());
  close(leaked);
  REQUIRE(status.ok());
  const std::string files = ReadText(folder / "files");
  INFO(files);
  CHECK(files.find("/script") != std::string::npos);
  CHECK(files.find("/ours") == std::string::npos);
}

TEST_CASE("the exit code says whether an order was carried out", "[exec]") {
  const TemporaryFolder folder;
  CHECK(Run(Script(folder, "exit 0\n"), One()).ok());
  const absl::Status failed = Run(Script(folder, "echo 'no such\033[2J set' >&2; exit 3\n"), One());
  CHECK(failed.code() == absl::StatusCode::kUnavailable);
  CHECK(FromAbsl(failed.message()).find("exit code 3; it said: no such\\x1b[2J set") !=
        std::string_view::npos);
  CHECK(Run(Script(folder, "exit 65\n"), One()).code() == absl::StatusCode::kInvalidArgument);
  CHECK(FromAbsl(Run(Script(folder, "kill -9 $$\n"), One()).message()).find("signal 9") !=
        std::string_view::npos);
  ExecOptions missing = Script(folder, "");
  missing.command = {folder / "missing"};
  CHECK(Run(missing, One()).code() == absl::StatusCode::kUnavailable);
  missing.command = {folder.Write("not_executable", "#!/bin/sh\n")};
  CHECK(Run(missing, One()).code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("a command that hangs is ended, also where it will not be", "[exec]") {
  const TemporaryFolder folder;
  for (const std::string& script :
       {std::string("echo $$ > $1/pid; exec sleep 1000\n"),
        std::string("trap '' TERM; echo $$ > $1/pid; while :; do sleep 1; done\n"),
        std::string("echo $$ > $1/pid; (trap '' TERM HUP; sleep 1000) & wait\n"),
        std::string("trap 'exit 0' TERM; echo $$ > $1/pid; while :; do sleep 0.05; done\n")}) {
    INFO(script);
    ExecOptions options = Script(folder, script);
    options.timeout = absl::Milliseconds(500);
    const absl::Status status = Run(options, One());
    INFO(status.ToString());
    CHECK(status.code() == absl::StatusCode::kDeadlineExceeded);
    CHECK(ComesToEnd(std::stoi(ReadText(folder / "pid"))));
  }
}

TEST_CASE("a flood of output, unread input and forgotten children hold nobody up", "[exec]") {
  const TemporaryFolder folder;
  // More than any pipe holds, both ways.
  CHECK(Run(Script(folder, "head -c 20000000 /dev/zero\n"), One()).ok());
  const absl::Status flood =
      Run(Script(folder, "head -c 5000000 /dev/zero | tr '\\0' 'x' >&2; echo end >&2; exit 1\n"), One());
  CHECK(flood.message().size() < 3 * kCommandSaidBytesMax);
  CHECK(FromAbsl(flood.message()).ends_with("xend"));
  ExecOptions unread = Script(folder, "exit 0\n");
  unread.each = ExecOptions::Each::kBatch;
  Orders many;
  for (int i = 0; i < 300; ++i) {
    Decision decision = Block("203.0.113.9");
    decision.reason = std::string(10'000, 'r');
    many.Enforce(decision);
  }
  CHECK(Run(unread, many).ok());
  unread = Script(folder, "exec 0<&-; exit 0\n");
  CHECK(Run(unread, many).ok());
  // A grandchild keeps all of its parent's files open.
  CHECK(Run(Script(folder, "sleep 1000 & echo $! > $1/child; exit 0\n"), One()).ok());
  CHECK(ComesToEnd(std::stoi(ReadText(folder / "child"))));
}

TEST_CASE("orders are run beside one another, and no more than are allowed", "[exec]") {
  const TemporaryFolder folder;
  // Each makes a folder of its own while it runs, and counts those of all.
  ExecOptions options =
      Script(folder,
             "mkdir $1/run.$$; ls -d $1/run.* | wc -l >> $1/counts; echo $STOCKADE_VALUE >> $1/values\n"
             "sleep 0.05; rmdir $1/run.$$\n");
  options.at_once = 3;
  Orders orders;
  for (int i = 0; i < 24; ++i) orders.Enforce(Block(Concat("203.0.113.", i)));
  REQUIRE(Run(options, orders).ok());
  std::istringstream counts(ReadText(folder / "counts"));
  for (int count; counts >> count;) CHECK(count <= 3);
  const std::string values = ReadText(folder / "values");
  CHECK(std::count(values.begin(), values.end(), '\n') == 24);
  for (int i = 0; i < 24; ++i) CHECK(values.find(Concat("203.0.113.", i, "\n")) != std::string::npos);
}

TEST_CASE("one order that fails keeps no other from being carried out", "[exec]") {
  const TemporaryFolder folder;
  ExecOptions options = Script(
      folder, "case $STOCKADE_VALUE in *.1) exit 65;; *.2) exit 1;; esac; echo $STOCKADE_VALUE >> $1/done\n");
  options.at_once = 1;
  CHECK(
      Run(options,
          Orders().Enforce(Block("203.0.113.1")).Enforce(Block("203.0.113.2")).Enforce(Block("203.0.113.3")))
          .code() == absl::StatusCode::kUnavailable);
  CHECK(ReadText(folder / "done") == "203.0.113.3\n");
  CHECK(Run(options, Orders().Enforce(Block("203.0.113.1")).Enforce(Block("203.0.113.3"))).code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(Run(options,
            Orders().Enforce(MadeDecision(Action::kLock, Scope::kAccount, std::string_view("a\0b", 3))))
            .code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("a batch is as large as ends in time where every run hangs", "[exec]") {
  const TemporaryFolder folder;
  ExecOptions options = Script(folder, "");
  for (const auto timeout : {absl::Milliseconds(10), absl::Seconds(1), absl::Seconds(5), absl::Seconds(20)}) {
    for (const int at_once : {1, 4, 16}) {
      options.timeout = timeout;
      options.at_once = at_once;
      REQUIRE(CheckExecOptions(options).ok());
      const auto rounds = static_cast<int64_t>(ExecCommand(options).capabilities().batch_max) / at_once;
      CHECK(rounds >= 1);
      CHECK(rounds * (timeout + 2 * kKillTime) < Firewall::kCallTimeMax);
    }
  }
}

TEST_CASE("settings of a command that could not work are refused with their key", "[exec]") {
  const TemporaryFolder folder;
  const ExecOptions good = Script(folder, "");
  const auto refused = [](const ExecOptions& bad, std::string_view about) {
    const absl::Status status = CheckExecOptions(bad);
    INFO(status.ToString());
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK(FromAbsl(status.message()).find(about) != std::string_view::npos);
  };
  ExecOptions bad = good;
  bad.command.clear();
  refused(bad, "command");
  bad.command = {"block.sh"};
  refused(bad, "command");
  bad = good;
  bad.environment = {{"A=B", "c"}};
  refused(bad, "environment");
  bad.environment = {{"STOCKADE_VALUE", "c"}};
  refused(bad, "environment");
  bad = good;
  bad.timeout = absl::Seconds(21);
  refused(bad, "timeout");
  bad = good;
  bad.at_once = 17;
  refused(bad, "at_once");
}

}  // namespace
}  // namespace stockade
