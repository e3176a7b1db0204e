// Proves that CrowdSec's own exports are read, JSON and CSV, that nothing of them is guessed, and that what is written is
// what its import takes.
#include "adapters/exchange/crowdsec_decisions.h"

#include "adapters/go_duration.h"
#include "tests/adapters/exchange/exchange_scene.h"

namespace stockade {
namespace {

using Texts = std::vector<std::string>;

std::string DurationText(int64_t seconds) {
  std::string text;
  AppendGoDuration(seconds, &text);
  return text;
}

Exchanged Read(std::string_view text) {
  const absl::StatusOr<Exchanged> read = ReadCrowdsecDecisions(text);
  INFO(read.status());
  REQUIRE(read.ok());
  return *read;
}

TEST_CASE("CrowdSec's own test files are read whole, alike from JSON and CSV", "[exchange][crowdsec]") {
  const std::string folder = "crowdsec-lapi-and-buckets/decisions-import/";
  const std::string json = ReadCorpusFile(folder + "decisions.json");
  const std::string csv = ReadCorpusFile(folder + "decisions.csv");
  if (json.empty() || csv.empty()) {
    WARN("skipped: the corpus crowdsec-lapi-and-buckets is not there");
    return;
  }
  CHECK(TextsOf(Read(json)) == Texts{"1 block ip 1.6.11.16 for 1h", "2 block ip 2.7.12.17 for 1h",
                                     "3 block ip 3.8.13.18 for 1h", "4 block ip 4.9.14.19 for 1h",
                                     "5 block ip 5.10.15.20 for 1h"});
  const Exchanged from_csv = Read(csv);
  REQUIRE(from_csv.decisions.size() == 5);
  CHECK(TextOf(from_csv.decisions[0]) == "2 block ip 1.6.11.16 for 1h");
  CHECK(from_csv.decisions[4].reason == "manual import from csv");
  CHECK(from_csv.decisions[4].origin == "cscli");
}

TEST_CASE("alerts with decisions, as cscli lists them, are read", "[exchange][crowdsec]") {
  const Exchanged read = Read(R"([
    {"id":1,"decisions":[{"duration":"3h59m58.5s","origin":"crowdsec","scenario":"crowdsecurity/ssh-bf","scope":"Ip",
      "type":"ban","value":"203.0.113.9","simulated":false},
      {"duration":"-2s","origin":"x","scenario":"y","scope":"Ip","type":"ban","value":"203.0.113.10"}]},
    {"id":2,"decisions":null},
    {"id":3,"decisions":[{"duration":"1h","scope":"AS","type":"captcha","value":"64500","scenario":"z","origin":"o"}]}])");
  CHECK(TextsOf(read) == Texts{"1 block ip 203.0.113.9 for 14398500ms", "3 challenge asn 64500 for 1h"});
  CHECK(read.decisions[0].reason == "crowdsecurity/ssh-bf");
  CHECK(read.passed_over == 1);
  CHECK(ProblemsOf(read) == Texts{"2: duration: -2s: it is over"});
}

TEST_CASE("scopes and types are those we have, and no others", "[exchange][crowdsec]") {
  const Exchanged read = Read(R"([
    {"value":"203.0.113.9"},
    {"scope":"range","value":"203.0.113.0/24","type":"throttle","duration":"7d"},
    {"scope":"Ip","value":"203.0.113.0/24"},
    {"scope":"username","value":"alice","type":"ban"},
    {"scope":"username","value":"bob","type":"captcha"},
    {"scope":"Country","value":"XX"},
    {"value":"203.0.113.9","type":"slow-down"},
    {"value":"AS64500"},
    {"value":"203.0.113.9","simulated":true},
    {"value":"203.0.113.9","duration":"soon"},
    {"value":7},
    "203.0.113.9"])");
  CHECK(TextsOf(read) == Texts{"1 block ip 203.0.113.9", "2 throttle range 203.0.113.0/24 for 7d",
                               "3 block range 203.0.113.0/24", "4 lock account alice",
                               "5 challenge account bob"});
  CHECK(read.refused == 7);
  CHECK_THAT(ProblemsOf(read)[0], Catch::StartsWith("6: scope: 'Country'"));
  CHECK_THAT(ProblemsOf(read)[3], Catch::StartsWith("9: simulated"));
}

