#include "adapters/capture/login_capture.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "adapters/gateway/proxy_protocol.h"
#include "adapters/secret_text.h"

namespace stockade {
namespace {

constexpr char kTlsHandshakeRecord = 0x16;
constexpr std::string_view kProxyLine = "PROXY ";
constexpr std::string_view kProxyBytes("\r\n\r\n\0\r\nQUIT\n", 12);

bool MayBeginProxyHeader(std::string_view bytes) noexcept {
  return kProxyLine.starts_with(bytes.substr(0, kProxyLine.size())) ||
         kProxyBytes.starts_with(bytes.substr(0, kProxyBytes.size()));
}

// Who speaks, by what a segment in mid-stream begins with: a request, an answer, or neither.
std::optional<Talker> GuessTalker(std::string_view bytes) noexcept {
  if (bytes.starts_with("HTTP/1.")) return Talker::kServer;
  constexpr std::string_view kMethods[] = {"GET /",    "POST /",  "PUT /",   "HEAD /",
                                           "DELETE /", "PATCH /", "OPTIONS "};
  const bool asks = std::any_of(std::begin(kMethods), std::end(kMethods),
                                [bytes](std::string_view method) { return bytes.starts_with(method); });
  return asks ? std::optional(Talker::kClient) : std::nullopt;
}

}  // namespace

struct LoginCapture::Http {
  Http(LoginReading* reading, MemoryShare* memory, HttpConversation::Shared* shared, const Address& peer,
       bool from_begin)
      : logins(reading, memory, peer), conversation(shared, &logins, from_begin) {}

  ConnectionLogins logins;
  HttpConversation conversation;
};

// What a connection was found to speak, as far as it is known.
struct LoginCapture::Talk {
  std::unique_ptr<Http> http;
  bool swapped = false;         // who was taken for the server is the client
  std::array<bool, 2> heard{};  // by direction
  Address peer;
  SecretText begin;  // of a PROXY header, or what looks like one
  bool has_header = false;
  bool is_tls = false;     // and is followed by HelloCapture
  uint64_t undecided = 0;  // bytes in mid-stream
  size_t taken = 0;
  MemoryShare::Place place;

