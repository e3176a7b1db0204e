// Real nginx as a front that ends TLS and forwards the client's certificate: what curl showed is what is read from its
// fields, and the verifier's answer follows; what curl writes into those fields itself does not come through.
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
    RequireProgram("nginx");
    RequireProgram("curl");
    auto pki = std::make_unique<Pki>();
    // nginx judges by its own clock, so these are good for long.
    const std::string from = "20200101000000Z", until = "20990101000000Z";
    pki->Make("root", {"/O=Stockade/CN=Root", "root", "root", from, until});
    pki->Make("server", {"/CN=localhost", "root", "server", from, until});
    pki->Make("alice", {"/O=Bank/CN=alice", "root", "client", from, until});
    pki->Make("self_signed", {"/CN=alice", "self_signed", "client", from, until});
    return pki;
  }();
  return *made;
}

class Front {
 public:
  // `verify`: the lines that say how nginx judges.
  explicit Front(const std::string& verify) {
    const Pki& pki = ThePki();
    for (int attempt = 0; attempt < 10 && program_ == nullptr; ++attempt) {
      port_ = FreePort();
      std::string temporary;
      for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
        Append(&temporary, "  ", std::string_view(kind), "_temp_path ", folder_ / kind, ";\n");
      const std::string config = folder_.Write(
          "nginx.conf",
          Concat("daemon off;\nmaster_process off;\npid ", folder_ / "pid", ";\nerror_log ",
                 folder_ / "error.log", ";\nevents {}\nhttp {\n  access_log off;\n", temporary,
                 "  server {\n    listen 127.0.0.1:", port_, " ssl;\n    ssl_certificate ",
                 pki.pem_file("server"), ";\n    ssl_certificate_key ", pki.key_file("server"), ";\n", verify,
                 "    location / {\n      proxy_pass http://127.0.0.1:", behind_.port(),
                 ";\n      proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert;\n",
                 "      proxy_set_header X-SSL-Client-Verify $ssl_client_verify;\n    }\n  }\n}\n"));
      auto started = std::make_unique<StartedProgram>(
          std::vector<std::string>{"nginx", "-e", folder_ / "error.log", "-p", folder_.path(), "-c", config});
      if (ComesToAnswer(port_)) program_ = std::move(started);
    }
    INFO(ReadWholeFile(folder_ / "error.log"));
    REQUIRE(program_ != nullptr);
  }

  // The evidence of one request by curl with this certificate (empty: none).
  CertificateEvidence Ask(const std::string& leaf) {
    std::vector<std::string> curl = {"curl", "-s", "-S", "-k", "--noproxy", "*", "--max-time", "20",
                                     // What a client writes into the fields itself.
                                     "-H", "X-SSL-Client-Cert: forged", "-H", "X-SSL-Client-Verify: SUCCESS"};
    if (!leaf.empty())
      curl.insert(curl.end(), {"--cert", ThePki().pem_file(leaf), "--key", ThePki().key_file(leaf)});
    curl.push_back(Concat("https://127.0.0.1:", port_, "/"));
    return ForwardedEvidence(curl, &behind_, CertificateForm::kNginx);
  }

 private:
  TemporaryFolder folder_;
  Listener behind_;
  uint16_t port_ = 0;
  std::unique_ptr<StartedProgram> program_;
};

TEST_CASE("what curl shows to nginx is the evidence, and nothing that it claims", "[certificate]") {
  const auto verifier = CertificateVerifier::Create({{ThePki().pem_file("root")}, "cn", ""});
  REQUIRE(verifier.ok());
  const absl::Time now = absl::FromUnixSeconds(1714953600);  // 2024-05-06
  struct Case {
    const char* leaf;
    CertificateStatus status;
  };
  const Case cases[] = {{"", CertificateStatus::kMissing},
                        {"alice", CertificateStatus::kValid},
                        {"self_signed", CertificateStatus::kUntrusted}};
  SECTION("nginx takes any certificate and leaves the judgement to us") {
    Front front("    ssl_verify_client optional_no_ca;\n");
    for (const Case& c : cases) {
      INFO(c.leaf);
      const CertificateEvidence evidence = front.Ask(c.leaf);
      if (*c.leaf != '\0') CHECK(evidence.leaf_der == ThePki().Der(c.leaf));
      const CertificateVerdict verdict = (*verifier)->Verify(evidence, "alice", now);
      INFO(verdict.explanation);
      CHECK(Name(verdict.status) == Name(c.status));
    }
  }
  SECTION("nginx judges too") {
    Front front(Concat("    ssl_verify_client optional_no_ca;\n    ssl_client_certificate ",
                       ThePki().pem_file("root"), ";\n"));
    for (const Case& c : cases) {
      INFO(c.leaf);
      CHECK(Name((*verifier)->Verify(front.Ask(c.leaf), "alice", now).status) == Name(c.status));
    }
  }
}

}  // namespace
}  // namespace stockade
