// Conversations over a bad wire, and by brute force what must be told of them. The oracle knows nothing of lists, holes or
// limits: an array of the first byte captured at each offset, and that is the stream.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "adapters/capture/tcp_segment.h"

namespace stockade::test {

struct WireSegment {
  size_t direction = 0;  // 0: from the client
  uint32_t offset = 0;   // of the first byte in its direction; of a FIN, of what follows
  uint32_t acked = 0;    // offset in the other direction; a FIN counts as one
  uint8_t flags = TcpSegment::kAck;
  std::string bytes;
};

struct Conversation {
  std::array<uint32_t, 2> first{};  // sequence number of the first byte
  std::vector<WireSegment> captured;
};

struct WireFaults {
  int lost_percent = 0;       // of segments, that the capture does not have
  int repeated_percent = 0;   // sent again, cut otherwise
  int forged_percent = 0;     // of those: with other content
  size_t reorder_window = 1;  // how far a segment may move
};

// Client and server take turns; both begin anywhere in the space of sequence numbers, most often just below its end.
inline Conversation Converse(std::mt19937& random, size_t bytes_max, const WireFaults& faults) {
  const auto below = [&random](size_t n) { return static_cast<size_t>(random() % n); };
  Conversation talk;
  for (uint32_t& first : talk.first) {
    first = below(3) == 0 ? static_cast<uint32_t>(random()) : 0U - static_cast<uint32_t>(below(bytes_max));
  }
  std::array<std::string, 2> content;
  std::array<uint32_t, 2> sent{};
  std::vector<WireSegment> wire;
  for (auto& one : content) {
    const size_t size = 1 + below(bytes_max);
    for (size_t i = 0; i < size; ++i) one += static_cast<char>(1 + below(255));
  }
  while (sent[0] < content[0].size() || sent[1] < content[1].size()) {
    const size_t direction = below(2);
    size_t turn = std::min<size_t>(content[direction].size() - sent[direction], 1 + below(1 + bytes_max / 4));
    while (turn > 0) {
      const size_t size = std::min(turn, 1 + below(1 + below(700)));
      wire.push_back({direction, sent[direction], sent[1 - direction], TcpSegment::kAck,
                      content[direction].substr(sent[direction], size)});
      sent[direction] += static_cast<uint32_t>(size);
      turn -= size;
      if (static_cast<int>(below(100)) < faults.repeated_percent) {
        const auto begin = static_cast<uint32_t>(below(sent[direction]));
        std::string again = content[direction].substr(begin, 1 + below(900));
        again.resize(std::min<size_t>(again.size(), sent[direction] - begin));
        if (static_cast<int>(below(100)) < faults.forged_percent) {
          for (char& c : again) c = static_cast<char>(1 + below(255));
        }
        wire.push_back({direction, begin, sent[1 - direction], TcpSegment::kAck, std::move(again)});
      }
    }
  }
  if (below(2) == 0) {
    wire.push_back({0, sent[0], sent[1], TcpSegment::kAck | TcpSegment::kFin, ""});
    wire.push_back({1, sent[1], sent[0] + 1, TcpSegment::kAck | TcpSegment::kFin, ""});
    wire.push_back({0, sent[0] + 1, sent[1] + 1, TcpSegment::kAck, ""});
  }
  for (size_t i = 0; i < wire.size(); ++i) {
    std::swap(wire[i], wire[std::min(wire.size() - 1, i + below(faults.reorder_window))]);
  }
  for (WireSegment& segment : wire) {
    if (static_cast<int>(below(100)) >= faults.lost_percent) talk.captured.push_back(std::move(segment));
  }
  return talk;
}

struct ExpectedStream {
  std::vector<std::optional<char>> bytes;  // by offset: the first that was captured
  std::vector<std::string> all;            // by offset: all that were captured
  std::vector<uint32_t> acked;             // by offset: what the segment that brought the first acknowledged
};

inline ExpectedStream Expect(const Conversation& talk, size_t direction) {
  ExpectedStream expected;
  uint32_t acked_by_server = 0;
  bool fin_captured = false;
  for (const WireSegment& segment : talk.captured) {
    if (segment.direction != direction) {
      acked_by_server = std::max(acked_by_server, segment.acked);
      continue;
    }
    fin_captured |= (segment.flags & TcpSegment::kFin) != 0;
    for (size_t i = 0; i < segment.bytes.size(); ++i) {
      const size_t at = segment.offset + i;
      if (expected.bytes.size() <= at) {
        expected.bytes.resize(at + 1);
        expected.acked.resize(at + 1);
        expected.all.resize(at + 1);
      }
      expected.all[at] += segment.bytes[i];
      if (expected.bytes[at].has_value()) continue;
      expected.bytes[at] = segment.bytes[i];
      expected.acked[at] = segment.acked;
    }
  }
  // What the server has acknowledged of the client and the capture has not is a gap at the end; one byte alone is a FIN.
  if (direction == 0 && fin_captured && !talk.captured.empty()) {
    for (const WireSegment& segment : talk.captured) {
      const bool is_fin = segment.direction == 0 && (segment.flags & TcpSegment::kFin) != 0;
      if (is_fin) acked_by_server = std::min(acked_by_server, segment.offset);
    }
  }
  if (direction == 0 && acked_by_server > expected.bytes.size() + (fin_captured ? 0 : 1)) {
    expected.bytes.resize(acked_by_server);
    expected.acked.resize(acked_by_server);
    expected.all.resize(acked_by_server);
  }
  return expected;
}

}  // namespace stockade::test
