// A certificate in a captured request is judged as the sidecar judges it in the same request: both are sent, and captured, with
// the header of a proxy, listed and not listed.
#include <catch2/catch.hpp>
#include <csignal>
#include <map>

#include "absl/time/clock.h"
#include "adapters/http/http_service.h"
#include "adapters/source/record.h"
#include "tests/adapters/capture/made_capture.h"
#include "tests/adapters/certificate/signatures.h"
#include "tests/adapters/gateway/child_process.h"
#include "tests/adapters/gateway/service_scene.h"
#include "tests/adapters/loopback.h"
#include "tools/stockade/capture_reading.h"

namespace stockade {
namespace {

const std::string kAnswer = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n";

std::string Login(const std::string& account, const std::string& fields) {
  const std::string body = Concat("user=", account, "&pass=secret");
  return Concat("POST /login HTTP/1.1\r\nHost: broker.example\r\n", fields,
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ", body.size(),
                "\r\n\r\n", body);
}

// The requests by their accounts.
std::map<std::string, std::string> Logins(const Pki& pki) {
  const auto shows = [&pki](const std::string& name) {
    return Concat("Client-Cert: :", EncodeBase64(pki.Der(name)), ":\r\n");
  };
  return {{"alice", Login("alice", shows("alice"))},
          {"bob", Login("bob", shows("alice"))},  // another's
          {"carol", Login("carol", shows("carol"))},
          {"dave", Login("dave", shows("dave"))},
          {"erin", Login("erin", shows("erin"))},
          {"frank", Login("frank", "Client-Cert: :no certificate:\r\n")},
          {"grace", Login("grace", shows("alice") + shows("grace"))},
          {"heidi", Login("heidi", "")}};
}

// What the sidecar says in its record, by account.
std::map<std::string, std::string> AtTheGate(const Pki& pki, uint16_t port,
                                             const std::map<std::string, std::string>& logins) {
  ChildProcess gate(
      {STOCKADE_PROGRAM, "run", "-c", pki.folder() / "stockade.yaml", "--record", pki.folder() / "record"},
      pki.folder() / "output");
  REQUIRE(WaitUntil([&] { return gate.Output().find("Ctrl-C stops it") != std::string::npos; }));
  for (const auto& [account, request] : logins) {
    TestClient client(port);
    client.Send(request);
    CHECK(client.ReadUntil("\r\n\r\n").starts_with("HTTP/1.1 302"));
  }
  gate.Signal(SIGTERM);
  REQUIRE(gate.Wait() == 0);
  std::map<std::string, std::string> statuses;
  FieldTable fields;
  SourceOptions options;
  options.fields = &fields;
  auto lines = ByteReader::Open(pki.folder() / "record");
  REQUIRE(lines.ok());
  auto record = MakeRecordSource(*std::move(lines), options);
  REQUIRE(record.ok());
  Batch batch;
  while (*(*record)->Read(&batch))
    for (const Record& one : batch.records)  // the record says when it began, too
      if (one.event.attempt.has_account())
        statuses[std::string(one.event.attempt.account)] = Name(one.event.attempt.certificate);
  return statuses;
}

// The same of a capture of the same requests, from the same client.
std::map<std::string, std::string> FromTheWire(const Pki& pki,
                                               const std::map<std::string, std::string>& logins) {
  MadeCapture made;
  uint16_t client_port = 40000;
  for (const auto& [account, request] : logins)
    made.Connection(0x7f000001, ++client_port, 80, absl::ToUnixMillis(absl::Now()), {{request, kAnswer}});
  const auto config = LoadConfig(pki.folder() / "stockade.yaml");
  REQUIRE(config.ok());
  const auto reading = CaptureReadingOf(*config);
  REQUIRE(reading.ok());
  auto bytes = ByteReader::OverText(made.bytes(), "capture");
  REQUIRE(bytes.ok());
  auto capture = MakeCaptureSource(*std::move(bytes), SourceOptions(), *reading);
  REQUIRE(capture.ok());
  std::map<std::string, std::string> statuses;
  Batch batch;
  while (*(*capture)->Read(&batch))
    for (const Record& one : batch.records)
      statuses[std::string(one.event.attempt.account)] = Name(one.event.attempt.certificate);
  return statuses;
}

TEST_CASE("a certificate that a proxy forwards is to a capture what it is to the sidecar", "[run][capture]") {
  RequireProgram("openssl");
  Pki pki;
  const std::string from = "20200101000000Z", until = "20990101000000Z";
  pki.Make("root", {"/CN=Root", "root", "root", from, until});
  pki.Make("alice", {"/CN=alice", "root", "client", from, until});
  pki.Make("carol", {"/CN=carol", "root", "client", from, "20210101000000Z"});
  pki.Make("dave", {"/CN=dave", "dave", "client", from, until});
  pki.Make("erin", {"/CN=erin", "root", "client", from, until});
  pki.Make("grace", {"/CN=grace", "root", "client", from, until});
  pki.MakeCrl("root.crl", "root", {"erin"}, from, until);
  HttpServiceOptions options;
  options.at.host = "127.0.0.1";
  auto application = HttpService::Start(options, [](const ServiceRequest&) {
    return ServiceReply{302, {}, ""};
  });
  REQUIRE(application.ok());
  const std::map<std::string, std::string> logins = Logins(pki);

  for (const bool is_listed : {true, false}) {
    CAPTURE(is_listed);
    const uint16_t port = FreePort();
    pki.folder().Write(
        "stockade.yaml",
        Concat("mode: observe\ndetectors: off\nmemory: 64MiB\ngateway:\n  trusted_proxies: [",
               is_listed ? "127.0.0.1" : "192.0.2.1", "]\n  listen: [{address: \"127.0.0.1:", port,
               "\"}]\n  upstreams: [\"127.0.0.1:", (*application)->port(),
               "\"]\n  certificates: {anchors: root.pem, crls: [root.crl], from_header: rfc9440}\n"
               "  endpoints:\n    - {path: /login, account: user, password: pass, outcomes: [{status: 302, "
               "outcome: "
               "success}]}\n"));
    const std::map<std::string, std::string> gate = AtTheGate(pki, port, logins);
    CHECK(FromTheWire(pki, logins) == gate);
    REQUIRE(gate.size() == logins.size());
    if (is_listed) {
      CHECK(gate.at("alice") == "valid");
      CHECK(gate.at("bob") == "mismatch");
      CHECK(gate.at("carol") == "expired");
      CHECK(gate.at("dave") == "untrusted");
      CHECK(gate.at("erin") == "revoked");
      CHECK(gate.at("frank") == "malformed");
      CHECK(gate.at("grace") == "malformed");
      CHECK(gate.at("heidi") == "missing");
    } else {
      for (const auto& [account, status] : gate) CHECK(status == "missing");
    }
  }
}

}  // namespace
}  // namespace stockade
