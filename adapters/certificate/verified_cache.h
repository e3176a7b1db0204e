// Remembers certificates that were found good, so that a customer's next login costs a hash instead of signatures.
//
// Only good chains come in, each by the hash of every byte that was shown, and of each leaf the last one: whoever wants to
// push out another's entry needs another certificate that an anchor issued, whatever he sends along with his own, and a
// stranger's flood of bad ones leaves it as it was. An entry is good for exactly the time in which every certificate of its chain is, and for the CRLs and revocations by responders it was verified with, so
// an answer from here is the one that verification would give.
// At most `entries_max` of them (some 300 bytes each); the one that was longest unasked goes first.
//
// Every member may be called from any thread at once; a lock is held for a look-up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "adapters/certificate/sha256.h"

namespace stockade {

// What an answer depends on besides time: numbers that change with it; 0: was not asked.
struct RevocationEpochs {
  uint64_t crls = 0;  // crl_set.h
  uint64_t ocsp = 0;  // ocsp_memory.h
  bool operator==(const RevocationEpochs&) const = default;
};

struct VerifiedCertificate {
  // Seconds since 1970, both inclusive: when the last of the chain began, and when the first ends.
  int64_t from_s = 0;
  int64_t until_s = 0;
  std::string account;     // folded; empty: it speaks for nobody
  std::string no_account;  // then, why
  std::string subject;     // printable
  // What a table of accounts knows it by (account_table.h).
  Sha256Digest fingerprint{};
  std::string issuer_serial{};
  RevocationEpochs epochs{};
  std::string revocation_unknown{};  // not empty: good although revocation is unknown, and why
  bool unconfirmed = false;          // then: its issuer's policy is to ask for more
};

class VerifiedCache {
 public:
  struct Shown {
    Sha256Digest leaf{};
    Sha256Digest chain{};  // of what came with it, each under its length; zeros where nothing did
  };

  explicit VerifiedCache(size_t entries_max) : entries_max_(entries_max) {}

  // Nothing where it is not known, not good at this time, or was verified at other epochs.
  std::optional<VerifiedCertificate> Find(const Shown& shown, int64_t now_s, RevocationEpochs epochs = {});
  void Put(const Shown& shown, VerifiedCertificate certificate);
  size_t size() const;

 private:
  struct Entry {
    Shown shown;
    VerifiedCertificate certificate;
  };

  const size_t entries_max_;
  // std::mutex and not Abseil's: ThreadSanitizer does not see into the distribution's build of that.
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // last asked first; under mutex_, as by_leaf_ is
  absl::flat_hash_map<Sha256Digest, std::list<Entry>::iterator, Sha256DigestHash> by_leaf_;
};

}  // namespace stockade
