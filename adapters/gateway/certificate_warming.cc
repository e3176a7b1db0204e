#include "adapters/gateway/certificate_warming.h"

#include <optional>
#include <utility>
#include <vector>

namespace stockade {
namespace {

struct Warming {
  std::shared_ptr<const CertificateVerifier> verifier;
  CertificateMemory* memory;
  std::function<absl::Time()> clock;
  std::vector<KnownCertificates::Record> records;
  size_t next = 0;
};

}  // namespace

std::function<bool()> WarmingStep(std::shared_ptr<const CertificateVerifier> verifier,
                                  CertificateMemory* memory, std::function<absl::Time()> clock) {
  auto warming = std::make_shared<Warming>(
      Warming{std::move(verifier), memory, std::move(clock), memory->known.All(), 0});
  return [warming] {
    Warming& all = *warming;
    if (all.next >= all.records.size()) return false;
    const KnownCertificates::Record record = std::move(all.records[all.next++]);
    const std::optional<CertificateEvidence> evidence = KnownCertificates::Read(*record);
    // For no account: one whose path holds is then somebody else's, and is remembered as good.
    const CertificateStatus status =
        evidence ? all.verifier->Verify(*evidence, {}, all.clock()).status : CertificateStatus::kMalformed;
    const bool is_good = status == CertificateStatus::kMismatch || status == CertificateStatus::kValid;
    ++(is_good ? all.memory->warmed : all.memory->warmed_bad);
    if (status == CertificateStatus::kExpired || status == CertificateStatus::kRevoked ||
        status == CertificateStatus::kMalformed)
      all.memory->known.Forget(record);
    return all.next < all.records.size();
  };
}

}  // namespace stockade
