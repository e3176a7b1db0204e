#include "tools/stockade/certificate_options.h"

#include <string_view>
#include <utility>

namespace stockade {
namespace {

RevocationUnknown UnknownOf(std::string_view word) {
  if (word == "accept") return RevocationUnknown::kAccept;
  return word == "challenge" ? RevocationUnknown::kChallenge : RevocationUnknown::kRefuse;
}

}  // namespace

CrlSetOptions CrlOptionsOf(const CertificateSettings& settings) {
  CrlSetOptions options;
  options.paths = settings.crl_paths;
  options.age_max = settings.crl_age_max;
  options.floors.rsa_bits_min = settings.rsa_bits;
  return options;
}

CertificateVerifierOptions VerifierOptionsOf(const CertificateSettings& settings,
                                             std::shared_ptr<const CurrentCrls> crls,
                                             std::shared_ptr<const Current<AccountTable>> accounts,
                                             std::shared_ptr<OcspMemory> ocsp) {
  CertificateVerifierOptions options;
  options.anchor_files = settings.anchor_files;
  options.intermediate_files = settings.intermediate_files;
  options.account_from = settings.account_from;
  options.account_pattern = settings.account_pattern;
  options.account_template = settings.account_template;
  options.accounts = std::move(accounts);
  options.path.policies = settings.policies;
  options.path.explicit_policy = !settings.policies.empty();
  options.path.floors.rsa_bits_min = settings.rsa_bits;
  options.path.revocation_unknown = UnknownOf(settings.revocation_unknown);
  for (const auto& [issuer, word] : settings.revocation_unknown_of)
    options.path.revocation_unknown_by_issuer[issuer] = UnknownOf(word);
  options.crls = std::move(crls);
  if (settings.ocsp) {
    OcspSources& sources = options.ocsp.emplace();
    sources.memory = std::move(ocsp);
    sources.responders.insert(settings.ocsp->responders.begin(), settings.ocsp->responders.end());
    sources.from_certificate = settings.ocsp->from_certificate;
    sources.age_max = settings.ocsp->age_max;
  }
  return options;
}

bool AsksResponders(const CertificateSettings& settings) noexcept {
  return settings.ocsp && (settings.ocsp->from_certificate || !settings.ocsp->responders.empty());
}

OcspClientOptions OcspClientOptionsOf(const CertificateSettings& settings) {
  const OcspSettings& ocsp = settings.ocsp ? *settings.ocsp : OcspSettings();
  OcspClientOptions options;
  options.time = ocsp.time;
  options.nonce = ocsp.nonce;
  options.response.age_max = ocsp.age_max;
  options.response.ahead = kResponderAheadMax;
  options.response.floors.rsa_bits_min = settings.rsa_bits;
  return options;
}

}  // namespace stockade
