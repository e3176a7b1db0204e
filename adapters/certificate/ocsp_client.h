// Asks OCSP responders, over HTTP/1.1 POST (RFC 6960 appendix A), beside everything else: nobody who verifies a certificate
// waits here, and what is answered goes into the memory (ocsp_memory.h), where the next verification finds it.
//
//   client->Ask(verdict.ask, [=] { … verify once more … });
//
// `done` is called exactly once, from the client's thread, when every question is answered or given up: at the latest
// `time` after Ask, name look-up, connection and waiting for a place included. It must not block. Questions about one
// certificate that is being asked about already share that request, and its end.
//
// A responder that hangs or lies costs that time and nothing else. A connection that fails, an answer that is too late, too
// large, not HTTP, an error or a redirect (none is followed) is no answer; a response that does not hold (ocsp_response.h),
// or lacks the nonce where one is asked for, is none that counts. Either way the certificate is not asked about again for
// kOcspSilenceSeconds, and what is unknown stays the policy's. A responder that did not answer kSilencesToRest times in a row
// is left in peace for as long, so that each customer of a dead one need not wait; the first silence after that does it again.
//
// Only URLs of questions are asked, and those are the settings' or a verified certificate's (ocsp_question.h). Whoever lets
// certificates name them lets their issuers choose whom this process connects to, over http: egress should be firewalled.
//
// Requests come one a connection; certificates are asked about once in hours, not once a login. Any thread may call Ask.
// The destructor ends what is under way, calls each `done` that is left, and joins the thread; it waits for no network, and
// may run on the client's own thread, out of a `done`. Ask must not be called while it runs.
// Errors of Start: no thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "adapters/certificate/ocsp_memory.h"
#include "adapters/certificate/ocsp_question.h"
#include "adapters/certificate/ocsp_response.h"

namespace stockade {

// At once, in all: a responder takes some 10 ms, so these are over 3,000 certificates a second.
inline constexpr size_t kOcspRequestsMax = 32;
// Of one responder, so that one that hangs leaves places for others.
inline constexpr size_t kOcspRequestsPerResponderMax = 16;
// Waiting for a place: what 32 at once can serve in the time that is waited, with an answer a second late; 4 KiB each.
inline constexpr size_t kOcspWaitingMax = 1024;
// One may be chance, or the network's.
inline constexpr int kSilencesToRest = 3;
// Responders that are remembered as silent; beyond that they are asked as if they were new.
inline constexpr size_t kSilentRespondersMax = 1024;

struct OcspClientOptions {
  absl::Duration time = absl::Seconds(2);
  bool nonce = false;      // sends one, and takes no response without it
  OcspOptions response{};  // what a response must be
  std::function<absl::Time()> clock = absl::Now;
};

class OcspClient {
 public:
  static absl::StatusOr<std::unique_ptr<OcspClient>> Start(OcspClientOptions options,
                                                           std::shared_ptr<OcspMemory> memory);
  ~OcspClient();
  OcspClient(const OcspClient&) = delete;
  OcspClient& operator=(const OcspClient&) = delete;

  void Ask(std::vector<OcspQuestion> questions, std::function<void()> done);

 private:
  struct State;
  explicit OcspClient(std::shared_ptr<State> state);
  const std::shared_ptr<State> state_;
};

}  // namespace stockade
