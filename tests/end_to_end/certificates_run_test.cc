// stockade run and the certificates it knows: whoever was good before a restart, a reload or a new revocation list is
// verified anew before he comes again; and what a login shows is judged for whoever asks over /v1/assess.
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

#include "tests/adapters/certificate/signatures.h"
#include "tests/adapters/gateway/child_process.h"
#include "tests/adapters/gateway/service_scene.h"
#include "tests/adapters/loopback.h"

namespace stockade {
namespace {

class KnownScene {
 public:
  KnownScene() : service_(FreePort()), admin_(FreePort()) {
    RequireProgram("openssl");
    const std::string from = "20200101000000Z", until = "20990101000000Z";
    pki_.Make("root", {"/CN=Root", "root", "root", from, until});
    pki_.Make("alice", {"/CN=alice", "root", "client", from, until});
    pki_.Make("bob", {"/CN=bob", "root", "client", from, until});
    List({});
    pki_.folder().Write("rules.yml",
                        "title: t\nid: 5d0c2a52-2f4e-4f5b-9f0e-2d8f9a6f0a01\nname: failed\n"
                        "logsource: {category: authentication}\ndetection:\n"
                        "  failure: {event.outcome: failure}\n  condition: failure\n");
    pki_.folder().Write(
        "stockade.yaml",
        Concat("detectors: off\nmode: protect\nrules: [rules.yml]\ncertificates: required\nmemory: "
               "64MiB\ngateway:\n",
               "  service: {address: \"127.0.0.1:", service_, "\"}\n  admin: {address: \"127.0.0.1:", admin_,
               "\"}\n  certificates: {anchors: root.pem, crls: [root.crl], known: known, threads: 2}\n",
               "  endpoints:\n    - path: /login\n      account: user\n      password: pass\n"
               "      outcomes: [{status: 302, outcome: success}]\n"));
    Start();
  }

  void Start() {
    gate_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{STOCKADE_PROGRAM, "run", "-c", pki_.folder() / "stockade.yaml"},
        pki_.folder() / "output");
    REQUIRE(WaitUntil([&] { return gate_->Output().find("Ctrl-C stops it") != std::string::npos; }));
  }
  void Stop() {
    gate_->Signal(SIGTERM);
    REQUIRE(gate_->Wait() == 0);
  }
  void Reload() {
    gate_->Signal(SIGHUP);
    REQUIRE(WaitUntil([&] { return gate_->Output().find("reloaded: ") != std::string::npos; }));
  }
  void List(const std::vector<std::string>& revoked) {
    pki_.MakeCrl("new.crl", "root", revoked, "20200101000000Z", "20990101000000Z");
    std::filesystem::rename(pki_.folder() / "new.crl", pki_.folder() / "root.crl");
  }
  // What /v1/assess says of a login that shows this.
  std::string Assess(const std::string& account, const std::string& shown) const {
    const std::string body =
        Concat("{\"user.name\":\"", account, "\",\"source.ip\":\"203.0.113.9\",", shown, "}");
    TestClient client(service_);
    client.Send(Concat("POST /v1/assess HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ",
                       body.size(), "\r\n\r\n", body));
    return client.ReadAll();
  }
  std::string Handshake(const std::string& name) const {
    return Concat("\"tls.client.certificate\":\"", EncodeBase64(pki_.Der(name)), "\"");
  }
  std::string Signature(const std::string& name, const std::string& nonce) const {
    const std::string time = std::to_string(absl::ToUnixSeconds(absl::Now()));
    return Concat("\"login.signature\":\"",
                  EncodeBase64(SignText(pki_, name, Concat(name, "\n", time, "\n", nonce))),
                  "\",\"login.timestamp\":", time, ",\"login.nonce\":\"", nonce, "\"");
  }
  bool Says(const std::string& metric) const {
    TestClient client(admin_);
    client.Send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return client.ReadAll().find(metric + "\n") != std::string::npos;
  }
  std::string known_file() const { return pki_.folder() / "known"; }
  std::string Output() const { return gate_->Output(); }

 private:
  Pki pki_;
  const uint16_t service_, admin_;
  std::unique_ptr<ChildProcess> gate_;
};

TEST_CASE("who was good before a restart or a new list is known before he comes again", "[run]") {
  KnownScene scene;
  CHECK_THAT(scene.Assess("alice", scene.Handshake("alice")), Catch::Contains("\"certificate\":\"valid\""));
  CHECK_THAT(scene.Assess("bob", scene.Handshake("bob")), Catch::Contains("\"certificate\":\"valid\""));
  CHECK(scene.Says("stockade_certificate_cache_total{result=\"miss\"} 2"));
  scene.Stop();
  CHECK(std::filesystem::exists(scene.known_file()));

  scene.Start();
  CHECK(WaitUntil([&] { return scene.Says("stockade_certificates_warmed_total{result=\"good\"} 2"); }));
  CHECK_THAT(scene.Assess("alice", scene.Handshake("alice")), Catch::Contains("\"certificate\":\"valid\""));
  CHECK(scene.Says("stockade_certificate_cache_total{result=\"hit\"} 1"));
  CHECK(scene.Says("stockade_certificate_cache_total{result=\"miss\"} 0"));

  scene.List({"bob"});
  scene.Reload();
  CHECK(WaitUntil([&] { return scene.Says("stockade_certificates_warmed_total{result=\"bad\"} 1"); }));
  CHECK(WaitUntil([&] { return scene.Says("stockade_certificates_warmed_total{result=\"good\"} 3"); }));
  CHECK_THAT(scene.Assess("bob", scene.Handshake("bob")),
             Catch::Contains("\"verdict\":\"deny\"") && Catch::Contains("\"certificate\":\"revoked\""));
  CHECK_THAT(scene.Assess("alice", scene.Handshake("alice")), Catch::Contains("\"certificate\":\"valid\""));
  CHECK(scene.Says("stockade_certificates_known 1"));
}

TEST_CASE("a signature that is handed to assess is good once", "[run]") {
  KnownScene scene;
  const std::string shown = scene.Signature("alice", "n-12345678");
  CHECK_THAT(scene.Assess("alice", shown),
             Catch::Contains("\"verdict\":\"allow\"") && Catch::Contains("\"certificate\":\"valid\""));
  CHECK_THAT(scene.Assess("alice", shown), Catch::Contains("\"certificate\":\"replayed\""));
  CHECK_THAT(scene.Assess("bob", scene.Signature("alice", "n-23456789")),
             Catch::Contains("\"certificate\":\"bad_signature\""));
}

TEST_CASE("a known file that is damaged is said and costs nothing else", "[run]") {
  KnownScene scene;
  scene.Stop();
  std::ofstream(scene.known_file()) << "no certificates";
  scene.Start();
  CHECK_THAT(scene.Output(), Catch::Contains("gateway.certificates.known"));
  CHECK_THAT(scene.Assess("alice", scene.Handshake("alice")), Catch::Contains("\"certificate\":\"valid\""));
}

}  // namespace
}  // namespace stockade
