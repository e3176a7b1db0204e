// A number for each target that decisions name, and those of them that an attempt falls under: the ledger's way from an
// address, an ASN, a fingerprint or an account to what stands on it.
//
// Cost of a look-up: one hash table for each kind of name that has entries; of addresses as in prefix_map.h; where any
// fingerprint has one, hashing JA4 and user agent comes on top (~100 ns). noexcept, allocates nothing. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "engine/decision/decision.h"
#include "engine/decision/prefix_map.h"
#include "engine/decision/target.h"
#include "engine/event/keyed_hash.h"
#include "engine/event/login_event.h"
#include "engine/event/pair_memo.h"
#include "engine/text.h"

namespace stockade {

class TargetIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // `key`: the one that decisions' fingerprints are hashed with.
  explicit TargetIndex(const HashKey& key) : key_(key) {}

  // Of exactly the target of this decision; kNone where it has no entry.
  uint32_t Find(const Decision& decision) const noexcept;
  // kNone takes the entry out. False for a target that names nothing, or where PrefixMap is full.
  bool Set(const Decision& decision, uint32_t number);
  void Clear();

  // Brings closer what a look-up of this attempt will read.
  void Prefetch(const Attempt& attempt) const noexcept {
    if (!prefixes_.empty() && attempt.source.present()) prefixes_.Prefetch(attempt.source);
  }
  // Calls `visit(number)` for what the attempt's source falls under: ASN, fingerprint, networks. `fingerprint`:
  // FingerprintHash of the attempt, where the caller has it already.
  template <typename Visit>
  void VisitSource(const Attempt& attempt, const Hash128* fingerprint, Visit&& visit) const noexcept {
    if (!asns_.empty() && attempt.asn != 0) {
      if (const auto found = asns_.find(attempt.asn); found != asns_.end()) visit(found->second);
    }
    if (!fingerprints_.empty() && HasFingerprint(attempt)) {
      const auto found = fingerprints_.find(fingerprint != nullptr ? *fingerprint : FingerprintOf(attempt));
      if (found != fingerprints_.end()) visit(found->second);
    }
    if (!prefixes_.empty())
      prefixes_.VisitCovering(attempt.source,
                              [&](const PrefixMap::Match& match) noexcept { visit(match.value); });
  }
  // Of the attempt's account.
  uint32_t FindAccount(const Attempt& attempt) const noexcept;

  const PrefixMap& prefixes() const noexcept { return prefixes_; }

 private:
  Hash128 FingerprintOf(const Attempt& attempt) const noexcept {
    return prints_.Of(attempt.ja4, attempt.user_agent,
                      [&] { return FingerprintHash(key_, attempt.ja4, attempt.user_agent); });
  }

  HashKey key_;
  PrefixMap prefixes_;
  absl::flat_hash_map<uint32_t, uint32_t> asns_;
  absl::flat_hash_map<Hash128, uint32_t> fingerprints_;
  absl::flat_hash_map<std::string, uint32_t> accounts_;
  mutable PairMemo<Hash128> prints_;  // JA4 and user agent → their hash
};

}  // namespace stockade
