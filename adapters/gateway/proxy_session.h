// One client's connection, from accept to close: its requests in their order, one exchange with an upstream at a time.
//
//   [PROXY header] ─► [TLS] ─► head ─┬► seat ─► connect ─► exchange ─► head …      everything that is no login
//                                    └► login body ─► [certificate] ─► gate ─┬► seat …
//                                                                            └► answer    what the gate stops
//   anything wrong ─► answer ─► linger ─► closed          101 ─► tunnel
//
// Driven by readiness: Drive goes on until neither side can move, arms the waits that it needs, and says by when
// something must have happened. Bodies go from the buffer they were read into to the other socket. Memory: one buffer of
// at most 64 KiB a direction while bytes move, none while the client is silent.
//
// A login whose certificate is judged elsewhere is held: nothing is read meanwhile, and the worker goes on with others. Its
// client may go away, the settings may be swapped and the proxy may drain; the login is asked about all the same, on the
// settings it began with.
//
// A client that goes away while its login's answer is read is read for to the end: else who hangs up early would never be
// counted.
//
// Threads: its worker's. It ends by itself; its worker deletes it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "adapters/client_hello/client_fingerprint.h"
#include "adapters/gateway/body_flow.h"
#include "adapters/gateway/channel.h"
#include "adapters/gateway/deadline_wheel.h"
#include "adapters/gateway/forward_head.h"
#include "adapters/gateway/head_reader.h"
#include "adapters/gateway/login_gate.h"
#include "adapters/gateway/proxy_worker.h"
#include "adapters/gateway/upstream_pool.h"
#include "adapters/gateway/wire_buffer.h"

namespace stockade {

class Session final : public ChannelOwner, public DeadlineWheel::Entry, public UpstreamWaiter {
 public:
  Session(ProxyWorker* worker, size_t listener, int descriptor, const Address& peer);
  ~Session() override;

  // Each of these may delete the session.
  void Start() { Run(); }
  void OnReady(Channel* channel) override;
  void OnDeadline() override;
  void OnUpstreamFree() override;
  void OnDrain();
  void OnCertificate(CertificateStatus status);

 private:
  enum class State : uint8_t {
    kOpening,
    kProxyHeader,
    kHandshake,
    kHead,
    kLoginBody,
    kCertificate,
    kSeat,
    kConnect,
    kUpstreamHandshake,
    kExchange,
    kTunnel,
    kAnswer,
    kLinger,
  };
  enum class Step : uint8_t { kAgain, kWait, kClose };

  // Goes on as far as it can; deletes the session where it ends.
  void Run();
  bool Drive();
  bool MeetDeadline();  // false: close

  // proxy_opening.cc: before the first request.
  Step StepOpening();
  Step StepProxyHeader();
  Step StepHandshake();
  bool EnterSource(const Address& source);

  // proxy_session.cc: the client's side.
  Step StepHead();
  Step BeginRequest();
  Step StepAnswer();
  Step StepLinger();
  Step ReadClient(IoStatus* status);
  Step Fail(int status);  // an answer of our own, in place of the upstream's
  Step AnswerWith(std::string_view bytes, bool keep_open);
  const LimitSettings& limits() const noexcept { return state_ptr_->settings.limits; }
  void SetDeadline(absl::Duration after);
  void ForgetRequest();
  RequestForwarding Forwarding() const;

  // proxy_login.cc: a login, held.
  Step StepLoginBody();
  Step TakeLogin();
  Step AskAboutHeld(CertificateStatus status);
  Step AskAboutLogin(const LoginClaim& claim, CertificateStatus certificate);
  Step AnswerLogin(std::string_view answer);
  GateQuestion Question(std::string_view body) const;

  // proxy_connect.cc: a way to an upstream.
  Step StepSeat();
  Step StartConnect();
  Step StepConnect();
  Step StepUpstreamHandshake();
  Step ConnectFailed();
  bool MayRetry() const noexcept;
  Step Retry();
  void GiveSeatBack(bool keep);

  // proxy_exchange.cc: both directions of one exchange.
  Step BeginExchange();
  Step StepExchange();
  Step PumpRequest(bool* moved);
  Step PumpAnswer(bool* moved);
  Step TakeAnswerHead();
  Step WriteToClient(bool* moved, bool* blocked);
  Step ReadUpstream(bool* moved, bool* ended);
  Step UpstreamEnded();
  Step FinishExchange();
  Step BrokenAnswer(Count why, int status);

  // proxy_tunnel.cc: what follows a 101.
  Step StepTunnel();
  bool PumpTunnel(Channel* from, WireBuffer* buffer, Channel* to, bool* ended, Count count);

  ProxyWorker* worker_;
  std::shared_ptr<const ProxyState> state_ptr_;
  LiveCounts* counts_;
  size_t listener_;
  std::shared_ptr<Channel> client_, upstream_;
  UpstreamSeat seat_;
  Address socket_peer_, peer_, client_address_;
  Address counted_source_;
  bool is_source_counted_ = false;
  bool peer_is_listed_ = false;
  CertificateEvidence shown_;
  ClientFingerprint fingerprint_;

  State state_ = State::kOpening;
  WireBuffer from_client_, to_client_, from_upstream_, to_upstream_;
  HeadReader request_reader_, answer_reader_;
  BodyFlow request_body_, answer_body_;
  Pace upload_pace_, download_pace_;

  int reads_left_ = 0;  // until others get their turn

  // Of the connection.
  int requests_ = 0;
  bool keep_open_ = true;
  bool client_gone_ = false;

  // Of the request.
  bool head_begun_ = false;
  bool is_head_ = false, is_idempotent_ = false, expects_continue_ = false, upgrade_forwarded_ = false;
  int client_minor_ = 1;
  int endpoint_ = LoginExchange::kNoEndpoint;
  size_t login_head_bytes_ = 0;
  std::string login_data_;
  bool continue_sent_ = false;
  std::unique_ptr<LoginClaim> held_claim_;  // while its certificate is judged
  uint64_t certificate_ticket_ = 0;         // 0: nobody is asked
  std::unique_ptr<LoginWatch> login_;
  bool in_request_ = false;

  // Of the exchange.
  bool waits_for_seat_ = false, is_fresh_wanted_ = false, is_retried_ = false, is_reused_ = false;
  const Upstream* avoided_ = nullptr;
  int connect_tries_ = 0;
  size_t address_ = 0;
  size_t head_sent_ = 0;
  bool body_sent_ = false, request_sent_ = false, request_given_up_ = false, head_joined_ = false;
  int64_t request_sent_ns_ = 0, moved_ns_ = 0;
  bool answer_begun_ = false, answer_head_read_ = false, is_unchunked_ = false, answer_started_ = false;
  bool answer_keeps_upstream_ = false;
  int interim_answers_ = 0;
  bool waits_for_client_ = false;  // the exchange stands because of the client
  bool client_sends_no_more_ = false, upstream_sends_no_more_ = false;
};

}  // namespace stockade
