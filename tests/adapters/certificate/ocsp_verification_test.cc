// What the lists do not say, responders are asked: what is handed back to be asked, what an answer makes of it, what a login
// brings, and how long all that holds. Nobody is asked here; answers are put into the memory, or made by `openssl ocsp`.
#include <catch2/catch.hpp>
#include <memory>

#include "adapters/certificate/verifier.h"
#include "tests/adapters/certificate/ocsp_scene.h"

namespace stockade {
namespace {

using Status = CertificateStatus;

constexpr int64_t kMayS = 1714953600;  // 2024-05-06
constexpr char kUrl[] = "http://ocsp.example/", kInterUrl[] = "http://inter.example/";

const OcspScene& S() {
  return OcspScene::The();
}

class Gate {
 public:
  explicit Gate(RevocationUnknown policy = RevocationUnknown::kRefuse,
                const std::vector<std::string>& crls = {}, bool from_certificate = false) {
    options.anchor_files = {S().pki.pem_file("root")};
    options.path.revocation_unknown = policy;
    options.ocsp.emplace();
    options.ocsp->memory = memory;
    if (from_certificate) {
      options.ocsp->from_certificate = true;
    } else {
      options.ocsp->responders = {{"CN=Root", kUrl}, {"CN=Inter", kInterUrl}};
    }
    if (!crls.empty()) {
      CrlSetOptions lists;
      lists.paths = crls;
      options.crls = std::make_shared<CurrentCrls>(CrlSet::Load(lists));
    }
  }

  CertificateVerdict Ask(const std::string& name, int64_t now_s = kMayS, const std::string& brought = "") {
    if (verifier == nullptr) {
      auto made = CertificateVerifier::Create(options);
      REQUIRE(made.ok());
      verifier = *std::move(made);
    }
    CertificateEvidence evidence;
    evidence.from = CertificateEvidence::From::kTls;
    evidence.leaf_der = S().Der(name);
    if (name == "erin") evidence.chain_der = {S().Der("inter")};
    evidence.ocsp_der = brought;
    return verifier->Verify(evidence, name, absl::FromUnixSeconds(now_s));
  }
  void Say(OcspStatus status, const std::string& name, int64_t from_s, int64_t until_s,
           const std::string& issuer = "root") {
    memory->Put(S().KeyOf(name, issuer),
                {status, status == OcspStatus::kRevoked ? "revoked at some time" : "", from_s, until_s},
                from_s);
  }

