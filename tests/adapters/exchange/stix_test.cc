// Proves that indicators which name addresses are taken and no others, each refusal with its reason; that bundles are the same
// bytes for the same decisions; and that what is written is read back.
#include "adapters/exchange/stix.h"

#include <set>

#include "adapters/exchange/stix_pattern.h"
#include "simdjson.h"
#include "tests/adapters/exchange/exchange_scene.h"

namespace stockade {
namespace {

using Texts = std::vector<std::string>;

Exchanged ReadBundle(std::string_view text) {
  const absl::StatusOr<Exchanged> read = ReadStix(text, kNow);
  INFO(read.status());
  REQUIRE(read.ok());
  return *read;
}

std::string Indicator(const std::string& pattern, const std::string& more = "") {
  std::string json =
      R"({"type":"indicator","spec_version":"2.1","id":"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
    "created":"2026-11-01T00:00:00.000Z","modified":"2026-11-01T00:00:00.000Z","pattern_type":"stix",
    "valid_from":"2026-11-01T00:00:00Z")" +
      more + ",\"pattern\":";
  AppendJsonString(pattern, &json);
  return json + "}";
}
std::string Bundle(const std::string& objects) {
  return R"({"type":"bundle","id":"bundle--5d0092c5-5f74-4287-9642-33f4c354e56d","objects":[)" + objects +
         "]}";
}

TEST_CASE("patterns that name addresses and nothing else are read", "[exchange][stix]") {
  const auto values = [](std::string_view pattern) {
    const auto read = ReadAddressPattern(pattern);
    INFO(pattern << ": " << read.status());
    REQUIRE(read.ok());
    return *read;
  };
  CHECK(values("[ipv4-addr:value = '203.0.113.9']") == Texts{"203.0.113.9"});
  CHECK(values("[ipv4-addr:value='203.0.113.9']") == Texts{"203.0.113.9"});
  CHECK(values(" [ ipv4-addr:value\n=\t'203.0.113.0/24' ] ") == Texts{"203.0.113.0/24"});
  CHECK(values("[ipv4-addr:value ISSUBSET '198.51.100.0/24']") == Texts{"198.51.100.0/24"});
  CHECK(values("[ipv6-addr:value IN ('2001:db8::1', '2001:db8::2')]") == Texts{"2001:db8::1", "2001:db8::2"});
  CHECK(values("[ipv4-addr:value = '203.0.113.1' OR ipv6-addr:value = '2001:db8::1'] OR [ipv4-addr:value = "
               "'203.0.113.2']") == Texts{"203.0.113.1", "2001:db8::1", "203.0.113.2"});
}

TEST_CASE("any other pattern is refused whole, and says at what", "[exchange][stix]") {
  const std::pair<std::string, std::string> cases[] = {
      {"", "it ends"},
      {"ipv4-addr:value = '203.0.113.9'", "'ipv4-addr:value' where only ["},
      {"[ipv4-addr:value = '203.0.113.9'", "it ends where only OR or ]"},
      {"[ipv4-addr:value = '203.0.113.9' AND ipv4-addr:value = '203.0.113.8']", "'AND'"},
      {"[ipv4-addr:value = '203.0.113.9'] AND [ipv4-addr:value = '203.0.113.8']", "'AND'"},
      {"[ipv4-addr:value = '203.0.113.9'] FOLLOWEDBY [ipv4-addr:value = '203.0.113.8']", "'FOLLOWEDBY'"},
      {"[ipv4-addr:value = '203.0.113.9'] WITHIN 300 SECONDS", "'WITHIN'"},
      {"[ipv4-addr:value = '203.0.113.9'] REPEATS 5 TIMES", "'REPEATS'"},
      {"[ipv4-addr:value != '203.0.113.9']", "'!'"},
      {"[NOT ipv4-addr:value = '203.0.113.9']", "'NOT'"},
      {"[ipv4-addr:value NOT = '203.0.113.9']", "'NOT'"},
      {"[ipv4-addr:value LIKE '203.0.113.%']", "'LIKE'"},
      {"[ipv4-addr:value MATCHES '203']", "'MATCHES'"},
      {"[ipv4-addr:value > '203.0.113.9']", "'>'"},
      {"[domain-name:value = 'example.com']", "'domain-name:value'"},
      {"[network-traffic:src_ref.value = '203.0.113.9']", "'network-traffic:src_ref.value'"},
      {"[ipv4-addr:value = '203.0.113.9' OR file:name = 'x']", "'file:name'"},
      {"[(ipv4-addr:value = '203.0.113.9')]", "'('"},
      {"[ipv4-addr:value = 203]", "'203'"},
      {"[ipv4-addr:value = '203.0.113.9]", "never closed"},
      {"[ipv4-addr:value = '203.0.113.9\\", "backslash"},
      {"[ipv4-addr:value = '203\\n']", "backslash"},
      {"[ipv4-addr:value = '2001:db8::1']", "no address of IPv4"},
      {"[ipv6-addr:value = '203.0.113.9']", "no address of IPv6"},
      {"[ipv4-addr:value IN ()]", "')'"},
      {"[ipv4-addr:value IN ('203.0.113.9' '203.0.113.8')]", "a comma or the list's end"},
      {std::string(100'000, '['), "'['"},
      {std::string(kPatternBytesMax + 1, ' '), "longer than"},
  };
  for (const auto& [pattern, why] : cases) {
    CAPTURE(pattern.substr(0, 100));
    const auto read = ReadAddressPattern(pattern);
    REQUIRE_FALSE(read.ok());
    CHECK_THAT(std::string(read.status().message()), Catch::Contains(why));
  }
}

TEST_CASE("a text with quotes and backslashes survives a pattern", "[exchange][stix]") {
  CHECK(EscapePatternText(R"(a'b\c)") == R"(a\'b\\c)");
  const std::string value = R"(it's '] OR [ipv4-addr:value = \'1.2.3.4)";
  const auto read = ReadAddressPattern(Concat("[ipv4-addr:value = '", EscapePatternText(value), "']"));
  REQUIRE_FALSE(read.ok());  // it holds a colon; what matters is that it was one value
  CHECK_THAT(std::string(read.status().message()), Catch::Contains("no address of IPv4"));
  const std::string plain = R"(it's a \ text] OR [)";
  CHECK(*ReadAddressPattern(Concat("[ipv4-addr:value = '", EscapePatternText(plain), "']")) == Texts{plain});
}

TEST_CASE("a bundle's indicators become decisions with reason, origin and end", "[exchange][stix]") {
  const Exchanged read = ReadBundle(Bundle(
      R"({"type":"identity","id":"identity--1","name":"CERT-XX"},)" +
      Indicator("[ipv4-addr:value = '203.0.113.9' OR ipv4-addr:value = '203.0.113.0/24']",
                R"(,"valid_until":"2026-12-01T00:00:00Z","name":"spray","created_by_ref":"identity--1")") +
      "," +
      Indicator("[ipv6-addr:value = '2001:DB8::1']",
                R"(,"description":"why","created_by_ref":"identity--2")") +
      R"(,{"type":"malware","id":"malware--1"})"));
  CHECK(TextsOf(read) == Texts{"2 - ip 203.0.113.9 until 2026-12-01T00:00:00.000Z",
                               "2 - range 203.0.113.0/24 until 2026-12-01T00:00:00.000Z",
                               "3 - ip 2001:db8::1"});
  CHECK(read.decisions[0].reason == "spray");
  CHECK(read.decisions[0].origin == "CERT-XX");
  CHECK(read.decisions[2].reason == "why");
  CHECK(read.decisions[2].origin == "identity--2");
  CHECK(read.passed_over == 2);
  CHECK(read.refused == 0);
}

TEST_CASE("an indicator that does not stand, or speaks of other things, is refused with the reason",
          "[exchange][stix]") {
  const std::string good = "[ipv4-addr:value = '203.0.113.9']";
  const std::pair<std::string, std::string> cases[] = {
      {Indicator(good, R"(,"revoked":true)"), "taken it back"},
      {Indicator(good, R"(,"revoked":"no")"), "neither true nor false"},
      {Indicator(good, R"(,"valid_until":"2026-11-26T12:00:00Z")"), "is over"},
      {Indicator(good, R"(,"valid_until":"soon")"), "no time"},
      {Indicator(good, R"(,"indicator_types":["benign"])"), "vouches"},
      {Indicator(good, R"(,"indicator_types":"benign")"), "no list"},
      {R"({"type":"indicator","pattern_type":"sigma","pattern":"title: x"})", "'sigma' is not stix"},
      {R"({"type":"indicator","pattern":7})", "no text"},
      {R"({"type":"indicator"})", "is missing"},
      {R"({"type":"indicator","pattern":"[ipv4-addr:value = '203.0.113.9']","valid_from":"2027-01-01T00:00:00Z"})",
       "still to come"},
      {Indicator("[ipv4-addr:value = '0.0.0.0/0']"), "wider than"},
      {Indicator("[ipv4-addr:value = '203.0.113.7/24']"), "write 203.0.113.0/24"},
      {Indicator("[ipv4-addr:value = 'AS64500']"), "no address"},
      {Indicator("[ipv4-addr:value = '203.0.113.9' OR ipv4-addr:value = 'x']"), "pattern: 'x'"},
      {R"({"id":"indicator--1"})", "no `type`"},
      {"7", "no `type`"},
  };
  for (const auto& [object, why] : cases) {
    CAPTURE(object);
    const Exchanged read = ReadBundle(Bundle(object));
    CHECK(read.decisions.empty());
    REQUIRE(read.problems.size() == 1);
    CHECK_THAT(read.problems[0].what, Catch::Contains(why));
  }
}

TEST_CASE("an envelope, a list and one object are read too; what is none of them is an error",
          "[exchange][stix]") {
  const std::string one = Indicator("[ipv4-addr:value = '203.0.113.9']");
  for (const std::string& text : {one, "[" + one + "]", "{\"more\":false,\"objects\":[" + one + "]}"})
    CHECK(TextsOf(ReadBundle(text)) == Texts{"1 - ip 203.0.113.9"});
  CHECK(ReadBundle(R"({"type":"bundle","id":"bundle--1"})").decisions.empty());
  for (const std::string& bad :
       {std::string(), std::string("7"), std::string("{}"), std::string("{\"objects\":7}"),
        std::string("{\"type\":"), std::string("{\"type\":\"\xff\"}"), std::string(200'000, '['),
        "{\"objects\":" + std::string(200'000, '['), std::string("\xff\xfe{\0}\0", 6)}) {
    CAPTURE(bad.substr(0, 30));
    CHECK_FALSE(ReadStix(bad, kNow).ok());
  }
  // Depth that is still JSON is refused before anything walks it.
  std::string deep = Indicator("[ipv4-addr:value = '203.0.113.9']",
                               ",\"x\":" + std::string(100, '[') + std::string(100, ']'));
  CHECK_FALSE(ReadStix(Bundle(deep), kNow).ok());
}

std::vector<Decision> Several() {
  std::vector<Decision> decisions = {MakeDecision(Scope::kIp, "203.0.113.9"),
                                     MakeDecision(Scope::kRange, "2001:db8::/48", Action::kChallenge),
                                     MakeDecision(Scope::kAccount, "alice", Action::kLock),
                                     MakeDecision(Scope::kAsn, "64500"),
                                     MakeDecision(Scope::kIp, "198.51.100.1")};
  decisions.back().shadow = true;
  decisions[1].evidence = {};
  return decisions;
}

TEST_CASE("what is written is read back; accounts and shadows stay here", "[exchange][stix]") {
  size_t left_out = 0;
  const std::string bundle = WriteStix(Several(), {"Example Bank", Tlp::kAmber}, &left_out);
  CHECK(left_out == 3);
  CHECK(bundle.find("alice") == std::string::npos);
  const Exchanged read = ReadBundle(bundle);
  CHECK(TextsOf(read) == Texts{"3 - ip 203.0.113.9 until 2026-11-26T13:00:00.000Z",
                               "5 - range 2001:db8::/48 until 2026-11-26T13:00:00.000Z"});
  CHECK(read.decisions[0].reason == Several()[0].reason);
  CHECK(read.decisions[0].origin == "Example Bank");
  CHECK(read.passed_over == 3);  // identity, marking, sighting
}

TEST_CASE("the same decisions are the same bytes, and other ones have other ids", "[exchange][stix]") {
  size_t left_out = 0;
  const auto ids = [&](const std::vector<Decision>& decisions, const std::string& producer) {
    const std::string text = WriteStix(decisions, {producer, Tlp::kNone}, &left_out);
    CHECK(text == WriteStix(decisions, {producer, Tlp::kNone}, &left_out));
    simdjson::dom::parser parser;
    std::set<std::string> found;
    simdjson::dom::array objects;
    REQUIRE(parser.parse(text)["objects"].get(objects) == simdjson::SUCCESS);
    for (const auto object : objects) {
      std::string_view id;
      REQUIRE(object["id"].get(id) == simdjson::SUCCESS);
      // Version 5, variant of RFC 9562.
      const std::string_view uuid = id.substr(id.find("--") + 2);
      REQUIRE(uuid.size() == 36);
      CHECK(uuid[14] == '5');
      CHECK(std::string_view("89ab").find(uuid[19]) != std::string_view::npos);
      CHECK(found.emplace(id).second);
    }
    return found;
  };
  std::vector<Decision> decisions = Several();
  const std::set<std::string> first = ids(decisions, "A");
  const std::set<std::string> other_producer = ids(decisions, "B");
  for (const std::string& id : other_producer) CHECK(first.count(id) == 0);
  decisions[0].id = "0000000000000001";
  const std::set<std::string> later = ids(decisions, "A");
  size_t same = 0;
  for (const std::string& id : later) same += first.count(id);
  CHECK(same == 2);  // the producer and the other indicator
}

TEST_CASE("nothing to write is a bundle without objects", "[exchange][stix]") {
  size_t left_out = 0;
  const std::string bundle = WriteStix({}, {}, &left_out);
  CHECK(bundle.find("objects") == std::string::npos);
  CHECK(ReadBundle(bundle).decisions.empty());
}

TEST_CASE("colours are those of the Traffic Light Protocol", "[exchange][stix]") {
  CHECK(ParseTlp("clear") == Tlp::kWhite);
  CHECK(ParseTlp("AMBER") == Tlp::kAmber);
  CHECK(ParseTlp("red") == Tlp::kRed);
  CHECK(ParseTlp("") == std::nullopt);
  CHECK(ParseTlp("amber+strict") == std::nullopt);
}

}  // namespace
}  // namespace stockade
