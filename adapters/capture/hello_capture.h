// The ClientHellos that pass, over TCP and QUIC: each is noted as its client's (TlsSightings) once it is certain that the
// client is where its packets say.
//
// Anybody who can send packets past a capture can write a hello under another's address, and it would be that one's
// fingerprint. What he cannot do is hear the answer. So a hello that was read waits:
// - Over TCP for its server: a byte of it, its FIN, or the acknowledgement of the hello, the latter where the client has
//   acknowledged something of the server as well: a forger can choose his SYN so that the SYN-ACK acknowledges his hello. A
//   server's SYN-ACK is no answer, and behind that a forger's content does not count (tcp_assembler.h: `unproven_bytes`).
// - Over QUIC for its client, because a server answers an Initial from any address (RFC 9000 §8.1): the server's answer names
//   the connection id that it has chosen, and only who hears it can send to that. Ids shorter than kChosenIdBytesMin, and those
//   that the client has given itself (gQUIC), prove nothing. A limit: servers that compute their id from the client's first
//   one without a secret (quiche, Envoy and HAProxy have ways to hash it) choose what a forger can compute as well. An Initial
//   of another connection between the same ports within kQuicWaitNs leaves it open whose answer comes: neither is noted.
// Where the capture has the client's direction alone no hello is noted, as no login is told (connection_logins.h): all are
// HelloCounts::unanswered. Not known here is who sends under the server's own address; a network keeps that out at its border
// (RFC 2827).
//
// Hellos of listed proxies are theirs, not their clients', and are left out.
//
// Memory: kBytesTogetherMax for all that are not whole or wait, apart from what HTTP shares: who begins hellos and is never
// answered costs fingerprints, and no logins. The oldest give way. Not thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "adapters/capture/connection_listener.h"
#include "adapters/capture/connection_logins.h"
#include "adapters/capture/memory_share.h"

namespace stockade {

struct HelloCounts {
  uint64_t connections = 0;  // over TCP, that began as TLS
  uint64_t hellos = 0;       // over TCP, read
  uint64_t quic_hellos = 0;
  uint64_t unread = 0;      // TLS without a hello that can be read: broken, lost, of SSL 2
  uint64_t no_room = 0;     // given up for want of room, unread or unanswered
  uint64_t unanswered = 0;  // read, and nothing showed that their client is there: not noted
};

class HelloCapture final : private MemoryHolder {
 public:
  static constexpr size_t kBytesTogetherMax = size_t{16} << 20;
  static constexpr uint16_t kQuicPort = 443;
  // RFC 9000 §14.1: a client's datagram with an Initial has no fewer bytes, and a server takes no smaller one.
  static constexpr size_t kQuicFirstBytesMin = 1200;
  // As hard to guess as TCP's number; what quic-go's servers choose. Others take 8 and more.
  static constexpr size_t kChosenIdBytesMin = 4;
  // Clients give up a handshake after that (RFC 9308 §3.2 has some seconds), and a port may be another's.
  static constexpr int64_t kQuicWaitNs = int64_t{10} * 1'000'000'000;

  // `reading` outlives it.
  explicit HelloCapture(LoginReading* reading);
  ~HelloCapture();
  HelloCapture(const HelloCapture&) = delete;
  HelloCapture& operator=(const HelloCapture&) = delete;

  // A connection, from the first byte of TLS on; then as connection_listener.h says. `client`: who opened it, or whom its PROXY
  // header names. False: nothing more of the direction is wanted.
  bool Begin(const Connection& connection, const Address& client, std::string_view bytes, int64_t time_ns);
  bool Bytes(const Connection& connection, Direction direction, std::string_view bytes, int64_t time_ns);
  void Gap(const Connection& connection, Direction direction);
  void Ended(const Connection& connection, Direction direction);
  void Closed(const Connection& connection);
  void Received(const Datagram& datagram);
  // The capture is over: what waits over QUIC stays unanswered. Connections are closed before.
  void Finish();

  const HelloCounts& counts() const noexcept { return counts_; }
  size_t memory_bytes() const noexcept { return share_.taken(); }
  size_t quic_flows() const noexcept { return quic_.size(); }

 private:
  struct Hello;
  struct TcpHello;
  struct QuicFlow;
  struct Way {
    FlowEndpoint client, server;
    friend bool operator==(const Way&, const Way&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Way& way) {
      return H::combine(std::move(h), way.client.address, way.client.port, way.server.address,
                        way.server.port);
    }
  };

  // What is read of a hello or waits, of either; by number: TCP's even, QUIC's odd.
  Hello* Find(uint64_t number) noexcept;
  QuicFlow* FindFlow(const Way& way) noexcept;
  // Room for it; false: there is none, and it is gone.
  bool Take(uint64_t number, size_t bytes);
  void GiveWay(uint64_t number) override;
  // Whatever of the share it had is free again, but for what it costs itself.
  void ReleaseReading(Hello* hello);
  void Forget(uint64_t number);

  bool TakeBytes(TcpHello* hello, std::string_view bytes, int64_t time_ns);
  void TakeAsked(const Datagram& datagram);
  void TakeAnswered(const Datagram& datagram);
  // Reads a datagram of the client's; false: it is gone.
  bool ReadOn(QuicFlow* flow, const Datagram& datagram);
  // Nothing more comes of it; it stands for its ports until kQuicWaitNs.
  void End(QuicFlow* flow);
  void Note(const Hello& hello);

  LoginReading& reading_;
  MemoryShare share_{kBytesTogetherMax};
  HelloCounts counts_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<TcpHello>> tcp_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<QuicFlow>> quic_;
  absl::flat_hash_map<Way, uint64_t> quic_numbers_;
  uint64_t last_quic_number_ = 1;
};

}  // namespace stockade
