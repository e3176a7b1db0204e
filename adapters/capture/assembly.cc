#include "adapters/capture/assembly.h"

#include "engine/status.h"

namespace stockade {

Assembly::Assembly(const AssemblyOptions& options, ConnectionListener* listener)
    : listener_(listener), decoder_(options.decoder, &counts_), tcp_(options.tcp, listener, &counts_) {}

void Assembly::Age(int64_t time_ns) {
  if (!started_) {
    started_ = true;
    reference_ns_ = clock_ns_ = time_ns;
    return;
  }
  const int64_t step = time_ns - reference_ns_;
  const bool near = step >= -kStepNsMax && step <= kStepNsMax;
  const int64_t doubt = time_ns - doubted_ns_;
  const bool agreed = doubting_ && doubt >= -kStepNsMax && doubt <= kStepNsMax;
  if (!near && !agreed) {
    doubting_ = true;
    doubted_ns_ = time_ns;
    return;
  }
  doubting_ = false;
  if (near && step <= 0) return;
  if (step > 0) clock_ns_ += step;
  reference_ns_ = time_ns;
}

void Assembly::Take(const Packet& packet) {
  ++counts_.packets;
  counts_.bytes += packet.bytes.size();
  time_ns_ = packet.time_ns;
  Age(packet.time_ns);
  DecodedPacket decoded;
  decoder_.Decode(packet, clock_ns_, &decoded);
  switch (decoded.transport) {
    case Transport::kTcp:
      tcp_.Take(decoded.tcp, clock_ns_);
      break;
    case Transport::kUdp:
      listener_->Received(decoded.datagram);
      break;
    case Transport::kNone:
      break;
  }
}

void Assembly::Advance(int64_t now_ns) {
  time_ns_ = now_ns;
  Age(now_ns);
  tcp_.Advance(clock_ns_, now_ns);
}

void Assembly::Finish() {
  tcp_.Finish(time_ns_);
}

size_t Assembly::memory_bytes() const noexcept {
  return decoder_.memory_bytes() + tcp_.memory_bytes();
}

}  // namespace stockade
