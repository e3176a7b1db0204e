#include "adapters/certificate/ocsp_client.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <deque>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "adapters/certificate/name_look_ups.h"
#include "adapters/certificate/openssl_owned.h"
#include "engine/text.h"

namespace stockade {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using boost::system::error_code;
using SteadyClock = asio::steady_timer::clock_type;

// Responders send some 300 bytes.
constexpr uint32_t kHeadBytesMax = 8 << 10;
constexpr size_t kReadBytes = size_t{4} << 10;
constexpr size_t kBufferBytesMax = kHeadBytesMax + 2 * kReadBytes;

constexpr std::string_view kRests = "its responder has not been answering";

// Verified already, by whoever made the question.
OwnedX509 Decode(const std::string& der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  return OwnedX509(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
}

// One Ask, until its last question ends.
struct Waiter {
  size_t left = 0;
  std::function<void()> done;
};

struct Responder {
  size_t in_flight = 0;
  int silences = 0;  // in a row
  SteadyClock::time_point rests_until = SteadyClock::time_point::min();
};

}  // namespace

// Everything but the context's own is of its one thread.
struct OcspClient::State {
  class Request;

  State(OcspClientOptions options_in, std::shared_ptr<OcspMemory> memory_in)
      : options(std::move(options_in)),
        memory(std::move(memory_in)),
        work(context.get_executor()),
        look_ups(std::make_shared<NameLookUps>(&context)) {}

  void Take(std::vector<OcspQuestion> questions, std::function<void()> done);
  // Whether the question is under way now, for `waiter` too.
  bool Enqueue(OcspQuestion question, const std::shared_ptr<Waiter>& waiter);
  bool Rests(const std::string& responder) const;
  void BeginSome();
  void Stop();

  const OcspClientOptions options;
  const std::shared_ptr<OcspMemory> memory;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work;
  const std::shared_ptr<NameLookUps> look_ups;
  absl::flat_hash_map<OcspMemory::Key, std::shared_ptr<Request>, Sha256DigestHash> requests;
  std::deque<std::shared_ptr<Request>> waiting;            // those of `requests` that have no place yet
  absl::flat_hash_map<std::string, Responder> responders;  // by Host; those that are busy or were silent
  size_t in_flight = 0;
  bool stopping = false;
  std::thread thread;
};

// One question, from the moment it is asked until it is answered or given up.
class OcspClient::State::Request final : public std::enable_shared_from_this<Request> {
 public:
  Request(OcspQuestion question, ResponderUrl url, State* state)
      : state_(*state),
        question_(std::move(question)),
        url_(std::move(url)),
        timer_(state->context),
        socket_(state->context) {}

  const std::string& responder() const { return url_.authority; }
  void AddWaiter(std::shared_ptr<Waiter> waiter) { waiters_.push_back(std::move(waiter)); }

  // The time runs while it waits for a place, too.
  void StartTimer() {
    timer_.expires_after(std::chrono::nanoseconds(absl::ToInt64Nanoseconds(state_.options.time)));
    timer_.async_wait([self = shared_from_this()](error_code failed) {
      if (failed) return;
      // One that never had a place says nothing about its responder.
      if (self->in_flight_) return self->NoAnswer("did not answer in time");
      self->End(OcspResult::kNotAsked, "");
    });
  }

  void Begin() {
    is_waiting_ = false;
    in_flight_ = true;
    ++state_.in_flight;
    ++state_.responders[responder()].in_flight;
    certificate_ = Decode(question_.certificate_der);
    issuer_ = Decode(question_.issuer_der);
    if (certificate_ != nullptr && issuer_ != nullptr)
      asked_ = MakeOcspRequest(certificate_.get(), issuer_.get(), state_.options.nonce);
    if (asked_.empty()) return End(OcspResult::kNotAsked, "no request could be made");
    head_ = Concat("POST ", url_.target, " HTTP/1.1\r\nHost: ", url_.authority,
                   "\r\nContent-Type: application/ocsp-request\r\nAccept: application/ocsp-response"
                   "\r\nUser-Agent: stockade\r\nConnection: close\r\nContent-Length: ",
                   asked_.size(), "\r\n\r\n");
    error_code no_address;
    const auto address = asio::ip::make_address(url_.host, no_address);
    if (!no_address) return Connect({Tcp::endpoint(address, url_.port)});
    const bool started = state_.look_ups->Start(
        url_.host, url_.port,
        [self = shared_from_this()](auto endpoints) { self->Connect(std::move(endpoints)); });
    if (!started) End(OcspResult::kNotAsked, "too many names are being looked up");
  }

