// stockade decisions as an operator runs it, against the admin service over real sockets with a ledger that is a list: what
// is printed, what is sent, what is refused before anything is asked, and the exit codes that scripts rely on.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <mutex>
#include <sstream>

#include "adapters/gateway/admin_service.h"
#include "adapters/http/http_service.h"
#include "adapters/store/audit_chain.h"
#include "tests/adapters/exchange/exchange_scene.h"
#include "tests/adapters/programs.h"
#include "tools/stockade/decisions_command.h"
#include "tools/stockade/program.h"

namespace stockade {
namespace {

constexpr const char* kToken = "0123456789abcdef0123456789abcdef";

struct Run {
  int code;
  std::string out;
  std::string err;
};

// An instance on a unix socket. Its ledger takes everything; decisions of the address 192.0.2.66 it refuses.
class Instance {
 public:
  Instance() {
    AdminParts parts;
    parts.token = kToken;
    parts.not_ready = [] { return ""; };
    parts.mode = [] { return Mode::kProtect; };
    parts.decisions.now_ms = WallClockMs;
    parts.decisions.decisions = [this](const DecisionFilter& filter) {
      const std::lock_guard lock(mutex);
      std::vector<const Decision*> each;
      for (const Decision& decision : standing) each.push_back(&decision);
      return SelectDecisions(each, filter);
    };
    parts.decisions.explain = [this](std::string_view id) -> std::optional<ExplainedDecision> {
      const std::lock_guard lock(mutex);
      for (const Decision& decision : standing) {
        if (decision.id == id)
          return ExplainedDecision{
              decision, decision.until_ms - WallClockMs(), true, {{"nft", FirewallShare::State::kPending}}};
      }
      return std::nullopt;
    };
    parts.decisions.add = [this](std::span<const NewDecision> decisions, const Actor& actor) {
      const std::lock_guard lock(mutex);
      actors.push_back(actor);
      std::vector<AddedDecision> answers;
      for (const NewDecision& asked : decisions) {
        if (asked.target.value == "192.0.2.66") {
          answers.push_back(
              {AddedDecision::State::kRefused, "", "expires sooner than all the rest of a full ledger"});
          continue;
        }
        answers.push_back(Take(asked));
      }
      return answers;
    };
    parts.decisions.remove = [this](const Removal& removal) {
      const std::lock_guard lock(mutex);
      actors.push_back(removal.actor);
      return std::erase_if(standing,
                           [&](const Decision& decision) { return removal.filter.Matches(decision); });
    };
    parts.decisions.enforcement = [this] { return enforcement; };
    parts.decisions.set_enforcing = [this](bool enforcing, const Actor& actor) {
      enforcement = {enforcing, kNow, actor};
      return absl::OkStatus();
    };
    parts.decisions.firewalls = [this] { return firewalls; };
    parts.decisions.audit = [this](uint64_t after, size_t limit) {
      std::vector<AuditLine> lines;
      for (uint64_t n = after + 1; n <= audit.size() && lines.size() < limit; ++n)
        lines.push_back({n, audit[n - 1]});
      return lines;
    };
    desk_ = std::make_unique<AdminDesk>(std::move(parts));
    HttpServiceOptions options;
    options.at.unix_path = folder_ / "admin.sock";
    auto service =
        HttpService::Start(options, [this](const ServiceRequest& request) { return desk_->Reply(request); });
    INFO(service.status());
    REQUIRE(service.ok());
    service_ = std::move(*service);
    folder_.Write("token", std::string(kToken) + "\n");
    folder_.Write(
        "stockade.yaml",
        "gateway:\n  listen: [\"127.0.0.1:1\"]\n  upstreams: [\"127.0.0.1:2\"]\n  admin: {address: \"unix:" +
            folder_ / "admin.sock" +
            "\", token_file: token}\n  endpoints:\n    - {name: p, path: /login, "
            "account: u, password: p, outcomes: [{status: 302, outcome: success}]}\n");
  }

