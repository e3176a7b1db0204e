#include "tests/adapters/gateway/proxy_scene.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>

#include "adapters/gateway/body_flow.h"
#include "engine/text.h"

namespace stockade {

bool Eventually(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

Wire Wire::Connect(uint16_t port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    close(descriptor);
    return Wire(-1);
  }
  return Wire(descriptor);
}

bool Wire::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool Wire::More() {
  pollfd one{descriptor_, POLLIN, 0};
  if (descriptor_ < 0 || poll(&one, 1, kPatienceMs) != 1) return false;
  char bytes[65536];
  const ssize_t got = recv(descriptor_, bytes, sizeof bytes, 0);
  if (got <= 0) return false;
  left_.append(bytes, static_cast<size_t>(got));
  return true;
}

std::string Wire::ReadUntil(const std::function<bool(std::string_view)>& done) {
  while (!done(left_) && More()) {
  }
  return std::exchange(left_, {});
}

std::string Wire::ReadUntil(std::string_view end) {
  return ReadUntil([end](std::string_view all) { return all.find(end) != std::string_view::npos; });
}

std::string Wire::ReadMessage(bool request, bool to_head) {
  HeadReader reader(request ? HeadReader::Kind::kRequest : HeadReader::Kind::kResponse, {});
  reader.ResetForAnswer(to_head);
  HeadProgress progress = HeadProgress::kMore;
  while ((progress = left_.empty() ? HeadProgress::kMore : reader.Read(left_)) == HeadProgress::kMore) {
    if (!More()) return std::exchange(left_, {});
  }
  if (progress == HeadProgress::kRefused) return "unreadable: " + std::exchange(left_, {});
  const MessageHead& head = request ? static_cast<const MessageHead&>(reader.request()) : reader.response();
  const size_t head_bytes = head.bytes;
  BodyFlow body;
  body.Start(head.framing == BodyFraming::kTunnel ? BodyFraming::kNone : head.framing, head.content_length,
             {});
  while (body.Scan(std::string_view(left_).substr(head_bytes)) == ChunkError::kNone && !body.ended()) {
    // Cut off: no message.
    if (!More()) return {};
  }
  const size_t bytes = head_bytes + body.ready();
  std::string message = left_.substr(0, bytes);
  left_.erase(0, bytes);
  return message;
}

std::string Wire::ReadToEnd() {
  while (More()) {
  }
  return std::exchange(left_, {});
}

bool Wire::Discard(uint64_t bytes) {
  while (bytes > 0) {
    if (left_.empty() && !More()) return false;
    const size_t take = static_cast<size_t>(std::min<uint64_t>(bytes, left_.size()));
    left_.erase(0, take);
    bytes -= take;
  }
  return true;
}

void Wire::ShutdownSend() {
  shutdown(descriptor_, SHUT_WR);
}

void Wire::Close() {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
}

RawUpstream::RawUpstream(Serve serve) {
  Begin(std::move(serve));
}

RawUpstream::RawUpstream(std::function<std::string(const std::string&)> answer) {
  Begin([this, answer = std::move(answer)](Wire& wire) {
    while (true) {
      const std::string request = wire.ReadRequest();
      if (request.empty()) return;
      Log(request);
      const std::string bytes = answer(request);
      if (bytes.empty() || !wire.Send(bytes)) return;
    }
  });
}

void RawUpstream::Begin(Serve serve) {
  listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(bind(listening_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
  REQUIRE(listen(listening_, 1024) == 0);
  socklen_t size = sizeof at;
  getsockname(listening_, reinterpret_cast<sockaddr*>(&at), &size);
  port_ = ntohs(at.sin_port);
  accepting_ = std::thread([this, serve = std::move(serve)] {
    while (!stopping_) {
      const int descriptor = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      if (descriptor < 0) continue;
      if (stopping_) {
        close(descriptor);
        return;
      }
      ++connections_;
      const std::lock_guard lock(mutex_);
      open_.push_back(descriptor);
      threads_.emplace_back([serve, descriptor] {
        Wire wire(dup(descriptor));
        serve(wire);
        shutdown(wire.descriptor(), SHUT_RDWR);
      });
    }
  });
}

RawUpstream::~RawUpstream() {
  stopping_ = true;
  shutdown(listening_, SHUT_RDWR);
  accepting_.join();
  close(listening_);
  // The scene's own descriptors: what a serving thread still reads ends with them.
  for (const int descriptor : open_) shutdown(descriptor, SHUT_RDWR);
  for (std::thread& thread : threads_) thread.join();
  for (const int descriptor : open_) close(descriptor);
}

std::vector<std::string> RawUpstream::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void RawUpstream::Log(const std::string& request) {
  const std::lock_guard lock(mutex_);
  requests_.push_back(request);
}

LoginReadError FakeLogins::ReadRequest(int, const RequestView&, std::string_view body,
                                       LoginClaim* claim) const {
  const size_t colon = body.find(':');
  if (colon == std::string_view::npos) return LoginReadError::kNoAccount;
  claim->has_account = true;
  claim->account = body.substr(0, colon);
  return LoginReadError::kNone;
}

Outcome FakeLogins::ReadOutcome(int, const ResponseView& answer, std::string_view body, int*) const {
  const std::string_view said = FindField(answer.fields, "x-outcome");
  if (said.data() != nullptr) return ParseOutcome(said).value_or(Outcome::kUnknown);
  return body.find("wrong") != std::string_view::npos ? Outcome::kBadPassword : Outcome::kSuccess;
}

GateAnswer FakeDesk::Assess(const Attempt& attempt) {
  const std::lock_guard lock(mutex_);
  std::string line =
      Concat("assess ", attempt.has_account() ? attempt.account : "-", " ", attempt.source.ToString());
  if (attempt.certificate_present) Append(&line, " ", Name(attempt.certificate));
  if (attempt.can_ask != CanAsk::kUnsaid) Append(&line, " can ask ", Name(attempt.can_ask));
  log_.push_back(line);
  const auto shown = [](std::string_view text) { return text.data() == nullptr ? "-" : text; };
  fingerprints_.push_back(Concat(shown(attempt.ja3), " ", shown(attempt.ja4)));
  GateAnswer answer = next_;
  answer.ticket = answer.reaches ? ++ticket_ : 0;
  return answer;
}

std::vector<std::string> FakeDesk::fingerprints() {
  const std::lock_guard lock(mutex_);
  return fingerprints_;
}

void FakeDesk::Observe(uint64_t, Outcome outcome) {
  const std::lock_guard lock(mutex_);
  log_.push_back(Concat("observe ", Name(outcome)));
}

void FakeDesk::Abandon(uint64_t) {
  const std::lock_guard lock(mutex_);
  log_.push_back("abandon");
}

void FakeDesk::NoteChallengePassed(ChallengeKind, std::string_view account, const Address&,
                                   std::string_view) {
  const std::lock_guard lock(mutex_);
  log_.push_back(Concat("passed ", account));
}

std::vector<std::string> FakeDesk::log() {
  const std::lock_guard lock(mutex_);
  return log_;
}

void FakeDesk::set_next(const GateAnswer& answer) {
  const std::lock_guard lock(mutex_);
  next_ = answer;
}

Scene::Scene(uint16_t upstream_port, const std::function<void(GatewaySettings*)>& set) {
  ListenerSettings listener;
  listener.at = {"127.0.0.1", 0, ""};
  settings.listeners = {listener};
  UpstreamSettings upstream;
  upstream.at = {"127.0.0.1", upstream_port, ""};
  settings.upstreams = {upstream};
  settings.workers = 2;
  // A probe would be one connection more for an upstream that counts them.
  settings.health_check.interval = absl::Hours(1);
  if (set) set(&settings);
  parts.logins = logins;
  parts.desk = &desk;
  auto started = Proxy::Start(settings, parts);
  INFO(FromAbsl(started.status().message()));
  REQUIRE(started.ok());
  proxy = *std::move(started);
}

std::string Get(std::string_view path, std::string_view fields) {
  return Concat("GET ", path, " HTTP/1.1\r\nHost: broker.example\r\n", fields, "\r\n");
}

std::string Ok(std::string_view body, std::string_view fields) {
  return Concat("HTTP/1.1 200 OK\r\nContent-Length: ", body.size(), "\r\n", fields, "\r\n", body);
}

}  // namespace stockade
