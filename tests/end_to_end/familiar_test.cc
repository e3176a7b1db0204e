// Who is familiar, over a restart: a gate that was stopped, or killed, knows its customers again; a snapshot that is broken or foreign
// costs nobody a login and is not lost; what replay learns from old logs spares customers challenges during the next attack, and a
// record is replayed byte for byte from the snapshot that its gate began with.
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

#include "engine/text.h"
#include "tests/adapters/gateway/child_process.h"
#include "tests/adapters/gateway/service_scene.h"
#include "tests/adapters/loopback.h"
#include "tests/end_to_end/scene.h"

namespace stockade {
namespace {

// A gate asked over its verdict service, in a mode that lets familiar customers pass and nobody else.
class FamiliarScene {
 public:
  FamiliarScene() : service_(FreePort()), admin_(FreePort()) {
    folder_.Write("key", "000102030405060708090a0b0c0d0e0f\n");
    WriteSettings("10s");
  }
  void WriteSettings(const std::string& every) const {
    folder_.Write("stockade.yaml",
                  Concat("mode: observe\nrules: [rules.yml]\nmemory: 64MiB\nhash_key_file: key\n",
                         "familiar: {snapshot: snapshot, every: ", every,
                         "}\ngateway:\n  service: {address: \"127.0.0.1:", service_,
                         "\"}\n  admin: {address: \"127.0.0.1:", admin_,
                         "\"}\n  endpoints:\n    - path: /login\n      account: user\n      password: pass\n"
                         "      outcomes: [{status: 302, outcome: success}]\n"));
  }
  void Start(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {STOCKADE_PROGRAM, "run", "-c", folder_.Path("stockade.yaml")};
    for (const std::string& word : more)
      arguments.push_back(word.starts_with("@") ? folder_.Path(word.substr(1)) : word);
    gate_ = std::make_unique<ChildProcess>(arguments, folder_.Path("output"));
  }
  void AwaitStart() {
    REQUIRE(WaitUntil([&] { return Output().find("Ctrl-C stops it") != std::string::npos; }));
  }
  void Stop() {
    gate_->Signal(SIGTERM);
    INFO(Output());
    REQUIRE(gate_->Wait() == 0);
  }
  std::string Ask(const std::string& path, const std::string& body) const {
    TestClient client(service_);
    client.Send(Concat("POST ", path, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ",
                       body.size(), "\r\n\r\n", body));
    return client.ReadAll();
  }
  // A login and its success.
  void LogIn(const std::string& account, const std::string& source, const std::string& device) const {
    const std::string said = Assess(account, source, device);
    const size_t at = said.find("\"ticket\":");
    REQUIRE(at != std::string::npos);
    Ask("/v1/outcome", Concat("{\"ticket\":", std::stoul(said.substr(at + 9)), ",\"outcome\":\"success\"}"));
  }
  std::string Assess(const std::string& account, const std::string& source, const std::string& device) const {
    return Ask("/v1/assess", Concat("{\"user.name\":\"", account, "\",\"source.ip\":\"", source,
                                    "\",\"login.device\":\"", device, "\"}"));
  }
  bool Passes(const std::string& account, const std::string& source, const std::string& device) const {
    return Assess(account, source, device).find("\"verdict\":\"allow\"") != std::string::npos;
  }
  std::string Metrics() const {
    TestClient client(admin_);
    client.Send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return client.ReadAll();
  }
  std::string Output() const { return gate_->Output(); }
  ChildProcess& gate() { return *gate_; }
  const Scene& folder() const { return folder_; }

  // Half a dozen customers at home, learnt by a gate that observes.
  void LearnCustomers() {
    for (int day = 0; day < 6; ++day)
      for (int who = 0; who < 6; ++who)
        LogIn(Concat("mia", who), Concat("192.0.", who, ".7"), Concat("tablet", who));
  }
  void CheckKnown() const {
    for (int who = 0; who < 6; ++who) {
      INFO(who);
      CHECK(Passes(Concat("mia", who), Concat("192.0.", who, ".9"), Concat("tablet", who)));
      CHECK_FALSE(Passes(Concat("mia", who), "203.0.113.5", "burner"));
    }
  }
  void CheckUnknown() const { CHECK_FALSE(Passes("mia1", "192.0.1.9", "tablet1")); }