  // `stockade decisions WORDS…`, at this instance.
  Run Decisions(std::vector<std::string> words, bool colour = false) const {
    words.insert(words.begin(), "decisions");
    words.insert(words.end(),
                 {"--admin", "unix:" + folder_ / "admin.sock", "--token-file", folder_ / "token"});
    return Execute(words, colour);
  }
  static Run Execute(const std::vector<std::string>& words, bool colour = false) {
    std::ostringstream out, err;
    Console console{out, err};
    console.colour = colour;
    const int code = RunProgram(words, console);
    return {code, out.str(), err.str()};
  }
  std::string File(const std::string& name, const std::string& content) const {
    return folder_.Write(name, content);
  }
  std::string Path(const std::string& name) const { return folder_ / name; }
  void StandNow(Decision decision) {
    decision.time_ms = WallClockMs() - 60'000;
    decision.until_ms = WallClockMs() + 3'600'500;
    standing.push_back(std::move(decision));
  }

  std::mutex mutex;
  std::vector<Decision> standing;
  std::vector<Actor> actors;
  Enforcement enforcement;
  std::vector<FirewallFigures> firewalls;
  std::vector<std::string> audit;

 private:
  AddedDecision Take(const NewDecision& asked) {
    Decision decision;
    decision.id = Concat(absl::Hex(++ids_, absl::kZeroPad16));
    decision.time_ms = WallClockMs();
    decision.until_ms = asked.until_ms.value_or(decision.time_ms + asked.for_ms.value_or(0));
    decision.action = *asked.action;
    decision.scope = asked.target.scope;
    decision.value = asked.target.value;
    decision.prefix = asked.target.prefix;
    decision.rule = asked.origin.empty() ? "manual" : asked.origin;
    decision.reason = asked.reason;
    decision.challenge_kind = asked.challenge_kind;
    decision.all_lanes = asked.all_lanes;
    const auto [known, is_new] = taken_.try_emplace({decision.value, decision.action}, decision.id);
    if (!is_new) return {AddedDecision::State::kCovered, known->second, ""};
    standing.push_back(decision);
    return {AddedDecision::State::kAdded, decision.id, ""};
  }

