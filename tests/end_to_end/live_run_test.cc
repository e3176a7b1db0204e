// stockade run with nothing but a log, or the journal: what comes blocks an address in a file, is recorded and replayed byte for
// byte, and is not read again by the next run.
#include <catch2/catch.hpp>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/adapters/gateway/child_process.h"
#include "tests/adapters/live/journal_file.h"
#include "tests/end_to_end/scene.h"

namespace stockade {
namespace {

std::string FailureNow(const std::string& source, const std::string& account) {
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::Now(), absl::UTCTimeZone());
  return "{\"@timestamp\":\"" + time + "\",\"source.ip\":\"" + source + "\",\"user.name\":\"" + account +
         "\",\"event.reason\":\"bad_password\",\"note\":\"a \\\"quoted\\\" thing\"}\n";
}

class LiveRun {
 public:
  explicit LiveRun(const Scene& scene, const std::string& record)
      : gate_({STOCKADE_PROGRAM, "run", "-c", scene.Path("stockade.yaml"), "--record", scene.Path(record),
               "--verdicts", scene.Path(record + ".verdicts"), "--decisions",
               scene.Path(record + ".decisions")},
              scene.Path("output")) {
    const bool runs = WaitUntil([&] { return gate_.Output().find("Ctrl-C stops it") != std::string::npos; });
    INFO(gate_.Output());
    REQUIRE(runs);
  }
  void Stop() {
    gate_.Signal(SIGTERM);
    INFO(gate_.Output());
    CHECK(gate_.Wait() == 0);
  }

 private:
  ChildProcess gate_;
};

TEST_CASE("a tail of a log blocks an address in a file, is replayed the same, and read once", "[run][live]") {
  const Scene scene;
  scene.Write("stockade.yaml",
              "detectors: off\nrules: [rules.yml]\nmemory: 64MiB\n"
              "sources:\n  - tail: {path: log, format: ndjson, position: log.position, from: begin}\n"
              "firewalls:\n  - file: {path: blocked, format: plain}\n");
  std::string log;
  for (int i = 0; i < 4; ++i) log += FailureNow("203.0.113.9", "alice");
  scene.Write("log", log + "no line of ours\n");
  {
    LiveRun run(scene, "first");
    // The fifth comes while it runs.
    std::ofstream(scene.Path("log"), std::ios::app) << FailureNow("203.0.113.9", "bob") << std::flush;
    CHECK(WaitUntil([&] {
      return std::filesystem::exists(scene.Path("blocked")) &&
             scene.Read("blocked").find("203.0.113.9") != std::string::npos;
    }));
    run.Stop();
  }
  const std::string record = scene.Read("first");
  INFO(record);
  CHECK(Lines(scene.Read("first.verdicts")).size() == 5);
  CHECK(scene.Replay({scene.Path("first")}).exit_code == 0);
  CHECK(scene.Read("verdicts") == scene.Read("first.verdicts"));
  CHECK(scene.Read("decisions") == scene.Read("first.decisions"));
  CHECK(Lines(scene.Read("decisions")).size() == 1);

  std::ofstream(scene.Path("log"), std::ios::app) << FailureNow("203.0.113.9", "carol") << std::flush;
  {
    LiveRun run(scene, "second");
    CHECK(WaitUntil([&] { return scene.Read("second").find("carol") != std::string::npos; }));
    run.Stop();
  }
  CHECK(scene.Read("second").find("alice") == std::string::npos);
  CHECK(scene.Read("second").find("bob") == std::string::npos);
}

#ifdef STOCKADE_HAS_JOURNAL
TEST_CASE("messages of the journal block an address, and are read once", "[run][live]") {
  if (IsJournalWriterMissing()) return;
  const Scene scene;
  std::filesystem::create_directory(scene.Path("journal"));
  scene.Write("stockade.yaml",
              "detectors: off\nrules: [rules.yml]\nmemory: 64MiB\n"
              "sources:\n  - journald: {unit: ssh.service, directory: journal, format: sshd, position: "
              "cursor, from: begin}\n"
              "firewalls:\n  - file: {path: blocked, format: plain}\n");
  const std::string file = scene.Path("journal/system.journal");
  const int64_t now_s = absl::ToUnixSeconds(absl::Now()) - 60;
  const JournalMessage failure = SshFailure("alice", "203.0.113.9");
  AppendToJournal(file, {failure, failure, failure, failure}, now_s);
  {
    LiveRun run(scene, "first");
    AppendToJournal(file, {SshFailure("bob", "203.0.113.9")}, now_s + 10);
    CHECK(WaitUntil([&] {
      return std::filesystem::exists(scene.Path("blocked")) &&
             scene.Read("blocked").find("203.0.113.9") != std::string::npos;
    }));
    run.Stop();
  }
  CHECK(scene.Replay({scene.Path("first")}).exit_code == 0);
  CHECK(scene.Read("verdicts") == scene.Read("first.verdicts"));
  AppendToJournal(file, {SshFailure("carol", "203.0.113.9")}, now_s + 20);
  {
    LiveRun run(scene, "second");
    CHECK(WaitUntil([&] { return scene.Read("second").find("carol") != std::string::npos; }));
    run.Stop();
  }
  CHECK(scene.Read("second").find("alice") == std::string::npos);
  CHECK(scene.Read("second").find("bob") == std::string::npos);
}
#endif

}  // namespace
}  // namespace stockade
