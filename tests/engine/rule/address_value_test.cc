// Addresses in rules: however they are spelt they mean the address, and what no event can have is said.
#include "engine/rule/address_value.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "engine/rule/compile.h"
#include "tests/engine/rule/rule_text.h"

namespace stockade {
namespace {

std::string RuleOn(const std::string& selection) {
  return "title: t\nlogsource: {category: authentication}\ndetection:\n  selection:\n    " + selection +
         "\n  condition: selection\n";
}

// Whether a rule of one selection matches an event from `source`.
bool Matches(const std::string& selection, std::string_view source) {
  INFO(selection);
  SigmaDocuments documents;
  REQUIRE(ParseSigma(RuleOn(selection), "r.yml", &documents).ok());
  FieldTable fields;
  const auto rules = Compile(std::move(documents), &fields);
  REQUIRE(rules.ok());
  LoginEvent event;
  event.attempt.source = *Address::Parse(source);
  MatchScratch scratch(**rules);
  return !(*rules)->Match(event, &scratch).empty();
}

TEST_CASE("an address in a rule is that address, however it is spelt", "[rule]") {
  for (const std::string& selection : std::vector<std::string>{
           "source.ip: '2001:DB8:0:0::1'", "source.ip: '2001:0db8:0000:0000:0000:0000:0000:0001'",
           "source.ip: ['192.0.2.1', '2001:DB8::0:1']", "source.ip|cased: '2001:DB8::1'",
           "source.ip: '2001:DB8*'", "source.ip|startswith: '2001:db8'",
           "source.prefix: '2001:DB8:0:0:0::/64'"}) {
    CHECK(Matches(selection, "2001:db8::1"));
    CHECK_FALSE(Matches(selection, "2001:db9::1"));
  }
  CHECK(Matches("source.ip: '::ffff:192.0.2.7'", "192.0.2.7"));
  CHECK(Matches("source.ip: '64:ff9b::192.0.2.7'", "192.0.2.7"));
  CHECK(Matches("source.prefix: 192.0.2.0/24", "192.0.2.7"));
  CHECK_FALSE(Matches("source.ip|neq: '2001:DB8::0:1'", "2001:db8::1"));
  CHECK(Matches("source.ip|neq: '2001:DB8::0:1'", "2001:db8::2"));
}

TEST_CASE("what no address field can be is said with its place and with what would be right", "[rule]") {
  const auto warning = [](const std::string& selection) -> std::string {
    const std::vector<std::string> findings = FindingsOf(RuleOn(selection));
    return findings.empty() ? "" : findings[0];
  };
  for (const std::string& selection : std::vector<std::string>{
           "source.ip: ['2001:DB8::1', 192.0.2.*, 192.0.2.1]", "source.ip|cidr: 192.0.2.0/24",
           "source.prefix: [192.0.2.0/24, '2001:DB8::/64']", "source.address: 192.0.2.0/24",
           "source.ip|contains: '2.0/24'"})
    CHECK(warning(selection).empty());
  const std::string key = "r.yml:5:16: warning: detection.selection.source.ip: ";
  CHECK(warning("source.ip: 203.0.113.0/24") ==
        key + "the network '203.0.113.0/24' never equals an address; write source.ip|cidr");
  CHECK(warning("source.ip: 203.0.113.9/24") ==
        key + "the network '203.0.113.9/24' never equals an address; write source.ip|cidr");
  CHECK(warning("source.ip: 203.0.113.300") ==
        key + "'203.0.113.300' is no address, and source.ip is never anything else");
  const std::string network = "r.yml:5:20: warning: detection.selection.source.prefix: ";
  CHECK(warning("source.prefix: 203.0.113.9/24") ==
        network + "source.prefix is never '203.0.113.9/24'; write 203.0.113.0/24");
  CHECK(warning("source.prefix: 203.0.113.9") ==
        network + "source.prefix is never '203.0.113.9'; write 203.0.113.0/24");
  CHECK(warning("source.prefix: 10.0.0.0/8") ==
        network + "source.prefix is a /24 here, never '10.0.0.0/8'; write source.ip|cidr for other networks");
  CHECK(warning("source.prefix: home") ==
        network + "'home' is no network, and source.prefix is never anything else");
}

}  // namespace
}  // namespace stockade