  uint64_t ids_ = 0;
  std::map<std::pair<std::string, Action>, std::string> taken_;  // the id of who stands there
  TemporaryFolder folder_;
  std::unique_ptr<AdminDesk> desk_;
  std::unique_ptr<HttpService> service_;
};

TEST_CASE("what is decided by hand stands, is listed, explained and lifted", "[decisions]") {
  Instance instance;
  const Run added =
      instance.Decisions({"add", "203.0.113.9", "2001:DB8::/48", "--for", "2h", "--action", "challenge",
                          "--kind", "identity", "--reason", "ticket 4711", "--by", "alice"});
  CAPTURE(added.err);
  CHECK(added.code == kExitFine);
  CHECK(added.out == "203.0.113.9  added  0000000000000001\n2001:DB8::/48  added  0000000000000002\n");
  CHECK(instance.actors.back().by == "alice");

  const Run list = instance.Decisions({"list"});
  CHECK(list.code == kExitFine);
  CHECK_THAT(list.out, Catch::StartsWith("ID ") && Catch::Contains("ticket 4711") &&
                           Catch::Contains("challenge identity  range  2001:db8::/48  manual"));
  CHECK_THAT(list.out, Catch::Contains("1 h 59 min") || Catch::Contains("2 h"));
  CHECK(list.out.find("\033") == std::string::npos);
  CHECK(list.err == "2 decisions\n");
  CHECK_THAT(instance.Decisions({"list"}, true).out, Catch::StartsWith("\033[2mID "));

  const Run json = instance.Decisions({"list", "--json", "--contains", "2001:db8::7"});
  CHECK(json.out == ToJson(instance.standing[1]) + "\n");
  CHECK(instance.Decisions({"list", "--scope", "account"}).out.empty());

  for (const std::string what : {"0000000000000001", "203.0.113.9"}) {
    const Run explained = instance.Decisions({"explain", what});
    CHECK(explained.code == kExitFine);
    CHECK_THAT(explained.out, Catch::StartsWith("challenge identity 203.0.113.9, another ") &&
                                  Catch::Contains("ticket 4711") &&
                                  Catch::Contains("nft             pending") && Catch::Contains("allowlist"));
  }
  CHECK(instance.Decisions({"explain", "203.0.113.10"}).code == kExitFindings);

  const Run gone = instance.Decisions({"delete", "0000000000000001", "00000000000000ff", "--reason", "ours"});
  CHECK(gone.code == kExitFindings);
  CHECK(gone.out == "0000000000000001  lifted\n00000000000000ff  does not stand\n");
  CHECK(instance.actors.back().reason == "ours");
  CHECK(instance.Decisions({"delete", "--value", "2001:db8:0::/48", "--yes"}).out == "1 decision lifted\n");
  CHECK(instance.standing.empty());
}

TEST_CASE("an instance is found by its settings, too", "[decisions]") {
  Instance instance;
  instance.StandNow(MakeDecision(Scope::kIp, "203.0.113.9"));
  const Run list = Instance::Execute({"decisions", "list", "-c", instance.Path("stockade.yaml")});
  CAPTURE(list.err);
  CHECK(list.code == kExitFine);
  CHECK_THAT(list.out, Catch::Contains("203.0.113.9"));
}

TEST_CASE("an instance that cannot be asked is an error that says where it was looked for", "[decisions]") {
  const Instance instance;
  const Run nobody = Instance::Execute({"decisions", "list", "--admin", "unix:/no/such/socket"});
  CHECK(nobody.code == kExitUsage);
  CHECK_THAT(nobody.err, Catch::Contains("unix:/no/such/socket") && Catch::Contains("stockade run"));
  CHECK(nobody.out.empty());
  const Run which = Instance::Execute({"decisions", "list"});
  CHECK(which.code == kExitUsage);
  CHECK_THAT(which.err, Catch::Contains("-c stockade.yaml") && Catch::Contains("--admin"));
  const Run far = Instance::Execute({"decisions", "list", "--admin", "192.0.2.1:9180"});
  CHECK(far.code == kExitUsage);
  CHECK_THAT(far.err, Catch::Contains("not this machine"));
  const Run token =
      Instance::Execute({"decisions", "list", "--admin", "unix:" + instance.Path("admin.sock")});
  CHECK(token.code == kExitUsage);
  CHECK_THAT(token.err, Catch::Contains("token"));
  const std::string config = instance.File("bare.yaml", "mode: protect\n");
  const Run bare = Instance::Execute({"decisions", "list", "-c", config});
  CHECK(bare.code == kExitUsage);
  CHECK_THAT(bare.err, Catch::Contains("gateway.admin.address"));
}

TEST_CASE("wrong words are refused before anything is asked", "[decisions]") {
  Instance instance;
  const std::vector<std::vector<std::string>> cases = {
      {"lsit"},
      {"add", "203.0.113.9"},
      {"add", "203.0.113.7/24", "--reason", "r"},
      {"add", "alice", "--reason", "r"},
      {"add", "203.0.113.9", "--reason", "r", "--for", "60"},
      {"add", "203.0.113.9", "--reason", "r", "--for", "1h", "--until", "2030-01-01T00:00:00Z"},
      {"add", "203.0.113.9", "--reason", "r", "--until", "2020-01-01T00:00:00Z"},
      {"add", "203.0.113.9", "--reason", "r", "--action", "lock"},
      {"add", "203.0.113.9", "--reason", "r", "--by", "a\r\nX: y"},
      {"add", "0.0.0.0/0", "--reason", "r"},
      {"delete"},
      {"delete", "0000000000000001", "--all"},
      {"delete", "203.0.113.9"},
      {"delete", "--rule", "x"},  // nobody can be asked
      {"import", "/no/such/file"},
      {"import", "--format", "xml", instance.File("empty", "")},
      {"export", "--format", "auto"},
      {"export", "--tlp", "red"},
      {"export", "--format", "stix", "--tlp", "blue"},
      {"off"},
      {"on"},
  };
  for (const auto& words : cases) {
    CAPTURE(words);
    const Run run = instance.Decisions(words);
    CHECK(run.code == kExitUsage);
    CHECK_THAT(run.err, Catch::Contains("stockade: "));
  }
  CHECK(instance.actors.empty());
}

TEST_CASE("every word has help of its own with exit codes", "[decisions]") {
  const Run all = Instance::Execute({"decisions", "--help"});
  CHECK(all.code == kExitFine);
  for (const std::string word :
       {"list", "explain", "add", "delete", "import", "export", "audit", "firewalls", "off", "on"}) {
    CHECK_THAT(all.out, Catch::Contains("\n  " + word + " "));
    const Run run = Instance::Execute({"decisions", word, "--help"});
    CHECK(run.code == kExitFine);
    CHECK_THAT(run.out, Catch::Contains("stockade decisions " + word) && Catch::Contains("Exit codes"));
  }
}

TEST_CASE("text from outside does not move the terminal, and columns stay", "[decisions]") {
  Instance instance;
  Decision evil = MakeDecision(Scope::kAccount, "al\033[2Jice", Action::kLock);
  evil.reason = "x\ny\u202e";
  instance.StandNow(evil);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"list"}, {"explain", evil.id}}) {
    const Run run = instance.Decisions(words);
    CHECK(run.code == kExitFine);
    CHECK(run.out.find('\033') == std::string::npos);
    CHECK(run.out.find("\u202e") == std::string::npos);
    CHECK_THAT(run.out, Catch::Contains("al\\x1b[2Jice"));
  }
}

