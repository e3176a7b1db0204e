#include "adapters/gateway/proxy_session.h"

#include <algorithm>
#include <utility>

#include "adapters/gateway/answer.h"
#include "adapters/gateway/forward_head.h"
#include "engine/text.h"

namespace stockade {
namespace {

// How long a connection that we close is read on, so that a client still sending gets to read its answer before the
// kernel says "reset"; and how much.
constexpr absl::Duration kLingerTime = absl::Seconds(2);
// Reads of one session before others get their turn: a megabyte of a fast body.
constexpr int kReadsAtOnce = 16;

HeadLimits HeadLimitsOf(const LimitSettings& limits) {
  return {limits.header_bytes, limits.target_bytes, static_cast<size_t>(limits.header_count)};
}

bool IsIdempotent(std::string_view method) {
  // RFC 9110 §9.2.2.
  for (const std::string_view known : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
    if (method == known) return true;
  return false;
}

}  // namespace

Session::Session(ProxyWorker* worker, size_t listener, int descriptor, const Address& peer)
    : worker_(worker),
      state_ptr_(worker->state()),
      counts_(&worker->counts()),
      listener_(listener),
      client_(std::make_shared<Channel>(worker->context(), descriptor, this)),
      socket_peer_(peer),
      peer_(peer),
      request_reader_(HeadReader::Kind::kRequest, HeadLimitsOf(state_ptr_->settings.limits)),
      answer_reader_(HeadReader::Kind::kResponse, HeadLimitsOf(state_ptr_->settings.limits)) {
  counts_->Add(Count::kConnectionsOpen);
}

Session::~Session() {
  if (waits_for_seat_) worker_->pool().Leave(this);
  if (certificate_ticket_ != 0) worker_->ForgetCertificate(certificate_ticket_);
  GiveSeatBack(false);
  client_->Close();
  if (is_source_counted_) worker_->limits().LeaveSource(counted_source_);
  worker_->limits().Leave();
  counts_->Subtract(Count::kConnectionsOpen);
}

void Session::OnReady(Channel*) {
  worker_->ReadClock();
  Run();
}

void Session::OnUpstreamFree() {
  waits_for_seat_ = false;
  Run();
}

void Session::OnDrain() {
  if (state_ == State::kHead && !head_begun_ && from_client_.empty()) {
    worker_->Remove(this);
  } else {
    keep_open_ = false;
  }
}

void Session::OnDeadline() {
  if (MeetDeadline()) {
    Run();
  } else {
    worker_->Remove(this);
  }
}

void Session::Run() {
  if (!Drive()) worker_->Remove(this);
}

void Session::SetDeadline(absl::Duration after) {
  worker_->wheel().Set(this, worker_->now_ns() + absl::ToInt64Nanoseconds(after));
}

bool Session::Drive() {
  reads_left_ = kReadsAtOnce;
  Step step = Step::kAgain;
  while (step == Step::kAgain) {
    switch (state_) {
      case State::kOpening:
        step = StepOpening();
        break;
      case State::kProxyHeader:
        step = StepProxyHeader();
        break;
      case State::kHandshake:
        step = StepHandshake();
        break;
      case State::kHead:
        step = StepHead();
        break;
      case State::kLoginBody:
        step = StepLoginBody();
        break;
      case State::kCertificate:
        step = Step::kWait;
        break;
      case State::kSeat:
        step = StepSeat();
        break;
      case State::kConnect:
        step = StepConnect();
        break;
      case State::kUpstreamHandshake:
        step = StepUpstreamHandshake();
        break;
      case State::kExchange:
        step = StepExchange();
        break;
      case State::kTunnel:
        step = StepTunnel();
        break;
      case State::kAnswer:
        step = StepAnswer();
        break;
      case State::kLinger:
        step = StepLinger();
        break;
    }
  }
  return step == Step::kWait;
}

// What a deadline means depends on who was waited for.
bool Session::MeetDeadline() {
  Step step = Step::kClose;
  switch (state_) {
    case State::kHead:
      if (head_begun_) {
        counts_->Add(Count::kHeaderTimeouts);
        step = Fail(408);
      }
      break;
    case State::kLoginBody:
      counts_->Add(Count::kBodyTimeouts);
      step = Fail(408);
      break;
    case State::kCertificate:
      worker_->ForgetCertificate(std::exchange(certificate_ticket_, 0));
      counts_->Add(Count::kCertificatesLate);
      step = AskAboutHeld(CertificateStatus::kUnverified);
      break;
    case State::kHandshake:
      counts_->Add(Count::kTlsFailed);
      break;
    case State::kSeat:
      counts_->Add(Count::kUpstreamBusy);
      step = Fail(503);
      break;
    case State::kConnect:
    case State::kUpstreamHandshake:
      step = ConnectFailed();
      break;
    case State::kExchange:
      if (answer_started_) {
        counts_->Add(waits_for_client_ ? Count::kClientsGone : Count::kUpstreamTimeouts);
      } else if (waits_for_client_) {
        counts_->Add(Count::kBodyTimeouts);
        step = Fail(408);
      } else {
        counts_->Add(Count::kUpstreamTimeouts);
        step = Fail(504);
      }
      break;
    case State::kOpening:
    case State::kProxyHeader:
    case State::kTunnel:
    case State::kAnswer:
    case State::kLinger:
      break;
  }
  return step != Step::kClose;
}

// kAgain: bytes came, or `status` says what else. kWait: a wait is armed.
Session::Step Session::ReadClient(IoStatus* status) {
  if (!client_->maybe_readable() || reads_left_ == 0) {
    client_->WaitRead();
    return Step::kWait;
  }
  --reads_left_;
  const IoResult result = client_->Read(from_client_.ReadRoom());
  *status = result.status;
  if (client_->WaitFor(result.status)) return Step::kWait;
  if (result.status == IoStatus::kOk) {
    from_client_.Commit(result.bytes);
    counts_->Add(Count::kRequestBytes, result.bytes);
  }
  return Step::kAgain;
}

Session::Step Session::StepHead() {
  while (true) {
    if (!from_client_.empty()) {
      const HeadProgress progress = request_reader_.Read(from_client_.view());
      if (progress == HeadProgress::kDone) return BeginRequest();
      if (progress == HeadProgress::kRefused) {
        counts_->Refuse(request_reader_.error());
        return Fail(HttpStatus(request_reader_.error()));
      }
      if (!head_begun_ && request_reader_.begun()) {
        head_begun_ = true;
        SetDeadline(limits().header_time);
      }
    }
    IoStatus status = IoStatus::kOk;
    const Step step = ReadClient(&status);
    if (step == Step::kWait) {
      from_client_.ReleaseIfEmpty();
      return step;
    }
    if (status != IoStatus::kOk) return Step::kClose;
  }
}

RequestForwarding Session::Forwarding() const {
  RequestForwarding forwarding;
  forwarding.peer = peer_;
  forwarding.client = client_address_;
  forwarding.peer_is_listed = peer_is_listed_;
  const std::string& maintained = state_ptr_->settings.client_address_header;
  forwarding.keeps_x_forwarded_for = peer_is_listed_ && maintained == "x-forwarded-for";
  forwarding.keeps_forwarded = peer_is_listed_ && maintained == "forwarded";
  forwarding.tls = client_->is_tls();
  forwarding.certificate_form = state_ptr_->certificate_form;
  forwarding.identity_fields = state_ptr_->settings.identity_headers;
  return forwarding;
}

Session::Step Session::BeginRequest() {
  const RequestHead& head = request_reader_.request();
  if (state_ptr_ != worker_->state()) {
    state_ptr_ = worker_->state();
    peer_is_listed_ = state_ptr_->client_addresses->Lists(peer_);
  }
  const LimitSettings& limit = limits();
  counts_->Add(Count::kRequests);
  ++requests_;
  in_request_ = true;
  head_begun_ = true;
  keep_open_ = head.keep_alive && !worker_->draining() && requests_ < limit.requests_per_connection;
  is_head_ = head.view.method == "HEAD";
  is_idempotent_ = IsIdempotent(head.view.method);
  client_minor_ = head.minor_version;
  expects_continue_ = head.expect_continue;
  client_address_ = state_ptr_->client_addresses->Read(peer_, head.view.fields).address;
  request_body_.Start(head.framing, head.content_length, {limit.chunk_extension_bytes, limit.trailer_bytes});
  upload_pace_.Reset();
  if (limit.body_bytes > 0 && head.framing == BodyFraming::kLength &&
      head.content_length > limit.body_bytes) {
    counts_->Add(Count::kBodyTooLarge);
    return Fail(413);
  }
  endpoint_ = state_ptr_->parts.logins->Find(head.view);
  if (endpoint_ != LoginExchange::kNoEndpoint) {
    counts_->Add(Count::kLogins);
    if (head.framing == BodyFraming::kLength &&
        head.content_length > state_ptr_->parts.logins->endpoint(endpoint_).body_bytes) {
      counts_->Add(Count::kLoginsTooLarge);
      return Fail(413);
    }
    login_head_bytes_ = head.bytes;
    state_ = State::kLoginBody;
    SetDeadline(limit.body_idle_time);
    return Step::kAgain;
  }
  RequestForwarding forwarding = Forwarding();
  forwarding.keep_expect = true;
  forwarding.upgrade_allowed = true;
  upgrade_forwarded_ = IsForwardedUpgrade(head);
  WriteRequestHead(head, forwarding, &to_upstream_);
  from_client_.Consume(head.bytes);
  state_ = State::kSeat;
  SetDeadline(limit.connect_time);
  return Step::kAgain;
}

Session::Step Session::Fail(int status) {
  const bool is_login = endpoint_ != LoginExchange::kNoEndpoint;
  if (waits_for_seat_) worker_->pool().Leave(this);
  waits_for_seat_ = false;
  GiveSeatBack(false);
  login_.reset();
  if (answer_started_) return Step::kClose;
  // The head of the answer that will not be.
  if (answer_head_read_) to_client_.Clear();
  const bool keep_open = keep_open_ && in_request_ && request_body_.through() && to_client_.empty();
  Answer answer;
  if (is_login && status >= 500) {
    answer = MakeAnswer(state_ptr_->settings.answers.unavailable, {});
  } else {
    answer.status = status;
    answer.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
    answer.body = Concat(status, " ", ReasonPhrase(status), "\n");
  }
  counts_->Add(Count::kAnswered);
  return AnswerWith(WriteAnswer(answer, is_head_, keep_open), keep_open);
}

Session::Step Session::AnswerWith(std::string_view bytes, bool keep_open) {
  keep_open_ = keep_open;
  to_client_.Append(bytes);
  state_ = State::kAnswer;
  SetDeadline(limits().body_idle_time);
  return Step::kAgain;
}

void Session::ForgetRequest() {
  request_reader_.Reset();
  request_reader_.set_limits(HeadLimitsOf(limits()));
  head_begun_ = in_request_ = is_head_ = continue_sent_ = upgrade_forwarded_ = expects_continue_ = false;
  endpoint_ = LoginExchange::kNoEndpoint;
  login_.reset();
  waits_for_seat_ = is_fresh_wanted_ = is_retried_ = is_reused_ = false;
  avoided_ = nullptr;
  connect_tries_ = 0;
  head_sent_ = 0;
  body_sent_ = request_sent_ = request_given_up_ = head_joined_ = false;
  answer_begun_ = answer_head_read_ = is_unchunked_ = answer_started_ = answer_keeps_upstream_ = false;
  interim_answers_ = 0;
  waits_for_client_ = false;
  to_upstream_.Clear();
  to_upstream_.ReleaseIfEmpty();
  to_client_.ReleaseIfEmpty();
  from_upstream_.ReleaseIfEmpty();
  state_ = State::kHead;
  SetDeadline(limits().idle_time);
}

Session::Step Session::StepAnswer() {
  while (!to_client_.empty()) {
    const IoResult sent = client_->Write(to_client_.view());
    if (sent.status == IoStatus::kWantWrite || sent.status == IoStatus::kWantRead) {
      client_->WaitWrite();
      return Step::kWait;
    }
    if (sent.status != IoStatus::kOk) return Step::kClose;
    to_client_.Consume(sent.bytes);
    counts_->Add(Count::kAnswerBytes, sent.bytes);
  }
  if (keep_open_) {
    ForgetRequest();
    return Step::kAgain;
  }
  client_->ShutdownSend();
  state_ = State::kLinger;
  SetDeadline(kLingerTime);
  return Step::kAgain;
}

Session::Step Session::StepLinger() {
  from_client_.Clear();
  while (true) {
    IoStatus status = IoStatus::kOk;
    const Step step = ReadClient(&status);
    from_client_.Clear();
    if (step == Step::kWait) {
      from_client_.ReleaseIfEmpty();
      return step;
    }
    if (status != IoStatus::kOk) return Step::kClose;
  }
}

}  // namespace stockade
