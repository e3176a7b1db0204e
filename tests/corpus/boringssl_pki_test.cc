// BoringSSL's path validation and parsing cases and NIST's PKITS, through our paths, CRLs and strict reading.
#include <simdjson.h>
#include <catch2/catch.hpp>

#include <memory>

#include "absl/time/time.h"
#include "adapters/certificate/certificate_path.h"
#include "adapters/certificate/certificate_text.h"
#include "engine/text.h"
#include "tests/adapters/programs.h"
#include "tests/corpus/certificate_cases.h"

namespace stockade {
namespace {

namespace fs = std::filesystem;

const fs::path& Corpus() {
  static const fs::path folder = RequireCorpus("boringssl-pki");
  return folder;
}

std::vector<fs::path> Sorted(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

int64_t SecondsAt(const char* format, const std::string& text) {
  absl::Time time;
  std::string error;
  INFO(text);
  REQUIRE(absl::ParseTime(format, text, &time, &error));
  return absl::ToUnixSeconds(time);
}

struct Path {
  std::vector<std::string> anchors;
  std::string leaf;
  std::vector<std::string> sent;
};

// kMalformed where something in it is no certificate.
PathAnswer Verify(const Path& path, const CertificatePathOptions& options, int64_t now_s,
                  const CrlSet* crls = nullptr) {
  const ClearErrorsAtEnd clear;
  PathAnswer answer;
  answer.status = CertificateStatus::kMalformed;
  auto paths = CertificatePaths::CreateFromDer(path.anchors, {}, options);
  if (!paths.ok()) {
    answer.text = std::string(paths.status().message());
    return answer;
  }
  const OwnedX509 leaf = ReadCertificate(path.leaf, &answer.text);
  if (leaf == nullptr) return answer;
  std::vector<OwnedX509> sent;
  for (const std::string& der : path.sent) {
    sent.push_back(ReadCertificate(der, &answer.text));
    if (sent.back() == nullptr) return answer;
  }
  return (*paths)->Verify(leaf.get(), sent, crls, now_s);
}

std::string Said(const PathAnswer& answer) {
  return Concat(Name(answer.status), ": ", answer.text);
}

// The value of "key: value"; the lines behind expected_errors stand under that key.
std::map<std::string, std::string> ReadTest(const fs::path& file) {
  std::map<std::string, std::string> values;
  const std::string text = ReadText(file);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const size_t colon = line.find(": ");
    if (line.starts_with("expected_errors:")) {
      values["expected_errors"] = at < text.size() ? text.substr(at) : "";
      break;
    }
    if (colon != std::string::npos) values[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return values;
}

// YYMMDDHHMMSSZ, of this century.
int64_t SecondsOfTest(const std::string& text) {
  const std::string time = text == "DEFAULT" ? "211005120000Z" : text;
  REQUIRE(time.size() == 13);
  const auto part = [&](size_t at) { return time.substr(at, 2); };
  return SecondsAt(absl::RFC3339_full, Concat("20", part(0), "-", part(2), "-", part(4), "T", part(6), ":",
                                              part(8), ":", part(10), "Z"));
}

bool HasErrorLine(const std::string& text) {
  return text.starts_with("ERROR") || text.find("\nERROR") != std::string::npos;
}

TEST_CASE("BoringSSL's certificate paths", "[corpus][certificate]") {
  CaseTally clients("boringssl verify_certificate_chain, for clients or any use");
  CaseTally servers("boringssl verify_certificate_chain, for servers, with our purpose set to theirs");
  for (const fs::path& folder : Sorted(Corpus() / "verify_certificate_chain")) {
    if (!fs::is_directory(folder)) continue;
    for (const fs::path& file : Sorted(folder)) {
      if (file.extension() != ".test") continue;
      const auto test = ReadTest(file);
      const std::string name = Concat(folder.filename().string(), "/", file.filename().string());
      const std::string purpose = test.at("key_purpose");
      const std::string trust = test.at("last_cert_trust");
      CertificatePathOptions options;
      if (purpose.starts_with("MLS_") || purpose.starts_with("C2PA_")) {
        clients.DoesNotApply(name, "a purpose that is not logging in");
        continue;
      }
      if (purpose.starts_with("SERVER_AUTH")) options.purpose = CertificatePurpose::kServerAuth;
      if (purpose == "ANY_EKU") options.purpose = CertificatePurpose::kAny;
      options.leaf_says_purpose = purpose.find("_STRICT") != std::string::npos;
      options.authorities_say_purpose = purpose.ends_with("_STRICT");
      Path path;
      for (auto& [label, der] : PemBlocks(ReadText(folder / test.at("chain"))))
        if (label == "CERTIFICATE") path.sent.push_back(std::move(der));
      REQUIRE_FALSE(path.sent.empty());
      if (trust.starts_with("TRUSTED_LEAF") && path.sent.size() > 1) {
        clients.DoesNotApply(name, "trust in a leaf alone: what we trust is an anchor");
        continue;
      }
      path.leaf = path.sent.front();
      if (trust.starts_with("TRUSTED")) path.anchors.push_back(path.sent.back());
      if (path.sent.size() > 1) path.sent.pop_back();
      path.sent.erase(path.sent.begin());
      options.bare_anchors = trust == "TRUSTED_ANCHOR";
      const int64_t now_s = SecondsOfTest(test.at("utc_time"));
      const PathAnswer answer = Verify(path, options, now_s);
      CaseTally& tally = options.purpose == CertificatePurpose::kServerAuth ? servers : clients;
      tally.Note(Concat(name, " (", trust, ")"), !HasErrorLine(test.at("expected_errors")),
                 answer.status == CertificateStatus::kValid, Said(answer));
    }
  }
  CHECK(clients.Print() == 0);
  CHECK(servers.Print() == 0);
  CHECK(clients.agreed() > 10);
  CHECK(servers.agreed() > 50);
}

TEST_CASE("BoringSSL's certificates that can and cannot be read", "[corpus][certificate]") {
  CaseTally tally("boringssl parse_certificate");
  for (const fs::path& file : Sorted(Corpus() / "parse_certificate")) {
    std::string der;
    bool good = true;
    bool only_part = false;
    for (auto& [label, bytes] : PemBlocks(ReadText(file))) {
      if (label == "CERTIFICATE") der = std::move(bytes);
      only_part = only_part || label == "TBS CERTIFICATE";
      if (label == "ERRORS") good = !HasErrorLine(bytes);
    }
    if (only_part) {
      tally.DoesNotApply(file.filename().string(), "about one layer: what is inside is no certificate");
      continue;
    }
    const ClearErrorsAtEnd clear;
    std::string why;
    const OwnedX509 certificate = ReadCertificate(der, &why);
    tally.Note(file.filename().string(), good, certificate != nullptr, why);
  }
  CHECK(tally.Print() == 0);
  CHECK(tally.agreed() > 20);
}

TEST_CASE("BoringSSL's CRLs", "[corpus][certificate]") {
  CaseTally tally("boringssl crl");
  size_t only_unknown = 0;
  const TemporaryFolder temporary;
  for (const fs::path& file : Sorted(Corpus() / "crl")) {
    Path path;
    CrlSetOptions crl_options;
    crl_options.age_max = absl::Hours(24 * 7);
    for (auto& [label, bytes] : PemBlocks(ReadText(file))) {
      if (label == "CRL") crl_options.paths = {temporary.Write("list.crl", bytes)};
      if (label == "CERTIFICATE") path.leaf = bytes;
      if (label.starts_with("CA CERTIFICATE")) path.anchors.push_back(bytes);
    }
    // About CRLs: the authority has no basic constraints, and keys have 1024 bits.
    CertificatePathOptions options;
    options.purpose = CertificatePurpose::kAny;
    options.bare_anchors = true;
    options.floors.rsa_bits_min = 1024;
    const auto crls = CrlSet::Load(crl_options);
    const PathAnswer answer =
        Verify(path, options, SecondsAt(absl::RFC3339_full, "2017-03-09T00:00:00Z"), crls.get());
    const std::string name = file.filename().string();
    std::string said = Said(answer);
    for (const CrlProblem& problem : crls->problems()) Append(&said, "; ", problem.what);
    tally.Note(name, name.starts_with("good"), answer.status == CertificateStatus::kValid, said);
    const bool revoked = answer.status == CertificateStatus::kRevoked;
    INFO(name);
    if (!name.starts_with("revoked")) CHECK_FALSE(revoked);
    if (name.starts_with("revoked") && !revoked) {
      ++only_unknown;
      std::printf("  revoked, and we say: %s: %s\n", name.c_str(), said.c_str());
    }
  }
  std::printf(
      "boringssl crl: revoked is said nowhere else; %zu times something worse than good is said for it\n",
      only_unknown);
  CHECK(tally.Print() == 0);
  CHECK(only_unknown <= 1);
  CHECK(tally.agreed() > 30);
}

std::string PolicyOid(std::string_view name) {
  constexpr std::string_view kTest = "NIST-test-policy-";
  if (name.starts_with(kTest)) return Concat("2.16.840.1.101.3.2.1.48.", name.substr(kTest.size()));
  return std::string(name);
}

TEST_CASE("NIST's PKITS", "[corpus][certificate]") {
  CaseTally tally("nist-pkits");
  simdjson::dom::parser parser;
  const simdjson::dom::element all = parser.load((Corpus() / "nist-pkits/pkits-shared.json").string());
  const int64_t now_s = SecondsAt(absl::RFC3339_full, std::string(std::string_view(all["validation_time"])));
  for (const simdjson::dom::element test : all["cases"].get_array()) {
    // About paths, not about today's floors or about clients: it has DSA keys, and serial numbers that are negative.
    CertificatePathOptions options;
    options.purpose = CertificatePurpose::kAny;
    options.floors.dsa_bits_min = 1024;
    options.floors.sha1 = true;
    options.floors.odd_serials = true;
    CrlSetOptions crl_options;
    crl_options.floors = options.floors;
    Path path;
    for (const std::string_view name : test["certs"].get_array())
      path.sent.push_back(ReadText(Corpus() / "nist-pkits/certs" / Concat(name, ".crt")));
    path.anchors = {path.sent.front()};
    path.leaf = path.sent.back();
    path.sent.pop_back();
    path.sent.erase(path.sent.begin());
    for (const std::string_view name : test["crls"].get_array())
      crl_options.paths.push_back((Corpus() / "nist-pkits/crls" / Concat(name, ".crl")).string());
    bool flag = false;
    if (!test["initial_explicit_policy"].get(flag)) options.explicit_policy = flag;
    if (!test["initial_policy_mapping_inhibit"].get(flag)) options.inhibit_policy_mapping = flag;
    if (!test["initial_inhibit_any_policy"].get(flag)) options.inhibit_any_policy = flag;
    std::string_view policies;
    if (!test["initial_policy_set"].get(policies)) {
      for (size_t at = 0; at < policies.size();) {
        const size_t end = std::min(policies.find(',', at), policies.size());
        if (policies.substr(at, end - at) != "anyPolicy")
          options.policies.push_back(PolicyOid(policies.substr(at, end - at)));
        at = end + 1;
      }
    }
    const auto crls = CrlSet::Load(crl_options);
    const PathAnswer answer = Verify(path, options, now_s, crls.get());
    std::string said = Said(answer);
    for (const CrlProblem& problem : crls->problems()) Append(&said, "; ", problem.file, " ", problem.what);
    tally.Note(Concat(std::string_view(test["test_number"]), " ", std::string_view(test["title"])),
               bool(test["should_validate"]), answer.status == CertificateStatus::kValid, said);
  }
  CHECK(tally.Print() == 0);
  CHECK(tally.agreed() > 120);
}

}  // namespace
}  // namespace stockade
