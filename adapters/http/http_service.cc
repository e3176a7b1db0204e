#include "adapters/http/http_service.h"

#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "adapters/http/loop_door.h"
#include "adapters/http/service_replies.h"
#include "engine/status.h"
#include "engine/text.h"

namespace stockade {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using Local = asio::local::stream_protocol;
// What both become once they are accepted, so that reading HTTP is compiled once.
using Stream = asio::generic::stream_protocol;
using boost::system::error_code;

// How many connections may wait to be accepted.
constexpr int kBacklog = 512;

std::chrono::milliseconds Millis(absl::Duration duration) {
  return std::chrono::milliseconds(absl::ToInt64Milliseconds(duration));
}

std::string_view FromBeast(beast::string_view text) {
  return {text.data(), text.size()};
}

std::string NameOf(const Endpoint& at) {
  return at.is_unix() ? Concat("unix:", at.unix_path) : Concat(at.host, ":", at.port);
}

Address PeerAddress(const Tcp::socket& socket) {
  error_code failed;
  const Tcp::endpoint peer = socket.remote_endpoint(failed);
  if (failed) return Address();
  if (peer.address().is_v4()) return Address::V4(peer.address().to_v4().to_uint());
  return Address::V6(peer.address().to_v6().to_bytes());
}
Address PeerAddress(const Local::socket&) {
  return Address();
}
bool IsLoopback(const Address& address) {
  return address.is_v4() ? (address.v4() >> 24) == 127
                         : address.is_v6() && address.high() == 0 && address.low() == 1;
}

}  // namespace

struct HttpService::State {
  class Connection;  // one client

  State(const HttpServiceOptions& options_in, LateAnswer answer_in)
      : options(options_in), answer(std::move(answer_in)) {}
  ~State() { door->Close(); }

  template <typename Protocol>
  absl::Status Listen(std::optional<typename Protocol::acceptor>* acceptor,
                      const typename Protocol::endpoint& endpoint);
  absl::Status Open();
  template <typename Acceptor>
  void Accept(Acceptor* acceptor);
  // False: all places are taken, by clients that earned them.
  bool MakeRoom();

  const HttpServiceOptions options;
  const LateAnswer answer;
  asio::io_context context{1};
  const std::shared_ptr<LoopDoor> door = std::make_shared<LoopDoor>(&context);
  std::optional<Tcp::acceptor> tcp;
  std::optional<Local::acceptor> local;
  std::map<uint64_t, Connection*> connections;  // that are open, oldest first
  uint64_t opened = 0;
  size_t reply_bytes = 0;  // of what is being sent
  bool stopping = false;
  uint16_t port = 0;
  std::thread thread;
};

