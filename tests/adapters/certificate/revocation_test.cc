// CRLs made by the openssl program, through the verifier: what they say of whom and when, what is unknown, what each policy
// makes of that, and a set that is swapped while threads are asking.
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "adapters/certificate/crl_set.h"
#include "adapters/certificate/verifier.h"
#include "engine/text.h"
#include "tests/adapters/certificate/pki.h"

namespace stockade {
namespace {

using Status = CertificateStatus;

constexpr char kEarly[] = "20200101000000Z", kLate[] = "20400101000000Z";
const absl::Time kMay = absl::FromUnixSeconds(1714953600);   // 2024-05-06
const absl::Time kJune = absl::FromUnixSeconds(1717200000);  // 2024-06-01, when the CRLs are stale

struct Scene {
  Pki pki;
  std::string none, alice, stale, by_other, critical, future, inter, newer_by_other;

  Scene() {
    pki.Make("root", {"/O=Stockade/CN=Root", "root", "root", kEarly, kLate});
    pki.Make("other", {"/O=Stockade/CN=Root", "other", "root", kEarly, kLate});  // same name, another key
    pki.Make("inter", {"/O=Stockade/CN=Inter", "root", "root", kEarly, kLate});
    pki.Make("alice", {"/CN=alice", "root"});
    pki.Make("bob", {"/CN=bob", "root"});
    pki.Make("carol", {"/CN=carol", "inter"});
    none = pki.MakeCrl("none.crl", "root", {});
    alice = pki.MakeCrl("alice.crl", "root", {"alice"});
    stale = pki.MakeCrl("stale.crl", "root", {"alice"}, "20240301000000Z", "20240401000000Z");
    by_other = pki.MakeCrl("by_other.crl", "other", {"alice"});
    newer_by_other = pki.MakeCrl("newer_by_other.crl", "other", {}, "20240502000000Z", "20240701000000Z");
    critical = pki.MakeCrl("critical.crl", "root", {}, "20240501000000Z", "20240601000000Z", "crl_critical");
    future = pki.MakeCrl("future.crl", "root", {}, "20240510000000Z", "20240601000000Z");
    inter = pki.MakeCrl("inter.crl", "inter", {});
  }
};

const Scene& TheScene() {
  static const std::unique_ptr<const Scene> scene = [] {
    RequireProgram("openssl");
    return std::make_unique<Scene>();
  }();
  return *scene;
}

std::shared_ptr<const CrlSet> Load(const std::vector<std::string>& paths,
                                   absl::Duration age_max = absl::InfiniteDuration()) {
  CrlSetOptions options;
  options.paths = paths;
  options.age_max = age_max;
  return CrlSet::Load(options);
}

std::unique_ptr<CertificateVerifier> Verifier(std::shared_ptr<const CurrentCrls> crls,
                                              CertificatePathOptions path = {}) {
  CertificateVerifierOptions options;
  options.anchor_files = {TheScene().pki.pem_file("root")};
  options.path = std::move(path);
  options.crls = std::move(crls);
  auto verifier = CertificateVerifier::Create(options);
  REQUIRE(verifier.ok());
  return std::move(*verifier);
}

CertificateVerdict Ask(const CertificateVerifier& verifier, const std::string& name, absl::Time now = kMay) {
  CertificateEvidence evidence;
  evidence.from = CertificateEvidence::From::kTls;
  evidence.leaf_der = TheScene().pki.Der(name);
  if (name == "carol") evidence.chain_der.push_back(TheScene().pki.Der("inter"));
  return verifier.Verify(evidence, name, now);
}

const std::vector<std::string> kNoCrls;

CertificateVerdict Ask(const std::vector<std::string>& crls, const std::string& name, absl::Time now = kMay,
                       CertificatePathOptions path = {}) {
  return Ask(*Verifier(std::make_shared<CurrentCrls>(Load(crls)), std::move(path)), name, now);
}

TEST_CASE("a CRL tells who is revoked, and of whom it does not tell nobody knows", "[certificate]") {
  const Scene& s = TheScene();
  CHECK(Ask({s.alice}, "alice").status == Status::kRevoked);
  CHECK(Ask({s.alice}, "bob").status == Status::kValid);
  CHECK(Ask({s.none}, "alice").status == Status::kValid);
  CHECK(Ask(kNoCrls, "alice").status == Status::kRevocationUnknown);
  CHECK(Ask({s.inter}, "alice").status == Status::kRevocationUnknown);  // of another authority
  // Every certificate below the anchor is asked for.
  CHECK(Ask({s.none}, "carol").status == Status::kRevocationUnknown);
  CHECK(Ask({s.inter}, "carol").status == Status::kRevocationUnknown);
  CHECK(Ask({s.none, s.inter}, "carol").status == Status::kValid);
  const CertificateVerdict unknown = Ask(kNoCrls, "alice");
  CHECK(unknown.revocation_unknown == RevocationUnknown::kRefuse);
  CHECK(unknown.explanation.find("revocation unknown") != std::string::npos);
}

TEST_CASE("a CRL that is stale, early, wrong or not understood leaves it unknown", "[certificate]") {
  const Scene& s = TheScene();
  CHECK(Ask({s.stale}, "bob").status == Status::kRevocationUnknown);
  CHECK(Ask({s.stale}, "alice").status == Status::kRevoked);  // was revoked once, and is for good
  CHECK(Ask({s.by_other}, "alice").status == Status::kRevocationUnknown);
  CHECK(Ask({s.critical}, "bob").status == Status::kRevocationUnknown);
  CHECK(Ask({s.future}, "bob").status == Status::kRevocationUnknown);
  // Revoked and expired is revoked.
  CHECK(Ask({s.alice}, "alice", absl::FromUnixSeconds(1740000000)).status == Status::kRevoked);
  CHECK(Ask({s.alice}, "bob", absl::FromUnixSeconds(1740000000)).status == Status::kExpired);
  // A good one beside it is enough.
  CHECK(Ask({s.stale, s.none}, "bob").status == Status::kValid);
  // To the second: stale at its nextUpdate.
  CHECK(Ask({s.none}, "bob", kJune - absl::Seconds(1)).status == Status::kValid);
  CHECK(Ask({s.none}, "bob", kJune).status == Status::kRevocationUnknown);
}

TEST_CASE("a list of a namesake hides none of the right one", "[certificate]") {
  const Scene& s = TheScene();
  for (const std::string& other : {s.by_other, s.newer_by_other}) {
    for (const std::vector<std::string>& lists : {std::vector{s.alice, other}, std::vector{other, s.alice}}) {
      CHECK(Ask(lists, "alice").status == Status::kRevoked);
      CHECK(Ask(lists, "bob").status == Status::kValid);
    }
    CHECK(Ask({other}, "bob").status == Status::kRevocationUnknown);
  }
}

TEST_CASE("what was remembered ends with the CRL it was asked of", "[certificate]") {
  const auto crls = std::make_shared<CurrentCrls>(Load({TheScene().none}));
  const auto verifier = Verifier(crls);
  CHECK(Ask(*verifier, "bob").status == Status::kValid);
  CHECK(verifier->remembered() == 1);
  CHECK(Ask(*verifier, "bob", kJune - absl::Seconds(1)).status == Status::kValid);
  CHECK(Ask(*verifier, "bob", kJune).status == Status::kRevocationUnknown);
  CHECK(Ask(*verifier, "alice").status == Status::kValid);
  crls->Put(Load({TheScene().alice}));
  CHECK(Ask(*verifier, "alice").status == Status::kRevoked);
  CHECK(Ask(*verifier, "bob").status == Status::kValid);
  crls->Put(Load({}));
  CHECK(Ask(*verifier, "bob").status == Status::kRevocationUnknown);
}

TEST_CASE("each issuer has its policy for what is unknown, and the strictest of a path holds",
          "[certificate]") {
  const Scene& s = TheScene();
  CertificatePathOptions path;
  path.revocation_unknown = RevocationUnknown::kAccept;
  const CertificateVerdict accepted = Ask({}, "alice", kMay, path);
  CHECK(accepted.status == Status::kValid);
  CHECK(accepted.revocation_unknown == RevocationUnknown::kAccept);
  CHECK(accepted.explanation.find("revocation unknown") != std::string::npos);
  CHECK(Ask({s.none}, "alice", kMay, path).revocation_unknown == std::nullopt);
  CHECK(Ask({s.alice}, "alice", kMay, path).status == Status::kRevoked);
  CHECK(Ask({s.stale}, "alice", kMay, path).status == Status::kRevoked);

  path.revocation_unknown_by_issuer["CN=Inter,O=Stockade"] = RevocationUnknown::kChallenge;
  const CertificateVerdict challenged = Ask({}, "carol", kMay, path);
  CHECK(challenged.status == Status::kUnconfirmed);
  CHECK(challenged.revocation_unknown == RevocationUnknown::kChallenge);
  CHECK(Ask({}, "alice", kMay, path).status == Status::kValid);
  path.revocation_unknown_by_issuer["CN=Root,O=Stockade"] = RevocationUnknown::kRefuse;
  CHECK(Ask({}, "carol", kMay, path).revocation_unknown == RevocationUnknown::kRefuse);

  // From memory it is said again.
  CertificatePathOptions accept;
  accept.revocation_unknown = RevocationUnknown::kAccept;
  const auto verifier = Verifier(std::make_shared<CurrentCrls>(Load({})), accept);
  for (int i = 0; i < 2; ++i) {
    CHECK(Ask(*verifier, "bob").revocation_unknown == RevocationUnknown::kAccept);
    CHECK(Ask(*verifier, "bob").explanation.find("revocation unknown") != std::string::npos);
  }
}

TEST_CASE("files and folders are read, and what is wrong with one costs the others nothing",
          "[certificate]") {
  const Scene& s = TheScene();
  const TemporaryFolder folder;
  const std::string pem = ReadWholeFile(s.none);
  std::filesystem::create_directory(folder / "crls");
  folder.Write("crls/a.pem", pem + ReadWholeFile(s.inter));
  folder.Write("crls/.hidden", "garbage");
  folder.Write("crls/b.der", "garbage");
  folder.Write("crls/c.pem", pem.substr(0, pem.size() / 2));
  folder.Write("crls/d.pem", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n");
  const auto set = Load({folder / "crls", folder / "absent"});
  REQUIRE(set->lists().size() == 2);
  CHECK(set->lists()[0].issuer == "CN=Root,O=Stockade");
  CHECK(set->lists()[0].next_update == kJune);
  CHECK(set->lists()[1].issuer == "CN=Inter,O=Stockade");
  REQUIRE(set->problems().size() == 4);
  CHECK(set->problems()[0].file.ends_with("b.der"));
  CHECK(set->problems()[1].file.ends_with("c.pem"));
  CHECK(set->problems()[2].file.ends_with("d.pem"));
  CHECK(set->problems()[3].file.ends_with("absent"));
  CHECK(set->StaleAt(kMay).empty());
  CHECK(set->StaleAt(kJune).size() == 2);
  CHECK(Load({s.none}, absl::Hours(24))->StaleAt(kMay).size() == 1);
  CHECK(Ask({folder / "crls"}, "carol").status == Status::kValid);
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("a CRL with any one byte changed is not believed", "[certificate]") {
  const Scene& s = TheScene();
  const TemporaryFolder folder;
  std::string why;
  std::vector<std::string> command = {"openssl",  "crl", "-in",  s.alice,
                                      "-outform", "DER", "-out", folder / "der"};
  REQUIRE(RunProgram(command).first == 0);
  const std::string der = ReadWholeFile(folder / "der");
  CHECK(Ask({folder / "der"}, "alice").status == Status::kRevoked);
  for (size_t i = 0; i < der.size(); ++i) {
    std::string changed = der;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    INFO("byte " << i);
    REQUIRE(Ask({folder.Write("changed", changed)}, "alice").status == Status::kRevocationUnknown);
  }
}

TEST_CASE("a set is swapped while threads are asking", "[certificate]") {
  const Scene& s = TheScene();
  const auto with = Load({s.alice}), without = Load({s.none});
  const auto crls = std::make_shared<CurrentCrls>(without);
  const auto verifier = Verifier(crls);
  CertificateEvidence evidence;
  evidence.from = CertificateEvidence::From::kTls;
  evidence.leaf_der = s.pki.Der("alice");
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const Status status = verifier->Verify(evidence, "alice", kMay).status;
        wrong += status != Status::kValid && status != Status::kRevoked;
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    crls->Put(i % 2 == 0 ? with : without);
    // Whoever begins after the swap goes by the new set.
    wrong +=
        verifier->Verify(evidence, "alice", kMay).status != (i % 2 == 0 ? Status::kRevoked : Status::kValid);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace stockade