TEST_CASE("a detector's order is explained by its evidence and its threshold, not by a count of one",
          "[decisions]") {
  Instance instance;
  Decision order = MakeDecision(Scope::kIp, "203.0.113.9");
  order.rule = "source_ladder";
  order.evidence.value = 1;
  order.evidence.detector = "source_ladder";
  order.evidence.setting = "detectors.evidence.condemned";
  order.evidence.score = 15.17;
  order.evidence.threshold = 13.8;
  instance.StandNow(order);
  const Run run = instance.Decisions({"explain", order.id});
  CHECK_THAT(run.out,
             Catch::Contains("source_ladder: evidence 15.17, and detectors.evidence.condemned is 13.8"));
  CHECK_THAT(run.out, !Catch::Contains("counted"));
}

TEST_CASE("many decisions come in pages, each once", "[decisions]") {
  Instance instance;
  for (uint32_t i = 0; i < 12'001; ++i) {
    Decision decision = MakeDecision(Scope::kIp, Address::V4(0xcb000000 + i).ToString());
    decision.id = Concat(absl::Hex(i, absl::kZeroPad16));
    decision.until_ms = WallClockMs() + 3'600'000 + i % 7;
    instance.standing.push_back(decision);
  }
  const Run run = instance.Decisions({"export"});
  CHECK(run.code == kExitFine);
  CHECK(std::count(run.out.begin(), run.out.end(), '\n') == 12'001);
  const Run few = instance.Decisions({"list", "--json", "--limit", "7"});
  CHECK(std::count(few.out.begin(), few.out.end(), '\n') == 7);
  const Run plain = instance.Decisions({"export", "--format", "plain"});
  CHECK(std::count(plain.out.begin(), plain.out.end(), '\n') == 12'001);
  // And back, in more requests than one.
  const std::string file = instance.File("list.txt", plain.out);
  instance.standing.clear();
  const Run import = instance.Decisions({"import", file, "--for", "1h", "--action", "block"});
  CHECK(import.code == kExitFine);
  CHECK(import.out == "12,001 added\n");
  CHECK(instance.standing.size() == 12'001);
  CHECK(instance.actors.size() > 10);
  CHECK(instance.Decisions({"import", file, "--for", "1h", "--action", "block"}).out ==
        "0 added, 12,001 stood already\n");
}

TEST_CASE("an import says what was refused with its line, by us and by the instance", "[decisions]") {
  Instance instance;
  const std::string list =
      instance.File("feed.txt", "# x\n203.0.113.9\nnonsense\n192.0.2.66\n203.0.113.0/24\n");
  const std::string bundle = instance.File(
      "bundle.json",
      R"({"type":"bundle","id":"bundle--1","objects":[{"type":"indicator","id":"indicator--1","pattern_type":"stix","name":"n",
        "pattern":"[ipv4-addr:value = '198.51.100.1']","valid_until":"2100-01-01T00:00:00Z"},
        {"type":"indicator","id":"indicator--2","pattern_type":"stix","pattern":"[ipv4-addr:value LIKE '1%']"},{"type":"malware"}]})");
  const Run dry = instance.Decisions({"import", list, "--dry-run", "--for", "1h", "--action", "block"});
  CHECK(dry.code == kExitFindings);
  CHECK(dry.out == "3 would be sent, 1 refused\n");
  CHECK(instance.standing.empty());

  const Run run =
      instance.Decisions({"import", list, bundle, "--for", "1h", "--action", "challenge", "--by", "feeds"});
  CHECK(run.code == kExitFindings);
  CHECK(run.out == "2 added, 4 refused, 1 passed over\n");
  CHECK_THAT(run.err, Catch::Contains("feed.txt:3: 'nonsense' is no address") &&
                          Catch::Contains("feed.txt:4: expires sooner") &&
                          Catch::Contains("bundle.json:2: indicator--2: ") &&
                          Catch::Contains("bundle.json:1: until: is more than ten years away"));
  CHECK(instance.standing[0].reason == "listed in " + list);
  CHECK(instance.standing[0].rule == "import:feed.txt");
  CHECK(instance.actors.back().by == "feeds");

  const Run unsaid = instance.Decisions({"import", instance.File("one.txt", "203.0.113.1\n")});
  CHECK(unsaid.code == kExitFindings);
  CHECK_THAT(unsaid.err, Catch::Contains("one.txt:1: ") && Catch::Contains("--action"));
  const Run broken = instance.Decisions(
      {"import", instance.File("x.json", "{\"type\":"), "--for", "1h", "--action", "block"});
  CHECK(broken.code == kExitUsage);
  CHECK_THAT(broken.err, Catch::Contains("x.json: as stix: is no JSON"));
}