class HttpService::State::Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Stream::socket socket, const Address& peer, State* state)
      : state_(*state),
        number_(++state->opened),
        peer_(peer),
        socket_(std::move(socket)),
        timer_(state->context) {
    state_.connections.emplace(number_, this);
  }
  ~Connection() {
    state_.connections.erase(number_);
    DropReply();
  }

  const Address& peer() const { return peer_; }
  bool has_earned_place() const { return has_earned_place_; }

  void Read() {
    // What has begun to come is under way, and is answered.
    busy_ = buffer_.size() > 0;
    if (state_.stopping && !busy_) return Close();
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(state_.options.header_bytes_max));
    parser_->body_limit(state_.options.body_bytes_max);
    parser_->eager(true);
    // The first byte ends the idle time and begins the request's.
    Within(busy_ ? state_.options.request_time : state_.options.idle_time);
    Parse();
  }
  // Closes as soon as no request is under way.
  void Drain() {
    if (!busy_) Close();
  }
  // At once. Lives on until what it waits for has been told.
  void Close() {
    error_code ignored;
    state_.connections.erase(number_);
    awaited_ = 0;
    timer_.cancel(ignored);
    socket_.shutdown(Stream::socket::shutdown_both, ignored);
    socket_.close(ignored);
  }

 private:
  static constexpr size_t kReadBytes = size_t{8} << 10;  // most requests come whole with the first

  // Whoever takes longer is cut off; each call begins anew.
  void Within(absl::Duration time) {
    timer_.expires_after(Millis(time));
    timer_.async_wait([self = shared_from_this()](error_code failed) {
      // One that had run out already when it was set anew does not count.
      if (!failed && self->timer_.expiry() <= asio::steady_timer::clock_type::now()) self->Close();
    });
  }

  void Parse() {
    while (!parser_->is_done()) {
      if (buffer_.size() == 0) return ReadMore();
      error_code failed;
      const size_t used = parser_->put(buffer_.data(), failed);
      buffer_.consume(used);
      if (failed == http::error::need_more || (!failed && used == 0)) return ReadMore();
      if (failed == http::error::body_limit)
        return Refuse(
            http::status::payload_too_large,
            Concat("the body is longer than ", state_.options.body_bytes_max, " bytes; send it in parts"));
      if (failed == http::error::header_limit)
        return Refuse(http::status::request_header_fields_too_large,
                      Concat("the head is longer than ", state_.options.header_bytes_max, " bytes"));
      if (failed) return Refuse(http::status::bad_request, Concat("this is no request: ", failed.message()));
    }
    OnRequest();
  }

  void ReadMore() {
    socket_.async_read_some(buffer_.prepare(kReadBytes),
                            [self = shared_from_this()](error_code failed, size_t size) {
                              if (failed) return self->Close();  // gone, or too slow
                              self->buffer_.commit(size);
                              if (!self->busy_) self->Within(self->state_.options.request_time);
                              self->busy_ = true;
                              self->Parse();
                            });
  }

  void OnRequest() {
    // What intermediaries could read in two ways is nobody's request.
    auto& request = parser_->get();
    if (request.count(http::field::transfer_encoding) > 0 && request.count(http::field::content_length) > 0)
      return Refuse(http::status::bad_request, "two fields say how long the body is");

    fields_.clear();
    for (const auto& field : request)
      fields_.push_back({FromBeast(field.name_string()), FromBeast(field.value())});
    ServiceRequest asked;
    asked.head.method = FromBeast(request.method_string());
    asked.head.target = FromBeast(request.target());
    asked.head.fields = fields_;
    asked.body = std::span<char>(request.body().data(), request.body().size());
    asked.peer = peer_;
    asked.is_local = !peer_.present() || IsLoopback(peer_);
    awaited_ = ++asked_;
    std::optional<ServiceReply> reply = state_.answer(asked, [this] { return ReplyTo(); });
    Wipe();
    if (reply) return Reply(*std::move(reply));
    // Nothing is read meanwhile: what comes behind is answered behind. The timer holds on to this, and cuts it off.
    Within(state_.options.request_time);
  }

  ServiceReplyTo ReplyTo() {
    return [door = state_.door, to = weak_from_this(), request = asked_](ServiceReply reply) {
      door->Post([to, request, reply = std::move(reply)]() mutable {
        const std::shared_ptr<Connection> self = to.lock();
        if (self != nullptr && self->awaited_ == request) self->Reply(std::move(reply));
      });
    };
  }

  void Reply(ServiceReply reply) {
    awaited_ = 0;
    const auto& request = parser_->get();
    Send(std::move(reply), request.keep_alive() && !state_.stopping, request.method() == http::verb::head);
  }

  // It may have held a password. What else was read already is the next request, and stays.
  void Wipe() {
    std::string& body = parser_->get().body();
    explicit_bzero(body.data(), body.size());
    if (buffer_.size() > 0) return;
    buffer_.clear();
    const auto room = buffer_.prepare(buffer_.capacity());
    explicit_bzero(room.data(), room.size());
  }

  void Refuse(http::status status, std::string why) {
    ServiceReply reply = Plain(static_cast<int>(status), std::move(why));
    Send(std::move(reply), false, false);
  }

  void Send(ServiceReply reply, bool keep, bool is_head) {
    if (state_.reply_bytes >= state_.options.reply_bytes_max) {
      reply = Plain(503, "others have not read yet what they asked for; come again");
      reply.headers.emplace_back("Retry-After", "5");
    }
    const auto status = static_cast<unsigned>(reply.status);
    has_earned_place_ |= status < 400;
    reply_ = Concat("HTTP/1.1 ", reply.status, " ",
                    FromBeast(http::obsolete_reason(http::int_to_status(status))), "\r\n");
    for (const auto& [name, value] : reply.headers) Append(&reply_, name, ": ", value, "\r\n");
    if (!keep) reply_ += "Connection: close\r\n";
    if (reply.status != 204) Append(&reply_, "Content-Length: ", reply.body.size(), "\r\n");
    reply_ += "\r\n";
    if (!is_head) reply_ += reply.body;
    state_.reply_bytes += reply_.size();
    Within(state_.options.request_time);
    asio::async_write(socket_, asio::buffer(reply_),
                      [self = shared_from_this(), keep, sent = is_head ? nullptr : std::move(reply.sent)](
                          error_code failed, size_t) {
                        self->DropReply();
                        if (!failed && sent) sent();
                        if (failed || !keep) return self->Close();
                        self->Read();
                      });
  }

  // The next may be small, and long in coming.
  void DropReply() { state_.reply_bytes -= std::exchange(reply_, {}).size(); }

  State& state_;
  const uint64_t number_;
  const Address peer_;
  Stream::socket socket_;
  asio::steady_timer timer_;  // of what is waited for
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::string reply_;  // being written
  std::vector<HeaderField> fields_;
  bool busy_ = false;
  bool has_earned_place_ = false;  // was answered with a success
  uint64_t asked_ = 0;             // requests so far
  uint64_t awaited_ = 0;           // the one whose reply is to come; 0: none
};

