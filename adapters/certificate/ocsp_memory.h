// What responders (OCSP, RFC 6960) have said of certificates, each answer until its own time, so that a verification looks
// it up instead of asking; and of which certificates nobody could say anything just now, so that it is not asked at every
// login.
//
// Only answers that hold come in (ocsp_response.h), and only of certificates whose path is otherwise good: whoever wants to
// push an entry out needs certificates that an anchor issued. At most `answers_max`; the one that was longest unasked goes
// first, and is then unknown again, never good.
//
// A good answer is good through until_s. A revoked one stays: past its time it is asked anew, and only a newer answer
// (thisUpdate) makes the certificate good again, as one that was on hold. An older answer never takes the place of a newer
// one that counts, so nobody brings back, or replays on the way, what was true before a revocation; of two of one time the
// worse counts.
//
// Time is an argument. Any thread at once; a lock is held for a look-up. Some 300 bytes an entry. One for a whole process,
// over all reloads of settings.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "adapters/certificate/ocsp_response.h"
#include "adapters/certificate/sha256.h"

namespace stockade {

// The certificates that are remembered as verified (verifier.h) with their authorities, four times over; 20 MiB.
inline constexpr size_t kOcspAnswersRemembered = size_t{1} << 16;
// A customer who tries again at once is not made to wait for the same silence again; one who waits a moment is helped by a
// responder that is back.
inline constexpr int64_t kOcspSilenceSeconds = 15;

// What came of one question, for metrics.
enum class OcspResult : unsigned char {
  kGood,
  kRevoked,
  kUnusable,  // a response came that says nothing that counts: unknown, stale, forged, of another, without the nonce
  kNoAnswer,  // no connection, too late, not HTTP, too large, an error
  kNotAsked,  // too many were waiting, or the responder was left in peace
};
inline constexpr size_t kOcspResultCount = 5;
inline std::string_view Name(OcspResult result) noexcept {
  constexpr std::string_view kNames[kOcspResultCount] = {"good", "revoked", "unusable", "no_answer",
                                                         "not_asked"};
  return kNames[static_cast<size_t>(result)];
}

class OcspMemory {
 public:
  using Key = Sha256Digest;  // of the issuer's name and key and the serial number

  struct Known {
    OcspStatus status = OcspStatus::kUnknown;
    std::string why;      // printable; empty where it is good, or unknown because nobody was asked yet
    int64_t until_s = 0;  // the last second at which this is so; 0 where it ends when somebody asks
    bool ask = true;      // whether a responder could say more now
  };

  explicit OcspMemory(size_t answers_max = kOcspAnswersRemembered) : answers_max_(answers_max) {}
  OcspMemory(const OcspMemory&) = delete;
  OcspMemory& operator=(const OcspMemory&) = delete;

  // Nothing where OpenSSL cannot hash.
  static std::optional<Key> KeyOf(const x509_st* certificate, const x509_st* issuer);

  Known Find(const Key& key, int64_t now_s);
  // `answer` is good or revoked, and holds at `now_s`.
  void Put(const Key& key, const OcspAnswer& answer, int64_t now_s);
  // Nobody said anything that counts; until then it is not asked again. What was said before stays.
  void PutSilence(const Key& key, std::string why, int64_t now_s, int64_t until_s);

  // Another number whenever a certificate that was not known to be revoked is: what was worked out before is worked out anew.
  uint64_t epoch() const noexcept { return epoch_.load(std::memory_order_acquire); }
  size_t size() const;

  void Count(OcspResult result) noexcept { ++results_[static_cast<size_t>(result)]; }
  uint64_t count(OcspResult result) const noexcept { return results_[static_cast<size_t>(result)]; }

 private:
  struct Entry {
    Key key;
    OcspStatus status = OcspStatus::kUnknown;
    std::string why;
    int64_t from_s = 0, until_s = 0;  // of what was said
    std::string silence;
    // Both, so that a clock set back does not make it last.
    int64_t silent_from_s = 0, silent_until_s = -1;
  };
  // Under mutex_, both.
  Entry& At(const Key& key);
  static void Silence(Entry* entry, std::string why, int64_t now_s, int64_t until_s);

  const size_t answers_max_;
  std::atomic<uint64_t> epoch_{1};
  std::array<std::atomic<uint64_t>, kOcspResultCount> results_{};
  // std::mutex and not Abseil's: ThreadSanitizer does not see into the distribution's build of that.
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // last asked first; under mutex_, as by_key_ is
  absl::flat_hash_map<Key, std::list<Entry>::iterator, Sha256DigestHash> by_key_;
};

}  // namespace stockade
