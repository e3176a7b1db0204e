// The connections and datagrams of a capture become logins: each connection is looked at until it is known what it speaks.
//
//   packets ─► Assembly ─► LoginCapture ─┬► HTTP: HttpConversation ─► ConnectionLogins ─► LoginSink
//                                        └► TLS, QUIC: HelloCapture ─► TlsSightings ─► (joined to logins by address)
//
// A connection that begins with a PROXY header (gateway/proxy_protocol.h) is its client's, if a listed proxy sent it; the
// header's signature begins nothing else that is read here. What begins with a TLS record is asked for its ClientHello
// alone. What begins as neither, or with the server's word, is not followed. In mid-stream, who is client is told by the
// first segment that begins a request or an answer.
//
// Memory: LoginCaptureOptions::memory_bytes, of which each connection that is followed takes its own, and
// HelloCapture::kBytesTogetherMax. Where there is no room, the connection gives way that was begun longest ago of those that
// nobody has answered, for anybody can begin them; then the one whose client was quiet for longest. A connection that is not
// followed costs nothing here. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "adapters/capture/connection_listener.h"
#include "adapters/capture/connection_logins.h"
#include "adapters/capture/hello_capture.h"
#include "adapters/capture/http_conversation.h"

namespace stockade {

struct LoginCaptureOptions {
  HeadLimits heads;
  ChunkLimits chunks;
  // For all that is followed, with heads, bodies and answers under way. A gateway with 10,000 logins a second and 30 seconds
  // a connection has 300,000 of 1 KB; of the rest a thousandth is under way at a busy broker's.
  size_t memory_bytes = size_t{384} << 20;
};

// Connections, by what they were; those of TLS are HelloCounts::connections.
struct TalkCounts {
  uint64_t http = 0;
  uint64_t unknown = 0;        // begin as nothing that is read here
  uint64_t proxy_headers = 0;  // connections that began with one
  uint64_t no_room = 0;        // given up for want of room before that was known
};

class LoginCapture final : public ConnectionListener, private MemoryHolder {
 public:
  // In mid-stream this much passes before a connection is taken for something else.
  static constexpr uint64_t kUndecidedBytesMax = uint64_t{1} << 20;

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
  // The capture is over, and its assembly finished.
  void Finish() { hellos_.Finish(); }

  const HttpCounts& http() const noexcept { return shared_.counts; }
  const TalkCounts& talk() const noexcept { return talk_; }
  const HelloCapture& hellos() const noexcept { return hellos_; }
  size_t memory_bytes() const noexcept { return memory_.taken() + hellos_.memory_bytes(); }

 private:
  struct Http;
  struct Talk;

  Talk* FindTalk(const Connection& connection) noexcept;
  // These are false where nothing more of the connection is wanted.
  bool TakeBytes(const Connection& connection, Direction direction, std::string_view bytes, int64_t time_ns,
                 Talk* talk);
  bool Begin(const Connection& connection, Direction direction, std::string_view bytes, int64_t time_ns,
             Talk* talk);
  bool BeginHttp(const Address& peer, bool from_begin, Talk* talk);
  bool Tell(Talker talker, std::string_view bytes, int64_t time_ns, Talk* talk);
  // From the share, for a connection; false: there is no room.
  bool Take(Talk* talk, size_t bytes);
  void GiveWay(uint64_t connection) override;
  void Forget(uint64_t connection);

  LoginReading& reading_;
  MemoryShare memory_;
  HelloCapture hellos_;
  HttpConversation::Shared shared_;
  TalkCounts talk_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Talk>> talks_;
};

}  // namespace stockade