 private:
  Scene folder_;
  const uint16_t service_, admin_;
  std::unique_ptr<ChildProcess> gate_;
};

const std::vector<std::string> kEstablished = {"--mode", "established-only"};

TEST_CASE("a familiar customer stays familiar over a restart", "[run]") {
  FamiliarScene scene;
  scene.Start();
  scene.AwaitStart();
  CHECK_THAT(scene.Output(), Catch::Contains("nobody yet"));
  scene.LearnCustomers();
  scene.Stop();
  const std::string file = scene.folder().Read("snapshot");
  CHECK(file.find("mia") == std::string::npos);
  CHECK((std::filesystem::status(scene.folder().Path("snapshot")).permissions() &
         std::filesystem::perms::mask) == std::filesystem::perms(0600));

  scene.Start(kEstablished);
  scene.AwaitStart();
  CHECK_THAT(scene.Output(), Catch::Contains("6 accounts as of"));
  scene.CheckKnown();
  const std::string metrics = scene.Metrics();
  CHECK_THAT(metrics, Catch::Contains("stockade_familiar_accounts 6\n"));
  CHECK_THAT(metrics, Catch::Contains("stockade_familiar_snapshot_accounts 6\n"));
  CHECK_THAT(metrics, Catch::Contains("stockade_familiar_refused 0\n"));
  CHECK_THAT(metrics, Catch::Contains("stockade_familiar_snapshot_age_seconds"));
  // A second gate on the same snapshot would write over what this one knows.
  const ProgramRun second = RunStockade({"run", "-c", scene.folder().Path("stockade.yaml")});
  CHECK(second.exit_code == 2);
  CHECK_THAT(second.err, Catch::Contains("writes this snapshot"));
  scene.Stop();
}

TEST_CASE("no gate begins with a snapshot under the key that everybody knows", "[run]") {
  FamiliarScene scene;
  std::string settings = scene.folder().Read("stockade.yaml");
  const std::string_view key = "hash_key_file: key\n";
  settings.erase(settings.find(key), key.size());
  scene.folder().Write("stockade.yaml", settings);
  scene.Start();
  CHECK(scene.gate().Wait() == 2);
  CHECK_THAT(scene.Output(), Catch::Contains("familiar: the snapshot would be sealed under the hash key that "
                                             "everybody knows") &&
                                 Catch::Contains("openssl rand -hex 16"));
  CHECK_FALSE(std::filesystem::exists(scene.folder().Path("snapshot")));
}

TEST_CASE("a gate that is killed knows its customers as of the last save", "[run]") {
  FamiliarScene scene;
  scene.Start();
  scene.AwaitStart();
  scene.LearnCustomers();
  REQUIRE(WaitUntil(
      [&] { return scene.Metrics().find("stockade_familiar_snapshot_accounts 6\n") != std::string::npos; }));
  scene.gate().Signal(SIGKILL);
  scene.gate().Wait();
  scene.Start(kEstablished);
  scene.AwaitStart();
  scene.CheckKnown();
  scene.Stop();
}

TEST_CASE("a snapshot that cannot be used costs no login, is said aloud and is put aside", "[run]") {
  FamiliarScene scene;
  scene.Start();
  scene.AwaitStart();
  scene.LearnCustomers();
  scene.Stop();
  const std::string good = scene.folder().Read("snapshot");
  std::string changed = good;
  changed[changed.size() / 2] ^= 1;
  const std::pair<std::string, std::string> broken[] = {{changed, "its checksum is wrong"},
                                                        {good.substr(0, good.size() - 9), "ends too early"},
                                                        {"", "ends too early"},
                                                        {"just text", "is no snapshot"}};
  for (const auto& [bytes, why] : broken) {
    INFO(why);
    scene.folder().Write("snapshot", bytes);
    scene.Start({"--mode", "established-only", "--alerts", "@alerts"});
    scene.AwaitStart();
    CHECK_THAT(scene.Output(), Catch::Contains("error: ") && Catch::Contains(why) &&
                                   Catch::Contains("it is now " + scene.folder().Path("snapshot.refused")));
    CHECK_THAT(scene.Metrics(), Catch::Contains("stockade_familiar_refused 1\n"));
    scene.CheckUnknown();
    scene.Stop();
    CHECK(scene.folder().Read("snapshot.refused") == bytes);
    std::filesystem::remove(scene.folder().Path("snapshot.refused"));
    CHECK_THAT(scene.folder().Read("alerts"), Catch::Contains("familiar_refused"));
  }
  // Another key: the operator's mistake, and the snapshot is worth keeping.
  scene.folder().Write("snapshot", good);
  scene.folder().Write("key", "ff0102030405060708090a0b0c0d0e0f\n");
  scene.Start(kEstablished);
  scene.AwaitStart();
  CHECK_THAT(scene.Output(), Catch::Contains("another hash key"));
  scene.CheckUnknown();
  scene.Stop();
  scene.folder().Write("key", "000102030405060708090a0b0c0d0e0f\n");
  std::filesystem::rename(scene.folder().Path("snapshot.refused"), scene.folder().Path("snapshot"));
  scene.Start(kEstablished);
  scene.AwaitStart();
  scene.CheckKnown();
  scene.Stop();
}

TEST_CASE("a record is replayed byte for byte from the snapshot that its gate began with", "[run]") {
  FamiliarScene scene;
  scene.Start();
  scene.AwaitStart();
  scene.LearnCustomers();
  scene.Stop();
  scene.Start({"--mode", "established-only", "--record", "@record", "--verdicts", "@live"});
  scene.AwaitStart();
  scene.CheckKnown();
  scene.LogIn("mia2", "192.0.2.7", "tablet2");
  scene.Stop();
  const auto replay = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"replay",
                                          "-c",
                                          scene.folder().Path("stockade.yaml"),
                                          "--verdicts",
                                          scene.folder().Path("verdicts"),
                                          scene.folder().Path("record")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunStockade(arguments);
  };
  const ProgramRun exact = replay({"--familiar", scene.folder().Path("snapshot.begun")});
  INFO(exact.err);
  CHECK(exact.exit_code == 0);
  CHECK(exact.err.find("snapshot") == std::string::npos);
  CHECK(scene.folder().Read("verdicts") == scene.folder().Read("live"));
  CHECK_THAT(replay({}).err, Catch::Contains("began with a snapshot of who is at home"));
  CHECK(scene.folder().Read("verdicts") != scene.folder().Read("live"));
  CHECK_THAT(replay({"--familiar", scene.folder().Path("snapshot")}).err,
             Catch::Contains("and this replay with another"));
}

// Challenges and denials of customers, as the labels tell them.
size_t CustomersStopped(const Scene& folder) {
  const std::vector<std::string> verdicts = Lines(folder.Read("verdicts"));
  const std::vector<std::string> labels = Lines(folder.Read("labels"));
  REQUIRE(verdicts.size() == labels.size());
  size_t stopped = 0;
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i].find("\"who\":\"customer\"") != std::string::npos)
      stopped += verdicts[i].find("\"allow\"") == std::string::npos ? 1 : 0;
  return stopped;
}

