// JA3 and JA4 of logins, by curl and openssl as they are: of the handshake with us, the same as of the bytes that the very
// same command sends to a bare socket; of a listed proxy's fields, and of nobody else's.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>

#include "adapters/client_hello/client_fingerprint.h"
#include "adapters/client_hello/hello_reader.h"
#include "engine/text.h"
#include "tests/adapters/gateway/proxy_scene.h"
#include "tests/adapters/programs.h"

namespace stockade {
namespace {

constexpr char kJa3[] = "0123456789abcdef0123456789abcdef";
constexpr char kJa4[] = "t13d1516h2_8daaf6152771_e5627efa2ab1";

std::string Shell(const std::string& command) {
  return RunProgram({"sh", "-c", command}).second;
}

bool HasPrograms() {
  if (!FindProgram("openssl").empty() && !FindProgram("curl").empty()) return true;
  WARN("skipped: the programs openssl and curl are not both installed");
  return false;
}

// What a command sends first, read off a socket that answers nothing.
std::string PrintOnBareSocket(const std::function<std::string(uint16_t)>& command) {
  std::mutex mutex;
  std::string print = "- -";
  RawUpstream bare([&](Wire& wire) {
    HelloReader reader;
    wire.ReadUntil([&](std::string_view bytes) {
      reader.Reset();
      return reader.Read(bytes) != HelloState::kMore;
    });
    const std::lock_guard lock(mutex);
    if (reader.state() == HelloState::kHello) {
      const ClientFingerprint read = FingerprintOf(reader.hello(), HelloTransport::kTcp);
      print = read.ja3 + " " + read.ja4;
    }
  });
  Shell(command(bare.port()));
  const std::lock_guard lock(mutex);
  return print;
}

struct TlsScene {
  TlsScene() {
    Shell(
        Concat("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
               "/CN=gate.example -addext subjectAltName=DNS:gate.example -keyout ",
               folder / "key.pem", " -out ", folder / "chain.pem"));
  }
  void Serve(GatewaySettings* settings) const {
    TlsSettings tls;
    tls.certificate_file = folder / "chain.pem";
    tls.key_file = folder / "key.pem";
    settings->listeners[0].tls = tls;
  }

  TemporaryFolder folder;
  RawUpstream upstream{[](const std::string&) { return Ok("in", "X-Outcome: success\r\n"); }};
};

TEST_CASE("a login over our own TLS bears the JA3 and JA4 of its client's hello", "[proxy][tls]") {
  if (!HasPrograms()) return;
  TlsScene tls;
  Scene scene(tls.upstream.port(), [&](GatewaySettings* s) { tls.Serve(s); });
  const auto curl = [&](const std::string& more) {
    return [&, more](uint16_t port) {
      return Concat("curl -sS --max-time 20 -k ", more, " --resolve gate.example:", port,
                    ":127.0.0.1 -d alice:x https://gate.example:", port, "/login");
    };
  };
  const std::vector<std::function<std::string(uint16_t)>> commands = {
      curl(""), curl("--http1.1"), curl("--tls-max 1.2"),
      curl("--ciphers ECDHE-ECDSA-AES128-GCM-SHA256 --curves P-256"),
      // Of a group that we do not take a share: its client is asked for a second hello.
      curl("--curves ffdhe2048:P-256")};
  std::vector<std::string> expected;
  for (const auto& command : commands) {
    expected.push_back(PrintOnBareSocket(command));
    CAPTURE(command(0));
    CHECK(Shell(command(scene.proxy->port(0))) == "in");
  }
  CHECK(scene.desk.fingerprints() == expected);
  CHECK(std::set<std::string>(expected.begin(), expected.end()).size() == expected.size());
  for (const std::string& print : expected) CHECK(print.find(" t1") == kJa3Bytes);
  CHECK(expected[0].find("t13d") != std::string::npos);
  CHECK(expected[2].find("t12d") != std::string::npos);

  const std::string by_openssl =
      PrintOnBareSocket([](uint16_t port) { return Concat("openssl s_client -connect 127.0.0.1:", port); });
  Shell(
      Concat("printf 'POST /login HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\nContent-Length: "
             "7\\r\\n\\r\\nalice:x' | "
             "timeout 20 openssl s_client -quiet -ign_eof -connect 127.0.0.1:",
             scene.proxy->port(0)));
  REQUIRE(scene.desk.fingerprints().size() == expected.size() + 1);
  CHECK(scene.desk.fingerprints().back() == by_openssl);
}

TEST_CASE("what a stranger writes of his fingerprint is not believed, and does not go on", "[proxy][tls]") {
  TlsScene tls;
  Scene scene(tls.upstream.port(), [&](GatewaySettings* s) {
    s->tls_fingerprint = {"x-ja3", "x-ja4"};
    s->trusted_proxies.clear();
  });
  Wire client = scene.Connect();
  client.Send(Concat("POST /login HTTP/1.1\r\nHost: a\r\nX-JA3: ", kJa3, "\r\nX-JA4: ", kJa4,
                     "\r\nContent-Length: 7\r\n\r\nalice:x"));
  CHECK(client.ReadAnswer().starts_with("HTTP/1.1 200"));
  CHECK(scene.desk.fingerprints() == std::vector<std::string>{"- -"});
  CHECK(tls.upstream.requests()[0].find("JA4") == std::string::npos);
}

TEST_CASE("a listed proxy says whose TLS it ended, and its own is nobody's", "[proxy][tls]") {
  if (!HasPrograms()) return;
  TlsScene tls;
  Scene scene(tls.upstream.port(), [&](GatewaySettings* s) {
    tls.Serve(s);
    s->tls_fingerprint = {"x-ja3", "x-ja4"};
    s->trusted_proxies = {*Prefix::Parse("127.0.0.0/8")};
  });
  const auto login = [&](const std::string& fields) {
    return Shell(Concat("curl -sS --max-time 20 -k ", fields,
                        " -d alice:x https://127.0.0.1:", scene.proxy->port(0), "/login"));
  };
  CHECK(login(Concat("-H 'X-JA3: ", kJa3, "' -H 'X-JA4: ", kJa4, "'")) == "in");
  CHECK(login("") == "in");
  CHECK(login("-H 'X-JA4: chrome'") == "in");
  CHECK(login(Concat("-H 'X-JA4: ", kJa4, "' -H 'x-ja4: ", kJa4, "'")) == "in");
  CHECK(scene.desk.fingerprints() == std::vector<std::string>{Concat(kJa3, " ", kJa4), "- -", "- -", "- -"});
  CHECK(tls.upstream.requests()[0].find(kJa4) != std::string::npos);
}

}  // namespace
}  // namespace stockade
