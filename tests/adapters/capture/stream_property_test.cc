// The assembler against the oracle: random segmentation, order, overlap, repetition with other content, loss and wrap.
#include <catch2/catch.hpp>

#include "adapters/capture/tcp_assembler.h"
#include "tests/adapters/capture/stream_oracle.h"
#include "tests/adapters/capture/told.h"

namespace stockade {
namespace {

using test::Conversation;
using test::ExpectedStream;
using test::WireFaults;
using test::WireSegment;

TcpSegment AsSegment(const Conversation& talk, const WireSegment& wire, int64_t time_ns,
                     uint16_t client_port = 40000) {
  const FlowEndpoint client{Address::V4(0xc0000201), client_port};
  const FlowEndpoint server{Address::V4(0xc6336402), 443};
  TcpSegment segment;
  segment.source = wire.direction == 0 ? client : server;
  segment.destination = wire.direction == 0 ? server : client;
  segment.time_ns = time_ns;
  segment.sequence = talk.first[wire.direction] + wire.offset;
  segment.acknowledged = talk.first[1 - wire.direction] + wire.acked;
  segment.flags = wire.flags;
  segment.bytes = wire.bytes;
  segment.wire_bytes = static_cast<uint32_t>(wire.bytes.size());
  return segment;
}

void Handshake(const Conversation& talk, TcpAssembler* tcp, int64_t time_ns, uint16_t client_port = 40000) {
  WireSegment syn{0, 0, 0, TcpSegment::kSyn, ""};
  TcpSegment segment = AsSegment(talk, syn, time_ns, client_port);
  segment.sequence -= 1;
  segment.acknowledged = 0;
  tcp->Take(segment, time_ns);
  segment = AsSegment(talk, {1, 0, 0, TcpSegment::kSyn | TcpSegment::kAck, ""}, time_ns, client_port);
  segment.sequence -= 1;
  tcp->Take(segment, time_ns);
  tcp->Take(AsSegment(talk, {0, 0, 0, TcpSegment::kAck, ""}, time_ns, client_port), time_ns);
}

// Checks at every call what is told against the first bytes captured, and that no answer overtakes its question.
class CheckedListener final : public ConnectionListener {
 public:
  CheckedListener(const Conversation& talk, bool whole)
      : expected_{test::Expect(talk, 0), test::Expect(talk, 1)}, whole_(whole) {}

  void Opened(const Connection& connection) override { REQUIRE(connection.start_seen); }
  bool Bytes(const Connection&, Direction direction, std::string_view bytes, int64_t) override {
    const auto d = static_cast<size_t>(direction);
    const ExpectedStream& expected = expected_[d];
    REQUIRE(at_[d] + bytes.size() <= expected.bytes.size());
    for (const char c : bytes) {
      // The first may have been dropped for want of room; then another is, but none that nobody sent.
      const bool right =
          whole_ ? expected.bytes[at_[d]] == c : expected.all[at_[d]].find(c) != std::string::npos;
      const bool in_turn = !whole_ || d == 0 || at_[0] + 1 >= expected.acked[at_[d]];
      if (!right || !in_turn) FAIL("at " << at_[d] << " of direction " << d << ": " << right << in_turn);
      ++at_[d];
    }
    return true;
  }
  void Gap(const Connection&, Direction direction, uint64_t bytes, int64_t) override {
    const auto d = static_cast<size_t>(direction);
    for (uint64_t i = 0; i < bytes; ++i, ++at_[d]) {
      // What the server has acknowledged last may be a FIN that comes later than anybody waits.
      if (!whole_ && d == 0 && at_[d] == expected_[d].bytes.size()) continue;
      const bool was_captured = at_[d] >= expected_[d].bytes.size() || expected_[d].bytes[at_[d]].has_value();
      if (at_[d] >= expected_[d].bytes.size() || (whole_ && was_captured))
        FAIL("gap at " << at_[d] << " of direction " << d);
    }
  }
  void Ended(const Connection&, Direction direction, int64_t) override {
    const auto d = static_cast<size_t>(direction);
    REQUIRE(at_[d] >= expected_[d].bytes.size());
  }
  void Closed(const Connection&, ConnectionClose, int64_t) override {
    closed_ = true;
    if (!whole_) return;
    for (const size_t d : {size_t{0}, size_t{1}}) REQUIRE(at_[d] == expected_[d].bytes.size());
  }
  void Received(const Datagram&) override {}
  bool closed() const { return closed_; }
  bool anything() const { return !expected_[0].bytes.empty() || !expected_[1].bytes.empty(); }

