// Decisions of a running gate as an operator lives with them: given by rules and by hand, kept over kill -9, carried out by
// files, bouncers and the kernel, let go everywhere when they are deleted, switched off whole, and told in an audit log that
// proves itself.
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <thread>

#include "adapters/firewall/api_keys.h"
#include "tests/adapters/gateway/child_process.h"
#include "tests/adapters/gateway/service_scene.h"
#include "tests/adapters/loopback.h"
#include "tests/end_to_end/scene.h"

namespace stockade {
namespace {

constexpr const char* kToken = "0123456789abcdef0123456789abcdef";

// A gate that only answers questions, with a store, a list for nginx, CrowdSec's API, and `more` firewalls.
class DecisionScene {
 public:
  explicit DecisionScene(const std::string& more = "") : service_(FreePort()), bouncers_(FreePort()) {
    folder_.Write("token", std::string(kToken) + "\n");
    folder_.Write("allow.txt", "# nobody\n");
    const auto at = [](uint16_t port) { return "\"127.0.0.1:" + std::to_string(port) + "\""; };
    folder_.Write("stockade.yaml",
                  "detectors: off\nrules: [rules.yml]\nmemory: 64MiB\nallow: {files: [allow.txt]}\nstore: "
                  "{path: stockade.db}\n"
                  "firewalls:\n  - file: {path: deny.conf, format: nginx_deny, write_every: 1ms}\n"
                  "  - crowdsec: {address: " +
                      at(bouncers_) + ", keys_file: keys}\n" + more +
                      "gateway:\n  service: {address: " + at(service_) +
                      ", token_file: token}\n  admin: {address: \"unix:" + folder_.Path("admin") +
                      "\", token_file: token}\n");
    auto key = AddApiKey(folder_.Path("keys"), "edge", ApiKeyRole::kBouncer, 1);
    REQUIRE(key.ok());
    key_ = *key;
    Begin();
  }

  // It may not have read its settings yet.
  void Launch() {
    gate_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{STOCKADE_PROGRAM, "run", "-c", folder_.Path("stockade.yaml")},
        folder_.Path("output"));
  }
  void Begin() {
    Launch();
    REQUIRE(WaitUntil([&] { return gate_->Output().find("Ctrl-C stops it") != std::string::npos; }));
  }
  void Kill() {
    gate_->Signal(SIGKILL);
    gate_->Wait();
  }

  ProgramRun Decisions(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "decisions");
    arguments.insert(arguments.begin() + 2, {"-c", folder_.Path("stockade.yaml")});
    return RunStockade(arguments);
  }
  std::string List(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"list", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramRun run = Decisions(arguments);
    INFO(run.err);
    REQUIRE(run.exit_code == 0);
    return run.out;
  }
  std::string Post(uint16_t port, const std::string& request, const std::string& body = "") const {
    TestClient client(port);
    client.Send(request + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\nAuthorization: Bearer " + kToken +
                "\r\nX-Api-Key: " + key_ + "\r\n\r\n" + body);
    return client.ReadAll();
  }
  // A login that is let through and fails; its answer to the question.
  std::string Fail(const std::string& source, const std::string& account) const {
    const std::string answer =
        Post(service_, "POST /v1/assess",
             R"({"source":{"ip":")" + source + R"("},"user":{"name":")" + account + "\"}}");
    constexpr std::string_view kTicket = "\"ticket\":";
    const size_t at = answer.find(kTicket);
    if (at == std::string::npos) return answer;
    const size_t begin = at + kTicket.size();
    const std::string ticket = answer.substr(begin, answer.find_first_not_of("0123456789", begin) - begin);
    Post(service_, "POST /v1/outcome", R"({"ticket":)" + ticket + R"(,"outcome":"bad_password"})");
    return answer;
  }
  std::string Mode(const std::string& mode) const {
    TestClient client(folder_.Path("admin"));
    client.Send("PUT /mode HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " +
                std::string(kToken) + "\r\nContent-Length: " + std::to_string(mode.size()) + "\r\n\r\n" +
                mode);
    return client.ReadAll();
  }
  std::string Stream() const { return Post(bouncers_, "GET /v1/decisions/stream?startup=true"); }
  std::string DenyList() const { return folder_.Read("deny.conf"); }
  bool DenySoon(const std::string& value, bool there = true) const {
    return WaitUntil([&] { return (DenyList().find("deny " + value + ";") != std::string::npos) == there; });
  }
  void AuditHolds() const {
    const ProgramRun run = Decisions({"audit"});
    INFO(run.out << run.err);
    REQUIRE(run.exit_code == 0);
  }

  const Scene& folder() const { return folder_; }
  ChildProcess& gate() { return *gate_; }

 private:
  Scene folder_;
  uint16_t service_, bouncers_;
  std::string key_;
  std::unique_ptr<ChildProcess> gate_;
};