TEST_CASE("exports in every format are imported again; accounts leave in ndjson only", "[decisions]") {
  Instance instance;
  instance.StandNow(MakeDecision(Scope::kIp, "203.0.113.9"));
  instance.StandNow(MakeDecision(Scope::kRange, "2001:db8::/48"));
  instance.StandNow(MakeDecision(Scope::kAccount, "alice", Action::kLock));
  for (const std::string format : {"ndjson", "plain", "crowdsec", "stix"}) {
    CAPTURE(format);
    const Run run = instance.Decisions({"export", "--format", format});
    CHECK(run.code == kExitFine);
    const bool whole = format == "ndjson";
    CHECK((run.out.find("alice") != std::string::npos) == whole);
    CHECK((run.err.find("left out") != std::string::npos) == (format == "stix" || format == "crowdsec"));
    Instance other;
    const Run import =
        other.Decisions({"import", other.File("file", run.out), "--for", "1h", "--action", "block"});
    CAPTURE(import.err);
    CHECK(import.code == kExitFine);
    CHECK(other.standing.size() == (whole ? 3 : 2));
    std::vector<std::string> values;
    for (const Decision& decision : other.standing)
      if (decision.scope != Scope::kAccount) values.push_back(decision.value);
    std::sort(values.begin(), values.end());
    CHECK(values == std::vector<std::string>{"2001:db8::/48", "203.0.113.9"});
  }
  const Run stix = instance.Decisions({"export", "--format", "stix", "--tlp", "amber", "--producer", "Bank"});
  CHECK_THAT(stix.out, Catch::Contains("TLP:AMBER") && Catch::Contains("\"name\":\"Bank\""));
}

