// Logins with certificates of several kinds, judged: which kind counts, what contradicts, that a signature is good once
// and only for who is valid, and what is counted. Signatures are the openssl program's.
#include "adapters/gateway/login_certificate.h"

#include <catch2/catch.hpp>
#include <memory>

#include "engine/text.h"
#include "tests/adapters/certificate/signatures.h"

namespace stockade {
namespace {

using From = CertificateEvidence::From;
using Fault = CertificateEvidence::Fault;

constexpr int64_t kNow = 1714953600;  // 2024-05-06

const Pki& ThePki() {
  static const std::unique_ptr<const Pki> made = [] {
    RequireProgram("openssl");
    auto pki = std::make_unique<Pki>();
    pki->Make("root", {"/O=Stockade/CN=Root", "root", "root"});
    pki->Make("inter", {"/O=Stockade/CN=Inter", "root", "root"});
    pki->Make("alice", {"/CN=alice", "inter"});
    pki->Make("bob", {"/CN=bob", "inter"});
    pki->Make("stranger", {"/CN=alice", "stranger"});
    return pki;
  }();
  return *made;
}

CertificateEvidence Connection(From from, const std::string& name) {
  CertificateEvidence evidence;
  evidence.from = from;
  evidence.leaf_der = ThePki().Der(name);
  return evidence;
}

class Judge {
 public:
  Judge() {
    auto verifier = CertificateVerifier::Create({{ThePki().pem_file("root")}, "cn", ""});
    REQUIRE(verifier.ok());
    verifier_ = *std::move(verifier);
    endpoint.signature.emplace();
    endpoint.bare_certificate = {{ValueSource::From::kBody, "cert"}};
    claim.has_account = true;
    claim.account = "alice";
  }

  void Sign(const std::string& signer, const std::string& nonce = "n-12345678") {
    SignedLogin& login = claim.signature.emplace();
    login.timestamp = std::to_string(kNow);
    login.nonce = nonce;
    login.text = Concat("alice\n", kNow, "\n", nonce);
    login.signature =
        EncodeBase64(SignText(ThePki(), signer, login.text, {"-certfile", ThePki().pem_file("inter")}));
  }
  void ShowBare(const std::string& name) { claim.bare_certificate = EncodeBase64(ThePki().Der(name)); }

  std::string Ask(const CertificateEvidence& connection = {}, int64_t now_s = kNow) {
    return std::string(Name(
        JudgeCertificates(*verifier_, connection, endpoint, claim, absl::FromUnixSeconds(now_s), &memory)));
  }
  uint64_t shown(From from) const { return memory.shown[static_cast<size_t>(from)]; }
  uint64_t faults(Fault fault) const { return memory.faults[static_cast<size_t>(fault)]; }

  EndpointSettings endpoint;
  LoginClaim claim;
  CertificateMemory memory;

 private:
  std::unique_ptr<CertificateVerifier> verifier_;
};

TEST_CASE("a signed login is valid once", "[certificate]") {
  Judge judge;
  judge.Sign("alice");
  CHECK(judge.Ask() == "valid");
  CHECK(judge.Ask() == "replayed");
  CHECK(judge.Ask({}, kNow + 120) == "replayed");
  CHECK(judge.faults(Fault::kReplayed) == 2);
  CHECK(judge.Ask({}, kNow + 121) == "stale");
  CHECK(judge.faults(Fault::kStale) == 1);
  judge.Sign("alice", "another-nonce");
  CHECK(judge.Ask() == "valid");
  CHECK(judge.shown(From::kSigned) == 2);
  CHECK(judge.memory.nonces.size() == 2);
}

TEST_CASE("only who is valid is remembered", "[certificate]") {
  Judge judge;
  judge.Sign("stranger");
  CHECK(judge.Ask() == "untrusted");
  CHECK(judge.Ask() == "untrusted");
  judge.Sign("bob");
  CHECK(judge.Ask() == "mismatch");
  CHECK(judge.memory.nonces.size() == 0);
  judge.Sign("alice");
  judge.claim.signature->text += "x";
  CHECK(judge.Ask() == "bad_signature");
  CHECK(judge.faults(Fault::kBadSignature) == 1);
  CHECK(judge.memory.nonces.size() == 0);
}

TEST_CASE("of several kinds the first counts, and all are one certificate", "[certificate]") {
  Judge judge;
  CHECK(judge.Ask() == "missing");
  judge.ShowBare("alice");
  CHECK(judge.Ask() == "untrusted");  // nobody sent the intermediate
  CHECK(judge.shown(From::kBare) == 1);
  judge.Sign("alice");
  CHECK(judge.Ask() == "valid");  // and the signature did
  CHECK(judge.shown(From::kSigned) == 1);
  judge.Sign("alice", "nonce-for-tls");
  CHECK(judge.Ask(Connection(From::kTls, "alice")) == "valid");
  CHECK(judge.shown(From::kTls) == 1);
  CHECK(judge.Ask(Connection(From::kTls, "alice")) == "replayed");  // the signature is a copy all the same
  CHECK(judge.faults(Fault::kReplayed) == 1);

  judge.Sign("alice", "nonce-for-bob");
  CHECK(judge.Ask(Connection(From::kHeader, "bob")) == "malformed");
  judge.claim.signature.reset();
  CHECK(judge.Ask(Connection(From::kHeader, "bob")) == "malformed");
  judge.Sign("bob", "nonce-of-bob");
  CHECK(judge.Ask() == "malformed");
  CHECK(judge.faults(Fault::kContradiction) == 3);
  judge.claim.bare_certificate = "";
  CHECK(judge.Ask(Connection(From::kTls, "alice")) == "malformed");
  judge.claim.signature->fault = Fault::kUnreadable;
  judge.claim.bare_certificate.reset();
  CHECK(judge.Ask(Connection(From::kTls, "alice")) == "malformed");
  CHECK(judge.Ask(Faulty(Fault::kUnreadable)) == "malformed");
}

TEST_CASE("what the endpoint does not ask for is not looked at", "[certificate]") {
  Judge judge;
  judge.Sign("alice");
  judge.ShowBare("alice");
  judge.endpoint.signature.reset();
  judge.endpoint.bare_certificate.clear();
  CHECK_FALSE(ShowsCertificates(judge.endpoint));
  CHECK(judge.Ask() == "missing");
}

}  // namespace
}  // namespace stockade