TEST_CASE("what a rule decides stands in every firewall, over kill -9, until it is deleted",
          "[decisions][run]") {
  DecisionScene scene;
  for (int i = 0; i < 5; ++i) scene.Fail("203.0.113.9", "a" + std::to_string(i));
  REQUIRE(scene.DenySoon("203.0.113.9"));
  CHECK(scene.Stream().find("\"value\":\"203.0.113.9\"") != std::string::npos);
  CHECK(scene.List().find("\"rule\":\"frequency\"") != std::string::npos);
  CHECK(scene.Fail("203.0.113.9", "b").find("\"deny\"") != std::string::npos);

  // Firewalls do not wait for the disk; nor was anybody told that it has this one.
  REQUIRE(WaitUntil([&] { return scene.Decisions({"audit"}).out.find("203.0.113.9") != std::string::npos; }));
  scene.Kill();
  scene.Begin();
  CHECK(scene.Fail("203.0.113.9", "b").find("\"deny\"") != std::string::npos);
  CHECK(scene.DenySoon("203.0.113.9"));
  CHECK(WaitUntil([&] { return scene.Stream().find("\"value\":\"203.0.113.9\"") != std::string::npos; }));

  const ProgramRun deleted =
      scene.Decisions({"delete", "--value", "203.0.113.9", "--yes", "--reason", "a mistake"});
  INFO(deleted.out << deleted.err);
  REQUIRE(deleted.exit_code == 0);
  // At once: the answer came when all had let go.
  CHECK(scene.DenyList().find("203.0.113.9") == std::string::npos);
  CHECK(scene.Fail("203.0.113.9", "b").find("\"allow\"") != std::string::npos);
  scene.Kill();
  scene.Begin();
  CHECK(scene.List().empty());
  scene.AuditHolds();
  CHECK(scene.Decisions({"audit"}).out.find("a mistake") != std::string::npos);
}

TEST_CASE("an order given by hand is durable when it is answered", "[decisions][run]") {
  DecisionScene scene;
  const ProgramRun added =
      scene.Decisions({"add", "198.51.100.0/24", "--for", "1h", "--action", "block", "--reason", "scans us"});
  INFO(added.out << added.err);
  REQUIRE(added.exit_code == 0);
  scene.Kill();
  scene.Begin();
  CHECK(scene.List().find("198.51.100.0/24") != std::string::npos);
  CHECK(scene.List().find("1970") == std::string::npos);
  CHECK(scene.DenySoon("198.51.100.0/24"));
  CHECK(scene.Decisions({"audit"}).out.find("scans us") != std::string::npos);
  CHECK(scene.Decisions({"audit", "--json"}).out.find("\"why\":\"scans us\"") != std::string::npos);
}

