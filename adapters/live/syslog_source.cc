#include "adapters/live/syslog_source.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <cstring>
#include <list>
#include <map>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "adapters/live/line_feeder.h"
#include "adapters/live/syslog_envelope.h"
#include "adapters/live/syslog_framing.h"
#include "adapters/source/text_pattern.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;

constexpr size_t kDatagramBytesMax = 65536;
// For bursts while the engine is busy; the kernel takes what it allows (net.core.rmem_max).
constexpr int kReceiveBufferBytes = 8 << 20;

Address AddressFrom(const asio::ip::address& address) {
  if (address.is_v4()) return Address::V4(address.to_v4().to_uint());
  const auto bytes = address.to_v6().to_bytes();
  return Address::V6(std::span<const uint8_t, 16>(bytes.data(), 16));
}

absl::Status ListenError(const std::string& name, const error_code& error) {
  return absl::UnavailableError(Concat(name, ": ", error.message()));
}

}  // namespace

struct SyslogSource::State {
  class Connection;
  using Connections = std::list<std::shared_ptr<Connection>>;

  explicit State(SyslogOptions given)
      : options(std::move(given)),
        name(!options.name.empty()
                 ? options.name
                 : Concat("syslog ", kSyslogTransportNames[static_cast<size_t>(options.transport)], "://",
                          ToString(options.at))),
        feeder(options.reading, name) {}

  absl::Status Listen();
  absl::Status MakeTls();
  bool IsAllowed(const Address& peer) const;
  void AddMessage(std::string_view packet);
  // False: stopping.
  bool FeedLines(LineFeeder::WhenFull when_full);
  void Receive();
  void Accept();
  void Welcome(tcp::socket socket);

  const SyslogOptions options;
  const std::string name;
  LineFeeder feeder;
  bool has_head = false;  // lines of the format begin with a syslog head
  asio::io_context context{1};
  udp::socket datagrams{context};
  tcp::acceptor acceptor{context};
  std::unique_ptr<asio::ssl::context> tls;
  asio::steady_timer retry{context};  // of an accept that failed for want of descriptors
  uint16_t port = 0;
  LiveQueue* queue = nullptr;
  std::thread thread;
  std::atomic<bool> stopping{false};

  // The thread's own.
  std::string lines;
  std::string datagram = std::string(kDatagramBytesMax, '\0');
  uint32_t kernel_drops = 0;
  Connections connections;
  std::map<Address, int> by_peer;
};

// One sender over TCP or TLS. Lives as long as something of it is under way.
class SyslogSource::State::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(State* state, tcp::socket socket, const Address& peer)
      : state_(*state),
        peer_(peer),
        socket_(std::move(socket)),
        deadline_(state->context),
        framing_(state->options.message_bytes) {
    if (state->tls != nullptr) stream_.emplace(socket_, *state->tls);
  }

  void Begin() {
    if (!stream_.has_value()) return ReadOn();
    Expect(kHandshakeTime);
    stream_->async_handshake(asio::ssl::stream_base::server,
                             [self = shared_from_this()](const error_code& error) {
                               if (error) {
                                 self->state_.feeder.CountRefused();
                                 return self->Close();
                               }
                               self->ReadOn();
                             });
  }
  void Close() {
    if (std::exchange(closed_, true)) return;
    error_code ignored;
    deadline_.cancel();
    socket_.close(ignored);
    const auto count = state_.by_peer.find(peer_);
    if (count != state_.by_peer.end() && --count->second == 0) state_.by_peer.erase(count);
    state_.connections.remove(shared_from_this());
  }

 private:
  void Expect(absl::Duration time) {
    deadline_.expires_after(std::chrono::nanoseconds(absl::ToInt64Nanoseconds(time)));
    deadline_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->Close();
    });
  }
  void ReadOn() {
    if (closed_) return;  // a timer begun now would outlive Stop
    Expect(kIdleTime);
    const auto took = [self = shared_from_this()](const error_code& error, size_t size) {
      self->Took(error, size);
    };
    if (stream_.has_value()) {
      stream_->async_read_some(asio::buffer(bytes_), took);
    } else {
      socket_.async_read_some(asio::buffer(bytes_), took);
    }
  }
  void Took(const error_code& error, size_t size) {
    const auto add = [this](std::string_view message) { state_.AddMessage(message); };
    if (size > 0) framing_.Take(std::string_view(bytes_.data(), size), add);
    if (error) framing_.End(add);
    const uint64_t unread = framing_.too_long() + framing_.cut_off();
    if (unread > counted_) state_.feeder.CountTooLong(unread - std::exchange(counted_, unread));
    const bool goes_on = state_.FeedLines(LineFeeder::WhenFull::kWait);
    if (error || !goes_on) return Close();
    ReadOn();
  }

  State& state_;
  const Address peer_;
  tcp::socket socket_;
  std::optional<asio::ssl::stream<tcp::socket&>> stream_;
  asio::steady_timer deadline_;
  SyslogFraming framing_;
  uint64_t counted_ = 0;
  bool closed_ = false;
  std::array<char, 16 << 10> bytes_;
};

