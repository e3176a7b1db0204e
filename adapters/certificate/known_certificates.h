// Certificates that were good once, with all it takes to verify them anew: so that after a restart, a reload or a new set of
// revocation lists everybody who comes at 09:00 is known already, instead of all of them being new at once.
//
// It gives no trust. Each is verified like any other before it counts for anything; who writes into the file can make a
// gate verify certificates that nobody asked about, and no more. Only those go in that were found valid for a login.
//
// At most kKnownCertificatesMax and kKnownBytesMax; the one that was noted longest ago goes first. One record a leaf, with
// what came with it last: a customer who sends ever other certificates along pushes out nobody but himself.
//
// The file: "stockade known certificates 1\n", then each record, oldest first:
//   u32 bytes of the leaf, the leaf, u8 how many came with it, and for each u32 bytes, the certificate     little endian
// and at the end the SHA-256 of all before. It is written beside and renamed over, readable by its owner alone, for
// certificates name people. Save and Load block: not for an event loop.
//
// Any thread. Note: a hash of the certificates and a lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adapters/certificate/evidence.h"
#include "adapters/certificate/sha256.h"
#include "adapters/certificate/verifier.h"

namespace stockade {

// As many as a verifier remembers.
inline constexpr size_t kKnownCertificatesMax = kVerifiedCertificatesMax;
// Leaf and one intermediate are 2 to 3 KiB.
inline constexpr size_t kKnownBytesMax = size_t{48} << 20;

class KnownCertificates {
 public:
  // Leaf and chain as they lie in the file.
  using Record = std::shared_ptr<const std::string>;

  explicit KnownCertificates(size_t certificates_max = kKnownCertificatesMax,
                             size_t bytes_max = kKnownBytesMax)
      : certificates_max_(certificates_max), bytes_max_(bytes_max) {}

  void Note(const CertificateEvidence& evidence);
  void Forget(const Record& record);
  // The last noted first.
  std::vector<Record> All() const;
  // As if it were shown over TLS; nothing where it is no record.
  static std::optional<CertificateEvidence> Read(const std::string& record);

  size_t size() const;
  size_t bytes() const;
  // Counts up with every change.
  uint64_t changes() const;

  // Errors: what the system said, with the file.
  absl::Status Save(const std::string& file) const;
  // How many were read. A file that is not there is none. Errors, with the file; nothing was taken then: DataLoss where it is
  // one of ours and damaged, FailedPrecondition where it is somebody else's and must not be written over.
  absl::StatusOr<size_t> Load(const std::string& file);

 private:
  struct Entry {
    Sha256Digest leaf;
    Record record;
  };

  void Put(std::string record);
  void Erase(std::list<Entry>::iterator entry);  // under mutex_

  const size_t certificates_max_, bytes_max_;
  // std::mutex and not Abseil's: ThreadSanitizer does not see into the distribution's build of that.
  mutable std::mutex mutex_;
  // Under mutex_, all that follow.
  std::list<Entry> entries_;  // last noted first
  absl::flat_hash_map<Sha256Digest, std::list<Entry>::iterator, Sha256DigestHash> by_leaf_;
  size_t bytes_ = 0;
  uint64_t changes_ = 0;
};

}  // namespace stockade