TEST_CASE("CSV has columns in any order, quotes, and lines that are broken", "[exchange][crowdsec]") {
  const Exchanged read = Read(
      "value,Reason,duration\r\n"
      "203.0.113.9,\"scans, \"\"loudly\"\"\nand often\",1h\r\n"
      "# a comment\n"
      "\n"
      "203.0.113.10\n"
      "nonsense,x,1h\n"
      "203.0.113.11,\"never closed\n203.0.113.12,x,1h\n");
  CHECK(TextsOf(read) == Texts{"2 block ip 203.0.113.9 for 1h", "6 block ip 203.0.113.10"});
  CHECK(read.decisions[0].reason == "scans, \"loudly\"\nand often");
  CHECK(read.refused == 2);
  CHECK_THAT(ProblemsOf(read)[1], Catch::StartsWith("8: a quote is never closed"));
  CHECK_FALSE(ReadCrowdsecDecisions("203.0.113.9\n203.0.113.10\n").ok());
}

TEST_CASE("what is no list is an error, and depth costs nothing", "[exchange][crowdsec]") {
  CHECK(Read("").decisions.empty());
  CHECK(Read("null").decisions.empty());
  CHECK(Read("[]").decisions.empty());
  for (const std::string& bad :
       {std::string("{\"new\":[]}"), std::string("[{\"value\":"), std::string("[1,]"),
        std::string(100'000, '['), "[" + std::string(100'000, '{'), std::string("[\"\xff\"]")}) {
    CAPTURE(bad.substr(0, 20));
    CHECK_FALSE(ReadCrowdsecDecisions(bad).ok());
  }
}

TEST_CASE("durations are Go's, with days, to the millisecond", "[exchange][crowdsec]") {
  CHECK(ParseGoDurationMs("4h") == 14'400'000);
  CHECK(ParseGoDurationMs("3h59m58s") == 14'398'000);
  CHECK(ParseGoDurationMs("1.5h") == 5'400'000);
  CHECK(ParseGoDurationMs("1d12h") == 129'600'000);
  CHECK(ParseGoDurationMs("-2s") == -2000);
  CHECK(ParseGoDurationMs("0") == 0);
  CHECK(ParseGoDurationMs("999ms1us") == 999);
  for (const char* bad :
       {"", "-", "4", "h", "4x", "1h1", ".h", "1e3s", "inf", "nan", "1..5h", "9999999999999999h", "1h -2m"}) {
    CAPTURE(bad);
    CHECK(ParseGoDurationMs(bad) == std::nullopt);
  }
  CHECK(DurationText(14'398) == "3h59m58s");
  CHECK(DurationText(3600) == "1h0m0s");
  CHECK(DurationText(59) == "59s");
}

TEST_CASE("what is written is read back as it was; accounts stay here", "[exchange][crowdsec]") {
  std::vector<Decision> decisions = {MakeDecision(Scope::kIp, "203.0.113.9"),
                                     MakeDecision(Scope::kRange, "2001:db8::/48", Action::kThrottle),
                                     MakeDecision(Scope::kAsn, "64500", Action::kChallenge),
                                     MakeDecision(Scope::kAccount, "alice", Action::kLock),
                                     MakeDecision(Scope::kFingerprint, "00112233445566778899aabbccddeeff"),
                                     MakeDecision(Scope::kIp, "198.51.100.1")};
  decisions.back().shadow = true;
  size_t left_out = 0;
  const std::string text = WriteCrowdsecDecisions(decisions, kNow, &left_out);
  CHECK(left_out == 3);
  const Exchanged read = Read(text);
  CHECK(TextsOf(read) == Texts{"1 block ip 203.0.113.9 for 1h", "2 throttle range 2001:db8::/48 for 1h",
                               "3 challenge asn 64500 for 1h"});
  CHECK(read.decisions[0].reason == decisions[0].reason);
  CHECK(text.find("alice") == std::string::npos);
  // Over, or about to be: no duration of "0s", which some readers keep for ever.
  CHECK(WriteCrowdsecDecisions(decisions, decisions[0].until_ms - 999, &left_out) == "[\n]\n");
}

}  // namespace
}  // namespace stockade
