// Who is at home on this account: how much the network and the device of an attempt speak for its owner.
//
//   Φ = λ(network) + λ(device),   λ = ln[ ((c + p) / (n + 1)) / p ],   p = (g + 1) / (G + V)
//
// c: successes of this account with this token, halving every 30 days; n: all its successes, halving alike; g
// of G: how many of everybody's successes had the token; V = 200. λ is clipped to [-1, 6], for a device
// cookie to [-1, 6.5], for a JA4 and user agent to [-1, 5]; a token the account never had is -1; an account without history is
// Φ = -2. It is the logarithm of how much likelier the token is for the owner than for anybody: a browser that everybody has
// is no proof, a home network is. So a browser that comes back with its own cookie is at home wherever it is, as a phone on the
// road; one that only looks the same is not. (The specification clips both at 5; then 16 % of the logins of a simulated week
// were in the half lane, nearly all with their own cookie.) One success is enough: a thief's, whose cookie would be believed
// elsewhere too, has the account already, and is taken back where it is found (Revoke).
//
// Network: the /24 or /48. Device: the device cookie; without one, JA4 and the user agent without its numbers
// (a browser that updates itself stays the same device). Without any of these the device says nothing, and
// both thresholds are one lower.
//
// Lanes: certified, a valid certificate bound to the account. familiar, Φ ≥ 5. half, Φ ≥ 2.5. Else
// unfamiliar. An identity step-up passed from the same network and device lifts Φ to at least 4, and the
// attempt to the half lane, for 15 minutes (Standing::proved: detectors and standing decisions ask him nothing more).
//
// Learning happens on successes only. What an attacker could bring in is held back: a success in the
// unfamiliar lane while `pressure` is on is on probation, and counts only after 24 hours (up to 30; time here
// is in quarters of a day), unless Revoke has taken it back.
//
// Owners: an account that logged in with a valid certificate within the last 400 days owns one (OwnsCertificate).
//
// Memory: 72 bytes an account (4 networks, 3 devices; the rarest gives way to a fifth or fourth), under a ceiling
// (account_records.h). Only successes open a record, so a flood of failures displaces nobody, and successes on probation
// displace nobody either. Shares of tokens lie in a count-min sketch with conservative update (4 × 2^16 counters a kind, 2 MiB
// together), which can only overestimate how common a token is: the safe side.
//
// Over a restart it is kept by snapshots (familiar_format.h).
//
// Pure functions of what was learnt and of the attempt's own time: no logarithm, exponential or clock is
// consulted where a lane is decided, so that replays agree on every machine. LaneOf costs two hashes and two
// or three cache misses, 0.3 to 1.2 µs (bench/decision_bench.cc), most of them saved by Prefetch; nothing that an attempt
// meets allocates after construction. Not thread-safe.
//
// Source: Freeman, Jain, Dürmuth, Biggio, Giacinto, "Who Are You? A Statistical Approach to Measuring User
// Authenticity", NDSS 2016, cut to two features. Oracle: the formula in doubles, in
// tests/engine/detect/lanes_test.cc.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/detect/account_records.h"
#include "engine/detect/token_shares.h"
#include "engine/event/keyed_hash.h"
#include "engine/event/login_event.h"
#include "engine/event/pair_memo.h"
#include "engine/window/lazy_memory.h"

namespace stockade {

// From the most to the least trusted.
enum class Lane : uint8_t { kCertified, kFamiliar, kHalf, kUnfamiliar };
inline constexpr std::string_view kLaneNames[] = {"certified", "familiar", "half", "unfamiliar"};
constexpr std::string_view Name(Lane lane) noexcept {
  return kLaneNames[static_cast<size_t>(lane)];
}

// How an attempt stands to its account: the lane, and what detectors ask besides.
struct Standing {
  Lane lane = Lane::kUnfamiliar;
  bool has_history = false;      // the account has had a success
  bool may_be_owner = false;     // the same, or one that is on probation
  bool nearly_familiar = false;  // Φ ≥ 3.5
  bool network_at_home = false;  // the network alone speaks for the owner
  bool device_at_home = false;   // the device alone does, or there is none to go by
  bool proved = false;           // an identity step-up was passed from here lately
  // Of an account nobody has got in to: somebody has got in to another with this device cookie. It may be a customer who mistyped
  // his name. Where many more cookies have been seen than kShareColumns, strange ones are taken for known. Of a network it is not
  // said: one success of an attacker's own account would speak for all that comes from there.
  bool device_known = false;
};

// How a success came about, beside its lane.
struct LearnContext {
  bool pressure = false;         // a campaign is on: an unfamiliar success goes on probation
  bool identity_passed = false;  // the owner proved himself: never on probation
};

class Lanes {
 public:
  // Enough for the sketch and a few thousand accounts.
  static constexpr size_t kBytesMin = size_t{3} << 20;
  static constexpr int64_t kStepUpMs = 15 * 60 * 1000;

  // `bytes_max` is raised to kBytesMin. The table is reserved whole but touched only as accounts come.
  Lanes(size_t bytes_max, const HashKey& key);
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  // Hashes an attempt's names ahead of its turn and brings closer the record of its account. Optional; worth
  // it a few attempts ahead. The attempt stays where and as it is while LaneOf and Learn may still be asked
  // about it. `account_hash`: SipHash128 of the account under this key, `fingerprint`: FingerprintHash of the attempt
  // under it, where the caller has them already.
  void Prefetch(const Attempt& attempt, const Hash128* account_hash = nullptr,
                const Hash128* fingerprint = nullptr) noexcept;
  // The second half of the hint, best some 100 ns after the first: the record itself, and the shares.
  void PrefetchRecord(const Attempt& attempt) noexcept;
  // The lane of an attempt. Where certificates are ignored by configuration, `certificates_count` is false.
  // An attempt without an account is unfamiliar.
  Lane LaneOf(const Attempt& attempt, bool certificates_count = true) const noexcept {
    return StandingOf(attempt, certificates_count).lane;
  }
  Standing StandingOf(const Attempt& attempt, bool certificates_count = true) const noexcept;
  // Whether this account has logged in with a valid certificate before the attempt's time.
  bool OwnsCertificate(const Attempt& attempt) const noexcept;
  // Φ itself, for a person who asks why: LaneOf does not use it.
  double Phi(const Attempt& attempt) const noexcept;

