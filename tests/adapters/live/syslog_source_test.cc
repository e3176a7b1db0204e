// Syslog as real programs send it: logger over UDP and TCP, both framings; openssl over TLS with and without a certificate;
// nginx and HAProxy with their access logs. And who may not send, and what does not fit.
#include "adapters/live/syslog_source.h"

#include "tests/adapters/live/live_scene.h"
#include "tests/adapters/loopback.h"
#include "tests/adapters/programs.h"

namespace stockade {
namespace {

std::unique_ptr<SyslogSource> OpenSyslog(SyslogOptions options) {
  options.at.host = "127.0.0.1";
  auto source = SyslogSource::Open(std::move(options));
  INFO(source.status());
  REQUIRE(source.ok());
  return *std::move(source);
}
SyslogOptions Options(SyslogTransport transport, const std::string& format) {
  SyslogOptions options;
  options.transport = transport;
  options.reading.format = format;
  return options;
}
void Shell(const std::string& command) {
  INFO(command);
  REQUIRE(std::system(command.c_str()) == 0);
}

TEST_CASE("logger is heard over UDP and TCP, old and new, counted and by lines", "[syslog][real]") {
  RequireProgram("logger");
  const auto transport = GENERATE(SyslogTransport::kUdp, SyslogTransport::kTcp);
  const bool is_udp = transport == SyslogTransport::kUdp;
  LiveTaker taker;
  const auto source = OpenSyslog(Options(transport, "sshd"));
  REQUIRE(source->Start(&taker.queue()).ok());
  const std::string base = "logger --id=4711 --tag sshd -p auth.info --server 127.0.0.1 --port " +
                           std::to_string(source->port()) + (is_udp ? " --udp" : " --tcp");
  const std::string said = " 'Failed password for %s from 192.0.2.7 port 22 ssh2'";
  const auto say = [&](const std::string& options, const std::string& account) {
    std::string text = said;
    text.replace(text.find("%s"), 2, account);
    Shell(base + options + text);
  };
  say(" --rfc3164", "one");
  CHECK(taker.Until(1) == std::vector<std::string>{"one"});
  say(" --rfc5424", "two");
  CHECK(taker.Until(2).back() == "two");
  if (!is_udp) say(" --octet-count", "three");
  if (!is_udp) CHECK(taker.Until(3).back() == "three");
  source->Stop();
  CHECK(source->counters().records == (is_udp ? 2 : 3));
  CHECK(source->counters().unreadable == 0);
}

TEST_CASE("who is not on the list is not heard, and what is too long costs itself", "[syslog]") {
  LiveTaker taker;
  SyslogOptions options = Options(SyslogTransport::kTcp, "ndjson");
  options.allow = {*Prefix::Parse("127.0.0.1")};
  options.message_bytes = 1000;
  const auto source = OpenSyslog(options);
  REQUIRE(source->Start(&taker.queue()).ok());
  const std::string to = "TCP:127.0.0.1:" + std::to_string(source->port());
  if (FindProgram("socat").empty()) return;
  const LiveFolder folder;
  AppendTo(folder / "lines", LoginLine("0") + std::string(5000, 'x') + "\n" + LoginLine("1"));
  Shell("socat -u OPEN:" + (folder / "lines") + " " + to);
  CHECK(taker.Until(2) == Numbers(0, 2));
  // Another address of loopback: turned away before a byte is read.
  Shell("socat -u OPEN:" + (folder / "lines") + " " + to + ",bind=127.0.0.2 2>" + (folder / "err") +
        " || true");
  AppendTo(folder / "more", LoginLine("2"));
  Shell("socat -u OPEN:" + (folder / "more") + " " + to);
  CHECK(taker.Until(3) == Numbers(0, 3));
  source->Stop();
  CHECK(source->counters().refused == 1);
  CHECK(source->counters().unreadable == 1);
}

TEST_CASE("datagrams that find no room are dropped and counted; connections wait", "[syslog]") {
  LiveQueue queue;  // nobody takes
  const auto source = OpenSyslog(Options(SyslogTransport::kUdp, "ndjson"));
  REQUIRE(source->Start(&queue).ok());
  Socket socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in to = Loopback(source->port());
  const std::string line = LoginLine("x");
  const auto deadline = TestClock::now() + kTestDeadline;
  while (source->counters().dropped == 0 && TestClock::now() < deadline)
    REQUIRE(sendto(socket.fd(), line.data(), line.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                   sizeof to) > 0);
  CHECK(source->counters().dropped > 0);
  CHECK(queue.records() <= LiveQueue::kRecordsMax);
  source->Stop();
  const LiveCounters counters = source->counters();
  CHECK(counters.received == counters.records + counters.dropped);

  LiveTaker taker;
  const auto waiting = OpenSyslog(Options(SyslogTransport::kTcp, "ndjson"));
  REQUIRE(waiting->Start(&taker.queue()).ok());
  if (FindProgram("socat").empty()) return;
  const LiveFolder folder;
  constexpr int kMany = 40'000;
  AppendTo(folder / "lines", LoginLines(0, kMany));
  std::system(
      ("socat -u OPEN:" + (folder / "lines") + " TCP:127.0.0.1:" + std::to_string(waiting->port()) + " &")
          .c_str());
  CHECK(taker.Until(kMany) == Numbers(0, kMany));
  CHECK(waiting->counters().dropped == 0);
}

TEST_CASE("over TLS only who shows a certificate of ours is heard", "[syslog][real]") {
  RequireProgram("openssl");
  const LiveFolder folder;
  const auto make = [&](const std::string& name, const std::string& signer) {
    Shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" + name +
          " -keyout " + (folder / (name + ".key")) + " -out " + (folder / (name + ".pem")) +
          (signer.empty()
               ? ""
               : " -CA " + (folder / (signer + ".pem")) + " -CAkey " + (folder / (signer + ".key"))) +
          " 2>/dev/null");
  };
  make("ca", "");
  make("other", "");
  // Leaves: req -x509 makes authorities by default, which may sign themselves in a chain of one.
  make("sender", "ca");
  SyslogOptions options = Options(SyslogTransport::kTls, "ndjson");
  options.certificate_file = folder / "other.pem";
  options.key_file = folder / "other.key";
  options.client_ca_file = folder / "ca.pem";
  LiveTaker taker;
  const auto source = OpenSyslog(options);
  REQUIRE(source->Start(&taker.queue()).ok());
  const std::string line = LoginLine("0");
  const std::string counted = std::to_string(line.size()) + " " + line;
  AppendTo(folder / "frames", counted + counted);
  const auto send = [&](const std::string& with) {
    // s_client reads on until the other side answers or its input ends.
    static_cast<void>(std::system(
        ("openssl s_client -quiet -no_ign_eof -connect 127.0.0.1:" + std::to_string(source->port()) + with +
         " < " + (folder / "frames") + " > /dev/null 2>&1")
            .c_str()));
  };
  send("");
  send(" -cert " + (folder / "other.pem") + " -key " + (folder / "other.key"));
  send(" -cert " + (folder / "sender.pem") + " -key " + (folder / "sender.key"));
  CHECK(taker.Until(2) == std::vector<std::string>{"0", "0"});
  // Who was heard once may resume, in both versions.
  size_t heard = 2;
  for (const std::string version : {" -tls1_2", " -tls1_3"}) {
    const std::string as = version + " -cert " + (folder / "sender.pem") + " -key " + (folder / "sender.key");
    for (const std::string session : {" -sess_out ", " -sess_in "}) {
      send(as + session + (folder / "session"));
      heard += 2;
      CHECK(taker.Until(heard).size() == heard);
    }
  }
  source->Stop();
  CHECK(source->counters().records == heard);
  CHECK(source->counters().refused == 2);
}

TEST_CASE("what cannot be listened on is said with its name", "[syslog]") {
  SyslogOptions options = Options(SyslogTransport::kTcp, "csv");
  options.at.host = "127.0.0.1";
  CHECK_FALSE(SyslogSource::Open(options).ok());
  options.reading.format = "ndjson";
  options.at.host = "192.0.2.1";
  const auto source = SyslogSource::Open(options);
  REQUIRE_FALSE(source.ok());
  CHECK(source.status().message().find("syslog tcp://192.0.2.1") != std::string::npos);
}

}  // namespace
}  // namespace stockade