TEST_CASE("the kill switch lets everything go, also over a restart, and back", "[decisions][run]") {
  DecisionScene scene;
  REQUIRE(scene.Decisions({"add", "198.51.100.7", "--for", "1h", "--reason", "x"}).exit_code == 0);
  REQUIRE(scene.DenySoon("198.51.100.7"));
  const ProgramRun off = scene.Decisions({"off", "--reason", "customers call"});
  INFO(off.out << off.err);
  REQUIRE(off.exit_code == 0);
  CHECK(scene.DenyList().find("198.51.100.7") == std::string::npos);
  CHECK(scene.Fail("198.51.100.7", "a").find("\"allow\"") != std::string::npos);
  scene.Kill();
  scene.Begin();
  CHECK(scene.gate().Output().find("NOTHING IS ENFORCED") != std::string::npos);
  CHECK(scene.Fail("198.51.100.7", "a").find("\"allow\"") != std::string::npos);
  REQUIRE(scene.Decisions({"on", "--reason", "fine again"}).exit_code == 0);
  CHECK(scene.DenySoon("198.51.100.7"));
  CHECK(scene.Fail("198.51.100.7", "a").find("\"deny\"") != std::string::npos);
  scene.AuditHolds();
}

TEST_CASE("while the gate observes no firewall acts", "[decisions][run]") {
  DecisionScene scene;
  REQUIRE(scene.Decisions({"add", "198.51.100.7", "--for", "1h", "--reason", "x"}).exit_code == 0);
  REQUIRE(scene.DenySoon("198.51.100.7"));
  REQUIRE(scene.Mode("observe").find("observe") != std::string::npos);
  CHECK(scene.DenySoon("198.51.100.7", false));
  scene.Mode("protect");
  CHECK(scene.DenySoon("198.51.100.7"));
}

TEST_CASE("who is put on the allowlist's file is let go at once", "[decisions][run]") {
  DecisionScene scene;
  REQUIRE(scene.Decisions({"add", "198.51.100.7", "--for", "1h", "--reason", "x"}).exit_code == 0);
  REQUIRE(scene.DenySoon("198.51.100.7"));
  scene.folder().Write("allow.txt", "198.51.100.0/24  # a partner\n");
  CHECK(scene.DenySoon("198.51.100.7", false));
  CHECK(scene.List().find("\"action\":\"challenge\"") != std::string::npos);
}

TEST_CASE("a firewall that cannot be asked is told after a crash of what was let go before it",
          "[decisions][run]") {
  Scene carried;
  carried.Write("carry.sh",
                "#!/bin/sh\ncd \"$(dirname \"$0\")\" || exit 1\n[ -e broken ] && exit 1\n"
                "echo \"$STOCKADE_ORDER $STOCKADE_VALUE\" >>told\n");
  carried.Write("told", "");
  DecisionScene scene("  - exec: {command: [/bin/sh, " + carried.Path("carry.sh") + "], each: order}\n");
  const auto told_soon = [&](const std::string& line) {
    return WaitUntil([&] { return carried.Read("told").find(line + "\n") != std::string::npos; });
  };
  for (const char* const source : {"198.51.100.7", "198.51.100.8"})
    REQUIRE(scene.Decisions({"add", source, "--for", "1h", "--reason", "x"}).exit_code == 0);
  REQUIRE(told_soon("enforce 198.51.100.7"));
  REQUIRE(told_soon("enforce 198.51.100.8"));
  // Let go, but the command cannot be told.
  carried.Write("broken", "");
  CHECK(scene.Decisions({"delete", "--value", "198.51.100.7", "--yes", "--reason", "x"}).exit_code != 0);
  scene.Kill();
  std::filesystem::remove(carried.Path("broken"));
  scene.Begin();
  CHECK(told_soon("release 198.51.100.7"));
  CHECK(carried.Read("told").find("release 198.51.100.8") == std::string::npos);
  // The same of the kill switch: it lets go of all.
  carried.Write("broken", "");
  CHECK(scene.Decisions({"off", "--reason", "x"}).exit_code != 0);
  scene.Kill();
  std::filesystem::remove(carried.Path("broken"));
  scene.Begin();
  CHECK(told_soon("release 198.51.100.8"));
}

