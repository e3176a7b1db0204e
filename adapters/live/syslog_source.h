// Syslog from the network: RFC 3164 and 5424 over UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425); the messages are read
// by the format that is chosen (syslog_envelope.h says what a reader is given).
//
//   datagrams ───────────────┐
//   connections ─► framing ──┴─► envelope ─► lines ─► LiveReader ─► queue
//
// Datagrams: where the queue is full they are dropped and counted; what the kernel dropped before is counted as lost.
// Connections: where the queue is full nobody is read, and TCP makes the senders wait. At most `connections` at once, a
// quarter of them from one address: who comes beyond that is turned away. A connection holds 16 KiB and the message under
// way, and one that sends nothing for kIdleTime is closed; a TLS handshake takes kHandshakeTime at most. So a slow or hostile
// sender loses his own messages and nobody else's.
// Senders: `allow` lists their networks; empty, everybody. Over UDP an address is what the packet says: who can forge it
// can be anybody on the list.
//
// TLS 1.2 and 1.3; with `client_ca` only who shows a certificate of these authorities is heard.
//
// One thread. Errors of Open: the address, files of TLS, the format; they name the address.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/live/options.h"
#include "adapters/source/live_queue.h"
#include "adapters/source/live_source.h"
#include "adapters/source/options.h"
#include "engine/event/address.h"

namespace stockade {

class SyslogSource final : public LiveSource {
 public:
  static constexpr absl::Duration kIdleTime =
      absl::Hours(24);  // senders hold connections open over quiet days
  static constexpr absl::Duration kHandshakeTime = absl::Seconds(10);
  // Datagrams that are read before a batch of them goes on.
  static constexpr int kBurst = 256;

  static absl::StatusOr<std::unique_ptr<SyslogSource>> Open(SyslogOptions options);
  ~SyslogSource() override;

  absl::Status Start(LiveQueue* queue) override;
  void Stop() override;
  const std::string& name() const override;
  LiveCounters counters() const override;
  void UseFields(std::shared_ptr<const FieldTable> fields) override;
  uint16_t port() const noexcept;

 private:
  struct State;
  explicit SyslogSource(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace stockade
