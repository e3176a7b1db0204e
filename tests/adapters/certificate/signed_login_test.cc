// Signed logins by the openssl program with RSA and EC keys, and everything that is nearly one: another text, another
// account's, stale, by two, without a certificate, with its own text, with a weak digest, cut and broken.
#include "adapters/certificate/signed_login.h"

#include <openssl/err.h>

#include <catch2/catch.hpp>
#include <memory>

#include "adapters/certificate/signed_text.h"
#include "adapters/certificate/verifier.h"
#include "engine/text.h"
#include "tests/adapters/certificate/signatures.h"

namespace stockade {
namespace {

using From = CertificateEvidence::From;
using Fault = CertificateEvidence::Fault;

constexpr int64_t kNow = 1714953600;  // 2024-05-06
constexpr absl::Duration kWithin = absl::Minutes(2);

const Pki& ThePki() {
  static const std::unique_ptr<const Pki> made = [] {
    RequireProgram("openssl");
    auto pki = std::make_unique<Pki>();
    Pki::Wish rsa{"/O=Bank/CN=alice", "inter"};
    rsa.key = {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"};
    pki->Make("root", {"/O=Stockade/CN=Root", "root", "root"});
    pki->Make("inter", {"/O=Stockade/CN=Inter", "root", "root"});
    pki->Make("rsa", rsa);
    pki->Make("ec", {"/O=Bank/CN=alice", "inter"});
    pki->Make("bob", {"/O=Bank/CN=bob", "inter"});
    return pki;
  }();
  return *made;
}

std::string Text(std::string_view account, std::string_view nonce = "n-12345678") {
  return Concat(account, "\n", kNow, "\n", nonce);
}

SignedLogin Login(const std::string& signature, const std::string& text = Text("alice")) {
  SignedLogin login;
  login.signature = EncodeBase64(signature);
  login.text = text;
  login.timestamp = std::to_string(kNow);
  login.nonce = "n-12345678";
  return login;
}

CertificateEvidence Read(const SignedLogin& login, int64_t now_s = kNow) {
  absl::Time until;
  const CertificateEvidence evidence = ReadSignedLogin(login, kWithin, absl::FromUnixSeconds(now_s), &until);
  CHECK(ERR_peek_error() == 0);
  if (evidence.from == From::kSigned) {
    CHECK(until == absl::FromUnixSeconds(kNow + 120));
    CHECK(evidence.fault == Fault::kNone);
  } else {
    CHECK(evidence.from == From::kMalformed);
    CHECK(evidence.leaf_der.empty());
    CHECK(evidence.chain_der.empty());
  }
  return evidence;
}
std::string FaultOf(const SignedLogin& login, int64_t now_s = kNow) {
  return std::string(Name(Read(login, now_s).fault));
}

TEST_CASE("what openssl signs is evidence with its certificates, and the verifier takes it",
          "[certificate]") {
  const auto verifier = CertificateVerifier::Create({{ThePki().pem_file("root")}, "cn", ""});
  REQUIRE(verifier.ok());
  const std::string inter = ThePki().pem_file("inter");
  for (const std::string signer : {"rsa", "ec"}) {
    std::vector<std::pair<std::string, std::vector<std::string>>> ways = {
        {"cms", {"-certfile", inter}},           {"cms", {"-certfile", inter, "-noattr"}},
        {"cms", {"-certfile", inter, "-keyid"}}, {"cms", {"-certfile", inter, "-md", "sha512"}},
        {"smime", {"-certfile", inter}},  // PKCS #7
    };
    if (signer == "rsa") ways.push_back({"cms", {"-certfile", inter, "-keyopt", "rsa_padding_mode:pss"}});
    for (const auto& [program, options] : ways) {
      INFO(signer << " " << program << " " << options.back());
      const std::string signature = SignText(ThePki(), signer, Text("alice"), options, program);
      const CertificateEvidence evidence = Read(Login(signature));
      CHECK(Name(evidence.fault) == "none");
      REQUIRE(evidence.from == From::kSigned);
      CHECK(evidence.leaf_der == ThePki().Der(signer));
      CHECK(evidence.chain_der == std::vector<std::string>{ThePki().Der("inter")});
      const auto verdict = (*verifier)->Verify(evidence, "alice", absl::FromUnixSeconds(kNow));
      INFO(verdict.explanation);
      CHECK(verdict.status == CertificateStatus::kValid);
      CHECK((*verifier)->Verify(evidence, "bob", absl::FromUnixSeconds(kNow)).status ==
            CertificateStatus::kMismatch);
    }
  }
}

TEST_CASE("a signed login may bring an OCSP response, and what is none is no fault", "[certificate]") {
  SignedLogin login = Login(SignText(ThePki(), "ec", Text("alice")));
  CHECK(Read(login).ocsp_der.empty());
  login.ocsp = EncodeBase64("any bytes");
  CHECK(Read(login).ocsp_der == "any bytes");
  for (const std::string& bad :
       {std::string("!"), EncodeBase64(std::string(kOcspResponseBytesMax + 1, 'x'))}) {
    login.ocsp = bad;
    CHECK(Read(login).from == From::kSigned);
    CHECK(Read(login).ocsp_der.empty());
  }
}

TEST_CASE("a signature is over its own text and by its own key", "[certificate]") {
  for (const std::string signer : {"rsa", "ec"}) {
    INFO(signer);
    for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{{}, {"-noattr"}}) {
      const std::string signature = SignText(ThePki(), signer, Text("alice"), options);
      CHECK(FaultOf(Login(signature)) == "none");
      CHECK(FaultOf(Login(signature, Text("bob"))) == "bad_signature");
      CHECK(FaultOf(Login(signature, Text("alice", "n-12345679"))) == "bad_signature");
      CHECK(FaultOf(Login(signature, Text("alice") + "\n")) == "bad_signature");
      CHECK(FaultOf(Login(signature, "")) == "bad_signature");
    }
  }
  // Another's key under the certificate: the signer's name and serial are the certificate's, the signature is not.
  const std::string theft = ThePki().folder().Write(
      "theft.pem", ReadWholeFile(ThePki().pem_file("ec")) + ReadWholeFile(ThePki().pem_file("bob")));
  std::string swapped = SignText(ThePki(), "bob", Text("alice"), {"-nocerts", "-certfile", theft});
  CHECK(Read(Login(swapped)).leaf_der == ThePki().Der("bob"));
  const std::string own = ThePki().Der("bob"), other = ThePki().Der("ec");
  // The same signature with the key inside bob's certificate exchanged for alice's: both are P-256 of one size.
  const auto key_of = [](const std::string& der) { return der.find(std::string("\x03\x42\x00\x04", 4)) + 4; };
  const size_t at = swapped.find(own);
  REQUIRE(at != std::string::npos);
  swapped.replace(at + key_of(own), 64, other.substr(key_of(other), 64));
  CHECK(FaultOf(Login(swapped)) == "bad_signature");
}

TEST_CASE("what is not one detached signature with its certificate is refused by its own name",
          "[certificate]") {
  const std::string text = Text("alice");
  const auto fault = [&](const std::vector<std::string>& options) {
    return FaultOf(Login(SignText(ThePki(), "rsa", text, options)));
  };
  CHECK(fault({}) == "none");
  CHECK(fault({"-nodetach"}) == "attached");
  CHECK(fault({"-stream", "-indef"}) == "attached");  // which openssl does of itself
  CHECK(fault({"-nocerts"}) == "no_certificate");
  CHECK(fault({"-nocerts", "-certfile", ThePki().pem_file("ec")}) == "no_certificate");
  CHECK(fault({"-signer", ThePki().pem_file("ec"), "-inkey", ThePki().key_file("ec")}) == "not_one_signer");
  CHECK(fault({"-md", "sha1"}) == "weak_digest");
  CHECK(fault({"-md", "sha224"}) == "weak_digest");
  CHECK(fault({"-md", "md5"}) == "weak_digest");
  std::string many;
  for (size_t i = 0; i < kCertificateChainMax + 1; ++i) {
    const std::string name = Concat("many", i);
    const_cast<Pki&>(ThePki()).Make(name, {Concat("/CN=many", i), "root"});
    many += ReadWholeFile(ThePki().pem_file(name));
  }
  CHECK(fault({"-certfile", ThePki().folder().Write("many.pem", many)}) == "unreadable");
  // Not a signature at all.
  const std::string out = ThePki().folder() / "other.der";
  for (const std::vector<std::string>& kind : std::vector<std::vector<std::string>>{
           {"-data_create"}, {"-digest_create"}, {"-encrypt", "-aes128", ThePki().pem_file("rsa")}}) {
    std::vector<std::string> command = {"openssl",  "cms", kind[0], "-binary",
                                        "-outform", "DER", "-in",   ThePki().folder() / "signed.txt",
                                        "-out",     out};
    command.insert(command.end(), kind.begin() + 1, kind.end());
    const auto [code, said] = RunProgram(command);
    INFO(said);
    REQUIRE(code == 0);
    CHECK(FaultOf(Login(ReadWholeFile(out))) == "unreadable");
  }
}

TEST_CASE("a signature is good for its window, on both sides of its time", "[certificate]") {
  const SignedLogin login = Login(SignText(ThePki(), "ec", Text("alice")));
  CHECK(FaultOf(login, kNow + 120) == "none");
  CHECK(FaultOf(login, kNow - 120) == "none");
  CHECK(FaultOf(login, kNow + 121) == "stale");
  CHECK(FaultOf(login, kNow - 121) == "stale");
  CHECK(FaultOf(login, kNow + 366 * 86400) == "stale");

  CHECK(ParseSignedTime("1714953600") == absl::FromUnixSeconds(kNow));
  CHECK(ParseSignedTime("1714953600123") == absl::FromUnixMillis(kNow * 1000 + 123));
  CHECK(ParseSignedTime("2024-05-06T00:00:00Z") == absl::FromUnixSeconds(kNow));
  CHECK(ParseSignedTime("2024-05-06T09:00:00.500+09:00") == absl::FromUnixMillis(kNow * 1000 + 500));
  for (const char* text :
       {"", "0", "171495360", "17149536001", "17149536001234", "-1714953600", "+1714953600", " 1714953600",
        "1714953600.0", "infinite-future", "2024-05-06", "2024-05-06T00:00:00", "2024-05-06 00:00:00Z",
        "2024-13-06T00:00:00Z", "2024-05-06T00:00:00Z ", "2024-05-06T25:00:00Z",
        "2024-05-06T00:00:00.00000000000000000000000000Z"}) {
    INFO(text);
    CHECK_FALSE(ParseSignedTime(text).has_value());
    SignedLogin broken = login;
    broken.timestamp = text;
    CHECK(FaultOf(broken) == "incomplete");
  }
  for (const std::string& nonce :
       {std::string(), std::string("1234567"), std::string(129, 'a'), std::string("1234 5678"),
        std::string("12345678\n"), std::string("1234567\xe4")}) {
    SignedLogin broken = login;
    broken.nonce = nonce;
    CHECK(FaultOf(broken) == "incomplete");
  }
  SignedLogin found_broken = login;
  found_broken.fault = Fault::kUnreadable;
  CHECK(FaultOf(found_broken) == "unreadable");
}

TEST_CASE("base64 comes in the spellings of browsers, and nothing else does", "[certificate]") {
  const std::string signature = SignText(ThePki(), "ec", Text("alice"));
  const SignedLogin plain = Login(signature);
  const auto with = [&](const std::string& text) {
    SignedLogin login = plain;
    login.signature = text;
    return FaultOf(login);
  };
  CHECK(with(EncodeBase64(signature, 64)) == "none");
  CHECK(with(EncodeBase64(signature, 76)) == "none");
  CHECK(with(EncodeBase64(signature, 0, true)) == "none");
  std::string spaces = plain.signature;
  for (char& c : spaces)
    if (c == '+') c = ' ';
  CHECK(with(spaces) == "none");
  // BER: the outermost length left open.
  std::string ber = signature;
  REQUIRE(ber.substr(0, 2) == "\x30\x82");
  ber = "\x30\x80" + ber.substr(4) + std::string(2, '\0');
  CHECK(with(EncodeBase64(ber)) == "none");
  for (const std::string& text :
       {std::string(), std::string("-"), std::string("AAAA"), std::string("!"), plain.signature + "!",
        plain.signature + "AAAA", plain.signature + plain.signature, plain.signature + "-_+/",
        std::string(kSignatureBytesMax * 2, 'A'), std::string(10 << 20, 'M')}) {
    INFO(text.substr(0, 80) << " " << text.size());
    CHECK(with(text) == "unreadable");
  }
}

TEST_CASE("a signature that was cut or changed anywhere is none", "[certificate]") {
  const std::string signature = SignText(ThePki(), "ec", Text("alice"));
  for (size_t size = 0; size < signature.size(); size += 7)
    CHECK(FaultOf(Login(signature.substr(0, size))) != "none");
  CHECK(FaultOf(Login(signature + '\0')) == "unreadable");
  // Whatever changes and still holds must show the same certificates: only what is not signed may change.
  const CertificateEvidence whole = Read(Login(signature));
  for (size_t at = 0; at < signature.size(); ++at) {
    std::string changed = signature;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const CertificateEvidence evidence = Read(Login(changed));
    if (evidence.from == From::kMalformed) continue;
    INFO(at);
    // A changed certificate has a broken signature of its issuer; its key is still the one that signed.
    const bool is_same = evidence.leaf_der == whole.leaf_der;
    const bool is_in_certificate =
        signature.find(whole.leaf_der) <= at && at < signature.find(whole.leaf_der) + whole.leaf_der.size();
    CHECK(is_same != is_in_certificate);
  }
}

TEST_CASE("a bare certificate is taken as PEM or base64, and marked as bare", "[certificate]") {
  const std::string der = ThePki().Der("ec");
  const std::string pem =
      Concat("-----BEGIN CERTIFICATE-----\n", EncodeBase64(der, 64), "-----END CERTIFICATE-----\n");
  for (const std::string& text :
       {pem, EncodeBase64(der), EncodeBase64(der, 76), EncodeBase64(der, 0, true)}) {
    const CertificateEvidence evidence = ReadBareCertificate(text);
    CHECK(evidence.from == From::kBare);
    CHECK(evidence.leaf_der == der);
  }
  for (const std::string& text : {std::string(), std::string("!"), pem + pem, pem + "x",
                                  std::string(kBareCertificateTextBytesMax + 1, 'A')}) {
    const CertificateEvidence evidence = ReadBareCertificate(text);
    CHECK(evidence.from == From::kMalformed);
    CHECK(evidence.fault == Fault::kUnreadable);
    CHECK(evidence.leaf_der.empty());
  }
}

}  // namespace
}  // namespace stockade
