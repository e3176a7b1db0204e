// A capture file made in memory, as pcap or pcapng: whole TCP connections over Ethernet and IPv4, with handshake,
// acknowledgements and end; UDP datagrams.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stockade {

class MadeCapture {
 public:
  enum class Form { kPcap, kPcapng };

  // With microseconds, link type Ethernet.
  explicit MadeCapture(Form form = Form::kPcap) : form_(form) {
    if (form_ == Form::kPcap) {
      for (const uint32_t word : {0xa1b2c3d4u, 0x00040002u, 0u, 0u, 262144u, 1u}) Little(word);
      return;
    }
    // A section of unknown length, and an interface.
    for (const uint32_t word : {0x0a0d0d0au, 28u, 0x1a2b3c4du, 1u, ~0u, ~0u, 28u, 1u, 20u, 1u, 262144u, 20u})
      Little(word);
  }

  using Turn = std::pair<std::string, std::string>;  // what the client says, what the server answers

  // Segments are a millisecond apart, from `time_ms` on. `client`: an address as 0xcb007109.
  void Connection(uint32_t client, uint16_t port, uint16_t server_port, int64_t time_ms,
                  const std::vector<Turn>& turns) {
    client_ = client;
    port_ = port;
    server_port_ = server_port;
    time_ms_ = time_ms;
    from_client_ = 1000;
    from_server_ = 5000;
    Segment(true, kSyn, {});
    ++from_client_;
    Segment(false, kSyn | kAck, {});
    ++from_server_;
    Segment(true, kAck, {});
    for (const auto& [request, answer] : turns) {
      Say(true, request);
      Say(false, answer);
    }
    Segment(true, kFin | kAck, {});
    ++from_client_;
    Segment(false, kFin | kAck, {});
    ++from_server_;
    Segment(true, kAck, {});
  }

  // Between a client's port and the server's 443.
  void Datagram(bool from_client, uint32_t client, uint16_t port, int64_t time_ms, std::string_view content) {
    client_ = client;
    time_ms_ = time_ms;
    std::string frame = Head(from_client, 17, 8 + content.size());
    Big(&frame, from_client ? port : 443, 2);
    Big(&frame, from_client ? 443 : port, 2);
    Big(&frame, 8 + content.size(), 2);
    Big(&frame, 0, 2);
    Append(frame.append(content));
  }

  const std::string& bytes() const noexcept { return bytes_; }
  uint64_t packets() const noexcept { return packets_; }

 private:
  static constexpr uint8_t kFin = 1, kSyn = 2, kAck = 16;
  static constexpr uint32_t kServer = 0xc0000250;  // 192.0.2.80
  static constexpr size_t kSegmentBytes = 1448;

  void Little(uint32_t word) {
    for (int i = 0; i < 4; ++i) bytes_.push_back(static_cast<char>(word >> (8 * i)));
  }
  static void Big(std::string* out, uint64_t number, int width) {
    for (int i = width; i-- > 0;) out->push_back(static_cast<char>(number >> (8 * i)));
  }
  void Say(bool is_client, std::string_view text) {
    while (!text.empty()) {
      const std::string_view piece = text.substr(0, kSegmentBytes);
      Segment(is_client, kAck, piece);
      (is_client ? from_client_ : from_server_) += static_cast<uint32_t>(piece.size());
      text.remove_prefix(piece.size());
    }
  }
  void Segment(bool is_client, uint8_t flags, std::string_view content) {
    std::string frame = Head(is_client, 6, 20 + content.size());
    Big(&frame, is_client ? port_ : server_port_, 2);
    Big(&frame, is_client ? server_port_ : port_, 2);
    Big(&frame, is_client ? from_client_ : from_server_, 4);
    Big(&frame, (flags & kAck) == 0 ? 0 : is_client ? from_server_ : from_client_, 4);
    Big(&frame, 0x50, 1);
    Big(&frame, flags, 1);
    Big(&frame, 0xffff, 2);
    Big(&frame, 0, 4);
    Append(frame.append(content));
  }
  // Ethernet and IPv4, in front of so many bytes.
  std::string Head(bool is_client, uint8_t protocol, size_t bytes) const {
    std::string frame("\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0", 14);
    frame += "\x45";
    Big(&frame, 0, 1);
    Big(&frame, 20 + bytes, 2);
    Big(&frame, 0x00004000, 4);  // no fragments
    Big(&frame, 64, 1);          // TTL
    Big(&frame, protocol, 1);
    Big(&frame, 0, 2);
    Big(&frame, is_client ? client_ : kServer, 4);
    Big(&frame, is_client ? kServer : client_, 4);
    return frame;
  }
  void Append(const std::string& frame) {
    const auto size = static_cast<uint32_t>(frame.size());
    const uint32_t padded = (size + 3) & ~3u;
    if (form_ == Form::kPcap) {
      Little(static_cast<uint32_t>(time_ms_ / 1000));
      Little(static_cast<uint32_t>(time_ms_ % 1000 * 1000));
    } else {
      const auto time_us = static_cast<uint64_t>(time_ms_) * 1000;
      for (const uint32_t word : {6u, 32 + padded, 0u}) Little(word);
      Little(static_cast<uint32_t>(time_us >> 32));
      Little(static_cast<uint32_t>(time_us));
    }
    Little(size);
    Little(size);
    bytes_ += frame;
    if (form_ == Form::kPcapng) {
      bytes_.append(padded - size, '\0');
      Little(32 + padded);
    }
    ++packets_;
    ++time_ms_;
  }

  const Form form_;
  std::string bytes_;
  uint64_t packets_ = 0;
  uint32_t client_ = 0, from_client_ = 0, from_server_ = 0;
  uint16_t port_ = 0, server_port_ = 0;
  int64_t time_ms_ = 0;
};

}  // namespace stockade
