// The part of a session behind a 101: bytes, both ways, until both sides have ended.
#include "adapters/gateway/proxy_session.h"

namespace stockade {

// One direction: from → buffer → to, and the end after the last byte. False: the connection is of no use any more.
bool Session::PumpTunnel(Channel* from, WireBuffer* buffer, Channel* to, bool* ended, Count count) {
  while (true) {
    while (!buffer->empty()) {
      const IoResult sent = to->Write(buffer->view());
      if (sent.status == IoStatus::kWantWrite || sent.status == IoStatus::kWantRead) {
        to->WaitWrite();
        return true;
      }
      if (sent.status != IoStatus::kOk) return false;
      buffer->Consume(sent.bytes);
      counts_->Add(count, sent.bytes);
    }
    if (*ended) return true;
    if (!from->maybe_readable() || reads_left_ == 0) {
      buffer->ReleaseIfEmpty();
      from->WaitRead();
      return true;
    }
    --reads_left_;
    const IoResult got = from->Read(buffer->ReadRoom());
    if (got.status == IoStatus::kOk) {
      buffer->Commit(got.bytes);
    } else if (got.status == IoStatus::kWantRead) {
      buffer->ReleaseIfEmpty();
      from->WaitRead();
      return true;
    } else if (got.status == IoStatus::kWantWrite) {
      from->WaitWrite();
      return true;
    } else {
      *ended = true;
      if (got.status != IoStatus::kEnd) return false;
      to->ShutdownSend();
    }
  }
}

Session::Step Session::StepTunnel() {
  // The 101 itself goes first.
  while (!to_client_.empty()) {
    const IoResult sent = client_->Write(to_client_.view());
    if (sent.status == IoStatus::kWantWrite || sent.status == IoStatus::kWantRead) {
      client_->WaitWrite();
      SetDeadline(limits().idle_time);
      return Step::kWait;
    }
    if (sent.status != IoStatus::kOk) return Step::kClose;
    to_client_.Consume(sent.bytes);
  }
  if (!PumpTunnel(client_.get(), &from_client_, upstream_.get(), &client_sends_no_more_,
                  Count::kRequestBytes) ||
      !PumpTunnel(upstream_.get(), &from_upstream_, client_.get(), &upstream_sends_no_more_,
                  Count::kAnswerBytes))
    return Step::kClose;
  if (client_sends_no_more_ && upstream_sends_no_more_ && from_client_.empty() && from_upstream_.empty())
    return Step::kClose;
  SetDeadline(limits().idle_time);
  return Step::kWait;
}

}  // namespace stockade
