// Proves what operators can ask and order about standing decisions: filters name no more than they say, a broken line costs
// itself, nothing is done on what was misread, and what the parts say comes out as it is.
#include "adapters/gateway/decision_service.h"

#include <catch2/catch.hpp>

#include "adapters/gateway/admin_service.h"
#include "tests/adapters/exchange/exchange_scene.h"
#include "tests/adapters/gateway/service_scene.h"

namespace stockade {
namespace {

// Parts that hold decisions in a list and remember what they were told.
struct DecisionScene {
  DecisionScene() {
    for (int i = 0; i < 5; ++i) {
      standing.push_back(MakeDecision(Scope::kIp, Concat("203.0.113.", i)));
      standing.back().id = Concat("000000000000000", i);
    }
    standing.push_back(MakeDecision(Scope::kRange, "203.0.113.0/24", Action::kChallenge));
    standing.back().rule = "sp ray&";
    standing.push_back(MakeDecision(Scope::kAccount, "al ice", Action::kLock));
    standing.back().campaign = "c1";
    standing.push_back(MakeDecision(Scope::kAsn, "64500"));
    standing.back().until_ms += 1000;
    DecisionDeskParts parts;
    parts.decisions = [this](const DecisionFilter& filter) {
      std::vector<const Decision*> each;
      for (const Decision& decision : standing) each.push_back(&decision);
      return SelectDecisions(each, filter);
    };
    parts.explain = [this](std::string_view id) -> std::optional<ExplainedDecision> {
      if (id != standing[0].id) return std::nullopt;
      return ExplainedDecision{standing[0],
                               1500,
                               true,
                               {{"nft", FirewallShare::State::kEnforced},
                                {"la\"pi", FirewallShare::State::kPending},
                                {"lock", FirewallShare::State::kNotCarried}}};
    };
    parts.add = [this](std::span<const NewDecision> decisions,
                       const Actor& actor) -> absl::StatusOr<std::vector<AddedDecision>> {
      if (!broken.empty()) return absl::InvalidArgumentError(broken);
      actors.push_back(actor);
      std::vector<AddedDecision> answers;
      for (const NewDecision& decision : decisions) {
        added.push_back(decision);
        const auto state = static_cast<AddedDecision::State>(answers.size() % 4);
        answers.push_back({state, "id", state == AddedDecision::State::kRefused ? "no room" : ""});
      }
      return answers;
    };
    parts.remove = [this](const Removal& removal) -> absl::StatusOr<size_t> {
      if (!broken.empty()) return absl::InternalError(broken);
      removals.push_back(removal);
      actors.push_back(removal.actor);
      return std::erase_if(standing,
                           [&](const Decision& decision) { return removal.filter.Matches(decision); });
    };
    parts.enforcement = [this] { return enforcement; };
    parts.set_enforcing = [this](bool enforcing, const Actor& actor) {
      if (!broken.empty()) return absl::InternalError(broken);
      enforcement = {enforcing, kNow, actor};
      return absl::OkStatus();
    };
    parts.firewalls = [] {
      FirewallFigures nft{"nft", "nftables", 7, 5, 2, 1500, "no such \"table\"", kNow, kNow, 3, 1};
      FirewallFigures file;
      file.name = "file";
      file.kind = "list";
      file.decided = file.enforced = 1;
      return std::vector<FirewallFigures>{nft, file};
    };
    parts.audit = [this](uint64_t after, size_t limit) -> absl::StatusOr<std::vector<AuditLine>> {
      asked_audit = {after, limit};
      return std::vector<AuditLine>{{after + 1, "{\"n\":1}"}, {after + 2, "{\"n\":2}"}};
    };
    parts.now_ms = [] { return kNow; };
    AdminParts admin_parts;
    admin_parts.token = "t0ken";
    admin_parts.decisions = parts;
    admin = std::make_unique<AdminDesk>(std::move(admin_parts));
  }

  // Status and body.
  std::string Ask(std::string method, std::string target, std::string body = "", std::string by = "") const {
    std::vector<std::pair<std::string, std::string>> fields = {{"Authorization", "Bearer t0ken"}};
    if (!by.empty()) fields.emplace_back("By", by);
    HandMade request(std::move(method), std::move(target), std::move(fields), std::move(body));
    const ServiceReply reply = admin->Reply(request.Request());
    return Concat(reply.status, " ", reply.body);
  }
  // The values that a list gives, in their order.
  std::string Values(const std::string& query) const {
    const std::string text = Ask("GET", "/decisions" + query);
    REQUIRE(text.starts_with("200 "));
    std::string values;
    for (size_t at = 0; (at = text.find("\"value\":\"", at)) != std::string::npos; ++at)
      Append(&values, values.empty() ? "" : " ", text.substr(at + 9, text.find('"', at + 9) - at - 9));
    return values;
  }

