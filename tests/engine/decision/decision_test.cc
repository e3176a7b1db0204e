// Proven here: the text form of a decision is valid JSON with the keys of the design, whatever bytes its
// names are made of; times and spans are written as people read them; nothing on the allowlist is missed or
// invented.
#include "engine/decision/decision.h"

#include <simdjson.h>

#include <bit>
#include <catch2/catch.hpp>
#include <ctime>
#include <limits>
#include <random>

#include "engine/decision/allowlist.h"
#include "engine/limits.h"

namespace stockade {
namespace {

Decision Sample() {
  Decision d;
  d.id = "00112233445566ff";
  d.time_ms = 1'700'000'000'123;
  d.value = "203.0.113.9";
  d.until_ms = d.time_ms + 900'000;
  d.rule = "many_accounts";
  d.reason = "8 user.name in 10m";
  d.evidence = {"One source", 8,       true, false, "gte 8",
                "user.name",  600'000, 1,    2,     {{"source.ip", "203.0.113.9"}}};
  return d;
}

TEST_CASE("a decision is written with the keys of the design, in their order", "[decision]") {
  CHECK(ToJson(Sample()) ==
        R"({"time":"2023-11-14T22:13:20.123Z","id":"00112233445566ff","action":"block","scope":"ip",)"
        R"("value":"203.0.113.9","until":"2023-11-14T22:28:20.123Z","rule":"many_accounts",)"
        R"("reason":"8 user.name in 10m","evidence":{"title":"One source","value":8,"at_least":true,)"
        R"("condition":"gte 8","field":"user.name","span":"10m","first":"1970-01-01T00:00:00.001Z",)"
        R"("last":"1970-01-01T00:00:00.002Z","group":{"source.ip":"203.0.113.9"}}})");
  Decision d = Sample();
  d.action = Action::kChallenge;
  d.challenge_kind = ChallengeKind::kIdentity;
  d.campaign = "c1";
  d.repeat = 2;
  d.shadow = true;
  const std::string json = ToJson(d);
  CHECK(json.find(R"(}},"campaign":"c1","kind":"identity","repeat":2,"shadow":true})") != std::string::npos);
}

TEST_CASE("what was decided by hand rests on no event, and claims none of 1970", "[decision]") {
  Decision d = Sample();
  d.evidence = {};
  CHECK(ToJson(d).ends_with(R"("reason":"8 user.name in 10m","evidence":{}})"));
}

TEST_CASE("a detector's decision carries its evidence and the name of its threshold, after the rest",
          "[decision]") {
  Decision d = Sample();
  d.evidence = {};
  d.evidence.value = 1;
  d.evidence.group = {{"source.ip", "203.0.113.9"}};
  d.evidence.detector = "source_ladder";
  d.evidence.setting = "detectors.evidence.condemned";
  d.evidence.score = 15.2;
  d.evidence.threshold = 13.8;
  const std::string rest = R"("group":{"source.ip":"203.0.113.9"},"detector":"source_ladder","score":15.2,)"
                           R"("threshold":13.8,"setting":"detectors.evidence.condemned")";
  CHECK(ToJson(d).find(rest + "}}") != std::string::npos);
  d.evidence.since_ms = 1;
  CHECK(ToJson(d).find(rest + R"(,"since":"1970-01-01T00:00:00.001Z"}})") != std::string::npos);
}

TEST_CASE("any bytes at all make valid JSON", "[decision]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  simdjson::dom::parser parser;
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (uint64_t size = random() % 24; size > 0; --size)
      text.push_back(static_cast<char>(random() % 3 == 0 ? random() % 128 : 0x80 + random() % 128));
    Decision d = Sample();
    d.value = text;
    d.rule = text;
    d.evidence.group = {{text, text}};
    d.evidence.value = std::bit_cast<double>(static_cast<uint64_t>(random()) << 32 | random());
    const std::string json = ToJson(d);
    INFO(json);
    simdjson::dom::element parsed;
    REQUIRE(parser.parse(json).get(parsed) == simdjson::SUCCESS);
    REQUIRE(std::string_view(parsed["rule"]) == std::string_view(parsed["value"]));
  }
  std::string out;
  AppendJsonString("a\"\\\n\r\t\x01\x7f\u00e9\U0001f600", &out);
  CHECK(out == "\"a\\\"\\\\\\n\\r\\t\\u0001\\u007f\u00e9\U0001f600\"");
  // Overlong, a surrogate, beyond U+10FFFF, cut short: each bad byte is one U+FFFD.
  for (const auto& [bad, count] : std::vector<std::pair<std::string, size_t>>{
           {"\xc0\x80", 2}, {"\xed\xa0\x80", 3}, {"\xf4\x90\x80\x80", 4}, {"\xe2\x82", 2}, {"\xff", 1}}) {
    out.clear();
    AppendJsonString(bad, &out);
    CHECK(out.size() == 2 + 3 * count);
  }
}

TEST_CASE("times are written as the C library would", "[decision]") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 5000; ++i) {
    const auto time_ms = static_cast<int64_t>(random() % 9'223'372'036'854);
    const std::time_t seconds = time_ms / 1000;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char text[40];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    char whole[48];
    std::snprintf(whole, sizeof whole, "%s.%03dZ", text, static_cast<int>(time_ms % 1000));
    REQUIRE(FormatTimeMs(time_ms) == whole);
  }
  CHECK(FormatTimeMs(-1) == "1969-12-31T23:59:59.999Z");
  CHECK(FormatTimeMs(951'782'400'000) == "2000-02-29T00:00:00.000Z");
  CHECK_FALSE(FormatTimeMs(std::numeric_limits<int64_t>::min()).empty());
  CHECK_FALSE(FormatTimeMs(std::numeric_limits<int64_t>::max()).empty());
}

TEST_CASE("spans are written in the largest unit that divides", "[decision]") {
  CHECK(FormatSpanMs(900'000) == "15m");
  CHECK(FormatSpanMs(90'000) == "90s");
  CHECK(FormatSpanMs(7 * 86'400'000) == "7d");
  CHECK(FormatSpanMs(1500) == "1500ms");
  CHECK(FormatSpanMs(3'600'000) == "1h");
  CHECK(FormatSpanMs(0) == "0ms");
}

TEST_CASE("the allowlist holds whom it names and nobody else", "[decision]") {
  Allowlist list;
  Attempt attempt;
  attempt.source = *Address::Parse("192.0.2.7");
  attempt.account = "probe";
  attempt.ja4 = "t13d";
  attempt.user_agent = "curl/8 | odd";
  CHECK_FALSE(list.Holds(attempt));
  CHECK_FALSE(list.AddAccount(""));
  CHECK_FALSE(list.AddFingerprint(""));
  CHECK_FALSE(list.AddNetwork(Prefix{}));
  CHECK(list.empty());

  Allowlist networks;
  REQUIRE(networks.AddNetwork(*Prefix::Parse("192.0.2.0/25")));
  CHECK(networks.Holds(attempt));
  attempt.source = *Address::Parse("::ffff:192.0.2.127");
  CHECK(networks.Holds(attempt));
  attempt.source = *Address::Parse("192.0.2.128");
  CHECK_FALSE(networks.Holds(attempt));
  attempt.source = Address{};
  CHECK_FALSE(networks.Holds(attempt));
  CHECK(networks.Touches(Scope::kRange, *Prefix::Parse("192.0.2.0/24"), "192.0.2.0/24"));
  CHECK(networks.Touches(Scope::kIp, *Prefix::Parse("192.0.2.1"), "192.0.2.1"));
  CHECK_FALSE(networks.Touches(Scope::kIp, *Prefix::Parse("192.0.2.200"), "192.0.2.200"));

  Allowlist accounts;
  REQUIRE(accounts.AddAccount("probe"));
  CHECK(accounts.Holds(attempt));
  attempt.account = "Probe";
  CHECK_FALSE(accounts.Holds(attempt));
  CHECK(accounts.Touches(Scope::kAccount, {}, "probe"));

  Allowlist prints;
  REQUIRE(prints.AddFingerprint("t13d|curl/8 | odd"));
  CHECK(prints.Holds(attempt));
  attempt.user_agent = "curl/9";
  CHECK_FALSE(prints.Holds(attempt));
  REQUIRE(prints.AddFingerprint("t13d"));
  CHECK(prints.Holds(attempt));
}

TEST_CASE("a target is the name the attempt gives, or nothing", "[decision]") {
  const HashKey key{1, 2};
  Attempt attempt;
  for (const Target target : {Target::kSourceIp, Target::kSourcePrefix, Target::kSourceAsn,
                              Target::kSourceFingerprint, Target::kUserName})
    CHECK_FALSE(TargetOf(attempt, target, key));
  attempt.source = *Address::Parse("2001:db8:1:2:3::4");
  attempt.asn = 64500;
  attempt.user_agent = "";
  attempt.account = "alice";
  CHECK(TargetOf(attempt, Target::kSourceIp, key)->value == "2001:db8:1:2:3::4");
  CHECK(TargetOf(attempt, Target::kSourcePrefix, key)->value == "2001:db8:1:2::/64");
  CHECK(TargetOf(attempt, Target::kSourcePrefix, key)->scope == Scope::kRange);
  CHECK(TargetOf(attempt, Target::kSourceAsn, key)->value == "64500");
  CHECK(TargetOf(attempt, Target::kSourceFingerprint, key)->value.size() == 32);
  CHECK(TargetOf(attempt, Target::kUserName, key)->value == "alice");

  const std::string huge(1 << 20, 'a');
  attempt.account = huge;
  CHECK(TargetOf(attempt, Target::kUserName, key)->value.size() == 33);
  CHECK(Printed(huge).size() <= kPrintedFieldBytesMax);
  std::string wide;
  while (wide.size() < 600) wide += "\u20ac";
  for (size_t cut = 0; cut < 4; ++cut) {
    std::string json;
    AppendJsonString(Printed(std::string(cut, 'x') + wide), &json);
    CHECK(json.find("\xef\xbf\xbd") == std::string::npos);
  }
}

}  // namespace
}  // namespace stockade
