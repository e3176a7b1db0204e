// The verifier on a PKI made by the openssl program, against that program's own answer at many times; the binding of
// accounts; what it remembers; and bytes that are no certificates.
#include "adapters/certificate/verifier.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "adapters/certificate/account_binding.h"
#include "adapters/certificate/verified_cache.h"
#include "engine/text.h"
#include "tests/adapters/certificate/pki.h"

namespace stockade {
namespace {

using Status = CertificateStatus;

int64_t Seconds(const char* text) {
  absl::Time time;
  std::string error;
  REQUIRE(absl::ParseTime(absl::RFC3339_full, text, &time, &error));
  return absl::ToUnixSeconds(time);
}

// Made once for the program: openssl takes its time.
const Pki& ThePki() {
  static const std::unique_ptr<const Pki> made = [] {
    RequireProgram("openssl");
    auto pki = std::make_unique<Pki>();
    const std::string early = "20200101000000Z", late = "20400101000000Z";
    pki->Make("root", {"/O=Stockade/CN=Root", "root", "root", early, late});
    pki->Make("other_root",
              {"/O=Stockade/CN=Root", "other_root", "root", early, late});  // same name, another key
    pki->Make("inter", {"/O=Stockade/CN=Inter", "root", "root", "20230101000000Z", "20260101000000Z"});
    pki->Make("short_inter", {"/O=Stockade/CN=Short", "root", "root", "20240301000000Z", "20240601000000Z"});
    pki->Make("no_ca", {"/O=Stockade/CN=No CA", "root", "no_authority", early, late});
    pki->Make("server_ca", {"/O=Stockade/CN=Servers", "root", "server_authority", early, late});
    pki->Make("alice",
              {"/O=Bank/CN=alice/serialNumber=D-4711/UID=a1/emailAddress=alice@bank.example", "inter"});
    pki->Make("by_root", {"/CN=alice", "root"});
    pki->Make("by_other", {"/CN=alice", "other_root"});
    pki->Make("by_short", {"/CN=alice", "short_inter"});
    pki->Make("by_no_ca", {"/CN=alice", "no_ca"});
    pki->Make("by_server_ca", {"/CN=alice", "server_ca"});
    pki->Make("self_signed", {"/CN=alice", "self_signed"});
    pki->Make("server", {"/CN=alice", "root", "server"});
    pki->Make("encipher", {"/CN=alice", "root", "encipher"});
    pki->Make("any_use", {"/CN=alice", "root", "any_use"});
    Pki::Wish weak{"/CN=alice", "root"};
    weak.key = {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"};
    pki->Make("weak_key", weak);
    Pki::Wish sha1{"/CN=alice", "root"};
    sha1.digest = "sha1";
    pki->Make("sha1", sha1);
    pki->Make("two_names", {"/CN=alice/CN=bob", "root"});
    pki->Make("same_twice", {"/CN=alice/CN=alice", "root"});
    pki->Make("no_name", {"/O=Bank", "root"});
    pki->Make("spaced", {"/CN=  ALICE ", "root"});
    pki->Make("mail", {"/CN=x/emailAddress=alice@example.org", "root", "mail"});
    pki->Make("two_mails", {"/CN=x", "root", "two_mails"});
    pki->Make("pattern", {"/CN=Customer 00815 (web)", "root"});
    return pki;
  }();
  return *made;
}

std::unique_ptr<CertificateVerifier> Verifier(const std::vector<std::string>& anchors,
                                              const std::string& from = "cn",
                                              const std::string& pattern = "") {
  CertificateVerifierOptions options;
  for (const std::string& name : anchors) options.anchor_files.push_back(ThePki().pem_file(name));
  options.account_from = from;
  options.account_pattern = pattern;
  auto verifier = CertificateVerifier::Create(options);
  INFO(verifier.status().ToString());
  REQUIRE(verifier.ok());
  return std::move(*verifier);
}

CertificateEvidence Shown(const std::string& leaf, const std::vector<std::string>& sent = {}) {
  CertificateEvidence evidence;
  evidence.from = CertificateEvidence::From::kTls;
  evidence.leaf_der = ThePki().Der(leaf);
  for (const std::string& name : sent) evidence.chain_der.push_back(ThePki().Der(name));
  return evidence;
}

const absl::Time kMay = absl::FromUnixSeconds(1714953600);  // 2024-05-06

TEST_CASE("every case at every time is what openssl verify answers", "[certificate]") {
  struct Case {
    const char* leaf;
    std::vector<std::string> anchors, sent;
    Status in_may;
  };
  const std::vector<Case> cases = {
      {"alice", {"root"}, {"inter"}, Status::kValid},
      {"alice", {"root"}, {}, Status::kUntrusted},  // the intermediate was not sent
      {"alice", {"root", "inter"}, {}, Status::kValid},
      {"alice", {"inter"}, {}, Status::kValid},  // an anchor need not be a root
      {"alice", {"root"}, {"by_root", "other_root", "inter", "inter"}, Status::kValid},
      {"alice", {"other_root"}, {"inter", "root"}, Status::kUntrusted},
      {"by_root", {"root"}, {}, Status::kValid},
      {"by_root", {"root", "other_root"}, {}, Status::kValid},
      {"by_other", {"root"}, {}, Status::kUntrusted},
      {"by_other", {"root"}, {"other_root"}, Status::kUntrusted},
      {"by_short", {"root"}, {"short_inter"}, Status::kValid},
      {"by_no_ca", {"root"}, {"no_ca"}, Status::kNotAuthority},
      {"by_server_ca", {"root"}, {"server_ca"}, Status::kWrongUse},
      {"self_signed", {"root"}, {}, Status::kUntrusted},
      {"self_signed", {"root"}, {"self_signed"}, Status::kUntrusted},
      {"server", {"root"}, {}, Status::kWrongUse},
      {"encipher", {"root"}, {}, Status::kWrongUse},
      {"any_use", {"root"}, {}, Status::kValid},
      {"weak_key", {"root"}, {}, Status::kWeak},
      {"sha1", {"root"}, {}, Status::kWeak},
  };
  const int64_t from = Seconds("2024-01-01T00:00:00Z"), until = Seconds("2025-01-01T00:00:00Z");
  const int64_t short_from = Seconds("2024-03-01T00:00:00Z"), short_until = Seconds("2024-06-01T00:00:00Z");
  const std::vector<int64_t> times = {Seconds("2019-01-01T00:00:00Z"),
                                      from - 1,
                                      from,
                                      short_from - 1,
                                      short_from,
                                      absl::ToUnixSeconds(kMay),
                                      short_until - 1,
                                      short_until + 1,
                                      until - 1,
                                      until + 1,
                                      Seconds("2045-01-01T00:00:00Z")};
  int compared = 0;
  for (const Case& c : cases) {
    const auto verifier = Verifier(c.anchors);
    const CertificateEvidence evidence = Shown(c.leaf, c.sent);
    INFO(c.leaf << " sent with " << c.sent.size() << ", " << c.anchors.size() << " anchors");
    CHECK(verifier->Verify(evidence, "alice", kMay).status == c.in_may);
    // Again, now perhaps from memory, and at each time in turn.
    for (const int64_t time : times) {
      INFO("at " << absl::FormatTime(absl::FromUnixSeconds(time), absl::UTCTimeZone()));
      const int theirs = ThePki().OpensslVerify(c.leaf, c.anchors, c.sent, time);
      const CertificateVerdict ours = verifier->Verify(evidence, "alice", absl::FromUnixSeconds(time));
      INFO(ours.explanation << " / openssl error " << theirs);
      Status expected = Status::kUntrusted;
      if (theirs == 0) expected = Status::kValid;
      if (theirs == X509_V_ERR_CERT_HAS_EXPIRED) expected = Status::kExpired;
      if (theirs == X509_V_ERR_CERT_NOT_YET_VALID) expected = Status::kNotYetValid;
      if (theirs == X509_V_ERR_INVALID_PURPOSE) expected = Status::kWrongUse;
      if (theirs == X509_V_ERR_INVALID_CA) expected = Status::kNotAuthority;
      if (theirs == X509_V_ERR_EE_KEY_TOO_SMALL || theirs == X509_V_ERR_CA_MD_TOO_WEAK)
        expected = Status::kWeak;
      CHECK(ours.status == expected);
      CHECK_FALSE(ours.explanation.empty());
      ++compared;
    }
  }
  CHECK(compared == static_cast<int>(cases.size() * times.size()));
}

TEST_CASE("a certificate is valid from notBefore through notAfter, to the second", "[certificate]") {
  const int64_t from = Seconds("2024-01-01T00:00:00Z"), until = Seconds("2025-01-01T00:00:00Z");
  const CertificateEvidence evidence = Shown("by_root");
  for (const bool warm : {false, true}) {
    const auto status = [&](int64_t time_s, absl::Duration more = absl::ZeroDuration()) {
      static std::unique_ptr<CertificateVerifier> kept = Verifier({"root"});
      const auto fresh = Verifier({"root"});
      return (warm ? kept : fresh)->Verify(evidence, "alice", absl::FromUnixSeconds(time_s) + more).status;
    };
    if (warm) CHECK(status(from + 100) == Status::kValid);
    CHECK(status(from - 1, absl::Milliseconds(999)) == Status::kNotYetValid);
    CHECK(status(from) == Status::kValid);
    CHECK(status(until) == Status::kValid);
    CHECK(status(until, absl::Milliseconds(999)) == Status::kValid);
    CHECK(status(until + 1) == Status::kExpired);
  }
  // The authority's end is the end of what it signed.
  const auto verifier = Verifier({"root"});
  const CertificateEvidence by_short = Shown("by_short", {"short_inter"});
  CHECK(verifier->Verify(by_short, "alice", absl::FromUnixSeconds(Seconds("2024-06-01T00:00:00Z"))).status ==
        Status::kValid);
  CHECK(verifier->Verify(by_short, "alice", absl::FromUnixSeconds(Seconds("2024-06-01T00:00:01Z"))).status ==
        Status::kExpired);
}

TEST_CASE("the account must be the certificate's", "[certificate]") {
  const auto check = [](const char* leaf, std::string_view account, const char* from = "cn",
                        const char* pattern = "") {
    return Verifier({"root", "inter"}, from, pattern)->Verify(Shown(leaf), account, kMay).status;
  };
  CHECK(check("alice", "alice") == Status::kValid);
  CHECK(check("alice", " Alice\t") == Status::kValid);
  CHECK(check("spaced", "alice") == Status::kValid);
  CHECK(check("alice", "bob") == Status::kMismatch);
  CHECK(check("alice", "") == Status::kMismatch);
  CHECK(check("alice", "alic\xc3\xa9") == Status::kMismatch);
  CHECK(check("alice", std::string_view("alice\0", 6)) == Status::kMismatch);
  CHECK(check("alice", "d-4711", "serial_number") == Status::kValid);
  CHECK(check("alice", "alice", "serial_number") == Status::kMismatch);
  CHECK(check("alice", "A1", "uid") == Status::kValid);
  CHECK(check("alice", "alice@bank.example", "email") == Status::kValid);
  CHECK(check("mail", "alice@example.org", "email") == Status::kValid);  // in both places, once
  CHECK(check("two_mails", "alice@example.org", "email") == Status::kMismatch);
  CHECK(check("two_names", "alice") == Status::kMismatch);
  CHECK(check("two_names", "bob") == Status::kMismatch);
  CHECK(check("same_twice", "alice") == Status::kMismatch);
  CHECK(check("no_name", "") == Status::kMismatch);
  CHECK(check("no_name", "Bank") == Status::kMismatch);
  CHECK(check("pattern", "00815", "cn", "^Customer ([0-9]+) ") == Status::kValid);
  CHECK(check("pattern", "815", "cn", "^Customer ([0-9]+) ") == Status::kMismatch);
  CHECK(check("pattern", "00815", "cn", "^Client ([0-9]+)") == Status::kMismatch);
  CHECK(check("pattern", "", "cn", "Customer (x*)") == Status::kMismatch);  // an empty group is nobody
  CHECK(check("pattern", "", "cn", "Customer|(never)") == Status::kMismatch);
}

TEST_CASE("a name with a NUL or a control character in it speaks for nobody", "[certificate]") {
  // A certificate whose CN is "alice", changed in place: the binding is asked directly, since no signature fits.
  const auto binding = AccountBinding::Create("cn", "");
  REQUIRE(binding.ok());
  const std::string der = ThePki().Der("by_root");
  const size_t at = der.rfind("alice");
  REQUIRE(at != std::string::npos);
  for (const char c : {'\0', '\n', '\x1b', '\x7f'}) {
    std::string changed = der;
    changed[at + 2] = c;
    const auto* start = reinterpret_cast<const unsigned char*>(changed.data());
    X509* certificate = d2i_X509(nullptr, &start, static_cast<long>(changed.size()));
    REQUIRE(certificate != nullptr);
    std::string why;
    CHECK_FALSE(binding->AccountOf(certificate, &why).has_value());
    CHECK_FALSE(why.empty());
    X509_free(certificate);
  }
}

TEST_CASE("nothing shown is missing, and bytes that are no certificate are malformed", "[certificate]") {
  const auto verifier = Verifier({"root"});
  CertificateEvidence evidence;
  CHECK(verifier->Verify(evidence, "alice", kMay).status == Status::kMissing);
  evidence.from = CertificateEvidence::From::kMalformed;
  CHECK(verifier->Verify(evidence, "alice", kMay).status == Status::kMalformed);
  const CertificateEvidence good = Shown("by_root");
  REQUIRE(verifier->Verify(good, "alice", kMay).status == Status::kValid);

  evidence = good;
  evidence.leaf_der = "";
  CHECK(verifier->Verify(evidence, "alice", kMay).status == Status::kMalformed);
  evidence.leaf_der = good.leaf_der + "x";
  CHECK(verifier->Verify(evidence, "alice", kMay).status == Status::kMalformed);
  evidence.leaf_der = std::string(kCertificateBytesMax + 1, '0');
  CHECK(verifier->Verify(evidence, "alice", kMay).status == Status::kMalformed);
  for (size_t cut = 0; cut < good.leaf_der.size(); ++cut) {
    evidence.leaf_der = good.leaf_der.substr(0, cut);
    REQUIRE(verifier->Verify(evidence, "alice", kMay).status == Status::kMalformed);
  }
  evidence = good;
  evidence.chain_der = {"garbage"};
  CHECK(verifier->Verify(evidence, "alice", kMay).status == Status::kMalformed);
  evidence.chain_der.assign(kCertificateChainMax + 1, good.leaf_der);
  CHECK(verifier->Verify(evidence, "alice", kMay).status == Status::kMalformed);
}

TEST_CASE("a certificate with any one byte changed is not valid", "[certificate]") {
  const auto verifier = Verifier({"root"});
  const CertificateEvidence good = Shown("by_root");
  CertificateEvidence evidence = good;
  for (size_t i = 0; i < good.leaf_der.size(); ++i) {
    evidence.leaf_der = good.leaf_der;
    evidence.leaf_der[i] = static_cast<char>(evidence.leaf_der[i] ^ 1);
    INFO("byte " << i);
    REQUIRE(verifier->Verify(evidence, "alice", kMay).status != Status::kValid);
  }
  CHECK(verifier->remembered() == 0);  // nothing bad was kept
}

TEST_CASE("what the proxy in front refuses is not valid", "[certificate]") {
  const auto verifier = Verifier({"root"});
  CertificateEvidence evidence = Shown("by_root");
  evidence.from = CertificateEvidence::From::kHeader;
  CHECK(verifier->Verify(evidence, "alice", kMay).status == Status::kValid);
  evidence.refused_by_front = "certificate revoked";
  CHECK(verifier->Verify(evidence, "alice", kMay).status == Status::kRevoked);
  evidence.refused_by_front = "odd \x1b[2J reason";
  const CertificateVerdict verdict = verifier->Verify(evidence, "alice", kMay);
  CHECK(verdict.status == Status::kUntrusted);
  CHECK(verdict.explanation.find('\x1b') == std::string::npos);
}

TEST_CASE("settings that cannot work name their key or file", "[certificate]") {
  const auto error = [](CertificateVerifierOptions options) {
    return std::string(CertificateVerifier::Create(options).status().message());
  };
  CHECK(error({}).find("gateway.certificates.anchors") != std::string::npos);
  const TemporaryFolder folder;
  const std::string root = ThePki().pem_file("root");
  CHECK(error({{folder / "absent.pem"}, "cn", ""}).find("absent.pem") != std::string::npos);
  CHECK(error({{folder.Write("empty.pem", "")}, "cn", ""}).find("empty.pem: holds no certificate") !=
        std::string::npos);
  CHECK(error({{folder.Write("garbage.pem", std::string(1000, '\xff'))}, "cn", ""}).find("garbage.pem") !=
        std::string::npos);
  CHECK(error({{folder.Write("cut.pem", ReadWholeFile(root) + ReadWholeFile(root).substr(0, 300))}, "cn", ""})
            .find("cut.pem: certificate 2") != std::string::npos);
  CHECK(error({{ThePki().key_file("root")}, "cn", ""}).find("holds no certificate") != std::string::npos);
  CHECK(error({{root}, "dn", ""}).find("gateway.certificates.account") != std::string::npos);
  CHECK(error({{root}, "cn", "("}).find("account_pattern") != std::string::npos);
  CHECK(error({{root}, "cn", "abc"}).find("has no group") != std::string::npos);
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("several threads may ask at once", "[certificate]") {
  const auto verifier = Verifier({"root", "inter"});
  const CertificateEvidence alice = Shown("alice"), other = Shown("by_other"), root = Shown("by_root");
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        wrong += verifier->Verify(alice, "alice", kMay).status != Status::kValid;
        wrong += verifier->Verify(other, "alice", kMay).status != Status::kUntrusted;
        wrong += verifier->Verify(root, "bob", kMay).status != Status::kMismatch;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(verifier->remembered() == 2);
}

TEST_CASE("the memory of good certificates is bounded, and the longest unasked goes first", "[certificate]") {
  VerifiedCache cache(3);
  const auto key = [](int i) {
    VerifiedCache::Shown shown;
    shown.leaf[0] = static_cast<uint8_t>(i);
    return shown;
  };
  for (int i = 0; i < 3; ++i) cache.Put(key(i), {10, 20, Concat("a", i), "", ""});
  CHECK(cache.Find(key(0), 10)->account == "a0");
  CHECK_FALSE(cache.Find(key(1), 9).has_value());
  CHECK(cache.Find(key(2), 20).has_value());
  CHECK_FALSE(cache.Find(key(2), 21).has_value());
  cache.Put(key(3), {10, 20, "a3", "", ""});
  CHECK(cache.size() == 3);
  CHECK_FALSE(cache.Find(key(1), 15).has_value());
  CHECK(cache.Find(key(0), 15).has_value());
  cache.Put(key(0), {30, 40, "new", "", ""});
  CHECK(cache.size() == 3);
  CHECK(cache.Find(key(0), 30)->account == "new");
  // However many chains come with one leaf, it has one place.
  for (int i = 0; i < 100; ++i) {
    VerifiedCache::Shown shown = key(0);
    shown.chain[0] = static_cast<uint8_t>(i + 1);
    CHECK_FALSE(cache.Find(shown, 30).has_value());
    cache.Put(shown, {30, 40, Concat("chain", i), "", ""});
    CHECK(cache.Find(shown, 30)->account == Concat("chain", i));
  }
  CHECK_FALSE(cache.Find(key(0), 30).has_value());
  CHECK(cache.size() == 3);
  CHECK(cache.Find(key(3), 15).has_value());
}

}  // namespace
}  // namespace stockade
