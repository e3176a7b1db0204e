// Real HAProxy as a front that ends TLS and forwards the client's certificate: what curl showed, with the intermediates
// it sent, is what is read from its fields; what curl writes into those fields itself does not come through.
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "adapters/certificate/verifier.h"
#include "engine/text.h"
#include "tests/adapters/certificate/forwarded_evidence.h"
#include "tests/adapters/certificate/pki.h"

namespace stockade {
namespace {

const Pki& ThePki() {
  static const std::unique_ptr<const Pki> made = [] {
    RequireProgram("openssl");
    RequireProgram("haproxy");
    RequireProgram("curl");
    auto pki = std::make_unique<Pki>();
    // HAProxy judges by its own clock, so these are good for long.
    const std::string from = "20200101000000Z", until = "20990101000000Z";
    pki->Make("root", {"/O=Stockade/CN=Root", "root", "root", from, until});
    pki->Make("server", {"/CN=localhost", "root", "server", from, until});
    pki->Make("alice", {"/O=Bank/CN=alice", "root", "client", from, until});
    pki->Make("inter", {"/O=Stockade/CN=Inter", "root", "root", from, until});
    pki->Make("by_inter", {"/O=Bank/CN=alice", "inter", "client", from, until});
    pki->Make("expired", {"/O=Bank/CN=alice", "root", "client", from, "20240601000000Z"});
    pki->Make("self_signed", {"/CN=alice", "self_signed", "client", from, until});
    return pki;
  }();
  return *made;
}

class Front {
 public:
  Front() {
    const Pki& pki = ThePki();
    const std::string own = folder_.Write(
        "server.pem", ReadWholeFile(pki.pem_file("server")) + ReadWholeFile(pki.key_file("server")));
    for (int attempt = 0; attempt < 10 && program_ == nullptr; ++attempt) {
      port_ = FreePort();
      const std::string config = folder_.Write(
          "haproxy.cfg",
          Concat("global\n  stats socket ", folder_ / "stats", "\ndefaults\n  mode http\n",
                 "  timeout connect 20s\n  timeout client 20s\n  timeout server 20s\nfrontend f\n",
                 "  bind 127.0.0.1:", port_, " ssl crt ", own, " ca-file ", pki.pem_file("root"),
                 " verify optional crt-ignore-err all ca-ignore-err all\n",
                 "  http-request set-header X-SSL-Client-DER %[ssl_c_der,base64]\n",
                 "  http-request set-header X-SSL-Client-Chain-DER %[ssl_c_chain_der,base64]\n",
                 "  http-request set-header X-SSL-Client-Verify %[ssl_c_verify]\n",
                 "  http-request set-header X-SSL-Client-Used %[ssl_c_used]\n",
                 "  default_backend b\nbackend b\n  server s 127.0.0.1:", behind_.port(), "\n"));
      auto started =
          std::make_unique<StartedProgram>(std::vector<std::string>{"haproxy", "-db", "-f", config});
      if (ComesToAnswer(port_)) program_ = std::move(started);
    }
    REQUIRE(program_ != nullptr);
  }

  // The evidence of one request by curl with this certificate (empty: none).
  CertificateEvidence Ask(const std::string& leaf) {
    std::vector<std::string> curl = {"curl", "-s", "-S", "-k", "--noproxy", "*", "--max-time", "20",
                                     // What a client writes into the fields itself.
                                     "-H", "X-SSL-Client-DER: MAMCAQE=", "-H", "X-SSL-Client-Used: 1", "-H",
                                     "X-SSL-Client-Chain-DER: MAMCAQE="};
    if (!leaf.empty()) {
      std::string shown = ReadWholeFile(ThePki().pem_file(leaf));
      if (leaf == "by_inter") shown += ReadWholeFile(ThePki().pem_file("inter"));
      curl.insert(curl.end(),
                  {"--cert", folder_.Write("shown.pem", shown), "--key", ThePki().key_file(leaf)});
    }
    curl.push_back(Concat("https://127.0.0.1:", port_, "/"));
    return ForwardedEvidence(curl, &behind_, CertificateForm::kHaproxy);
  }

 private:
  TemporaryFolder folder_;
  Listener behind_;
  uint16_t port_ = 0;
  std::unique_ptr<StartedProgram> program_;
};

TEST_CASE("what curl shows to HAProxy is the evidence, and nothing that it claims", "[certificate]") {
  const auto verifier = CertificateVerifier::Create({{ThePki().pem_file("root")}, "cn", ""});
  REQUIRE(verifier.ok());
  const absl::Time now = absl::FromUnixSeconds(1714953600);  // 2024-05-06
  struct Case {
    const char* leaf;
    CertificateStatus status;
  };
  const Case cases[] = {{"", CertificateStatus::kMissing},
                        {"alice", CertificateStatus::kValid},
                        {"by_inter", CertificateStatus::kValid},
                        {"self_signed", CertificateStatus::kUntrusted}};
  Front front;
  for (const Case& c : cases) {
    INFO(c.leaf);
    const CertificateEvidence evidence = front.Ask(c.leaf);
    if (*c.leaf != '\0') CHECK(evidence.leaf_der == ThePki().Der(c.leaf));
    if (c.leaf == std::string("by_inter"))
      CHECK(evidence.chain_der == std::vector<std::string>{ThePki().Der("inter")});
    const CertificateVerdict verdict = (*verifier)->Verify(evidence, "alice", now);
    INFO(verdict.explanation);
    CHECK(Name(verdict.status) == Name(c.status));
  }
  // HAProxy's own anchor has expired for it: it says so, and that stands.
  const CertificateEvidence expired = front.Ask("expired");
  CHECK(expired.leaf_der == ThePki().Der("expired"));
  CHECK(expired.refused_by_front == "certificate has expired");
}

}  // namespace
}  // namespace stockade
