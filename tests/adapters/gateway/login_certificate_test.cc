// Logins with certificates of several kinds, judged: which kind counts, what contradicts, that a signature is good once
// and only for who is valid, and what is counted. Signatures are the openssl program's.
#include "adapters/gateway/login_certificate.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <memory>

#include "absl/time/clock.h"
#include "adapters/gateway/certificate_judge.h"
#include "adapters/gateway/certificate_warming.h"
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
    Pki::Wish renewed{"/CN=alice", "inter"};
    renewed.key_of = "alice";
    pki->Make("renewed", renewed);
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
    ShownCertificate shown(connection, endpoint, claim, absl::FromUnixSeconds(now_s));
    const CertificateStatus status = shown.Look(*verifier_, absl::FromUnixSeconds(now_s), &memory).status;
    shown.Count(status, &memory);
    return std::string(Name(status));
  }
  // The login as it waits.
  ShownCertificate Shown() const { return {{}, endpoint, claim, absl::FromUnixSeconds(kNow)}; }
  CertificateVerdict Look(ShownCertificate* shown) {
    return shown->Look(*verifier_, absl::FromUnixSeconds(kNow), &memory);
  }
  // What is said without a signature being checked.
  std::string AtOnce(const CertificateEvidence& connection = {}) {
    const auto status =
        JudgeAtOnce(*verifier_, connection, endpoint, claim, absl::FromUnixSeconds(kNow), &memory);
    return status ? std::string(Name(*status)) : "";
  }
  std::shared_ptr<const CertificateVerifier> verifier() const { return verifier_; }
  uint64_t shown(From from) const { return memory.shown[static_cast<size_t>(from)]; }
  uint64_t faults(Fault fault) const { return memory.faults[static_cast<size_t>(fault)]; }

  EndpointSettings endpoint;
  LoginClaim claim;
  CertificateMemory memory;

 private:
  std::shared_ptr<const CertificateVerifier> verifier_;
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