  // For good. `why`, where it is not empty: why nobody need ask again for a while. Where the client stops, nobody is blamed.
  void End(OcspResult result, std::string why) {
    if (std::exchange(ended_, true)) return;
    const std::shared_ptr<Request> self = shared_from_this();  // the map may have the last
    error_code ignored;
    timer_.cancel(ignored);
    socket_.close(ignored);
    state_.requests.erase(question_.key);
    if (std::exchange(is_waiting_, false)) std::erase(state_.waiting, self);
    if (std::exchange(in_flight_, false)) {
      --state_.in_flight;
      --state_.responders[responder()].in_flight;
    }
    if (!state_.stopping) {
      state_.memory->Count(result);
      NoteResponder(result);
      if (!why.empty()) {
        const int64_t now_s = absl::ToUnixSeconds(state_.options.clock());
        state_.memory->PutSilence(question_.key, std::move(why), now_s, now_s + kOcspSilenceSeconds);
      }
    }
    // Whoever is told may ask again: everything is in its place by now.
    std::vector<std::shared_ptr<Waiter>> waiters;
    waiters.swap(waiters_);
    for (const std::shared_ptr<Waiter>& waiter : waiters)
      if (--waiter->left == 0) waiter->done();
  }

 private:
  void NoAnswer(std::string_view what) {
    End(OcspResult::kNoAnswer, Concat("its responder ", what));
    state_.BeginSome();
  }

  void NoteResponder(OcspResult result) {
    const auto found = state_.responders.find(responder());
    if (found == state_.responders.end()) return;
    Responder& it = found->second;
    if (result == OcspResult::kNoAnswer) {
      if (++it.silences >= kSilencesToRest)
        it.rests_until = SteadyClock::now() + std::chrono::seconds(kOcspSilenceSeconds);
    } else if (result != OcspResult::kNotAsked) {
      it.silences = 0;
      it.rests_until = SteadyClock::time_point::min();
    }
    if (it.in_flight == 0 && it.silences == 0) state_.responders.erase(found);
  }

  void Connect(std::vector<Tcp::endpoint> endpoints) {
    if (ended_) return;
    if (endpoints.empty()) return NoAnswer("has a name that is not known");
    asio::async_connect(socket_, std::move(endpoints),
                        [self = shared_from_this()](error_code failed, const Tcp::endpoint&) {
                          if (self->ended_) return;
                          if (failed) return self->NoAnswer("cannot be reached");
                          self->Send();
                        });
  }

  void Send() {
    const std::array<asio::const_buffer, 2> parts = {asio::buffer(head_), asio::buffer(asked_)};
    asio::async_write(socket_, parts, [self = shared_from_this()](error_code failed, size_t) {
      if (self->ended_) return;
      if (failed) return self->NoAnswer("closed the connection");
      self->parser_.header_limit(kHeadBytesMax);
      self->parser_.body_limit(kOcspResponseBytesMax);
      self->parser_.eager(true);
      self->ReadMore();
    });
  }

  void ReadMore() {
    // The parser keeps nothing but an unfinished head, or the line in front of a chunk.
    if (buffer_.size() + kReadBytes > kBufferBytesMax) return NoAnswer("answered with a head too large");
    socket_.async_read_some(buffer_.prepare(kReadBytes),
                            [self = shared_from_this()](error_code failed, size_t size) {
                              if (!self->ended_) self->OnRead(failed, size);
                            });
  }

  void OnRead(error_code failed, size_t size) {
    if (failed && failed != asio::error::eof) return NoAnswer("closed the connection");
    buffer_.commit(size);
    error_code wrong;
    while (buffer_.size() > 0 && !parser_.is_done()) {
      const size_t used = parser_.put(buffer_.data(), wrong);
      buffer_.consume(used);
      if (wrong == http::error::need_more || (!wrong && used == 0)) break;
      if (wrong) return NoAnswer("answered what is no answer, or too large");
    }
    wrong = {};
    // A body without a length ends with the connection.
    if (failed && !parser_.is_done()) {
      if (!parser_.is_header_done()) return NoAnswer("closed the connection");
      parser_.put_eof(wrong);
      if (wrong || !parser_.is_done()) return NoAnswer("closed the connection");
    }
    if (!parser_.is_done()) return ReadMore();
    OnAnswer();
  }

  void OnAnswer() {
    if (parser_.get().result() != http::status::ok)
      return NoAnswer(Concat("answered with status ", parser_.get().result_int()));
    const std::string& response = parser_.get().body();
    const absl::Time now = state_.options.clock();
    OcspAnswer answer =
        ReadOcspResponse(response, certificate_.get(), issuer_.get(), now, state_.options.response);
    if (answer.status != OcspStatus::kUnknown && state_.options.nonce && !BringsNonceOf(asked_, response))
      answer = {OcspStatus::kUnknown, "the response lacks our nonce", 0, 0};
    if (answer.status == OcspStatus::kUnknown) {
      End(OcspResult::kUnusable, answer.why);
    } else {
      state_.memory->Put(question_.key, answer, absl::ToUnixSeconds(now));
      End(answer.status == OcspStatus::kGood ? OcspResult::kGood : OcspResult::kRevoked, "");
    }
    state_.BeginSome();
  }