  std::shared_ptr<OcspMemory> memory = std::make_shared<OcspMemory>();
  CertificateVerifierOptions options;
  std::unique_ptr<CertificateVerifier> verifier;
};

TEST_CASE("without lists every certificate below the anchor is a question, and answers settle it",
          "[certificate]") {
  Gate gate;
  const CertificateVerdict open = gate.Ask("erin");
  CHECK(open.status == Status::kRevocationUnknown);
  REQUIRE(open.ask.size() == 2);
  CHECK(open.ask[0].key == S().KeyOf("erin", "inter"));
  CHECK(open.ask[0].url == kInterUrl);
  CHECK(open.ask[0].certificate_der == S().Der("erin"));
  CHECK(open.ask[0].issuer_der == S().Der("inter"));
  CHECK(open.ask[0].about == "CN=erin");
  CHECK(open.ask[1].key == S().KeyOf("inter"));
  CHECK(open.ask[1].url == kUrl);
  CHECK(open.ask[1].issuer_der == S().Der("root"));

  gate.Say(OcspStatus::kGood, "erin", kMayS, kMayS + 100, "inter");
  CHECK(gate.Ask("erin").status == Status::kRevocationUnknown);
  REQUIRE(gate.Ask("erin").ask.size() == 1);
  gate.Say(OcspStatus::kGood, "inter", kMayS, kMayS + 50);
  CHECK(gate.Ask("erin").status == Status::kValid);
  CHECK(gate.Ask("erin").ask.empty());
  CHECK_FALSE(gate.Ask("erin").revocation_unknown.has_value());
  CHECK(gate.verifier->remembered() == 1);
  // Until the first of the answers ends.
  CHECK(gate.Ask("erin", kMayS + 50).status == Status::kValid);
  CHECK(gate.Ask("erin", kMayS + 51).status == Status::kRevocationUnknown);
  CHECK(gate.Ask("erin", kMayS + 51).ask.size() == 1);
  gate.Say(OcspStatus::kRevoked, "inter", kMayS + 51, kMayS + 500);
  const CertificateVerdict revoked = gate.Ask("erin", kMayS + 51);
  CHECK(revoked.status == Status::kRevoked);
  CHECK_THAT(revoked.explanation, Catch::Contains("by CN=Inter") && Catch::Contains("revoked at some time"));
}

TEST_CASE("what was remembered as good ends when a responder says revoked", "[certificate]") {
  Gate gate;
  gate.Say(OcspStatus::kGood, "alice", kMayS, kMayS + 1000);
  gate.Say(OcspStatus::kGood, "bob", kMayS, kMayS + 1000);
  CHECK(gate.Ask("alice").status == Status::kValid);
  CHECK(gate.Ask("bob").status == Status::kValid);
  gate.Say(OcspStatus::kRevoked, "bob", kMayS + 1, kMayS + 10);
  CHECK(gate.Ask("bob", kMayS + 1).status == Status::kRevoked);
  CHECK(gate.Ask("alice", kMayS + 1).status == Status::kValid);
  // Past the answer's time it is still revoked, and asked anew, for it may have been on hold.
  CHECK(gate.Ask("bob", kMayS + 11).status == Status::kRevoked);
  CHECK(gate.Ask("bob", kMayS + 11).ask.size() == 1);
  gate.Say(OcspStatus::kGood, "bob", kMayS + 12, kMayS + 100);
  CHECK(gate.Ask("bob", kMayS + 12).status == Status::kValid);
}

TEST_CASE("lists come first, and only what they leave open is asked", "[certificate]") {
  const std::string none = S().pki.MakeCrl("none.crl", "root", {});
  const std::string alice = S().pki.MakeCrl("alice.crl", "root", {"alice"});
  const std::string stale = S().pki.MakeCrl("stale.crl", "root", {}, "20240301000000Z", "20240401000000Z");
  Gate listed(RevocationUnknown::kRefuse, {none});
  CHECK(listed.Ask("alice").status == Status::kValid);
  CHECK(listed.Ask("alice").ask.empty());
  // The list speaks of those of the root, not of those of the intermediate.
  REQUIRE(listed.Ask("erin").ask.size() == 1);
  CHECK(listed.Ask("erin").ask[0].url == kInterUrl);
  listed.Say(OcspStatus::kGood, "erin", kMayS, kMayS + 100, "inter");
  CHECK(listed.Ask("erin").status == Status::kValid);

  Gate revoked(RevocationUnknown::kRefuse, {alice});
  revoked.Say(OcspStatus::kGood, "alice", kMayS, kMayS + 100);
  CHECK(revoked.Ask("alice").status == Status::kRevoked);
  CHECK(revoked.Ask("alice").ask.empty());

  Gate old(RevocationUnknown::kRefuse, {stale});
  const CertificateVerdict open = old.Ask("bob");
  CHECK(open.status == Status::kRevocationUnknown);
  CHECK_THAT(open.explanation, Catch::Contains("CRL has expired; its responder was not asked yet"));
  REQUIRE(open.ask.size() == 1);
  old.Say(OcspStatus::kGood, "bob", kMayS, kMayS + 100);
  CHECK(old.Ask("bob").status == Status::kValid);
}

TEST_CASE("each policy says what is unknown meanwhile, and nothing accepted so outlives the next answer",
          "[certificate]") {
  CHECK(Gate(RevocationUnknown::kChallenge).Ask("alice").revocation_unknown == RevocationUnknown::kChallenge);
  CHECK(Gate(RevocationUnknown::kChallenge).Ask("alice").status == Status::kUnconfirmed);
  CHECK(Gate(RevocationUnknown::kChallenge).Ask("alice").ask.size() == 1);
  Gate challenging(RevocationUnknown::kChallenge);
  challenging.memory->PutSilence(S().KeyOf("alice"), "silence", kMayS, kMayS + 15);
  CHECK(challenging.Ask("alice").status == Status::kUnconfirmed);
  CHECK(challenging.verifier->remembered() == 1);
  CHECK(challenging.Ask("alice").status == Status::kUnconfirmed);
  CHECK(challenging.Ask("alice").revocation_unknown == RevocationUnknown::kChallenge);
  Gate gate(RevocationUnknown::kAccept);
  const CertificateVerdict accepted = gate.Ask("bob");
  CHECK(accepted.status == Status::kValid);
  CHECK(accepted.revocation_unknown == RevocationUnknown::kAccept);
  CHECK(accepted.ask.size() == 1);
  CHECK_THAT(accepted.explanation, Catch::Contains("revocation unknown"));
  CHECK(gate.verifier->remembered() == 0);
  // Within the same second.
  gate.Say(OcspStatus::kRevoked, "bob", kMayS, kMayS + 100);
  CHECK(gate.Ask("bob").status == Status::kRevoked);

  gate.memory->PutSilence(S().KeyOf("alice"), "its responder did not answer in time", kMayS, kMayS + 15);
  const CertificateVerdict silent = gate.Ask("alice");
  CHECK(silent.status == Status::kValid);
  CHECK(silent.ask.empty());
  CHECK_THAT(silent.explanation, Catch::Contains("did not answer in time"));
  CHECK(gate.verifier->remembered() == 1);
  CHECK(gate.Ask("alice", kMayS + 15).ask.empty());
  CHECK(gate.Ask("alice", kMayS + 16).ask.size() == 1);
  gate.Say(OcspStatus::kGood, "alice", kMayS + 16, kMayS + 100);
  CHECK_FALSE(gate.Ask("alice", kMayS + 16).revocation_unknown.has_value());
}

TEST_CASE("the strictest policy among those of a path that are unknown holds", "[certificate]") {
  Gate gate(RevocationUnknown::kRefuse);
  gate.options.path.revocation_unknown_by_issuer = {{"CN=Inter", RevocationUnknown::kAccept}};
  CHECK(gate.Ask("erin").status == Status::kRevocationUnknown);
  gate.Say(OcspStatus::kGood, "inter", kMayS, kMayS + 100);
  CHECK(gate.Ask("erin").revocation_unknown == RevocationUnknown::kAccept);
}

TEST_CASE("a certificate may name its responder, where the settings let it", "[certificate]") {
  Gate gate(RevocationUnknown::kRefuse, {}, true);
  const CertificateVerdict dave = gate.Ask("dave");
  REQUIRE(dave.ask.size() == 1);
  CHECK(dave.ask[0].url == "http://ocsp.example:81/a?b");  // the first that is plain http
  const CertificateVerdict alice = gate.Ask("alice");
  CHECK(alice.ask.empty());
  CHECK(alice.status == Status::kRevocationUnknown);
  CHECK_THAT(alice.explanation, Catch::Contains("no responder is known"));
  CHECK(Gate().Ask("dave").ask.at(0).url == kUrl);
}

TEST_CASE("only of what is otherwise good anything is asked", "[certificate]") {
  Gate gate;
  const int64_t late_s = 2240000000;  // 2040-12-25
  CHECK(gate.Ask("alice", late_s).status == Status::kExpired);
  CHECK(gate.Ask("alice", late_s).ask.empty());
  gate.Say(OcspStatus::kRevoked, "alice", kMayS, kMayS + 100);
  CHECK(gate.Ask("alice", late_s).status == Status::kRevoked);
  CHECK(gate.Ask("stranger").status != Status::kValid);
  CHECK(gate.Ask("stranger").ask.empty());
  CHECK(gate.memory->size() == 1);
}

TEST_CASE("a response that comes with the login counts where it holds, and is none where it does not",
          "[certificate]") {
  const int64_t now_s = absl::ToUnixSeconds(absl::Now());
  Gate gate;
  const CertificateVerdict nothing = gate.Ask("alice", now_s, "no response at all");
  CHECK(nothing.status == Status::kRevocationUnknown);
  CHECK(nothing.ask.size() == 1);
  CHECK_THAT(nothing.explanation, Catch::Contains("what came with it: the response cannot be read"));
  CHECK(gate.Ask("alice", now_s, S().Response("bob")).status == Status::kRevocationUnknown);
  CHECK(gate.Ask("alice", now_s, S().Response("alice", "stranger")).status == Status::kRevocationUnknown);
  CHECK(gate.memory->size() == 0);
  CHECK(gate.Ask("alice", now_s, S().Response("alice", "delegate")).status == Status::kValid);
  CHECK(gate.memory->size() == 1);
  CHECK(gate.Ask("alice", now_s).status == Status::kValid);  // remembered
  CHECK(gate.Ask("bob", now_s, S().Response("bob")).status == Status::kRevoked);
  CHECK(gate.Ask("bob", now_s).status == Status::kRevoked);

  Gate accepting(RevocationUnknown::kAccept);
  accepting.memory->PutSilence(S().KeyOf("bob"), "silence", now_s, now_s + 15);
  CHECK(accepting.Ask("bob", now_s).status == Status::kValid);
  CHECK(accepting.verifier->remembered() == 1);
  CHECK(accepting.Ask("bob", now_s, S().Response("bob")).status == Status::kRevoked);

  // Older than is let pass.
  Gate strict;
  strict.options.ocsp->age_max = absl::Hours(1);
  CHECK(strict.Ask("alice", now_s + 7200, S().Response("alice")).status == Status::kRevocationUnknown);
}

}  // namespace
}  // namespace stockade
