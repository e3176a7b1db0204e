#include "adapters/capture/hello_capture.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "adapters/client_hello/client_fingerprint.h"
#include "adapters/client_hello/hello_reader.h"
#include "adapters/client_hello/quic_hello.h"
#include "adapters/client_hello/quic_long_header.h"

namespace stockade {
namespace {

// What a hello costs besides what is read of it: its reader or its fingerprint, and its places in maps and share.
constexpr size_t kHelloBytes = 1024;
// RFC 9000 §17.2; what has more is none that is read here.
constexpr size_t kConnectionIdBytesMax = 20;

constexpr uint64_t NumberOf(const Connection& connection) noexcept {
  return 2 * connection.id;
}
constexpr bool IsTcp(uint64_t number) noexcept {
  return number % 2 == 0;
}

}  // namespace

struct HelloCapture::Hello {
  uint64_t number = 0;
  Address client;
  bool is_read = false;  // `print` and `time_ns` stand
  ClientFingerprint print;
  int64_t time_ns = 0;
  size_t taken = 0;
  MemoryShare::Place place;
};

struct HelloCapture::TcpHello : Hello {
  std::unique_ptr<HelloReader> reader;  // until it is read
};

struct HelloCapture::QuicFlow : Hello {
  Way way;
  int64_t begun_ns = 0;
  std::unique_ptr<QuicHelloReader> reader;  // until it is read
  std::string asked_id;                     // to which its first datagram went
  std::array<std::string, 2> chosen_ids;    // by the server: with a Retry, and with its answer
  bool is_client_there = false;
  bool has_ended = false;

