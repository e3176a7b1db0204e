// Capture files of any bytes → packets → streams, with little room: no crash, the grammar of the listener, every packet
// counted once, the room kept to.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "adapters/capture/assembly.h"
#include "adapters/capture/packet_file.h"
#include "tests/adapters/capture/text_bytes.h"

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

class Grammar final : public stockade::ConnectionListener {
 public:
  void Opened(const stockade::Connection& connection) override {
    Check(connection.id == states_.size() + 1);
    states_.emplace_back();
  }
  bool Bytes(const stockade::Connection& connection, stockade::Direction direction, std::string_view bytes,
             int64_t) override {
    State& state = At(connection, direction);
    Check(!bytes.empty() && !state.unwanted[static_cast<size_t>(direction)]);
    // Bytes say themselves whether more is wanted.
    return !(state.unwanted[static_cast<size_t>(direction)] = bytes[0] == 'q');
  }
  void Gap(const stockade::Connection& connection, stockade::Direction direction, uint64_t bytes,
           int64_t) override {
    Check(bytes != 0 && !At(connection, direction).unwanted[static_cast<size_t>(direction)]);
  }
  void Ended(const stockade::Connection& connection, stockade::Direction direction, int64_t) override {
    At(connection, direction).ended[static_cast<size_t>(direction)] = true;
  }
  void Closed(const stockade::Connection& connection, stockade::ConnectionClose, int64_t) override {
    Check(connection.id <= states_.size() && !states_[connection.id - 1].closed);
    states_[connection.id - 1].closed = true;
  }
  void Received(const stockade::Datagram&) override {}
  void Finish() {
    for (const State& state : states_) Check(state.closed);
  }

 private:
  struct State {
    bool closed = false;
    bool ended[2] = {};
    bool unwanted[2] = {};
  };
  State& At(const stockade::Connection& connection, stockade::Direction direction) {
    Check(connection.id >= 1 && connection.id <= states_.size());
    State& state = states_[connection.id - 1];
    Check(!state.closed && !state.ended[static_cast<size_t>(direction)]);
    return state;
  }
  std::vector<State> states_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  auto file =
      stockade::PacketFile::OverStream(std::make_unique<stockade::test::TextBytes>(std::move(bytes)), "fuzz");
  if (!file.ok()) return 0;
  stockade::AssemblyOptions options;
  options.tcp.connections_max = 16;
  options.tcp.held_bytes_max = 8 << 10;
  options.tcp.held_bytes_a_direction_max = 2 << 10;
  options.decoder.fragments = {.datagrams_max = 8, .bytes_max = 128 << 10};
  Grammar grammar;
  stockade::Assembly assembly(options, &grammar);
  stockade::Packet packet;
  while (true) {
    const auto more = (*file)->Next(&packet);
    if (!more.ok() || !*more) break;
    assembly.Take(packet);
    Check(assembly.memory_bytes() < 2 << 20);
  }
  assembly.Finish();
  grammar.Finish();
  const stockade::CaptureCounts& c = assembly.counts();
  Check(c.packets == c.tcp_segments + c.udp_datagrams + c.other + c.malformed + c.cut_short + c.too_deep +
                         c.bad_checksums + c.fragments);
  return 0;
}
