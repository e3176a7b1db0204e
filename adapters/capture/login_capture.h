// The connections and datagrams of a capture become logins: each connection is looked at until it is known what it speaks.
//
//   packets ─► Assembly ─► LoginCapture ─┬► HTTP: HttpConversation ─► ConnectionLogins ─► LoginSink
//                                        └► TLS, QUIC: ClientHello ─► TlsSightings ─► (joined to logins by address)
//
// A connection that begins with a PROXY header (gateway/proxy_protocol.h) is its client's, if a listed proxy sent it; the
// header's signature begins nothing else that is read here. What begins with a TLS record is asked for its ClientHello
// alone. What begins as neither, or with the server's word, is not followed. In mid-stream, who is client is told by the
// first segment that begins a request or an answer.
//
// Hellos of listed proxies are theirs, not their clients', and are left out.
//
// Memory: an HttpConversation for each connection that speaks HTTP, what the share gives, and kHelloBytesTogetherMax. Not
// thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "adapters/capture/connection_listener.h"
#include "adapters/capture/connection_logins.h"
#include "adapters/capture/http_conversation.h"

namespace stockade {

struct LoginCaptureOptions {
  HeadLimits heads;
  ChunkLimits chunks;
  // For all heads, bodies and answers under way: a thousandth of that is under way at a busy broker's.
  size_t memory_bytes = size_t{128} << 20;
};

// Connections and hellos, by what they were.
struct TalkCounts {
  uint64_t http = 0;
  uint64_t tls = 0;
  uint64_t unknown = 0;        // begin as nothing that is read here
  uint64_t proxy_headers = 0;  // connections that began with one
  uint64_t hellos = 0;         // over TCP, read
  uint64_t quic_hellos = 0;
  uint64_t hellos_unread = 0;   // TLS without a hello that can be read: broken, lost, of SSL 2, in mid-stream
  uint64_t hellos_no_room = 0;  // of them: because kHelloBytesTogetherMax were taken
};

class LoginCapture final : public ConnectionListener {
 public:
  // In mid-stream this much passes before a connection is taken for something else.
  static constexpr uint64_t kUndecidedBytesMax = uint64_t{1} << 20;
  // QUIC flows whose hello is not whole yet; an Initial answers in a round trip.
  static constexpr size_t kQuicFlowsMax = 1024;
  static constexpr uint16_t kQuicPort = 443;
  // RFC 9000 §14.1: a client's datagram with an Initial has no fewer bytes, and a server takes no smaller one.
  static constexpr size_t kQuicFirstBytesMin = 1200;
  // Of TLS hellos that are not whole yet, together, apart from the share of HTTP: whoever begins hellos and never ends them
  // costs fingerprints, and no logins. One that comes in a single segment takes none of it.
  static constexpr size_t kHelloBytesTogetherMax = size_t{16} << 20;

  // `reading` outlives it.
  LoginCapture(const LoginCaptureOptions& options, LoginReading* reading);
  ~LoginCapture() override;

  void Opened(const Connection& connection) override;
  bool Bytes(const Connection& connection, Direction direction, std::string_view bytes,
             int64_t time_ns) override;
  void Gap(const Connection& connection, Direction direction, uint64_t bytes, int64_t time_ns) override;
  void Ended(const Connection& connection, Direction direction, int64_t time_ns) override;
  void Closed(const Connection& connection, ConnectionClose why, int64_t time_ns) override;
  void Received(const Datagram& datagram) override;

  const HttpCounts& http() const noexcept { return shared_.counts; }
  const TalkCounts& talk() const noexcept { return talk_; }
  size_t memory_bytes() const noexcept { return memory_.taken() + hellos_.taken(); }
  size_t quic_flows() const noexcept { return quic_.size(); }

 private:
  struct Talk;
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

  Talk* FindTalk(const Connection& connection) noexcept;
  // False: nothing more of the connection is wanted.
  bool Begin(const Connection& connection, Direction direction, std::string_view bytes, int64_t time_ns,
             Talk* talk);
  bool TakeProxyHeader(const Connection& connection, std::string_view* bytes, Talk* talk);
  bool TakeHello(std::string_view bytes, int64_t time_ns, Talk* talk);
  void Note(const Address& client, std::string_view message, bool is_quic, int64_t time_ns);
  void BeginHttp(const Address& peer, bool from_begin, Talk* talk);
  void Forget(const Connection& connection);

  LoginReading& reading_;
  MemoryShare memory_;
  MemoryShare hellos_{kHelloBytesTogetherMax};
  HttpConversation::Shared shared_;
  TalkCounts talk_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Talk>> talks_;
  // The one that found no room for longest is in front.
  std::list<QuicFlow> quic_;
  absl::flat_hash_map<Way, std::list<QuicFlow>::iterator> quic_index_;
};

}  // namespace stockade