  bool WasChosen(std::string_view id) const noexcept {
    return !id.empty() && (id == chosen_ids[0] || id == chosen_ids[1]);
  }
};

HelloCapture::HelloCapture(LoginReading* reading) : reading_(*reading) {}

HelloCapture::~HelloCapture() = default;

HelloCapture::Hello* HelloCapture::Find(uint64_t number) noexcept {
  if (IsTcp(number)) {
    const auto found = tcp_.find(number);
    return found == tcp_.end() ? nullptr : found->second.get();
  }
  const auto found = quic_.find(number);
  return found == quic_.end() ? nullptr : found->second.get();
}

HelloCapture::QuicFlow* HelloCapture::FindFlow(const Way& way) noexcept {
  const auto found = quic_numbers_.find(way);
  return found == quic_numbers_.end() ? nullptr : quic_.find(found->second)->second.get();
}

bool HelloCapture::Take(uint64_t number, size_t bytes) {
  const bool has_room = share_.Take(bytes);
  Hello* const hello = Find(number);
  if (hello == nullptr) {  // it gave way itself
    if (has_room) share_.Give(bytes);
    return false;
  }
  if (!has_room) {
    GiveWay(number);
    return false;
  }
  hello->taken += bytes;
  return true;
}

void HelloCapture::GiveWay(uint64_t number) {
  const Hello& hello = *Find(number);
  if (IsTcp(number)) {
    ++counts_.no_room;
    if (!hello.is_read) ++counts_.unread;
  } else if (!quic_.find(number)->second->has_ended) {
    ++counts_.no_room;
  }
  Forget(number);
}

void HelloCapture::ReleaseReading(Hello* hello) {
  share_.Give(hello->taken - kHelloBytes);
  hello->taken = kHelloBytes;
}

void HelloCapture::Forget(uint64_t number) {
  const Hello& hello = *Find(number);
  share_.Give(hello.taken);
  share_.Leave(hello.place);
  if (IsTcp(number)) {
    tcp_.erase(number);
    return;
  }
  const auto found = quic_.find(number);
  quic_numbers_.erase(found->second->way);
  quic_.erase(found);
}

void HelloCapture::Note(const Hello& hello) {
  if (reading_.client_addresses->Lists(hello.client)) return;
  reading_.sightings.Note(hello.client, hello.print, hello.time_ns);
}

bool HelloCapture::Begin(const Connection& connection, const Address& client, std::string_view bytes,
                         int64_t time_ns) {
  ++counts_.connections;
  const uint64_t number = NumberOf(connection);
  auto hello = std::make_unique<TcpHello>();
  hello->number = number;
  hello->client = client;
  hello->place = share_.Enter(this, number, MemoryShare::Worth::kBegun);
  hello->reader = std::make_unique<HelloReader>();
  TcpHello* const kept = hello.get();
  tcp_[number] = std::move(hello);
  return Take(number, kHelloBytes) && TakeBytes(kept, bytes, time_ns);
}

bool HelloCapture::TakeBytes(TcpHello* hello, std::string_view bytes, int64_t time_ns) {
  switch (hello->reader->Read(bytes)) {
    case HelloState::kMore:
      // Twice: a text that grows may have as much room again.
      return Take(hello->number, 2 * bytes.size());
    case HelloState::kHello:
      ++counts_.hellos;
      hello->print = FingerprintOf(hello->reader->message(), HelloTransport::kTcp);
      hello->time_ns = time_ns;
      hello->is_read = true;
      hello->reader.reset();
      ReleaseReading(hello);
      return false;
    default:
      ++counts_.unread;
      Forget(hello->number);
      return false;
  }
}

bool HelloCapture::Bytes(const Connection& connection, Direction direction, std::string_view bytes,
                         int64_t time_ns) {
  const auto found = tcp_.find(NumberOf(connection));
  if (found == tcp_.end()) return false;
  TcpHello* const hello = found->second.get();
  if (direction == Direction::kFromClient) return !hello->is_read && TakeBytes(hello, bytes, time_ns);
  if (!hello->is_read) return true;
  Note(*hello);
  Forget(hello->number);
  return false;
}

void HelloCapture::Gap(const Connection& connection, Direction direction) {
  const auto found = tcp_.find(NumberOf(connection));
  if (found == tcp_.end() || found->second->is_read || direction != Direction::kFromClient) return;
  ++counts_.unread;
  Forget(found->first);
}

void HelloCapture::Ended(const Connection& connection, Direction direction) {
  const auto found = tcp_.find(NumberOf(connection));
  if (found == tcp_.end() || !found->second->is_read || direction != Direction::kFromServer) return;
  Note(*found->second);
  Forget(found->first);
}

void HelloCapture::Closed(const Connection& connection) {
  const auto found = tcp_.find(NumberOf(connection));
  if (found == tcp_.end()) return;
  const TcpHello& hello = *found->second;
  if (!hello.is_read) {
    ++counts_.unread;
  } else if (connection.server_heard && connection.client_hears && connection.unacknowledged_bytes == 0) {
    Note(hello);
  } else {
    ++counts_.unanswered;
  }
  Forget(hello.number);
}

void HelloCapture::Received(const Datagram& datagram) {
  if (datagram.destination.port == kQuicPort) {
    TakeAsked(datagram);
  } else if (datagram.source.port == kQuicPort) {
    TakeAnswered(datagram);
  }
}

void HelloCapture::TakeAsked(const Datagram& datagram) {
  const std::optional<QuicLongHeader> header = ReadQuicLongHeader(datagram.bytes);
  if (!header || header->destination_id.size() > kConnectionIdBytesMax) return;
  const Way way{datagram.source, datagram.destination};
  QuicFlow* flow = FindFlow(way);
  if (flow != nullptr && datagram.time_ns - flow->begun_ns > kQuicWaitNs) {
    End(flow);
    Forget(flow->number);
    flow = nullptr;
  }
  if (flow == nullptr) {
    if (datagram.bytes.size() < kQuicFirstBytesMin || datagram.truncated) return;
    const uint64_t number = last_quic_number_ += 2;
    auto begun = std::make_unique<QuicFlow>();
    flow = begun.get();
    flow->number = number;
    flow->client = datagram.source.address;
    flow->place = share_.Enter(this, number, MemoryShare::Worth::kBegun);
    flow->way = way;
    flow->begun_ns = datagram.time_ns;
    flow->reader = std::make_unique<QuicHelloReader>();
    flow->asked_id = header->destination_id;
    quic_[number] = std::move(begun);
    quic_numbers_[way] = number;
    if (!Take(number, kHelloBytes)) return;
  } else if (flow->has_ended) {
    return;
  } else if (flow->WasChosen(header->destination_id)) {
    flow->is_client_there = true;
  } else if (header->destination_id != flow->asked_id) {
    return End(flow);
  }
  if (flow->reader != nullptr && !datagram.truncated && !ReadOn(flow, datagram)) return;
  if (!flow->is_read || !flow->is_client_there) return;
  Note(*flow);
  flow->is_read = false;
  End(flow);
}

void HelloCapture::Finish() {
  for (const auto& [number, flow] : quic_) End(flow.get());
}

bool HelloCapture::ReadOn(QuicFlow* flow, const Datagram& datagram) {
  switch (flow->reader->Read(datagram.bytes)) {
    case HelloState::kMore:
      return Take(flow->number, 2 * datagram.bytes.size());
    case HelloState::kHello:
      ++counts_.quic_hellos;
      flow->print = FingerprintOf(flow->reader->message(), HelloTransport::kQuic);
      flow->time_ns = datagram.time_ns;
      flow->is_read = true;
      flow->reader.reset();
      ReleaseReading(flow);
      return true;
    default:
      Forget(flow->number);
      return false;
  }
}

void HelloCapture::End(QuicFlow* flow) {
  if (flow->is_read) ++counts_.unanswered;
  flow->is_read = false;
  flow->has_ended = true;
  flow->print = {};
  flow->reader.reset();
  ReleaseReading(flow);
}

void HelloCapture::TakeAnswered(const Datagram& datagram) {
  const std::optional<QuicLongHeader> header = ReadQuicLongHeader(datagram.bytes);
  if (!header) return;
  QuicFlow* const flow = FindFlow({datagram.destination, datagram.source});
  if (flow == nullptr || flow->has_ended) return;
  // The server takes other versions: the client begins anew.
  if (header->version == 0) return Forget(flow->number);
  const std::string_view id = header->source_id;
  if (id.size() < kChosenIdBytesMin || id.size() > kConnectionIdBytesMax || id == flow->asked_id ||
      flow->WasChosen(id))
    return;
  flow->chosen_ids[1] = std::exchange(flow->chosen_ids[0], std::string(id));
}

}  // namespace stockade
