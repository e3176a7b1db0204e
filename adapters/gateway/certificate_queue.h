// Where certificates that need a signature checked are judged: threads of its own behind a bounded queue, so that neither
// an event loop nor the verdict service ever waits for one, and no flood of them becomes an outage.
//
//   CertificateQueue queue(settings, key, clock);
//   queue.Judge({source, look, done});     // returns at once; done(status) is called exactly once
//   queue.Warm(step);                      // verifications that nobody waits for
//
// A job that cannot be looked at is kUnverified, and whoever asks tells the client to come again (Why):
//   kFull       `queue` jobs wait already, or the system gives no thread
//   kOverRate   its source has no token left (miss_allowance.h), and a quarter of the queue is taken
//   kTooOld     it waited longer than `wait`: its client has given up, and looking would only make the next too old
//   kStopping   the gate stops
// A source over its rate waits behind all others, never in front, and is served while nobody else is there. Its token comes
// back to a source whose job ends kValid; with kRevocationUnknown or kUnconfirmed, since it is we who do not know then; and
// where nobody looked.
//
// A look may say that more could be known if somebody else were asked (an OCSP responder): CertificateLook::ask. The job
// then leaves the thread, waits without holding one for at most `wait`, and is looked at again, before those that never
// were: it has waited longest. If the answer stays away, or kAskingMax wait already, or kAsksMax rounds are done, what the
// last look said is the answer.
//
// Threads: any may call any member. `look` is called by a thread of the queue, one at a time for one job; `done` by such a
// thread, by the caller of Judge before it returns, or by Stop; none of them under a lock. They must not block and must not
// throw; what they hold on to is let go with the job. Threads begin with the first job: a gate without certificates has
// none. The destructor stops.
//
// Cost: a lock for the time of a push; a job is what its closures hold. At most JobsMax at any time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "adapters/gateway/miss_allowance.h"
#include "adapters/gateway/settings.h"
#include "engine/event/address.h"
#include "engine/event/keyed_hash.h"
#include "engine/event/outcome.h"

namespace stockade {

struct CertificateLook {
  CertificateStatus status = CertificateStatus::kUnverified;
  // Null: `status` is final. Else begins to ask and sees to it that `then` is called once when the answer is there or will
  // not come; by any thread, before `ask` returns or long after, even after the queue is gone. Must not block.
  std::function<void(std::function<void()> then)> ask{};
};

struct CertificateJob {
  Address source;  // who pays
  std::function<CertificateLook()> look;
  std::function<void(CertificateStatus)> done;
};

class CertificateQueue {
 public:
  // Jobs that wait for somebody else's answer: a responder that is slow holds so many, and further ones go without.
  static constexpr size_t kAskingMax = 1024;
  // Rounds of asking for one job. The first asks all there is to ask; a second is for what the first brought up.
  static constexpr int kAsksMax = 2;
  // Of the queue, for sources over their rate: they are served while it is short, and the rest is others'.
  static constexpr size_t kOverRateShare = 4;

  // All that may wait or ask: sources over their rate may have their share before others come and fill the rest.
  static constexpr size_t JobsMax(const CertificateQueueSettings& settings) noexcept {
    return settings.queue + settings.queue / kOverRateShare + kAskingMax;
  }

  enum class Why : uint8_t { kFull, kOverRate, kTooOld, kStopping };
  static constexpr std::array<const char*, 4> kWhyNames = {"full", "over_rate", "too_old", "stopping"};

  struct Figures {
    size_t waiting = 0;    // not looked at yet
    size_t over_rate = 0;  // of these, behind the others
    size_t asking = 0;
    uint64_t judged = 0;     // by a thread
    uint64_t waited_ns = 0;  // sum, of those that were looked at, until they first were
    uint64_t asked = 0;
    uint64_t asks_given_up = 0;
    std::array<uint64_t, kWhyNames.size()> unverified{};
  };

  // `clock`: steady, in nanoseconds; null: the system's.
  CertificateQueue(const CertificateQueueSettings& settings, const HashKey& key,
                   std::function<int64_t()> clock = nullptr);
  ~CertificateQueue();
  CertificateQueue(const CertificateQueue&) = delete;
  CertificateQueue& operator=(const CertificateQueue&) = delete;

  // After a reload. More threads begin when they are needed; fewer take a restart.
  void Use(const CertificateQueueSettings& settings);
  void Judge(CertificateJob job);
  // `step` is called again and again while no job waits, by one thread at a time, until it says false. Takes the place of
  // the one before, which may still be in its last call. Null: nothing more.
  void Warm(std::function<bool()> step);
  // Answers all that waits, and joins the threads: after it nothing is called any more. Idempotent.
  void Stop();
  Figures figures() const;

 private:
  struct State;
  // Shared with answers that are still to come when the queue is gone.
  const std::shared_ptr<State> state_;
};

}  // namespace stockade
