#include "adapters/capture/http_conversation.h"

#include <algorithm>
#include <utility>

#include "adapters/gateway/token.h"

namespace stockade {
namespace {

// What a piece that is kept costs besides its bytes, and a head in pieces besides its own.
constexpr size_t kPieceBytes = sizeof(std::string) + 32;
constexpr size_t kPartialBytes = 4096;

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
    : shared_(*shared), visitor_(*visitor) {
  if (from_begin) return;
  client_.state = server_.state = State::kSeeking;
  loses_count_ = true;
}

HttpConversation::~HttpConversation() {
  for (Half* half : {&client_, &server_}) {
    DropPartial(half);
    DropHeld(half);
  }
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
    if (!client_.held.empty() && !IsPaused()) {
      std::deque<Piece> pieces = std::move(client_.held);
      client_.held.clear();
      shared_.memory.Give(std::exchange(client_.held_bytes, 0));
      for (const Piece& piece : pieces) Client(piece.bytes, piece.time_ns);
    } else if (!server_.held.empty() && !waiting_.empty()) {
      if (server_.held.front().time_ns + kReorderNsMax < waiting_.front().time_ns) {
        GiveUp(FollowEnd::kUnsolicited);
        break;
      }
      std::deque<Piece> pieces = std::move(server_.held);
      server_.held.clear();
      shared_.memory.Give(std::exchange(server_.held_bytes, 0));
      for (const Piece& piece : pieces) Server(piece.bytes, piece.time_ns);
      if (server_.closed && server_.held.empty()) CloseServer();
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
          if (!Hold(&client_, bytes, time_ns)) GiveUpClient(FollowEnd::kNoRoom);
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

HttpConversation::HeadReading HttpConversation::ReadHead(Half* half, HeadReader* whole, bool answers_head,
                                                         std::string_view* bytes, int64_t time_ns) {
  HeadReading reading;
  if (half->partial == nullptr) {
    half->begun_ns = time_ns;
    whole->ResetForAnswer(answers_head);
    reading.reader = whole;
    reading.progress = whole->Read(*bytes);
    if (reading.progress == HeadProgress::kDone) {
      const size_t size = half == &client_ ? whole->request().bytes : whole->response().bytes;
      reading.bytes = bytes->substr(0, size);
      bytes->remove_prefix(size);
    }
    if (reading.progress != HeadProgress::kMore) return reading;
    if (!shared_.memory.Take(kPartialBytes)) {
      reading.no_room = true;
      return reading;
    }
    half->partial = std::make_unique<Partial>(
        half == &client_ ? HeadReader::Kind::kRequest : HeadReader::Kind::kResponse, shared_.heads);
    half->partial->reader.ResetForAnswer(answers_head);
  }
  Partial& partial = *half->partial;
  const size_t before = partial.bytes.size();
  // One more byte than a head may have makes it too long.
  const std::string_view more = bytes->substr(0, shared_.heads.header_bytes + 1 - before);
  if (!shared_.memory.Take(more.size())) {
    reading.no_room = true;
    return reading;
  }
  partial.bytes.append(more);
  reading.reader = &partial.reader;
  reading.progress = partial.reader.Read(partial.bytes);
  if (reading.progress == HeadProgress::kDone) {
    const size_t size = half == &client_ ? partial.reader.request().bytes : partial.reader.response().bytes;
    reading.bytes = std::string_view(partial.bytes).substr(0, size);
    bytes->remove_prefix(size - before);
  } else if (reading.progress == HeadProgress::kMore) {
    *bytes = {};
  }
  return reading;
}

bool HttpConversation::Refuse(Half* half, HeadError error, std::string_view* bytes) {
  DropPartial(half);
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
  if (client_.partial == nullptr && !MayBeginRequest(*bytes)) {
    error = HeadError::kBadLine;
  } else {
    const HeadReading reading = ReadHead(&client_, &shared_.requests, false, bytes, time_ns);
    if (reading.no_room) return GiveUpClient(FollowEnd::kNoRoom);
    if (reading.progress == HeadProgress::kMore) return;
    if (reading.progress == HeadProgress::kDone) {
      TakeRequest(reading.reader->request(), reading.bytes);
      DropPartial(&client_);
      return;
    }
    error = reading.reader->error();
  }
  if (Refuse(&client_, error, bytes)) {
    GiveUpClient(error == HeadError::kConnect ? FollowEnd::kTunnel : FollowEnd::kBadRequest);
  } else if (waiting_.empty()) {
    // What waited for this request waited for none.
    DropHeld(&server_);
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
          if (!Hold(&server_, bytes, time_ns)) GiveUp(FollowEnd::kUnsolicited);
          return;
        }
        ReadAnswerHead(&bytes, time_ns);
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

void HttpConversation::ReadAnswerHead(std::string_view* bytes, int64_t time_ns) {
  const HeadReading reading = ReadHead(&server_, &shared_.answers, waiting_.front().is_head, bytes, time_ns);
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
  const std::unique_ptr<Partial> partial = std::move(server_.partial);
  TakeAnswer(reading.reader->response(), reading.bytes);
  if (partial != nullptr) shared_.memory.Give(kPartialBytes + partial->bytes.size());
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
  waiting_.pop_front();
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

bool HttpConversation::Hold(Half* half, std::string_view bytes, int64_t time_ns) {
  const size_t cost = bytes.size() + kPieceBytes;
  if (half->held_bytes + cost > kHeldBytesMax || half->held.size() == kHeldPiecesMax ||
      !shared_.memory.Take(cost))
    return false;
  half->held_bytes += cost;
  half->held.push_back({std::string(bytes), time_ns});
  return true;
}

void HttpConversation::DropHeld(Half* half) {
  shared_.memory.Give(std::exchange(half->held_bytes, 0));
  half->held.clear();
}

void HttpConversation::DropPartial(Half* half) {
  if (half->partial == nullptr) return;
  // It may hold a password: a head carries credentials too.
  std::fill(half->partial->bytes.begin(), half->partial->bytes.end(), '\0');
  shared_.memory.Give(kPartialBytes + half->partial->bytes.size());
  half->partial.reset();
}

void HttpConversation::Gap(Talker talker, uint64_t bytes) {
  if (stopped_) return;
  Half& half = talker == Talker::kClient ? client_ : server_;
  if (half.state == State::kIgnored || half.closed) return;
  half.lost = true;
  if (half.state == State::kBody && half.body.Skip(bytes)) {
    half.damaged = true;
    if (half.body.ended()) {
      if (talker == Talker::kClient) {
        request_has_data_ = true;
        EndRequest(MessageEnd::kDamaged);
      } else {
        EndAnswer(MessageEnd::kDamaged);
      }
    }
  } else if (talker == Talker::kClient) {
    LoseClient();
  } else {
    LoseServer();
  }
  Settle();
}

void HttpConversation::LoseClient() {
  ++shared_.counts.lost_places;
  loses_count_ = true;
  if (client_.state == State::kBody) EndRequest(MessageEnd::kDamaged);
  DropPartial(&client_);
  const bool was_paused = IsPaused();
  DropHeld(&client_);
  if (client_.state == State::kIgnored) return;
  client_.unproven = false;
  client_.state = State::kSeeking;
  waits_for_server_ = true;
  server_pieces_at_loss_ = server_pieces_;
  if (pipelines_ || was_paused) return GiveUpClient(FollowEnd::kGapInPipeline);
  if (!waiting_.empty()) return;
  DropHeld(&server_);
  if (server_.state == State::kHead) server_.state = State::kSeeking;
}

void HttpConversation::LoseServer() {
  ++shared_.counts.lost_places;
  // An upgrade may have been granted in what was lost.
  const bool is_unclear = pipelines_ || IsPaused();
  if (server_.state == State::kBody) TellAnswerEnd(MessageEnd::kDamaged);
  EndWaiting(MessageEnd::kUnseen);
  DropPartial(&server_);
  DropHeld(&server_);
  server_.unproven = false;
  server_.state = State::kSeeking;
  interim_answers_ = 0;
  if (is_unclear) return GiveUp(FollowEnd::kGapInPipeline);
  if (client_.state == State::kIgnored) IgnoreServer();
}

void HttpConversation::Close(Talker talker) {
  if (talker == Talker::kServer && !over_) visitor_.OnServerHeard();
  if (stopped_) return;
  if (talker == Talker::kServer) {
    server_.closed = true;
    if (server_.held.empty()) CloseServer();
    return;
  }
  if (client_.closed) return;
  client_.closed = true;
  if (client_.state == State::kBody) EndRequest(MessageEnd::kBroken);
  if (stopped_) return;
  client_.state = State::kIgnored;
  DropPartial(&client_);
  DropHeld(&client_);
  if (waiting_.empty()) IgnoreServer();
}

void HttpConversation::CloseServer() {
  if (stopped_ || server_.state == State::kIgnored) return;
  if (server_.state == State::kBody) {
    const bool is_end = server_.body.framing() == BodyFraming::kUntilClose;
    TellAnswerEnd(server_.damaged ? MessageEnd::kDamaged : is_end ? MessageEnd::kWhole : MessageEnd::kBroken);
  }
  EndWaiting(server_.lost ? MessageEnd::kUnseen : MessageEnd::kNever);
  IgnoreServer();
}

void HttpConversation::Note(FollowEnd why) {
  if (end_ != FollowEnd::kFollowed) return;
  end_ = why;
  ++shared_.counts.ended[static_cast<size_t>(why)];
}

void HttpConversation::GiveUpClient(FollowEnd why) {
  Note(why);
  client_.state = State::kIgnored;
  DropPartial(&client_);
  DropHeld(&client_);
  if (waiting_.empty()) IgnoreServer();
}

void HttpConversation::GiveUp(FollowEnd why) {
  Note(why);
  if (server_.state == State::kBody) TellAnswerEnd(MessageEnd::kBroken);
  EndWaiting(MessageEnd::kUnseen);
  IgnoreServer();
}

void HttpConversation::IgnoreServer() {
  ignores_answers_ = true;
  server_.state = State::kIgnored;
  DropPartial(&server_);
  DropHeld(&server_);
  if (client_.state != State::kBody) {
    client_.state = State::kIgnored;
    DropPartial(&client_);
    DropHeld(&client_);
  }
  StopIfDone();
}

void HttpConversation::StopIfDone() {
  stopped_ = stopped_ || (client_.state == State::kIgnored && server_.state == State::kIgnored);
}

void HttpConversation::Stop(bool closed) {
  over_ = true;
  if (stopped_) return;
  stopped_ = true;
  if (client_.state == State::kBody)
    EndRequest(closed && !client_.lost ? MessageEnd::kBroken : MessageEnd::kDamaged);
  if (server_.state == State::kBody) {
    const bool is_end = closed && server_.body.framing() == BodyFraming::kUntilClose;
    TellAnswerEnd(server_.damaged || !closed ? MessageEnd::kDamaged
                  : is_end                   ? MessageEnd::kWhole
                                             : MessageEnd::kBroken);
  }
  EndWaiting(closed && !server_.lost ? MessageEnd::kNever : MessageEnd::kUnseen);
  for (Half* half : {&client_, &server_}) {
    half->state = State::kIgnored;
    DropPartial(half);
    DropHeld(half);
  }
}

}  // namespace stockade
