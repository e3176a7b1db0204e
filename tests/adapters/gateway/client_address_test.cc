// The walk through forwarding fields: real shapes, what a hostile client may write, and random chains of hops against
// an oracle that builds them and knows who is who.
#include "adapters/gateway/client_address.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "engine/text.h"

namespace stockade {
namespace {

using Stop = ClientAddress::Stop;

std::vector<Prefix> Prefixes(std::initializer_list<const char*> texts) {
  std::vector<Prefix> prefixes;
  for (const char* text : texts) prefixes.push_back(Prefix::Parse(text).value());
  return prefixes;
}
const std::vector<Prefix> kListed = Prefixes({"10.0.0.0/8", "192.0.2.1", "2001:db8:1::/48"});

struct Answer {
  std::string address;
  Stop stop;
  friend bool operator==(const Answer&, const Answer&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Answer& a) {
    return out << a.address << " " << Name(a.stop);
  }
};

Answer Walk(ForwardingField field, std::string_view peer, const std::vector<HeaderField>& fields) {
  const ClientAddressReader reader(kListed, field);
  const ClientAddress client = reader.Read(Address::Parse(peer).value_or(Address()), fields);
  return {client.address.ToString(), client.stop};
}
Answer Xff(std::string_view value, std::string_view peer = "10.0.0.1") {
  return Walk(ForwardingField::kXForwardedFor, peer, {{"Host", "a"}, {"X-Forwarded-For", value}});
}
Answer Forwarded(std::string_view value, std::string_view peer = "10.0.0.1") {
  return Walk(ForwardingField::kForwarded, peer, {{"Host", "a"}, {"Forwarded", value}});
}

TEST_CASE("a peer that is not listed is the client, whatever it sends", "[gateway]") {
  CHECK(Xff("1.2.3.4", "203.0.113.9") == Answer{"203.0.113.9", Stop::kPeer});
  CHECK(Forwarded("for=1.2.3.4", "203.0.113.9") == Answer{"203.0.113.9", Stop::kPeer});
  CHECK(Walk(ForwardingField::kNone, "10.0.0.1", {{"X-Forwarded-For", "1.2.3.4"}}) ==
        Answer{"10.0.0.1", Stop::kListEnd});
}

TEST_CASE("the right-most hop that is not listed is the client", "[gateway]") {
  CHECK(Xff("1.2.3.4") == Answer{"1.2.3.4", Stop::kFound});
  CHECK(Xff("9.9.9.9, 1.2.3.4") == Answer{"1.2.3.4", Stop::kFound});
  CHECK(Xff("9.9.9.9, 1.2.3.4, 10.3.3.3,192.0.2.1") == Answer{"1.2.3.4", Stop::kFound});
  CHECK(Xff("10.1.1.1, 10.2.2.2") == Answer{"10.1.1.1", Stop::kListEnd});
  CHECK(Xff("2001:db8:2::7, 2001:db8:1::5") == Answer{"2001:db8:2::7", Stop::kFound});
  CHECK(Xff("[2001:db8:2::7]:4711") == Answer{"2001:db8:2::7", Stop::kFound});
  CHECK(Xff("[2001:db8:2::7]") == Answer{"2001:db8:2::7", Stop::kFound});
  CHECK(Xff("1.2.3.4:80") == Answer{"1.2.3.4", Stop::kFound});
  CHECK(Xff("::ffff:1.2.3.4") == Answer{"1.2.3.4", Stop::kFound});
  CHECK(Xff("1.2.3.4, ::ffff:10.0.0.7") == Answer{"1.2.3.4", Stop::kFound});
  CHECK(Xff("1.2.3.4", "::ffff:10.0.0.1") == Answer{"1.2.3.4", Stop::kFound});
  CHECK(Xff("  1.2.3.4\t") == Answer{"1.2.3.4", Stop::kFound});
}

TEST_CASE("several lines are one list, and other fields are none", "[gateway]") {
  const auto walk = [](const std::vector<HeaderField>& fields) {
    return Walk(ForwardingField::kXForwardedFor, "10.0.0.1", fields);
  };
  CHECK(walk({{"x-forwarded-for", "9.9.9.9"}, {"X-FORWARDED-FOR", "1.2.3.4, 10.0.0.9"}}) ==
        Answer{"1.2.3.4", Stop::kFound});
  CHECK(walk({{"X-Forwarded-For", "1.2.3.4"}, {"Cookie", "a"}, {"X-Forwarded-For", "10.0.0.9"}}) ==
        Answer{"1.2.3.4", Stop::kFound});
  CHECK(walk({{"Forwarded", "for=1.2.3.4"}, {"X-Real-IP", "1.2.3.4"}}) == Answer{"10.0.0.1", Stop::kListEnd});
  CHECK(walk({}) == Answer{"10.0.0.1", Stop::kListEnd});
  // An empty line is an element that somebody wrote, and names nobody.
  CHECK(walk({{"X-Forwarded-For", "1.2.3.4"}, {"X-Forwarded-For", ""}}) == Answer{"10.0.0.1", Stop::kBroken});
}

TEST_CASE("a bad element stops the walk at the hop that wrote it", "[gateway]") {
  for (const char* bad :
       {"",         "1.2.3",       "1.2.3.4.5",       "1.2.3.04", "999.1.1.1", "unix:",     "example.org",
        "1.2.3.4:", "1.2.3.4:x",   "1.2.3.4:123456",  "[::1",     "::1]",      "[1.2.3.4]", "[::1]x",
        "[::1]:",   "\"1.2.3.4\"", "1.2.3.4 5.6.7.8", "1.2.3.4;", "_",         "_a b",      "for=1.2.3.4",
        "\x01",     "::1%"}) {
    INFO(bad);
    CHECK(Xff(Concat("9.9.9.9, ", std::string_view(bad))) == Answer{"10.0.0.1", Stop::kBroken});
    CHECK(Xff(Concat("9.9.9.9, ", std::string_view(bad), ", 10.0.0.2")) == Answer{"10.0.0.2", Stop::kBroken});
    // Left of the client nobody looks.
    CHECK(Xff(Concat(std::string_view(bad), ", 1.2.3.4")) == Answer{"1.2.3.4", Stop::kFound});
  }
  CHECK(Xff("9.9.9.9, unknown") == Answer{"10.0.0.1", Stop::kHidden});
  CHECK(Xff("9.9.9.9, _hidden:80, 10.0.0.2") == Answer{"10.0.0.2", Stop::kHidden});
}

TEST_CASE("a client cannot make the walk long with listed addresses", "[gateway]") {
  std::string list = "1.2.3.4";
  for (int i = 0; i < kForwardingHopsMax; ++i) list += ", 10.0.0.2";
  CHECK(Xff(list) == Answer{"10.0.0.2", Stop::kTooMany});
  CHECK(Xff(list.substr(0, list.size() - 10)) == Answer{"1.2.3.4", Stop::kFound});
}

TEST_CASE("RFC 7239's examples of Forwarded are read", "[gateway]") {
  CHECK(Forwarded("for=\"_gazonk\"") == Answer{"10.0.0.1", Stop::kHidden});
  CHECK(Forwarded("For=\"[2001:db8:cafe::17]:4711\"") == Answer{"2001:db8:cafe::17", Stop::kFound});
  CHECK(Forwarded("for=192.0.2.60;proto=http;by=203.0.113.43") == Answer{"192.0.2.60", Stop::kFound});
  CHECK(Forwarded("for=192.0.2.43, for=198.51.100.17") == Answer{"198.51.100.17", Stop::kFound});
  CHECK(Forwarded("for=192.0.2.43, for=\"[2001:db8:cafe::17]\"") ==
        Answer{"2001:db8:cafe::17", Stop::kFound});
  CHECK(Forwarded("for=\"192.0.2.43:47011\"") == Answer{"192.0.2.43", Stop::kFound});
  CHECK(Forwarded("for=_hidden, for=_SEVKISEK") == Answer{"10.0.0.1", Stop::kHidden});
  CHECK(Forwarded("for=unknown") == Answer{"10.0.0.1", Stop::kHidden});
  CHECK(Forwarded("for=12.34.56.78;host=example.com;proto=https, for=10.23.45.67") ==
        Answer{"12.34.56.78", Stop::kFound});
  CHECK(Forwarded("for=12.34.56.78, for=23.45.67.89;secret=egah2CGj55fSJFs, for=10.1.2.3") ==
        Answer{"23.45.67.89", Stop::kFound});
  CHECK(Forwarded("by=10.0.0.1;proto=https") == Answer{"10.0.0.1", Stop::kHidden});
  CHECK(Forwarded("proto=https ; for=1.2.3.4;") == Answer{"1.2.3.4", Stop::kFound});
  CHECK(Forwarded("for=1.2.3.4;host=\"a,b\\\"c\"") == Answer{"1.2.3.4", Stop::kFound});
  CHECK(Forwarded("for=\"1.2.\\3.4\"") == Answer{"1.2.3.4", Stop::kFound});
}

TEST_CASE("Forwarded that is not well formed stops the walk", "[gateway]") {
  for (const char* bad :
       {"for=1.2.3.4;for=5.6.7.8", "for=[2001:db8::1]", "for=2001:db8::1", "for=1.2.3.4:80", "for",
        "for=", "=1.2.3.4", "for=\"1.2.3.4", "for=\"\"", "for=1.2.3.4 proto=http", "f or=1.2.3.4", "1.2.3.4",
        "for=\"1.2.3.4\"x", "for=\"2001:db8::1\"", "for=\"[2001:db8::1]:\"", "for=\"1.2.3.4\x01\""}) {
    INFO(bad);
    CHECK(Forwarded(bad) == Answer{"10.0.0.1", Stop::kBroken});
  }
  CHECK(Forwarded(Concat("for=\"1.2.3.4", std::string(100, ' '), "\"")) == Answer{"10.0.0.1", Stop::kBroken});
}

TEST_CASE("an open quote in what the client sent does not swallow what a proxy appended", "[gateway]") {
  for (const char* sent : {"for=\"", "for=\"9.9.9.9", "\"", "\\", "for=\"a\\", "for=\"a\\\"", ",",
                           "a=\"b, for=9.9.9.9", "\"\"\""}) {
    INFO(sent);
    CHECK(Forwarded(Concat(std::string_view(sent), ", for=1.2.3.4")) == Answer{"1.2.3.4", Stop::kFound});
    CHECK(Forwarded(Concat(std::string_view(sent), ", for=\"[2001:db8:2::1]:80\";host=\"a,b\\\"\"")) ==
          Answer{"2001:db8:2::1", Stop::kFound});
    CHECK(Forwarded(Concat(std::string_view(sent), ", for=1.2.3.4, for=10.0.0.3")) ==
          Answer{"1.2.3.4", Stop::kFound});
  }
}

TEST_CASE("a PROXY header is believed from a listed peer only", "[gateway]") {
  const ClientAddressReader reader(kListed, ForwardingField::kXForwardedFor);
  ProxyHeader header;
  header.peer = *Address::Parse("1.2.3.4");
  CHECK(reader.ConnectionPeer(*Address::Parse("10.0.0.1"), header).ToString() == "1.2.3.4");
  CHECK(reader.ConnectionPeer(*Address::Parse("203.0.113.9"), header).ToString() == "203.0.113.9");
  CHECK(reader.ConnectionPeer(Address(), header).ToString() == "1.2.3.4");
  CHECK(reader.ConnectionPeer(*Address::Parse("10.0.0.1"), ProxyHeader()).ToString() == "10.0.0.1");
  // And whom it names may itself be listed: a balancer in front of proxies.
  CHECK_FALSE(reader.Lists(*Address::Parse("1.2.3.4")));
}

TEST_CASE("a peer on a unix socket counts as listed", "[gateway]") {
  CHECK(Xff("9.9.9.9, 1.2.3.4", "") == Answer{"1.2.3.4", Stop::kFound});
  CHECK(Xff("nonsense", "") == Answer{"", Stop::kBroken});
}

// The oracle makes a chain: what the client wrote itself, the client's true address, and proxies in front of us, each of
// which appends the address it saw. Whatever the client wrote, the client's address must come out.
TEST_CASE("random chains of hops end at the true client", "[gateway]") {
  const uint32_t seed = 20240612;
  std::mt19937 random(seed);
  const std::vector<std::string> lies = {"9.9.9.9",
                                         "10.0.0.5",
                                         "unknown",
                                         "_x",
                                         "",
                                         "\"",
                                         "for=\"",
                                         "for=10.0.0.8",
                                         "\\",
                                         "[::1]:1",
                                         "for=\"[2001:db8:1::1]\"",
                                         "garbage",
                                         ";",
                                         "=",
                                         "for=9.9.9.9;by=\"",
                                         "192.0.2.1"};
  const std::vector<std::string> proxies = {"10.1.1.1", "10.200.0.1", "192.0.2.1", "2001:db8:1::7",
                                            "2001:db8:1:2::"};
  const std::vector<std::string> clients = {"203.0.113.4", "2001:db8:2::4", "192.0.2.2", "11.0.0.0",
                                            "9.255.255.255"};
  for (int round = 0; round < 20000; ++round) {
    const bool rfc = random() % 2 == 0;
    std::vector<std::string> lines;
    const auto append = [&](const std::string& element) {
      if (lines.empty() || random() % 4 == 0) {
        lines.push_back(element);
      } else {
        lines.back() += (random() % 2 == 0 ? ", " : ",") + element;
      }
    };
    for (size_t i = random() % 4; i > 0; --i) append(lies[random() % lies.size()]);
    const std::string client = clients[random() % clients.size()];
    std::string hop = client;
    const size_t proxy_count = random() % 5;
    for (size_t i = 0; i < proxy_count; ++i) {
      const bool v6 = hop.find(':') != std::string::npos;
      std::string node = v6 && (rfc || random() % 2 == 0) ? "[" + hop + "]" : hop;
      const bool port = random() % 3 == 0 && (!v6 || node[0] == '[');
      if (port) node += ":" + std::to_string(random() % 65536);
      if (rfc) {
        if (v6 || port || random() % 3 == 0) node = "\"" + node + "\"";
        node = "for=" + node;
        if (random() % 3 == 0) node += ";proto=https";
        if (random() % 3 == 0) node = "host=\"a,\\\"b\";" + node;
      }
      append(node);
      hop = proxies[random() % proxies.size()];
    }
    std::vector<HeaderField> fields;
    for (const std::string& line : lines) fields.push_back({rfc ? "forwarded" : "x-forwarded-for", line});
    const Answer answer =
        Walk(rfc ? ForwardingField::kForwarded : ForwardingField::kXForwardedFor, hop, fields);
    INFO("seed " << seed << " round " << round << " peer " << hop << " client " << client);
    for (const std::string& line : lines) UNSCOPED_INFO(line);
    REQUIRE(answer.address == Address::Parse(client)->ToString());
    REQUIRE(answer.stop == (proxy_count == 0 ? Stop::kPeer : Stop::kFound));
  }
}

}  // namespace
}  // namespace stockade
