// What the proxy counts of itself, under names that go into metrics as they are. One set a worker, written by that
// worker only and read by anybody: plain stores, no lock and no bus traffic.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "adapters/gateway/chunk_reader.h"
#include "adapters/gateway/head_reader.h"

namespace stockade {

enum class Count : uint8_t {
  kConnections,            // accepted
  kConnectionsOpen,        // now (a gauge)
  kConnectionsOverLimit,   // refused: limits.connections
  kConnectionsOverSource,  // refused: limits.connections_per_source
  kAcceptErrors,           // the kernel gave none: out of descriptors, most likely
  kTlsFailed,              // handshakes that came to nothing
  kTlsHandshakes,
  kProxyHeaderBad,    // a listener that expects a PROXY header got none
  kRequests,          // heads read and taken
  kRequestBytes,      // of bodies and heads, from clients
  kAnswerBytes,       // to clients
  kLogins,            // requests that an endpoint matched
  kLoginsUnreadable,  // of them: no account or no body to be read
  kLoginsTooLarge,    // of them: more than body_bytes
  kLoginsHeld,        // of them: held until their certificate was judged
  kCertificatesLate,  // of these: nobody had judged it in time
  kAllow,             // verdicts
  kThrottle,
  kChallenge,
  kDeny,
  kReached,                // logins that went on to the password check
  kEngineTrouble,          // logins the desk could not assess
  kOutcomeUnknown,         // answers no row of the outcome table fits
  kChallengeTokensGood,    // answers that said a challenge was passed
  kChallengeTokensBad,     // answers whose token did not hold
  kHeaderTimeouts,         // heads that took longer than header_time
  kBodyTimeouts,           // no byte of a body for body_idle_time
  kBodyTooSlow,            // below body_rate_min
  kBodyTooLarge,           // above limits.body_bytes
  kUpstreamConnects,       // connections opened
  kUpstreamConnectErrors,  // that could not be opened
  kUpstreamRetries,        // requests sent again because a kept connection was stale
  kUpstreamBroken,         // ended before the answer did
  kUpstreamBadAnswers,     // answers that are no HTTP
  kUpstreamTimeouts,       // answer_time, or no byte of an answer for body_idle_time
  kUpstreamBusy,           // no connection free within connect_time
  kClientsGone,            // clients that went away before their answer was through
  kUpgrades,               // tunnels opened
  kAnswered,               // answers of our own
};
inline constexpr size_t kCountKinds = 39;
std::string_view Name(Count count) noexcept;

// A reading.
struct ProxyCounts {
  std::array<uint64_t, kCountKinds> counts{};
  std::array<uint64_t, kHeadErrorCount> refused_heads{};    // by HeadError
  std::array<uint64_t, kChunkErrorCount> refused_chunks{};  // by ChunkError
  uint64_t operator[](Count count) const noexcept { return counts[static_cast<size_t>(count)]; }
};

class LiveCounts {
 public:
  void Add(Count count, uint64_t by = 1) noexcept { Bump(&counts_[static_cast<size_t>(count)], by); }
  void Subtract(Count count) noexcept { Bump(&counts_[static_cast<size_t>(count)], ~uint64_t{0}); }
  void Refuse(HeadError error) noexcept { Bump(&heads_[static_cast<size_t>(error)], 1); }
  void Refuse(ChunkError error) noexcept { Bump(&chunks_[static_cast<size_t>(error)], 1); }

  void AddTo(ProxyCounts* sum) const noexcept {
    for (size_t i = 0; i < kCountKinds; ++i) sum->counts[i] += counts_[i].load(std::memory_order_relaxed);
    for (size_t i = 0; i < kHeadErrorCount; ++i)
      sum->refused_heads[i] += heads_[i].load(std::memory_order_relaxed);
    for (size_t i = 0; i < kChunkErrorCount; ++i)
      sum->refused_chunks[i] += chunks_[i].load(std::memory_order_relaxed);
  }

 private:
  // One writer: no read-modify-write is needed.
  static void Bump(std::atomic<uint64_t>* number, uint64_t by) noexcept {
    number->store(number->load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  std::array<std::atomic<uint64_t>, kCountKinds> counts_{};
  std::array<std::atomic<uint64_t>, kHeadErrorCount> heads_{};
  std::array<std::atomic<uint64_t>, kChunkErrorCount> chunks_{};
};

}  // namespace stockade
