// Each reason for refusal has its word: one certificate for each, made by the openssl program; several ways to an anchor; and
// the settings that move the limits.
#include "adapters/certificate/certificate_path.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>

#include "tests/adapters/certificate/pki.h"

namespace stockade {
namespace {

using Status = CertificateStatus;

constexpr char kEarly[] = "20200101000000Z", kLate[] = "20400101000000Z";
constexpr int64_t kMayS = 1714953600;  // 2024-05-06

const Pki& ThePki() {
  static const std::unique_ptr<const Pki> made = [] {
    RequireProgram("openssl");
    auto pki = std::make_unique<Pki>();
    const auto authority = [&](const char* name, const char* subject, const char* issuer,
                               const char* extensions, const char* until = kLate) {
      pki->Make(name, {subject, issuer, extensions, kEarly, until});
    };
    authority("root", "/CN=Root", "root", "root");
    authority("old_root", "/CN=Old", "old_root", "root");
    authority("inter", "/CN=Inter", "root", "root");
    authority("limited", "/CN=Limited", "root", "authority_0");
    authority("below_limited", "/CN=Below", "limited", "root");
    authority("of_example", "/CN=Of Example", "root", "authority_of_example");
    authority("of_policy", "/CN=Of Policy", "root", "authority_of_policy");
    Pki::Wish cross{"/CN=Inter", "of_example", "root", kEarly, kLate};
    cross.key_of = "inter";
    pki->Make("inter_of_example", cross);
    cross.issuer = "old_root";
    pki->Make("inter_of_old", cross);
    cross.issuer = "limited";
    cross.until = "20240101000000Z";
    pki->Make("inter_expired", cross);
    pki->Make("alice", {"/CN=alice", "inter"});
    pki->Make("alice_at_bank", {"/CN=alice/emailAddress=alice@bank.example", "inter"});
    pki->Make("too_deep", {"/CN=alice", "below_limited"});
    pki->Make("not_deep", {"/CN=alice", "limited"});
    pki->Make("mail_inside", {"/CN=alice", "of_example", "mail"});
    pki->Make("mail_outside", {"/CN=alice/emailAddress=alice@bank.example", "of_example", "client"});
    pki->Make("with_policy", {"/CN=alice", "of_policy", "of_policy"});
    pki->Make("without_policy", {"/CN=alice", "of_policy", "client"});
    pki->Make("unknown_extension", {"/CN=alice", "root", "unknown_extension"});
    pki->Make("code_signer", {"/CN=alice", "root", "code_signer"});
    pki->Make("says_nothing", {"/CN=alice", "root", "any_use"});
    Pki::Wish wish{"/CN=alice", "root"};
    wish.serial = "00";
    pki->Make("serial_0", wish);
    wish.serial = "7F" + std::string(38, '1');
    pki->Make("serial_20", wish);
    wish.serial = "FF" + std::string(38, '1');
    pki->Make("serial_21", wish);
    wish.serial = "";
    wish.key = {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"};
    pki->Make("p224", wish);
    wish.key = {"-algorithm", "ED25519"};
    pki->Make("ed25519", wish);
    wish.key = {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"};
    pki->Make("rsa2048", wish);
    return pki;
  }();
  return *made;
}

OwnedX509 Read(const std::string& name) {
  std::string why;
  OwnedX509 certificate = ReadCertificate(ThePki().Der(name), &why);
  INFO(name << " " << why);
  REQUIRE(certificate != nullptr);
  return certificate;
}

PathAnswer Ask(const char* leaf, const std::vector<std::string>& sent = {},
               CertificatePathOptions options = {}, const std::vector<std::string>& anchors = {"root"},
               const std::vector<std::string>& known = {}) {
  std::vector<std::string> anchor_files, known_files;
  for (const std::string& name : anchors) anchor_files.push_back(ThePki().pem_file(name));
  for (const std::string& name : known) known_files.push_back(ThePki().pem_file(name));
  const auto paths = CertificatePaths::Create(anchor_files, known_files, std::move(options));
  INFO(paths.status().ToString());
  REQUIRE(paths.ok());
  std::vector<OwnedX509> others;
  for (const std::string& name : sent) others.push_back(Read(name));
  return (*paths)->Verify(Read(leaf).get(), others, nullptr, kMayS);
}

TEST_CASE("each reason has its word", "[certificate]") {
  CHECK(Ask("alice", {"inter"}).status == Status::kValid);
  CHECK(Ask("alice").status == Status::kUntrusted);
  CHECK(Ask("not_deep", {"limited"}).status == Status::kValid);
  CHECK(Ask("too_deep", {"below_limited", "limited"}).status == Status::kPathTooLong);
  CHECK(Ask("mail_inside", {"of_example"}).status == Status::kValid);
  CHECK(Ask("mail_outside", {"of_example"}).status == Status::kNameNotPermitted);
  CHECK(Ask("with_policy", {"of_policy"}).status == Status::kValid);
  CHECK(Ask("without_policy", {"of_policy"}).status == Status::kPolicyNotMet);
  CHECK(Ask("unknown_extension").status == Status::kUnknownExtension);
  CHECK(Ask("serial_0").status == Status::kBadSerial);
  CHECK(Ask("serial_20").status == Status::kValid);
  CHECK(Ask("serial_21").status == Status::kBadSerial);
  CHECK(Ask("p224").status == Status::kWeak);
  CHECK(Ask("ed25519").status == Status::kValid);
  CHECK(Ask("rsa2048").status == Status::kValid);
  const PathAnswer refused = Ask("mail_outside", {"of_example"});
  CHECK(refused.text.find("CN=alice") != std::string::npos);
}

TEST_CASE("a signature that is wrong has its word", "[certificate]") {
  std::string der = ThePki().Der("rsa2048"), why;
  der.back() = static_cast<char>(der.back() ^ 1);
  const OwnedX509 leaf = ReadCertificate(der, &why);
  REQUIRE(leaf != nullptr);
  const auto paths = CertificatePaths::Create({ThePki().pem_file("root")}, {}, {});
  REQUIRE(paths.ok());
  CHECK((*paths)->Verify(leaf.get(), {}, nullptr, kMayS).status == Status::kBadSignature);
}

TEST_CASE("intermediates are sent or known, and never trusted", "[certificate]") {
  CHECK(Ask("alice", {}, {}, {"root"}, {"inter"}).status == Status::kValid);
  CHECK(Ask("alice", {}, {}, {"old_root"}, {"inter"}).status == Status::kUntrusted);
  CHECK(Ask("alice", {}, {}, {"inter"}).status == Status::kValid);
  CHECK(Ask("alice", {"inter", "root"}, {}, {"old_root"}).status == Status::kUntrusted);
}

TEST_CASE("an authority that is certified twice is good by one good path, in whatever order they come",
          "[certificate]") {
  std::vector<std::string> sent = {"inter", "inter_expired", "inter_of_example", "of_example"};
  std::sort(sent.begin(), sent.end());
  do {
    INFO(sent[0] << " " << sent[1] << " " << sent[2] << " " << sent[3]);
    CHECK(Ask("alice_at_bank", sent).status == Status::kValid);
  } while (std::next_permutation(sent.begin(), sent.end()));
  CHECK(Ask("alice_at_bank", {"inter_of_example", "of_example"}).status == Status::kNameNotPermitted);
  CHECK(Ask("alice_at_bank", {"inter", "inter_of_old"}, {}, {"old_root"}).status == Status::kValid);
  CHECK(Ask("alice_at_bank", {"inter_of_old", "inter"}, {}, {"root"}).status == Status::kValid);
  CHECK(Ask("alice_at_bank", {"inter_of_old", "inter"}, {}, {"root", "old_root"}).status == Status::kValid);
}

TEST_CASE("settings move the limits, each its own", "[certificate]") {
  CertificatePathOptions options;
  options.floors.ec_bits_min = 224;
  CHECK(Ask("p224", {}, options).status == Status::kValid);
  options = {};
  options.floors.rsa_bits_min = 3072;
  CHECK(Ask("rsa2048", {}, options).status == Status::kWeak);
  options = {};
  options.floors.odd_serials = true;
  CHECK(Ask("serial_0", {}, options).status == Status::kValid);
  CHECK(Ask("serial_21", {}, options).status == Status::kValid);
  options = {};
  options.leaf_says_purpose = true;
  CHECK(Ask("says_nothing").status == Status::kValid);
  CHECK(Ask("says_nothing", {}, options).status == Status::kWrongUse);
  CHECK(Ask("code_signer").status == Status::kValid);
  CHECK(Ask("code_signer", {}, options).status == Status::kWrongUse);
  CHECK(Ask("alice", {"inter"}, options).status == Status::kValid);
  options.authorities_say_purpose = true;
  CHECK(Ask("alice", {"inter"}, options).status == Status::kWrongUse);
  // The corpus of x509-limbo has who is refused for it.
  options = {};
  options.whole_profile = true;
  CHECK(Ask("alice", {"inter"}, options).status == Status::kValid);
}

TEST_CASE("policies that are asked for must be there", "[certificate]") {
  CertificatePathOptions options;
  options.policies = {"1.2.3.4"};
  options.explicit_policy = true;
  CHECK(Ask("with_policy", {"of_policy"}, options).status == Status::kValid);
  CHECK(Ask("alice", {"inter"}, options).status == Status::kPolicyNotMet);
  options.policies = {"1.2.3.5"};
  CHECK(Ask("with_policy", {"of_policy"}, options).status == Status::kPolicyNotMet);
  // What an anchor says of policies holds below it.
  CHECK(Ask("with_policy", {}, {}, {"of_policy"}).status == Status::kValid);
  CHECK(Ask("without_policy", {}, {}, {"of_policy"}).status == Status::kPolicyNotMet);
  options.policies = {"not an oid"};
  const auto paths = CertificatePaths::Create({ThePki().pem_file("root")}, {}, options);
  CHECK(std::string(paths.status().message()).find("gateway.certificates.policies") != std::string::npos);
}

TEST_CASE("the answer holds from the latest beginning to the earliest end", "[certificate]") {
  const PathAnswer answer = Ask("alice", {"inter"});
  CHECK(answer.from_s == 1704067200);   // 2024-01-01, the leaf's
  CHECK(answer.until_s == 1735689600);  // 2025-01-01, the leaf's
}

}  // namespace
}  // namespace stockade
