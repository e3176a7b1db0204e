// Verifies certificates that were good once anew, before anybody asks: after a start, a reload, and when revocation lists
// have changed, for each of these makes everything unknown (verified_cache.h).
//
//   queue.Warm(WarmingStep(verifier, &memory, clock))     certificate_queue.h: while no login waits
//
// One certificate a call, the last noted first: one is noted when it is verified for a login, not when it is only looked up.
// What has expired or was revoked is forgotten; what fails otherwise is kept, for an anchor that is missing today may be back
// tomorrow. Nobody is asked: where revocation is a responder's to tell, a certificate stays new until its owner comes.
#pragma once

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "adapters/certificate/verifier.h"
#include "adapters/gateway/login_certificate.h"

namespace stockade {

// `memory` outlives the step. False when all are through.
std::function<bool()> WarmingStep(std::shared_ptr<const CertificateVerifier> verifier,
                                  CertificateMemory* memory, std::function<absl::Time()> clock);

}  // namespace stockade
