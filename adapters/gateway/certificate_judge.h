// The way of a login's certificate to its status: at once where no signature has to be checked, else through the queue.
//
//   CertificateJudge judge(&queue, &memory, questions);
//   CertificateFinding finding = judge.Find(verifier, evidence, endpoint, claim, client);
//   if (finding.later) finding.later(done); else … finding.status
//
// For everybody who holds logins: the proxy, the verdict service. Find: any thread, some microseconds, allocates only where
// something is judged later. A job holds on to its verifier, so that a reload may come meanwhile.
#pragma once

#include <functional>
#include <memory>

#include "adapters/certificate/evidence.h"
#include "adapters/certificate/verifier.h"
#include "adapters/gateway/certificate_finding.h"
#include "adapters/gateway/certificate_queue.h"
#include "adapters/gateway/login_certificate.h"
#include "adapters/gateway/login_exchange.h"
#include "adapters/gateway/settings.h"

namespace stockade {

// How to ask what a verdict leaves open, as CertificateLook::ask has it; null where there is nothing to ask. Called by the
// queue's threads.
using CertificateQuestions =
    std::function<std::function<void(std::function<void()> then)>(const CertificateVerdict&)>;

class CertificateJudge {
 public:
  // All outlive it and the queue's jobs. `questions`: null: nobody is asked.
  CertificateJudge(CertificateQueue* queue, CertificateMemory* memory,
                   CertificateQuestions questions = nullptr)
      : queue_(queue), memory_(memory), questions_(std::move(questions)) {}

  // `connection`: what came with the connection, or kNone. `client`: whose rate it counts for.
  CertificateFinding Find(const std::shared_ptr<const CertificateVerifier>& verifier,
                          CertificateEvidence connection, const EndpointSettings& endpoint,
                          const LoginClaim& claim, const Address& client) const;

 private:
  CertificateQueue* const queue_;
  CertificateMemory* const memory_;
  const CertificateQuestions questions_;
};

}  // namespace stockade
