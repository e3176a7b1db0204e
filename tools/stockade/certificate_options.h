// From the settings of certificates to what verifies them: one place for the running gate, `cert check` and tests.
#pragma once

#include <memory>
#include <vector>

#include "adapters/certificate/crl_set.h"
#include "adapters/certificate/ocsp_client.h"
#include "adapters/certificate/ocsp_memory.h"
#include "adapters/certificate/verifier.h"
#include "adapters/gateway/settings.h"

namespace stockade {

CrlSetOptions CrlOptionsOf(const CertificateSettings& settings);
// `crls`: null where none are set. `ocsp`: where answers are remembered; used where the settings speak of responders.
CertificateVerifierOptions VerifierOptionsOf(const CertificateSettings& settings,
                                             std::shared_ptr<const CurrentCrls> crls,
                                             std::shared_ptr<const Current<AccountTable>> accounts,
                                             std::shared_ptr<OcspMemory> ocsp);
// Whether somebody can be asked at all.
bool AsksResponders(const CertificateSettings& settings) noexcept;
OcspClientOptions OcspClientOptionsOf(const CertificateSettings& settings);

}  // namespace stockade
