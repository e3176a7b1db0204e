// Debian's crowdsec-firewall-bouncer, nftables mode, pulls from us in a network namespace of its own, and packets from banned
// addresses of another namespace no longer arrive; after the release they do again. Namespaces and all that is in them end with
// the test's process.
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>

#include <future>
#include <memory>
#include <thread>

#include "adapters/firewall/crowdsec_api.h"
#include "tests/adapters/firewall/crowdsec_scene.h"
#include "tests/adapters/loopback.h"
#include "tests/adapters/programs.h"

namespace stockade {
namespace {

[[noreturn]] void Skip(const std::string& why) {
  std::cout << "skipped: " << why << "\n" << std::flush;
  std::_Exit(77);
}

void Ip(const std::string& words) {
  std::vector<std::string> arguments = {"ip"};
  std::istringstream in(words);
  for (std::string word; in >> word;) arguments.push_back(word);
  const auto [code, text] = RunProgram(arguments);
  INFO(words << ": " << text);
  REQUIRE(code == 0);
}

// The server's namespace is the test's, the client's that of a thread; a veth pair joins them.
class Namespaces {
 public:
  Namespaces() {
    if (unshare(CLONE_NEWNET) != 0) Skip("network namespaces need root");
    Ip("link set lo up");
    Ip("link add serverside type veth peer name clientside");
    std::promise<long> thread_id;
    std::promise<void> moved;
    client_ = std::thread([&] {
      // What this thread starts and opens from here on is the client's.
      if (unshare(CLONE_NEWNET) != 0) std::abort();
      thread_id.set_value(syscall(SYS_gettid));
      moved.get_future().wait();
      Ip("link set clientside up");
      for (const char* const address :
           {"203.0.113.9/24", "203.0.113.77/24", "198.51.100.5/24", "192.0.2.2/24"})
        Ip(Concat("address add ", address, " dev clientside"));
      for (const char* const address : {"2001:db8::9/64", "2001:db8::2/64"})
        Ip(Concat("address add ", address, " dev clientside nodad"));
      for (const char* const from : {"203.0.113.9", "203.0.113.77", "198.51.100.5", "192.0.2.2"})
        senders_.push_back(Open(AF_INET, from));
      for (const char* const from : {"2001:db8::9", "2001:db8::2"}) senders_.push_back(Open(AF_INET6, from));
    });
    Ip(Concat("link set clientside netns ", thread_id.get_future().get()));
    Ip("link set serverside up");
    Ip("address add 192.0.2.1/24 dev serverside");
    Ip("address add 2001:db8::1/64 dev serverside nodad");
    Ip("route add 203.0.113.0/24 dev serverside");
    Ip("route add 198.51.100.0/24 dev serverside");
    moved.set_value();
    client_.join();
    receivers_.push_back(Open(AF_INET, "192.0.2.1"));
    receivers_.push_back(Open(AF_INET6, "2001:db8::1"));
  }

