#include "adapters/capture/http_conversation.h"

#include <algorithm>

#include "adapters/gateway/token.h"

namespace stockade {
namespace {

// Whether a request begins so, as far as a segment can say: what is left of a head that was cut has no such word in front.
bool BeginsRequest(std::string_view bytes) noexcept {
  constexpr std::string_view kMethods[] = {"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "PATCH ", "OPTIONS "};
  return std::any_of(std::begin(kMethods), std::end(kMethods), [bytes](std::string_view method) {
    if (!bytes.starts_with(method)) return false;
    const std::string_view target = bytes.substr(method.size());
    return target.starts_with('/') || target.starts_with("* ") || target.starts_with("http");
  });
}

bool BeginsAnswer(std::string_view bytes) noexcept {
  return bytes.starts_with("HTTP/1.");
}

}  // namespace

bool MayBeginRequest(std::string_view bytes) noexcept {
  if (bytes.empty() || bytes[0] == '\r' || bytes[0] == '\n') return true;
  const std::string_view method = bytes.substr(0, bytes.find(' '));
  return method.size() <= HeadReader::kMethodBytesMax && IsToken(method);
}

HttpConversation::HttpConversation(Shared* shared, HttpVisitor* visitor, bool from_begin)
    : shared_(*shared), visitor_(*visitor), client_(&shared->memory), server_(&shared->memory) {
  if (from_begin) return;
  client_.state = server_.state = State::kSeeking;
  loses_count_ = true;
}

void HttpConversation::Data(Talker talker, std::string_view bytes, int64_t time_ns) {
  if (bytes.empty() || over_) return;
  if (talker == Talker::kServer) visitor_.OnServerHeard();
  if (stopped_) return;
  if (talker == Talker::kClient) {
    if (!client_.closed) Client(bytes, time_ns);
  } else {
    ++server_pieces_;
    if (!server_.closed) Server(bytes, time_ns);
  }
  Settle();
}

// Bytes that wait are of one direction at most, but for moments; each turn takes some of them.
void HttpConversation::Settle() {
  while (!stopped_) {
    if (!client_.kept.empty() && !IsPaused()) {
      for (const KeptPieces::Piece& piece : client_.kept.TakeAll()) Client(piece.bytes.view(), piece.time_ns);
    } else if (!server_.kept.empty() && !waiting_.empty()) {
      if (server_.kept.first_ns() + kReorderNsMax < waiting_.front().time_ns) {
        GiveUp(FollowEnd::kUnsolicited);
        break;
      }
      for (const KeptPieces::Piece& piece : server_.kept.TakeAll()) Server(piece.bytes.view(), piece.time_ns);
      if (server_.closed && server_.kept.empty()) CloseServer();
    } else {
      break;
    }
  }
}

void HttpConversation::Client(std::string_view bytes, int64_t time_ns) {
  bool at_begin = true;  // of a segment
  client_ns_ = time_ns;
  while (!bytes.empty() && client_.state != State::kIgnored) {
    switch (client_.state) {
      case State::kIgnored:
        return;
      case State::kSeeking: {
        const bool was_answered = !waits_for_server_ || server_pieces_ != server_pieces_at_loss_;
        if (!at_begin || !was_answered || !waiting_.empty() || !BeginsRequest(bytes)) return Skip(&bytes);
        client_.state = State::kHead;
        client_.unproven = true;
        break;
      }
      case State::kHead:
        if (IsPaused()) {
          if (!client_.kept.Keep(bytes, time_ns)) GiveUpClient(FollowEnd::kNoRoom);
          return;
        }
        ReadRequestHead(&bytes, time_ns);
        break;
      case State::kBody: {
        const ChunkError error = client_.body.Scan(
            bytes, [this](std::string_view data) { visitor_.OnRequestData(number_, data); });
        const size_t taken = client_.body.ready();
        client_.body.Consume(taken);
        bytes.remove_prefix(taken);
        request_has_data_ = request_has_data_ || taken > 0;
        if (error != ChunkError::kNone) {
          ++shared_.counts.chunk_errors[static_cast<size_t>(error)];
          EndRequest(MessageEnd::kBroken);
          GiveUpClient(FollowEnd::kBadRequest);
          return;
        }
        if (client_.body.ended()) EndRequest(client_.damaged ? MessageEnd::kDamaged : MessageEnd::kWhole);
        break;
      }
    }
    at_begin = false;
  }
}

bool HttpConversation::Refuse(Half* half, HeadError error, std::string_view* bytes) {
  half->head.Drop();
  if (half->unproven) {
    half->unproven = false;
    half->state = State::kSeeking;
    Skip(bytes);
    return false;
  }
  ++shared_.counts.head_errors[static_cast<size_t>(error)];
  return true;
}

void HttpConversation::ReadRequestHead(std::string_view* bytes, int64_t time_ns) {
  HeadError error = HeadError::kNone;
  if (!client_.head.is_kept() && !MayBeginRequest(*bytes)) {
    error = HeadError::kBadLine;
  } else {
    if (!client_.head.is_kept()) client_.begun_ns = time_ns;
    const HeadInPieces::Reading reading =
        client_.head.Read(HeadReader::Kind::kRequest, shared_.heads, &shared_.requests, false, bytes);
    if (reading.no_room) return GiveUpClient(FollowEnd::kNoRoom);
    if (reading.progress == HeadProgress::kMore) return;
    if (reading.progress == HeadProgress::kDone) {
      TakeRequest(reading.reader->request(), reading.bytes);
      client_.head.Drop();
      return;
    }
    error = reading.reader->error();
  }
  if (Refuse(&client_, error, bytes)) {
    GiveUpClient(error == HeadError::kConnect ? FollowEnd::kTunnel : FollowEnd::kBadRequest);
  } else if (waiting_.empty()) {
    // What waited for this request waited for none.
    server_.kept.Drop();
    if (server_.state == State::kHead) server_.state = State::kSeeking;
  }
}

void HttpConversation::TakeRequest(const RequestHead& head, std::string_view bytes) {
  client_.unproven = false;
  waits_for_server_ = false;
  if (waiting_.size() == kWaitingMax) return GiveUpClient(FollowEnd::kTooManyWaiting);
  pipelines_ = pipelines_ || !waiting_.empty();
  ++number_;
  ++shared_.counts.requests;
  waiting_.push_back({number_, client_.begun_ns, head.view.method == "HEAD", !head.upgrade.empty(),
                      head.expect_continue, said_last_, !loses_count_});
  visitor_.OnRequestHead(number_, head, bytes, client_.begun_ns);
  said_last_ = said_last_ || !head.keep_alive;
  client_.damaged = false;
  request_has_data_ = false;
  client_.body.Start(head.framing, head.content_length, shared_.chunks);
  client_.state = State::kBody;
  if (client_.body.ended()) EndRequest(MessageEnd::kWhole);
  // Which of them the next answer belongs to, nobody can say.
  if (server_.state == State::kSeeking && waiting_.size() > 1) GiveUp(FollowEnd::kGapInPipeline);
}

void HttpConversation::EndRequest(MessageEnd end) {
  client_.state = ignores_answers_ ? State::kIgnored : State::kHead;
  visitor_.OnRequestEnd(number_, end, client_ns_);
  StopIfDone();
}

void HttpConversation::Server(std::string_view bytes, int64_t time_ns) {
  bool at_begin = true;
  while (!bytes.empty()) {
    switch (server_.state) {
      case State::kIgnored:
        return;
      case State::kSeeking:
        if (!at_begin || waiting_.empty() || !BeginsAnswer(bytes) ||
            time_ns + kReorderNsMax < waiting_.front().time_ns) {
          // It may have been the answer that is waited for.
          EndWaiting(MessageEnd::kUnseen);
          return Skip(&bytes);
        }
        server_.state = State::kHead;
        server_.unproven = true;
        break;
      case State::kHead:
        if (waiting_.empty()) {
          if (client_.state == State::kSeeking) {
            server_.state = State::kSeeking;
            return Skip(&bytes);
          }
          if (client_.state == State::kIgnored) return IgnoreServer();
          if (!server_.kept.Keep(bytes, time_ns)) GiveUp(FollowEnd::kUnsolicited);
          return;
        }
        ReadAnswerHead(&bytes);
        break;
      case State::kBody: {
        const uint64_t number = waiting_.front().number;
        const bool is_told = waiting_.front().is_certain;
        const ChunkError error = server_.body.Scan(bytes, [this, number, is_told](std::string_view data) {
          if (is_told) visitor_.OnAnswerData(number, data);
        });
        const size_t taken = server_.body.ready();
        server_.body.Consume(taken);
        bytes.remove_prefix(taken);
        if (error != ChunkError::kNone) {
          ++shared_.counts.chunk_errors[static_cast<size_t>(error)];
          return GiveUp(FollowEnd::kBadAnswer);
        }
        if (server_.body.ended()) EndAnswer(server_.damaged ? MessageEnd::kDamaged : MessageEnd::kWhole);
        break;
      }
    }
    at_begin = false;
  }
}

void HttpConversation::ReadAnswerHead(std::string_view* bytes) {
  const HeadInPieces::Reading reading = server_.head.Read(HeadReader::Kind::kResponse, shared_.heads,
                                                          &shared_.answers, waiting_.front().is_head, bytes);
  if (reading.no_room) return GiveUp(FollowEnd::kNoRoom);
  if (reading.progress == HeadProgress::kMore) {
    *bytes = {};
    return;
  }
  if (reading.progress == HeadProgress::kRefused) {
    if (Refuse(&server_, reading.reader->error(), bytes)) return GiveUp(FollowEnd::kBadAnswer);
    EndWaiting(MessageEnd::kUnseen);
    return;
  }
  // Views into it must last until it has been told of.
  HeadInPieces lasting(&shared_.memory);
  lasting.Swap(&server_.head);
  TakeAnswer(reading.reader->response(), reading.bytes);
}

void HttpConversation::TakeAnswer(const ResponseHead& head, std::string_view bytes) {
  server_.unproven = false;
  const Waiting& asked = waiting_.front();
  const int status = head.view.status;
  if (status < 200 && status != 101) {
    if (++interim_answers_ > kInterimAnswersMax) GiveUp(FollowEnd::kBadAnswer);
    return;
  }
  const bool is_request_whole = asked.number != number_ || client_.state != State::kBody;
  if (status == 101 && (!asked.asks_upgrade || !is_request_whole)) return GiveUp(FollowEnd::kBadAnswer);
  if (asked.is_certain) {
    ++shared_.counts.answers;
    visitor_.OnAnswerHead(asked.number, head, bytes);
  }
  if (status == 101) {
    TellAnswerEnd(MessageEnd::kWhole);
    return GiveUp(FollowEnd::kTunnel);
  }
  said_last_ = said_last_ || !head.keep_alive;
  server_.damaged = false;
  server_.body.Start(head.framing, head.content_length, shared_.chunks);
  server_.state = State::kBody;
  if (server_.body.ended()) EndAnswer(MessageEnd::kWhole);
}

void HttpConversation::TellAnswerEnd(MessageEnd end) {
  const uint64_t number = waiting_.front().number;
  if (waiting_.front().after_last && end == MessageEnd::kNever) end = MessageEnd::kAfterLast;
  const bool was_answered = end != MessageEnd::kNever && end != MessageEnd::kAfterLast;
  if (!waiting_.front().is_certain && was_answered) end = MessageEnd::kUnseen;
  waiting_.erase(waiting_.begin());
  interim_answers_ = 0;
  if (server_.state == State::kBody) server_.state = State::kHead;
  if (end == MessageEnd::kNever) ++shared_.counts.never_answered;
  if (end == MessageEnd::kUnseen) ++shared_.counts.answers_unseen;
  if (end == MessageEnd::kAfterLast) ++shared_.counts.after_last;
  visitor_.OnAnswerEnd(number, end);
}

void HttpConversation::EndAnswer(MessageEnd end) {
  const Waiting asked = waiting_.front();
  TellAnswerEnd(end);
  if (asked.expects_continue && asked.number == number_ && client_.state == State::kBody &&
      !request_has_data_) {
    EndRequest(MessageEnd::kBroken);
    GiveUpClient(FollowEnd::kUnclearBody);
  }
  if (waiting_.empty() && client_.state == State::kIgnored) IgnoreServer();
}

void HttpConversation::EndWaiting(MessageEnd end) {
  while (!waiting_.empty()) TellAnswerEnd(end);
}

}  // namespace stockade
