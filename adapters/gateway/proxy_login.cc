// The part of a session that holds a login: its body read whole, the gate asked, and what comes of that.
#include <algorithm>

#include "adapters/gateway/forward_head.h"
#include "adapters/gateway/proxy_session.h"
#include "engine/status.h"

namespace stockade {

// The head stays in front of the buffer until the gate has spoken: the request goes on as it came.
Session::Step Session::StepLoginBody() {
  const EndpointSettings& endpoint = state_ptr_->parts.logins->endpoint(endpoint_);
  // One-byte chunks make six bytes of one; what is framed more thickly than by half is no login.
  const size_t raw_bytes_max = endpoint.body_bytes * 2 + (size_t{16} << 10);
  while (true) {
    const std::string_view body = from_client_.view().substr(login_head_bytes_);
    const bool is_chunked = request_body_.framing() == BodyFraming::kChunked;
    const ChunkError error = request_body_.Scan(body, [&](std::string_view data) {
      if (is_chunked) login_data_.append(data);
    });
    if (error != ChunkError::kNone) {
      counts_->Refuse(error);
      return Fail(400);
    }
    if (login_data_.size() > endpoint.body_bytes || request_body_.total() > raw_bytes_max) {
      counts_->Add(Count::kLoginsTooLarge);
      return Fail(413);
    }
    if (request_body_.ended()) return TakeLogin();
    if (expects_continue_ && !continue_sent_ && body.empty()) {
      // We must have the body before anybody else may say whether it is wanted.
      continue_sent_ = true;
      to_client_.Append("HTTP/1.1 100 Continue\r\n\r\n");
    }
    while (!to_client_.empty()) {
      const IoResult sent = client_->Write(to_client_.view());
      if (sent.status == IoStatus::kWantWrite || sent.status == IoStatus::kWantRead) {
        client_->WaitWrite();
        break;
      }
      if (sent.status != IoStatus::kOk) return Step::kClose;
      to_client_.Consume(sent.bytes);
    }
    IoStatus status = IoStatus::kOk;
    const size_t held = from_client_.size();
    const Step step = ReadClient(&status);
    if (step == Step::kWait) {
      upload_pace_.Wait(worker_->now_ns());
      return step;
    }
    if (status != IoStatus::kOk) {
      counts_->Add(Count::kClientsGone);
      return Step::kClose;
    }
    upload_pace_.Move(from_client_.size() - held, worker_->now_ns());
    if (upload_pace_.IsBelow(limits().body_rate_min, absl::ToInt64Nanoseconds(limits().body_idle_time))) {
      counts_->Add(Count::kBodyTooSlow);
      return Fail(408);
    }
    SetDeadline(limits().body_idle_time);
  }
}

// What the client has sent is not touched while the login is held, so the views of its head stay where they are.
GateQuestion Session::Question(std::string_view body) const {
  return {endpoint_,   request_reader_.request().view, body, client_address_, peer_is_listed_, shown_,
          fingerprint_};
}

Session::Step Session::TakeLogin() {
  // The views of the first reading may be gone with the bytes they stood on.
  request_reader_.Reset();
  STOCKADE_CHECK(request_reader_.Read(from_client_.view()) == HeadProgress::kDone);
  const std::string_view raw = from_client_.view().substr(login_head_bytes_, request_body_.ready());
  const bool is_chunked = request_body_.framing() == BodyFraming::kChunked;
  const GateQuestion question = Question(is_chunked ? std::string_view(login_data_) : raw);
  LoginClaim claim;
  std::string answer;
  const bool is_readable = ReadLogin(*state_ptr_, question, keep_open_, counts_, &claim, &answer);
  // Nothing of a login stays in our memory longer than it must: it may hold a password.
  std::fill(login_data_.begin(), login_data_.end(), '\0');
  login_data_.clear();
  if (!is_readable) return AnswerLogin(answer);
  CertificateFinding finding = FindCertificate(*state_ptr_, question, claim);
  if (!finding.later) return AskAboutLogin(claim, finding.status);

  counts_->Add(Count::kLoginsHeld);
  held_claim_ = std::make_unique<LoginClaim>(std::move(claim));
  state_ = State::kCertificate;
  // Whoever judges answers in time by himself; this is for the day on which he does not.
  SetDeadline(LongestJudgement(state_ptr_->settings.certificates.queue.wait));
  certificate_ticket_ = worker_->AwaitCertificate(this);
  finding.later(worker_->CertificateAnswer(certificate_ticket_));
  return Step::kWait;
}

// Its worker says so: it is told once, and no more after `this` has gone.
void Session::OnCertificate(CertificateStatus status) {
  certificate_ticket_ = 0;
  if (AskAboutHeld(status) == Step::kClose) {
    worker_->Remove(this);
  } else {
    Run();
  }
}

Session::Step Session::AskAboutHeld(CertificateStatus status) {
  const std::unique_ptr<LoginClaim> claim = std::move(held_claim_);
  return AskAboutLogin(*claim, status);
}

Session::Step Session::AskAboutLogin(const LoginClaim& claim, CertificateStatus certificate) {
  const RequestHead& head = request_reader_.request();
  GateReply reply = AskGate(*state_ptr_, Question({}), claim, certificate, keep_open_, counts_);
  if (!reply.forward) return AnswerLogin(reply.answer);
  login_ = std::make_unique<LoginWatch>(state_ptr_, endpoint_, reply.ticket, counts_);
  RequestForwarding forwarding = Forwarding();
  forwarding.ask_unpacked_answer = state_ptr_->parts.logins->has_body_rows(endpoint_);
  WriteRequestHead(head, forwarding, &to_upstream_);
  from_client_.Consume(head.bytes);
  expects_continue_ = false;
  state_ = State::kSeat;
  SetDeadline(limits().connect_time);
  return Step::kAgain;
}

Session::Step Session::AnswerLogin(std::string_view answer) {
  from_client_.Consume(login_head_bytes_ + request_body_.ready());
  request_body_.Consume(request_body_.ready());
  return AnswerWith(answer, keep_open_);
}

}  // namespace stockade
