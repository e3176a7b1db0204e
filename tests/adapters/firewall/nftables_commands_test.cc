// What is said to nft, and what is thought of the table it made, without a kernel. That nft and a kernel take it, and do what
// is meant: nftables_test.cc.
#include "adapters/firewall/nftables_commands.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <array>
#include <catch2/catch.hpp>
#include <map>

namespace stockade {
namespace {

Prefix P(const char* text) {
  return Prefix::Parse(text).value();
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// What is there once the commands for these lengths are carried out: rules by the comments that were asked for.
NftablesTable Made(const NftablesOptions& options, std::vector<NftablesLength> lengths) {
  std::vector<NftablesChange> changes;
  NftablesTable table;
  table.exists = true;
  for (const NftablesLength& length : lengths) {
    changes.push_back(
        {Prefix::Around(length.v6 ? P("2001:db8::1").address : P("192.0.2.1").address, length.bits), 1});
    table.sets.push_back({length.Name(), NFT_SET_TIMEOUT, length.v6 ? 16u : 4u, options.elements_max});
  }
  const std::string commands = NftablesCommands(options, {}, changes);
  const std::map<std::string, uint32_t> hooks = {
      {"prerouting", NF_INET_PRE_ROUTING}, {"input", NF_INET_LOCAL_IN}, {"forward", NF_INET_FORWARD}};
  for (const auto& [name, number] : hooks) {
    if (!Has(commands, "add chain inet stockade " + name + " ")) continue;
    NftablesTable::Chain chain{name, number, options.priority, true, {}};
    const std::string rule = "add rule inet stockade " + name + " ";
    for (size_t at = 0; (at = commands.find(rule, at)) != std::string::npos; ++at) {
      const size_t begin = commands.find("comment \"", at) + 9;
      chain.rules.push_back(commands.substr(begin, commands.find('"', begin) - begin));
    }
    table.chains.push_back(chain);
  }
  return table;
}

TEST_CASE("an empty kernel is told table, sets, chain, rules and elements, in this order", "[nftables]") {
  const std::vector<NftablesChange> changes = {{P("192.0.2.7"), 90'500}, {P("2001:db8::/64"), 1}};
  CHECK(
      NftablesCommands({}, {}, changes) ==
      "add table inet stockade\n"
      "add set inet stockade v4_32 { type ipv4_addr; flags timeout; size 524288; }\n"
      "add set inet stockade v6_64 { type ipv6_addr; flags timeout; size 524288; }\n"
      "add chain inet stockade input { type filter hook input priority -10; policy accept; }\n"
      "add rule inet stockade input iifname \"lo\" accept comment \"not loopback\"\n"
      "add rule inet stockade input icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, "
      "nd-neighbor-advert } accept comment \"not neighbour discovery\"\n"
      "add rule inet stockade input ip saddr @v4_32 counter drop comment \"drop v4_32\"\n"
      "add rule inet stockade input ip6 saddr & ffff:ffff:ffff:ffff:: @v6_64 counter drop comment \"drop "
      "v6_64\"\n"
      "add element inet stockade v4_32 { 192.0.2.7 }\n"
      "delete element inet stockade v4_32 { 192.0.2.7 }\n"
      "add element inet stockade v4_32 { 192.0.2.7 timeout 90s500ms }\n"
      "add element inet stockade v6_64 { 2001:db8:: }\n"
      "delete element inet stockade v6_64 { 2001:db8:: }\n"
      "add element inet stockade v6_64 { 2001:db8:: timeout 0s1ms }\n");
}

TEST_CASE("a table that is right is told the elements and nothing else", "[nftables]") {
  const NftablesTable table = Made({}, {{false, 32}, {false, 24}});
  REQUIRE(JudgeNftables({}, table) == NftablesState::kEnforced);
  const std::vector<NftablesChange> changes = {{P("192.0.2.7"), 0}, {P("192.0.2.8"), 1000}};
  CHECK(NftablesCommands({}, table, changes) ==
        "add table inet stockade\n"
        "add element inet stockade v4_32 { 192.0.2.7, 192.0.2.8 }\n"
        "delete element inet stockade v4_32 { 192.0.2.7, 192.0.2.8 }\n"
        "add element inet stockade v4_32 { 192.0.2.8 timeout 1s0ms }\n");
}

TEST_CASE("a new length rewrites the rules, with those of the sets that are there", "[nftables]") {
  const NftablesTable table = Made({}, {{false, 32}});
  const std::vector<NftablesChange> changes = {{P("2001:db8::/48"), 1000}};
  const std::string commands = NftablesCommands({}, table, changes);
  CHECK(Has(commands, "flush chain inet stockade input\ndelete chain inet stockade input\nadd chain"));
  CHECK_FALSE(Has(commands, "add set inet stockade v4_32"));
  CHECK(Has(commands, "add set inet stockade v6_48 "));
  CHECK(Has(commands, "input ip saddr @v4_32 counter drop"));
  CHECK(Has(commands, "input ip6 saddr & ffff:ffff:ffff:: @v6_48 counter drop"));
}

TEST_CASE("timeouts keep nft's eight digits, and the longest are cut", "[nftables]") {
  const auto timeout = [](int64_t ms) {
    const std::vector<NftablesChange> one = {{P("192.0.2.7"), ms}};
    const std::string commands = NftablesCommands({}, {}, one);
    const size_t at = commands.find(" timeout ", commands.rfind("add element")) + 9;
    return commands.substr(at, commands.find(' ', at) - at);
  };
  CHECK(timeout(999) == "0s999ms");
  CHECK(timeout(86'399'999) == "86399s999ms");
  CHECK(timeout(86'400'000) == "1d0s0ms");
  CHECK(timeout(int64_t{400} * 86'400'000 + 1) == "400d0s1ms");
  CHECK(timeout(kNftablesTimeoutMsMax) == "36500d0s0ms");
  CHECK(timeout(INT64_MAX) == "36500d0s0ms");
}

TEST_CASE("verdict, ports, hooks and priority are in the rules", "[nftables]") {
  const std::vector<NftablesChange> changes = {{P("192.0.2.0/24"), 1000}};
  NftablesOptions options;
  options.table = "stockade_edge";
  options.hooks = {NftablesHook::kForward, NftablesHook::kPrerouting};
  options.priority = -300;
  options.ports = {443, 8443};
  options.spare_loopback = false;
  options.verdict = NftablesVerdict::kReject;
  std::string commands = NftablesCommands(options, {}, changes);
  for (const std::string chain : {"forward", "prerouting"}) {
    const std::string in = "inet stockade_edge " + chain + " ";
    CHECK(Has(commands,
              "add chain " + in + "{ type filter hook " + chain + " priority -300; policy accept; }"));
    CHECK(Has(commands, in + "meta l4proto != { tcp, udp } accept"));
    CHECK(Has(commands, in + "th dport != { 443,8443 } accept"));
    CHECK(
        Has(commands, in + "ip saddr & 255.255.255.0 @v4_24 meta l4proto tcp counter reject with tcp reset"));
    CHECK(Has(commands,
              in + "ip saddr & 255.255.255.0 @v4_24 counter reject with icmpx type admin-prohibited"));
  }
  CHECK_FALSE(Has(commands, "\"lo\""));
  options.verdict = NftablesVerdict::kMark;
  options.mark = 42;
  commands = NftablesCommands(options, {}, changes);
  CHECK(Has(commands, "@v4_24 counter meta mark set 42 comment"));
}

TEST_CASE("whatever else is done to the table is seen", "[nftables]") {
  const NftablesOptions options;
  const NftablesTable right = Made(options, {{false, 32}, {true, 64}});
  REQUIRE(JudgeNftables(options, right) == NftablesState::kEnforced);
  const auto judged = [&](auto&& harm) {
    NftablesTable table = right;
    harm(table);
    return JudgeNftables(options, table);
  };
  using Table = NftablesTable;
  const auto kRules = NftablesState::kRules, kForeign = NftablesState::kForeign;
  CHECK(judged([](Table& t) { t = {}; }) == kRules);
  CHECK(judged([](Table& t) { t.dormant = true; }) == kForeign);
  CHECK(judged([](Table& t) { t.chains.clear(); }) == kRules);
  CHECK(judged([](Table& t) { t.chains[0].hook.reset(); }) == kRules);
  CHECK(judged([](Table& t) { t.chains[0].hook = NF_INET_FORWARD; }) == kRules);
  CHECK(judged([](Table& t) { t.chains[0].priority = 0; }) == kRules);
  CHECK(judged([](Table& t) { t.chains[0].accepts = false; }) == kRules);
  CHECK(judged([](Table& t) { t.chains[0].rules.clear(); }) == kRules);
  CHECK(judged([](Table& t) { t.chains[0].rules.pop_back(); }) == kRules);
  CHECK(judged([](Table& t) { t.chains[0].rules.insert(t.chains[0].rules.begin(), ""); }) == kRules);
  CHECK(judged([](Table& t) { std::swap(t.chains[0].rules[0], t.chains[0].rules[2]); }) == kRules);
  CHECK(judged([](Table& t) { t.chains.push_back({"forward", NF_INET_FORWARD, -10, true, {}}); }) == kRules);
  CHECK(judged([](Table& t) { t.chains.push_back({"; flush ruleset", {}, 0, true, {}}); }) == kForeign);
  CHECK(judged([](Table& t) { t.sets.pop_back(); }) == kRules);
  CHECK(judged([](Table& t) { t.sets[0].size = 5; }) == kForeign);
  CHECK(judged([](Table& t) { t.sets[0].flags |= NFT_SET_INTERVAL; }) == kForeign);
  CHECK(judged([](Table& t) { t.sets[0].key_bytes = 16; }) == kForeign);
  // Somebody's own set does no harm.
  CHECK(judged([](Table& t) { t.sets.push_back({"v4_33", 0, 4, 0}); }) == NftablesState::kEnforced);
}

TEST_CASE("a table that is not ours to mend is made anew, and no foreign name is repeated", "[nftables]") {
  NftablesTable table = Made({}, {{false, 32}});
  table.chains.push_back({"; flush ruleset", {}, 0, true, {}});
  const std::vector<NftablesChange> changes = {{P("192.0.2.7"), 1000}};
  const std::string commands = NftablesCommands({}, table, changes);
  CHECK(
      commands.starts_with("add table inet stockade\ndelete table inet stockade\nadd table inet stockade\n"));
  CHECK(Has(commands, "add set inet stockade v4_32 "));
  CHECK_FALSE(Has(commands, "ruleset"));
}

TEST_CASE("every option that shows in a rule shows in what is compared", "[nftables]") {
  const std::vector<NftablesLength> lengths = {{false, 32}};
  std::vector<NftablesOptions> all(7);
  all[1].verdict = NftablesVerdict::kReject;
  all[2].verdict = NftablesVerdict::kMark;
  all[2].mark = 1;
  all[3] = all[2];
  all[3].mark = 2;
  all[4].ports = {443};
  all[5].spare_loopback = false;
  all[6].hooks = {NftablesHook::kForward};
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t j = 0; j < all.size(); ++j) {
      INFO(i << " " << j);
      CHECK((JudgeNftables(all[i], Made(all[j], lengths)) == NftablesState::kEnforced) == (i == j));
    }
}

TEST_CASE("names of sets are read strictly", "[nftables]") {
  for (const char* name : {"v4_1", "v4_24", "v4_32", "v6_64", "v6_128"}) {
    REQUIRE(NftablesLength::OfName(name).has_value());
    CHECK(NftablesLength::OfName(name)->Name() == name);
  }
  for (const char* name : {"", "v4_", "v4_33", "v4_024", "v4_+4", "v4_-1", "v4_ 24", "v6_129", "v5_32",
                           "v4_24x", "v4_99999999999999999999"})
    CHECK_FALSE(NftablesLength::OfName(name).has_value());
}

TEST_CASE("keys of the kernel become prefixes, and what cannot be ours becomes none", "[nftables]") {
  const auto read = [](const char* set, std::vector<uint8_t> key) {
    const auto prefix = NftablesLength::OfName(set)->PrefixOf(key);
    return prefix ? prefix->ToString() : "";
  };
  CHECK(read("v4_32", {192, 0, 2, 7}) == "192.0.2.7");
  CHECK(read("v4_24", {192, 0, 2, 0}) == "192.0.2.0/24");
  CHECK(read("v4_24", {192, 0, 2, 7}).empty());
  CHECK(read("v4_24", {192, 0, 2}).empty());
  CHECK(read("v4_24", {}).empty());
  std::vector<uint8_t> key(16);
  key[0] = 0x20;
  CHECK(read("v6_64", key) == "2000::/64");
  CHECK(read("v4_32", key).empty());
  key[15] = 1;
  CHECK(read("v6_64", key).empty());
  CHECK(read("v6_128", key) == "2000::1");
  const std::vector<uint8_t> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7};
  CHECK(read("v6_128", mapped).empty());
  // Wider than one IPv4 address's 96 bits it is an IPv6 network like any.
  const std::vector<uint8_t> translated = {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  CHECK(read("v6_48", translated) == "64:ff9b::/48");
}

TEST_CASE("options that would not do are named by their keys", "[nftables]") {
  const auto said = [](auto&& set) {
    NftablesOptions options;
    set(options);
    return std::string(CheckNftablesOptions(options).message());
  };
  using Options = NftablesOptions;
  CHECK(said([](Options&) {}).empty());
  for (const char* table : {"", "filter", "stockade; flush ruleset", "stockade x", "Stockade", "stockade-2",
                            "stockade_of_far_too_long_a_name_xxx"}) {
    INFO(table);
    CHECK(Has(said([&](Options& o) { o.table = table; }), "nftables.table: must begin with \"stockade\""));
  }
  CHECK(Has(said([](Options& o) { o.hooks.clear(); }), "nftables.hooks"));
  CHECK(Has(said([](Options& o) { o.hooks.push_back(NftablesHook::kInput); }), "input is named twice"));
  CHECK(Has(said([](Options& o) { o.priority = -301; }), "from -300 to 300"));
  CHECK(Has(said([](Options& o) { o.mark = 7; }), "nftables.mark"));
  CHECK(Has(said([](Options& o) { o.verdict = NftablesVerdict::kMark; }), "nftables.mark"));
  CHECK(Has(said([](Options& o) { o.ports = {443, 443}; }), "a port twice"));
  CHECK(Has(said([](Options& o) { o.ports = {0}; }), "nftables.ports"));
  CHECK(Has(said([](Options& o) { o.ports = std::vector<uint16_t>(16, 443); }), "more than 15"));
  CHECK(Has(said([](Options& o) { o.elements_max = 0; }), "nftables.elements_max"));
}

}  // namespace
}  // namespace stockade
