#include "adapters/gateway/certificate_judge.h"

#include <optional>
#include <utility>

#include "absl/time/clock.h"

namespace stockade {

CertificateFinding CertificateJudge::Find(const std::shared_ptr<const CertificateVerifier>& verifier,
                                          CertificateEvidence connection, const EndpointSettings& endpoint,
                                          const LoginClaim& claim, const Address& client) const {
  const absl::Time now = absl::Now();
  if (const std::optional<CertificateStatus> status =
          JudgeAtOnce(*verifier, connection, endpoint, claim, now, memory_))
    return *status;
  auto shown = std::make_shared<ShownCertificate>(std::move(connection), endpoint, claim, now);
  const auto look = [this, verifier, shown] {
    const CertificateVerdict verdict = shown->Look(*verifier, absl::Now(), memory_);
    CertificateLook looked{verdict.status};
    if (questions_) looked.ask = questions_(verdict);
    return looked;
  };
  return CertificateFinding([this, shown, look, client](CertificateDone done) {
    queue_->Judge({client, look, [this, shown, done = std::move(done)](CertificateStatus status) {
                     shown->Count(status, memory_);
                     done(status);
                   }});
  });
}

}  // namespace stockade
