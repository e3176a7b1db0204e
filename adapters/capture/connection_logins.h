// The logins among the requests of one connection: read as the sidecar reads them (gateway/login_exchange.h), each told once
// with the outcome that its answer says.
//
// The password is hashed as soon as the request is whole, and every copy of head and body is wiped then. What cannot be
// read for a login is one all the same: path and method say so, the gateway has answered it, and its source counts; it is
// told without an account. Not so a request to an endpoint that knows accounts by HTTP Basic only and brings no
// credentials: that is a page.
//
// Outcome: what the endpoint's table says of the answer; unknown where there was none (the gateway was asked, and may have
// looked at the password, so it is an attempt), or where it is not in the capture.
//
// A login is told only once the server was heard behind the request's head: a byte of it, or its FIN. Whoever writes another's
// address into his packets has the server's SYN-ACK at most, or its RST, and neither counts. So nothing is told of a
// capture in which only the client's direction is: it is counted (LoginCounts::unanswered).
//
// Memory: while a request is read, its head and what has come of its body, at most `body_bytes`; until its answer, some 2 KiB
// and what AnswerReading keeps. All of it is taken from the share; where that is at its end other connections give way with
// their logins (login_capture.h), and then the one of this connection that has been under way for longest. Not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "adapters/capture/captured_login.h"
#include "adapters/capture/http_conversation.h"
#include "adapters/capture/tls_sightings.h"
#include "adapters/gateway/answer_reading.h"
#include "adapters/gateway/client_address.h"
#include "adapters/gateway/found_value.h"
#include "adapters/gateway/login_exchange.h"

namespace stockade {

// A certificate that a login shows behind a terminator, to be judged as of then.
struct CapturedCertificate {
  std::span<const HeaderField> fields;
  bool peer_is_listed = false;
  const LoginClaim& claim;
  const EndpointSettings& endpoint;
  int64_t time_ns = 0;
};
// kUnchecked where nobody looks at certificates.
using CapturedCertificateCheck = std::function<CertificateStatus(const CapturedCertificate&)>;

// What logins are, as settings say it.
struct LoginTerms {
  std::shared_ptr<const LoginExchange> logins;
  std::shared_ptr<const ClientAddressReader> client_addresses;
  CapturedCertificateCheck check_certificate;  // null: nobody looks
  TlsFingerprintSettings tls_fingerprint;      // fields in which a listed terminator says it
};

// What all connections of a capture read logins by, and where they note what they saw; outlives them.
struct LoginReading : LoginTerms {
  LoginReading() = default;
  LoginReading(const LoginTerms& terms, LoginSink* to) : LoginTerms(terms), sink(to) {}

  TlsSightings sightings;
  LoginCounts counts;
  LoginSink* sink = nullptr;
  // While no login has come: paths that credentials may have been sent to, with how often; the first kMissedPathsMax.
  std::map<std::string, uint64_t> missed_paths;
  static constexpr size_t kMissedPathsMax = 256;
};

class ConnectionLogins final : public HttpVisitor, private MemoryHolder {
 public:
  // `peer`: who opened the connection, or whom its PROXY header names.
  ConnectionLogins(LoginReading* reading, MemoryShare* memory, const Address& peer);
  ~ConnectionLogins() override;
  ConnectionLogins(const ConnectionLogins&) = delete;
  ConnectionLogins& operator=(const ConnectionLogins&) = delete;

  void OnRequestHead(uint64_t number, const RequestHead& head, std::string_view bytes,
                     int64_t time_ns) override;
  void OnRequestData(uint64_t number, std::string_view data) override;
  void OnRequestEnd(uint64_t number, MessageEnd end, int64_t time_ns) override;
  void OnAnswerHead(uint64_t number, const ResponseHead& head, std::string_view bytes) override;
  void OnAnswerData(uint64_t number, std::string_view data) override;
  void OnAnswerEnd(uint64_t number, MessageEnd end) override;
  void OnServerHeard() override;
  // Others have more use for its room: all that are under way are dropped, and counted.
  void GiveUp();
  bool WaitsForServer() const override { return !logins_.empty(); }

 private:
  // Under way at once: HttpConversation follows no more, and those that only wait for a sign of the server add to them.
  static constexpr size_t kLoginsMax = 2 * HttpConversation::kWaitingMax;

  struct Login {
    Login(const LoginExchange& logins, int index) : endpoint(index), answer(logins, index) {}

    uint64_t number = 0;
    int endpoint;
    int64_t time_ns = 0;  // of its end
    size_t taken = 0;     // from the share
    MemoryShare::Place place;
    // While it is read.
    SecretText head, body;
    size_t body_bytes_max = 0;
    size_t body_room = 0;  // that `body` has, and that was taken for it
    bool too_large = false;
    // Behind its end.
    bool request_ended = false;
    bool is_login = true;
    bool is_unreadable = false;
    bool is_damaged = false;
    LoginClaim claim;
    Address client;
    CertificateStatus certificate = CertificateStatus::kUnchecked;
    std::string method, path, host;
    std::string ja3, ja4;  // as a listed terminator says it

    AnswerReading answer;
    bool answer_ended = false;
    bool is_unseen = false;     // its answer, or what of it would say the outcome
    bool server_heard = false;  // since its head came
    std::optional<Outcome> outcome;
  };

  Login* Find(uint64_t number) noexcept;
  void Drop(uint64_t number);
  // Whatever of the share it had is free again, and its place in the list.
  void Release(const Login& login);
  void GiveWay(uint64_t number) override;
  // False: there is no room, and it is gone.
  bool Take(Login* login, size_t bytes);
  // Room for a body of so many bytes; false as above.
  bool GrowBody(Login* login, size_t bytes);
  void ReadRequest(Login* login, MessageEnd end);
  void TellIfDone(Login* login);
  void Tell(const Login& login);

  LoginReading& reading_;
  MemoryShare& memory_;
  const Address peer_;
  std::vector<std::unique_ptr<Login>> logins_;  // under way, in their order
};

}  // namespace stockade