 private:
  std::array<ExpectedStream, 2> expected_;
  std::array<size_t, 2> at_{};
  bool whole_;
  bool closed_ = false;
};

TEST_CASE("What is told is what was captured first, in order, with gaps where nothing was") {
  std::mt19937 random(20240517);
  for (int round = 0; round < 600; ++round) {
    INFO("round " << round);
    const WireFaults faults{.lost_percent = round % 3 == 0 ? static_cast<int>(random() % 30) : 0,
                            .repeated_percent = static_cast<int>(random() % 60),
                            .forged_percent = static_cast<int>(random() % 100),
                            .reorder_window = 1 + random() % 12};
    const Conversation talk = test::Converse(random, round % 50 == 0 ? 40000 : 2000, faults);
    CheckedListener listener(talk, true);
    CaptureCounts counts;
    TcpAssembler tcp({}, &listener, &counts);
    int64_t time_ns = 1;
    Handshake(talk, &tcp, time_ns);
    // Within the time that nothing is given up in.
    for (const WireSegment& wire : talk.captured) {
      time_ns += 10000;
      tcp.Take(AsSegment(talk, wire, time_ns), time_ns);
    }
    REQUIRE(time_ns < StreamDelivery::kReorderNs);
    tcp.Finish(time_ns);
    REQUIRE(listener.closed() == listener.anything());
    REQUIRE(tcp.held_bytes() == 0);
    REQUIRE(tcp.connections() == 0);
  }
}

TEST_CASE("With hardly any room and long waits nothing false is told, and the room is kept to") {
  std::mt19937 random(99);
  uint64_t gaps_for_memory = 0;
  uint64_t beyond_limit_bytes = 0;
  for (int round = 0; round < 150; ++round) {
    INFO("round " << round);
    const WireFaults faults{.lost_percent = static_cast<int>(random() % 40),
                            .repeated_percent = static_cast<int>(random() % 60),
                            .forged_percent = 50,
                            .reorder_window = 1 + random() % 40};
    const Conversation talk = test::Converse(random, 12000, faults);
    CheckedListener listener(talk, false);
    CaptureCounts counts;
    TcpAssemblerOptions options;
    options.held_bytes_a_direction_max = 1 + static_cast<uint32_t>(random() % 8000);
    options.held_bytes_max = 1 + random() % 10000;
    TcpAssembler tcp(options, &listener, &counts);
    int64_t time_ns = 1;
    Handshake(talk, &tcp, time_ns);
    for (const WireSegment& wire : talk.captured) {
      if (random() % 8 == 0) time_ns += static_cast<int64_t>(random() % 400) * 1'000'000;
      tcp.Take(AsSegment(talk, wire, time_ns), time_ns);
      // What one direction may hold beside, before it is in a list.
      REQUIRE(tcp.held_bytes() <= options.held_bytes_max + 4 * options.held_bytes_a_direction_max + 1024);
    }
    tcp.Finish(time_ns);
    REQUIRE(tcp.held_bytes() == 0);
    gaps_for_memory += counts.gaps_for_memory;
    beyond_limit_bytes += counts.beyond_limit_bytes;
  }
  REQUIRE(gaps_for_memory > 0);
  REQUIRE(beyond_limit_bytes > 0);
}

TEST_CASE("Many connections at once, more than there is room for, are told as each alone") {
  std::mt19937 random(7);
  for (const uint32_t room : {16U, 1000U}) {
    constexpr size_t kTalks = 60;
    std::vector<Conversation> talks;
    for (size_t i = 0; i < kTalks; ++i) talks.push_back(test::Converse(random, 2000, {.reorder_window = 3}));
    test::Told told;
    CaptureCounts counts;
    TcpAssemblerOptions options;
    options.connections_max = room;
    TcpAssembler tcp(options, &told, &counts);
    std::vector<size_t> at(kTalks);
    int64_t time_ns = 1;
    for (size_t i = 0; i < kTalks; ++i) Handshake(talks[i], &tcp, time_ns, static_cast<uint16_t>(40000 + i));
    size_t left = kTalks;
    while (left != 0) {
      const size_t i = random() % kTalks;
      if (at[i] > talks[i].captured.size()) continue;
      if (at[i] == talks[i].captured.size()) {
        ++at[i];
        --left;
        continue;
      }
      tcp.Take(AsSegment(talks[i], talks[i].captured[at[i]++], time_ns, static_cast<uint16_t>(40000 + i)),
               time_ns);
      time_ns += 1000;
      REQUIRE(tcp.connections() <= room);
    }
    tcp.Finish(time_ns);
    if (room == 16) {
      REQUIRE(counts.closed_evicted > 0);
      continue;
    }
    REQUIRE(told.connections().size() == kTalks);
    for (const test::ToldConnection& connection : told.connections()) {
      const Conversation& talk = talks[connection.connection.client.port - 40000U];
      for (const size_t d : {size_t{0}, size_t{1}}) {
        const ExpectedStream expected = test::Expect(talk, d);
        std::string bytes;
        for (const auto& byte : expected.bytes) bytes += *byte;
        REQUIRE(connection.direction[d].bytes == bytes);
      }
    }
  }
}

}  // namespace
}  // namespace stockade
