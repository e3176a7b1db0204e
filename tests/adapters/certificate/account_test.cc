// Whose account a certificate is: each place a name can stand in, templates, and the firm's own table.
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "adapters/certificate/account_binding.h"
#include "adapters/certificate/account_table.h"
#include "adapters/certificate/verifier.h"
#include "engine/text.h"
#include "tests/adapters/certificate/pki.h"

namespace stockade {
namespace {

using Status = CertificateStatus;
constexpr const char* kOwnOid = "1.3.6.1.4.1.55555.1";
const absl::Time kMay = absl::FromUnixSeconds(1714953600);  // 2024-05-06

const Pki& ThePki() {
  static const std::unique_ptr<const Pki> made = [] {
    RequireProgram("openssl");
    auto pki = std::make_unique<Pki>();
    pki->Make("root", {"/O=Stockade/CN=Root", "root", "root", "20200101000000Z", "20400101000000Z"});
    Pki::Wish alice{"/O=Bank/OU=web/CN=alice", "root"};
    alice.serial = "00A1B2";
    pki->Make("alice", alice);
    pki->Make("upn", {"/CN=x", "root", "upn"});
    pki->Make("two_upns", {"/CN=x", "root", "two_upns"});
    pki->Make("odd_upn", {"/CN=x", "root", "odd_upn"});
    pki->Make("own", {"/CN=x", "root", "own_extension"});
    pki->Make("own_and_other", {"/CN=x", "root", "own_and_other"});
    pki->Make("branch", {"/CN=Branch 12 Customer 0815", "root"});
    return pki;
  }();
  return *made;
}

CertificateVerifierOptions Options() {
  CertificateVerifierOptions options;
  options.anchor_files = {ThePki().pem_file("root")};
  return options;
}

Status Ask(const CertificateVerifierOptions& options, const std::string& leaf, std::string_view account) {
  const auto verifier = CertificateVerifier::Create(options);
  INFO(verifier.status());
  REQUIRE(verifier.ok());
  CertificateEvidence evidence;
  evidence.from = CertificateEvidence::From::kTls;
  evidence.leaf_der = ThePki().Der(leaf);
  // Twice: the second is answered from memory.
  const Status first = (*verifier)->Verify(evidence, account, kMay).status;
  CHECK((*verifier)->Verify(evidence, account, kMay).status == first);
  return first;
}

Status Named(const std::string& leaf, std::string_view account, const std::string& from,
             const std::string& pattern = "", const std::string& as = "") {
  CertificateVerifierOptions options = Options();
  options.account_from = from;
  options.account_pattern = pattern;
  options.account_template = as;
  return Ask(options, leaf, account);
}

TEST_CASE("an account can stand in a user principal name or behind any object identifier", "[certificate]") {
  CHECK(Named("upn", "alice@corp.example", "upn") == Status::kValid);
  CHECK(Named("upn", "other@example.org", "upn") == Status::kMismatch);
  CHECK(Named("two_upns", "alice@corp.example", "upn") == Status::kMismatch);
  CHECK(Named("odd_upn", "4711", "upn") == Status::kMismatch);
  CHECK(Named("alice", "alice", "upn") == Status::kMismatch);
  // The user principal name by its number, and a part of the subject by its.
  CHECK(Named("upn", "alice@corp.example", "1.3.6.1.4.1.311.20.2.3") == Status::kValid);
  CHECK(Named("alice", "web", "2.5.4.11") == Status::kValid);
  CHECK(Named("alice", "alice", "2.5.4.11") == Status::kMismatch);
  CHECK(Named("own", "d-4711", kOwnOid) == Status::kValid);
  CHECK(Named("own", "d-4712", kOwnOid) == Status::kMismatch);
  // Two places that say two things say nothing.
  CHECK(Named("own_and_other", "d-4711", kOwnOid) == Status::kMismatch);
  CHECK(Named("own_and_other", "d-4712", kOwnOid) == Status::kMismatch);
  // An extension that is no text: basicConstraints.
  CHECK(Named("alice", "", "2.5.29.19") == Status::kMismatch);
}

TEST_CASE("a template writes the account of a pattern's groups", "[certificate]") {
  const std::string pattern = "^Branch ([0-9]+) Customer ([0-9]+)$";
  CHECK(Named("branch", "0815-12", "cn", pattern, R"(\2-\1)") == Status::kValid);
  CHECK(Named("branch", "12-0815", "cn", pattern, R"(\2-\1)") == Status::kMismatch);
  CHECK(Named("branch", "12", "cn", pattern) == Status::kValid);
  for (const auto& [from, own_pattern, as, says] :
       std::vector<std::array<std::string, 4>>{{"cn", pattern, R"(\3)", "account_template"},
                                               {"cn", "", R"(\1)", "account_template"},
                                               {"cn", "abc", "", "account_pattern"},
                                               {"mail", "", "", "serial_number, cn, uid, email, upn"},
                                               {"3.1.2", "", "", "an object identifier"},
                                               {"2.5.4.", "", "", "an object identifier"},
                                               {"commonName", "", "", "an object identifier"}}) {
    const auto binding = AccountBinding::Create(from, own_pattern, as);
    REQUIRE_FALSE(binding.ok());
    CHECK_THAT(std::string(binding.status().message()), Catch::Contains(says));
  }
}

std::shared_ptr<const AccountTable> Table(const std::string& text) {
  auto table = AccountTable::Read(text, "accounts.ndjson");
  INFO(table.status());
  REQUIRE(table.ok());
  return *table;
}

std::string FingerprintOf(const std::string& name) {
  const auto [code, text] =
      RunProgram({"openssl", "x509", "-in", ThePki().pem_file(name), "-noout", "-fingerprint", "-sha256"});
  REQUIRE(code == 0);
  std::string value = text.substr(text.find('=') + 1);
  value.resize(value.find_last_not_of("\r\n") + 1);
  return value;
}

TEST_CASE(
    "the firm's table goes before the subject, is swapped while running, and knows who owns a certificate",
    "[certificate]") {
  const std::string by_serial =
      R"({"issuer": "CN=Root,O=Stockade", "serial": "a1:b2", "accounts": ["Margin-1", "margin-2"]})";
  CertificateVerifierOptions options = Options();
  const auto current = std::make_shared<Current<AccountTable>>(Table(by_serial));
  options.accounts = current;
  const auto verifier = *CertificateVerifier::Create(options);
  CertificateEvidence evidence, nothing;
  evidence.from = CertificateEvidence::From::kTls;
  evidence.leaf_der = ThePki().Der("alice");
  const auto ask = [&](std::string_view account) { return verifier->Verify(evidence, account, kMay).status; };
  const auto none = [&](std::string_view account) { return verifier->Verify(nothing, account, kMay).status; };
  CHECK(ask("margin-1") == Status::kValid);
  CHECK(ask(" MARGIN-2") == Status::kValid);
  CHECK(ask("alice") == Status::kMismatch);  // although its subject says so
  CHECK(none("Margin-2") == Status::kWithheld);
  CHECK(none("alice") == Status::kMissing);
  CHECK(none("") == Status::kMissing);

  // The fingerprint goes before issuer and serial, in openssl's own spelling.
  current->Put(Table(by_serial + "\n\n{\"fingerprint\": \"" + FingerprintOf("alice") +
                     "\", \"accounts\": [\"bob\"], \"note\": 7}\r\n"));
  CHECK(ask("bob") == Status::kValid);
  CHECK(ask("margin-1") == Status::kMismatch);
  // Revoked by the firm: it may log in nowhere.
  current->Put(Table("{\"fingerprint\": \"" + FingerprintOf("alice") + "\", \"accounts\": []}"));
  CHECK(ask("alice") == Status::kMismatch);
  // A table that does not name it leaves it to the subject, and `none` to nobody.
  current->Put(Table(""));
  CHECK(ask("alice") == Status::kValid);
  options.account_from = "none";
  CHECK(Ask(options, "alice", "alice") == Status::kMismatch);
}

TEST_CASE("a line of the table that cannot be read is named, and refuses it whole", "[certificate]") {
  const std::string good = R"({"issuer": "CN=A", "serial": "1", "accounts": ["a"]})";
  const std::string print(64, 'a');
  for (const auto& [line, says] : std::vector<std::pair<std::string, std::string>>{
           {"alice", "is no JSON"},
           {"[]", "must be an object"},
           {"{}", "accounts must be a list"},
           {R"({"accounts": ["a"]})", "needs a fingerprint, or an issuer and a serial"},
           {R"({"serial": "1", "accounts": ["a"]})", "needs a fingerprint, or"},
           {R"({"issuer": "CN=A", "accounts": ["a"]})", "needs a fingerprint, or"},
           {R"({"fingerprint": ")" + print + R"(", "serial": "1", "accounts": ["a"]})",
            "needs a fingerprint, or"},
           {R"({"fingerprint": 5, "accounts": ["a"]})", "fingerprint must be a text"},
           {R"({"fingerprint": "abc", "accounts": ["a"]})", "no SHA-256"},
           {R"({"fingerprint": ")" + print + R"(a", "accounts": ["a"]})", "no SHA-256"},
           {R"({"issuer": "CN=A", "serial": "12 3", "accounts": ["a"]})", "no serial number"},
           {R"({"issuer": "CN=A", "serial": ")" + print + R"(", "accounts": ["a"]})", "no serial number"},
           {R"({"issuer": "CN=A", "serial": "1", "accounts": "a"})", "accounts must be a list"},
           {R"({"issuer": "CN=A", "serial": "1", "accounts": [5]})", "an account must be a text"},
           {R"({"issuer": "CN=A", "serial": "1", "accounts": [" "]})", "an account is empty"},
           {"{\"fingerprint\": \"\x1b[2J\", \"accounts\": [\"a\"]}", "is no JSON"}}) {
    const auto table = AccountTable::Read(good + "\n" + line + "\n" + good, "accounts.ndjson");
    INFO(line);
    REQUIRE_FALSE(table.ok());
    CHECK_THAT(std::string(table.status().message()),
               Catch::StartsWith("accounts.ndjson:2: ") && Catch::Contains(says));
  }
  CHECK_FALSE(AccountTable::Load("/no/such/table").ok());
}

TEST_CASE("a table finds what a plain map of its lines finds", "[certificate]") {
  std::mt19937 random(7);
  std::map<std::string, std::vector<std::string>> expected;
  std::string text;
  for (int i = 0; i < 5000; ++i) {
    const std::string serial = std::to_string(1 + random() % 3000),
                      account = "c" + std::to_string(random() % 4000);
    text += R"({"issuer":"CN=A","serial":")" + serial + R"(","accounts":[")" + account + "\"]}\n";
    expected[serial].push_back(account);
  }
  const auto table = Table(text);
  CHECK(table->certificates() == expected.size());
  for (int i = 0; i < 4000; ++i) {
    const std::string serial = std::to_string(i);
    const AccountTable::Accounts* found = table->Find({}, IssuerSerialKey("CN=A", "000" + serial));
    CHECK((found == nullptr) == !expected.contains(serial));
    if (found != nullptr) CHECK(*found == expected[serial]);
    CHECK(table->Find({}, IssuerSerialKey("CN=B", serial)) == nullptr);
  }
}

}  // namespace
}  // namespace stockade
