// What the proxy's tests play on: a raw upstream that logs exact requests and says what it is told to, a raw client, and
// a login exchange and a desk whose answers the test sets. Loopback, ports of the kernel's choice, every wait bounded.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "adapters/gateway/gate_desk.h"
#include "adapters/gateway/login_exchange.h"
#include "adapters/gateway/proxy.h"

namespace stockade {

// Nothing on a loopback takes so long, but under a sanitizer on a machine with other work.
inline constexpr int kPatienceMs = 20'000;

// Waits until it holds; false if it never does.
bool Eventually(const std::function<bool()>& holds);

// A stream socket of a test. Closes with it.
class Wire {
 public:
  explicit Wire(int descriptor) : descriptor_(descriptor) {}
  static Wire Connect(uint16_t port);
  Wire(Wire&& other) noexcept : descriptor_(other.descriptor_), left_(std::move(other.left_)) {
    other.descriptor_ = -1;
  }
  ~Wire() { Close(); }

  bool Send(std::string_view bytes);
  // Reads until `done` says so of all that is unread, the peer closes, or patience ends; gives it and forgets it.
  std::string ReadUntil(const std::function<bool(std::string_view)>& done);
  std::string ReadUntil(std::string_view end);
  // One message: head and body, as its head frames it. Empty if the connection ends first.
  std::string ReadRequest() { return ReadMessage(true, false); }
  std::string ReadAnswer(bool to_head = false) { return ReadMessage(false, to_head); }
  std::string ReadToEnd();
  // Reads and throws away so many bytes; false if fewer come.
  bool Discard(uint64_t bytes);
  bool AtEnd() { return ReadToEnd().empty(); }
  void ShutdownSend();
  void Close();
  int descriptor() const { return descriptor_; }

 private:
  std::string ReadMessage(bool request, bool to_head);
  bool More();

  int descriptor_;
  std::string left_;
};

// Serves each connection in a thread of its own by `serve`, which returns to close it.
class RawUpstream {
 public:
  using Serve = std::function<void(Wire&)>;
  explicit RawUpstream(Serve serve);
  // Reads requests, logs them, and answers each with `answer` of it; an empty answer closes.
  explicit RawUpstream(std::function<std::string(const std::string&)> answer);
  ~RawUpstream();

  uint16_t port() const { return port_; }
  std::vector<std::string> requests();
  int connections() const { return connections_; }
  void Log(const std::string& request);

 private:
  void Begin(Serve serve);
  uint16_t port_ = 0;
  int listening_ = -1;
  std::atomic<int> connections_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread accepting_;
};

// POST /login is a login; its body is "account:password". The outcome is what stands in the answer's X-Outcome, or, for
// endpoint bodies, whether its body holds "wrong".
class FakeLogins final : public LoginExchange {
 public:
  int Find(const RequestView& request) const noexcept override {
    return request.method == "POST" && request.path() == "/login" ? 0 : kNoEndpoint;
  }
  const EndpointSettings& endpoint(int) const noexcept override { return settings; }
  int endpoint_count() const noexcept override { return 1; }
  LoginReadError ReadRequest(int, const RequestView&, std::string_view body,
                             LoginClaim* claim) const override;
  bool NeedsBody(int, const ResponseView& answer) const noexcept override {
    return FindField(answer.fields, "x-outcome").data() == nullptr;
  }
  Outcome ReadOutcome(int, const ResponseView& answer, std::string_view body, int*) const override;

  EndpointSettings settings;
};

class FakeDesk final : public GateDesk {
 public:
  GateAnswer Assess(const Attempt& attempt) override;
  void Observe(uint64_t ticket, Outcome outcome) override;
  void Abandon(uint64_t ticket) override;
  void NoteChallengePassed(ChallengeKind kind, std::string_view account, const Address& source,
                           std::string_view device) override;

  std::vector<std::string>
  log();  // "assess alice 127.0.0.1", "observe bad_password", "abandon", "passed alice"
  void set_next(const GateAnswer& answer);
  std::vector<std::string> fingerprints();  // of each that was assessed: "JA3 JA4", "- -" where there is none

 private:
  std::mutex mutex_;
  std::vector<std::string> log_, fingerprints_;
  GateAnswer next_{VerdictKind::kAllow, ChallengeKind::kHuman, true, false, "", "", 0};
  uint64_t ticket_ = 0;
};

// A proxy before one upstream.
struct Scene {
  explicit Scene(uint16_t upstream_port, const std::function<void(GatewaySettings*)>& set = {});
  Wire Connect() const { return Wire::Connect(proxy->port(0)); }

  std::shared_ptr<FakeLogins> logins = std::make_shared<FakeLogins>();
  FakeDesk desk;
  GatewaySettings settings;
  ProxyParts parts;
  std::unique_ptr<Proxy> proxy;
};

std::string Get(std::string_view path, std::string_view fields = {});
std::string Ok(std::string_view body, std::string_view fields = {});

}  // namespace stockade
