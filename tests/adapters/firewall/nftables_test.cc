// The kernel's firewall between a real client and a real server, in two network namespaces. "Stopped" is shown by the counter
// of the rule that took the packet, not by waiting for a packet that does not come; what arrives is shown by a connection.
//
// There is no test of hostile values: a decision names a parsed prefix, and what is written are its bits.
#include "adapters/firewall/nftables.h"

#include <sys/syscall.h>

#include <thread>

#include "tests/adapters/firewall/nftables_scene.h"

namespace stockade {
namespace {

constexpr int64_t kHourMs = 3600'000;

// One pair of hosts for all cases; each begins with an empty kernel.
const TwoHosts& Hosts() {
  static const TwoHosts hosts;
  TwoHosts::Run("nft flush ruleset");
  return hosts;
}

// Until it holds, or the deadline.
template <typename Holds>
bool Comes(Holds&& holds) {
  const auto deadline = TestClock::now() + kTestDeadline;
  while (!holds())
    if (TestClock::now() > deadline) return false;
  return true;
}

TEST_CASE("addresses and networks of both families are stopped, and no longer after release", "[nftables]") {
  struct Case {
    const char* block;
    const char* inside;
    const char* outside;  // its neighbour
  };
  const TwoHosts& hosts = Hosts();
  const Case cases[] = {{"10.9.1.7", "10.9.1.7", "10.9.1.8"},
                        {"10.9.2.0/24", "10.9.2.255", "10.9.3.0"},
                        {"10.9.4.0/22", "10.9.7.255", "10.9.8.0"},
                        {"fd09::1:7", "fd09::1:7", "fd09::1:8"},
                        {"fd09:0:0:2::/64", "fd09:0:0:2:ffff:ffff:ffff:ffff", "fd09:0:0:3::"},
                        {"fd09:0:4::/48", "fd09:0:4:ffff:ffff:ffff:ffff:ffff", "fd09:0:5::"}};
  for (const Case& each : cases) {
    hosts.Own(each.inside);
    hosts.Own(each.outside);
    CHECK(hosts.Arrives(each.inside));
  }
  const auto firewall = MakeFirewall();
  for (const Case& each : cases) {
    INFO(each.block);
    REQUIRE_OK(Batch().Enforce(each.block, NowMs() + kHourMs).ApplyTo(*firewall));
    CHECK(IsStopped(hosts, each.inside));
    CHECK(hosts.Arrives(each.outside));
    CHECK(Values(*firewall) == std::vector<std::string>{each.block});
    REQUIRE_OK(Batch().Release(each.block).ApplyTo(*firewall));
    CHECK(hosts.Arrives(each.inside));
    CHECK(Values(*firewall).empty());
  }
}

TEST_CASE("an address inside a blocked network is a decision of its own", "[nftables]") {
  const TwoHosts& hosts = Hosts();
  hosts.Own("10.9.10.7");
  const auto firewall = MakeFirewall();
  const int64_t until_ms = NowMs() + kHourMs;
  REQUIRE_OK(Batch().Enforce("10.9.10.7", until_ms).Enforce("10.9.10.0/24", until_ms).ApplyTo(*firewall));
  CHECK(Values(*firewall) == std::vector<std::string>{"10.9.10.0/24", "10.9.10.7"});
  REQUIRE_OK(Batch().Release("10.9.10.0/24").ApplyTo(*firewall));
  CHECK(IsStopped(hosts, "10.9.10.7"));
  REQUIRE_OK(Batch().Enforce("10.9.10.0/24", until_ms).Release("10.9.10.7").ApplyTo(*firewall));
  CHECK(IsStopped(hosts, "10.9.10.7"));
  CHECK(Values(*firewall) == std::vector<std::string>{"10.9.10.0/24"});
  REQUIRE_OK(Batch().Release("10.9.10.0/24").ApplyTo(*firewall));
  CHECK(hosts.Arrives("10.9.10.7"));
}

TEST_CASE("an established connection ends with the block", "[nftables]") {
  const TwoHosts& hosts = Hosts();
  hosts.Own("10.9.11.7");
  const Socket client = hosts.Connect("10.9.11.7");
  REQUIRE(TwoHosts::Outcome(client, TestClock::now() + kTestDeadline) == 0);
  const auto firewall = MakeFirewall();
  REQUIRE_OK(Batch().Enforce("10.9.11.7", NowMs() + kHourMs).ApplyTo(*firewall));
  const uint64_t before = PacketsCounted("stockade");
  REQUIRE(send(client.fd(), "x", 1, MSG_NOSIGNAL) == 1);
  CHECK(Comes([&] { return PacketsCounted("stockade") > before; }));
}

TEST_CASE("whatever is flushed is noticed by List and restored by Apply, and what is foreign stays",
          "[nftables]") {
  const TwoHosts& hosts = Hosts();
  hosts.Own("10.9.12.7");
  const std::string foreign =
      "nft add table inet other && nft 'add set inet other v4_32 { type ipv4_addr; }' && "
      "nft 'add element inet other v4_32 { 192.0.2.1 }' && "
      "nft 'add chain inet other input { type filter hook input priority 0; }' && "
      "nft 'add rule inet other input ip saddr @v4_32 drop'";
  TwoHosts::Run(foreign);
  const std::string before = TwoHosts::Output("nft list table inet other");
  const auto firewall = MakeFirewall();
  const Batch batch =
      Batch().Enforce("10.9.12.7", NowMs() + kHourMs).Enforce("fd09:c::/48", NowMs() + kHourMs);
  REQUIRE_OK(batch.ApplyTo(*firewall));
  const std::string ours = TwoHosts::Output("nft -s list chain inet stockade input");
  for (const std::string& harm :
       {"nft flush ruleset; " + foreign, std::string("nft delete table inet stockade"),
        std::string("nft flush table inet stockade"),
        std::string("nft flush chain inet stockade input && nft delete chain inet stockade input"),
        std::string("nft insert rule inet stockade input accept"),
        std::string("nft \"add table inet stockade { flags dormant; }\""),
        std::string("nft \"add chain inet stockade input { policy drop; }\""),
        std::string("nft add chain inet stockade more"),
        std::string("nft delete table inet stockade && nft add table inet stockade && "
                    "nft \"add set inet stockade v4_32 { type ipv6_addr; }\"")}) {
    INFO(harm);
    TwoHosts::Run(harm);
    CHECK(Values(*firewall).empty());
    REQUIRE_OK(batch.ApplyTo(*firewall));
    CHECK(Values(*firewall) == std::vector<std::string>{"10.9.12.7", "fd09:c::/48"});
    CHECK(TwoHosts::Output("nft -s list chain inet stockade input") == ours);
    CHECK(IsStopped(hosts, "10.9.12.7"));
  }
  // Elements alone: the rules are right, so what is gone is missing and the rest is shown.
  TwoHosts::Run("nft flush set inet stockade v4_32");
  CHECK(Values(*firewall) == std::vector<std::string>{"fd09:c::/48"});
  REQUIRE_OK(batch.ApplyTo(*firewall));
  CHECK(IsStopped(hosts, "10.9.12.7"));
  CHECK(TwoHosts::Output("nft list table inet other") == before);
}

TEST_CASE("a decision's time ends by itself, and is made longer and shorter", "[nftables]") {
  const TwoHosts& hosts = Hosts();
  hosts.Own("10.9.13.7");
  const auto firewall = MakeFirewall();
  const int64_t now_ms = NowMs();
  const auto is_near = [&](int64_t until_ms) {  // List's own time, on a loaded machine
    return std::abs(UntilOf(*firewall, "10.9.13.7") - until_ms) < 10'000;
  };
  REQUIRE_OK(Batch().Enforce("10.9.13.7", now_ms + kHourMs).ApplyTo(*firewall, now_ms));
  CHECK(is_near(now_ms + kHourMs));
  REQUIRE_OK(Batch().Enforce("10.9.13.7", now_ms + 5 * kHourMs).ApplyTo(*firewall, now_ms));
  CHECK(is_near(now_ms + 5 * kHourMs));
  REQUIRE_OK(Batch().Enforce("10.9.13.7", now_ms + kHourMs).ApplyTo(*firewall, now_ms));
  CHECK(is_near(now_ms + kHourMs));
  REQUIRE_OK(Batch().Enforce("10.9.13.7", INT64_MAX).ApplyTo(*firewall));
  CHECK(UntilOf(*firewall, "10.9.13.7") > now_ms + kNftablesTimeoutMsMax - kHourMs);
  CHECK(IsStopped(hosts, "10.9.13.7"));

  REQUIRE_OK(Batch().Enforce("10.9.13.7", now_ms + 300).ApplyTo(*firewall, now_ms));
  CHECK(Comes([&] { return Values(*firewall).empty(); }));
  CHECK(hosts.Arrives("10.9.13.7"));
  // Of the past, or of this very moment.
  REQUIRE_OK(Batch().Enforce("10.9.13.7", now_ms + kHourMs).ApplyTo(*firewall, now_ms));
  REQUIRE_OK(Batch().Enforce("10.9.13.7", now_ms).ApplyTo(*firewall, now_ms));
  CHECK(Values(*firewall).empty());
  REQUIRE_OK(Batch().Enforce("10.9.13.7", 5).ApplyTo(*firewall, now_ms));
  CHECK(Values(*firewall).empty());
}

TEST_CASE("orders may be repeated, and release what is not there", "[nftables]") {
  Hosts();
  const auto firewall = MakeFirewall();
  const int64_t until_ms = NowMs() + kHourMs;
  REQUIRE_OK(Batch().Release("192.0.2.9").Release("2001:db8::/56").ApplyTo(*firewall));
  for (int i = 0; i < 3; ++i)
    REQUIRE_OK(Batch().Enforce("192.0.2.9", until_ms).Release("192.0.2.10").ApplyTo(*firewall));
  CHECK(Values(*firewall) == std::vector<std::string>{"192.0.2.9"});
  // What List shows is released by its key alone.
  Decision key_only;
  key_only.scope = Scope::kIp;
  key_only.value = "192.0.2.9";
  const Order order{Order::Kind::kRelease, &key_only};
  REQUIRE_OK(firewall->Apply({&order, 1}, NowMs()));
  CHECK(Values(*firewall).empty());
  // Two spellings are one element, which stays as long as the longer.
  std::vector<Decision> twice(2, Block("2001:db8::1", until_ms));
  twice[1].value = "2001:0DB8::1";
  twice[1].until_ms = until_ms + kHourMs;
  const Order both[] = {{Order::Kind::kEnforce, &twice[0]}, {Order::Kind::kEnforce, &twice[1]}};
  REQUIRE_OK(firewall->Apply(both, NowMs()));
  CHECK(UntilOf(*firewall, "2001:db8::1") > until_ms + kHourMs / 2);
}

TEST_CASE("an order that no set can hold is named", "[nftables]") {
  Hosts();
  const auto firewall = MakeFirewall();
  const auto said = [&](auto&& change) {
    Decision decision = Block("192.0.2.9", NowMs() + kHourMs);
    change(decision);
    const Order order{Order::Kind::kEnforce, &decision};
    const absl::Status status = firewall->Apply({&order, 1}, NowMs());
    CHECK(absl::IsInvalidArgument(status));
    return std::string(status.message());
  };
  CHECK(said([](Decision& d) { d.scope = Scope::kAsn; }).find("block asn") != std::string::npos);
  CHECK(said([](Decision& d) { d.action = Action::kChallenge; }).find("challenge ip") != std::string::npos);
  CHECK(said([](Decision& d) { d.scope = Scope::kRange; }).find("one address") != std::string::npos);
  CHECK(said([](Decision& d) { d = Block("0.0.0.0/0", d.until_ms); }).find("everybody") != std::string::npos);
  CHECK(said([](Decision& d) { d.prefix = {}, d.value = "} ; flush ruleset"; }).find("no address") !=
        std::string::npos);
  CHECK(Values(*firewall).empty());
}

TEST_CASE("what one process left when it was killed, the next finds", "[nftables]") {
  const TwoHosts& hosts = Hosts();
  hosts.Own("10.9.14.7");
  const int64_t now_ms = NowMs();
  const pid_t child = fork();
  if (child == 0) {
    auto firewall = NftablesFirewall::Create({});
    const absl::Status done = Batch()
                                  .Enforce("10.9.14.7", now_ms + kHourMs)
                                  .Enforce("2001:db8::/56", now_ms + 2 * kHourMs)
                                  .ApplyTo(**firewall);
    if (done.ok()) raise(SIGKILL);
    _exit(1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
  CHECK(IsStopped(hosts, "10.9.14.7"));
  const auto firewall = MakeFirewall();
  CHECK(Values(*firewall) == std::vector<std::string>{"10.9.14.7", "2001:db8::/56"});
  CHECK(std::abs(UntilOf(*firewall, "2001:db8::/56") - now_ms - 2 * kHourMs) < 10'000);
  // Its first batch keeps the others.
  REQUIRE_OK(Batch().Enforce("192.0.2.0/23", now_ms + kHourMs).ApplyTo(*firewall));
  CHECK(Values(*firewall) == std::vector<std::string>{"10.9.14.7", "192.0.2.0/23", "2001:db8::/56"});
  CHECK(IsStopped(hosts, "10.9.14.7"));
}

TEST_CASE("options that changed over a restart change the table", "[nftables]") {
  const TwoHosts& hosts = Hosts();
  hosts.Own("10.9.15.7");
  const Batch batch = Batch().Enforce("10.9.15.7", NowMs() + kHourMs);
  std::vector<NftablesOptions> changes(5);
  changes[1].priority = 5;
  changes[2].hooks = {NftablesHook::kPrerouting, NftablesHook::kForward};
  changes[3].ports = {TwoHosts::kPort};
  changes[4].elements_max = 77;
  for (const NftablesOptions& options : changes) {
    const auto firewall = MakeFirewall(options);
    if (&options != &changes[0]) CHECK(Values(*firewall).empty());
    REQUIRE_OK(batch.ApplyTo(*firewall));
    CHECK(Values(*firewall) == std::vector<std::string>{"10.9.15.7"});
    CHECK(IsStopped(hosts, "10.9.15.7"));
    if (options.ports.empty())
      CHECK(IsStopped(hosts, "10.9.15.7", TwoHosts::kOtherPort));
    else
      CHECK(hosts.Arrives("10.9.15.7", TwoHosts::kOtherPort));
  }
}

TEST_CASE("reject answers, mark only marks", "[nftables]") {
  const TwoHosts& hosts = Hosts();
  hosts.Own("10.9.16.7");
  hosts.Own("fd09::16:7");
  const Batch batch =
      Batch().Enforce("10.9.16.7", NowMs() + kHourMs).Enforce("fd09::16:7", NowMs() + kHourMs);
  NftablesOptions options;
  options.verdict = NftablesVerdict::kReject;
  for (const NftablesHook hook : {NftablesHook::kInput, NftablesHook::kPrerouting}) {
    options.hooks = {hook};
    const auto firewall = MakeFirewall(options);
    REQUIRE_OK(batch.ApplyTo(*firewall));
    for (const char* source : {"10.9.16.7", "fd09::16:7"})
      CHECK(TwoHosts::Outcome(hosts.Connect(source), TestClock::now() + kTestDeadline) == ECONNREFUSED);
  }
  options.verdict = NftablesVerdict::kMark;
  options.mark = 42;
  const auto firewall = MakeFirewall(options);
  REQUIRE_OK(batch.ApplyTo(*firewall));
  TwoHosts::Run(
      "nft add table inet other && nft 'add chain inet other input { type filter hook input priority 0; }' "
      "&& "
      "nft add rule inet other input meta mark 42 counter");
  hosts.Own("10.9.16.8");
  CHECK(hosts.Arrives("10.9.16.8"));
  CHECK(PacketsCounted("other") == 0);
  CHECK(hosts.Arrives("10.9.16.7"));
  CHECK(PacketsCounted("other") > 0);
}

TEST_CASE("loopback and neighbour discovery are spared", "[nftables]") {
  const TwoHosts& hosts = Hosts();
  const auto firewall = MakeFirewall();
  const int64_t until_ms = NowMs() + kHourMs;
  // The server's own address, and with it everything on its link.
  REQUIRE_OK(Batch().Enforce("10.9.0.1", until_ms).Enforce("fd09::/16", until_ms).ApplyTo(*firewall));
  Socket own = Socket::Tcp();
  socklen_t bytes = 0;
  const sockaddr_storage to = AddressOf(TwoHosts::kServerV4, TwoHosts::kPort, &bytes);
  CHECK(connect(own.fd(), reinterpret_cast<const sockaddr*>(&to), bytes) == 0);
  // A neighbour that is not known yet: its solicitation is answered, so its packet comes as far as the rule.
  hosts.Own("fd09::17:7");
  TwoHosts::Run("ip -6 neigh flush dev left");
  hosts.RunAsClient("ip -6 neigh flush dev right");
  CHECK(IsStopped(hosts, "fd09::17:7"));

  NftablesOptions strict;
  strict.spare_loopback = false;
  REQUIRE_OK(Batch().Enforce("10.9.0.1", until_ms).ApplyTo(*MakeFirewall(strict)));
  const Socket again(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const uint64_t before = PacketsCounted("stockade");
  CHECK(connect(again.fd(), reinterpret_cast<const sockaddr*>(&to), bytes) != 0);
  CHECK(Comes([&] { return PacketsCounted("stockade") > before; }));
}

TEST_CASE("a set that is full says so, keeps what it holds, and lets go", "[nftables]") {
  Hosts();
  NftablesOptions options;
  options.elements_max = 4;
  const auto firewall = MakeFirewall(options);
  const int64_t until_ms = NowMs() + kHourMs;
  Batch four;
  for (const char* value : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"})
    four.Enforce(value, until_ms);
  REQUIRE_OK(four.ApplyTo(*firewall));
  REQUIRE_OK(four.ApplyTo(*firewall));  // to refresh needs no room
  const absl::Status full = Batch().Enforce("192.0.2.5", until_ms).ApplyTo(*firewall);
  CHECK(absl::IsResourceExhausted(full));
  CHECK(std::string(full.message()).find("raise nftables.elements_max (4)") != std::string::npos);
  CHECK(Values(*firewall).size() == 4);
  // What is released makes room, also for the same batch.
  const Batch both = Batch()
                         .Enforce("192.0.2.5", until_ms)
                         .Enforce("192.0.2.6", until_ms)
                         .Enforce("192.0.2.7", until_ms)
                         .Release("192.0.2.1")
                         .Release("192.0.2.2")
                         .Release("192.0.2.3")
                         .Release("192.0.2.99");
  REQUIRE_OK(both.ApplyTo(*firewall));
  CHECK(Values(*firewall) == std::vector<std::string>{"192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7"});
  REQUIRE(absl::IsResourceExhausted(Batch()
                                        .Enforce("192.0.2.8", until_ms)
                                        .Release("192.0.2.4")
                                        .Release("192.0.2.98")
                                        .Enforce("192.0.2.9", until_ms)
                                        .ApplyTo(*firewall)));
  CHECK(Values(*firewall) == std::vector<std::string>{"192.0.2.5", "192.0.2.6", "192.0.2.7"});
}

TEST_CASE("100,000 decisions are carried out and listed", "[nftables]") {
  const TwoHosts& hosts = Hosts();
  hosts.Own("10.9.18.7");
  const auto firewall = MakeFirewall();
  const int64_t now_ms = NowMs();
  size_t all = 0;
  for (uint32_t batch = 0; batch < 100; ++batch) {
    std::vector<Decision> decisions;
    for (uint32_t i = 0; i < kNftablesBatchMax; ++i, ++all) {
      const Address v4 = Address::V4(0xc6000000u + batch * 1000 + i);
      std::array<uint8_t, 16> bytes = {0x20,
                                       1,
                                       0xd,
                                       0xb8,
                                       0,
                                       static_cast<uint8_t>(batch),
                                       0,
                                       static_cast<uint8_t>(i),
                                       static_cast<uint8_t>(i >> 8)};
      const Prefix prefix = i % 4 == 3 ? Prefix::Around(Address::V6(bytes), 96) : Prefix::Around(v4, 32);
      decisions.push_back(Block(prefix.ToString(), now_ms + kHourMs));
    }
    if (batch == 50) decisions[0] = Block("10.9.18.7", now_ms + kHourMs);
    std::vector<Order> orders;
    for (const Decision& decision : decisions) orders.push_back({Order::Kind::kEnforce, &decision});
    REQUIRE_OK(firewall->Apply(orders, now_ms));
  }
  REQUIRE(all == 100'000);
  const std::vector<std::string> values = Values(*firewall);
  CHECK(values.size() == all);
  CHECK(std::adjacent_find(values.begin(), values.end()) == values.end());
  CHECK(std::binary_search(values.begin(), values.end(), "10.9.18.7"));
  CHECK(IsStopped(hosts, "10.9.18.7"));
  REQUIRE_OK(Batch().Release("10.9.18.7").ApplyTo(*firewall));
  CHECK(hosts.Arrives("10.9.18.7"));
}

TEST_CASE("another network namespace is reached, and the own one left alone", "[nftables]") {
  const TwoHosts& hosts = Hosts();
  NftablesOptions options;
  options.network_namespace = hosts.client_namespace();
  const auto firewall = MakeFirewall(options);
  REQUIRE_OK(Batch().Enforce("192.0.2.9", NowMs() + kHourMs).ApplyTo(*firewall));
  CHECK(Values(*firewall) == std::vector<std::string>{"192.0.2.9"});
  CHECK(TwoHosts::Output("nft list ruleset").empty());
  hosts.RunAsClient("nft list set inet stockade v4_32 | grep -q 192.0.2.9 && nft flush ruleset");
  options.network_namespace = "stockade-is-not-there";
  const absl::Status missing = Batch().Release("192.0.2.9").ApplyTo(*MakeFirewall(options));
  CHECK(absl::IsUnavailable(missing));
  CHECK(std::string(missing.message()).find("/run/netns/stockade-is-not-there") != std::string::npos);
}

TEST_CASE("without the right to it, the error says which right", "[nftables]") {
  Hosts();
  absl::Status applied, listed;
  // The rights are a thread's: this one becomes nobody.
  std::thread([&] {
    if (syscall(SYS_setresuid, 65534, 65534, 65534) != 0) return;
    const auto firewall = NftablesFirewall::Create({});
    applied = Batch().Enforce("192.0.2.9", NowMs() + kHourMs).ApplyTo(**firewall);
    listed = (*firewall)->List(NowMs()).status();
  }).join();
  for (const absl::Status& status : {applied, listed}) {
    INFO(status);
    CHECK(absl::IsPermissionDenied(status));
    CHECK(std::string(status.message()).find("CAP_NET_ADMIN") != std::string::npos);
  }
}

TEST_CASE("it lists and expires, and carries blocks of addresses and networks only", "[nftables]") {
  const Capabilities can = MakeFirewall()->capabilities();
  CHECK(can.lists);
  CHECK(can.expires);
  CHECK(can.Carries(Block("192.0.2.1", 1)));
  CHECK(can.Carries(Block("192.0.2.0/24", 1)));
  for (const Scope scope : {Scope::kAsn, Scope::kAccount, Scope::kFingerprint}) {
    Decision decision;
    decision.scope = scope;
    CHECK_FALSE(can.Carries(decision));
  }
  Decision challenge = Block("192.0.2.1", 1);
  challenge.action = Action::kChallenge;
  CHECK_FALSE(can.Carries(challenge));
}

}  // namespace
}  // namespace stockade
