// Proves that formats are told apart by their content, and that lines are read as POST /decisions reads them.
#include "adapters/exchange/exchange_format.h"

#include "adapters/exchange/stix.h"
#include "tests/adapters/exchange/exchange_scene.h"

namespace stockade {
namespace {

using Texts = std::vector<std::string>;

TEST_CASE("a format is told by its begin", "[exchange]") {
  const std::pair<std::string, ExchangeFormat> cases[] = {
      {"", ExchangeFormat::kPlain},
      {"# x\n203.0.113.9\n", ExchangeFormat::kPlain},
      {"ip,when\n203.0.113.9,now\n", ExchangeFormat::kPlain},
      {"value\n203.0.113.9\n", ExchangeFormat::kPlain},
      {"origin,scope,value,reason,type,duration\n", ExchangeFormat::kCrowdsec},
      {"\"duration\", \"Value\"\r\n", ExchangeFormat::kCrowdsec},
      {"[\n  {\n \"origin\": \"cscli\"", ExchangeFormat::kCrowdsec},
      {"[{\"id\":1,\"decisions\":[]}]", ExchangeFormat::kCrowdsec},
      {"[]", ExchangeFormat::kCrowdsec},
      {"[{\"type\":\"indicator\",\"pattern\":\"x\"}]", ExchangeFormat::kStix},
      {"{\n\"type\": \"bundle\"", ExchangeFormat::kStix},
      {"\xef\xbb\xbf {\"type\":\"bundle\",\"objects\":[{\"action\":1}]}", ExchangeFormat::kStix},
      {ToJson(MakeDecision(Scope::kIp, "203.0.113.9")), ExchangeFormat::kNdjson},
      {"\n{\"action\":\"block\",\"value\":\"203.0.113.9\"}\n{", ExchangeFormat::kNdjson},
  };
  for (const auto& [text, format] : cases) {
    CAPTURE(text);
    CHECK(Name(DetectExchangeFormat(text)) == Name(format));
  }
  CHECK(ParseExchangeFormat("stix") == ExchangeFormat::kStix);
  CHECK(ParseExchangeFormat("auto") == std::nullopt);
}

TEST_CASE("what an instance exports, another takes; a line that is broken costs itself", "[exchange]") {
  Decision shadow = MakeDecision(Scope::kIp, "203.0.113.10");
  shadow.shadow = true;
  Decision lock = MakeDecision(Scope::kAccount, "al\"ice", Action::kLock);
  lock.all_lanes = true;
  const std::string text =
      ToJson(MakeDecision(Scope::kRange, "2001:db8::/48")) + "\r\n\n{\n" + ToJson(shadow) + "\n" +
      ToJson(lock) + "\n" +
      R"({"action":"challenge","value":"203.0.113.9","for":"1h","reason":"r","kind":"identity"})";
  const absl::StatusOr<Exchanged> read = ReadExchanged(ExchangeFormat::kNdjson, text, kNow);
  REQUIRE(read.ok());
  CHECK(TextsOf(*read) == Texts{"1 block range 2001:db8::/48 until 2026-11-26T13:00:00.000Z",
                                "5 lock account al\"ice until 2026-11-26T13:00:00.000Z",
                                "6 challenge ip 203.0.113.9 for 1h"});
  CHECK(read->decisions[0].origin == "many_accounts");
  CHECK(read->decisions[1].all_lanes);
  CHECK(read->decisions[2].challenge_kind == ChallengeKind::kIdentity);
  CHECK(ProblemsOf(*read) ==
        Texts{"3: no object of JSON", "4: shadow: it was never carried out, and is not from here either"});
}

TEST_CASE("a new decision is written as it is read", "[exchange]") {
  NewDecision decision;
  decision.action = Action::kLock;
  decision.target = *ReadTarget(Scope::kAccount, "m\u00fcller \"x\"");
  decision.for_ms = 5'400'500;
  decision.all_lanes = true;
  decision.reason = "line\nbreak";
  decision.origin = "list";
  const auto read = ReadNewDecision(ToJson(decision));
  INFO(read.status());
  REQUIRE(read.ok());
  CHECK(read->target == decision.target);
  CHECK(read->for_ms == 5'401'000);  // never shorter
  CHECK(read->all_lanes);
  CHECK(read->reason == decision.reason);
  CHECK(read->origin == decision.origin);
  CHECK(ToJson(*read) == ToJson(*ReadNewDecision(ToJson(*read))));
}

TEST_CASE("what a line must not be is refused, naming the member", "[exchange]") {
  const std::pair<std::string, std::string> cases[] = {
      {"", "no object"},
      {"[]", "no object"},
      {R"({"value":"203.0.113.9","for":"1h","reason":"r"})", "action: is missing"},
      {R"({"action":"ban","value":"203.0.113.9","for":"1h","reason":"r"})", "action: is none of challenge"},
      {R"({"action":"block","for":"1h","reason":"r"})", "value: is missing"},
      {R"({"action":"block","value":"203.0.113.9","reason":"r"})", "for: is missing"},
      {R"({"action":"block","value":"203.0.113.9","for":"1h","until":"2027-01-01T00:00:00Z","reason":"r"})",
       "beside `until`"},
      {R"({"action":"block","value":"203.0.113.9","for":"1h"})", "reason: is missing"},
      {R"({"action":"block","value":"203.0.113.9","for":"60","reason":"r"})", "no unit"},
      {R"({"action":"block","value":"203.0.113.9","for":"99999d","reason":"r"})", "longer than"},
      {R"({"action":"block","value":"203.0.113.9","for":3600,"reason":"r"})", "for: is no text"},
      {R"({"action":"block","value":"203.0.113.9","until":"tomorrow","reason":"r"})", "until: is no time"},
      {R"({"action":"block","value":"alice","for":"1h","reason":"r"})", "scope: 'alice' is no address"},
      {R"({"action":"block","scope":"ip","value":"203.0.113.0/24","for":"1h","reason":"r"})",
       "write scope range"},
      {R"({"action":"block","scope":"range","value":"203.0.113.9","for":"1h","reason":"r"})",
       "write scope ip"},
      {R"({"action":"block","scope":"asn","value":"0","for":"1h","reason":"r"})", "no AS number"},
      {R"({"action":"block","scope":"asn","value":"4294967296","for":"1h","reason":"r"})", "no AS number"},
      {R"({"action":"block","scope":"fingerprint","value":"t13d","for":"1h","reason":"r"})",
       "32 hexadecimal"},
      {R"({"action":"lock","scope":"account","value":"a\u0000b","for":"1h","reason":"r"})",
       "control characters"},
      {R"({"action":"lock","scope":"account","value":"\u202Eevil","for":"1h","reason":"r"})",
       "control characters"},
      {R"({"action":"block","value":"203.0.113.9","value":"203.0.113.8","for":"1h","reason":"r"})",
       "value: stands twice"},
      {R"({"action":"block","value":"203.0.113.9","fro":"1h","reason":"r"})",
       "'fro': no such member; did you mean 'for'"},
      {R"({"action":"block","value":"203.0.113.9","for":"1h","reason":"r","all_lanes":1})",
       "neither true nor false"},
      {R"({"action":"block","value":"203.0.113.9","for":"1h","reason":")" + std::string(2000, 'x') + "\"}",
       "reason: is longer"},
      {std::string(100'000, ' '), "longer than"},
  };
  for (const auto& [json, why] : cases) {
    CAPTURE(json.substr(0, 120));
    const auto read = ReadNewDecision(json);
    REQUIRE_FALSE(read.ok());
    CHECK_THAT(std::string(read.status().message()), Catch::Contains(why));
  }
}

TEST_CASE("an action is on what it can be carried out on, for a time that is ahead", "[exchange]") {
  const auto check = [](const std::string& json) {
    const auto read = ReadNewDecision(json);
    INFO(read.status());
    REQUIRE(read.ok());
    return std::string(CheckNewDecision(*read, kNow).message());
  };
  CHECK(check(R"({"action":"block","value":"203.0.113.9","for":"1h","reason":"r"})").empty());
  CHECK(check(R"({"action":"block","value":"AS64500","for":"3650d","reason":"r"})").empty());
  CHECK(check(R"({"action":"lock","scope":"account","value":"a","for":"1h","reason":"r","all_lanes":true})")
            .empty());
  CHECK_THAT(check(R"({"action":"lock","value":"203.0.113.9","for":"1h","reason":"r"})"),
             Catch::Contains("only accounts"));
  CHECK_THAT(check(R"({"action":"block","scope":"account","value":"a","for":"1h","reason":"r"})"),
             Catch::Contains("write lock"));
  CHECK_THAT(check(R"({"action":"block","value":"203.0.113.9","for":"1h","reason":"r","all_lanes":true})"),
             Catch::Contains("locks only"));
  CHECK_THAT(check(R"({"action":"block","value":"203.0.113.9","for":"1h","reason":"r","kind":"identity"})"),
             Catch::Contains("challenges only"));
  CHECK_THAT(check(R"({"action":"block","value":"203.0.113.9","until":"2026-11-26T12:00:00Z","reason":"r"})"),
             Catch::Contains("over already"));
  CHECK_THAT(check(R"({"action":"block","value":"203.0.113.9","until":"9999-11-26T12:00:00Z","reason":"r"})"),
             Catch::Contains("ten years"));
}

}  // namespace
}  // namespace stockade
