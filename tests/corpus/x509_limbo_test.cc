// x509-limbo's cases through our paths: those of clients as they are, those of servers with our purpose set to theirs and
// without the name of a server, which is none of ours.
#include <simdjson.h>
#include <catch2/catch.hpp>

#include <set>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "adapters/certificate/certificate_path.h"
#include "engine/text.h"
#include "tests/adapters/programs.h"
#include "tests/corpus/certificate_cases.h"

namespace stockade {
namespace {

std::vector<std::string> Ders(const simdjson::dom::element& pems) {
  std::vector<std::string> ders;
  for (const std::string_view pem : pems.get_array())
    for (auto& [label, der] : PemBlocks(pem)) ders.push_back(std::move(der));
  return ders;
}

struct Answer {
  CertificateStatus status = CertificateStatus::kMalformed;
  std::string said;
};

Answer Ask(const simdjson::dom::element& test, const CertificatePathOptions& options, absl::Time now) {
  const ClearErrorsAtEnd clear;
  Answer answer;
  auto paths = CertificatePaths::CreateFromDer(Ders(test["trusted_certs"]), {}, options);
  if (!paths.ok()) return {CertificateStatus::kMalformed, std::string(paths.status().message())};
  const auto blocks = PemBlocks(std::string_view(test["peer_certificate"]));
  REQUIRE(blocks.size() == 1);
  const OwnedX509 leaf = ReadCertificate(blocks[0].second, &answer.said);
  if (leaf == nullptr) return answer;
  // Somebody who sends more than we read is refused before any path is looked for.
  std::vector<OwnedX509> sent;
  for (const std::string& der : Ders(test["untrusted_intermediates"])) {
    if (sent.size() == kCertificateChainMax)
      return {CertificateStatus::kMalformed, "more were sent than we read"};
    sent.push_back(ReadCertificate(der, &answer.said));
    if (sent.back() == nullptr) return answer;
  }
  const TemporaryFolder folder;
  CrlSetOptions crl_options;
  crl_options.floors = options.floors;
  for (const std::string& der : Ders(test["crls"]))
    crl_options.paths.push_back(folder.Write(Concat(crl_options.paths.size(), ".crl"), der));
  const auto crls = crl_options.paths.empty() ? nullptr : CrlSet::Load(crl_options);
  const PathAnswer path = (*paths)->Verify(leaf.get(), sent, crls.get(), absl::ToTimeT(now));
  return {path.status, Concat(Name(path.status), ": ", path.text)};
}

// Why a case is not one of a client's certificate; empty where it is one, or where it is about paths of any kind.
std::string NotOurs(std::string_view id, const std::set<std::string>& features) {
  if (features.contains("max-chain-depth"))
    return "its limit of depth is an input; ours is kCertificatePathMax";
  if (id.starts_with("webpki::san::") || id.starts_with("webpki::cn::"))
    return "about the DNS name of a server";
  return "";
}

TEST_CASE("x509-limbo", "[corpus][certificate]") {
  simdjson::dom::parser parser;
  const simdjson::dom::element all =
      parser.load((RequireCorpus("x509-limbo") / "limbo-shared.json").string());
  for (const bool whole_profile : {false, true}) {
    const char* const profile =
        whole_profile ? ", the whole profile of RFC 5280" : ", as set without saying more";
    CaseTally clients(Concat("x509-limbo, clients", profile));
    CaseTally servers(Concat("x509-limbo, servers as paths", profile));
    CaseTally web(Concat("x509-limbo, rules of the CA/Browser Forum (shown, not asked for)", profile));
    for (const simdjson::dom::element test : all["testcases"].get_array()) {
      const std::string_view id_text = test["id"];
      const std::string id(id_text);
      std::set<std::string> features;
      for (const std::string_view feature : test["features"].get_array()) features.emplace(feature);
      const bool client = std::string_view(test["validation_kind"]) == "CLIENT";
      CaseTally& tally = id.starts_with("webpki::") ? web : client ? clients : servers;
      const std::string reason = NotOurs(id, features);
      if (!reason.empty()) {
        tally.DoesNotApply(id, reason);
        continue;
      }
      CertificatePathOptions options;
      options.whole_profile = whole_profile;
      options.purpose = client ? CertificatePurpose::kClientAuth : CertificatePurpose::kServerAuth;
      absl::Time now = absl::Now();
      std::string_view at;
      std::string error;
      if (!test["validation_time"].get(at))
        REQUIRE(absl::ParseTime(absl::RFC3339_full, std::string(at), &now, &error));
      const Answer answer = Ask(test, options, now);
      tally.Note(id, std::string_view(test["expected_result"]) == "SUCCESS",
                 answer.status == CertificateStatus::kValid, answer.said);
    }
    CHECK(clients.Print() == 0);
    // What is let pass without the whole profile is what binds issuers and changes no decision.
    const size_t accepted = servers.Print();
    if (whole_profile) CHECK(accepted == 0);
    web.Print();
    CHECK(clients.agreed() == 5);
  }
}

}  // namespace
}  // namespace stockade
