// stockade run with signed logins required, the openssl program for the customer: who reaches the application is who signed
// this very login with a key of the listed issuer, once, over a reload too; fields about certificates that a client wrote
// never get there.
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <mutex>

#include "tests/adapters/certificate/ocsp_scene.h"
#include "tests/adapters/certificate/signatures.h"
#include "tests/adapters/gateway/child_process.h"
#include "tests/adapters/gateway/service_scene.h"
#include "tests/adapters/loopback.h"

namespace stockade {
namespace {

// `certificates`: further keys of the section, behind a comma.
class SignedScene {
 public:
  explicit SignedScene(std::string certificates = "") : certificates_(std::move(certificates)) {
    RequireProgram("openssl");
    const std::string from = "20200101000000Z", until = "20990101000000Z";
    pki_.Make("root", {"/CN=Root", "root", "root", from, until});
    pki_.Make("alice", {"/CN=alice", "root", "client", from, until});
    pki_.Make("bob", {"/CN=bob", "root", "client", from, until});
    pki_.Make("stranger", {"/CN=alice", "stranger", "client", from, until});
    HttpServiceOptions options;
    options.at.host = "127.0.0.1";
    const auto application = [this](const ServiceRequest& request) -> ServiceReply {
      const std::lock_guard lock(mutex_);
      ++reached_;
      for (const HeaderField& field : request.head.fields) fields_ += Concat(field.name, "\n");
      return {302, {{"Location", "/home"}}, ""};
    };
    auto started = HttpService::Start(options, application);
    REQUIRE(started.ok());
    application_ = std::move(*started);
    port_ = FreePort();
    List({});
    Write("2m");
    gate_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{STOCKADE_PROGRAM, "run", "-c", pki_.folder() / "stockade.yaml"},
        pki_.folder() / "output");
    REQUIRE(WaitUntil([&] { return gate_->Output().find("Ctrl-C stops it") != std::string::npos; }));
  }

  void Write(const std::string& within) const {
    pki_.folder().Write("rules.yml",
                        "title: t\nid: 5d0c2a52-2f4e-4f5b-9f0e-2d8f9a6f0a01\nname: failed\n"
                        "logsource: {category: authentication}\ndetection:\n"
                        "  failure: {event.outcome: failure}\n  condition: failure\n");
    pki_.folder().Write(
        "stockade.yaml",
        Concat("detectors: off\nmode: protect\nrules: [rules.yml]\ncertificates: required\nmemory: "
               "64MiB\ngateway:\n",
               "  listen: [\"127.0.0.1:", port_, "\"]\n  upstreams: [\"127.0.0.1:", application_->port(),
               "\"]\n  certificates: {anchors: root.pem, from_header: envoy", certificates_,
               "}\n  endpoints:\n    - path: /login\n"
               "      account: user\n      password: pass\n"
               "      signature: {value: sig, timestamp: ts, nonce: nonce, within: ",
               within, "}\n      outcomes: [{status: 302, outcome: success}]\n"));
  }

  struct Attempt {
    std::string signer = "alice", account = "alice", typed = "alice", nonce = "n-12345678";
    int64_t age_s = 0;
  };
  std::string Body(const Attempt& attempt) const {
    const std::string time = std::to_string(absl::ToUnixSeconds(absl::Now()) - attempt.age_s);
    const std::string text = Concat(attempt.account, "\n", time, "\n", attempt.nonce);
    return Concat("user=", attempt.typed, "&pass=right&ts=", time, "&nonce=", attempt.nonce,
                  "&sig=", EncodeBase64(SignText(pki_, attempt.signer, text), 0, true));
  }
  std::string Post(const std::string& body, const std::string& fields = "") const {
    TestClient client(port_);
    client.Send(Concat("POST /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", fields,
                       "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ", body.size(),
                       "\r\n\r\n", body));
    return client.ReadAll().substr(9, 3);
  }
  void Reload() {
    ++reloads_;
    gate_->Signal(SIGHUP);
    REQUIRE(WaitUntil([&] { return Count(gate_->Output(), "reloaded: ") == reloads_; }));
  }
  // The authority's list, of these certificates.
  void List(const std::vector<std::string>& revoked) {
    pki_.MakeCrl("new.crl", "root", revoked, "20200101000000Z", "20990101000000Z");
    std::filesystem::rename(pki_.folder() / "new.crl", pki_.folder() / "root.crl");
  }
  // What the authority's responder says, by `openssl ocsp`: alice is good, bob is revoked. `request`: as it came, with its
  // head.
  std::string AnswerOf(const std::string& request) const {
    const auto line = [this](const char* status, const std::string& name) {
      return Concat(status, "\t", pki_.serial(name), "\tunknown\t/CN=", name, "\n");
    };
    const TemporaryFolder folder;
    const std::string response = folder / "response";
    RunProgram({"openssl", "ocsp", "-index",
                folder.Write("index", line("V\t990101000000Z\t", "alice") +
                                          line("R\t990101000000Z\t240201000000Z", "bob")),
                "-CA", pki_.pem_file("root"), "-rsigner", pki_.pem_file("root"), "-rkey",
                pki_.key_file("root"), "-ndays", "1", "-reqin",
                folder.Write("request", request.substr(request.find("\r\n\r\n") + 4)), "-respout", response});
    return HttpAnswer(ReadWholeFile(response));
  }
  void SpoilList() const { pki_.folder().Write("root.crl", "no list\n"); }
  std::string Output() const { return gate_->Output(); }
  int reached() const {
    const std::lock_guard lock(mutex_);
    return reached_;
  }
  std::string fields() const {
    const std::lock_guard lock(mutex_);
    return fields_;
  }