absl::Status SyslogSource::State::MakeTls() {
  tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* const raw = tls->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  error_code error;
  if (tls->use_certificate_chain_file(options.certificate_file, error); error)
    return absl::InvalidArgumentError(
        Concat(name, ": certificate: ", options.certificate_file, ": ", error.message()));
  if (tls->use_private_key_file(options.key_file, asio::ssl::context::pem, error); error)
    return absl::InvalidArgumentError(Concat(name, ": key: ", options.key_file, ": ", error.message()));
  // Without one OpenSSL turns away who resumes a session that had a certificate.
  static constexpr unsigned char kSessionContext[] = "stockade syslog";
  SSL_CTX_set_session_id_context(raw, kSessionContext, sizeof kSessionContext - 1);
  if (options.client_ca_file.empty()) return absl::OkStatus();
  if (tls->load_verify_file(options.client_ca_file, error); error)
    return absl::InvalidArgumentError(
        Concat(name, ": client_ca: ", options.client_ca_file, ": ", error.message()));
  tls->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, error);
  return absl::OkStatus();
}

absl::Status SyslogSource::State::Listen() {
  error_code error;
  const asio::ip::address address = asio::ip::make_address(options.at.host, error);
  if (error)
    return absl::InvalidArgumentError(
        Concat(name, ": ", options.at.host, " is no address; write 127.0.0.1 or [::]"));
  if (options.transport == SyslogTransport::kUdp) {
    const udp::endpoint at(address, options.at.port);
    datagrams.open(at.protocol(), error);
    if (!error) datagrams.bind(at, error);
    if (!error) datagrams.non_blocking(true, error);
    if (error) return ListenError(name, error);
    error_code ignored;
    datagrams.set_option(asio::socket_base::receive_buffer_size(kReceiveBufferBytes), ignored);
    const int on = 1;
    setsockopt(datagrams.native_handle(), SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    port = datagrams.local_endpoint(ignored).port();
    return absl::OkStatus();
  }
  if (options.transport == SyslogTransport::kTls) RETURN_IF_ERROR(MakeTls());
  const tcp::endpoint at(address, options.at.port);
  acceptor.open(at.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(at, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return ListenError(name, error);
  port = acceptor.local_endpoint(error).port();
  return absl::OkStatus();
}

bool SyslogSource::State::IsAllowed(const Address& peer) const {
  return options.allow.empty() || std::any_of(options.allow.begin(), options.allow.end(),
                                              [&](const Prefix& network) { return network.Contains(peer); });
}

void SyslogSource::State::AddMessage(std::string_view packet) {
  const SyslogEnvelope envelope = ReadSyslogEnvelope(packet, absl::Now(), options.reading.time_zone);
  if (has_head) {
    AppendSyslogLine(envelope, &lines);
  } else {
    AppendSyslogMessage(envelope, &lines);
  }
}

bool SyslogSource::State::FeedLines(LineFeeder::WhenFull when_full) {
  if (lines.empty()) return !stopping;
  const bool goes_on = feeder.Feed(lines, when_full, queue);
  lines.clear();
  return goes_on && !stopping;
}

void SyslogSource::State::Receive() {
  datagrams.async_wait(udp::socket::wait_read, [this](const error_code& waited) {
    if (waited) return;
    for (int i = 0; i < kBurst; ++i) {
      sockaddr_storage from{};
      iovec space = {datagram.data(), datagram.size()};
      alignas(cmsghdr) char control[64];
      msghdr head{};
      head.msg_name = &from;
      head.msg_namelen = sizeof from;
      head.msg_iov = &space;
      head.msg_iovlen = 1;
      head.msg_control = control;
      head.msg_controllen = sizeof control;
      const ssize_t size = recvmsg(datagrams.native_handle(), &head, MSG_DONTWAIT);
      if (size < 0) break;
      for (cmsghdr* one = CMSG_FIRSTHDR(&head); one != nullptr; one = CMSG_NXTHDR(&head, one)) {
        if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SO_RXQ_OVFL) continue;
        uint32_t drops = 0;  // since the socket was made
        std::memcpy(&drops, CMSG_DATA(one), sizeof drops);
        if (drops != kernel_drops) feeder.CountLost(drops - std::exchange(kernel_drops, drops));
      }
      udp::endpoint peer;
      std::memcpy(peer.data(), &from, std::min<size_t>(head.msg_namelen, peer.capacity()));
      if (!IsAllowed(AddressFrom(peer.address()))) {
        feeder.CountRefused();
      } else if (static_cast<size_t>(size) > options.message_bytes) {
        feeder.CountTooLong(1);
      } else if (size > 0) {
        AddMessage(std::string_view(datagram.data(), static_cast<size_t>(size)));
      }
      // About a block of text is a batch.
      if (lines.size() >= (size_t{64} << 10)) FeedLines(LineFeeder::WhenFull::kDrop);
    }
    if (FeedLines(LineFeeder::WhenFull::kDrop)) Receive();
  });
}

void SyslogSource::State::Accept() {
  acceptor.async_accept([this](const error_code& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted || stopping) return;
    if (error) {
      // No descriptors left: others give theirs back meanwhile.
      retry.expires_after(std::chrono::milliseconds(100));
      retry.async_wait([this](const error_code& cancelled) {
        if (!cancelled) Accept();
      });
      return;
    }
    Welcome(std::move(socket));
    Accept();
  });
}

void SyslogSource::State::Welcome(tcp::socket socket) {
  error_code error;
  const tcp::endpoint from = socket.remote_endpoint(error);
  if (error) return;
  const Address peer = AddressFrom(from.address());
  const auto count = by_peer.find(peer);
  const int of_peer = count == by_peer.end() ? 0 : count->second;
  const bool is_full = static_cast<int>(connections.size()) >= options.connections ||
                       of_peer >= std::max(1, options.connections / 4);
  if (!IsAllowed(peer) || is_full) {
    feeder.CountRefused();
    return;
  }
  // A sender that vanished without a word gives its place back after the kernel's two hours, not kIdleTime.
  socket.set_option(asio::socket_base::keep_alive(true), error);
  ++by_peer[peer];
  connections.push_back(std::make_shared<Connection>(this, std::move(socket), peer));
  connections.back()->Begin();
}

absl::StatusOr<std::unique_ptr<SyslogSource>> SyslogSource::Open(SyslogOptions options) {
  options.reading.goes_on = true;
  options.reading.fields = nullptr;
  auto state = std::make_unique<State>(std::move(options));
  RETURN_IF_ERROR(state->feeder.Check());
  ASSIGN_OR_RETURN(state->has_head, LinesHaveSyslogHead(state->options.reading));
  RETURN_IF_ERROR(state->Listen());
  return std::unique_ptr<SyslogSource>(new SyslogSource(std::move(state)));
}

SyslogSource::SyslogSource(std::unique_ptr<State> state) : state_(std::move(state)) {}

SyslogSource::~SyslogSource() {
  Stop();
}

absl::Status SyslogSource::Start(LiveQueue* queue) {
  state_->queue = queue;
  state_->thread = std::thread([state = state_.get()] {
    if (state->options.transport == SyslogTransport::kUdp) {
      state->Receive();
    } else {
      state->Accept();
    }
    state->context.run();
  });
  return absl::OkStatus();
}

void SyslogSource::Stop() {
  if (!state_->thread.joinable()) return;
  state_->stopping = true;
  state_->queue->Interrupt();
  asio::post(state_->context, [state = state_.get()] {
    error_code ignored;
    state->datagrams.close(ignored);
    state->acceptor.close(ignored);
    state->retry.cancel();
    while (!state->connections.empty()) {
      const std::shared_ptr<State::Connection> one = state->connections.front();
      one->Close();
    }
  });
  state_->thread.join();
}

const std::string& SyslogSource::name() const {
  return state_->name;
}

LiveCounters SyslogSource::counters() const {
  return state_->feeder.counters();
}

void SyslogSource::UseFields(std::shared_ptr<const FieldTable> fields) {
  state_->feeder.UseFields(std::move(fields));
}

uint16_t SyslogSource::port() const noexcept {
  return state_->port;
}

}  // namespace stockade
