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
  explicit Judge(CertificateVerifierOptions options = {}) {
    options.anchor_files = {ThePki().pem_file("root")};
    auto verifier = CertificateVerifier::Create(options);
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
    return std::string(Name(Judged(Judging::kFinal, connection, now_s).status));
  }
  CertificateJudgement Judged(Judging judging, const CertificateEvidence& connection = {},
                              int64_t now_s = kNow) {
    return JudgeCertificates(*verifier_, connection, endpoint, claim, judging, absl::FromUnixSeconds(now_s),
                             &memory);
  }
  uint64_t shown(From from) const { return memory.shown[static_cast<size_t>(from)]; }
  uint64_t faults(Fault fault) const { return memory.faults[static_cast<size_t>(fault)]; }

  EndpointSettings endpoint;
  LoginClaim claim;
  CertificateMemory memory;

 private:
  std::unique_ptr<CertificateVerifier> verifier_;
};

// Of whose certificates a responder of the root and of the intermediate may be asked.
class AskingJudge : public Judge {
 public:
  explicit AskingJudge(RevocationUnknown policy) : AskingJudge(policy, std::make_shared<OcspMemory>()) {}

  void Say(OcspStatus status, const std::string& name, const std::string& issuer) {
    const auto certificate = Read(name), authority = Read(issuer);
    const auto key = OcspMemory::KeyOf(certificate.get(), authority.get());
    REQUIRE(key.has_value());
    answers->Put(*key, {status, status == OcspStatus::kGood ? "" : "revoked", kNow, kNow + 1000}, kNow);
  }

  const std::shared_ptr<OcspMemory> answers;

 private:
  AskingJudge(RevocationUnknown policy, const std::shared_ptr<OcspMemory>& answers_in)
      : Judge(Options(policy, answers_in)), answers(answers_in) {}
  static OwnedX509 Read(const std::string& name) {
    const std::string der = ThePki().Der(name);
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    return OwnedX509(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
  }
  static CertificateVerifierOptions Options(RevocationUnknown policy,
                                            const std::shared_ptr<OcspMemory>& answers_in) {
    CertificateVerifierOptions options;
    options.path.revocation_unknown = policy;
    options.ocsp =
        OcspSources{answers_in, {{"CN=Root,O=Stockade", "http://a/"}, {"CN=Inter,O=Stockade", "http://b/"}}};
    return options;
  }
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

TEST_CASE("a login that waits for responders is judged twice and counted, and its signature used, once",
          "[certificate]") {
  AskingJudge judge(RevocationUnknown::kAccept);
  judge.Sign("alice");
  const CertificateJudgement first = judge.Judged(Judging::kMayAsk);
  CHECK(first.ask.size() == 2);
  CHECK(judge.memory.nonces.size() == 0);
  CHECK(judge.shown(From::kSigned) == 0);
  CHECK(judge.memory.accepted_unknown == 0);
  // The same login, sent again while the first waits.
  CHECK(judge.Judged(Judging::kMayAsk).ask.size() == 2);
  judge.Say(OcspStatus::kGood, "alice", "inter");
  judge.Say(OcspStatus::kGood, "inter", "root");
  CHECK(Name(judge.Judged(Judging::kFinal).status) == "valid");
  CHECK(judge.memory.accepted_unknown == 0);
  CHECK(judge.shown(From::kSigned) == 1);
  CHECK(Name(judge.Judged(Judging::kFinal).status) == "replayed");
  CHECK(judge.faults(Fault::kReplayed) == 1);

  // Where there is nothing to ask, one judgement is all.
  judge.Sign("alice", "another-nonce");
  CHECK(Name(judge.Judged(Judging::kMayAsk).status) == "valid");
  CHECK(judge.memory.nonces.size() == 2);
}

TEST_CASE("nobody answered: the policy says, and what it accepts is counted", "[certificate]") {
  AskingJudge accepting(RevocationUnknown::kAccept);
  accepting.Sign("alice");
  const CertificateJudgement accepted = accepting.Judged(Judging::kFinal);
  CHECK(Name(accepted.status) == "valid");
  CHECK(accepted.ask.empty());
  CHECK(accepting.memory.accepted_unknown == 1);
  CHECK(accepting.memory.nonces.size() == 1);
  // Whoever passes the challenge comes again, with a new signature.
  AskingJudge challenging(RevocationUnknown::kChallenge);
  challenging.Sign("alice");
  CHECK(challenging.Judged(Judging::kMayAsk).ask.size() == 2);
  CHECK(challenging.Ask() == "unconfirmed");
  CHECK(challenging.memory.nonces.size() == 1);
  CHECK(challenging.memory.accepted_unknown == 0);
  CHECK(challenging.Ask() == "replayed");
  challenging.claim.account = "bob";
  challenging.Sign("alice", "another-nonce");
  CHECK(challenging.Ask() == "mismatch");
  AskingJudge refusing(RevocationUnknown::kRefuse);
  refusing.Sign("alice");
  CHECK(refusing.Ask() == "revocation_unknown");
  CHECK(refusing.memory.nonces.size() == 0);
  refusing.Say(OcspStatus::kRevoked, "alice", "inter");
  CHECK(refusing.Ask() == "revoked");
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