TEST_CASE("the audit log is printed and verified, from an instance and from a file", "[decisions]") {
  Instance instance;
  std::string chain(kChainBegin);
  for (size_t n = 1; n <= 12'000; ++n) {
    instance.audit.push_back(
        AppendChain(chain, Concat("{\"n\":", n,
                                  ",\"time\":\"2026-11-26T12:00:00.000Z\",\"by\":\"al\\u001bice\","
                                  "\"what\":\"add\",\"value\":\"203.0.113.9\"}")));
    chain = std::string(ChainOf(instance.audit.back()));
  }
  const Run whole = instance.Decisions({"audit"});
  CHECK(whole.code == kExitFine);
  CHECK_THAT(whole.out,
             Catch::StartsWith("1  2026-11-26T12:00:00.000Z  al\\x1bice  add  value=203.0.113.9\n"));
  CHECK_THAT(whole.err, Catch::Contains("whole: line 12000 has the chain\n" + chain));
  const Run tail = instance.Decisions({"audit", "--after", "11990"});
  CHECK(tail.code == kExitFine);
  CHECK(std::count(tail.out.begin(), tail.out.end(), '\n') == 10);
  CHECK(instance.Decisions({"audit", "--after", "99999"}).code == kExitUsage);

  const Run json = instance.Decisions({"audit", "--json"});
  const std::string file = instance.File("audit.ndjson", json.out);
  CHECK(Instance::Execute({"decisions", "audit", "--file", file, "--quiet"}).code == kExitFine);

  instance.audit[6000].replace(instance.audit[6000].find("203.0.113.9"), 11, "203.0.113.8");
  const Run broken = instance.Decisions({"audit", "--quiet"});
  CHECK(broken.code == kExitFindings);
  CHECK(broken.out.empty());
  CHECK_THAT(broken.err, Catch::Contains("line 6001 does not follow") && Catch::Contains("BROKEN"));
  CHECK(
      Instance::Execute({"decisions", "audit", "--file", instance.File("cut", json.out.substr(500))}).code ==
      kExitFindings);
  instance.audit.clear();
  CHECK_THAT(instance.Decisions({"audit"}).err, Catch::Contains("empty"));
}

TEST_CASE("firewalls are a table, and one that fails is a finding", "[decisions]") {
  Instance instance;
  CHECK_THAT(instance.Decisions({"firewalls"}).out, Catch::Contains("no firewall"));
  instance.firewalls = {
      {"nft", "nftables", 1'234'567, 1'234'500, 67, 1500, "", 0, WallClockMs() - 5000, 0, 0},
      {"hook", "webhook", 10, 10, 0, 0, "", 0, 0, 0, 0}};
  const Run fine = instance.Decisions({"firewalls"});
  CHECK(fine.code == kExitFine);
  CHECK_THAT(fine.out,
             Catch::StartsWith("FIREWALL  KIND        DECIDED   ENFORCED  PENDING    LAG  COMPARED") &&
                 Catch::Contains("nft       nftables  1,234,567  1,234,500       67  1.5 s") &&
                 Catch::Contains("never"));
  instance.firewalls[1].last_error = "connection refused\n";
  instance.firewalls[1].last_error_ms = WallClockMs() - 7000;
  const Run failing = instance.Decisions({"firewalls"});
  CHECK(failing.code == kExitFindings);
  CHECK_THAT(failing.out, Catch::Contains(" s ago: connection refused\\x0a"));
  CHECK_THAT(instance.Decisions({"firewalls", "--json"}).out, Catch::Contains("\"decided\":1234567"));

  CHECK(instance.Decisions({"off", "--reason", "customers \"complain\"", "--by", "alice"}).code == kExitFine);
  CHECK_FALSE(instance.enforcement.enforcing);
  CHECK(instance.enforcement.actor.reason == "customers \"complain\"");
  CHECK_THAT(instance.Decisions({"firewalls"}).err, Catch::Contains("enforcement is OFF"));
  CHECK(instance.Decisions({"on", "--reason", "fixed"}).code == kExitFine);
  CHECK(instance.enforcement.enforcing);
}

}  // namespace
}  // namespace stockade