  enum Who { k9, k77, k5, kFriend, kSix9, kSixFriend };
  // Whether a packet of theirs arrives; one of a friend's, sent behind it, shows that the way is open.
  bool Arrives(Who who) {
    const bool six = who >= kSix9;
    const int receiver = receivers_[six ? 1 : 0]->fd();
    char buffer[64];
    while (recv(receiver, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
    }
    const std::string round = Concat(++round_);
    for (const auto deadline = TestClock::now() + kTestDeadline; TestClock::now() < deadline;) {
      Send(who, "banned " + round);
      Send(six ? kSixFriend : kFriend, "friend " + round);
      bool banned = false;
      while (IsReadable(receiver, TestClock::now() + std::chrono::milliseconds(200))) {
        const std::string said(
            buffer, static_cast<size_t>(std::max<ssize_t>(recv(receiver, buffer, sizeof buffer, 0), 0)));
        banned = banned || said == "banned " + round;
        if (said == "friend " + round) return banned;
      }
    }
    FAIL("no packet of a friend arrives either");
    return false;
  }
  bool ComesTo(Who who, bool arrives) {
    for (const auto deadline = TestClock::now() + kTestDeadline; TestClock::now() < deadline;
         poll(nullptr, 0, 50))
      if (Arrives(who) == arrives) return true;
    return false;
  }

 private:
  static constexpr uint16_t kPort = 9999;
  static sockaddr_storage At(int family, const std::string& text, uint16_t port) {
    sockaddr_storage storage{};
    if (family == AF_INET) {
      auto* const four = reinterpret_cast<sockaddr_in*>(&storage);
      four->sin_port = htons(port);
      REQUIRE(inet_pton(family, text.c_str(), &four->sin_addr) == 1);
    } else {
      auto* const six = reinterpret_cast<sockaddr_in6*>(&storage);
      six->sin6_port = htons(port);
      REQUIRE(inet_pton(family, text.c_str(), &six->sin6_addr) == 1);
    }
    storage.ss_family = static_cast<sa_family_t>(family);
    return storage;
  }
  static std::unique_ptr<Socket> Open(int family, const std::string& address) {
    auto made = std::make_unique<Socket>(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const sockaddr_storage at = At(family, address, kPort);
    REQUIRE(bind(made->fd(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    return made;
  }
  void Send(Who who, const std::string& text) {
    const bool six = who >= kSix9;
    const sockaddr_storage to = At(six ? AF_INET6 : AF_INET, six ? "2001:db8::1" : "192.0.2.1", kPort);
    // A packet that is refused on its way is one that does not arrive.
    static_cast<void>(sendto(senders_[who]->fd(), text.data(), text.size(), 0,
                             reinterpret_cast<const sockaddr*>(&to), sizeof to));
  }

  std::thread client_;
  std::vector<std::unique_ptr<Socket>> senders_;
  std::vector<std::unique_ptr<Socket>> receivers_;
  int round_ = 0;
};

int64_t Now() {
  return absl::ToUnixMillis(absl::Now());
}

TEST_CASE("crowdsec-firewall-bouncer drops packets of what we decided, and lets them in after the release",
          "[crowdsec]") {
  for (const char* const program : {"crowdsec-firewall-bouncer", "ip", "nft"}) RequireProgram(program);
  if (geteuid() != 0) Skip("network namespaces and nftables need root");
  Namespaces net;

  const TemporaryFolder folder;
  CrowdsecView view(Now());
  const auto key = AddApiKey(folder / "keys", "fw", ApiKeyRole::kBouncer, Now());
  REQUIRE(key.ok());
  ApiKeys keys(folder / "keys");
  CrowdsecApi api({&view, &keys});
  CrowdsecOptions options;
  options.at.host = "127.0.0.1";  // and any port
  auto service =
      HttpService::Start(CrowdsecHttpOptions(options), [&](const ServiceRequest& r) { return api.Reply(r); });
  REQUIRE(service.ok());
  const std::string config = folder.Write(
      "bouncer.yaml",
      Concat("mode: nftables\npid_dir: ", folder.path(),
             "\nupdate_frequency: 1s\ndaemonize: false\nlog_mode: file\nlog_dir: ", folder.path(),
             "\nlog_level: debug\napi_url: http://127.0.0.1:", (*service)->port(), "/\napi_key: ", *key,
             "\ndisable_ipv6: false\ndeny_action: DROP\ndeny_log: false\nsupported_decisions_types: [ban]\n",
             "blacklists_ipv4: crowdsec-blacklists\nblacklists_ipv6: crowdsec6-blacklists\n",
             "nftables:\n  ipv4: {enabled: true, set-only: false, table: crowdsec, chain: crowdsec-chain}\n",
             "  ipv6: {enabled: true, set-only: false, table: crowdsec6, chain: crowdsec6-chain}\n",
             "prometheus: {enabled: false}\n"));
  CHECK(net.Arrives(Namespaces::k9));
  // What stands before it comes up, and what comes after.
  const int64_t until = Now() + 3'600'000;
  Enforce(&view, {Ban("203.0.113.9", until)}, Now());
  auto bouncer =
      std::make_unique<StartedProgram>(std::vector<std::string>{"crowdsec-firewall-bouncer", "-c", config});
  if (!net.ComesTo(Namespaces::k9, false)) {
    std::ifstream log(folder / "crowdsec-firewall-bouncer.log");
    INFO(std::string(std::istreambuf_iterator<char>(log), {}));
    FAIL("the banned address is let in");
  }
  CHECK(net.Arrives(Namespaces::k77));
  CHECK(net.Arrives(Namespaces::kSix9));
  Enforce(&view, {Ban("2001:db8::9", until)}, Now());
  CHECK(net.ComesTo(Namespaces::kSix9, false));
  Release(&view, Ban("203.0.113.9", 0), Now());
  CHECK(net.ComesTo(Namespaces::k9, true));
  CHECK_FALSE(net.Arrives(Namespaces::kSix9));

  // A challenge is no ban.
  Enforce(&view, {CrowdsecDecision(Action::kChallenge, Scope::kIp, "198.51.100.5", until)}, Now());
  // A network: every address of it, and a single one of them when the network goes.
  Enforce(&view, {Ban("203.0.113.0/24", until)}, Now());
  CHECK(net.ComesTo(Namespaces::k77, false));
  CHECK_FALSE(net.Arrives(Namespaces::k9));
  CHECK(net.Arrives(Namespaces::k5));
  Enforce(&view, {Ban("203.0.113.9", until)}, Now());
  Release(&view, Ban("203.0.113.0/24", 0), Now());
  CHECK(net.ComesTo(Namespaces::k77, true));
  CHECK_FALSE(net.Arrives(Namespaces::k9));

  // One that ends by itself.
  Enforce(&view, {Ban("203.0.113.77", Now() + 3'000)}, Now());
  CHECK(net.ComesTo(Namespaces::k77, false));
  CHECK(net.ComesTo(Namespaces::k77, true));
  // One that is prolonged: out of the set when the time told first is over, it comes back.
  const int64_t first = Now() + 3'000;
  Enforce(&view, {Ban("203.0.113.77", first)}, Now());
  CHECK(net.ComesTo(Namespaces::k77, false));
  Enforce(&view, {Ban("203.0.113.77", until)}, Now());
  while (Now() < first + 1'000) poll(nullptr, 0, 50);
  CHECK(net.ComesTo(Namespaces::k77, false));

  // It says who it is, and a revoked key ends what it is told.
  bool named = false;
  for (const CrowdsecSample& sample : api.Samples())
    for (const auto& [name, value] : sample.labels) named = named || value == "crowdsec-firewall-bouncer";
  CHECK(named);
  REQUIRE(RevokeApiKey(folder / "keys", "fw").ok());
  Enforce(&view, {Ban("198.51.100.5", until)}, Now());
  const auto forbidden = [&] {
    for (const CrowdsecSample& sample : api.Samples())
      if (sample.name == "crowdsec_forbidden_total") return sample.value;
    return 0.0;
  };
  for (const auto deadline = TestClock::now() + kTestDeadline;
       forbidden() < 2 && TestClock::now() < deadline;)
    poll(nullptr, 0, 50);
  CHECK(forbidden() >= 2);
  CHECK(net.Arrives(Namespaces::k5));
  bouncer.reset();
  (*service)->Stop();
}

}  // namespace
}  // namespace stockade
