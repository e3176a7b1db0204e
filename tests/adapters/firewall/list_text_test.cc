// Lines of list files, both ways: what is written is read back as the same, what is not ours is counted, and no value is more
// than a value.
#include "adapters/firewall/list_text.h"

#include <catch2/catch.hpp>
#include <string>

#include "engine/text.h"
#include "tests/adapters/firewall/orders.h"

namespace stockade {
namespace {

constexpr std::string_view kHeader = "# Written by Stockade. What is changed here is changed back.\n";

ListText::Lines Carried(const ListText& text, const Orders& orders) {
  ListText::Lines lines;
  for (const Order& order : std::span<const Order>(orders)) {
    REQUIRE(text.CanSay(OrderKey::Of(*order.decision)));
    text.Carry(order, &lines);
  }
  return lines;
}
std::vector<std::string> Standing(const ListText& text, const ListText::Lines& lines) {
  std::vector<Enforced> standing;
  text.AppendStanding(lines, &standing);
  return Spelled(standing);
}

TEST_CASE("each format says what stands, and is read back as the same", "[list]") {
  const Orders orders = std::move(Orders()
                                      .Enforce(Block("203.0.113.9"))
                                      .Enforce(Block("198.51.100.0/24"))
                                      .Enforce(Block("2001:db8::/32")));
  const std::vector<std::string> all = {"block ip 203.0.113.9", "block range 198.51.100.0/24",
                                        "block range 2001:db8::/32"};
  struct Case {
    ListFormat format;
    std::string written;
  };
  const Case cases[] = {
      {ListFormat::kPlain, "198.51.100.0/24\n2001:db8::/32\n203.0.113.9\n"},
      {ListFormat::kNginxDeny,
       Concat(kHeader, "deny 198.51.100.0/24;\ndeny 2001:db8::/32;\ndeny 203.0.113.9;\n")},
      {ListFormat::kNginxGeo, Concat(kHeader, "198.51.100.0/24 1;\n2001:db8::/32 1;\n203.0.113.9 1;\n")},
      {ListFormat::kNdjson, Concat(ToJson(Block("203.0.113.9")), "\n", ToJson(Block("198.51.100.0/24")), "\n",
                                   ToJson(Block("2001:db8::/32")), "\n")}};
  for (const Case& c : cases) {
    const ListText text(c.format, Action::kBlock);
    const ListText::Lines lines = Carried(text, orders);
    CHECK(text.Write(lines) == c.written);
    const ListText::Read read = text.Parse(c.written);
    CHECK(read.strange == 0);
    CHECK(Standing(text, read.lines) == all);
    CHECK(text.Write(read.lines) == c.written);
    // Released, nothing is left; and what changes nothing says so.
    ListText::Lines left = lines;
    const Decision gone = Block("192.0.2.1");
    CHECK_FALSE(text.Carry({Order::Kind::kRelease, &gone}, &left));
    for (const Order& order : std::span<const Order>(orders)) {
      CHECK_FALSE(text.Carry({Order::Kind::kEnforce, order.decision}, &left));
      CHECK(text.Carry({Order::Kind::kRelease, order.decision}, &left));
    }
    CHECK(left.empty());
  }
}

TEST_CASE("nginx's geo tells both kinds of a challenge on one address", "[list]") {
  const ListText text(ListFormat::kNginxGeo, Action::kChallenge);
  Decision human = MadeDecision(Action::kChallenge, Scope::kIp, "203.0.113.9");
  Decision identity = human;
  identity.challenge_kind = ChallengeKind::kIdentity;
  const ListText::Lines lines = Carried(text, Orders().Enforce(human).Enforce(identity));
  CHECK(text.Write(lines) == Concat(kHeader, "203.0.113.9 3;\n"));
  CHECK(Standing(text, text.Parse(text.Write(lines)).lines) ==
        std::vector<std::string>{"challenge ip 203.0.113.9", "challenge ip 203.0.113.9 identity"});
  CHECK(text.Write(Carried(text, Orders().Enforce(human).Enforce(identity).Release(human))) ==
        Concat(kHeader, "203.0.113.9 2;\n"));
}

TEST_CASE("what is no address in its one spelling stands in no list of addresses", "[list]") {
  for (const ListFormat format : {ListFormat::kPlain, ListFormat::kNginxDeny, ListFormat::kNginxGeo}) {
    const ListText text(format, Action::kBlock);
    for (const char* bad :
         {"", "all", "203.0.113.9;", "203.0.113.9; } include /etc/passwd;", "fe80::1%0; }", "203.0.113.9\n",
          "203.0.113.9/24", "2001:DB8::1", "::ffff:203.0.113.9", " 203.0.113.9", "203.0.113.9/32"}) {
      INFO(bad);
      CHECK_FALSE(text.CanSay({Scope::kIp, Action::kBlock, ChallengeKind::kHuman, false, bad}));
      CHECK_FALSE(text.CanSay({Scope::kRange, Action::kBlock, ChallengeKind::kHuman, false, bad}));
    }
    CHECK_FALSE(text.CanSay(OrderKey::Of(MadeDecision(Action::kLock, Scope::kAccount, "alice"))));
    CHECK_FALSE(text.CanSay(OrderKey::Of(MadeDecision(Action::kThrottle, Scope::kIp, "203.0.113.9"))));
  }
  const ListText ndjson(ListFormat::kNdjson, Action::kBlock);
  CHECK(ndjson.CanSay(OrderKey::Of(MadeDecision(Action::kLock, Scope::kAccount, "a\n\"b\\"))));
  CHECK_FALSE(ndjson.CanSay(OrderKey::Of(MadeDecision(Action::kLock, Scope::kAccount, "\xff"))));
}

TEST_CASE("accounts stand in NDJSON, whatever they are called", "[list]") {
  const ListText text(ListFormat::kNdjson, Action::kBlock);
  Orders orders;
  std::vector<std::string> expected;
  for (const std::string& name :
       {std::string("a\nb"), std::string("a\0b", 3), std::string("\"},{"), std::string("J\xc3\xbcrgen"),
        std::string("203.0.113.9"), std::string(250, 'x')}) {
    orders.Enforce(MadeDecision(Action::kLock, Scope::kAccount, name));
    expected.push_back("lock account " + name);
  }
  Decision wide = MadeDecision(Action::kLock, Scope::kAccount, "203.0.113.9");
  wide.all_lanes = true;
  orders.Enforce(wide);
  expected.push_back("lock account 203.0.113.9 all");
  std::sort(expected.begin(), expected.end());
  const ListText::Read read = text.Parse(text.Write(Carried(text, orders)));
  CHECK(read.strange == 0);
  CHECK(Standing(text, read.lines) == expected);
  std::vector<Enforced> standing;
  text.AppendStanding(read.lines, &standing);
  CHECK(standing[0].until_ms == kOrdersNowMs + 900'000);
}

TEST_CASE("lines that are none of ours are counted, and cost no other", "[list]") {
  const auto strange = [](ListFormat format, const std::string& content, size_t strange_lines, size_t ours) {
    const ListText text(format, Action::kBlock);
    const ListText::Read read = text.Parse(content);
    INFO(content);
    CHECK(read.strange == strange_lines);
    CHECK(read.lines.size() == ours);
  };
  strange(ListFormat::kPlain, "203.0.113.9\nnonsense\n\n203.0.113.9\n198.51.100.0/24\n192.0.2.1", 4, 2);
  strange(ListFormat::kPlain, std::string("203.0.113.9\0\n\xff\n", 15), 2, 0);
  strange(ListFormat::kNginxDeny,
          "deny 203.0.113.9;\nallow all;\ndeny all;\n deny 192.0.2.1;\ndeny ;\ndeny;\n", 5, 1);
  strange(ListFormat::kNginxGeo, "203.0.113.9 1;\n203.0.113.10 2;\n203.0.113.11 0;\ndefault 1;\n1;\n;\n 1;\n",
          6, 1);
  strange(ListFormat::kNdjson,
          ToJson(Block("203.0.113.9")) + "\n{}\n[]\n" + ToJson(Block("203.0.113.9")) + "\n{\"time\":", 4, 1);
  strange(ListFormat::kNginxDeny, "", 0, 0);
  // The header stands first, or is none.
  strange(ListFormat::kNginxDeny, Concat(kHeader, kHeader, "deny 203.0.113.9;\n"), 1, 1);
  strange(ListFormat::kPlain, std::string(kHeader), 1, 0);
}

}  // namespace
}  // namespace stockade