 private:
  Pki pki_;
  static size_t Count(const std::string& text, const std::string& part) {
    size_t count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
  }

  const std::string certificates_;
  size_t reloads_ = 0;
  mutable std::mutex mutex_;
  int reached_ = 0;
  std::string fields_;
  std::unique_ptr<HttpService> application_;
  uint16_t port_ = 0;
  std::unique_ptr<ChildProcess> gate_;
};

TEST_CASE("only who signed this very login reaches the application, and once", "[run]") {
  SignedScene scene;
  using Attempt = SignedScene::Attempt;
  const std::string good = scene.Body({});
  CHECK(scene.Post(good) == "302");
  CHECK(scene.reached() == 1);

  CHECK(scene.Post(good) == "403");  // a copy
  CHECK(scene.Post("user=alice&pass=right") == "403");
  CHECK(scene.Post(scene.Body(Attempt{"stranger", "alice", "alice", "n-stranger"})) == "403");
  CHECK(scene.Post(scene.Body(Attempt{"bob", "alice", "alice", "n-of-bob-1"})) == "403");
  CHECK(scene.Post(scene.Body(Attempt{"alice", "alice", "bob", "n-to-bob-1"})) == "403");
  CHECK(scene.Post(scene.Body(Attempt{"alice", "alice", "alice", "n-too-old-1", 125})) == "403");
  CHECK(scene.Post(scene.Body(Attempt{"alice", "alice", "alice", "n-ahead-12", -125})) == "403");
  CHECK(scene.Post(scene.Body(Attempt{"alice", "alice", "alice", "short"})) == "403");
  CHECK(scene.reached() == 1);

  // A reload takes new settings and forgets no signature.
  scene.Write("3m");
  scene.Reload();
  CHECK(scene.Post(good) == "403");
  CHECK(scene.reached() == 1);
  CHECK(scene.Post(scene.Body(Attempt{"bob", "bob", "bob", "n-of-bob-2"})) == "302");
  CHECK(scene.reached() == 2);

  // What a client writes of certificates itself is neither believed nor passed on.
  const std::string forged = "X-Forwarded-Client-Cert: Cert=\"x\"\r\nX-SSL-Client-DER: MAMCAQE=\r\n";
  CHECK(scene.Post("user=alice&pass=right", forged) == "403");
  CHECK(scene.Post(scene.Body(Attempt{"alice", "alice", "alice", "n-forging"}), forged) == "302");
  CHECK(scene.reached() == 3);
  CHECK(scene.fields().find("lient-") == std::string::npos);
}

TEST_CASE("a list that is replaced under a running gate revokes; one that cannot be read vouches for nobody",
          "[run]") {
  SignedScene scene(", crls: [root.crl]");
  using Attempt = SignedScene::Attempt;
  CHECK(scene.Post(scene.Body(Attempt{"alice", "alice", "alice", "n-before-1"})) == "302");

  scene.List({"alice"});
  scene.Reload();
  CHECK(scene.Post(scene.Body(Attempt{"alice", "alice", "alice", "n-after-12"})) == "403");
  CHECK(scene.Post(scene.Body(Attempt{"bob", "bob", "bob", "n-of-bob-1"})) == "302");
  CHECK(scene.reached() == 2);

  scene.SpoilList();
  scene.Reload();
  CHECK(scene.Output().find("revocation list ") != std::string::npos);
  CHECK(scene.Post(scene.Body(Attempt{"bob", "bob", "bob", "n-of-bob-2"})) == "403");
  CHECK(scene.reached() == 2);

  scene.List({});
  scene.Reload();
  CHECK(scene.Post(scene.Body(Attempt{"bob", "bob", "bob", "n-of-bob-3"})) == "302");
}

TEST_CASE("a responder is asked once about each certificate, over a reload too, and who it revokes stays out",
          "[run]") {
  const SignedScene* running = nullptr;
  const ScriptedResponder responder(
      [&running](const std::string& request) { return std::optional(running->AnswerOf(request)); });
  SignedScene scene(Concat(", ocsp: {responders: {CN=Root: '", responder.url(), "'}, time: 30s}, wait: 30s"));
  running = &scene;
  using Attempt = SignedScene::Attempt;
  int logins = 0;
  const auto post = [&](const std::string& name) {
    return scene.Post(scene.Body(Attempt{name, name, name, Concat("n-of-login-", ++logins)}));
  };
  // Each waits for the answer.
  CHECK(post("alice") == "302");
  CHECK(responder.requests() == 1);
  CHECK(post("bob") == "403");
  CHECK(responder.requests() == 2);
  CHECK(post("bob") == "403");
  scene.Write("3m");
  scene.Reload();
  CHECK(post("alice") == "302");
  CHECK(post("bob") == "403");
  CHECK(responder.requests() == 2);
}

}  // namespace
}  // namespace stockade