TEST_CASE("what replay learns from old logs spares customers challenges during the next attack", "[replay]") {
  Scene scene;
  const auto simulate = [&](const std::string& log, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"simulate", "--customers", "2000",         "--seed",
                                          "5",        "-o",          scene.Path(log)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    REQUIRE(RunStockade(arguments).exit_code == 0);
  };
  // One world; its first weeks are the old logs, its last days those with the attack.
  simulate("all", {"--days", "23", "--attack", "residential:at=21d10h,attempts=4000", "--labels",
                   scene.Path("all_labels")});
  const std::vector<std::string> lines = Lines(scene.Read("all"));
  const std::vector<std::string> labels = Lines(scene.Read("all_labels"));
  std::string old_log, new_log, new_labels;
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool is_old = lines[i].compare(0, 27, "{\"@timestamp\":\"2026-01-25T16") < 0;
    (is_old ? old_log : new_log) += lines[i] + "\n";
    if (!is_old) new_labels += labels[i] + "\n";
  }
  scene.Write("old", old_log);
  scene.Write("new", new_log);
  scene.Write("labels", new_labels);

  const ProgramRun learnt = RunStockade({"replay", "--rules", scene.Path("rules.yml"), "--json", "--learn",
                                         scene.Path("learnt"), scene.Path("old")});
  INFO(learnt.err);
  REQUIRE(learnt.exit_code == 0);
  CHECK_THAT(learnt.err, Catch::Contains("learnt who is at home on"));
  CHECK_THAT(learnt.out, Catch::Contains("\"learnt\":{\"accounts\":"));
  CHECK_THAT(learnt.out, Catch::Contains("\"stopped\":0"));

  const auto stopped = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {
        "replay",         "--rules", scene.Path("rules.yml"), "--verdicts", scene.Path("verdicts"),
        scene.Path("new")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramRun run = RunStockade(arguments);
    INFO(run.err);
    REQUIRE(run.exit_code == 0);
    return CustomersStopped(scene);
  };
  const size_t cold = stopped({});
  const size_t warm = stopped({"--familiar", scene.Path("learnt")});
  WARN("customers stopped: " << cold << " cold, " << warm << " with what was learnt");
  CHECK(cold > 20);
  CHECK(warm * 2 < cold);
  // Learning goes on from a snapshot, over its own file too.
  const std::string before = scene.Read("learnt");
  const ProgramRun more =
      RunStockade({"replay", "--rules", scene.Path("rules.yml"), "--familiar", scene.Path("learnt"),
                   "--learn", scene.Path("learnt"), scene.Path("new")});
  INFO(more.err);
  CHECK(more.exit_code == 0);
  CHECK(scene.Read("learnt") != before);
  // A snapshot that knows what is to come is said to.
  CHECK_THAT(RunStockade({"replay", "--rules", scene.Path("rules.yml"), "--familiar", scene.Path("learnt"),
                          scene.Path("new")})
                 .err,
             Catch::Contains("knows what came after them"));
}

