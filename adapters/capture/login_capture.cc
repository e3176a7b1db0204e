#include "adapters/capture/login_capture.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "adapters/client_hello/client_fingerprint.h"
#include "adapters/client_hello/hello_reader.h"
#include "adapters/client_hello/quic_hello.h"
#include "adapters/gateway/proxy_protocol.h"

namespace stockade {
namespace {

constexpr char kTlsHandshakeRecord = 0x16;
constexpr std::string_view kProxyLine = "PROXY ";
constexpr std::string_view kProxyBytes("\r\n\r\n\0\r\nQUIT\n", 12);

bool MayBeginProxyHeader(std::string_view bytes) noexcept {
  return kProxyLine.starts_with(bytes.substr(0, kProxyLine.size())) ||
         kProxyBytes.starts_with(bytes.substr(0, kProxyBytes.size()));
}

// Who speaks, told by what a segment in mid-stream begins with: a request, an answer, or neither.
std::optional<Talker> TalkerOf(std::string_view bytes) noexcept {
  if (bytes.starts_with("HTTP/1.")) return Talker::kServer;
  constexpr std::string_view kMethods[] = {"GET /",    "POST /",  "PUT /",   "HEAD /",
                                           "DELETE /", "PATCH /", "OPTIONS "};
  const bool asks = std::any_of(std::begin(kMethods), std::end(kMethods),
                                [bytes](std::string_view method) { return bytes.starts_with(method); });
  return asks ? std::optional(Talker::kClient) : std::nullopt;
}

}  // namespace

// What a connection was found to speak.
struct LoginCapture::Talk {
  // HTTP.
  std::unique_ptr<ConnectionLogins> logins;
  std::unique_ptr<HttpConversation> http;
  bool swapped = false;  // who was taken for the server is the client
  // TLS, until its hello has come.
  std::unique_ptr<HelloReader> hello;
  size_t hello_bytes = 0;  // taken for it
  Address peer;
  // Not known yet.
  std::string begin;  // of a PROXY header
  bool has_header = false;
  uint64_t undecided = 0;  // bytes in mid-stream
};

struct LoginCapture::QuicFlow {
  Way way;
  QuicHelloReader reader;
};

LoginCapture::LoginCapture(const LoginCaptureOptions& options, LoginReading* reading)
    : reading_(*reading), memory_(options.memory_bytes), shared_(options.heads, options.chunks, &memory_) {}

LoginCapture::~LoginCapture() = default;

LoginCapture::Talk* LoginCapture::FindTalk(const Connection& connection) noexcept {
  const auto found = talks_.find(connection.id);
  return found == talks_.end() ? nullptr : found->second.get();
}

void LoginCapture::Forget(const Connection& connection) {
  const auto found = talks_.find(connection.id);
  if (found == talks_.end()) return;
  hellos_.Give(found->second->hello_bytes);
  talks_.erase(found);
}

void LoginCapture::Opened(const Connection& connection) {
  auto talk = std::make_unique<Talk>();
  talk->peer = connection.client.address;
  talks_[connection.id] = std::move(talk);
}

bool LoginCapture::Bytes(const Connection& connection, Direction direction, std::string_view bytes,
                         int64_t time_ns) {
  Talk* const talk = FindTalk(connection);
  if (talk == nullptr) return false;
  const bool is_from_client = direction == Direction::kFromClient;
  bool wanted = false;
  if (talk->http != nullptr) {
    talk->http->Data(is_from_client != talk->swapped ? Talker::kClient : Talker::kServer, bytes, time_ns);
    wanted = talk->http->following();
  } else if (talk->hello != nullptr) {
    wanted = !is_from_client || TakeHello(bytes, time_ns, talk);
  } else {
    wanted = Begin(connection, direction, bytes, time_ns, talk);
  }
  if (!wanted) Forget(connection);
  return wanted;
}

bool LoginCapture::Begin(const Connection& connection, Direction direction, std::string_view bytes,
                         int64_t time_ns, Talk* talk) {
  if (!connection.start_seen) {
    const std::optional<Talker> talker = TalkerOf(bytes);
    if (!talker) {
      talk->undecided += bytes.size();
      if (talk->undecided <= kUndecidedBytesMax) return true;
      ++talk_.unknown;
      return false;
    }
    const bool from_client = direction == Direction::kFromClient;
    talk->swapped = from_client != (*talker == Talker::kClient);
    BeginHttp(talk->swapped ? connection.server.address : connection.client.address, /*from_begin=*/false,
              talk);
    talk->http->Data(*talker, bytes, time_ns);
    return talk->http->following();
  }
  // In HTTP and TLS it is the client that speaks first; what it says is told first (connection_listener.h).
  if (direction == Direction::kFromServer) {
    ++talk_.unknown;
    return false;
  }
  std::string together;
  // One, and in front of everything: what looks like another is the client's own word.
  if (!talk->has_header && (!talk->begin.empty() || MayBeginProxyHeader(bytes))) {
    talk->begin.append(bytes.substr(0, kProxyHeaderBytesMax + bytes.size()));
    together = talk->begin;
    bytes = together;
    if (!TakeProxyHeader(connection, &bytes, talk)) return !talk->begin.empty();
  }
  if (bytes.empty()) return true;
  if (bytes[0] == kTlsHandshakeRecord) {
    ++talk_.tls;
    talk->hello = std::make_unique<HelloReader>();
    return TakeHello(bytes, time_ns, talk);
  }
  if (!MayBeginRequest(bytes)) {
    ++talk_.unknown;
    return false;
  }
  BeginHttp(talk->peer, /*from_begin=*/true, talk);
  talk->http->Data(Talker::kClient, bytes, time_ns);
  return talk->http->following();
}

// True: it is over, or there was none, and `bytes` are what follows. False with `begin` kept: more must come.
bool LoginCapture::TakeProxyHeader(const Connection& connection, std::string_view* bytes, Talk* talk) {
  const ProxyHeaderRead read = ReadProxyHeader(*bytes);
  switch (read.state) {
    case ProxyHeaderState::kMore:
      return false;
    case ProxyHeaderState::kBroken:
      talk->begin.clear();
      // "POST" begins as "PROXY" does.
      if (read.error == ProxyHeaderError::kNoHeader) return true;
      ++talk_.unknown;
      return false;
    case ProxyHeaderState::kDone:
      break;
  }
  ++talk_.proxy_headers;
  talk->has_header = true;
  talk->peer = reading_.client_addresses->ConnectionPeer(connection.client.address, read.header);
  bytes->remove_prefix(read.bytes);
  talk->begin.clear();
  return true;
}

void LoginCapture::BeginHttp(const Address& peer, bool from_begin, Talk* talk) {
  ++talk_.http;
  talk->logins = std::make_unique<ConnectionLogins>(&reading_, &memory_, peer);
  talk->http = std::make_unique<HttpConversation>(&shared_, talk->logins.get(), from_begin);
}

bool LoginCapture::TakeHello(std::string_view bytes, int64_t time_ns, Talk* talk) {
  switch (talk->hello->Read(bytes)) {
    case HelloState::kMore: {
      // Twice: a text that grows may have as much room again.
      const size_t kept = 2 * bytes.size();
      if (hellos_.Take(kept)) {
        talk->hello_bytes += kept;
        return true;
      }
      ++talk_.hellos_no_room;
      ++talk_.hellos_unread;
      return false;
    }
    case HelloState::kHello:
      ++talk_.hellos;
      Note(talk->peer, talk->hello->message(), /*is_quic=*/false, time_ns);
      return false;
    default:
      ++talk_.hellos_unread;
      return false;
  }
}

void LoginCapture::Note(const Address& client, std::string_view message, bool is_quic, int64_t time_ns) {
  if (reading_.client_addresses->Lists(client)) return;
  reading_.sightings.Note(
      client, FingerprintOf(message, is_quic ? HelloTransport::kQuic : HelloTransport::kTcp), time_ns);
}

void LoginCapture::Gap(const Connection& connection, Direction direction, uint64_t bytes,
                       int64_t /*time_ns*/) {
  Talk* const talk = FindTalk(connection);
  if (talk == nullptr) return;
  const bool is_from_client = direction == Direction::kFromClient;
  if (talk->http != nullptr) {
    talk->http->Gap(is_from_client != talk->swapped ? Talker::kClient : Talker::kServer, bytes);
    if (!talk->http->following()) Forget(connection);
  } else if (connection.start_seen) {
    // What it begins with is lost, or the hello is.
    if (talk->hello == nullptr) {
      ++talk_.unknown;
    } else if (!is_from_client) {
      return;
    } else {
      ++talk_.hellos_unread;
    }
    Forget(connection);
  }
}

void LoginCapture::Ended(const Connection& connection, Direction direction, int64_t /*time_ns*/) {
  Talk* const talk = FindTalk(connection);
  if (talk == nullptr || talk->http == nullptr) return;
  const bool is_from_client = direction == Direction::kFromClient;
  talk->http->Close(is_from_client != talk->swapped ? Talker::kClient : Talker::kServer);
  if (!talk->http->following()) Forget(connection);
}

void LoginCapture::Closed(const Connection& connection, ConnectionClose why, int64_t /*time_ns*/) {
  Talk* const talk = FindTalk(connection);
  if (talk == nullptr) return;
  if (talk->http != nullptr) {
    talk->http->Stop(why == ConnectionClose::kFin || why == ConnectionClose::kReset ||
                     why == ConnectionClose::kReplaced);
  } else if (talk->hello != nullptr) {
    ++talk_.hellos_unread;
  } else {
    ++talk_.unknown;
  }
  Forget(connection);
}

void LoginCapture::Received(const Datagram& datagram) {
  constexpr unsigned char kLongHeader = 0x80;
  if (datagram.destination.port != kQuicPort || datagram.truncated || datagram.bytes.empty() ||
      (static_cast<unsigned char>(datagram.bytes[0]) & kLongHeader) == 0)
    return;
  const Way way{datagram.source, datagram.destination};
  auto found = quic_index_.find(way);
  if (found == quic_index_.end()) {
    if (datagram.bytes.size() < kQuicFirstBytesMin) return;
    if (quic_.size() == kQuicFlowsMax) {
      quic_index_.erase(quic_.front().way);
      quic_.pop_front();
    }
    found = quic_index_.emplace(way, quic_.insert(quic_.end(), QuicFlow{way, {}})).first;
  }
  const auto flow = found->second;
  const HelloState state = flow->reader.Read(datagram.bytes);
  if (state == HelloState::kMore) return;
  if (state == HelloState::kHello) {
    ++talk_.quic_hellos;
    Note(datagram.source.address, flow->reader.message(), /*is_quic=*/true, datagram.time_ns);
  }
  quic_index_.erase(found);
  quic_.erase(flow);
}

}  // namespace stockade
