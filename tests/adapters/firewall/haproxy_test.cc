// Real HAProxy as a firewall: requests pass through it to an application until a decision stands, and again after its
// release; also after HAProxy's restart, after somebody else's hand in its maps, with ten thousand entries, and with names
// made to be commands.
#include <sys/socket.h>
#include <sys/un.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters/firewall/haproxy_call.h"
#include "adapters/firewall/haproxy_runtime.h"
#include "adapters/http/http_service.h"
#include "engine/text.h"
#include "tests/adapters/firewall/orders.h"
#include "tests/adapters/loopback.h"
#include "tests/adapters/programs.h"

namespace stockade {
namespace {

using Holds = HaproxyMapOptions::Holds;

// HAProxy in front of a small application. Whom a request comes from and whose account it names are its fields.
class Front {
 public:
  Front() {
    RequireProgram("haproxy");
    HttpServiceOptions service;
    service.at = {"127.0.0.1", 0, ""};
    auto started = HttpService::Start(service, [](const ServiceRequest&) {
      return ServiceReply{200, {}, "in\n"};
    });
    REQUIRE(started.ok());
    application_ = std::move(*started);
    for (const char* map : {"block.map", "challenge.map", "lock.map"}) folder_.Write(map, "");
    Start();
  }

  void Start() {
    for (int attempt = 0; attempt < 10 && program_ == nullptr; ++attempt) {
      port_ = FreePort();
      unlink((folder_ / "s").c_str());
      const std::string config = folder_.Write(
          "haproxy.cfg",
          Concat("global\n  stats socket ", folder_ / "s", " mode 600 level admin\ndefaults\n  mode http\n",
                 "  timeout connect 20s\n  timeout client 20s\n  timeout server 20s\nfrontend f\n",
                 "  bind 127.0.0.1:", port_, "\n  http-request set-src hdr(x-source)\n",
                 "  http-request deny deny_status 403 if { src,map_ip(", map("block.map"), ") -m found }\n",
                 "  http-request deny deny_status 403 if { src,table_gpc0(banned) gt 0 }\n",
                 "  http-request deny deny_status 401 if { src,map_ip(", map("challenge.map"),
                 ") -m beg identity }\n", "  http-request deny deny_status 429 if { src,map_ip(",
                 map("challenge.map"), ") -m found }\n",
                 "  http-request deny deny_status 405 if { req.fhdr(x-account),map(", map("lock.map"),
                 ") -m found }\n",
                 "  default_backend b\nbackend b\n  server s 127.0.0.1:", application_->port(),
                 "\nbackend banned\n  stick-table type ipv6 size 100k expire 1h store gpc0\n",
                 "backend v4\n  stick-table type ip size 1k expire 1h store gpc0\n"));
      auto started =
          std::make_unique<StartedProgram>(std::vector<std::string>{"haproxy", "-db", "-f", config});
      // Its socket too: on that port somebody else might have come first.
      if (ComesToAnswer(port_) && access((folder_ / "s").c_str(), F_OK) == 0) program_ = std::move(started);
    }
    REQUIRE(program_ != nullptr);
  }
  void Kill() { program_.reset(); }

  std::string map(const std::string& name) const { return folder_ / name; }
  Endpoint socket(const std::string& name = "s") const { return {"", 0, folder_ / name}; }
  HaproxyOptions options() const {
    HaproxyOptions options;
    options.socket = socket();
    options.maps = {{Action::kBlock, Holds::kAddresses, map("block.map")},
                    {Action::kChallenge, Holds::kAddresses, map("challenge.map")},
                    {Action::kLock, Holds::kAccounts, map("lock.map")}};
    options.answer_time = absl::Seconds(15);
    return options;
  }