TEST_CASE("a signature is used up under every certificate of its key", "[certificate]") {
  Judge judge;
  judge.Sign("alice");
  CHECK(judge.Ask() == "valid");
  // The signer's name in a signature is not signed: the same login comes again under the renewed certificate.
  judge.Sign("renewed");
  CHECK(judge.Ask() == "replayed");
  judge.Sign("renewed", "another-nonce");
  CHECK(judge.Ask() == "valid");
  judge.Sign("alice", "another-nonce");
  CHECK(judge.Ask() == "replayed");
  // As well where the connection shows the certificate.
  judge.Sign("renewed", "nonce-for-tls");
  CHECK(judge.Ask(Connection(From::kTls, "renewed")) == "valid");
  judge.Sign("alice", "nonce-for-tls");
  CHECK(judge.Ask() == "replayed");
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

TEST_CASE("a login that waits for responders is looked at twice and counted, and its signature used, once",
          "[certificate]") {
  AskingJudge judge(RevocationUnknown::kAccept);
  judge.Sign("alice");
  ShownCertificate login = judge.Shown();
  CHECK(judge.Look(&login).ask.size() == 2);
  CHECK(judge.shown(From::kSigned) == 0);
  // The same login, sent again while the first waits.
  CHECK(judge.Ask() == "replayed");
  judge.Say(OcspStatus::kGood, "alice", "inter");
  judge.Say(OcspStatus::kGood, "inter", "root");
  const CertificateVerdict last = judge.Look(&login);
  CHECK(Name(last.status) == "valid");
  CHECK(last.ask.empty());
  login.Count(last.status, &judge.memory);
  CHECK(judge.memory.accepted_unknown == 0);
  CHECK(judge.shown(From::kSigned) == 1);
  CHECK(judge.memory.nonces.size() == 1);
  CHECK(judge.Ask() == "replayed");

  // Where there is nothing to ask, one look is all.
  judge.Sign("alice", "another-nonce");
  CHECK(judge.Ask() == "valid");
  CHECK(judge.memory.nonces.size() == 2);
}

TEST_CASE("nobody answered: the policy says, and what it accepts is counted", "[certificate]") {
  AskingJudge accepting(RevocationUnknown::kAccept);
  accepting.Sign("alice");
  CHECK(accepting.Ask() == "valid");
  CHECK(accepting.memory.accepted_unknown == 1);
  CHECK(accepting.memory.nonces.size() == 1);
  CHECK(accepting.Ask() == "replayed");
  CHECK(accepting.memory.accepted_unknown == 1);
  // Whoever passes the challenge comes again, with a new signature.
  AskingJudge challenging(RevocationUnknown::kChallenge);
  challenging.Sign("alice");
  CHECK(challenging.Ask() == "unconfirmed");
  CHECK(challenging.memory.nonces.size() == 1);
  CHECK(challenging.memory.accepted_unknown == 0);
  CHECK(challenging.Ask() == "replayed");
  challenging.claim.account = "bob";
  challenging.Sign("alice", "another-nonce");
  CHECK(challenging.Ask() == "mismatch");
  AskingJudge refusing(RevocationUnknown::kRefuse);
  refusing.Sign("alice");
  ShownCertificate login = refusing.Shown();
  CHECK(refusing.Look(&login).ask.size() == 2);
  CHECK(refusing.Ask() == "revocation_unknown");
  CHECK(refusing.memory.nonces.size() == 0);
  refusing.Say(OcspStatus::kRevoked, "alice", "inter");
  CHECK(Name(refusing.Look(&login).status) == "revoked");
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

TEST_CASE("what takes no signature is said at once: nothing, what cannot be read, and who was good before",
          "[certificate]") {
  Judge judge;
  const CertificateEvidence alice = [] {
    CertificateEvidence evidence = Connection(From::kTls, "alice");
    evidence.chain_der = {ThePki().Der("inter")};
    return evidence;
  }();
  CHECK(judge.AtOnce() == "missing");
  CHECK(judge.AtOnce(Faulty(Fault::kUnreadable)) == "malformed");
  CHECK(judge.AtOnce(alice).empty());
  CHECK(judge.AtOnce(alice).empty());  // asking makes nobody known
  CHECK(judge.memory.cache_misses == 2);
  CHECK(judge.memory.known.size() == 0);
  CHECK(judge.Ask(alice) == "valid");
  CHECK(judge.memory.known.size() == 1);
  CHECK(judge.AtOnce(alice) == "valid");
  CHECK(judge.memory.cache_hits == 1);
  judge.claim.account = "bob";
  CHECK(judge.AtOnce(alice) == "mismatch");
  judge.claim.account = "alice";
  CHECK(judge.shown(From::kTls) == 3);

  // A bad one is never known, and a signature is always checked.
  CHECK(judge.Ask(Connection(From::kTls, "stranger")) == "untrusted");
  CHECK(judge.AtOnce(Connection(From::kTls, "stranger")).empty());
  judge.Sign("alice");
  CHECK(judge.AtOnce(alice).empty());
  CHECK(judge.memory.known.size() == 1);
}

TEST_CASE("a login that is looked at again uses its signature once, and counts once", "[certificate]") {
  Judge judge;
  judge.Sign("alice");
  const absl::Time now = absl::FromUnixSeconds(kNow);
  ShownCertificate shown({}, judge.endpoint, judge.claim, now);
  CHECK(shown.Look(*judge.verifier(), now, &judge.memory).status == CertificateStatus::kValid);
  // By then the signature would be stale, had it come now.
  CHECK(shown.Look(*judge.verifier(), now + absl::Minutes(3), &judge.memory).status ==
        CertificateStatus::kValid);
  CHECK(judge.memory.nonces.size() == 1);
  CHECK(judge.shown(From::kSigned) == 0);
  shown.Count(CertificateStatus::kValid, &judge.memory);
  CHECK(judge.shown(From::kSigned) == 1);
  ShownCertificate copy({}, judge.endpoint, judge.claim, now);
  CHECK(copy.Look(*judge.verifier(), now, &judge.memory).status == CertificateStatus::kReplayed);
  CHECK(copy.Look(*judge.verifier(), now, &judge.memory).status == CertificateStatus::kReplayed);
}

TEST_CASE("who was good once is verified anew before he asks, and again when the lists change",
          "[certificate]") {
  Pki pki;
  pki.Make("root", {"/CN=Root", "root", "root"});
  pki.Make("alice", {"/CN=alice", "root"});
  pki.Make("bob", {"/CN=bob", "root"});
  pki.Make("old", {"/CN=old", "root", "client", "20230101000000Z", "20240101000000Z"});
  const auto list = [&](const std::vector<std::string>& revoked) {
    pki.MakeCrl("root.crl", "root", revoked, "20240101000000Z", "20250101000000Z");
    CrlSetOptions options;
    options.paths = {pki.folder() / "root.crl"};
    auto set = CrlSet::Load(options);
    REQUIRE(set->problems().empty());
    return set;
  };
  const auto crls = std::make_shared<CurrentCrls>(list({}));
  CertificateMemory memory;
  const auto evidence = [&](const std::string& name) {
    CertificateEvidence shown;
    shown.from = From::kTls;
    shown.leaf_der = pki.Der(name);
    return shown;
  };
  for (const char* name : {"old", "bob", "alice"}) memory.known.Note(evidence(name));

  // As after a start: a verifier that knows nobody.
  CertificateVerifierOptions options;
  options.anchor_files = {pki.pem_file("root")};
  options.crls = crls;
  auto made = CertificateVerifier::Create(options);
  REQUIRE(made.ok());
  const std::shared_ptr<const CertificateVerifier> verifier = *std::move(made);
  const absl::Time now = absl::FromUnixSeconds(kNow);
  const auto known = [&](const std::string& name) {
    const auto verdict = verifier->VerifyKnown(evidence(name), name, now);
    return verdict ? std::string(Name(verdict->status)) : "";
  };
  const auto warm = [&] {
    const std::function<bool()> step = WarmingStep(verifier, &memory, [now] { return now; });
    int steps = 1;
    while (step()) ++steps;
    return steps;
  };
  CHECK(known("alice").empty());
  CHECK(warm() == 3);
  CHECK(known("alice") == "valid");
  CHECK(known("bob") == "valid");
  CHECK(memory.warmed == 2);
  CHECK(memory.warmed_bad == 1);
  CHECK(memory.known.size() == 2);  // who has expired is forgotten

  crls->Put(list({"bob"}));
  CHECK(known("alice").empty());
  CHECK(warm() == 2);
  CHECK(known("alice") == "valid");
  CHECK(known("bob").empty());
  CHECK(memory.known.size() == 1);
  CHECK(warm() == 1);
  memory.known.Forget(memory.known.All().front());
  CHECK_FALSE(WarmingStep(verifier, &memory, [now] { return now; })());
}

TEST_CASE("where more can be asked the login is looked at again with the answer, and counted once",
          "[certificate]") {
  Judge judge;
  judge.Sign("alice");
  judge.claim.signature->timestamp = std::to_string(absl::ToUnixSeconds(absl::Now()));
  judge.claim.signature->text = Concat("alice\n", judge.claim.signature->timestamp, "\nn-12345678");
  judge.claim.signature->signature = EncodeBase64(
      SignText(ThePki(), "alice", judge.claim.signature->text, {"-certfile", ThePki().pem_file("inter")}));
  std::promise<std::function<void()>> asked;
  std::promise<CertificateStatus> done;
  std::atomic<int> questions{0};
  CertificateQueue queue({}, HashKey{1, 2});
  const CertificateJudge through(
      &queue, &judge.memory,
      [&](const CertificateVerdict& verdict) -> std::function<void(std::function<void()>)> {
        if (verdict.status != CertificateStatus::kExpired || ++questions > 1) return nullptr;
        return [&](std::function<void()> then) { asked.set_value(std::move(then)); };
      });
  const CertificateFinding finding =
      through.Find(judge.verifier(), {}, judge.endpoint, judge.claim, Address::V4(0xC0000201U));
  REQUIRE(finding.later);
  finding.later([&](CertificateStatus judged) { done.set_value(judged); });
  const std::function<void()> then = asked.get_future().get();
  CHECK(queue.figures().asking == 1);
  CHECK(judge.shown(From::kSigned) == 0);
  then();
  const CertificateStatus status = done.get_future().get();
  CHECK(status == CertificateStatus::kExpired);  // today is not a day of this certificate's
  CHECK(questions == 2);
  CHECK(judge.shown(From::kSigned) == 1);
}

}  // namespace
}  // namespace stockade
