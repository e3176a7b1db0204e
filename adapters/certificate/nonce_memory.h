// Which signed logins were used already: by the key that signed and the nonce, for as long as the signature would
// be fresh. A signature that comes again in that time is a copy.
//
// Only for signatures whose certificate was found valid: who has none cannot fill it. It is full at kNoncesMax, and then
// refuses what is new: forgetting would make what was used good again. One key may fill kNoncesPerCertificateMax
// of it, so that no customer, nor who holds his key, can shut out the others. What was refused is counted.
//
// Time is an argument. Where it runs backwards, a nonce that may have been forgotten already counts as past: a clock that
// was set ahead for a while costs signatures from that while, and never lets a copy through.
//
// Any thread; a lock is held for some hundred nanoseconds. About 250 bytes an entry. One for a whole process, over all
// reloads of settings: a new one knows of nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <queue>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "adapters/certificate/sha256.h"

namespace stockade {

// Held for at most twice the window in which a signature is fresh, 4 minutes as settings begin: over 500 signed logins a
// second, at 32 MiB.
inline constexpr size_t kNoncesMax = size_t{1} << 17;
// A program that logs in anew every second.
inline constexpr size_t kNoncesPerCertificateMax = 256;

class NonceMemory {
 public:
  enum class Answer : uint8_t {
    kNew,      // noted now
    kSeen,     //
    kPast,     // `until` lies in the past, or where the memory has been cleared already
    kFull,     // not noted: all places are taken, or OpenSSL could not hash
    kTooMany,  // not noted: this key has all it may have
  };

  explicit NonceMemory(size_t nonces_max = kNoncesMax) : nonces_max_(nonces_max) {}

  // `until`: the last moment at which the signature is fresh.
  Answer Note(std::string_view key_der, std::string_view nonce, absl::Time until, absl::Time now);

  size_t size() const;
  uint64_t refused_full() const noexcept { return refused_full_; }
  uint64_t refused_too_many() const noexcept { return refused_too_many_; }

 private:
  struct Entry {
    int64_t until_ns = 0;
    Sha256Digest nonce{}, certificate{};
    bool operator>(const Entry& other) const noexcept { return until_ns > other.until_ns; }
  };

  void Forget(int64_t now_ns);

  const size_t nonces_max_;
  // std::mutex and not Abseil's: ThreadSanitizer does not see into the distribution's build of that.
  mutable std::mutex mutex_;
  // Under mutex_, all of them.
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> by_end_;
  absl::flat_hash_set<Sha256Digest, Sha256DigestHash> nonces_;                  // of certificate and nonce
  absl::flat_hash_map<Sha256Digest, uint32_t, Sha256DigestHash> certificates_;  // how many of each
  int64_t forgotten_until_ns_ = std::numeric_limits<int64_t>::min();
  std::atomic<uint64_t> refused_full_{0};
  std::atomic<uint64_t> refused_too_many_{0};
};

}  // namespace stockade