  // What a request is answered with.
  int Ask(const std::string& source, const std::string& account = "") const {
    const Socket socket = Socket::Tcp();
    const sockaddr_in address = Loopback(port_);
    REQUIRE(connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    WriteAll(socket, Concat("GET / HTTP/1.1\r\nHost: bank\r\nConnection: close\r\nX-Source: ", source, "\r\n",
                            account.empty() ? "" : Concat("X-Account: ", account, "\r\n"), "\r\n"));
    std::string said;
    char buffer[4096];
    const auto deadline = TestClock::now() + kTestDeadline;
    for (ssize_t size;
         IsReadable(socket.fd(), deadline) && (size = read(socket.fd(), buffer, sizeof buffer)) > 0;)
      said.append(buffer, static_cast<size_t>(size));
    REQUIRE(said.starts_with("HTTP/1.1 "));
    return std::stoi(said.substr(9, 3));
  }
  // A command by hand.
  std::string Say(const std::string& command) const {
    const Endpoint at = socket();
    const auto answer = HaproxyCall(at, absl::Seconds(15), absl::Seconds(15)).Ask(command + "\n");
    REQUIRE(answer.ok());
    return *answer;
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<HttpService> application_;
  uint16_t port_ = 0;
  std::unique_ptr<StartedProgram> program_;
};

std::vector<std::string> Standing(HaproxyRuntime* haproxy) {
  const auto standing = haproxy->List(kOrdersNowMs);
  INFO(standing.status().ToString());
  REQUIRE(standing.ok());
  return Spelled(*standing);
}

void Apply(HaproxyRuntime* haproxy, const Orders& orders) {
  const absl::Status status = haproxy->Apply(orders, kOrdersNowMs);
  INFO(status.ToString());
  REQUIRE(status.ok());
}

Decision Challenge(std::string_view address, ChallengeKind kind) {
  Decision decision = MadeDecision(Action::kChallenge, Scope::kIp, address);
  decision.challenge_kind = kind;
  return decision;
}

TEST_CASE("an address or network is refused while a decision stands, and no other", "[haproxy]") {
  const Front front;
  REQUIRE(CheckHaproxyOptions(front.options()).ok());
  HaproxyRuntime haproxy(front.options());
  CHECK(Standing(&haproxy).empty());
  CHECK(front.Ask("203.0.113.9") == 200);
  Apply(&haproxy, Orders()
                      .Enforce(Block("203.0.113.9"))
                      .Enforce(Block("2001:db8::7"))
                      .Enforce(Block("198.51.100.0/24"))
                      .Enforce(Block("2001:db8:1::/48")));
  CHECK(front.Ask("203.0.113.9") == 403);
  CHECK(front.Ask("203.0.113.10") == 200);
  CHECK(front.Ask("2001:db8::7") == 403);
  CHECK(front.Ask("2001:db8::8") == 200);
  CHECK(front.Ask("198.51.100.200") == 403);
  CHECK(front.Ask("2001:db8:1:2::3") == 403);
  CHECK(Standing(&haproxy) == std::vector<std::string>{"block ip 2001:db8::7", "block ip 203.0.113.9",
                                                       "block range 198.51.100.0/24",
                                                       "block range 2001:db8:1::/48"});
  // Orders may be repeated.
  Apply(&haproxy, Orders().Enforce(Block("203.0.113.9")).Release(Block("192.0.2.1")));
  CHECK(Standing(&haproxy).size() == 4);
  CHECK(front.Say("show map " + front.map("block.map")).find("203.0.113.9 block:0123456789abcdef\n") !=
        std::string::npos);
  Apply(&haproxy, Orders()
                      .Release(Block("203.0.113.9"))
                      .Release(Block("2001:db8::7"))
                      .Release(Block("198.51.100.0/24"))
                      .Release(Block("2001:db8:1::/48")));
  CHECK(front.Ask("203.0.113.9") == 200);
  CHECK(front.Ask("2001:db8::7") == 200);
  CHECK(front.Ask("198.51.100.200") == 200);
  CHECK(Standing(&haproxy).empty());
}

TEST_CASE("both kinds of a challenge stand on one address, and each goes by itself", "[haproxy]") {
  const Front front;
  HaproxyRuntime haproxy(front.options());
  const Decision human = Challenge("203.0.113.9", ChallengeKind::kHuman);
  const Decision identity = Challenge("203.0.113.9", ChallengeKind::kIdentity);
  Apply(&haproxy, Orders().Enforce(human).Enforce(identity));
  CHECK(Standing(&haproxy) ==
        std::vector<std::string>{"challenge ip 203.0.113.9", "challenge ip 203.0.113.9 identity"});
  CHECK(front.Ask("203.0.113.9") == 429);
  Apply(&haproxy, Orders().Release(human));
  CHECK(Standing(&haproxy) == std::vector<std::string>{"challenge ip 203.0.113.9 identity"});
  CHECK(front.Ask("203.0.113.9") == 401);
  Apply(&haproxy, Orders().Release(identity));
  CHECK(Standing(&haproxy).empty());
  CHECK(front.Ask("203.0.113.9") == 200);
}

TEST_CASE("names made to be commands are names", "[haproxy]") {
  const Front front;
  HaproxyRuntime haproxy(front.options());
  std::vector<std::string> names = {"alice",  "a b",        "a;disable frontend f",
                                    "a <<",   "<<",         "a\\",
                                    "\\;",    "#0",         "#1 x",
                                    "@1",     "'",          "\"",
                                    "-",      "a\\ b",      "Jürgen Groß",
                                    "x  y",   "\\",         "a;del map #0 x",
                                    "$(id)",  "%[src]",     "\xff\xfe",
                                    "map",    ";",          "#",
                                    "a << b", "<< ; help;", std::string(256, 'w')};
  for (char c = '!'; c < '\x7f'; ++c) names.push_back(std::string("p") + c + "q");
  const auto lock = [](const std::string& name) {
    Decision decision = MadeDecision(Action::kLock, Scope::kAccount, name);
    decision.id = "x;disable frontend f\n<<";  // nor do ids and rules
    return decision;
  };
  Orders all;
  std::vector<std::string> expected;
  for (const std::string& name : names) {
    all.Enforce(lock(name));
    expected.push_back("lock account " + name);
  }
  std::sort(expected.begin(), expected.end());
  Apply(&haproxy, all);
  CHECK(Standing(&haproxy) == expected);
  for (const std::string& name : names) {
    INFO(name);
    CHECK(front.Ask("192.0.2.1", name) == 405);
  }
  CHECK(front.Ask("192.0.2.1", "bob") == 200);
  // The value is changed, and the entry removed, one by one.
  for (size_t i = 0; i < names.size(); i += 3) {
    INFO(names[i]);
    Decision wider = lock(names[i]);
    wider.all_lanes = true;
    Apply(&haproxy, Orders().Enforce(wider));
    Apply(&haproxy, Orders().Release(lock(names[i])).Release(wider));
    CHECK(front.Ask("192.0.2.1", names[i]) == 200);
  }
  Orders none;
  for (const std::string& name : names) none.Release(lock(name));
  Apply(&haproxy, none);
  CHECK(Standing(&haproxy).empty());
  CHECK(front.Ask("192.0.2.1", "alice") == 200);
}

TEST_CASE("a name no command can carry is refused, and keeps no other from standing", "[haproxy]") {
  const Front front;
  HaproxyRuntime haproxy(front.options());
  for (const std::string& bad :
       {std::string("a\ndisable frontend f\n"), std::string("a\0b", 3), std::string("")}) {
    const absl::Status status =
        haproxy.Apply(Orders()
                          .Enforce(MadeDecision(Action::kLock, Scope::kAccount, bad))
                          .Enforce(MadeDecision(Action::kLock, Scope::kAccount, "bob")),
                      kOrdersNowMs);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK(Standing(&haproxy) == std::vector<std::string>{"lock account bob"});
  }
  CHECK(front.Ask("192.0.2.1", "bob") == 405);
  // Where it does not stand it need not go.
  CHECK(haproxy.Apply(Orders().Release(MadeDecision(Action::kLock, Scope::kAccount, "a\nb")), kOrdersNowMs)
            .ok());
}

TEST_CASE("what HAProxy's restart forgot is noticed, and comes back", "[haproxy]") {
  Front front;
  HaproxyRuntime haproxy(front.options());
  Apply(&haproxy, Orders().Enforce(Block("203.0.113.9")));
  front.Kill();
  CHECK(haproxy.List(kOrdersNowMs).status().code() == absl::StatusCode::kUnavailable);
  CHECK(haproxy.Apply(Orders().Enforce(Block("203.0.113.9")), kOrdersNowMs).code() ==
        absl::StatusCode::kUnavailable);
  front.Start();
  CHECK(front.Ask("203.0.113.9") == 200);
  // Without a List between: the order is not taken for one that stands already.
  Apply(&haproxy, Orders().Enforce(Block("203.0.113.9")));
  CHECK(front.Ask("203.0.113.9") == 403);
  front.Kill();
  front.Start();
  CHECK(Standing(&haproxy).empty());
}

TEST_CASE("another hand in a map is seen, and what it did can be undone", "[haproxy]") {
  const Front front;
  HaproxyRuntime haproxy(front.options());
  Apply(&haproxy, Orders().Enforce(Block("203.0.113.9")).Enforce(Block("203.0.113.10")));
  front.Say("del map " + front.map("block.map") + " 203.0.113.9");
  front.Say("add map " + front.map("block.map") + " 192.0.2.77 by hand");
  front.Say("add map " + front.map("lock.map") + " <<\nzoe locked by hand\n");
  CHECK(Standing(&haproxy) == std::vector<std::string>{"block ip 192.0.2.77", "block ip 203.0.113.10",
                                                       "lock account zoe locked by"});
  Apply(&haproxy, Orders()
                      .Enforce(Block("203.0.113.9"))
                      .Release(Block("192.0.2.77"))
                      .Release(MadeDecision(Action::kLock, Scope::kAccount, "zoe locked by")));
  CHECK(Standing(&haproxy) == std::vector<std::string>{"block ip 203.0.113.10", "block ip 203.0.113.9"});
  CHECK(front.Ask("192.0.2.77") == 200);
  CHECK(front.Ask("192.0.2.1", "zoe") == 200);
  // A key twice, of which HAProxy removes both, but changes only what it walks to.
  front.Say("add map " + front.map("block.map") + " 203.0.113.9 twice");
  Apply(&haproxy, Orders().Release(Block("203.0.113.9")));
  CHECK(Standing(&haproxy) == std::vector<std::string>{"block ip 203.0.113.10"});
  // Emptied behind our back: the next order sees it.
  front.Say("clear map " + front.map("block.map"));
  Apply(&haproxy, Orders().Enforce(Block("203.0.113.10")));
  CHECK(front.Ask("203.0.113.10") == 403);
}

TEST_CASE("ten thousand stand and go, most of them at once", "[haproxy]") {
  const Front front;
  HaproxyRuntime haproxy(front.options());
  const auto address = [](int i) { return Concat("10.", i / 65536, ".", i / 256 % 256, ".", i % 256); };
  Orders all;
  for (int i = 0; i < 10'000; ++i) all.Enforce(Block(address(i)));
  Apply(&haproxy, all);
  CHECK(Standing(&haproxy).size() == 10'000);
  CHECK(front.Ask(address(0)) == 403);
  CHECK(front.Ask(address(9'999)) == 403);
  // A few: one by one. Very many: the map is built anew, and changes at once.
  Apply(&haproxy, Orders().Release(Block(address(9'999))));
  CHECK(front.Ask(address(9'999)) == 200);
  CHECK(front.Say("show map").find("curr_ver=0 next_ver=0 entry_cnt=9999") != std::string::npos);
  Orders half;
  for (int i = 0; i < 10'000; i += 2) half.Release(Block(address(i)));
  for (int i = 20'000; i < 20'100; ++i) half.Enforce(Block(address(i)));
  Apply(&haproxy, half);
  CHECK(Standing(&haproxy).size() == 4'999 + 100);
  CHECK(front.Say("show map").find("curr_ver=1 next_ver=1 entry_cnt=5099") != std::string::npos);
  CHECK(front.Ask(address(0)) == 200);
  CHECK(front.Ask(address(1)) == 403);
  CHECK(front.Ask(address(20'099)) == 403);
}

TEST_CASE("a stick table holds single addresses, and the map networks", "[haproxy]") {
  const Front front;
  HaproxyOptions options = front.options();
  options.tables = {{Action::kBlock, "banned", "gpc0"}};
  REQUIRE(CheckHaproxyOptions(options).ok());
  HaproxyRuntime haproxy(options);
  Apply(
      &haproxy,
      Orders().Enforce(Block("203.0.113.9")).Enforce(Block("2001:db8::7")).Enforce(Block("198.51.100.0/24")));
  CHECK(front.Ask("203.0.113.9") == 403);
  CHECK(front.Ask("2001:db8::7") == 403);
  CHECK(front.Ask("198.51.100.1") == 403);
  CHECK(front.Ask("203.0.113.10") == 200);
  CHECK(Standing(&haproxy) == std::vector<std::string>{"block ip 2001:db8::7", "block ip 203.0.113.9",
                                                       "block range 198.51.100.0/24"});
  CHECK(front.Say("show map " + front.map("block.map")).find("203.0.113.9") == std::string::npos);
  Apply(&haproxy,
        Orders().Release(Block("203.0.113.9")).Release(Block("2001:db8::7")).Release(Block("192.0.2.1")));
  CHECK(front.Ask("203.0.113.9") == 200);
  CHECK(Standing(&haproxy) == std::vector<std::string>{"block range 198.51.100.0/24"});

  options.tables = {{Action::kBlock, "v4", "gpc0"}};
  HaproxyRuntime only_v4(options);
  const absl::Status status =
      only_v4.Apply(Orders().Enforce(Block("2001:db8::7")).Enforce(Block("203.0.113.9")), kOrdersNowMs);
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(FromAbsl(status.message()).find("type ipv6") != std::string_view::npos);
  CHECK(front.Say("show table v4 data.gpc0 gt 0").find("key=203.0.113.9 ") != std::string::npos);
}

TEST_CASE("what HAProxy's configuration lacks is said", "[haproxy]") {
  const Front front;
  const auto fails = [&](const HaproxyOptions& options, absl::StatusCode code, std::string_view about) {
    HaproxyRuntime haproxy(options);
    for (const absl::Status& status : {haproxy.Apply(Orders().Enforce(Block("203.0.113.9")), kOrdersNowMs),
                                       haproxy.List(kOrdersNowMs).status()}) {
      INFO(status.ToString());
      CHECK(status.code() == code);
      CHECK(FromAbsl(status.message()).find(about) != std::string_view::npos);
    }
  };
  HaproxyOptions options = front.options();
  options.maps[0].map = "/nowhere.map";
  fails(options, absl::StatusCode::kFailedPrecondition, "/nowhere.map");
  options = front.options();
  options.tables = {{Action::kBlock, "nowhere", "gpc0"}};
  fails(options, absl::StatusCode::kFailedPrecondition, "nowhere");
  options = front.options();
  options.socket = front.socket("gone");
  fails(options, absl::StatusCode::kUnavailable, "stats socket");
}

// Listens on a unix socket and does with the connection what it is told to.
class StrangeSocket {
 public:
  StrangeSocket(const std::string& path, std::function<void(int)> serve) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    REQUIRE(bind(socket_.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(socket_.fd(), 8) == 0);
    thread_ = std::thread([this, serve = std::move(serve)] {
      const int fd = accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      serve(fd);
      close(fd);
    });
  }
  ~StrangeSocket() {
    shutdown(socket_.fd(), SHUT_RDWR);
    thread_.join();
  }

 private:
  Socket socket_ = Socket(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  std::thread thread_;
};

TEST_CASE("a socket that hangs, floods, lies or cuts off costs the call its time and no more", "[haproxy]") {
  const TemporaryFolder folder;
  HaproxyOptions options;
  options.socket = {"", 0, folder / "s"};
  options.maps = {{Action::kBlock, Holds::kAddresses, "/b.map"}};
  options.answer_time = absl::Milliseconds(300);
  options.call_time = absl::Seconds(1);
  const auto code = [&](std::function<void(int)> serve) {
    const StrangeSocket strange(folder / "s", std::move(serve));
    HaproxyRuntime haproxy(options);
    const absl::Status status = haproxy.Apply(Orders().Enforce(Block("203.0.113.9")), kOrdersNowMs);
    unlink((folder / "s").c_str());
    return status.code();
  };
  const auto say = [](int fd, std::string_view text) {
    return send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  };
  CHECK(code([](int fd) {
          char byte;
          while (recv(fd, &byte, 1, 0) > 0) continue;
        }) == absl::StatusCode::kDeadlineExceeded);
  CHECK(code([&](int fd) {
          while (say(fd, "0x1 1.2.3.4 x\n") > 0) continue;
        }) == absl::StatusCode::kDeadlineExceeded);
  CHECK(code([](int) {}) == absl::StatusCode::kUnavailable);
  CHECK(code([&](int fd) { say(fd, "220 mail.example ESMTP\r\n"); }) == absl::StatusCode::kUnavailable);
  CHECK(code([&](int fd) { say(fd, "\n\n"); }) == absl::StatusCode::kUnavailable);
  CHECK(code([&](int fd) { say(fd, "Pid: 1\n\n0 (/b.map) cut"); }) == absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace stockade