  Talker TalkerOf(Direction direction) const noexcept {
    return (direction == Direction::kFromClient) != swapped ? Talker::kClient : Talker::kServer;
  }
};

LoginCapture::LoginCapture(const LoginCaptureOptions& options, LoginReading* reading)
    : reading_(*reading),
      memory_(options.memory_bytes),
      hellos_(reading),
      shared_(options.heads, options.chunks, &memory_) {}

LoginCapture::~LoginCapture() = default;

LoginCapture::Talk* LoginCapture::FindTalk(const Connection& connection) noexcept {
  const auto found = talks_.find(connection.id);
  return found == talks_.end() ? nullptr : found->second.get();
}

void LoginCapture::Forget(uint64_t connection) {
  const auto found = talks_.find(connection);
  memory_.Give(found->second->taken);
  memory_.Leave(found->second->place);
  talks_.erase(found);
}

void LoginCapture::GiveWay(uint64_t connection) {
  const Talk& talk = *talks_.find(connection)->second;
  if (talk.http == nullptr) {
    ++talk_.no_room;
  } else {
    talk.http->logins.GiveUp();
    talk.http->conversation.GiveUpForRoom();
  }
  Forget(connection);
}

bool LoginCapture::Take(Talk* talk, size_t bytes) {
  if (!memory_.Take(bytes)) {
    ++talk_.no_room;
    return false;
  }
  talk->taken += bytes;
  return true;
}

void LoginCapture::Opened(const Connection& connection) {
  // Its place in the map and the list.
  constexpr size_t kBesides = 96;
  auto talk = std::make_unique<Talk>();
  talk->peer = connection.client.address;
  talk->place = memory_.Enter(this, connection.id, MemoryShare::Worth::kBegun);
  Talk* const kept = talk.get();
  talks_[connection.id] = std::move(talk);
  const MemoryShare::AtWork at_work(&memory_, kept->place);
  if (!Take(kept, sizeof(Talk) + kBesides)) Forget(connection.id);
}

bool LoginCapture::Bytes(const Connection& connection, Direction direction, std::string_view bytes,
                         int64_t time_ns) {
  Talk* const talk = FindTalk(connection);
  if (talk == nullptr) return hellos_.Bytes(connection, direction, bytes, time_ns);
  bool wanted = false;
  {
    const MemoryShare::AtWork at_work(&memory_, talk->place);
    wanted = TakeBytes(connection, direction, bytes, time_ns, talk);
  }
  if (!wanted || talk->is_tls) Forget(connection.id);
  return wanted;
}

bool LoginCapture::TakeBytes(const Connection& connection, Direction direction, std::string_view bytes,
                             int64_t time_ns, Talk* talk) {
  const Talker talker = talk->TalkerOf(direction);
  talk->heard[static_cast<size_t>(direction)] = true;
  const bool is_news = talker == Talker::kClient || talk->place->worth == MemoryShare::Worth::kBegun;
  if (talk->heard[0] && talk->heard[1] && is_news) memory_.Move(talk->place, MemoryShare::Worth::kAnswered);
  if (talk->http == nullptr) return Begin(connection, direction, bytes, time_ns, talk);
  return Tell(talker, bytes, time_ns, talk);
}

bool LoginCapture::Begin(const Connection& connection, Direction direction, std::string_view bytes,
                         int64_t time_ns, Talk* talk) {
  if (!connection.start_seen) {
    const std::optional<Talker> talker = GuessTalker(bytes);
    if (!talker) {
      talk->undecided += bytes.size();
      if (talk->undecided <= kUndecidedBytesMax) return true;
      ++talk_.unknown;
      return false;
    }
    const bool from_client = direction == Direction::kFromClient;
    talk->swapped = from_client != (*talker == Talker::kClient);
    return BeginHttp(talk->swapped ? connection.server.address : connection.client.address,
                     /*from_begin=*/false, talk) &&
           Tell(*talker, bytes, time_ns, talk);
  }
  // In HTTP and TLS it is the client that speaks first; what it says is told first (connection_listener.h).
  if (direction == Direction::kFromServer) {
    ++talk_.unknown;
    return false;
  }
  // One, and in front of everything: what looks like another is the client's own word.
  SecretText together;
  if (!talk->has_header && (!talk->begin.empty() || MayBeginProxyHeader(bytes))) {
    const size_t kept = talk->begin.size();
    if (kept > 0) {
      together = std::move(talk->begin);
      together.Append(bytes);
      bytes = together.view();
    }
    const ProxyHeaderRead read = ReadProxyHeader(bytes);
    if (read.state == ProxyHeaderState::kMore) {
      if (!Take(talk, bytes.size() - kept)) return false;
      talk->begin = SecretText(bytes);
      return true;
    }
    if (read.state == ProxyHeaderState::kDone) {
      ++talk_.proxy_headers;
      talk->has_header = true;
      talk->peer = reading_.client_addresses->ConnectionPeer(connection.client.address, read.header);
      bytes.remove_prefix(read.bytes);
    } else if (read.error != ProxyHeaderError::kNoHeader) {  // "POST" begins as "PROXY" does
      ++talk_.unknown;
      return false;
    }
  }
  if (bytes.empty()) return true;
  if (bytes[0] == kTlsHandshakeRecord) {
    talk->is_tls = true;
    return hellos_.Begin(connection, talk->peer, bytes, time_ns);
  }
  if (!MayBeginRequest(bytes)) {
    ++talk_.unknown;
    return false;
  }
  return BeginHttp(talk->peer, /*from_begin=*/true, talk) && Tell(Talker::kClient, bytes, time_ns, talk);
}

bool LoginCapture::BeginHttp(const Address& peer, bool from_begin, Talk* talk) {
  // With what it always has in vectors, and what the allocator adds.
  constexpr size_t kBesides = 96;
  ++talk_.http;
  if (!Take(talk, sizeof(Http) + kBesides)) return false;
  talk->http = std::make_unique<Http>(&reading_, &memory_, &shared_, peer, from_begin);
  return true;
}

bool LoginCapture::Tell(Talker talker, std::string_view bytes, int64_t time_ns, Talk* talk) {
  talk->http->conversation.Data(talker, bytes, time_ns);
  return talk->http->conversation.following();
}

void LoginCapture::Gap(const Connection& connection, Direction direction, uint64_t bytes,
                       int64_t /*time_ns*/) {
  Talk* const talk = FindTalk(connection);
  if (talk == nullptr) return hellos_.Gap(connection, direction);
  bool is_over = connection.start_seen;  // what it begins with is lost
  if (talk->http != nullptr) {
    const MemoryShare::AtWork at_work(&memory_, talk->place);
    talk->http->conversation.Gap(talk->TalkerOf(direction), bytes);
    is_over = !talk->http->conversation.following();
  } else if (is_over) {
    ++talk_.unknown;
  }
  if (is_over) Forget(connection.id);
}

void LoginCapture::Ended(const Connection& connection, Direction direction, int64_t /*time_ns*/) {
  Talk* const talk = FindTalk(connection);
  if (talk == nullptr) return hellos_.Ended(connection, direction);
  if (talk->http == nullptr) return;
  {
    const MemoryShare::AtWork at_work(&memory_, talk->place);
    talk->http->conversation.Close(talk->TalkerOf(direction));
  }
  if (!talk->http->conversation.following()) Forget(connection.id);
}

void LoginCapture::Closed(const Connection& connection, ConnectionClose why, int64_t /*time_ns*/) {
  Talk* const talk = FindTalk(connection);
  if (talk == nullptr) return hellos_.Closed(connection);
  if (talk->http != nullptr) {
    const MemoryShare::AtWork at_work(&memory_, talk->place);
    talk->http->conversation.Stop(why == ConnectionClose::kFin || why == ConnectionClose::kReset ||
                                  why == ConnectionClose::kReplaced);
  } else {
    ++talk_.unknown;
  }
  Forget(connection.id);
}

void LoginCapture::Received(const Datagram& datagram) {
  hellos_.Received(datagram);
}

}  // namespace stockade
