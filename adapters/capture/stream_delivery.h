// What is told of TCP connections, and when: bytes in order, holes once they are lost, ends, closes. tcp_assembler.h decides
// what a segment means; its policies stand there.
//
// Not thread-safe: its assembler owns it.
#pragma once

#include <cstdint>
#include <string_view>

#include "adapters/capture/capture_counts.h"
#include "adapters/capture/connection_listener.h"
#include "adapters/capture/flow_table.h"

namespace stockade {

struct TcpAssemblerOptions {
  // 200 MB when full. A gateway with 10,000 logins a second and 30 seconds a connection has 300,000 at a time.
  uint32_t connections_max = 1 << 20;
  static constexpr uint32_t kConnectionsMaxMin = 16;
  static constexpr uint32_t kConnectionsMaxMax = 1 << 24;
  size_t held_bytes_max = size_t{256} << 20;
  // More than a window of a login's connection; a download's may be larger, and nobody misses its bytes.
  uint32_t held_bytes_a_direction_max = 1 << 20;
  // No packet for so long: a connection that carried something and of which both sides are heard, and another.
  // Above what gateways keep a connection open for (nginx 75 s), and far below the engine's lateness (5 min): a login whose
  // answer never comes is told when its connection is closed, and must not be too late then.
  int64_t idle_ns_max = int64_t{120} * 1'000'000'000;
  int64_t silent_ns_max = int64_t{60} * 1'000'000'000;  // Linux gives up an unanswered SYN-ACK after 63 s
};

class StreamDelivery {
 public:
  // How much later than its acknowledgement a mirror port delivers a segment: queues of both directions are merged within
  // microseconds by hardware, within some ms by a busy host with several receive queues.
  static constexpr int64_t kReorderNs = 100'000'000;
  // With one direction only, nobody says what is lost: longer than most retransmissions take (RFC 6298: 1, 2, 4 s).
  static constexpr int64_t kOneSidedNs = int64_t{10} * 1'000'000'000;

  StreamDelivery(const TcpAssemblerOptions& options, ConnectionListener* listener, CaptureCounts* counts)
      : options_(options), listener_(listener), counts_(counts) {}

  FlowTable& flows() noexcept { return flows_; }
  const FlowTable& flows() const noexcept { return flows_; }

  // The times of what is done next: waits are measured on `clock_ns`, told is `time_ns`.
  void SetTime(int64_t clock_ns, int64_t time_ns) {
    clock_ns_ = clock_ns;
    time_ns_ = time_ns;
  }
  // Bytes of a direction whose half is known. They are told, held, or counted for what they are.
  void Content(uint32_t flow, Direction direction, uint32_t sequence, std::string_view bytes);
  // After content, acknowledgements and FINs: tells what may be told now. A flow of which both directions have ended is
  // closed and lingers.
  void Settle(uint32_t flow);
  // Forgets what is held of a direction from `end` on.
  void DropHeld(uint32_t flow, Direction direction, uint32_t end);
  // What waited too long for bytes that do not come.
  void GiveUpHoles();
  // Tells all that is held, the gaps between and Closed, and nothing of a flow that was never opened. The flow stays in the
  // table, without its holes.
  void Close(uint32_t flow, ConnectionClose why);

  size_t held_bytes() const noexcept { return held_bytes_; }
  size_t memory_bytes() const noexcept { return held_bytes_ + flows_.memory_bytes(); }

 private:
  void Open(Flow* flow);
  // Brings what stands in the flow's Connection as of a call up to date.
  static const Connection& AsOfNow(Flow* flow);
  void Tell(Flow* flow, Direction direction, std::string_view bytes);
  void TellGap(Flow* flow, Direction direction, uint32_t bytes);
  // Tells what is held and comes next; ends.
  void Drain(Flow* flow, Direction direction, bool whatever_the_client);
  void EndIfComplete(Flow* flow, Direction direction, bool capture_is_over);
  bool WaitsForClient(const Flow& flow) const;
  // What a client says before its server has answered its SYN may be nobody's: it is held until then.
  static bool WaitsForServer(const Flow& flow) {
    return flow.connection.start_seen && !flow.half[IndexOf(Direction::kFromServer)].heard;
  }
  // How many bytes of a hole that begins at `next` the receiver has; 0 where there is none.
  uint32_t AcknowledgedHole(const Flow& flow, Direction direction) const;
  uint32_t OpenHole(const Flow& flow, Direction direction) const;
  void Hold(Flow* flow, Direction direction, uint32_t sequence, std::string_view bytes);
  bool MakeRoom(Flow* flow, Direction direction, uint32_t sequence, size_t bytes);
  FlowHoles& HolesOf(Flow* flow);
  void ForgetHoles(uint32_t flow);
  void GiveUp(Flow* flow, bool open_ones_too);
  void ListHoles(uint32_t flow);
  void KeepWithinMemory();

  TcpAssemblerOptions options_;
  ConnectionListener* listener_;
  CaptureCounts* counts_;
  FlowTable flows_;
  size_t held_bytes_ = 0;
  int64_t clock_ns_ = 0;
  int64_t time_ns_ = 0;
  uint64_t connections_ = 0;
};

}  // namespace stockade
