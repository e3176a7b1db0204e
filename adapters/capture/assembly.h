// Packets → connections and datagrams: link layers and tunnels (packet_decoder.h), fragments (fragments.h), TCP
// (tcp_assembler.h), in that order, under one set of limits.
//
//   Assembly assembly(AssemblyOptions{}, &listener);
//   for each packet: assembly.Take(packet);
//   live, when nothing came for a while: assembly.Advance(now_ns);
//   at the end: assembly.Finish();
//
// Time is that of the packets, and it is told as they have it. Waits and idleness are measured by a clock made of its steps,
// which never goes back: a step of more than kStepNsMax, ahead or back, counts when the next packet agrees, so that one
// broken time stamp does not time out every connection.
//
// Take never fails: what cannot be read is counted (counts()). Cost: no allocation and no copy for a segment that comes
// in order. Not thread-safe; connections share nothing, so that several assemblies may share a capture by hash.
#pragma once

#include <cstdint>
#include <memory>

#include "adapters/capture/capture_counts.h"
#include "adapters/capture/connection_listener.h"
#include "adapters/capture/packet.h"
#include "adapters/capture/packet_decoder.h"
#include "adapters/capture/tcp_assembler.h"

namespace stockade {

struct AssemblyOptions {
  PacketDecoderOptions decoder;
  TcpAssemblerOptions tcp;
};

class Assembly {
 public:
  static constexpr int64_t kStepNsMax = int64_t{10} * 1'000'000'000;

  // `listener` outlives the assembly.
  Assembly(const AssemblyOptions& options, ConnectionListener* listener);

  void Take(const Packet& packet);
  // It is so late now: what waited too long is told or closed.
  void Advance(int64_t now_ns);
  // Tells what is still held, and closes every connection. Nothing may be taken afterwards.
  void Finish();

  const CaptureCounts& counts() const noexcept { return counts_; }
  // All that is kept for connections and fragments, bytes.
  size_t memory_bytes() const noexcept;

 private:
  void Age(int64_t time_ns);

  CaptureCounts counts_;
  ConnectionListener* listener_;
  PacketDecoder decoder_;
  TcpAssembler tcp_;
  int64_t time_ns_ = 0;  // of the last packet, as it has it
  int64_t clock_ns_ = 0;
  int64_t reference_ns_ = 0;  // the time that clock_ns_ stands for
  int64_t doubted_ns_ = 0;
  bool started_ = false;
  bool doubting_ = false;
};

}  // namespace stockade