template <typename Protocol>
absl::Status HttpService::State::Listen(std::optional<typename Protocol::acceptor>* acceptor,
                                        const typename Protocol::endpoint& endpoint) {
  error_code failed;
  acceptor->emplace(context);
  (*acceptor)->open(endpoint.protocol(), failed);
  if (!failed && std::is_same_v<Protocol, Tcp>)
    (*acceptor)->set_option(asio::socket_base::reuse_address(true), failed);
  if (!failed) (*acceptor)->bind(endpoint, failed);
  if (!failed) (*acceptor)->listen(kBacklog, failed);
  if (failed)
    return absl::UnavailableError(Concat(NameOf(options.at), ": cannot be listened on: ", failed.message()));
  return absl::OkStatus();
}

absl::Status HttpService::State::Open() {
  error_code failed;
  if (options.at.is_unix()) {
    if (options.at.unix_path.size() >= sizeof(sockaddr_un::sun_path))
      return absl::InvalidArgumentError(Concat(NameOf(options.at), ": the path is too long for a socket"));
    // A socket that a dead process left is in the way; one that answers belongs to somebody.
    struct stat about;
    if (lstat(options.at.unix_path.c_str(), &about) == 0 && S_ISSOCK(about.st_mode)) {
      Local::socket probe(context);
      probe.connect(Local::endpoint(options.at.unix_path), failed);
      if (failed) unlink(options.at.unix_path.c_str());
    }
    return Listen<Local>(&local, Local::endpoint(options.at.unix_path));
  }
  Tcp::resolver resolver(context);
  const auto found = resolver.resolve(options.at.host, std::to_string(options.at.port),
                                      Tcp::resolver::passive | Tcp::resolver::numeric_service, failed);
  if (failed || found.empty())
    return absl::UnavailableError(Concat(NameOf(options.at), ": is no address here: ", failed.message()));
  RETURN_IF_ERROR(Listen<Tcp>(&tcp, found.begin()->endpoint()));
  port = tcp->local_endpoint(failed).port();
  return absl::OkStatus();
}

bool HttpService::State::MakeRoom() {
  if (connections.size() < static_cast<size_t>(options.connections_max)) return true;
  std::map<Address, size_t> idlers;
  for (const auto& [number, connection] : connections)
    if (!connection->has_earned_place()) ++idlers[connection->peer()];
  const auto most = std::ranges::max_element(idlers, {}, [](const auto& idler) { return idler.second; });
  if (most == idlers.end()) return false;
  for (const auto& [number, connection] : connections) {
    if (connection->has_earned_place() || connection->peer() != most->first) continue;
    connection->Close();
    return true;
  }
  return false;
}

template <typename Acceptor>
void HttpService::State::Accept(Acceptor* acceptor) {
  using Protocol = typename Acceptor::protocol_type;
  acceptor->async_accept([this, acceptor](error_code failed, typename Protocol::socket socket) {
    if (stopping || failed == asio::error::operation_aborted) return;
    if (!failed && MakeRoom()) {
      const Address peer = PeerAddress(socket);
      std::make_shared<Connection>(std::move(socket), peer, this)->Read();
    }
    if (failed == asio::error::no_descriptors) {
      // Somebody must close one first; asking again at once would spin.
      auto timer = std::make_shared<asio::steady_timer>(context, std::chrono::milliseconds(100));
      timer->async_wait([this, acceptor, timer](error_code) {
        if (!stopping) Accept(acceptor);
      });
      return;
    }
    Accept(acceptor);
  });
}

absl::StatusOr<std::unique_ptr<HttpService>> HttpService::Start(const HttpServiceOptions& options,
                                                                Answer answer) {
  return Start(options,
               LateAnswer([answer = std::move(answer)](const ServiceRequest& request, const ServiceLater&)
                              -> std::optional<ServiceReply> { return answer(request); }));
}

absl::StatusOr<std::unique_ptr<HttpService>> HttpService::Start(const HttpServiceOptions& options,
                                                                LateAnswer answer) {
  auto state = std::make_unique<State>(options, std::move(answer));
  RETURN_IF_ERROR(state->Open());
  if (state->tcp) state->Accept(&*state->tcp);
  if (state->local) state->Accept(&*state->local);
  State* const running = state.get();
  state->thread = std::thread([running] { running->context.run(); });
  return std::unique_ptr<HttpService>(new HttpService(std::move(state)));
}

HttpService::HttpService(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpService::~HttpService() {
  Stop();
}

void HttpService::Stop() {
  if (!state_->thread.joinable()) return;
  asio::post(state_->context, [this] {
    state_->stopping = true;
    error_code ignored;
    if (state_->tcp) state_->tcp->close(ignored);
    if (state_->local) state_->local->close(ignored);
    const std::map<uint64_t, State::Connection*> open = state_->connections;  // draining takes them out
    for (const auto& [number, connection] : open) connection->Drain();
  });
  // Ends when the last connection has: each has a time for its request.
  state_->thread.join();
  if (state_->local) unlink(state_->options.at.unix_path.c_str());
}

uint16_t HttpService::port() const noexcept {
  return state_->port;
}

}  // namespace stockade