  State& state_;  // its thread holds it until the last handler is gone
  const OcspQuestion question_;
  const ResponderUrl url_;
  asio::steady_timer timer_;
  Tcp::socket socket_;
  OwnedX509 certificate_, issuer_;
  std::string asked_, head_;
  beast::flat_buffer buffer_{kBufferBytesMax};
  http::response_parser<http::string_body> parser_;
  std::vector<std::shared_ptr<Waiter>> waiters_;
  bool is_waiting_ = true;  // for a place
  bool in_flight_ = false;
  bool ended_ = false;
};

void OcspClient::State::Take(std::vector<OcspQuestion> questions, std::function<void()> done) {
  const auto waiter = std::make_shared<Waiter>();
  waiter->done = std::move(done);
  // Its own, so that it cannot end before all are taken.
  waiter->left = 1;
  if (!stopping)
    for (OcspQuestion& question : questions) waiter->left += Enqueue(std::move(question), waiter) ? 1 : 0;
  if (--waiter->left == 0) waiter->done();
  BeginSome();
}

bool OcspClient::State::Enqueue(OcspQuestion question, const std::shared_ptr<Waiter>& waiter) {
  const int64_t now_s = absl::ToUnixSeconds(options.clock());
  // Somebody else may have been told meanwhile.
  if (!memory->Find(question.key, now_s).ask) return false;
  if (const auto found = requests.find(question.key); found != requests.end()) {
    found->second->AddWaiter(waiter);
    return true;
  }
  const std::optional<ResponderUrl> url = ParseResponderUrl(question.url);
  if (!url || waiting.size() >= kOcspWaitingMax) {
    memory->Count(OcspResult::kNotAsked);
    return false;
  }
  if (Rests(url->authority)) {
    memory->Count(OcspResult::kNotAsked);
    memory->PutSilence(question.key, std::string(kRests), now_s, now_s + kOcspSilenceSeconds);
    return false;
  }
  const OcspMemory::Key key = question.key;
  const auto request = std::make_shared<Request>(std::move(question), *url, this);
  request->AddWaiter(waiter);
  request->StartTimer();
  requests.emplace(key, request);
  waiting.push_back(request);
  return true;
}

bool OcspClient::State::Rests(const std::string& responder) const {
  const auto found = responders.find(responder);
  return found != responders.end() && SteadyClock::now() < found->second.rests_until;
}

void OcspClient::State::BeginSome() {
  if (responders.size() > kSilentRespondersMax)
    absl::erase_if(responders, [](const auto& one) { return one.second.in_flight == 0; });
  for (size_t i = 0; !stopping && in_flight < kOcspRequestsMax && i < waiting.size();) {
    const std::shared_ptr<Request> request = waiting[i];
    const auto found = responders.find(request->responder());
    if (Rests(request->responder())) {
      request->End(OcspResult::kNotAsked, std::string(kRests));
    } else if (found != responders.end() && found->second.in_flight >= kOcspRequestsPerResponderMax) {
      ++i;
    } else {
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(i));
      request->Begin();
    }
  }
}

void OcspClient::State::Stop() {
  stopping = true;
  look_ups->Stop();
  waiting.clear();
  std::vector<std::shared_ptr<Request>> left;
  for (const auto& [key, request] : requests) left.push_back(request);
  for (const std::shared_ptr<Request>& request : left) request->End(OcspResult::kNotAsked, "");
  work.reset();
}

absl::StatusOr<std::unique_ptr<OcspClient>> OcspClient::Start(OcspClientOptions options,
                                                              std::shared_ptr<OcspMemory> memory) {
  const auto state = std::make_shared<State>(std::move(options), std::move(memory));
  try {
    state->thread = std::thread([state] { state->context.run(); });
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(Concat("no thread for asking OCSP responders: ", error.what()));
  }
  return std::unique_ptr<OcspClient>(new OcspClient(state));
}

OcspClient::OcspClient(std::shared_ptr<State> state) : state_(std::move(state)) {}

OcspClient::~OcspClient() {
  asio::post(state_->context, [state = state_.get()] { state->Stop(); });
  // Its thread has a hold of the state to its end.
  if (state_->thread.get_id() == std::this_thread::get_id()) {
    state_->thread.detach();
  } else {
    state_->thread.join();
  }
}

void OcspClient::Ask(std::vector<OcspQuestion> questions, std::function<void()> done) {
  // `done` may end this client on the client's thread before the post has returned here: the state outlives the post.
  const std::shared_ptr<State> held = state_;
  asio::post(held->context,
             [state = held.get(), questions = std::move(questions), done = std::move(done)]() mutable {
               state->Take(std::move(questions), std::move(done));
             });
}

}  // namespace stockade
