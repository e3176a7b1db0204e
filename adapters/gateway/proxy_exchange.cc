// The part of a session that moves one exchange: the request to the upstream, its answer to the client, both at once.
#include <algorithm>

#include "adapters/gateway/forward_head.h"
#include "adapters/gateway/proxy_session.h"

namespace stockade {
namespace {

// A head and the beginning of its body go out in one write if that is worth a copy: more bytes are their own packet.
constexpr size_t kJoinBytesMax = size_t{16} << 10;
// 1xx answers before the real one; more is an upstream gone wild.
constexpr int kInterimAnswersMax = 16;

}  // namespace

Session::Step Session::BeginExchange() {
  state_ = State::kExchange;
  answer_reader_.ResetForAnswer(is_head_);
  answer_reader_.set_limits(
      {limits().header_bytes, limits().target_bytes, static_cast<size_t>(limits().header_count)});
  answer_body_.Start(BodyFraming::kNone, 0, {});
  download_pace_.Reset();
  from_upstream_.Clear();
  head_sent_ = 0;
  moved_ns_ = worker_->now_ns();
  upstream_->AssumeDrained();
  return Step::kAgain;
}

Session::Step Session::StepExchange() {
  bool moved = true;
  while (moved) {
    moved = false;
    waits_for_client_ = false;
    if (!request_sent_ && !request_given_up_) {
      const Step step = PumpRequest(&moved);
      if (step == Step::kClose || state_ != State::kExchange) return step;
    }
    const Step step = PumpAnswer(&moved);
    if (step == Step::kClose || state_ != State::kExchange) return step;
  }
  const LimitSettings& limit = limits();
  if (request_sent_ && !answer_head_read_) {
    worker_->wheel().Set(this, request_sent_ns_ + absl::ToInt64Nanoseconds(limit.answer_time));
  } else {
    worker_->wheel().Set(this, moved_ns_ + absl::ToInt64Nanoseconds(limit.body_idle_time));
  }
  return Step::kWait;
}

// kAgain: nothing is wrong. What is blocked has its wait armed.
Session::Step Session::PumpRequest(bool* moved) {
  const LimitSettings& limit = limits();
  while (true) {
    const ChunkError error = request_body_.Scan(from_client_.view());
    if (error != ChunkError::kNone) {
      counts_->Refuse(error);
      return Fail(400);
    }
    if (limit.body_bytes > 0 && request_body_.total() > limit.body_bytes) {
      counts_->Add(Count::kBodyTooLarge);
      return Fail(413);
    }
    std::string_view bytes;
    bool is_head = head_sent_ < to_upstream_.size();
    if (is_head) {
      const size_t ready = request_body_.ready();
      if (!head_joined_ && ready > 0 && ready <= kJoinBytesMax) {
        to_upstream_.Append(from_client_.view().substr(0, ready));
        from_client_.Consume(ready);
        request_body_.Consume(ready);
        body_sent_ = true;
      }
      head_joined_ = true;
      bytes = to_upstream_.view().substr(head_sent_);
    } else {
      bytes = from_client_.view().substr(0, request_body_.ready());
    }
    if (!bytes.empty()) {
      const IoResult sent = upstream_->Write(bytes);
      if (sent.status == IoStatus::kWantWrite || sent.status == IoStatus::kWantRead) {
        upstream_->WaitWrite();
        return Step::kAgain;
      }
      if (sent.status != IoStatus::kOk) {
        if (MayRetry()) return Retry();
        // It may have answered before it closed: 413, most likely. That is worth reading.
        request_given_up_ = true;
        keep_open_ = false;
        upstream_->WaitRead();
        return Step::kAgain;
      }
      *moved = true;
      moved_ns_ = worker_->now_ns();
      if (is_head) {
        head_sent_ += sent.bytes;
      } else {
        body_sent_ = true;
        from_client_.Consume(sent.bytes);
        request_body_.Consume(sent.bytes);
      }
      continue;
    }
    if (request_body_.through()) {
      request_sent_ = true;
      request_sent_ns_ = worker_->now_ns();
      if (from_client_.empty()) from_client_.ReleaseIfEmpty();
      return Step::kAgain;
    }
    IoStatus status = IoStatus::kOk;
    const Step step = ReadClient(&status);
    if (step == Step::kWait) {
      waits_for_client_ = true;
      upload_pace_.Wait(worker_->now_ns());
      return Step::kAgain;
    }
    if (status != IoStatus::kOk) {
      counts_->Add(Count::kClientsGone);
      return Step::kClose;
    }
    *moved = true;
    moved_ns_ = worker_->now_ns();
    upload_pace_.Move(from_client_.size(), worker_->now_ns());
    if (upload_pace_.IsBelow(limit.body_rate_min, absl::ToInt64Nanoseconds(limit.body_idle_time))) {
      counts_->Add(Count::kBodyTooSlow);
      return Fail(408);
    }
  }
}

// kAgain: bytes came (`moved`), or the stream ended (`ended`), or a wait is armed (neither).
Session::Step Session::ReadUpstream(bool* moved, bool* ended) {
  if (!upstream_->maybe_readable() || reads_left_ == 0) {
    upstream_->WaitRead();
    return Step::kAgain;
  }
  --reads_left_;
  const IoResult got = upstream_->Read(from_upstream_.ReadRoom());
  if (upstream_->WaitFor(got.status)) return Step::kAgain;
  if (got.status == IoStatus::kOk) {
    from_upstream_.Commit(got.bytes);
    *moved = true;
    moved_ns_ = worker_->now_ns();
    answer_begun_ = true;
  } else {
    *ended = true;
  }
  return Step::kAgain;
}

Session::Step Session::PumpAnswer(bool* moved) {
  while (true) {
    if (!answer_head_read_) {
      if (!from_upstream_.empty()) {
        const HeadProgress progress = answer_reader_.Read(from_upstream_.view());
        if (progress == HeadProgress::kRefused) return BrokenAnswer(Count::kUpstreamBadAnswers, 502);
        if (progress == HeadProgress::kDone) {
          *moved = true;
          const Step step = TakeAnswerHead();
          if (step == Step::kClose || state_ != State::kExchange) return step;
          continue;
        }
      }
    } else {
      // What has been scanned and not yet written bounds what is read.
      const bool is_chunked = answer_body_.framing() == BodyFraming::kChunked;
      if (!(is_unchunked_ && !to_client_.empty())) {
        const ChunkError error = answer_body_.Scan(from_upstream_.view(), [&](std::string_view data) {
          if (login_ != nullptr) login_->TakeBody(data);
          if (is_unchunked_ && is_chunked) to_client_.Append(data);
        });
        if (is_unchunked_) {
          from_upstream_.Consume(answer_body_.ready());
          answer_body_.Consume(answer_body_.ready());
        }
        if (error != ChunkError::kNone) return BrokenAnswer(Count::kUpstreamBadAnswers, 502);
      }
      if (login_ != nullptr && answer_body_.ended()) login_->EndBody();
    }
    bool blocked = false;
    const Step step = WriteToClient(moved, &blocked);
    if (step == Step::kClose) return step;
    if (answer_head_read_ && answer_body_.through() && to_client_.empty()) return FinishExchange();
    if (blocked && from_upstream_.size() + to_client_.size() >= WireBuffer::kBodyBytes) return Step::kAgain;
    if (blocked && answer_body_.ended()) return Step::kAgain;
    bool came = false, ended = false;
    ReadUpstream(&came, &ended);
    if (ended) {
      // With a client that is slow to read, the end is dealt with when all before it is written.
      if (blocked) return Step::kAgain;
      *moved = true;
      return UpstreamEnded();
    }
    if (!came) return Step::kAgain;
    *moved = true;
  }
}

Session::Step Session::WriteToClient(bool* moved, bool* blocked) {
  while (true) {
    const size_t ready = answer_head_read_ ? answer_body_.ready() : 0;
    if (!to_client_.empty() && ready > 0 && to_client_.size() + ready <= kJoinBytesMax) {
      to_client_.Append(from_upstream_.view().substr(0, ready));
      from_upstream_.Consume(ready);
      answer_body_.Consume(ready);
      continue;
    }
    const bool is_own = !to_client_.empty();
    const std::string_view bytes = is_own ? to_client_.view() : from_upstream_.view().substr(0, ready);
    if (bytes.empty()) return Step::kAgain;
    size_t taken = bytes.size();
    if (!client_gone_) {
      const IoResult sent = client_->Write(bytes);
      if (sent.status == IoStatus::kWantWrite || sent.status == IoStatus::kWantRead) {
        client_->WaitWrite();
        download_pace_.Wait(worker_->now_ns());
        waits_for_client_ = true;
        *blocked = true;
        return Step::kAgain;
      }
      if (sent.status == IoStatus::kOk) {
        taken = sent.bytes;
        counts_->Add(Count::kAnswerBytes, taken);
        if (answer_head_read_) answer_started_ = true;
        download_pace_.Move(taken, worker_->now_ns());
        if (download_pace_.IsBelow(limits().body_rate_min,
                                   absl::ToInt64Nanoseconds(limits().body_idle_time))) {
          counts_->Add(Count::kBodyTooSlow);
          return Step::kClose;
        }
      } else {
        counts_->Add(Count::kClientsGone);
        client_gone_ = true;
        keep_open_ = false;
        // Who hangs up before his answer is through is counted all the same.
        if (login_ == nullptr || !login_->wants_body()) return Step::kClose;
      }
    }
    *moved = true;
    moved_ns_ = worker_->now_ns();
    if (is_own) {
      to_client_.Consume(taken);
    } else {
      from_upstream_.Consume(taken);
      answer_body_.Consume(taken);
    }
    if (client_gone_ && (login_ == nullptr || !login_->wants_body())) return Step::kClose;
  }
}

Session::Step Session::TakeAnswerHead() {
  const ResponseHead& head = answer_reader_.response();
  const int status = head.view.status;
  AnswerForwarding forwarding;
  forwarding.client_minor_version = client_minor_;
  if (status < 200 && status != 101) {
    if (++interim_answers_ > kInterimAnswersMax) return BrokenAnswer(Count::kUpstreamBadAnswers, 502);
    // HTTP/1.0 knows none; and a 100 that nobody asked for is for us, who sent the body unasked.
    if (client_minor_ == 1 && (status != 100 || expects_continue_))
      WriteAnswerHead(head, forwarding, &to_client_);
    from_upstream_.Consume(head.bytes);
    answer_reader_.ResetForAnswer(is_head_);
    return Step::kAgain;
  }
  if (status == 101 && (!upgrade_forwarded_ || !request_sent_))
    return BrokenAnswer(Count::kUpstreamBadAnswers, 502);

  const ChallengeSettings& challenges = state_ptr_->settings.challenges;
  forwarding.private_field = challenges.response_header;
  if (!challenges.response_header.empty()) {
    const std::string_view token = FindField(head.view.fields, challenges.response_header);
    if (token.data() != nullptr && state_ptr_->parts.check_challenge) {
      if (const auto passed = state_ptr_->parts.check_challenge(token)) {
        counts_->Add(Count::kChallengeTokensGood);
        state_ptr_->parts.desk->NoteChallengePassed(passed->kind, passed->account, client_address_, {});
      } else {
        counts_->Add(Count::kChallengeTokensBad);
      }
    }
  }
  if (login_ != nullptr)
    login_->ReadHead(head.view, from_upstream_.view().substr(0, head.bytes),
                     head.framing != BodyFraming::kNone);

  answer_head_read_ = true;
  answer_keeps_upstream_ = head.keep_alive;
  if (worker_->draining() || !request_sent_ || head.framing == BodyFraming::kUntilClose) keep_open_ = false;
  if (head.framing == BodyFraming::kChunked && client_minor_ == 0) {
    is_unchunked_ = true;
    keep_open_ = false;
  }
  forwarding.keep_open = keep_open_;
  forwarding.unchunk = is_unchunked_;
  WriteAnswerHead(head, forwarding, &to_client_);
  answer_body_.Start(head.framing == BodyFraming::kTunnel ? BodyFraming::kNone : head.framing,
                     head.content_length, {limits().chunk_extension_bytes, limits().trailer_bytes});
  from_upstream_.Consume(head.bytes);
  if (status == 101) {
    counts_->Add(Count::kUpgrades);
    answer_started_ = true;
    client_sends_no_more_ = upstream_sends_no_more_ = false;
    state_ = State::kTunnel;
  }
  return Step::kAgain;
}

Session::Step Session::UpstreamEnded() {
  if (!answer_head_read_) {
    if (MayRetry()) return Retry();
    return BrokenAnswer(Count::kUpstreamBroken, 502);
  }
  if (answer_body_.framing() == BodyFraming::kUntilClose) {
    answer_body_.EndWithConnection();
    if (login_ != nullptr) login_->EndBody();
    return FinishExchange();
  }
  return BrokenAnswer(Count::kUpstreamBroken, 502);
}

// An answer that cannot be finished. If the client has seen nothing of it, it gets ours; else the connection breaks, the
// one way to say that what came is not all.
Session::Step Session::BrokenAnswer(Count why, int status) {
  counts_->Add(why);
  if (client_gone_) return Step::kClose;
  return Fail(status);
}

Session::Step Session::FinishExchange() {
  const bool is_request_whole = request_sent_;
  GiveSeatBack(answer_keeps_upstream_ && is_request_whole && from_upstream_.empty() &&
               answer_body_.framing() != BodyFraming::kUntilClose);
  if (client_gone_) return Step::kClose;
  if (keep_open_ && is_request_whole) {
    ForgetRequest();
    return Step::kAgain;
  }
  keep_open_ = false;
  state_ = State::kAnswer;  // with nothing left to write: on to linger
  SetDeadline(limits().body_idle_time);
  return Step::kAgain;
}

}  // namespace stockade