TEST_CASE("the answer to a deletion waits for what was deleted, not for what else a firewall is behind with",
          "[decisions][run]") {
  DecisionScene scene("  - exec: {command: [/bin/false], scopes: [range]}\n");
  REQUIRE(scene.Decisions({"add", "198.51.100.0/24", "--for", "1h", "--reason", "x"}).exit_code == 0);
  REQUIRE(scene.Decisions({"add", "203.0.113.9", "--for", "1h", "--reason", "x"}).exit_code == 0);
  const ProgramRun deleted = scene.Decisions({"delete", "--value", "203.0.113.9", "--yes"});
  INFO(deleted.out << deleted.err);
  CHECK(deleted.exit_code == 0);
  CHECK(scene.List().find("203.0.113.9") == std::string::npos);
  CHECK(scene.List({"--contains", "198.51.100.7"}).find("198.51.100.0/24") != std::string::npos);
  CHECK(scene.List({"--value", "198.51.100.0/24"}).find("198.51.100.0/24") != std::string::npos);
  // What is behind with this one says so.
  const ProgramRun other = scene.Decisions({"delete", "--contains", "198.51.100.7", "--yes"});
  CHECK(other.exit_code != 0);
  CHECK(other.err.find("not carried out yet by exec") != std::string::npos);
}

TEST_CASE("who was let go by hand and goes on is stopped with his next failure", "[decisions][run]") {
  DecisionScene scene;
  for (int i = 0; i < 5; ++i) scene.Fail("203.0.113.9", "a" + std::to_string(i));
  REQUIRE(scene.DenySoon("203.0.113.9"));
  REQUIRE(scene.Decisions({"delete", "--value", "203.0.113.9", "--yes", "--reason", "a mistake"}).exit_code ==
          0);
  CHECK(scene.Fail("203.0.113.9", "b").find("\"allow\"") != std::string::npos);
  CHECK(scene.DenySoon("203.0.113.9"));
  CHECK(scene.Fail("203.0.113.9", "b").find("\"deny\"") != std::string::npos);
}

// The values of decisions, in whatever JSON.
std::set<std::string> ValuesIn(std::string_view json) {
  constexpr std::string_view kValue = "\"value\":\"";
  std::set<std::string> values;
  for (size_t at = 0; (at = json.find(kValue, at)) != std::string_view::npos;) {
    at += kValue.size();
    values.emplace(json.substr(at, json.find('"', at) - at));
  }
  return values;
}
std::set<std::string> DenyValues(const std::string& list) {
  std::set<std::string> values;
  for (const std::string& line : Lines(list))
    if (line.starts_with("deny ")) values.insert(line.substr(5, line.find(';') - 5));
  return values;
}
// Of what a bouncer is told at its start: what stands, without what has ended.
std::string_view NewOf(std::string_view stream) {
  return stream.substr(0, stream.find("\"deleted\":"));
}

