// What a running gate has of certificates for as long as it runs, over all reloads: the queue in which they are judged, used
// nonces, counts, and the certificates that are verified anew before anybody asks.
//
//   GateCertificates certificates(hash_key, &log);  Use(parts)  (Find | Tick | Use)*  Stop
//
// gateway.certificates.known: read when a Use names it first, written every kSaveEvery if something is new, and at Stop. A
// file that cannot be read or written is said and costs nothing else: those it would have named are verified when they
// come. One that is there and is none of ours is never written over.
//
// Use, Tick, Stop: one thread. Find, Samples: any.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "adapters/certificate/ocsp_client.h"
#include "adapters/gateway/certificate_judge.h"
#include "adapters/gateway/certificate_queue.h"
#include "adapters/gateway/gate_metrics.h"
#include "adapters/gateway/login_certificate.h"
#include "tools/stockade/run_log.h"

namespace stockade {

struct GateParts;

class GateCertificates {
 public:
  // What a crash may cost: certificates of five minutes, to be verified when they come again.
  static constexpr absl::Duration kSaveEvery = absl::Minutes(5);

  // `log` outlives it.
  GateCertificates(const HashKey& key, RunLog* log);
  ~GateCertificates();

  // From now on; jobs under way end on the parts they began with.
  void Use(std::shared_ptr<const GateParts> parts);
  CertificateFinding Find(const GateParts& parts, CertificateEvidence connection,
                          const EndpointSettings& endpoint, const LoginClaim& claim,
                          const Address& client) const;
  // Every second or so: verifies anew what new revocation lists have made unknown, saves.
  void Tick(absl::Time now);
  // When nobody asks any more. Idempotent.
  void Stop();

  std::vector<MetricSample> Samples() const;

 private:
  // How to ask what the verdict leaves open: the responders of the parts in force.
  std::function<void(std::function<void()>)> QuestionsOf(const CertificateVerdict& verdict) const;
  void Warm();
  void Load();
  void Save();

  RunLog& log_;
  CertificateMemory memory_;
  CertificateQueue queue_;
  const CertificateJudge judge_;
  mutable std::mutex responders_mutex_;  // Use swaps what the queue's threads ask
  std::shared_ptr<OcspClient> responders_;
  std::shared_ptr<const GateParts> parts_;
  uint64_t crl_epoch_ = 0;  // with which was verified last
  uint64_t saved_changes_ = 0;
  absl::Time saved_ = absl::InfinitePast();
  std::string known_file_;  // that was read last
  bool is_known_file_ours_ = true;
  bool stopped_ = false;
};

}  // namespace stockade