  std::vector<Decision> standing;
  std::string broken;
  std::vector<Actor> actors;
  std::vector<NewDecision> added;
  std::vector<Removal> removals;
  Enforcement enforcement;
  std::pair<uint64_t, size_t> asked_audit;
  std::unique_ptr<AdminDesk> admin;
};

TEST_CASE("a list without filters is every line as it is written", "[gateway][decisions]") {
  const DecisionScene scene;
  std::string expected = "200 ";
  for (const Decision& decision : scene.standing) expected += ToJson(decision) + "\n";
  CHECK(scene.Ask("GET", "/decisions") == expected);
}

TEST_CASE("filters name what they say, in any spelling of an address", "[gateway][decisions]") {
  const DecisionScene scene;
  CHECK(scene.Values("?scope=range") == "203.0.113.0/24");
  CHECK(scene.Values("?action=lock") == "al ice");
  CHECK(scene.Values("?value=al%20ice") == "al ice");
  CHECK(scene.Values("?rule=sp+ray%26") == "203.0.113.0/24");
  CHECK(scene.Values("?campaign=c1&scope=account") == "al ice");
  CHECK(scene.Values("?campaign=c1&scope=ip").empty());
  CHECK(scene.Values("?contains=203.0.113.3") == "203.0.113.3 203.0.113.0/24");
  CHECK(scene.Values("?contains=203.0.113.77") == "203.0.113.0/24");
  CHECK(scene.Values("?value=::ffff:203.0.113.3") == "203.0.113.3");
  CHECK(scene.Values("?value=203.0.113.0/24") == "203.0.113.0/24");
  CHECK(scene.Values("?scope=asn&value=AS64500") == "64500");
  CHECK(scene.Values("?id=" + scene.standing[2].id) == "203.0.113.2");
}

TEST_CASE("pages give everything once, soonest expiry first, also when what ended a page is gone",
          "[gateway][decisions]") {
  DecisionScene scene;
  const size_t size = scene.standing.size();
  std::vector<std::string> seen;
  std::string after;
  while (true) {
    const std::string text =
        scene.Ask("GET", "/decisions?limit=3" + (after.empty() ? "" : "&after=" + after));
    REQUIRE(text.starts_with("200 "));
    if (text.size() == 4) break;
    std::string line;
    for (size_t at = 4; at < text.size();) {
      line = text.substr(at, text.find('\n', at) - at);
      at += line.size() + 1;
      const auto decision = ParseDecision(line);
      REQUIRE(decision.ok());
      seen.push_back(decision->id);
      after = PageEnd(*decision);
    }
    // The last of the page ends meanwhile.
    std::erase_if(scene.standing, [&](const Decision& decision) { return decision.id == seen.back(); });
  }
  CHECK(seen.size() == size);
  std::sort(seen.begin(), seen.end());
  CHECK(std::unique(seen.begin(), seen.end()) == seen.end());
}

TEST_CASE("what was misread does nothing", "[gateway][decisions]") {
  DecisionScene scene;
  for (const std::string query : {"scope=IP", "action=ban", "contains=x", "contains=203.0.113.0/24", "value=",
                                  "rule=", "scope=ip&scope=asn", "vlaue=203.0.113.1", "value=%zz", "limit=0",
                                  "limit=-1", "limit=x", "after=x", "after=2026/1", "scope=asn&value=x"}) {
    CAPTURE(query);
    CHECK_THAT(scene.Ask("GET", "/decisions?" + query), Catch::StartsWith("400 {\"error\":"));
    CHECK_THAT(scene.Ask("DELETE", "/decisions?" + query), Catch::StartsWith("400 {\"error\":"));
  }
  for (const std::string target :
       {"/decisions", "/decisions?reason=x", "/decisions?all=yes", "/decisions?all=true&scope=ip",
        "/decisions?scope=ip&limit=1", "/decisions/0000000000000001?scope=ip",
        "/decisions/0000000000000001?all=true", "/decisions?scope=ip&by=a%0Ab"}) {
    CAPTURE(target);
    CHECK_THAT(scene.Ask("DELETE", target), Catch::StartsWith("400 {\"error\":"));
  }
  CHECK_THAT(scene.Ask("DELETE", "/decisions?scope=ip&by=a", "", "b"), Catch::StartsWith("400 "));
  CHECK(scene.removals.empty());
  CHECK(scene.standing.size() == 8);
}

TEST_CASE("decisions are lifted by id, by filters, and all of them only when that is said",
          "[gateway][decisions]") {
  DecisionScene scene;
  CHECK(scene.Ask("DELETE", "/decisions/0000000000000001?reason=our+own&by=alice") ==
        "200 {\"removed\":1}\n");
  CHECK(scene.actors.back().by == "alice");
  CHECK(scene.actors.back().reason == "our own");
  CHECK(scene.Ask("DELETE", "/decisions/0000000000000001") == "404 {\"removed\":0}\n");
  CHECK(scene.actors.back().by == "operator");
  CHECK(scene.Ask("DELETE", "/decisions?contains=203.0.113.2", "", "bob") == "200 {\"removed\":2}\n");
  CHECK(scene.actors.back().by == "bob");
  CHECK(scene.Ask("DELETE", "/decisions?all=true") == "200 {\"removed\":5}\n");
  scene.broken = "disk is full";
  CHECK(scene.Ask("DELETE", "/decisions?all=true") == "503 {\"error\":\"disk is full\"}\n");
}

TEST_CASE("new decisions are answered line by line, and a broken one costs itself", "[gateway][decisions]") {
  DecisionScene scene;
  const std::string body =
      "{\"action\":\"block\",\"value\":\"203.0.113.9\",\"for\":\"1h\",\"reason\":\"r\"}\n"
      "\n"
      "{\"action\":\"block\",\"value\":\"203.0.113.9\"}\r\n"
      "not json\n"
      "{\"action\":\"lock\",\"value\":\"203.0.113.9\",\"for\":\"1h\",\"reason\":\"r\"}\n"
      "{\"action\":\"lock\",\"scope\":\"account\",\"value\":\"alice\",\"until\":\"2026-11-27T00:00:00Z\","
      "\"reason\":\"r\"}";
  CHECK(
      scene.Ask("POST", "/decisions", body, "alice") ==
      "200 {\"line\":1,\"state\":\"added\",\"id\":\"id\"}\n"
      "{\"line\":3,\"state\":\"refused\",\"why\":\"for: is missing, or `until`: how long is it to stand?\"}\n"
      "{\"line\":4,\"state\":\"refused\",\"why\":\"no object of JSON\"}\n"
      "{\"line\":5,\"state\":\"refused\",\"why\":\"action: only accounts are locked; block an address, a "
      "network, an AS "
      "or a fingerprint\"}\n"
      "{\"line\":6,\"state\":\"extended\",\"id\":\"id\"}\n");
  REQUIRE(scene.added.size() == 2);
  CHECK(TextOf(scene.added[0]) == "1 block ip 203.0.113.9 for 1h");
  CHECK(TextOf(scene.added[1]) == "6 lock account alice until 2026-11-27T00:00:00.000Z");
  CHECK(scene.actors.back().by == "alice");
}

TEST_CASE("new decisions may come as a list", "[gateway][decisions]") {
  DecisionScene scene;
  const std::string one = R"({"action":"block","value":"203.0.113.9","for":"1h","reason":"r"})";
  CHECK(scene.Ask("POST", "/decisions", " [ " + one + ",\n7," + one + "]\n") ==
        "200 {\"line\":1,\"state\":\"added\",\"id\":\"id\"}\n"
        "{\"line\":2,\"state\":\"refused\",\"why\":\"no object of JSON\"}\n"
        "{\"line\":3,\"state\":\"extended\",\"id\":\"id\"}\n");
  for (const std::string& bad :
       {std::string("[" + one), std::string(200'000, '['), std::string(), std::string("\n \n")})
    CHECK_THAT(scene.Ask("POST", "/decisions", bad), Catch::StartsWith("400 "));
  CHECK_THAT(scene.Ask("POST", "/decisions?scope=ip", one), Catch::StartsWith("400 "));
  CHECK_THAT(scene.Ask("POST", "/decisions?reason=x", one), Catch::StartsWith("400 "));
  CHECK(scene.added.size() == 2);
}

TEST_CASE("more than a request may hold is refused whole, and so is what could not be made durable",
          "[gateway][decisions]") {
  DecisionScene scene;
  std::string lines;
  for (size_t i = 0; i <= kNewDecisionsMax; ++i) lines += "{}\n";
  CHECK_THAT(scene.Ask("POST", "/decisions", lines), Catch::StartsWith("400 "));
  std::string list = "[{}";
  for (size_t i = 0; i < kNewDecisionsMax; ++i) list += ",{}";
  CHECK_THAT(scene.Ask("POST", "/decisions", list + "]"), Catch::StartsWith("400 "));
  scene.broken = "disk is full";
  CHECK(scene.Ask("POST", "/decisions",
                  R"({"action":"block","value":"203.0.113.9","for":"1h","reason":"r"})") ==
        "503 {\"error\":\"disk is full\"}\n");
}

TEST_CASE("one decision is explained, with what firewalls make of it", "[gateway][decisions]") {
  const DecisionScene scene;
  CHECK(scene.Ask("GET", "/decisions/" + scene.standing[0].id) ==
        "200 {\"decision\":" + ToJson(scene.standing[0]) +
            ",\"left_ms\":1500,\"allowlisted\":true,\"firewalls\":[{\"name\":\"nft\",\"carries\":true,"
            "\"state\":"
            "\"enforced\"},{\"name\":\"la\\\"pi\",\"carries\":true,\"state\":\"pending\"},{\"name\":\"lock\","
            "\"carries\":"
            "false,\"state\":\"not carried\"}]}\n");
  CHECK_THAT(scene.Ask("GET", "/decisions/ffff"), Catch::StartsWith("404 {\"error\":"));
  CHECK_THAT(scene.Ask("GET", "/decisions/../audit"), Catch::StartsWith("404 "));
  CHECK_THAT(scene.Ask("GET", "/decisions/"), Catch::StartsWith("404 "));
  CHECK_THAT(scene.Ask("POST", "/decisions/ffff"), Catch::StartsWith("405 "));
}

TEST_CASE("the kill switch wants a reason, and says who turned it", "[gateway][decisions]") {
  DecisionScene scene;
  CHECK(scene.Ask("GET", "/enforcement") == "200 {\"enforcing\":true}\n");
  CHECK(scene.Ask("PUT", "/enforcement", R"({"enforcing":false,"reason":"too much"})", "alice") ==
        "200 {\"enforcing\":false,\"since\":\"2026-11-26T12:00:00.000Z\",\"by\":\"alice\",\"reason\":\"too "
        "much\"}\n");
  for (const std::string bad :
       {"", "{}", R"({"enforcing":true})", R"({"enforcing":"true","reason":"x"})", R"({"reason":"x"})",
        R"({"enforcing":true,"reason":"x","x":1})", R"({"enforcing":true,"enforcing":true,"reason":"x"})",
        R"({"enforcing":true,"reason":1})"}) {
    CAPTURE(bad);
    CHECK_THAT(scene.Ask("PUT", "/enforcement", bad), Catch::StartsWith("400 "));
  }
  CHECK_FALSE(scene.enforcement.enforcing);
  scene.broken = "disk is full";
  CHECK_THAT(scene.Ask("PUT", "/enforcement", R"({"enforcing":true,"reason":"x"})"),
             Catch::StartsWith("503 "));
}

TEST_CASE("firewalls and the audit log come as they are", "[gateway][decisions]") {
  DecisionScene scene;
  CHECK(scene.Ask("GET", "/firewalls") ==
        "200 "
        "{\"name\":\"nft\",\"kind\":\"nftables\",\"decided\":7,\"enforced\":5,\"pending\":2,\"lag_ms\":1500,"
        "\"repaired\":3,\"left_out\":1,\"last_error\":\"no such "
        "\\\"table\\\"\",\"last_error_at\":\"2026-11-26T12:00:00."
        "000Z\",\"reconciled_at\":\"2026-11-26T12:00:00.000Z\"}\n"
        "{\"name\":\"file\",\"kind\":\"list\",\"decided\":1,\"enforced\":1,\"pending\":0,\"lag_ms\":0,"
        "\"repaired\":0,"
        "\"left_out\":0}\n");
  CHECK(scene.Ask("GET", "/audit?after=7&limit=99999999") == "200 {\"n\":1}\n{\"n\":2}\n");
  CHECK(scene.asked_audit.first == 7);
  CHECK(scene.asked_audit.second == kAuditLinesMax);
  for (const std::string query : {"after=x", "limit=0", "after=-1", "n=1"})
    CHECK_THAT(scene.Ask("GET", "/audit?" + query), Catch::StartsWith("400 "));
  CHECK_THAT(scene.Ask("DELETE", "/audit"), Catch::StartsWith("405 "));
  CHECK_THAT(scene.Ask("PUT", "/firewalls"), Catch::StartsWith("405 "));
}

TEST_CASE("none of it without the token, and what an instance lacks it says", "[gateway][decisions]") {
  const DecisionScene scene;
  AdminParts parts;
  parts.token = "t0ken";
  const AdminDesk bare(std::move(parts));
  for (const std::string path : {"/decisions", "/decisions/1", "/enforcement", "/firewalls", "/audit"}) {
    CAPTURE(path);
    HandMade stranger("GET", path);
    CHECK(scene.admin->Reply(stranger.Request()).status == 401);
    HandMade remote("GET", path, {{"Authorization", "Bearer t0ken"}});
    remote.is_local = false;
    CHECK(scene.admin->Reply(remote.Request()).status == 401);
    HandMade page("GET", path, {{"Authorization", "Bearer t0ken"}, {"origin", "http://evil.example"}});
    CHECK(scene.admin->Reply(page.Request()).status == 401);
    HandMade known("GET", path, {{"Authorization", "Bearer t0ken"}});
    CHECK(bare.Reply(known.Request()).status == 501);
  }
}

}  // namespace
}  // namespace stockade