  // Takes in a success that arrived in this lane. Call for nothing but successes.
  void Learn(const Attempt& attempt, Lane lane, const LearnContext& context = {}) noexcept;
  // An identity step-up was passed on this attempt, whatever its password came to. At most kStepUps are remembered; a newer one may push an
  // older out.
  void NoteIdentityPassed(const Attempt& attempt) noexcept;
  // A campaign was found to have known this account's password: what is on probation is forgotten, and of this success its network and
  // its device, where nothing else speaks for them.
  void Revoke(const Attempt& success) noexcept;

  // What is remembered, for snapshots (familiar_writer.h, familiar_reader.h); nobody else reads it.
  struct StepUp {
    uint64_t tag = 0;
    int64_t until_ms = 0;
  };
  static constexpr size_t kStepUps = 8192;
  enum class ShareKind : uint8_t { kNetwork, kDevice };
  // Of the counters of a kind: row after row.
  static constexpr size_t kShareRows = TokenShares::kRows;
  static constexpr size_t kShareColumns = size_t{1} << 16;
  static constexpr uint64_t kShareTotalMax = uint64_t{1} << 24;

  const AccountRecords& records() const noexcept { return records_; }
  AccountRecords& records() noexcept { return records_; }
  // Returns the sum of all shares; a copy of 1 MiB.
  uint64_t CopyShares(ShareKind kind, std::vector<uint32_t>* out) const;
  void CopyStepUps(std::vector<StepUp>* out) const;

  // Taking in, into lanes that have learnt nothing.
  // `counts`: some of a row, from `column` on, within the row.
  void RestoreShares(ShareKind kind, size_t row, size_t column, std::span<const uint32_t> counts) noexcept;
  void RestoreShareTotal(ShareKind kind, uint64_t total) noexcept;
  void Restore(const StepUp& step_up) noexcept;
  // As if nothing had ever been learnt.
  void Clear() noexcept;

  size_t accounts() const noexcept { return records_.size(); }
  size_t bytes() const noexcept;
  uint64_t evicted() const noexcept { return records_.evicted(); }

 private:
  static constexpr size_t kSharesBytes = kShareRows * kShareColumns * sizeof(uint32_t);
  static void AddShare(uint32_t token, TokenShares* shares) noexcept;

  // 32 bits of each token's hash; 0: the attempt has none.
  struct Tokens {
    uint32_t network = 0;
    uint32_t device = 0;
    bool is_cookie = false;  // the device
  };
  // What an attempt is compared by: its account's place in the table and its tokens.
  struct Identity {
    uint64_t tag = 0;
    Tokens tokens;
    AccountRecords::Hint hint;
  };

  Identity IdentityOf(const Attempt& attempt) const noexcept;
  Identity Identify(const Attempt& attempt, const Hash128& account_hash,
                    const Hash128* fingerprint) const noexcept;
  uint32_t PrintToken(const Attempt& attempt, const Hash128* fingerprint) const noexcept;
  uint32_t ComputePrintToken(std::string_view ja4, std::string_view user_agent) const noexcept;
  Tokens TokensOf(const Attempt& attempt, const Hash128* fingerprint) const noexcept;
  // e^λ of both, whose product is e^Φ without step-ups.
  struct Odds {
    double network = 1;
    double device = 1;
    bool has_history = false;
    bool has_record = false;
  };
  Odds OddsOf(const Identity& identity, int64_t time_ns) const noexcept;
  bool SteppedUp(const Identity& identity, int64_t time_ns) const noexcept;
  static uint64_t StepUpTag(const Identity& identity) noexcept;

  HashKey key_;
  WordHash network_hash_;
  std::unique_ptr<std::array<StepUp, kStepUps>> step_ups_;
  bool has_step_ups_ = false;
  AccountRecords records_;
  LazyMemory sketches_;
  // How often each token succeeded, over all accounts. Halved when the sum reaches kShareTotalMax, which keeps them young.
  TokenShares network_shares_;
  TokenShares device_shares_;

  // Attempts that were prefetched, by their place in memory.
  struct Identified {
    const Attempt* attempt = nullptr;
    int64_t time_ns = 0;
    const char* account = nullptr;
    Identity identity;
  };
  static constexpr size_t kIdentifiedSlots = 128;
  // By the place of the attempt in memory: those of one batch that lie less than 8 KiB apart, which is some twenty, have
  // slots of their own.
  static size_t SlotOf(const Attempt* attempt) noexcept;
  std::array<Identified, kIdentifiedSlots> identified_;

  mutable PairMemo<uint32_t> prints_;  // the token of a JA4 and user agent
  // The same by the hash of both, for who has it: a line instead of two texts to compare. The hash is keyed and of 128
  // bits, so that one hash is one pair.
  struct Print {
    Hash128 fingerprint;
    uint32_t token = 0;  // 0: free
  };
  static constexpr size_t kPrints = 2048;  // a gateway sees some hundred: seldom two in one place
  mutable std::array<Print, kPrints> prints_by_hash_;
};

}  // namespace stockade