// STOCKADE_CRASH_ROUNDS sets how many.
TEST_CASE("killed at any moment, it keeps what it answered, enforces what it keeps, and its log holds",
          "[decisions][run]") {
  const char* const given = std::getenv("STOCKADE_CRASH_ROUNDS");
  const int rounds = given != nullptr ? std::atoi(given) : 8;
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  DecisionScene scene;
  std::set<std::string> answered;
  std::set<std::string> deleted;
  int next = 0;
  for (int round = 0; round < rounds; ++round) {
    std::atomic<bool> killed = false;
    std::thread killer([&, wait = random() % 400] {
      std::this_thread::sleep_for(
          std::chrono::milliseconds(wait));  // a moment at random, not a synchronisation
      killed = true;
      scene.gate().Signal(SIGKILL);
    });
    while (!killed) {
      const std::string value = "10." + std::to_string(next / 65536) + "." +
                                std::to_string(next / 256 % 256) + "." + std::to_string(next % 256);
      ++next;
      if (scene.Decisions({"add", value, "--for", "2h", "--reason", "x"}).exit_code == 0)
        answered.insert(value);
      if (!answered.empty() && random() % 4 == 0) {
        const std::string gone = *answered.begin();
        answered.erase(answered.begin());  // unknown from here on, unless it is answered
        if (scene.Decisions({"delete", "--value", gone, "--yes"}).exit_code == 0) deleted.insert(gone);
      }
    }
    killer.join();
    scene.gate().Wait();
    if (random() % 4 == 0) {  // and once more while it starts
      scene.Launch();
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));
      scene.Kill();
    }
    scene.Begin();
    const std::set<std::string> standing = ValuesIn(scene.List());
    const auto holds = [&](const std::set<std::string>& values) {
      return std::includes(values.begin(), values.end(), answered.begin(), answered.end()) &&
             std::none_of(deleted.begin(), deleted.end(),
                          [&values](const std::string& value) { return values.contains(value); });
    };
    INFO("round " << round);
    REQUIRE(holds(standing));
    // What was not answered may have come to pass or not: the same everywhere.
    REQUIRE(WaitUntil([&] { return DenyValues(scene.DenyList()) == standing; }));
    REQUIRE(WaitUntil([&] { return ValuesIn(NewOf(scene.Stream())) == standing; }));
    scene.AuditHolds();
  }
}

// The kernel's own sets, in a network namespace that goes away with this.
class Namespace {
 public:
  Namespace() : name_("stockade_run_" + std::to_string(getpid())) {
    made_ = std::system(("ip netns add " + name_ + " 2>/dev/null").c_str()) == 0;
  }
  ~Namespace() {
    if (made_) static_cast<void>(std::system(("ip netns del " + name_).c_str()));
  }
  bool made() const { return made_; }
  const std::string& name() const { return name_; }
  std::string Ruleset() const {
    std::string text;
    FILE* const pipe = popen(("ip netns exec " + name_ + " nft list ruleset 2>&1").c_str(), "r");
    char bytes[4096];
    for (size_t size; (size = fread(bytes, 1, sizeof bytes, pipe)) > 0;) text.append(bytes, size);
    pclose(pipe);
    return text;
  }
  void Flush() const {
    static_cast<void>(std::system(("ip netns exec " + name_ + " nft flush ruleset").c_str()));
  }

 private:
  std::string name_;
  bool made_ = false;
};

TEST_CASE("the kernel's sets hold what stands, after a flush and after kill -9", "[decisions][run]") {
  const Namespace space;
  if (!space.made() || geteuid() != 0) {
    WARN("skipped: needs root and iproute2, to make a network namespace");
    return;
  }
  DecisionScene scene("  - nftables: {network_namespace: " + space.name() +
                      "}\n    delivery: {reconcile_interval: 1s}\n");
  for (int i = 0; i < 5; ++i) scene.Fail("203.0.113.9", "a" + std::to_string(i));
  REQUIRE(scene.Decisions({"add", "2001:db8:7::/48", "--for", "1h", "--reason", "x"}).exit_code == 0);
  const auto holds = [&] {
    return WaitUntil([&] {
      const std::string rules = space.Ruleset();
      return rules.find("203.0.113.9") != std::string::npos &&
             rules.find("2001:db8:7::") != std::string::npos;
    });
  };
  CHECK(holds());
  space.Flush();
  CHECK(space.Ruleset().find("203.0.113.9") == std::string::npos);
  CHECK(holds());
  scene.Kill();
  CHECK(space.Ruleset().find("203.0.113.9") != std::string::npos);  // protects on
  space.Flush();
  scene.Begin();
  CHECK(holds());
  REQUIRE(scene.Decisions({"delete", "--all", "--yes"}).exit_code == 0);
  CHECK(space.Ruleset().find("203.0.113.9") == std::string::npos);
  const ProgramRun firewalls = scene.Decisions({"firewalls"});
  INFO(firewalls.out);
  CHECK(firewalls.out.find("nftables") != std::string::npos);
}

}  // namespace
}  // namespace stockade