TEST_CASE("what was not read to its end is not learnt, and no log is overwritten", "[replay]") {
  Scene scene;
  const std::string log = scene.Write("log", LoginLine(0, "192.0.2.1", "mia", "success"));
  CHECK(RunStockade({"replay", "--rules", scene.Path("rules.yml"), "--learn", log, log}).exit_code == 2);
  CHECK(scene.Read("log").starts_with("{"));
  CHECK(RunStockade({"replay", "--rules", scene.Path("rules.yml"), "--learn", scene.Path("none/learnt"), log})
            .exit_code == 2);
  CHECK(RunStockade({"replay", "--rules", scene.Path("rules.yml"), "--familiar", scene.Path("none"), log})
            .exit_code == 2);
  CHECK_THAT(RunStockade({"replay", "--rules", scene.Path("rules.yml"), "--familiar", log, log}).err,
             Catch::Contains("is no snapshot"));
  scene.Write("torn.gz", "\x1f\x8b\x08 torn");
  CHECK(RunStockade({"replay", "--rules", scene.Path("rules.yml"), "--learn", scene.Path("learnt"),
                     scene.Path("torn.gz")})
            .exit_code == 2);
  CHECK_FALSE(std::filesystem::exists(scene.Path("learnt")));
  CHECK(RunStockade({"replay", "--rules", scene.Path("rules.yml"), "--learn", scene.Path("learnt"), log})
            .exit_code == 0);
  CHECK(std::filesystem::exists(scene.Path("learnt")));
}

}  // namespace
}  // namespace stockade
