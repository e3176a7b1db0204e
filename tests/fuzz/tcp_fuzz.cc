// TCP segments that the bytes describe, between three clients and a server, close to one another in sequence numbers, so that
// overlaps, holes, resets and restarts meet: the grammar of the listener and the room are kept to.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "adapters/capture/tcp_assembler.h"

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

class Grammar final : public stockade::ConnectionListener {
 public:
  void Opened(const stockade::Connection& connection) override {
    Check(open_.emplace(connection.id, 0).second);
  }
  bool Bytes(const stockade::Connection& connection, stockade::Direction direction, std::string_view bytes,
             int64_t) override {
    Check(!bytes.empty() && (Of(connection) & 1U << static_cast<int>(direction)) == 0);
    return true;
  }
  void Gap(const stockade::Connection& connection, stockade::Direction direction, uint64_t bytes,
           int64_t) override {
    Check(bytes != 0 && (Of(connection) & 1U << static_cast<int>(direction)) == 0);
  }
  void Ended(const stockade::Connection& connection, stockade::Direction direction, int64_t) override {
    Check((Of(connection) & 1U << static_cast<int>(direction)) == 0);
    Of(connection) |= 1U << static_cast<int>(direction);
  }
  void Closed(const stockade::Connection& connection, stockade::ConnectionClose, int64_t) override {
    Check(open_.erase(connection.id) == 1);
  }
  void Received(const stockade::Datagram&) override {}
  bool empty() const { return open_.empty(); }

 private:
  unsigned& Of(const stockade::Connection& connection) {
    const auto found = open_.find(connection.id);
    Check(found != open_.end());
    return found->second;
  }
  std::map<uint64_t, unsigned> open_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string content(300, 'c');
  Grammar grammar;
  stockade::CaptureCounts counts;
  stockade::TcpAssemblerOptions options;
  options.connections_max = stockade::TcpAssemblerOptions::kConnectionsMaxMin;
  options.held_bytes_max = 3000;
  options.held_bytes_a_direction_max = 1000;
  stockade::TcpAssembler tcp(options, &grammar, &counts);
  int64_t time_ns = 0;
  // Six bytes a segment: who and flags, sequence number, acknowledgement, length, time.
  for (size_t i = 0; i + 6 <= size; i += 6) {
    const uint8_t* const at = data + i;
    const stockade::FlowEndpoint client{stockade::Address::V4(1),
                                        static_cast<uint16_t>(40000 + (at[0] >> 6 & 1) + (at[5] >> 7))};
    const stockade::FlowEndpoint server{stockade::Address::V4(2), 80};
    const bool from_client = (at[0] & 0x80) != 0;
    stockade::TcpSegment segment;
    segment.source = from_client ? client : server;
    segment.destination = from_client ? server : client;
    segment.flags = at[0] & 0x17;
    // Near the end of the space, now and then far away.
    segment.sequence = 0xffffff80U + at[1] + ((at[0] & 0x28) == 0x28 ? 1U << 20 : 0);
    segment.acknowledged = 0xffffff80U + at[2];
    segment.bytes = std::string_view(content).substr(0, at[3]);
    segment.wire_bytes = at[3] + (at[4] == 0xff ? 40U : 0U);
    time_ns += static_cast<int64_t>(at[4] & 0x7f) * ((at[5] & 1) != 0 ? 500'000'000 : 1'000'000);
    segment.time_ns = time_ns;
    tcp.Take(segment, time_ns);
    Check(tcp.connections() <= options.connections_max);
    Check(tcp.held_bytes() <= options.held_bytes_max + 4 * options.held_bytes_a_direction_max + 1024);
  }
  tcp.Finish(time_ns);
  Check(grammar.empty() && tcp.held_bytes() == 0 && tcp.connections() == 0);
  return 0;
}
