// What a conversation does about bytes that are lost, about ends, and when nobody can say any more what belongs to what.
#include "adapters/capture/http_conversation.h"

namespace stockade {

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
  client_.head.Drop();
  const bool was_paused = IsPaused();
  client_.kept.Drop();
  if (client_.state == State::kIgnored) return;
  client_.unproven = false;
  client_.state = State::kSeeking;
  waits_for_server_ = true;
  server_pieces_at_loss_ = server_pieces_;
  if (pipelines_ || was_paused) return GiveUpClient(FollowEnd::kGapInPipeline);
  if (!waiting_.empty()) return;
  server_.kept.Drop();
  if (server_.state == State::kHead) server_.state = State::kSeeking;
}

void HttpConversation::LoseServer() {
  ++shared_.counts.lost_places;
  // An upgrade may have been granted in what was lost.
  const bool is_unclear = pipelines_ || IsPaused();
  if (server_.state == State::kBody) TellAnswerEnd(MessageEnd::kDamaged);
  EndWaiting(MessageEnd::kUnseen);
  Drop(&server_);
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
    if (server_.kept.empty()) CloseServer();
    return;
  }
  if (client_.closed) return;
  client_.closed = true;
  if (client_.state == State::kBody) EndRequest(MessageEnd::kBroken);
  if (stopped_) return;
  client_.state = State::kIgnored;
  Drop(&client_);
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
  Drop(&client_);
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
  Drop(&server_);
  if (client_.state != State::kBody) {
    client_.state = State::kIgnored;
    Drop(&client_);
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
    Drop(half);
  }
}

void HttpConversation::GiveUpForRoom() {
  Note(FollowEnd::kNoRoom);
  Stop(/*closed=*/false);
}

}  // namespace stockade
