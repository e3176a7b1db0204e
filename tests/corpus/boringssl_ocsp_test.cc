// BoringSSL's OCSP responses, each with its certificate and issuer, at the time that it names.
#include <simdjson.h>
#include <catch2/catch.hpp>

#include "absl/time/time.h"
#include "adapters/certificate/ocsp_response.h"
#include "adapters/certificate/strict_der.h"
#include "tests/corpus/certificate_cases.h"

namespace stockade {
namespace {

constexpr std::string_view kStatusNames[] = {"GOOD", "UNKNOWN", "REVOKED"};

TEST_CASE("BoringSSL's OCSP responses", "[corpus][certificate]") {
  const std::filesystem::path folder = RequireCorpus("boringssl-pki") / "ocsp";
  simdjson::dom::parser parser;
  const simdjson::dom::element all = parser.load((folder / "expected.json").string());
  absl::Time now;
  std::string error;
  REQUIRE(
      absl::ParseTime(absl::RFC3339_full, std::string(std::string_view(all["verify_time"])), &now, &error));
  OcspOptions options;
  options.age_max = absl::Seconds(int64_t(all["max_age_seconds"]));
  // About responses: their keys have 1024 bits, and their serial numbers are as they are.
  options.floors.rsa_bits_min = 1024;
  options.floors.sha1 = true;
  CaseTally tally("boringssl ocsp");
  size_t wrong_words = 0;
  for (const simdjson::dom::element test : all["cases"].get_array()) {
    const std::string_view file_text = test["file"];
    const std::string file(file_text);
    const std::string_view expected = test["expected_revocation_status"];
    std::string response, leaf_der, issuer_der, why;
    for (auto& [label, bytes] : PemBlocks(ReadText(folder / file))) {
      if (label == "OCSP RESPONSE") response = bytes;
      if (label == "CERTIFICATE") leaf_der = bytes;
      if (label == "CA CERTIFICATE") issuer_der = bytes;
    }
    INFO(file);
    const OwnedX509 leaf = ReadCertificate(leaf_der, &why);
    const OwnedX509 issuer = ReadCertificate(issuer_der, &why);
    INFO(why);
    REQUIRE(leaf != nullptr);
    REQUIRE(issuer != nullptr);
    const OcspAnswer answer = ReadOcspResponse(response, leaf.get(), issuer.get(), now, options);
    const std::string_view said = kStatusNames[static_cast<size_t>(answer.status)];
    tally.Note(file, expected == "GOOD", answer.status == OcspStatus::kGood,
               std::string(said) + ": " + answer.why);
    if (said != expected) {
      ++wrong_words;
      std::printf("  another word: %s: %s: %s\n", file.c_str(), std::string(said).c_str(),
                  answer.why.c_str());
    }
  }
  CHECK(tally.Print() == 0);
  CHECK(wrong_words == 0);
  CHECK(tally.agreed() == 25);
}

}  // namespace
}  // namespace stockade
